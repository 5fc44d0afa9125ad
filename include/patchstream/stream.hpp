// Options, producers and the stream.
//
// Not here: what it answers with (answers.hpp). Include patchstream.hpp.
#ifndef PATCHSTREAM_STREAM_HPP
#define PATCHSTREAM_STREAM_HPP

#include "answers.hpp"
#include "base.hpp"
#include "feedback.hpp"
#include "job.hpp"

namespace patchstream {

// Options of a stream; what is not set has the library's default, which patchstream.h names.
class Options {
 public:
  Options() noexcept { patchstream_options_init(&c_, sizeof c_); }
  Options &grid(std::uint32_t nx, std::uint32_t ny) noexcept { return c_.nx = nx, c_.ny = ny, *this; }
  Options &size_nm(double size) noexcept { return c_.size_nm = size, *this; }
  Options &model(std::string name_or_path) { return model_ = std::move(name_or_path), *this; }
  Options &classifier(std::string name_or_path) { return classifier_ = std::move(name_or_path), *this; }
  Options &config(std::string path) { return config_ = std::move(path), *this; }
  Options &capacity(std::uint64_t candidates) noexcept { return c_.capacity = candidates, *this; }
  Options &k(std::uint32_t neighbours) noexcept { return c_.k = neighbours, *this; }
  Options &mode(std::uint32_t sequential_or_batch) noexcept { return c_.mode = sequential_or_batch, *this; }
  Options &slots(std::uint32_t slots) noexcept { return c_.slots = slots, *this; }
  Options &background(bool yes = true) noexcept { return c_.threads = yes ? 1 : 0, *this; }
  Options &worker_cpu(std::int32_t cpu) noexcept { return c_.worker_cpu = cpu, *this; }
  Options &log(patchstream_log_fn log, void *user = nullptr) noexcept {
    return c_.log = log, c_.log_user = user, *this;
  }
  // Where other processes find the stream: "shm:NAME".
  Options &transport(std::string transport) { return transport_ = std::move(transport), *this; }
  Options &untrusted(bool yes = true) noexcept { return c_.untrusted = yes ? 1 : 0, *this; }
  // The folder of a run, new or used: nothing that is acknowledged or told is lost with the process.
  Options &run_dir(std::string path) { return run_dir_ = std::move(path), *this; }
  Options &seed(std::uint64_t seed) noexcept { return c_.seed = seed, *this; }
  Options &history(std::uint64_t rows) noexcept { return c_.history = rows, *this; }
  // From a patch to the number of its queue: a function or plain lambda that throws nothing and calls no stream.
  Options &route(patchstream_route_fn route, void *user = nullptr) noexcept {
    return c_.route = route, c_.route_user = user, *this;
  }
  patchstream_options c() const noexcept {
    patchstream_options options = c_;
    options.model = model_.empty() ? nullptr : model_.c_str();
    options.classifier = classifier_.empty() ? nullptr : classifier_.c_str();
    options.transport = transport_.empty() ? nullptr : transport_.c_str();
    options.run_dir = run_dir_.empty() ? nullptr : run_dir_.c_str();
    options.config = config_.empty() ? nullptr : config_.c_str();
    return options;
  }

 private:
  patchstream_options c_{};
  std::string model_, classifier_, config_, transport_, run_dir_;
};

// A place in the ring for one patch, to be filled in place by any thread, then committed. False if the ring was full.
// Patches of later loans wait for it. Given up if it is dropped.
class Loan {
 public:
  Loan() noexcept = default;
  Loan(patchstream_producer *producer, std::uint64_t loan, float *densities) noexcept
      : producer_(producer), loan_(loan), densities_(densities) {}
  Loan(Loan &&other) noexcept { swap(other); }
  Loan &operator=(Loan &&other) noexcept { return Loan(std::move(other)).swap(*this), *this; }
  ~Loan() { if (densities_ != nullptr) patchstream_producer_abandon(producer_, loan_); }
  explicit operator bool() const noexcept { return densities_ != nullptr; }
  float *densities() const noexcept { return densities_; }  // [(y*nx+x)*channels+c], nm^-2

  status try_commit() noexcept {
    densities_ = nullptr;
    return patchstream_producer_commit(producer_, loan_);
  }
#ifdef PATCHSTREAM_EXCEPTIONS
  status commit() { return check(try_commit()); }  // ok or known
#endif

 private:
  void swap(Loan &other) noexcept {
    std::swap(producer_, other.producer_);
    std::swap(loan_, other.loan_);
    std::swap(densities_, other.densities_);
  }
  patchstream_producer *producer_ = nullptr;
  std::uint64_t loan_ = 0;
  float *densities_ = nullptr;
};

// One source of patches. Several threads may use one; its calls take turns.
class Producer {
 public:
  Producer() noexcept = default;
  explicit Producer(patchstream_producer *handle) noexcept : handle_(handle) {}
  explicit operator bool() const noexcept { return handle_.get() != nullptr; }
  patchstream_producer *c() const noexcept { return handle_.get(); }

  // A producer of a stream in another process, which was opened with this transport.
  static status try_attach(const char *transport, const char *name, milliseconds timeout, Producer &out) noexcept {
    patchstream_producer *producer = nullptr;
    const status code = patchstream_producer_attach(transport, name, detail::clamped(timeout.count()), &producer);
    if (code == ok) out = Producer(producer);
    return code;
  }
  // What an attached one does without room: PATCHSTREAM_ON_FULL_ANSWER, _BLOCK for up to `timeout`, or _DROP.
  status try_on_full(std::uint32_t policy, milliseconds timeout = {}) noexcept {
    return patchstream_producer_on_full(handle_.get(), policy, detail::clamped(timeout.count()));
  }
  status try_answers(Answers &out) const noexcept {
    return out.struct_size = sizeof out, patchstream_producer_answers(handle_.get(), &out);
  }
  // Pushes and loans without room are `stopped` from now on. From any thread and in a signal handler.
  void request_stop() const noexcept { patchstream_producer_request_stop(handle_.get()); }
  // Copies a patch into the ring: ok, known, full, dropped or stopped.
  status try_push(const Patch &patch, const Field &densities) noexcept {
    const patchstream_patch c = patch.c();
    return patchstream_producer_push(handle_.get(), &c, &densities);
  }
  // Lends a place in the ring: ok, full or stopped.
  status try_loan(const Patch &patch, Loan &out) noexcept {
    const patchstream_patch c = patch.c();
    float *densities = nullptr;
    std::uint64_t loan = 0;
    const status code = patchstream_producer_loan(handle_.get(), &c, &densities, &loan);
    if (code == ok) out = Loan(handle_.get(), loan, densities);
    return code;
  }
  // Nothing more comes for steps up to this one.
  status try_end_step(std::int64_t step) noexcept { return patchstream_producer_end_step(handle_.get(), step); }
  void close() noexcept { handle_.reset(nullptr); }
#ifdef PATCHSTREAM_EXCEPTIONS
  static Producer attach(const char *transport, const char *name, milliseconds timeout) {
    return detail::filled<Producer>([&](Producer &out) { return try_attach(transport, name, timeout, out); });
  }
  void on_full(std::uint32_t policy, milliseconds timeout = {}) { check(try_on_full(policy, timeout)); }
  Answers answers() const { return detail::filled<Answers>([&](Answers &out) { return try_answers(out); }); }
  status push(const Patch &patch, const Field &densities) { return check(try_push(patch, densities)); }
  Loan loan(const Patch &patch) { return detail::filled<Loan>([&](Loan &out) { return try_loan(patch, out); }); }
  void end_step(std::int64_t step) { check(try_end_step(step)); }
#endif

 private:
  detail::Handle<patchstream_producer, patchstream_producer_close> handle_;
};

// The operator: rings, encoder, sampler.
class Stream {
 public:
  Stream() noexcept = default;
  explicit operator bool() const noexcept { return handle_.get() != nullptr; }
  patchstream_stream *c() const noexcept { return handle_.get(); }

  static status try_open(const Options &options, Stream &out) noexcept {
    const patchstream_options c = options.c();
    patchstream_stream *stream = nullptr;
    const status code = patchstream_stream_open(&c, &stream);
    if (code == ok) out.handle_.reset(stream);
    return code;
  }
  status try_producer(const char *name, Producer &out) noexcept {
    return opened<patchstream_producer>(out, patchstream_producer_open, handle_.get(), name);
  }
  // Takes in what was committed, for about this long: ok, again or stopped.
  status try_poll(microseconds budget) noexcept {
    return patchstream_stream_poll(handle_.get(), detail::clamped(budget.count()));
  }
  // One event: ok or again.
  status try_select(std::int64_t step, std::size_t n, Selections &out) noexcept {
    return opened<patchstream_selections>(out, patchstream_stream_select, handle_.get(), step, n);
  }
  // All weights.
  status try_weights(Weights &out) noexcept {
    return opened<patchstream_weights>(out, patchstream_stream_weights, handle_.get());
  }
  // Weights among exactly these selected ones; `weights` has as many places as there are ids.
  status try_weights_among(span<const std::uint64_t> ids, double *weights) noexcept {
    return patchstream_stream_weights_among(handle_.get(), ids.data(), ids.size(), weights);
  }
  // The weights of one queue, over its own patches.
  status try_weights_of(std::uint32_t queue, Weights &out) noexcept {
    return opened<patchstream_weights>(out, patchstream_stream_weights_of, handle_.get(), queue);
  }
  // Moves a pick to issued, started, ..: ok, or known if it is there already.
  status try_set_state(std::uint64_t id, std::int32_t state, std::int64_t step) noexcept {
    return patchstream_stream_set_state(handle_.get(), id, state, step);
  }
  status try_pick(std::uint64_t id, Pick &out) noexcept {
    return out.struct_size = sizeof out, patchstream_stream_get_pick(handle_.get(), id, &out);
  }
  // Forgets a patch that is not selected.
  status try_withdraw(std::uint64_t id, std::int64_t step) noexcept {
    return patchstream_stream_withdraw(handle_.get(), id, step);
  }
  // The densities of a patch that is waiting, a candidate or selected, if the configuration says [retention].
  status try_densities(std::uint64_t id, span<float> densities) noexcept {
    return patchstream_stream_densities(handle_.get(), id, densities.data(), densities.size());
  }
  // Takes rows out of the history; as long as they fill `rows` there may be more.
  status try_history(span<HistoryRow> rows, std::size_t &count) noexcept {
    return patchstream_stream_history(handle_.get(), rows.data(), rows.size(), &count);
  }
  status try_queue_stats(std::uint32_t queue, QueueStats &out) const noexcept {
    return out.struct_size = sizeof out, patchstream_stream_queue_stats(handle_.get(), queue, &out);
  }
  // What people call a class, of which a Selection has the probability; the text lives as long as the stream.
  status try_class_label(std::uint32_t index, const char *&out) const noexcept {
    return patchstream_stream_class_label(handle_.get(), index, &out);
  }
  status try_stats(Stats &out) const noexcept {
    return out.struct_size = sizeof out, patchstream_stream_stats(handle_.get(), &out);
  }
  // Up to `most` samples that workers of its jobs handed in, oldest first; each comes once.
  status try_take_samples(std::size_t most, Samples &out) noexcept {
    patchstream_samples *samples = nullptr;
    const status code = patchstream_stream_take_samples(handle_.get(), most, &samples);
    if (code == ok) out = Samples(samples);
    return code;
  }
  status try_jobs(JobCounts &out) const noexcept {
    return out.struct_size = sizeof out, patchstream_stream_jobs(handle_.get(), &out);
  }
  // The table that is in force at a step, once; `again`: none is newer than the last that was given.
  status try_feedback(std::int64_t step, Feedback &out) noexcept {
    return opened<patchstream_feedback>(out, patchstream_stream_feedback, handle_.get(), step);
  }
  // A table of everything that came in so far, in force from a step that has not passed.
  status try_publish_feedback(std::int64_t step, std::int64_t in_force_from, Feedback &out) noexcept {
    return opened<patchstream_feedback>(out, patchstream_stream_publish_feedback, handle_.get(), step, in_force_from);
  }
  // What a micro simulation in this process measured of a pick: ok or known. Streams with a transport have workers.
  status try_submit(std::uint64_t job, const char *observable, std::uint64_t window, std::uint64_t frames,
                    span<const std::uint32_t> shape, span<const double> sums) noexcept {
    return patchstream_stream_submit(handle_.get(), job, observable, window, frames, shape.data(), shape.size(),
                                     sums.data(), sums.size());
  }
  // The weighted mean of an observable over the simulations of a protein state (-1: of all), and its standard error, of as
  // many values or none.
  status try_mean(const char *observable, std::int32_t state, span<double> values, span<double> standard_error,
                  std::uint64_t *simulations = nullptr) noexcept {
    if (!standard_error.empty() && standard_error.size() != values.size()) return PATCHSTREAM_ERR_SHAPE;
    return patchstream_stream_mean(handle_.get(), observable, state, values.data(),
                                   standard_error.empty() ? nullptr : standard_error.data(), values.size(), simulations);
  }
  status try_feedback_counts(FeedbackCounts &out) const noexcept {
    return out.struct_size = sizeof out, patchstream_stream_feedback_counts(handle_.get(), &out);
  }
  // Where the host goes on: at this mark, nullptr for the start. The first call on a run that was used.
  status try_resume(const char *mark, ResumeInfo &out) noexcept {
    return out.struct_size = sizeof out, patchstream_stream_resume(handle_.get(), mark, &out);
  }
  // ok: mark and checkpoint are durable, now write your own file; again: another thread is writing one.
  status try_checkpoint(const char *mark, std::int64_t step, milliseconds timeout) noexcept {
    return patchstream_stream_checkpoint(handle_.get(), mark, step, detail::clamped(timeout.count()));
  }
  // ok, or again while the worker is still at work.
  status try_close(milliseconds timeout) noexcept {
    const status code = patchstream_stream_close(handle_.get(), detail::clamped(timeout.count()));
    if (code == ok) handle_.release();
    return code;
  }
  // Polls return `stopped` from now on. From any thread and in a signal handler.
  void request_stop() const noexcept { patchstream_stream_request_stop(handle_.get()); }

#ifdef PATCHSTREAM_EXCEPTIONS
  explicit Stream(const Options &options) { check(try_open(options, *this)); }
  Producer producer(const char *name) {
    return detail::filled<Producer>([&](Producer &out) { return try_producer(name, out); });
  }
  status poll(microseconds budget) { return check(try_poll(budget)); }
  Selections select(std::int64_t step, std::size_t n) {
    return detail::filled<Selections>([&](Selections &out) { return try_select(step, n, out); });
  }
  Weights weights() { return detail::filled<Weights>([&](Weights &out) { return try_weights(out); }); }
  Weights weights_of(std::uint32_t queue) {
    return detail::filled<Weights>([&](Weights &out) { return try_weights_of(queue, out); });
  }
  std::vector<double> weights_among(span<const std::uint64_t> ids) {
    std::vector<double> weights(ids.size());
    check(try_weights_among(ids, weights.data()));
    return weights;
  }
  status set_state(std::uint64_t id, std::int32_t state, std::int64_t step) {
    return check(try_set_state(id, state, step));
  }
  Pick pick(std::uint64_t id) { return detail::filled<Pick>([&](Pick &out) { return try_pick(id, out); }); }
  void withdraw(std::uint64_t id, std::int64_t step) { check(try_withdraw(id, step)); }
  void densities(std::uint64_t id, span<float> densities) { check(try_densities(id, densities)); }
  // All rows that are there.
  std::vector<HistoryRow> history() {
    std::vector<HistoryRow> rows;
    for (std::size_t size = 0, count = 256; count == 256; rows.resize(size += count)) {
      rows.resize(size + 256);
      check(try_history({rows.data() + size, 256}, count));
    }
    return rows;
  }
  QueueStats queue_stats(std::uint32_t queue) const {
    return detail::filled<QueueStats>([&](QueueStats &out) { return try_queue_stats(queue, out); });
  }
  const char *class_label(std::uint32_t index) const {
    return detail::filled<const char *>([&](const char *&out) { return try_class_label(index, out); });
  }
  Stats stats() const { return detail::filled<Stats>([&](Stats &out) { return try_stats(out); }); }
  Samples take_samples(std::size_t most) {
    return detail::filled<Samples>([&](Samples &out) { return try_take_samples(most, out); });
  }
  JobCounts jobs() const { return detail::filled<JobCounts>([&](JobCounts &out) { return try_jobs(out); }); }
  Feedback feedback(std::int64_t step) {
    return detail::filled<Feedback>([&](Feedback &out) { return try_feedback(step, out); });
  }
  Feedback publish_feedback(std::int64_t step, std::int64_t in_force_from) {
    return detail::filled<Feedback>([&](Feedback &out) { return try_publish_feedback(step, in_force_from, out); });
  }
  status submit(std::uint64_t job, const char *observable, std::uint64_t window, std::uint64_t frames,
                span<const std::uint32_t> shape, span<const double> sums) {
    return check(try_submit(job, observable, window, frames, shape, sums));
  }
  // `count` values in the observable's layout.
  std::vector<double> mean(const char *observable, std::int32_t state, std::size_t count) {
    std::vector<double> values(count);
    check(try_mean(observable, state, values, {}));
    return values;
  }
  FeedbackCounts feedback_counts() const {
    return detail::filled<FeedbackCounts>([&](FeedbackCounts &out) { return try_feedback_counts(out); });
  }
  ResumeInfo resume(const char *mark) {
    return detail::filled<ResumeInfo>([&](ResumeInfo &out) { return try_resume(mark, out); });
  }
  status checkpoint(const std::string &mark, std::int64_t step, milliseconds timeout) {
    return check(try_checkpoint(mark.c_str(), step, timeout));
  }
  status close(milliseconds timeout) { return check(try_close(timeout)); }
#endif

 private:
  template <class Raw, class Out, class Call, class... Arguments>
  static status opened(Out &out, Call call, Arguments... arguments) noexcept {
    Raw *raw = nullptr;
    const status code = call(arguments..., &raw);
    if (code == ok) out = Out(raw);
    return code;
  }
  detail::Handle<patchstream_stream, detail::close_stream> handle_;
};

}  // namespace patchstream

#endif  // PATCHSTREAM_STREAM_HPP
