// A run that was imported from dynim, through the C++ face and the C calls: a stream goes on where dynim ended.
// Prints each check that fails; exits with 1 if any did. Its argument is the folder of the run.
#include <string>
#include <vector>

#include "../c/check.h"
#include "patchstream.hpp"

namespace ps = patchstream;

namespace {
ps::Options options(const std::string &run) {
  return ps::Options().model("mean").k(10).mode(PATCHSTREAM_BATCH).capacity(5).run_dir(run);
}

// All of it one density, which the encoder makes as many equal coordinates of.
ps::status push(ps::Producer &producer, std::uint64_t id, float density) {
  const std::vector<float> densities(37 * 37 * 14, density);
  ps::Patch patch;
  patch.id = id;
  return producer.try_push(patch, ps::interleaved(densities.data(), 37, 37, 14));
}
}  // namespace

int main(int argc, char **argv) {
  CHECK(argc == 2);
  const std::string run = argv[1];
  ps::Stream stream;
  CHECK(ps::Stream::try_open(options(run).capacity(6), stream) == PATCHSTREAM_ERR_CONFLICT);
  CHECK(ps::Stream::try_open(options(run).model("radial"), stream) == PATCHSTREAM_ERR_CONFLICT);
  {
    CHECK(ps::Stream::try_open(options(run), stream) == ps::ok);
    ps::Producer producer;
    CHECK(stream.try_producer("macro", producer) == ps::ok);
    CHECK(push(producer, 13, 50) == PATCHSTREAM_ERR_STATE);  // not before it has said where it is
    patchstream_resume_info info{};
    info.struct_size = sizeof info;
    CHECK(patchstream_stream_resume(stream.c(), "imported", &info) == ps::ok);
    CHECK(info.patches == 0 && info.events == 0 && info.branch == 0);
    CHECK(push(producer, 12, 50) == PATCHSTREAM_ERR_CONFLICT);  // dynim's
    CHECK(push(producer, 13, 50) == ps::ok);
    ps::Selections selections;
    CHECK(stream.try_select(0, 2, selections) == ps::ok && selections.size() == 2);
    // One of this stream's and one of dynim's.
    CHECK(selections[0].id() == 13 && selections[1].id() == 11 && selections[0].event() == 3);
    CHECK(stream.try_checkpoint("frame 0", 0, ps::milliseconds(1000)) == ps::ok);
    stream = ps::Stream();
  }
  CHECK(ps::Stream::try_open(options(run).grid(73, 73), stream) == PATCHSTREAM_ERR_CONFLICT);  // it is that stream's by now
  CHECK(ps::Stream::try_open(options(run), stream) == ps::ok);
  ps::ResumeInfo resumed{};
  CHECK(stream.try_resume(nullptr, resumed) == ps::ok && resumed.patches == 1 && resumed.events == 1);
  ps::Producer producer;
  CHECK(stream.try_producer("macro", producer) == ps::ok && push(producer, 13, 50) == ps::known);
  ps::Selections selections;
  CHECK(stream.try_select(0, 2, selections) == ps::ok && selections.size() == 2 && selections[0].replayed());
  return report("imported_test");
}
