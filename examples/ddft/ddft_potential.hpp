// What a protein does to the lipids: a potential for each protein state and lipid, of the distance alone.
//
// At first each is an affinity (ddft_membrane.hpp). Those of a state are replaced, while the model runs, by a table:
// kt[channel * bins + b], kT, at the distances (b + 1/2) * cutoff_nm / bins. In between it is a cubic spline with the slopes
// of Catmull and Rom, so that the force has no jumps; even in r at 0, and 0 from one and a half bins beyond the cutoff on.
// Not here: how a table comes about (patchstream's feedback), the equations (ddft.hpp).

#ifndef DDFT_POTENTIAL_HPP
#define DDFT_POTENTIAL_HPP

#include "ddft_membrane.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace ddft {

namespace detail {

constexpr int before = 2, behind = 3; // values beside the bins, which the spline asks for
constexpr int row_length = before + potential_bins + behind;
constexpr double bin_nm = potential_cutoff_nm / potential_bins;

// A potential of the distance.
struct Radial {
  Affinity affinity;
  const double *row; // row_length values from distance (1/2 - before) bins on; null: the affinity

  double reach_nm() const {
    return row != nullptr ? (potential_bins + 1.5) * bin_nm : affinity.kt == 0 ? 0 : affinity.range_nm;
  }
  // Energy at a squared distance within reach, kT, and dE/dr / r, kT/nm^2.
  std::array<double, 2> at(double r2) const {
    if (row == nullptr) {
      const double range2 = affinity.range_nm * affinity.range_nm, depth = 1.0 - r2 / range2;
      return {affinity.kt * depth * depth * depth, -6.0 * affinity.kt / range2 * depth * depth};
    }
    const double r = std::sqrt(r2), place = r / bin_nm - 0.5, below = std::floor(place), f = place - below;
    const double *v = row + before + static_cast<int>(below);
    const double slope = 0.5 * (v[1] - v[-1]), next = 0.5 * (v[2] - v[0]), rise = v[1] - v[0];
    const double square = 3.0 * rise - 2.0 * slope - next, cube = slope + next - 2.0 * rise;
    const double energy = v[0] + f * (slope + f * (square + f * cube));
    return {energy, r > 0 ? (slope + f * (2.0 * square + 3.0 * f * cube)) / (bin_nm * r) : 0.0};
  }
};

// Calls body(cell, dx, dy, {energy, dE/dr / r}) for the cells of a periodic grid of n x n that a potential around (x, y)
// reaches, none twice as long as it reaches less than half the box; (dx, dy) leads there.
template <class Body> void footprint(int n, double spacing_nm, double x, double y, const Radial &u, Body body) {
  const double reach = u.reach_nm();
  if (reach == 0) return;
  const auto first = [=](double at) { return static_cast<int>(std::ceil((at - reach) / spacing_nm)); };
  const auto last = [=](double at) { return static_cast<int>(std::floor((at + reach) / spacing_nm)); };
  for (int j = first(y); j <= last(y); ++j)
    for (int i = first(x); i <= last(x); ++i) {
      const double dx = i * spacing_nm - x, dy = j * spacing_nm - y, r2 = dx * dx + dy * dy;
      if (r2 < reach * reach) body(static_cast<std::size_t>((j + n) % n) * n + (i + n) % n, dx, dy, u.at(r2));
    }
}

} // namespace detail

// The potentials of all states.
class Potentials {
public:
  // Replaces those of a state, kT, kt[channel * potential_bins + b]. Throws std::invalid_argument for a state that there is
  // not, another number of values, or one that is not finite or beyond 50 kT.
  void set(int state, const double *kt, std::size_t count) {
    check_state(state);
    constexpr std::size_t wanted = static_cast<std::size_t>(channels) * potential_bins;
    if (count != wanted)
      throw std::invalid_argument("ddft: a potential of " + std::to_string(count) + " values: give " +
                                  std::to_string(potential_bins) + " bins for each of " + std::to_string(channels) + " lipids");
    for (std::size_t i = 0; i < count; ++i)
      if (!(std::fabs(kt[i]) <= 50.0))
        throw std::invalid_argument("ddft: value " + std::to_string(i) + " of a potential is " + std::to_string(kt[i]) +
                                    " kT: at most 50 kT either way can be computed");
    for (int c = 0; c < channels; ++c) {
      const double *from = kt + static_cast<std::size_t>(c) * potential_bins;
      double *row = &values_[row_of(state, c)];
      std::copy_n(from, potential_bins, row + detail::before);
      for (int k = 0; k < detail::before; ++k) row[detail::before - 1 - k] = from[k];
      std::fill_n(row + detail::before + potential_bins, detail::behind, 0.0);
    }
    tabled_[static_cast<std::size_t>(state)] = 1;
  }

  // The same of what is in force; an affinity as a table.
  std::vector<double> get(int state) const {
    check_state(state);
    std::vector<double> kt;
    for (int c = 0; c < channels; ++c)
      for (int b = 0; b < potential_bins; ++b) {
        const auto u = of(state, c);
        const double r = (b + 0.5) * detail::bin_nm;
        kt.push_back(u.row != nullptr ? u.row[detail::before + b] : r < u.reach_nm() ? u.at(r * r)[0] : 0.0);
      }
    return kt;
  }

  detail::Radial of(int state, int channel) const {
    const bool tabled = tabled_[static_cast<std::size_t>(state)] != 0;
    return {affinity(state, channel), tabled ? &values_[row_of(state, channel)] : nullptr};
  }

  template <class Self, class Archive> static void members(Self &self, Archive &archive) {
    archive(self.tabled_), archive(self.values_);
  }

private:
  static std::size_t row_of(int state, int channel) {
    return (static_cast<std::size_t>(state) * channels + static_cast<std::size_t>(channel)) * detail::row_length;
  }
  static void check_state(int state) {
    if (state < 0 || state >= states)
      throw std::invalid_argument("ddft: there is no protein state " + std::to_string(state) + ": 0 to " +
                                  std::to_string(states - 1) + " can be named");
  }

  std::vector<std::uint8_t> tabled_ = std::vector<std::uint8_t>(states);
  std::vector<double> values_ = std::vector<double>(static_cast<std::size_t>(states) * channels * detail::row_length);
};

} // namespace ddft

#endif
