// Jobs through the C++ face, with and without exceptions: a host that polls, and a worker in a process of its own, which
// is this program again (`--worker TICKET`), written as a real one is.
// Prints each check that fails; exits with 1 if any did. Not here: bad input (job_test.c).
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <numeric>

#include "../c/check.h"
#include "patchstream.hpp"

namespace {
using patchstream::milliseconds;

constexpr std::uint32_t nx = 5, channels = 14;

std::vector<float> field_of(std::uint64_t id) {
  std::vector<float> densities(nx * nx * channels);
  std::iota(densities.begin(), densities.end(), static_cast<float>(id));
  return densities;
}

// Three windows a run: the first is interrupted after two, as by a batch system.
int work(const char *ticket) {
#ifdef PATCHSTREAM_EXCEPTIONS
  auto job = patchstream::Job::open(ticket);
  const auto about = job.about();
  CHECK(about.note == nullptr);
  CHECK(job && job.patch().id == job.id() && job.patch().proteins.size() == 1);
  const auto given = job.densities();
  CHECK(std::vector<float>(given.begin(), given.end()) == field_of(job.id()));
  CHECK(job.set(patchstream::started) == patchstream::ok);
  const bool stop = about.attempt == 1;
  const std::array<std::uint32_t, 2> shape{2, 2};
  for (std::uint64_t window = 0; window < (stop ? 2u : 3u); window++) {
    const std::vector<double> sums{1.0 * static_cast<double>(window), 2.0, 3.0, 4.0};
    const auto code = job.submit("rdf", window, 10, shape, sums);
    CHECK(code == (about.attempt == 2 && window < 2 ? patchstream::known : patchstream::ok));
  }
  job.alive();
  bool thrown = false;
  try {
    const std::vector<double> one{1.0};
    CHECK(job.submit("rdf", 9, 1, shape, one) == patchstream::ok);
  } catch (const patchstream::Error &error) {
    const std::string what = error.what();
    thrown = error.status() == PATCHSTREAM_ERR_SHAPE && what.find("has 1 sums") != std::string::npos &&
             what.find("[2, 2]") != std::string::npos;
  }
  CHECK(thrown);
  CHECK(job.set(stop ? patchstream::interrupted : patchstream::done) == patchstream::ok);
#else
  patchstream::Job job;
  CHECK(patchstream::Job::try_open(ticket, milliseconds(60000), job) == patchstream::ok && job);
  patchstream::JobAbout about;
  patchstream::Patch patch;
  patchstream::span<const float> given;
  CHECK(job.try_about(about) == patchstream::ok && job.try_patch(patch, given) == patchstream::ok);
  CHECK(patch.id == about.id && std::vector<float>(given.begin(), given.end()) == field_of(patch.id));
  CHECK(job.try_set(patchstream::started) == patchstream::ok);
  const bool stop = about.attempt == 1;
  for (std::uint64_t window = 0; window < (stop ? 2u : 3u); window++) {
    const std::array<std::uint32_t, 2> shape{2, 2};
    const std::vector<double> sums{1.0 * static_cast<double>(window), 2.0, 3.0, 4.0};
    CHECK(job.try_submit("rdf", window, 10, shape, sums) ==
          (about.attempt == 2 && window < 2 ? patchstream::known : patchstream::ok));
  }
  CHECK(job.try_alive() == patchstream::ok);
  CHECK(job.try_set(stop ? patchstream::interrupted : patchstream::done) == patchstream::ok);
#endif
  return report("worker");
}

// A worker by its ticket, as a scheduler starts it; its exit status once it has ended, polling meanwhile.
int run_worker(const char *program, const char *ticket, patchstream::Stream &stream) {
  const pid_t worker = fork();
  if (worker == 0) {
    execl(program, program, "--worker", ticket, static_cast<char *>(nullptr));
    _exit(127);
  }
  int status = -1;
  while (waitpid(worker, &status, WNOHANG) == 0) {
    CHECK(stream.try_poll(patchstream::microseconds(1000)) >= 0);
    usleep(200);
  }
  CHECK(stream.try_poll(patchstream::microseconds(1000)) >= 0);
  return status;
}

void host(const char *program) {
  const std::string transport = "shm:job-test-cpp-" + std::to_string(getpid());
  patchstream::Stream stream;
  patchstream::Producer producer;
  patchstream::Options options;
  options.grid(nx, nx).model("mean").transport(transport);
  CHECK(patchstream::Stream::try_open(options, stream) == patchstream::ok);
  CHECK(stream.try_producer("macro", producer) == patchstream::ok);
  const patchstream::Protein protein{5, 2, -1, 0.0, 0.0};
  patchstream::Patch patch;
  patch.id = 42;
  patch.proteins = {&protein, 1};
  const auto densities = field_of(42);
  CHECK(producer.try_push(patch, patchstream::interleaved(densities.data(), nx, nx, channels)) == patchstream::ok);
  patchstream::Selections selections;
  CHECK(stream.try_select(0, 1, selections) == patchstream::ok && selections.size() == 1);
  const auto selection = selections[0];
  CHECK(selection.ticket() == transport + "#42");
  CHECK(run_worker(program, selection.ticket(), stream) == 0);
  CHECK(run_worker(program, selection.ticket(), stream) == 0);
  patchstream::Samples samples;
  CHECK(stream.try_take_samples(10, samples) == patchstream::ok && samples.size() == 3);
  std::uint64_t window = 0;
  for (const auto sample : samples) {
    CHECK(sample.job() == 42 && sample.window() == window && sample.attempt() == (window < 2 ? 1 : 2));
    CHECK(std::strcmp(sample.observable(), "rdf") == 0 && sample.frames() == 10 && sample.shape().size() == 2);
    CHECK(sample.sums().size() == 4 && sample.sums()[0] == static_cast<double>(window) && sample.sums()[3] == 4.0);
    window++;
  }
  patchstream::JobCounts jobs;
  CHECK(stream.try_jobs(jobs) == patchstream::ok && jobs.done == 1 && jobs.given == 2 && jobs.accepted == 3);
}
}  // namespace

int main(int argc, char **argv) {
  if (argc == 3 && std::strcmp(argv[1], "--worker") == 0) return work(argv[2]);
  host(argv[0]);
  return report("job_test");
}
