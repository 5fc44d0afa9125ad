// What a micro simulation measures: pairs of a protein and the lipids around it, by distance.
//
// sums[c * bins + b]: pairs of reference bead and lipid c whose distance is in [b, b + 1) * cutoff / bins, to the nearest
// periodic image, over all frames; nm. Raw: weighting and normalising are the host's.
// Not here: motion (md.hpp).

#ifndef MD_RDF_HPP
#define MD_RDF_HPP

#include "md_start.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace md {

class Rdf {
public:
  Rdf(int bins, double cutoff_nm) : bins_(bins), cutoff_nm_(cutoff_nm) {
    detail::require(bins >= 1 && bins <= 100000 && cutoff_nm > 0 && std::isfinite(cutoff_nm),
                    std::to_string(bins) + " bins up to " + std::to_string(cutoff_nm) + " nm cannot be counted");
    sums_.assign(static_cast<std::size_t>(bins) * lipids, 0.0);
  }

  // Adds one frame: bead `reference` against all lipids. Position i is x[i * stride], y[i * stride]; a kind of lipids or
  // more is not counted.
  void count(const double *x, const double *y, std::size_t stride, const int *kind, std::size_t n, double box_nm,
             std::size_t reference) {
    detail::require(cutoff_nm_ <= 0.5 * box_nm, "distances up to " + std::to_string(cutoff_nm_) +
                                                    " nm reach over half of a box of " + std::to_string(box_nm) + " nm");
    const double cx = x[reference * stride], cy = y[reference * stride], cutoff2 = cutoff_nm_ * cutoff_nm_;
    const double per_nm = bins_ / cutoff_nm_;
    for (std::size_t i = 0; i < n; ++i) {
      if (kind[i] >= lipids || i == reference) continue;
      const double dx = detail::nearest(x[i * stride] - cx, box_nm), dy = detail::nearest(y[i * stride] - cy, box_nm);
      const double r2 = dx * dx + dy * dy;
      if (r2 >= cutoff2) continue;
      const int bin = static_cast<int>(std::sqrt(r2) * per_nm);
      // A distance that rounds to the cutoff is outside, as the cutoff itself is.
      if (bin < bins_) sums_[static_cast<std::size_t>(kind[i] * bins_ + bin)] += 1;
    }
    ++frames_;
  }
  void count(const Beads &beads, std::size_t reference) {
    count(beads.x.data(), beads.y.data(), 1, beads.kind.data(), beads.x.size(), beads.box_nm, reference);
  }
  // Adds the frames of another count, of the same bins.
  void add(const Rdf &other) {
    detail::require(other.sums_.size() == sums_.size() && other.cutoff_nm_ == cutoff_nm_, "counts of other bins");
    for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += other.sums_[i];
    frames_ += other.frames_;
  }
  void clear() {
    std::fill(sums_.begin(), sums_.end(), 0.0);
    frames_ = 0;
  }

  // g(r) of what was counted, laid out as sums: sums over what a uniform leaflet of that many beads would give.
  // 0 where there is no such lipid.
  std::vector<double> g(const Beads &beads) const {
    std::vector<double> result(sums_.size(), 0.0);
    const double width = cutoff_nm_ / bins_, pi = 3.141592653589793;
    for (std::size_t c = 0; c < lipids; ++c)
      for (std::size_t b = 0; b < static_cast<std::size_t>(bins_); ++b) {
        const double area = pi * width * width * (2.0 * static_cast<double>(b) + 1.0);
        const double expected = static_cast<double>(frames_) * beads.count[c] / (beads.box_nm * beads.box_nm) * area;
        const std::size_t at = c * static_cast<std::size_t>(bins_) + b;
        if (expected > 0) result[at] = sums_[at] / expected;
      }
    return result;
  }

  int bins() const { return bins_; }
  double cutoff_nm() const { return cutoff_nm_; }
  std::uint64_t frames() const { return frames_; }
  const std::vector<double> &sums() const { return sums_; }

private:
  int bins_;
  double cutoff_nm_;
  std::uint64_t frames_ = 0;
  std::vector<double> sums_;
};

} // namespace md

#endif
