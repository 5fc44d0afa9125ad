// What simulations measure on its way back: counting pairs, and the tables that the macro model gets.
//
// Not here: the stream that they come through (stream.hpp), handing sums in as a worker (job.hpp). Include patchstream.hpp.
#ifndef PATCHSTREAM_FEEDBACK_HPP
#define PATCHSTREAM_FEEDBACK_HPP

#include "base.hpp"

namespace patchstream {

using FeedbackCounts = patchstream_feedback_counts;  // what came back so far
using FeedbackTable = patchstream_feedback_table;    // its pointers live as long as the Feedback that it is of
using Frame = patchstream_frame;                     // where beads are at one moment; see frame() below

// A feedback table. False where there was none newer. Grids are [(state*lipids+lipid)*bins+bin].
class Feedback {
 public:
  Feedback() noexcept = default;
  explicit Feedback(patchstream_feedback *handle) noexcept : handle_(handle) {}
  explicit operator bool() const noexcept { return handle_.get() != nullptr; }
  // All zero if there is none.
  FeedbackTable table() const noexcept {
    FeedbackTable table{};
    table.struct_size = sizeof table;
    patchstream_feedback_get(handle_.get(), &table);
    return table;
  }
  std::uint64_t version() const noexcept { return table().version; }
  std::int64_t in_force_from() const noexcept { return table().in_force_from; }
  span<const double> r_nm() const noexcept {
    const FeedbackTable all = table();
    return {all.r_nm, all.bins};
  }
  // A value a bin, none for a state or lipid that is not there.
  span<const double> g(std::size_t state, std::size_t lipid) const noexcept {
    return row(&FeedbackTable::g, state, lipid);
  }
  span<const double> standard_error(std::size_t state, std::size_t lipid) const noexcept {
    return row(&FeedbackTable::standard_error, state, lipid);
  }
  // In kT; none where the configuration has no [feedback.inversion], and none of a lipid of which nothing is known around
  // that protein, or too little: keep what you have then.
  span<const double> potential_kt(std::size_t state, std::size_t lipid) const noexcept {
    const FeedbackTable all = table();
    const auto has = [&] { return all.has_potential[state * all.lipids + lipid] != 0; };
    if (all.has_potential == nullptr || state >= all.states || lipid >= all.lipids || !has()) return {};
    return row(&FeedbackTable::potential_kt, state, lipid);
  }
  // Simulations of a state that went in. 0 without a prior: nothing is known of that state.
  std::uint64_t simulations(std::size_t state) const noexcept {
    const FeedbackTable all = table();
    return state < all.states ? all.simulations[state] : 0;
  }
  double effective_samples(std::size_t state) const noexcept {
    const FeedbackTable all = table();
    return state < all.states ? all.effective_samples[state] : 0;
  }
  // The message, a size-prefixed flatbuffer; in a file it can be another run's prior.
  span<const std::uint8_t> bytes() const noexcept { return detail::bytes(handle_.get(), patchstream_feedback_bytes); }

 private:
  span<const double> row(const double *FeedbackTable::*grid, std::size_t state, std::size_t lipid) const noexcept {
    const FeedbackTable all = table();
    if (all.*grid == nullptr || state >= all.states || lipid >= all.lipids) return {};
    return {all.*grid + (state * all.lipids + lipid) * all.bins, all.bins};
  }
  detail::Handle<patchstream_feedback, patchstream_feedback_close> handle_;
};

// Beads as they lie: x and y of bead i at positions_nm[i * stride] and the next; a species below 0 is not counted.
inline Frame frame(std::array<double, 2> box_nm, span<const double> positions_nm, std::size_t stride,
                   span<const std::int32_t> species, span<const std::uint32_t> references, bool wrap = false) noexcept {
  Frame frame{};
  frame.struct_size = sizeof frame;
  frame.wrap = wrap ? 1 : 0;
  frame.box_nm[0] = box_nm[0];
  frame.box_nm[1] = box_nm[1];
  frame.positions_nm = positions_nm.data();
  frame.position_count = positions_nm.size();
  frame.stride = stride;
  frame.species = species.data();
  frame.bead_count = species.size();
  frame.references = references.data();
  frame.reference_count = references.size();
  return frame;
}

// Counts pairs of reference beads and others, by species and distance, frame by frame.
class Rdf {
 public:
  Rdf() noexcept = default;
  // species and bins as the stream has them: its lipids, and the bins of [feedback].
  static status try_open(std::uint32_t species, std::uint32_t bins, double cutoff_nm, Rdf &out) noexcept {
    patchstream_rdf *rdf = nullptr;
    const status code = patchstream_rdf_open(species, bins, cutoff_nm, &rdf);
    if (code != ok) return code;
    out.handle_.reset(rdf);
    out.shape_ = {species, bins};
    return ok;
  }
  // Adds a frame; after an error the counts are what they were.
  status try_count(const Frame &frame) noexcept { return patchstream_rdf_count(handle_.get(), &frame); }
  // As many as size(), [species*bins+bin].
  status try_sums(span<double> sums) const noexcept {
    return patchstream_rdf_sums(handle_.get(), sums.data(), sums.size());
  }
  std::uint64_t frames() const noexcept { return patchstream_rdf_frames(handle_.get()); }
  status try_clear() noexcept { return patchstream_rdf_clear(handle_.get()); }
  // {species, bins}, as Job::submit takes it.
  span<const std::uint32_t> shape() const noexcept { return {shape_.data(), shape_.size()}; }
  std::size_t size() const noexcept { return std::size_t{shape_[0]} * shape_[1]; }
  patchstream_rdf *c() const noexcept { return handle_.get(); }

#ifdef PATCHSTREAM_EXCEPTIONS
  Rdf(std::uint32_t species, std::uint32_t bins, double cutoff_nm) { check(try_open(species, bins, cutoff_nm, *this)); }
  void count(const Frame &frame) { check(try_count(frame)); }
  // As Job::submit takes them; they live until the next call.
  span<const double> sums() {
    sums_.resize(size());
    check(try_sums(sums_));
    return {sums_.data(), sums_.size()};
  }
  void clear() { check(try_clear()); }
#endif

 private:
  detail::Handle<patchstream_rdf, patchstream_rdf_close> handle_;
  std::array<std::uint32_t, 2> shape_ = {0, 0};
  std::vector<double> sums_;
};

}  // namespace patchstream

#endif  // PATCHSTREAM_FEEDBACK_HPP
