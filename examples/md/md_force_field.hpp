// The force field of the micro model: kinds of beads, and what each pair of kinds does to each other.
//
// Nanometres, kT, mass 1 a bead; the unit of time is nm sqrt(mass / kT). Kinds: 0 .. 13 are the lipids of the macro model
// in its order, 14 + s is a protein of state s. Replace `pair` and `bond` by a force field of your own.
// Not here: where the beads are (md_start.hpp), how they move (md.hpp).

#ifndef MD_FORCE_FIELD_HPP
#define MD_FORCE_FIELD_HPP

#include <array>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace md {

// POPC PAPC POPE DIPE DPSM PAPS PAP6 CHOL of the inner leaflet, then POPC PAPC POPE DIPE DPSM CHOL of the outer one.
constexpr int lipids = 14;
constexpr int inner_lipids = 8;
// RASa RASb RASc zRASa mRASa mRASb zRAFa mRAFa mRAFb, then the same nine for RAS4A.
constexpr int states = 18;
constexpr int kinds = lipids + states;

// A soft hill or well: strength (1 + cos(pi r / range)) within range, LAMMPS' `pair_style soft`. Its force is nowhere large
// and ends without a jump.
struct Pair {
  double strength; // half the energy at r = 0, kT; negative attracts; 0: the two do not see each other
  double range;    // nm
};

// Harmonic: stiffness (r - length)^2, instead of the soft term, within a RAS-RAF complex.
struct Bond {
  double stiffness = 10.0; // kT/nm^2
  double length = 2.5;     // nm
};

// Stand-ins of our own. Lipids of a leaflet keep each other at a distance, those of the other they do not see. A protein lies
// on the inner leaflet: it draws PAPS and PAP6 below it, by a strength that is its state's own, and pushes ordered lipids
// away; the outer leaflet does not see it.
inline Pair pair(int a, int b) {
  // POPC PAPC POPE DIPE DPSM PAPS PAP6 CHOL of RASa; the states after it scale PAPS and PAP6.
  static constexpr double inner[inner_lipids] = {0.2, 0.1, 0.2, -0.1, 0.4, -0.5, -0.6, 0.5};
  static constexpr double paps[9] = {1.0, 0.8, 1.2, 0.9, 1.3, 0.7, 0.65, 1.1, 1.4};
  static constexpr double pap6[9] = {1.0, 0.75, 0.5, 1.1, 0.8, 1.15, 0.75, 1.05, 0.55};
  constexpr int paps_lipid = 5, pap6_lipid = 6;
  if (a > b) return pair(b, a);
  if (b < lipids) return {(a < inner_lipids) == (b < inner_lipids) ? 1.5 : 0.0, 1.0};
  if (a >= lipids) return {10.0, 2.5};
  if (a >= inner_lipids) return {0.0, 1.0};
  const int state = b - lipids;
  const bool other = state >= 9; // RAS4A
  const double scale = a == paps_lipid   ? paps[state % 9] * (other ? 1.2 : 1.0)
                       : a == pap6_lipid ? pap6[state % 9] * (other ? 0.7 : 1.0)
                                         : 1.0;
  return {inner[a] * scale, 3.0};
}

namespace detail {

// Sine and cosine for |y| <= pi/2 by Taylor's series, to 1e-15: the same bits on every machine.
inline std::array<double, 2> sine_and_cosine(double y) {
  const double z = y * y;
  double s = -1.0 / 121645100408832000.0, c = 1.0 / 2432902008176640000.0;
  s = s * z + 1.0 / 355687428096000.0, c = c * z - 1.0 / 6402373705728000.0;
  s = s * z - 1.0 / 1307674368000.0, c = c * z + 1.0 / 20922789888000.0;
  s = s * z + 1.0 / 6227020800.0, c = c * z - 1.0 / 87178291200.0;
  s = s * z - 1.0 / 39916800.0, c = c * z + 1.0 / 479001600.0;
  s = s * z + 1.0 / 362880.0, c = c * z - 1.0 / 3628800.0;
  s = s * z - 1.0 / 5040.0, c = c * z + 1.0 / 40320.0;
  s = s * z + 1.0 / 120.0, c = c * z - 1.0 / 720.0;
  s = s * z - 1.0 / 6.0, c = c * z + 1.0 / 24.0;
  c = c * z - 0.5;
  return {y * (s * z + 1.0), c * z + 1.0};
}

} // namespace detail

// A pair of kinds, made ready for computing: r2 is the squared distance, nm^2.
struct Coefficients {
  double cutoff2 = 0; // 0: nothing happens
  double strength, per_nm;

  Coefficients() = default;
  explicit Coefficients(const Pair &p)
      : cutoff2(p.strength == 0 ? 0 : p.range * p.range), strength(p.strength), per_nm(3.141592653589793 / p.range) {}
  std::array<double, 2> at(double r2) const { // energy, kT, and -dE/dr / r, kT/nm^2
    const double r = std::sqrt(r2);
    const auto [s, c] = detail::sine_and_cosine(r * per_nm - 0.5 * 3.141592653589793);
    return {strength * (1.0 - s), r > 0 ? strength * per_nm * c / r : 0.0};
  }
};

// All pairs of kinds: row(a)[b], symmetric.
class ForceField {
public:
  explicit ForceField(Pair (*of)(int, int) = pair, Bond bond = {}) : bond_(bond), all_(kinds * kinds) {
    for (int a = 0; a < kinds; ++a)
      for (int b = 0; b < kinds; ++b) {
        const Pair p = of(a, b);
        all_[index(a, b)] = Coefficients(p);
        if (p.strength == 0) continue;
        if (a < lipids && b < lipids && (a < inner_lipids) != (b < inner_lipids))
          throw std::invalid_argument("md: lipids " + std::to_string(a) + " and " + std::to_string(b) +
                                      " of two leaflets see each other, which md.hpp does not list");
        double &longest = a < lipids && b < lipids ? lipid_cutoff_ : protein_cutoff_;
        longest = p.range > longest ? p.range : longest;
      }
  }
  const Coefficients *row(int kind) const { return &all_[index(kind, 0)]; } // with all kinds
  const Bond &bond() const { return bond_; }
  double lipid_cutoff() const { return lipid_cutoff_; }     // longest between lipids, nm
  double protein_cutoff() const { return protein_cutoff_; } // longest with a protein, nm

private:
  static std::size_t index(int a, int b) { return static_cast<std::size_t>(a) * kinds + static_cast<std::size_t>(b); }
  Bond bond_;
  double lipid_cutoff_ = 0, protein_cutoff_ = 0;
  std::vector<Coefficients> all_;
};

} // namespace md

#endif
