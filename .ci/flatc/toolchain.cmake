# Flatbuffers' own tests take most of its build and are not needed.
set(FLATBUFFERS_BUILD_TESTS OFF CACHE BOOL "" FORCE)
