// Lipids by cells of the plane, a leaflet after the other, for they do not see each other: who is near a place.
//
// Those of cell c are sorted()[starts()[c] .. starts()[c + 1]], c = (leaflet * side + row) * side + column. Nanometres.
// Not here: lists of neighbours (md.hpp).

#ifndef MD_CELLS_HPP
#define MD_CELLS_HPP

#include "md_start.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace md {

class Cells {
public:
  struct Placed {
    double x, y; // nm, in [0, box)
    int bead;
  };

  // Lipids whose places are in [0, box). Cells are `reach` wide at least; fewer than three a side: one.
  void fill(const Beads &beads, double reach) {
    const std::size_t n = beads.x.size(), proteins = beads.partner.size();
    side_ = static_cast<std::size_t>(beads.box_nm / reach);
    if (side_ < 3) side_ = 1;
    box_nm_ = beads.box_nm;
    const std::size_t cells = 2 * side_ * side_;
    starts_.assign(cells + 1, 0), sorted_.resize(n - proteins);
    const auto cell_of = [&](std::size_t i) {
      return ((beads.kind[i] < inner_lipids ? 0 : 1) * side_ + at(beads.y[i])) * side_ + at(beads.x[i]);
    };
    for (std::size_t i = proteins; i < n; ++i) ++starts_[cell_of(i) + 1];
    for (std::size_t c = 0; c < cells; ++c) starts_[c + 1] += starts_[c];
    next_.assign(starts_.begin(), starts_.end() - 1);
    for (std::size_t i = proteins; i < n; ++i) sorted_[next_[cell_of(i)]++] = {beads.x[i], beads.y[i], static_cast<int>(i)};
  }

  std::size_t side() const { return side_; }
  const std::vector<std::size_t> &starts() const { return starts_; }
  const std::vector<Placed> &sorted() const { return sorted_; }

  // Calls `take(bead)` for each lipid of a leaflet, 0 the inner one, in the cells around a place: all within reach, and more.
  template <class Take> void around(std::size_t leaflet, double x, double y, Take take) const {
    const std::size_t steps = side_ > 1 ? 3 : 1, back = side_ > 1 ? side_ - 1 : 0;
    for (std::size_t v = 0; v < steps; ++v)
      for (std::size_t u = 0; u < steps; ++u) {
        const std::size_t row = (at(y) + back + v) % side_, column = (at(x) + back + u) % side_;
        const std::size_t cell = (leaflet * side_ + row) * side_ + column;
        for (std::size_t k = starts_[cell]; k < starts_[cell + 1]; ++k) take(static_cast<std::size_t>(sorted_[k].bead));
      }
  }

private:
  std::size_t at(double x) const { return std::min(side_ - 1, static_cast<std::size_t>(x * static_cast<double>(side_) / box_nm_)); }

  double box_nm_ = 1;
  std::size_t side_ = 1;
  std::vector<std::size_t> starts_, next_;
  std::vector<Placed> sorted_;
};

} // namespace md

#endif
