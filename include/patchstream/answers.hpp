// What a stream answers with: selections and weights.
//
// Not here: the stream (stream.hpp). Include patchstream.hpp.
#ifndef PATCHSTREAM_ANSWERS_HPP
#define PATCHSTREAM_ANSWERS_HPP

#include "base.hpp"

namespace patchstream {

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
  bool replayed() const noexcept { return c_.replayed != 0; }  // answered from the run's log
  const char *label() const noexcept { return c_.label; }  // nullptr if it has none
  const char *class_label() const noexcept { return c_.class_label; }  // nullptr without a classifier
  const char *ticket() const noexcept { return c_.ticket; }  // of its job, for a scheduler; nullptr without a transport
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

}  // namespace patchstream

#endif  // PATCHSTREAM_ANSWERS_HPP
