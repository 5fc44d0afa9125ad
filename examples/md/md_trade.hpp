// Trades: two lipids of a leaflet change their species, by Metropolis' rule, as LAMMPS' `fix atom/swap` does it.
//
// A lipid needs thousands of steps to get from where the patch had it to where the protein draws it. A trade takes it there
// at once, and has the same equilibrium: places and velocities stay, the share of each arrangement of the species goes by its
// energy. So g does not remember where the species began, and frames of a simulation hardly remember each other.
// Nanometres, kT. The same beads and random numbers give the same trades on every machine.
// Not here: motion (md.hpp, examples/lammps), which trades between its steps.

#ifndef MD_TRADE_HPP
#define MD_TRADE_HPP

#include "md_cells.hpp"
#include "md_force_field.hpp"
#include "md_start.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace md {

namespace detail {

// exp(-x) for x >= 0, to 1e-11: its series at x / 64, squared six times.
inline double decay(double x) {
  if (x > 40) return 0;
  double e = 1;
  for (int k = 12; k >= 1; --k) e = 1.0 - x / 64 / k * e;
  for (int k = 0; k < 6; ++k) e *= e;
  return e;
}

} // namespace detail

// Steps in time after which each lipid has tried two trades.
constexpr int steps_between_trades = 20;

class Trader {
public:
  // Tries as many trades as there are lipids. Places have to be in [-box / 2, 3 box / 2).
  void trade(Beads &beads, const ForceField &field, detail::Random &random) {
    if (!field.alike()) {
      for (double *each : {beads.x.data(), beads.y.data()})
        for (std::size_t i = 0; i < beads.x.size(); ++i) each[i] = detail::wrapped(each[i], beads.box_nm);
      cells_.fill(beads, std::max(field.lipid_cutoff(), 0.5));
    }
    for (std::size_t leaflet = 0; leaflet < 2; ++leaflet) {
      members_.clear();
      for (std::size_t i = beads.partner.size(); i < beads.x.size(); ++i)
        if ((beads.kind[i] < inner_lipids) == (leaflet == 0)) members_.push_back(i);
      for (std::size_t k = 0; k < members_.size(); ++k) {
        const std::size_t i = members_[random.below(members_.size())], j = members_[random.below(members_.size())];
        if (beads.kind[i] == beads.kind[j]) continue;
        const double costs = change(beads, field, leaflet, i, j) + change(beads, field, leaflet, j, i);
        if (costs <= 0 || random.uniform() < detail::decay(costs)) std::swap(beads.kind[i], beads.kind[j]);
      }
    }
  }

private:
  // What bead i's energy rises by if it becomes of the species of j; with j itself it stays the same.
  double change(const Beads &beads, const ForceField &field, std::size_t leaflet, std::size_t i, std::size_t j) const {
    const Coefficients *old = field.row(beads.kind[i]), *other = field.row(beads.kind[j]);
    const double x = beads.x[i], y = beads.y[i];
    double sum = 0;
    const auto with = [&](std::size_t k) {
      const double dx = detail::near(x - beads.x[k], beads.box_nm), dy = detail::near(y - beads.y[k], beads.box_nm);
      const double r2 = dx * dx + dy * dy;
      sum += other[beads.kind[k]].energy(r2) - old[beads.kind[k]].energy(r2);
    };
    for (std::size_t p = 0; p < beads.partner.size(); ++p) with(p);
    if (!field.alike())
      cells_.around(leaflet, x, y, [&](std::size_t k) {
        if (k != i && k != j) with(k);
      });
    return sum;
  }

  Cells cells_;
  std::vector<std::size_t> members_;
};

// Beads whose species are where the force field wants them, whatever the patch said.
inline Beads mixed(Beads beads, std::uint64_t seed, const ForceField &field = ForceField()) {
  constexpr int times = 50;
  detail::Random random(seed ^ 0x747261646573u);
  Trader trader;
  for (int k = 0; k < times; ++k) trader.trade(beads, field, random);
  return beads;
}

} // namespace md

#endif
