// patchstream for C++17: one header over the C interface (patchstream.h), which is the manual.
//
// Handles are move-only and close themselves. Each call comes twice: `select(...)` throws patchstream::Error on the
// host's side, `try_select(...)` returns the status and throws nothing. Without exceptions (-fno-exceptions) only the
// second kind is there. Statuses above 0 (again, full, known, stopped) are answers, not errors: nothing throws them.
//
// Not here: flatbuffers (bytes() gives the message to those who have them), any thread or state of this header's own.
#ifndef PATCHSTREAM_HPP
#define PATCHSTREAM_HPP

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "patchstream.h"

#if defined(__cpp_exceptions)
#define PATCHSTREAM_EXCEPTIONS 1
#include <stdexcept>
#endif

namespace patchstream {

using status = patchstream_status;
inline constexpr status ok = PATCHSTREAM_OK;            // done
inline constexpr status again = PATCHSTREAM_AGAIN;      // work is left, or a producer has not ended the step
inline constexpr status full = PATCHSTREAM_FULL;        // the ring is full: poll, then try again
inline constexpr status known = PATCHSTREAM_KNOWN;      // the same patch was there already
inline constexpr status stopped = PATCHSTREAM_STOPPED;  // a stop was requested

// Where a pick is.
inline constexpr std::int32_t issued = PATCHSTREAM_ISSUED, started = PATCHSTREAM_STARTED, done = PATCHSTREAM_DONE,
    interrupted = PATCHSTREAM_INTERRUPTED, failed = PATCHSTREAM_FAILED, returned = PATCHSTREAM_RETURNED;

using Protein = patchstream_protein;  // states, partners, positions relative to the patch's centre, in nm
using Field = patchstream_field;      // see interleaved() and planes() below
using Stats = patchstream_stats;
using QueueStats = patchstream_queue_stats;
using Pick = patchstream_pick;               // a selected patch and its state
using HistoryRow = patchstream_history_row;  // what happened to a patch
using Arrival = patchstream_arrival;         // what a function that routes patches looks at
using microseconds = std::chrono::microseconds;
using milliseconds = std::chrono::milliseconds;

#ifdef PATCHSTREAM_EXCEPTIONS
// A status below 0 and its sentence: what is wrong, and what to do.
class Error : public std::runtime_error {
 public:
  explicit Error(patchstream::status code) : std::runtime_error(patchstream_last_error()), code_(code) {}
  patchstream::status status() const noexcept { return code_; }

 private:
  patchstream::status code_;
};

// Throws the error of a failed call; hands any other status on.
inline status check(status code) {
  if (code < 0) throw Error(code);
  return code;
}

namespace detail {
// What a call fills in.
template <class T, class Call>
T filled(Call call) {
  T out{};
  check(call(out));
  return out;
}
}  // namespace detail
#endif

// Items that lie somewhere else, one after the other.
template <class T>
class span {
 public:
  constexpr span() noexcept = default;
  constexpr span(T *data, std::size_t size) noexcept : data_(data), size_(size) {}
  template <class Container, class = decltype(std::declval<Container &>().data())>
  constexpr span(Container &items) noexcept : data_(items.data()), size_(items.size()) {}
  constexpr T *data() const noexcept { return data_; }
  constexpr std::size_t size() const noexcept { return size_; }
  constexpr bool empty() const noexcept { return size_ == 0; }
  constexpr T *begin() const noexcept { return data_; }
  constexpr T *end() const noexcept { return data_ + size_; }
  constexpr T &operator[](std::size_t i) const noexcept { return data_[i]; }

 private:
  T *data_ = nullptr;
  std::size_t size_ = 0;
};

// All of a patch but its densities.
struct Patch {
  std::uint64_t id = 0;                      // 1 to 2^48 - 1, unique, the same again after a restart
  std::int64_t step = 0;                     // orders events
  double time_us = 0;                        // describes only
  std::array<double, 2> center_nm = {0, 0};  // where the centre pixel is
  span<const Protein> proteins = {};         // relative to the centre
  const char *label = nullptr;               // a name for people
  float factor = 0;                          // what its rank is multiplied by; 0: its queue's factor

  patchstream_patch c() const noexcept {
    patchstream_patch patch{};
    patch.struct_size = sizeof patch;
    patch.protein_count = static_cast<std::uint32_t>(proteins.size());
    patch.id = id;
    patch.step = step;
    patch.time_us = time_us;
    patch.center_nm[0] = center_nm[0];
    patch.center_nm[1] = center_nm[1];
    patch.proteins = proteins.data();
    patch.label = label;
    patch.factor = factor;
    return patch;
  }
};

namespace detail {
constexpr std::uint32_t type_of(const float *) { return PATCHSTREAM_F32; }
constexpr std::uint32_t type_of(const double *) { return PATCHSTREAM_F64; }

inline Field field(std::uint32_t type, std::uint32_t nx, std::uint32_t ny, std::uint32_t channels) noexcept {
  Field field{};
  field.struct_size = sizeof field;
  field.type = type;
  field.nx = nx;
  field.ny = ny;
  field.channels = channels;
  return field;
}

// The message behind a handle, none of a null one.
template <class T, class Read>
span<const std::uint8_t> bytes(const T *handle, Read read) noexcept {
  const std::uint8_t *bytes = nullptr;
  std::size_t count = 0;
  if (handle != nullptr) read(handle, &bytes, &count);
  return {bytes, count};
}

// Owns one C handle.
template <class T, void (*close)(T *)>
class Handle {
 public:
  Handle() noexcept = default;
  explicit Handle(T *handle) noexcept : handle_(handle) {}
  Handle(Handle &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Handle &operator=(Handle &&other) noexcept { return reset(std::exchange(other.handle_, nullptr)), *this; }
  ~Handle() { reset(nullptr); }
  T *get() const noexcept { return handle_; }
  T *release() noexcept { return std::exchange(handle_, nullptr); }
  void reset(T *handle) noexcept { close(std::exchange(handle_, handle)); }

 private:
  T *handle_ = nullptr;
};

// A list behind a handle, read item by item.
template <class Item, class List>
class Iterator {
 public:
  Iterator(const List *list, std::size_t index) noexcept : list_(list), index_(index) {}
  Item operator*() const noexcept { return (*list_)[index_]; }
  Iterator &operator++() noexcept { return ++index_, *this; }
  bool operator!=(const Iterator &other) const noexcept { return index_ != other.index_; }

 private:
  const List *list_;
  std::size_t index_;
};

// What fits into the C interface's times.
constexpr std::uint32_t clamped(std::int64_t count) noexcept {
  return count < 0 ? 0 : count > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(count);
}

inline void close_stream(patchstream_stream *stream) noexcept {
  while (patchstream_stream_close(stream, 1000) == PATCHSTREAM_AGAIN) continue;
}
}  // namespace detail

// Densities as [(y*nx+x)*channels+c], float or double.
template <class T>
Field interleaved(const T *data, std::uint32_t nx, std::uint32_t ny, std::uint32_t channels) noexcept {
  Field field = detail::field(detail::type_of(data), nx, ny, channels);
  field.data = data;
  return field;
}

// Densities as one plane a channel, [y*nx+x] each; the pointers are kept, not copied, by the answer.
template <class T>
Field planes(const T *const *planes, std::uint32_t nx, std::uint32_t ny, std::uint32_t channels) noexcept {
  Field field = detail::field(detail::type_of(static_cast<const T *>(nullptr)), nx, ny, channels);
  field.planes = reinterpret_cast<const void *const *>(planes);
  return field;
}

// A window of a periodic grid: its first pixel, which may lie outside, and the place of its centre pixel.
struct Window {
  std::array<std::int64_t, 2> low = {0, 0};
  std::array<double, 2> center_nm = {0, 0};
};

// The window of nx * ny pixels whose centre pixel is nearest to a position.
inline status try_window(std::array<double, 2> position_nm, std::array<std::int64_t, 2> grid, double spacing_nm,
                         std::uint32_t nx, std::uint32_t ny, Window &out) noexcept {
  return patchstream_window(position_nm.data(), grid.data(), spacing_nm, nx, ny, out.low.data(), out.center_nm.data());
}

// Copies a window of a periodic field, all of it or the part that a rank owns, to out[(y*nx+x)*channels+c].
inline status try_cut(const Field &owned, std::array<std::int64_t, 2> owned_low, std::array<std::int64_t, 2> grid,
                      std::array<std::int64_t, 2> window_low, std::uint32_t nx, std::uint32_t ny, float *out,
                      std::size_t *filled = nullptr) noexcept {
  return patchstream_cut(&owned, owned_low.data(), grid.data(), window_low.data(), nx, ny, out, filled);
}

// The proteins around a centre, nearest first, relative to it. `out` is large enough with as many places as `all` has.
inline status try_proteins_near(span<const Protein> all, std::array<double, 2> box_nm, std::array<double, 2> center_nm,
                                double reach_nm, span<Protein> out, std::size_t &found) noexcept {
  return patchstream_proteins_near(all.data(), all.size(), box_nm.data(), center_nm.data(), reach_nm, out.data(),
                                   out.size(), &found);
}

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
    options.config = config_.empty() ? nullptr : config_.c_str();
    return options;
  }

 private:
  patchstream_options c_{};
  std::string model_, classifier_, config_;
};

// One selected patch. It lives as long as the Selections that it is of.
class Selection {
 public:
  explicit Selection(const patchstream_selection &c) noexcept : c_(c) {}
  std::uint64_t id() const noexcept { return c_.id; }
  std::uint32_t order() const noexcept { return c_.order; }
  std::uint64_t event() const noexcept { return c_.event; }
  std::int64_t step() const noexcept { return c_.step; }
  double time_us() const noexcept { return c_.time_us; }
  double rank() const noexcept { return c_.rank; }
  std::array<double, 2> center_nm() const noexcept { return {c_.center_nm[0], c_.center_nm[1]}; }
  span<const float> point() const noexcept { return {c_.point, c_.dim}; }
  span<const Protein> proteins() const noexcept { return {c_.proteins, c_.protein_count}; }
  std::uint32_t ras() const noexcept { return c_.ras; }
  std::uint32_t raf() const noexcept { return c_.raf; }
  std::uint32_t queue() const noexcept { return c_.queue; }
  const char *label() const noexcept { return c_.label; }  // nullptr if it has none
  const char *class_label() const noexcept { return c_.class_label; }  // nullptr without a classifier
  span<const float> probabilities() const noexcept { return {c_.probabilities, c_.class_count}; }

 private:
  patchstream_selection c_;
};

// How many patches one selected patch stands for.
struct Weight {
  std::uint64_t id;
  double weight, normalised;
};

// What one event selected. False where the event did not take place, because a producer has not ended the step.
class Selections {
 public:
  using iterator = detail::Iterator<Selection, Selections>;
  Selections() noexcept = default;
  explicit Selections(patchstream_selections *handle) noexcept : handle_(handle) {}
  explicit operator bool() const noexcept { return handle_.get() != nullptr; }
  std::size_t size() const noexcept { return patchstream_selections_count(handle_.get()); }
  Selection operator[](std::size_t index) const noexcept {
    patchstream_selection selection{};
    selection.struct_size = sizeof selection;
    patchstream_selections_get(handle_.get(), index, &selection);  // out of range: all zero
    return Selection(selection);
  }
  iterator begin() const noexcept { return {this, 0}; }
  iterator end() const noexcept { return {this, size()}; }
  // The message, a size-prefixed flatbuffer.
  span<const std::uint8_t> bytes() const noexcept { return detail::bytes(handle_.get(), patchstream_selections_bytes); }

 private:
  detail::Handle<patchstream_selections, patchstream_selections_close> handle_;
};

// The weights of all selected, or of those of one queue, in the order in which they were selected.
class Weights {
 public:
  using iterator = detail::Iterator<Weight, Weights>;
  Weights() noexcept = default;
  explicit Weights(patchstream_weights *handle) noexcept : handle_(handle) {}
  std::size_t size() const noexcept { return patchstream_weights_count(handle_.get()); }
  Weight operator[](std::size_t index) const noexcept {
    patchstream_weight weight{};
    weight.struct_size = sizeof weight;
    patchstream_weights_get(handle_.get(), index, &weight);  // out of range: all zero
    return {weight.id, weight.weight, weight.normalised};
  }
  iterator begin() const noexcept { return {this, 0}; }
  iterator end() const noexcept { return {this, size()}; }
  // The message, a size-prefixed flatbuffer.
  span<const std::uint8_t> bytes() const noexcept { return detail::bytes(handle_.get(), patchstream_weights_bytes); }

 private:
  detail::Handle<patchstream_weights, patchstream_weights_close> handle_;
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

  // Copies a patch into the ring: ok, known or full.
  status try_push(const Patch &patch, const Field &densities) noexcept {
    const patchstream_patch c = patch.c();
    return patchstream_producer_push(handle_.get(), &c, &densities);
  }
  // Lends a place in the ring: ok or full.
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

// An encoder on its own. Several threads may use one.
class Model {
 public:
  Model() noexcept = default;
  explicit operator bool() const noexcept { return handle_.get() != nullptr; }

  static status try_open(const char *name_or_path, std::uint32_t nx, std::uint32_t ny, std::uint32_t channels,
                         Model &out) noexcept {
    patchstream_model *model = nullptr;
    const status code = patchstream_model_open(name_or_path, nx, ny, channels, &model);
    if (code == ok) out.handle_.reset(model);
    return code;
  }
  status try_info(patchstream_model_info &out) const noexcept {
    return out.struct_size = sizeof out, patchstream_model_get_info(handle_.get(), &out);
  }
  // One patch to a point of as many numbers as the model has dimensions.
  status try_encode(const Field &densities, span<float> point) const noexcept {
    return patchstream_model_encode(handle_.get(), &densities, point.data(), point.size());
  }
#ifdef PATCHSTREAM_EXCEPTIONS
  Model(const char *name_or_path, std::uint32_t nx, std::uint32_t ny, std::uint32_t channels) {
    check(try_open(name_or_path, nx, ny, channels, *this));
  }
  patchstream_model_info info() const {
    return detail::filled<patchstream_model_info>([&](patchstream_model_info &out) { return try_info(out); });
  }
  std::vector<float> encode(const Field &densities) const {
    std::vector<float> point(info().dim);
    check(try_encode(densities, point));
    return point;
  }
#endif

 private:
  detail::Handle<patchstream_model, patchstream_model_close> handle_;
};

#ifdef PATCHSTREAM_EXCEPTIONS
inline Window window(std::array<double, 2> position_nm, std::array<std::int64_t, 2> grid, double spacing_nm,
                     std::uint32_t nx, std::uint32_t ny) {
  return detail::filled<Window>([&](Window &out) { return try_window(position_nm, grid, spacing_nm, nx, ny, out); });
}
// How many pixels were filled.
inline std::size_t cut(const Field &owned, std::array<std::int64_t, 2> owned_low, std::array<std::int64_t, 2> grid,
                       std::array<std::int64_t, 2> window_low, std::uint32_t nx, std::uint32_t ny, float *out) {
  std::size_t filled = 0;
  check(try_cut(owned, owned_low, grid, window_low, nx, ny, out, &filled));
  return filled;
}
inline std::vector<Protein> proteins_near(span<const Protein> all, std::array<double, 2> box_nm,
                                          std::array<double, 2> center_nm, double reach_nm) {
  std::vector<Protein> near(all.size());
  std::size_t found = 0;
  check(try_proteins_near(all, box_nm, center_nm, reach_nm, near, found));
  near.resize(found);
  return near;
}
#endif

}  // namespace patchstream

#endif  // PATCHSTREAM_HPP
