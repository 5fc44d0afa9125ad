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

// cos(pi sqrt(u)) and sin(pi sqrt(u)) / sqrt(u) for 0 <= u <= 1, to 1e-14: both are smooth in u, so that a pair needs neither
// a root nor a quotient. Polynomials in u - 1/2 through the Chebyshev nodes; the same bits on every machine.
inline std::array<double, 2> cosine_and_sine(double u) {
  const double v = u - 0.5;
  double c = -1.21835312023847e-07, s = -2.0398624547936682e-08;
  c = c * v + 3.7195257541804284e-06, s = s * v + 6.980951864000285e-07;
  c = c * v - 8.862240419748965e-05, s = s * v - 1.893318979925964e-05;
  c = c * v + 0.0015920509211426845, s = s * v + 0.0003949314102654554;
  c = c * v - 0.020538462154579377, s = s * v - 0.006081188243417394;
  c = c * v + 0.1776098049519998, s = s * v + 0.06537595550991611;
  c = c * v - 0.9245163451518797, s = s * v - 0.4522796542955679;
  c = c * v + 2.3782974557770435, s = s * v + 1.7656961556020199;
  c = c * v - 1.767585874626384, s = s * v - 3.028142369839915;
  c = c * v - 0.6056998670788073, s = s * v + 1.1252801171448013;
  return {c, s};
}

} // namespace detail

// A pair of kinds, made ready for computing.
struct Coefficients {
  double cutoff2 = 0; // nm^2; 0: nothing happens
  double per_nm2 = 0, strength = 0, slope = 0; // 1 / range^2; kT; -dE/dr / r = slope sin(pi sqrt(u)) / sqrt(u), u = r^2 per_nm2

  Coefficients() = default;
  explicit Coefficients(const Pair &p) {
    if (p.strength == 0) return;
    cutoff2 = p.range * p.range, per_nm2 = 1.0 / cutoff2;
    strength = p.strength, slope = 3.141592653589793 * p.strength * per_nm2;
  }
  double energy(double r2) const { // kT, at a squared distance, nm^2
    return r2 < cutoff2 ? strength * (1.0 + detail::cosine_and_sine(r2 * per_nm2)[0]) : 0.0;
  }
};

// All pairs of kinds: row(a)[b], symmetric.
class ForceField {
public:
  explicit ForceField(Pair (*of)(int, int) = pair, Bond bond = {}) : bond_(bond), all_(kinds * kinds), sees_(kinds * kinds) {
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
        sees_[index(a, b < lipids ? leaflet(b) : b)] = true;
      }
    for (int a = 0; a < lipids; ++a)
      for (int b = 0; b < kinds; ++b) {
        const Coefficients &one = row(a)[b], &first = row(leaflet(a))[b < lipids ? leaflet(b) : b];
        alike_ &= b >= lipids || (one.cutoff2 == first.cutoff2 && one.strength == first.strength);
        one_range_ &= one.cutoff2 == first.cutoff2;
      }
  }
  const Coefficients *row(int kind) const { return &all_[index(kind, 0)]; } // with all kinds
  // Whether kind a does anything to any lipid of the leaflet of b, or to b where that is a protein.
  bool sees(int a, int b) const { return sees_[index(a, b < lipids ? leaflet(b) : b)]; }
  // Whether lipids do the same to each other whatever their species, so that a trade changes what proteins do, and no more.
  bool alike() const { return alike_; }
  // Whether all lipids of a leaflet reach as far, so that a trade changes no list of neighbours that goes by kinds.
  bool one_range() const { return one_range_; }
  const Bond &bond() const { return bond_; }
  double lipid_cutoff() const { return lipid_cutoff_; }     // longest between lipids, nm
  double protein_cutoff() const { return protein_cutoff_; } // longest with a protein, nm

private:
  static std::size_t index(int a, int b) { return static_cast<std::size_t>(a) * kinds + static_cast<std::size_t>(b); }
  static int leaflet(int lipid) { return lipid < inner_lipids ? 0 : inner_lipids; } // its first lipid
  Bond bond_;
  bool alike_ = true, one_range_ = true;
  double lipid_cutoff_ = 0, protein_cutoff_ = 0;
  std::vector<Coefficients> all_;
  std::vector<bool> sees_; // of a leaflet at its first lipid
};

} // namespace md

#endif
