// The coupling: jobs of a patchstream host become micro simulations, their pair counts are handed in window by window.
//
// Given a transport (shm:NAME, dir:PATH) it takes one job after the other, given a ticket that job alone. A job's seed
// comes from its id: a job that was interrupted is run again from its start, and its windows, the same again, are known.
// What the host's note says of simulations goes before this program's options.
// The observable is "rdf": sums[lipid * bins + bin], the patch's first protein against all lipids. A patch without
// proteins has no distances to count, and is done at once.
// Not here: the simulation (md_run.hpp), a run without a host (md_alone.hpp).

#ifndef MD_WORKER_HPP
#define MD_WORKER_HPP

#include "md_alone.hpp"
#include "md_rdf.hpp"
#include "md_run.hpp"

#include <patchstream.hpp>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>

namespace md {

inline volatile std::sig_atomic_t stop = 0;
inline patchstream::Job *at_work = nullptr; // the job that is simulated

// The batch system's warning.
extern "C" inline void md_on_signal(int) {
  stop = 1;
  patchstream::Job::request_stop();
}

inline Patch patch_of(const patchstream::Job &job) {
  const auto about = job.about();
  const auto densities = job.densities();
  detail::require(about.channels == lipids, "the patch has " + std::to_string(about.channels) + " densities a point, " +
                                                std::to_string(lipids) + " lipids are simulated");
  Patch patch;
  patch.id = about.id, patch.size_nm = about.size_nm;
  patch.nx = static_cast<int>(std::min(about.nx, 1u << 20)), patch.ny = static_cast<int>(std::min(about.ny, 1u << 20));
  patch.densities.assign(densities.begin(), densities.end());
  for (const auto &p : job.patch().proteins) patch.proteins.push_back({p.state, p.partner, p.x_nm, p.y_nm});
  return patch;
}

// Hands in, as often as there is no room for it yet. False: a stop was asked for before there was.
template <class Send> bool until_taken(const Send &send) {
  for (;;) {
    const auto status = send(patchstream::milliseconds(200));
    if (status == patchstream::stopped) return false;
    if (status != patchstream::full) return true;
  }
}

inline bool say(patchstream::Job &job, std::int32_t state, const char *reason = nullptr) {
  return until_taken([&](patchstream::milliseconds wait) { return job.set(state, reason, wait); });
}

// What makes a worker end: a signal, or that its parent is gone.
inline bool must_end(const RunOptions &o) { return stop || (o.parent > 0 && static_cast<std::uint64_t>(getppid()) != o.parent); }

// A job while its patch is simulated.
struct Held {
  patchstream::Job &job;
  const RunOptions &own; // this program's
  Rdf rdf;
  std::chrono::steady_clock::time_point looked = std::chrono::steady_clock::now();

  // Says now and then that this worker lives; a job that was taken away, or whose host is gone, is thrown.
  bool going() {
    const auto now = std::chrono::steady_clock::now();
    if (now - looked > std::chrono::milliseconds(200)) job.alive(), looked = now;
    return !must_end(own);
  }
  void look(const Moment &moment) { rdf.count(moment); }
  bool take(std::uint64_t window) {
    const bool taken = until_taken([&](patchstream::milliseconds wait) {
      return must_end(own) ? patchstream::stopped : job.submit("rdf", window, rdf.frames(), rdf.shape(), rdf.sums(), wait);
    });
    rdf.clear();
    return taken;
  }
};

// Runs one job to its last word. What is wrong with the patch or the plan is the job's end; what is wrong with the host is
// thrown.
template <class Engine> void run_job(patchstream::Job &job, const RunOptions &own) {
  struct Mark { // whose last word is said if the engine ends the process
    explicit Mark(patchstream::Job &held) { at_work = &held; }
    ~Mark() { at_work = nullptr; }
  } mark(job);
  if (!say(job, patchstream::started)) return;
  bool ended = true;
  try {
    const char *note = job.about().note;
    const RunOptions o = planned(own, note == nullptr ? "" : note);
    const Patch patch = patch_of(job);
    const std::uint64_t seed = seed_of(patch.id, o);
    if (!patch.proteins.empty()) {
      Held held{job, own, Rdf(o.bins, static_cast<double>(o.cutoff_nm))};
      Engine engine(start(patch, seed, !o.uniform), seed, o);
      ended = simulate(engine, o, held);
    }
  } catch (const patchstream::Error &) {
    throw;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "job %llu: %s\n", static_cast<unsigned long long>(job.id()), error.what());
    say(job, patchstream::failed, error.what());
    return;
  }
  // Without a last word, if a stop keeps it from waiting for room, the job goes back to its line.
  say(job, ended ? patchstream::done : patchstream::interrupted);
}

// Where an engine ends the process instead of throwing: why, of the job that it was at.
inline void on_exit() {
  const std::string why = cause ? cause() : "";
  if (at_work == nullptr || why.empty()) return;
  patchstream::JobAbout about;
  (void)at_work->try_about(about); // nothing may be thrown from here
  std::fprintf(stderr, "job %llu: %s\n", static_cast<unsigned long long>(about.id), why.c_str());
  // A host that is gone, or has no room for so long, finds that the worker died.
  (void)at_work->try_set(patchstream::failed, why.c_str(), patchstream::milliseconds(5000));
}

// All jobs of a transport, or the one of a ticket.
template <class Engine> int serve(const RunOptions &o) {
  using namespace std::chrono;
  if (o.where.find('#') != std::string::npos) {
    auto job = patchstream::Job::open(o.where);
    if (!job) throw std::runtime_error("nobody answers for " + o.where + ": start its host, then try again");
    run_job<Engine>(job, o);
    return stop ? 130 : 0;
  }
  auto last = steady_clock::now();
  for (std::uint64_t done = 0; !must_end(o) && (o.jobs == 0 || done < o.jobs);) {
    patchstream::Job job;
    const auto status = patchstream::Job::try_next(o.where.c_str(), milliseconds(200), job);
    // No host yet, or it ended: wait for one.
    const bool absent = status == PATCHSTREAM_ERR_UNKNOWN || status == PATCHSTREAM_ERR_FENCED;
    if (!absent) patchstream::check(status);
    if (job) {
      try {
        run_job<Engine>(job, o);
      } catch (const patchstream::Error &error) {
        // The host ended, or the job was given to somebody else: what was handed in is safe, the rest is run again.
        if (error.status() != PATCHSTREAM_ERR_FENCED && error.status() != PATCHSTREAM_ERR_UNKNOWN) throw;
        std::fprintf(stderr, "%s\n", error.what());
      }
      ++done, last = steady_clock::now();
    } else if (o.idle_ms > 0 && steady_clock::now() - last > milliseconds(o.idle_ms)) {
      return 0;
    } else if (absent) {
      std::this_thread::sleep_for(milliseconds(20));
    }
  }
  return 0;
}

// What `main` of a micro host is.
template <class Engine> int host(int argc, char **argv) {
  RunOptions options;
  const bool good = parse({argv + 1, argv + argc}, options);
  if (!good || (!options.input.empty() && !Engine::takes_input)) return std::fputs(usage, stderr), 2;
  std::atexit(on_exit);
  std::signal(SIGTERM, md_on_signal);
  std::signal(SIGINT, md_on_signal);
  try {
    return options.where.empty() ? alone<Engine>(options, stop) : serve<Engine>(options);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}

} // namespace md

#endif
