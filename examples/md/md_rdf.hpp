// What a micro simulation measures: pairs of a protein and the lipids around it, counted by patchstream's Rdf.
//
// sums()[c * bins + b]: pairs of reference bead and lipid c whose distance is in [b, b + 1) * cutoff / bins, over all frames;
// nm. Raw: weighting and normalising are the host's; g() is for runs and tests without one.
// Not here: motion (md.hpp), the counting itself (patchstream.hpp).

#ifndef MD_RDF_HPP
#define MD_RDF_HPP

#include "md_run.hpp"

#include <patchstream.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace md {

class Rdf {
public:
  Rdf(std::uint64_t bins, double cutoff_nm) : bins_(bins), cutoff_nm_(cutoff_nm) {
    checked(patchstream::Rdf::try_open(lipids, static_cast<std::uint32_t>(bins), cutoff_nm, counter_));
  }

  // Adds one frame.
  void count(const Moment &m) {
    checked(counter_.try_count(patchstream::frame({m.box_nm, m.box_nm}, {m.positions, m.count * m.stride}, m.stride,
                                                  {m.species, m.count}, {&m.reference, 1}, true)));
  }
  void count(const Beads &beads, std::uint32_t reference) { count(copied_.of(beads, reference)); }
  void clear() { counter_.clear(); }

  // g(r) of what was counted, laid out as sums: sums over what a uniform leaflet of that many beads would give.
  // 0 where there is no such lipid.
  std::vector<double> g(const Beads &beads) {
    const auto all = sums();
    std::vector<double> result(all.size(), 0.0);
    const double width = cutoff_nm_ / static_cast<double>(bins_), pi = 3.141592653589793;
    for (std::size_t c = 0; c < lipids; ++c)
      for (std::size_t b = 0; b < bins_; ++b) {
        const double area = pi * width * width * (2.0 * static_cast<double>(b) + 1.0);
        const double expected = static_cast<double>(frames()) * beads.count[c] / (beads.box_nm * beads.box_nm) * area;
        const std::size_t at = c * bins_ + b;
        if (expected > 0) result[at] = all[at] / expected;
      }
    return result;
  }

  std::uint64_t frames() const { return counter_.frames(); }
  // They live until the next call.
  patchstream::span<const double> sums() { return counter_.sums(); }
  // {lipids, bins}.
  patchstream::span<const std::uint32_t> shape() const { return counter_.shape(); }

private:
  // What cannot be counted is the patch's fault or the options', not its host's.
  static void checked(patchstream::status status) { detail::require(status == patchstream::ok, patchstream_last_error()); }

  patchstream::Rdf counter_;
  std::size_t bins_;
  double cutoff_nm_;
  Copied copied_;
};

} // namespace md

#endif
