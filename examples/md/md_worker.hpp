// The coupling: jobs of a patchstream host become micro simulations, their pair counts are handed in window by window.
//
// Given a transport (shm:NAME, dir:PATH) it takes one job after the other, given a ticket that job alone. A job's seed
// comes from its id: a job that was interrupted is run again from its start, and its windows, the same again, are known.
// The observable is "rdf": sums[lipid * bins + bin], the patch's first protein against all lipids. A patch without
// proteins has no distances to count, and is done at once.
// Not here: the simulation (md_run.hpp).

#ifndef MD_WORKER_HPP
#define MD_WORKER_HPP

#include "md_run.hpp"

#include <patchstream.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>

namespace md {

inline volatile std::sig_atomic_t stop = 0;

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

// Runs one job to its last word. What is wrong with the patch is the job's end; what is wrong with the host is thrown.
template <class Engine> void run_job(patchstream::Job &job, const RunOptions &o) {
  job.set(patchstream::started);
  bool ended = true;
  try {
    const Patch patch = patch_of(job);
    const std::uint64_t seed = seed_of(patch.id, o);
    if (!patch.proteins.empty()) {
      Engine engine(start(patch, seed, !o.uniform), seed, o);
      const std::array<std::uint32_t, 2> shape = {lipids, static_cast<std::uint32_t>(o.bins)};
      ended = simulate(engine, o, stop, [&](std::uint64_t window, const Rdf &rdf) {
        job.submit("rdf", window, rdf.frames(), {shape.data(), shape.size()}, {rdf.sums().data(), rdf.sums().size()});
      });
    }
  } catch (const patchstream::Error &) {
    throw;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "job %llu: %s\n", static_cast<unsigned long long>(job.id()), error.what());
    job.set(patchstream::failed, error.what());
    return;
  }
  job.set(ended ? patchstream::done : patchstream::interrupted);
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
  const auto orphaned = [&] { return o.parent > 0 && static_cast<std::uint64_t>(getppid()) != o.parent; };
  for (std::uint64_t done = 0; !stop && !orphaned() && (o.jobs == 0 || done < o.jobs);) {
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
  if (!parse(argc, argv, options)) return 2;
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
