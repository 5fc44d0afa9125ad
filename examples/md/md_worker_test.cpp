// Micro hosts as processes: whatever their number, and killed in between, the same sums come back.
// A program of its own: `md_worker_test WORKER`, the path of a micro host (main.cpp or examples/lammps/driver.cpp).
// Prints each check that fails; exits with 1 if any did. Not here: the physics (md_test.cpp).

#include "md_patch.hpp"

#include "../check.hpp"

#include <patchstream.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using patchstream::milliseconds;

pid_t start_worker(const std::string &program, const std::string &where) {
  const pid_t worker = fork();
  if (worker != 0) return worker;
  execl(program.c_str(), program.c_str(), where.c_str(), "--equilibration", "200", "--windows", "3", "--window", "200",
        "--every", "50", "--bins", "30", static_cast<char *>(nullptr));
  _exit(127);
}

using Key = std::pair<std::uint64_t, std::uint64_t>; // job, window
using Sums = std::map<Key, std::vector<double>>;

// Five jobs: two with one RAS, one with a complex, a control patch, and one with more lipids than fit.
// `kill_one`: the first worker is killed as soon as it has handed in something.
Sums campaign(const std::string &program, const std::string &name, int workers, bool kill_one) {
  const std::string transport = "shm:" + name + "-" + std::to_string(getpid());
  patchstream::Options options;
  options.grid(17, 17).size_nm(13.0).model("mean").transport(transport);
  patchstream::Stream stream(options);
  auto producer = stream.producer("macro");
  for (std::uint64_t id = 1; id <= 5; ++id) {
    std::vector<patchstream::Protein> proteins;
    if (id != 4) proteins.push_back({1, static_cast<std::int32_t>(id), -1, 0.1, 0.2});
    if (id == 3) proteins[0].partner = 1, proteins.push_back({2, 6, 0, 2.0, 1.0});
    std::vector<md::Protein> same;
    for (const auto &p : proteins) same.push_back({p.state, p.partner, p.x_nm, p.y_nm});
    auto made = md::synthetic_patch(13.0, same, id != 2);
    if (id == 5) made.densities.assign(made.densities.size(), 5.0f);
    check(made.nx == 17, "the made-up patch has another grid");
    patchstream::Patch patch;
    patch.id = id, patch.proteins = {proteins.data(), proteins.size()};
    producer.push(patch, patchstream::interleaved(made.densities.data(), 17, 17, md::lipids));
  }
  check(stream.select(0, 5).size() == 5, "not all patches were selected");
  std::vector<pid_t> running;
  for (int i = 0; i < workers; ++i) running.push_back(start_worker(program, transport));
  Sums sums;
  const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  patchstream::JobCounts jobs{};
  do {
    stream.poll(milliseconds(5));
    for (const auto sample : stream.take_samples(100)) {
      check(std::string(sample.observable()) == "rdf" && sample.frames() == 4, "another observable, or other frames");
      check(sample.shape().size() == 2 && sample.shape()[0] == md::lipids && sample.shape()[1] == 30, "another shape");
      const std::vector<double> values(sample.sums().begin(), sample.sums().end());
      const bool first = sums.emplace(Key(sample.job(), sample.window()), values).second;
      check(first, "a window came twice");
      if (kill_one) {
        kill(running[0], SIGKILL);
        waitpid(running[0], nullptr, 0);
        running[0] = start_worker(program, transport);
        kill_one = false;
      }
    }
    jobs = stream.jobs();
    check(std::chrono::steady_clock::now() < until, std::to_string(jobs.done) + " of 5 jobs are done after 5 minutes");
    usleep(2000);
  } while (jobs.done + jobs.set_aside < 5);
  for (const auto sample : stream.take_samples(100))
    sums.emplace(Key(sample.job(), sample.window()), std::vector<double>(sample.sums().begin(), sample.sums().end()));
  for (const pid_t worker : running) {
    kill(worker, SIGTERM);
    int status = -1;
    waitpid(worker, &status, 0);
    check(WIFEXITED(status) && WEXITSTATUS(status) == 0,
          "a worker that was told to stop ended with " + std::to_string(status));
  }
  check(jobs.done == 4 && jobs.set_aside == 1,
        std::to_string(jobs.done) + " jobs done, " + std::to_string(jobs.set_aside) + " set aside");
  check(sums.size() == 9, std::to_string(sums.size()) + " windows of three jobs with three each");
  double pairs = 0;
  for (const auto &each : sums)
    for (const double sum : each.second) pairs += sum;
  check(pairs > 1000, "hardly a pair was counted");
  return sums;
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: md_worker_test WORKER\n"), 2;
  try {
    const auto one = campaign(argv[1], "md-one", 1, false);
    check(campaign(argv[1], "md-two", 2, false) == one, "two workers measure something else than one");
    check(campaign(argv[1], "md-killed", 2, true) == one, "with a worker killed something else is measured");
  } catch (const std::exception &error) {
    std::printf("md_worker_test: FAILED: %s\n", error.what());
    return 1;
  }
  std::printf("md_worker_test: 0 failures\n");
}
