// Micro hosts as processes: whatever their number, their options, and killed in between, the same sums come back.
// A program of its own: `md_worker_test WORKER [INPUT ...]`, the path of a micro host (main.cpp or examples/lammps/driver.cpp)
// and files of input lines that its engine ends the process at, each named by a part of what is said of it.
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
#include <cstdlib>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using patchstream::milliseconds;

using Words = std::vector<std::string>;

const Words plan = {"--equilibration", "200", "--windows", "3", "--window", "200", "--every", "50", "--bins", "30"};

pid_t start_worker(const std::string &program, const std::string &where, const Words &options) {
  const pid_t worker = fork();
  if (worker != 0) return worker;
  std::vector<char *> words = {const_cast<char *>(program.c_str()), const_cast<char *>(where.c_str())};
  for (const auto &option : options) words.push_back(const_cast<char *>(option.c_str()));
  words.push_back(nullptr);
  execv(program.c_str(), words.data());
  _exit(127);
}

// Ends it at once if it does not by itself.
int end_of(pid_t worker) {
  int status = -1;
  for (int i = 0; i < 6000 && waitpid(worker, &status, WNOHANG) == 0; ++i) usleep(10000);
  if (status == -1) kill(worker, SIGKILL), waitpid(worker, &status, 0);
  return status;
}

using Key = std::pair<std::uint64_t, std::uint64_t>; // job, window
using Sums = std::map<Key, std::vector<double>>;

// What a host does, beside five jobs: two with one RAS, one with a complex, a control patch, and one with more lipids than fit.
struct Way {
  int workers = 1;
  Words options = plan;
  std::size_t windows = 3;
  bool kill_one = false;    // the first worker, as soon as it has handed in something
  bool holds_still = false; // the host, for so long that workers find no room
  bool takes_away = false;  // each job with proteins, as often as it is started; nothing is measured then
  std::string note;
  std::uint64_t set_aside = 1;
};

std::string transport_of(const std::string &name) { return "shm:" + name + "-" + std::to_string(getpid()); }

// A stream with those of the five jobs that are wanted.
patchstream::Stream open(const std::string &transport, const std::string &note, std::vector<std::uint64_t> ids,
                         std::string *said = nullptr) {
  patchstream::Options options;
  options.grid(17, 17).size_nm(13.0).model("mean").transport(transport);
  const std::string file = transport.substr(4) + ".toml";
  if (!note.empty()) std::ofstream(file) << "[jobs]\nnote = \"" << note << "\"\n", options.config(file);
  const auto log = [](void *user, std::int32_t, const char *line) { *static_cast<std::string *>(user) += std::string(line) + "\n"; };
  if (said != nullptr) options.log(log, said);
  patchstream::Stream stream(options);
  std::remove(file.c_str());
  auto producer = stream.producer("macro");
  for (const auto id : ids) {
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
  check(stream.select(0, ids.size()).size() == ids.size(), "not all patches were selected");
  return stream;
}

Sums campaign(const std::string &program, const std::string &name, Way way) {
  const std::string transport = transport_of(name);
  auto stream = open(transport, way.note, {1, 2, 3, 4, 5});
  std::vector<pid_t> running;
  for (int i = 0; i < way.workers; ++i) running.push_back(start_worker(program, transport, way.options));
  Sums sums;
  const auto take = [&] {
    for (const auto sample : stream.take_samples(100)) {
      check(std::string(sample.observable()) == "rdf" && sample.frames() == 4, "another observable, or other frames");
      check(sample.shape().size() == 2 && sample.shape()[0] == md::lipids && sample.shape()[1] == 30, "another shape");
      const std::vector<double> values(sample.sums().begin(), sample.sums().end());
      check(sums.emplace(Key(sample.job(), sample.window()), values).second, "a window came twice");
    }
  };
  const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  patchstream::JobCounts jobs{};
  do {
    stream.poll(milliseconds(5));
    take();
    if (way.kill_one && !sums.empty()) {
      kill(running[0], SIGKILL);
      waitpid(running[0], nullptr, 0);
      running[0] = start_worker(program, transport, way.options);
      way.kill_one = false;
    }
    if (way.holds_still && !sums.empty()) {
      usleep(3000000);
      way.holds_still = false;
    }
    for (const std::uint64_t id : {1, 2, 3})
      if (way.takes_away && stream.pick(id).state == patchstream::started) {
        usleep(500000); // it is in its first steps
        stream.set_state(id, patchstream::failed, 0);
      }
    jobs = stream.jobs();
    check(std::chrono::steady_clock::now() < until, std::to_string(jobs.done) + " of 5 jobs are done after 5 minutes");
    usleep(2000);
  } while (jobs.done + jobs.set_aside < 5);
  take();
  for (const pid_t worker : running) {
    kill(worker, SIGTERM);
    const int status = end_of(worker);
    check(WIFEXITED(status) && WEXITSTATUS(status) == 0,
          "a worker that was told to stop ended with " + std::to_string(status));
  }
  check(jobs.done == 5 - way.set_aside && jobs.set_aside == way.set_aside,
        std::to_string(jobs.done) + " jobs done, " + std::to_string(jobs.set_aside) + " set aside");
  check(sums.size() == 3 * way.windows, std::to_string(sums.size()) + " windows of three jobs with " +
                                            std::to_string(way.windows) + " each");
  double pairs = 0;
  for (const auto &each : sums)
    for (const double sum : each.second) pairs += sum;
  check(pairs > 1000 || way.windows == 0, "hardly a pair was counted");
  return sums;
}

// An engine that ends its process at a bad input line: after three failures the job is set aside, with the reason.
void refuse(const std::string &program, const std::string &input) {
  const std::string transport = transport_of("md-refused");
  const std::string part = input.substr(input.rfind('/') + 1);
  std::string said;
  auto stream = open(transport, "", {1}, &said);
  Words options = plan;
  options.insert(options.end(), {"--input", input});
  const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(3);
  int workers = 0;
  pid_t running = start_worker(program, transport, options);
  while (stream.jobs().set_aside == 0) {
    stream.poll(milliseconds(5));
    int status = 0;
    if (waitpid(running, &status, WNOHANG) == running) {
      check(WIFEXITED(status) && WEXITSTATUS(status) == 1, "the worker ended with " + std::to_string(status));
      check(++workers <= 4, "4 workers ended, and the job is not set aside: " + said);
      running = start_worker(program, transport, options);
    }
    check(std::chrono::steady_clock::now() < until, "the job is not set aside after 3 minutes: " + said);
    usleep(2000);
  }
  kill(running, SIGTERM);
  end_of(running);
  check(stream.jobs().set_aside == 1 && stream.jobs().deaths == 0, "the job was not the failure");
  check(said.find("ERROR") != std::string::npos && said.find(part) != std::string::npos,
        "\"" + said + "\" names neither an error nor " + part);
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: md_worker_test WORKER\n"), 2;
  try {
    const auto one = campaign(argv[1], "md-one", {});
    Way two, killed, noted, still, away, senseless;
    two.workers = killed.workers = 2, killed.kill_one = true;
    check(campaign(argv[1], "md-two", two) == one, "two workers measure something else than one");
    check(campaign(argv[1], "md-killed", killed) == one, "with a worker killed something else is measured");
    for (const auto &word : plan) noted.note += word + " ";
    noted.options = {"--seed", "5", "--windows", "9", "--uniform"};
    check(campaign(argv[1], "md-noted", noted) == one, "a worker's own options change what its host's note says");
    still.options[3] = "12", still.windows = 12, still.holds_still = true;
    for (const auto &each : campaign(argv[1], "md-still", still))
      check(each.first.second >= 3 || each.second == one.at(each.first), "a host that holds still gets something else");
    away.options[1] = "1000000000", away.windows = 0, away.takes_away = true, away.set_aside = 4;
    campaign(argv[1], "md-away", away);
    senseless.note = "--windows many", senseless.windows = 0, senseless.set_aside = 5;
    campaign(argv[1], "md-senseless", senseless);
    for (int i = 2; i < argc; ++i) refuse(argv[1], argv[i]);
  } catch (const std::exception &error) {
    std::printf("md_worker_test: FAILED: %s\n", error.what());
    return 1;
  }
  std::printf("md_worker_test: 0 failures\n");
}
