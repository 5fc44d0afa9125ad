// What every part of the C++ interface uses: statuses and errors, spans, patches and fields, windows and cutting.
//
// Not here: options and streams (stream.hpp), what they answer with (answers.hpp). Include patchstream.hpp.
#ifndef PATCHSTREAM_BASE_HPP
#define PATCHSTREAM_BASE_HPP

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "../patchstream.h"

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
inline constexpr status dropped = PATCHSTREAM_DROPPED;  // the ring is full, and the patch was dropped

// Where a pick is.
inline constexpr std::int32_t issued = PATCHSTREAM_ISSUED, started = PATCHSTREAM_STARTED, done = PATCHSTREAM_DONE,
    interrupted = PATCHSTREAM_INTERRUPTED, failed = PATCHSTREAM_FAILED, returned = PATCHSTREAM_RETURNED;

using Protein = patchstream_protein;  // states, partners, positions relative to the patch's centre, in nm
using Field = patchstream_field;      // see interleaved() and planes() below
using Stats = patchstream_stats;
using QueueStats = patchstream_queue_stats;
using Answers = patchstream_answers;         // what became of an attached producer's patches
using ResumeInfo = patchstream_resume_info;  // where a host goes on with a run
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

#endif  // PATCHSTREAM_BASE_HPP
