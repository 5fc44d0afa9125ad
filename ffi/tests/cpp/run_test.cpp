// Runs through the C++ face and the C calls: a host writes one, comes back to its mark, and is told what it was told.
// Prints each check that fails; exits with 1 if any did. Writes its run where TMPDIR says, and removes it.
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "../c/check.h"
#include "patchstream.hpp"

namespace ps = patchstream;

namespace {
constexpr std::uint32_t nx = 37, channels = 14;

ps::status push(ps::Producer &producer, std::uint64_t id, std::int64_t step, float plus = 0) {
  std::vector<float> densities(nx * nx * channels);
  for (std::size_t i = 0; i < densities.size(); i++) {
    densities[i] = static_cast<float>((id * 7919 + i * 31) % 1009) / 1009.0f + plus;
  }
  ps::Patch patch;
  patch.id = id;
  patch.step = step;
  return producer.try_push(patch, ps::interleaved(densities.data(), nx, nx, channels));
}

ps::Stream open(const std::string &run, const std::string &transport = {}) {
  ps::Stream stream;
  ps::Options options = ps::Options().model("mean").slots(16).run_dir(run);
  if (!transport.empty()) options.transport(transport).background(true);
  CHECK(ps::Stream::try_open(options, stream) == ps::ok);
  return stream;
}

// A worker has a job when its owner ends: the next owner gives it out again, and knows what was handed in.
void jobs_go_on(const std::string &run) {
  const std::string transport = "shm:run-test-" + std::to_string(getpid());
  const std::array<std::uint32_t, 1> shape = {1};
  const std::array<double, 1> sums = {2.5};
  ps::Job job;
  ps::JobAbout about;
  {
    ps::Stream stream = open(run, transport);
    ps::Producer producer;
    CHECK(stream.try_producer("ddft", producer) == ps::ok);
    for (std::uint64_t id = 1; id <= 3; id++) CHECK(push(producer, id, 0) == ps::ok);
    ps::Selections selections;
    CHECK(stream.try_select(0, 2, selections) == ps::ok && selections.size() == 2);
    CHECK(ps::Job::try_next(transport.c_str(), ps::milliseconds(60000), job) == ps::ok);
    CHECK(job.try_submit("rdf", 7, 1, shape, sums) == ps::ok);
    ps::JobCounts counts{};
    for (int i = 0; i < 60000 && counts.samples == 0; i++) {
      usleep(1000);
      CHECK(stream.try_jobs(counts) == ps::ok);
    }
    CHECK(counts.samples == 1 && counts.held == 1);
  }
  ps::Stream stream = open(run, transport);
  ps::ResumeInfo resumed{};
  CHECK(stream.try_resume(nullptr, resumed) == ps::ok && resumed.selections == 2);
  CHECK(job.try_submit("rdf", 8, 1, shape, sums) == PATCHSTREAM_ERR_FENCED);
  CHECK(ps::Job::try_next(transport.c_str(), ps::milliseconds(60000), job) == ps::ok);
  CHECK(job.try_about(about) == ps::ok && about.attempt == 2);
  CHECK(job.try_submit("rdf", 7, 1, shape, sums) == ps::known);
  ps::Samples samples;
  CHECK(stream.try_take_samples(10, samples) == ps::ok && samples.size() == 1);
  CHECK(samples.size() == 1 && samples[0].window() == 7 && samples[0].sums()[0] == 2.5);
}
}  // namespace

int main() {
  const char *scratch = std::getenv("TMPDIR");
  std::string run = std::string(scratch != nullptr ? scratch : "/tmp") + "/patchstream-run-XXXXXX";
  CHECK(mkdtemp(&run[0]) != nullptr);
  std::vector<std::uint8_t> told;
  {
    ps::Stream stream = open(run);
    ps::Producer producer;
    CHECK(stream.try_producer("ddft", producer) == ps::ok);
    for (std::uint64_t id = 1; id <= 8; id++) CHECK(push(producer, id, 0) == ps::ok);
    ps::Selections selections;
    CHECK(stream.try_select(0, 2, selections) == ps::ok && selections.size() == 2 && !selections[0].replayed());
    CHECK(stream.try_checkpoint("frame 0", 0, ps::milliseconds(1000)) == ps::ok);
    CHECK(stream.try_checkpoint("", 0, ps::milliseconds(0)) == PATCHSTREAM_ERR_ARGUMENT);
    CHECK(patchstream_stream_checkpoint(stream.c(), nullptr, 0, 0) == PATCHSTREAM_ERR_ARGUMENT);
    for (std::uint64_t id = 9; id <= 12; id++) CHECK(push(producer, id, 1) == ps::ok);
    CHECK(stream.try_select(1, 1, selections) == ps::ok && selections.size() == 1);
    told.assign(selections.bytes().begin(), selections.bytes().end());
    ps::Stats stats{};
    CHECK(stream.try_stats(stats) == ps::ok && stats.run_appended == 16 && stats.run_acknowledged == 16);
    CHECK(stats.run_lost == 0 && stats.run_branch == 0);
  }
  {
    ps::Stream stream = open(run);
    ps::Producer producer;
    CHECK(stream.try_producer("ddft", producer) == ps::ok);
    CHECK(push(producer, 9, 1) == PATCHSTREAM_ERR_STATE);
    patchstream_resume_info info{};
    CHECK(patchstream_stream_resume(stream.c(), "frame 0", &info) == PATCHSTREAM_ERR_VERSION);  // no struct_size
    info.struct_size = sizeof info;
    CHECK(patchstream_stream_resume(stream.c(), "frame 7", &info) == PATCHSTREAM_ERR_UNKNOWN);
    ps::ResumeInfo resumed{};
    CHECK(stream.try_resume("frame 0", resumed) == ps::ok);
    CHECK(resumed.patches == 4 && resumed.events == 1 && resumed.selections == 1 && resumed.branch == 0);
    CHECK(stream.try_resume(nullptr, resumed) == PATCHSTREAM_ERR_STATE);
    for (std::uint64_t id = 9; id <= 12; id++) CHECK(push(producer, id, 1) == ps::known);
    ps::Selections selections;
    CHECK(stream.try_select(1, 1, selections) == ps::ok && selections.size() == 1 && selections[0].replayed());
    const auto bytes = selections.bytes();
    CHECK(std::vector<std::uint8_t>(bytes.begin(), bytes.end()) == told);
  }
  {
    ps::Stream stream = open(run);
    CHECK(patchstream_stream_resume(stream.c(), "frame 0", nullptr) == ps::ok);
    ps::Producer producer;
    CHECK(stream.try_producer("ddft", producer) == ps::ok);
    for (std::uint64_t id = 9; id <= 12; id++) CHECK(push(producer, id, 1, 0.5f) == ps::ok);
    ps::Stats stats{};
    CHECK(stream.try_stats(stats) == ps::ok && stats.run_branch == 1);
  }
  jobs_go_on(run + "/jobs");
  CHECK(std::system(("rm -r '" + run + "'").c_str()) == 0);
  return report("run_test");
}
