// A micro host: LAMMPS as a worker of patchstream, or alone. The options are those of examples/md/main.cpp.
//
// g++ -std=c++17 -O2 -Iinclude examples/lammps/driver.cpp -Ltarget/release -lpatchstream -llammps -Wl,-rpath,$PWD/target/release -o lammps_host
// Not here: what LAMMPS is told (lammps_engine.hpp), what is done with a job (examples/md/md_worker.hpp).
#include "../md/md_worker.hpp"
#include "lammps_engine.hpp"

int main(int argc, char **argv) { return md::host<md::Lammps>(argc, argv); }
