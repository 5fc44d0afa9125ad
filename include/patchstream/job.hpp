// Jobs: what a worker takes and hands results in for, and what the stream's host is told of them.
//
// Not here: the stream that gives them out (stream.hpp). Include patchstream.hpp.
#ifndef PATCHSTREAM_JOB_HPP
#define PATCHSTREAM_JOB_HPP

#include "base.hpp"

namespace patchstream {

using JobAbout = patchstream_job_about;  // id, attempt, grid, ticket, ..; its pointers live as long as the Job
using JobCounts = patchstream_jobs;      // what became of the jobs of a stream

// A job that this process holds. False where there was none. Closed without a last word it goes back to the front of the
// line.
class Job {
 public:
  Job() noexcept = default;
  explicit Job(patchstream_job *handle) noexcept : handle_(handle) {}
  explicit operator bool() const noexcept { return handle_.get() != nullptr; }
  patchstream_job *c() const noexcept { return handle_.get(); }

  // The job that a ticket names: ok, again (its owner did not answer in time) or stopped.
  static status try_open(const char *ticket, milliseconds timeout, Job &out) noexcept {
    patchstream_job *job = nullptr;
    const status code = patchstream_job_open(ticket, detail::clamped(timeout.count()), &job);
    if (code == ok) out = Job(job);
    return code;
  }
  // The oldest job of "shm:NAME" or "dir:PATH": ok, again (there is none) or stopped.
  static status try_next(const char *transport, milliseconds timeout, Job &out) noexcept {
    patchstream_job *job = nullptr;
    const status code = patchstream_job_next(transport, detail::clamped(timeout.count()), &job);
    if (code == ok) out = Job(job);
    return code;
  }
  status try_about(JobAbout &out) const noexcept {
    out = {};
    out.struct_size = sizeof out;
    return patchstream_job_get_about(handle_.get(), &out);
  }
  // The patch, and its densities [(y*nx+x)*channels+c]; both point into the job.
  status try_patch(Patch &out, span<const float> &densities) const noexcept {
    patchstream_patch c{};
    c.struct_size = sizeof c;
    const float *first = nullptr;
    JobAbout about;
    status code = try_about(about);
    if (code == ok) code = patchstream_job_patch(handle_.get(), &c, &first);
    if (code != ok) return code;
    out = {c.id, c.step, c.time_us, {c.center_nm[0], c.center_nm[1]}, {c.proteins, c.protein_count}, c.label, 0};
    densities = {first, std::size_t{about.nx} * about.ny * about.channels};
    return ok;
  }
  // ok, known (that window was accepted before), full or stopped: after these two nothing was taken, hand it in again. As
  // many sums as the product of the extents.
  [[nodiscard]] status try_submit(const char *observable, std::uint64_t window, std::uint64_t frames, span<const std::uint32_t> shape,
                    span<const double> sums, milliseconds timeout = milliseconds(60000)) noexcept {
    return patchstream_job_submit(handle_.get(), observable, window, frames, shape.data(), shape.size(),
                                  sums.data(), sums.size(), detail::clamped(timeout.count()));
  }
  // started, interrupted, done, failed, or issued (put back): ok, known, full or stopped, as try_submit.
  [[nodiscard]] status try_set(std::int32_t state, const char *reason = nullptr,
                 milliseconds timeout = milliseconds(60000)) noexcept {
    return patchstream_job_set(handle_.get(), state, reason, detail::clamped(timeout.count()));
  }
  // Renews a lease, and looks whether the job is still held.
  [[nodiscard]] status try_alive() noexcept { return patchstream_job_alive(handle_.get()); }
  void close() noexcept { handle_.reset(nullptr); }

  // Ends the waits of all jobs of this process, until it is taken back; from a signal handler too.
  static void request_stop() noexcept { patchstream_jobs_request_stop(); }
  static void clear_stop() noexcept { patchstream_jobs_clear_stop(); }

#ifdef PATCHSTREAM_EXCEPTIONS
  static Job open(const std::string &ticket, milliseconds timeout = milliseconds(60000)) {
    return detail::filled<Job>([&](Job &out) { return try_open(ticket.c_str(), timeout, out); });
  }
  static Job next(const std::string &transport, milliseconds timeout) {
    return detail::filled<Job>([&](Job &out) { return try_next(transport.c_str(), timeout, out); });
  }
  JobAbout about() const {
    return detail::filled<JobAbout>([&](JobAbout &out) { return try_about(out); });
  }
  std::uint64_t id() const { return about().id; }
  Patch patch() const {
    span<const float> densities;
    return detail::filled<Patch>([&](Patch &out) { return try_patch(out, densities); });
  }
  span<const float> densities() const {
    Patch patch;
    return detail::filled<span<const float>>([&](span<const float> &out) { return try_patch(patch, out); });
  }
  [[nodiscard]] status submit(const char *observable, std::uint64_t window, std::uint64_t frames, span<const std::uint32_t> shape,
                span<const double> sums, milliseconds timeout = milliseconds(60000)) {
    return check(try_submit(observable, window, frames, shape, sums, timeout));
  }
  [[nodiscard]] status set(std::int32_t state, const char *reason = nullptr, milliseconds timeout = milliseconds(60000)) {
    return check(try_set(state, reason, timeout));
  }
  void alive() { check(try_alive()); }
#endif

 private:
  detail::Handle<patchstream_job, patchstream_job_close> handle_;
};

// What a worker measured in one window. It lives as long as the Samples that it is of.
class Sample {
 public:
  explicit Sample(const patchstream_sample &c) noexcept : c_(c) {}
  std::uint64_t job() const noexcept { return c_.job; }
  std::uint32_t attempt() const noexcept { return c_.attempt; }
  const char *observable() const noexcept { return c_.observable; }
  std::uint64_t window() const noexcept { return c_.window; }
  std::uint64_t frames() const noexcept { return c_.frames; }
  span<const std::uint32_t> shape() const noexcept { return {c_.shape, c_.dims}; }
  span<const double> sums() const noexcept { return {c_.sums, static_cast<std::size_t>(c_.sum_count)}; }

 private:
  patchstream_sample c_;
};

// Samples that were taken from a stream, oldest first.
class Samples {
 public:
  using iterator = detail::Iterator<Sample, Samples>;
  Samples() noexcept = default;
  explicit Samples(patchstream_samples *handle) noexcept : handle_(handle) {}
  std::size_t size() const noexcept { return patchstream_samples_count(handle_.get()); }
  Sample operator[](std::size_t index) const noexcept {
    patchstream_sample sample{};
    sample.struct_size = sizeof sample;
    patchstream_samples_get(handle_.get(), index, &sample);  // out of range: all zero
    return Sample(sample);
  }
  iterator begin() const noexcept { return {this, 0}; }
  iterator end() const noexcept { return {this, size()}; }

 private:
  detail::Handle<patchstream_samples, patchstream_samples_close> handle_;
};

}  // namespace patchstream

#endif  // PATCHSTREAM_JOB_HPP
