// What a run of the macro model is made of: lipids, proteins, their affinities, options and constants.
//
// Nanometres, microseconds, kT, nm^-2.
// Not here: the arithmetic (ddft_arithmetic.hpp), the equations (ddft.hpp).

#ifndef DDFT_MEMBRANE_HPP
#define DDFT_MEMBRANE_HPP

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>

namespace ddft {

// POPC PAPC POPE DIPE DPSM PAPS PAP6 CHOL of the inner leaflet, then POPC PAPC POPE DIPE DPSM CHOL of the outer one.
constexpr int channels = 14;
constexpr int inner_channels = 8;
// RASa RASb RASc zRASa mRASa mRASb zRAFa mRAFa mRAFb, then the same nine for RAS4A.
constexpr int states = 18;

struct Protein {
  std::uint64_t id;     // 1 + its index in proteins()
  std::int32_t state;   // 0 .. states - 1; a RAF (6 .. 8 and 15 .. 17) is always half of a complex
  std::int32_t partner; // index in proteins() of the other half of a RAS-RAF complex, or -1
  double x_nm, y_nm;    // in [0, box)
};

struct Options {
  int grid = 192;                  // cells a side, 48 .. 4096
  int proteins = 10;               // RAS in all, at most one per 100 nm^2; two in five carry a RAF, a protein more
  std::uint64_t seed = 1;          // any value
  double spacing_nm = 30.0 / 36.0; // side of a cell, 0.2 .. 1.5
  double dt_us = 0;                // time step; 0: the largest stable one
  double noise = 0.1;              // lipid noise as a share of its full physical amplitude, 0 .. 1
  bool fixed_proteins = false;     // proteins stay where they start

  bool operator==(const Options &o) const {
    return grid == o.grid && proteins == o.proteins && seed == o.seed && spacing_nm == o.spacing_nm &&
           dt_us == o.dt_us && noise == o.noise && fixed_proteins == o.fixed_proteins;
  }
  // Calls archive with each member: their bytes without the gaps between them.
  template <class Self, class Archive> static void members(Self &self, Archive &archive) {
    archive(self.grid), archive(self.proteins), archive(self.seed), archive(self.spacing_nm), archive(self.dt_us);
    archive(self.noise), archive(self.fixed_proteins);
  }
};

// Potential of a protein on a lipid at distance r: kt (1 - r^2/range^2)^3 inside range_nm, nothing outside.
struct Affinity {
  double kt; // negative attracts
  double range_nm;
};

// Stand-ins of our own, chosen so that each state has a lipid environment of its own: PAPS and PAP6 are drawn to the
// inner leaflet below a protein, ordered lipids (CHOL, DPSM) are pushed away, the outer leaflet feels a quarter of it.
inline Affinity affinity(int state, int channel) {
  static constexpr double inner_kt[9][inner_channels] = {
      // POPC PAPC  POPE  DIPE  DPSM  PAPS  PAP6  CHOL
      {0.2, 0.0, 0.1, -0.3, 0.5, -1.6, -2.2, 0.5},   // RASa
      {0.3, -0.2, 0.0, -0.6, 0.8, -1.1, -1.4, 0.7},  // RASb
      {0.1, -0.1, -0.2, -0.2, 0.2, -2.0, -0.8, 0.2}, // RASc
      {0.2, 0.0, 0.1, -0.2, 0.6, -1.4, -2.8, 0.6},   // zRASa
      {0.4, 0.2, -0.3, -0.5, 0.9, -2.2, -1.8, 1.0},  // mRASa
      {0.3, -0.4, 0.1, -0.9, 0.4, -0.9, -3.0, 0.8},  // mRASb
      {0.3, 0.1, 0.0, -0.1, 0.3, -0.8, -1.5, 0.4},   // zRAFa
      {0.5, 0.3, 0.2, 0.1, 0.6, -1.8, -2.6, 1.2},    // mRAFa
      {0.6, -0.3, -0.2, -0.4, 1.0, -2.4, -1.2, 0.9}, // mRAFb
  };
  static constexpr double range_nm[9] = {5.0, 5.5, 4.5, 5.0, 6.0, 5.5, 4.5, 6.5, 6.0};
  static constexpr int as_inner[channels] = {0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 7};
  constexpr int paps = 5, pap6 = 6, chol = 7;
  const int kind = state % 9, lipid = as_inner[channel];
  double kt = inner_kt[kind][lipid] * (channel < inner_channels ? 1.0 : 0.25);
  if (state >= 9) kt *= lipid == paps ? 1.2 : lipid == pap6 ? 0.7 : lipid == chol ? 0.5 : 1.0;
  return {kt, range_nm[kind] * (lipid == pap6 ? 1.2 : 1.0)};
}

// rhobar, nm^-2: mole fraction over 0.60 nm^2 a lipid. The fractions are round numbers of ours for an average plasma
// membrane, simplified after the eight-lipid mimic of J. Phys. Chem. B 124, 7819 (2020); each leaflet sums to 1.
inline double mean_density(int channel) {
  static constexpr double fraction[channels] = {0.14, 0.075, 0.055, 0.16, 0.11, 0.16, 0.02, 0.28,
                                                0.24, 0.12,  0.02,  0.06, 0.25, 0.31};
  return fraction[channel] / 0.60;
}

// Potentials from outside are tables of so many bins up to this distance (ddft_potential.hpp).
constexpr int potential_bins = 60;
constexpr double potential_cutoff_nm = 6.0;

// D, nm^2/us. The mean over the channels is 43.36, the value of the metric paper (A.6); CHOL has 1.5 times the others'.
constexpr double diffusion(int channel) {
  return 43.36 * 14.0 / 15.0 * (channel == 7 || channel == 13 ? 1.5 : 1.0);
}

// Largest stable time step, us: 0.25 dx^2/(4 D_max), a quarter of what plain diffusion allows. The rest is left to the
// slopes of the potentials.
constexpr double stable_dt_us(double spacing_nm) { return 0.25 * spacing_nm * spacing_nm / (4.0 * diffusion(7)); }

namespace detail {

constexpr double protein_diffusion = 2.0; // D_p, nm^2/us
constexpr double sigma_nm = 0.9;          // width of the Gaussian G
constexpr double lipid_area_nm2 = 0.60;
constexpr double face_limit = 0.24; // noise takes at most this share of a cell through each of its four faces
constexpr double face_share = 0.25; // drift takes at most this share of a cell through each
// A_ij = packing + ordering o_i o_j within a leaflet, crossing o_i o_j between leaflets; kT nm^2.
constexpr double packing = lipid_area_nm2 * 2.0, ordering = -lipid_area_nm2 * 0.45, crossing = -0.048;
// Lipid order o in quarters: 4 for CHOL, -4 for the most unsaturated lipid. With quarters exp(-o q) is a small power
// of exp(-q/4), and four exponentials a cell serve all channels.
constexpr int order_quarters[channels] = {0, -2, 1, -4, 3, -1, -3, 4, 0, -2, 1, -4, 3, 4};
// The mixing term between two channels, kT nm^2.
constexpr double mixing(int i, int j) {
  const double both = order_quarters[i] * order_quarters[j] / 16.0;
  return (i < inner_channels) == (j < inner_channels) ? packing + ordering * both : crossing * both;
}
// A complex is a harmonic bond k/2 (d - length)^2; other pairs feel a soft core height (1 - d^2/range^2)^2.
constexpr double bond_kt_nm2 = 20.0, bond_nm = 2.5, core_kt = 4.0, core_nm = 4.0;

// Throws std::invalid_argument for options that cannot be computed.
inline Options checked(const Options &o) {
  const auto text = [](double value) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.6g", value);
    return std::string(buffer);
  };
  const auto require = [](bool holds, const std::string &sentence) {
    if (!holds) throw std::invalid_argument("ddft: " + sentence);
  };
  require(o.grid >= 48 && o.grid <= 4096,
          "grid is " + std::to_string(o.grid) + " cells a side, 48 to 4096 can be computed");
  require(o.spacing_nm >= 0.2 && o.spacing_nm <= 1.5,
          "spacing is " + text(o.spacing_nm) + " nm, 0.2 to 1.5 nm resolve the lipids' 0.9 nm Gaussian");
  const double box = o.grid * o.spacing_nm, bound = stable_dt_us(o.spacing_nm);
  require(box >= 30.0,
          "the box is " + text(box) + " nm wide, it must hold a patch of 30 nm: use a larger grid or spacing");
  require(o.proteins >= 0, "proteins is " + std::to_string(o.proteins) + ", it cannot be negative");
  require(o.proteins * 100.0 <= box * box,
          std::to_string(o.proteins) + " proteins are too dense for a box of " + text(box) + " nm: at most " +
              text(std::floor(box * box / 100.0)) + " fit, one per 100 nm^2");
  require(o.noise >= 0.0 && o.noise <= 1.0, "noise is " + text(o.noise) + ", it is a share between 0 and 1");
  require(o.dt_us >= 0.0 && o.dt_us <= bound,
          "a time step of " + text(o.dt_us) + " us is not stable: with a spacing of " + text(o.spacing_nm) +
              " nm it must be at most " + text(bound) + " us (0.25 dx^2 / 4 D), or 0 for that bound");
  return o;
}

// Energy of two proteins at squared distance r2, kT, and dE/dr / r, kT/nm^2: what a nanometre of distance pulls.
inline std::array<double, 2> pair(bool bonded, double r2) {
  if (bonded) {
    const double r = std::sqrt(r2), stretch = r - bond_nm;
    return {0.5 * bond_kt_nm2 * stretch * stretch, r > 0 ? bond_kt_nm2 * stretch / r : 0.0};
  }
  const double depth = 1.0 - r2 / (core_nm * core_nm);
  if (depth <= 0) return {0.0, 0.0};
  return {core_kt * depth * depth, -4.0 * core_kt * depth / (core_nm * core_nm)};
}

} // namespace detail

} // namespace ddft

#endif
