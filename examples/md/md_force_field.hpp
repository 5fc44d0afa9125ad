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
#include <vector>

namespace md {

// POPC PAPC POPE DIPE DPSM PAPS PAP6 CHOL of the inner leaflet, then POPC PAPC POPE DIPE DPSM CHOL of the outer one.
constexpr int lipids = 14;
constexpr int inner_lipids = 8;
// RASa RASb RASc zRASa mRASa mRASb zRAFa mRAFa mRAFb, then the same nine for RAS4A.
constexpr int states = 18;
constexpr int kinds = lipids + states;

// Lennard-Jones, cut at `cutoff` and shifted to 0 there: 4 epsilon ((sigma/r)^12 - (sigma/r)^6) - shift.
struct Pair {
  double epsilon; // kT; 0: the two do not see each other
  double sigma;   // nm
  double cutoff;  // nm
};

// Harmonic: stiffness (r - length)^2, instead of the Lennard-Jones term, within a RAS-RAF complex.
struct Bond {
  double stiffness = 10.0; // kT/nm^2
  double length = 2.5;     // nm
};

// Stand-ins of our own: PAPS and PAP6 are drawn to a protein, each state's strength is its own; other inner lipids only
// find it in their way, outer ones do not see it.
inline Pair pair(int a, int b) {
  static constexpr double paps[9] = {2.0, 1.6, 2.4, 1.8, 2.6, 1.4, 1.3, 2.2, 2.8};
  static constexpr double pap6[9] = {3.5, 2.6, 1.8, 3.8, 2.8, 4.0, 2.6, 3.6, 2.0};
  constexpr int paps_lipid = 5, pap6_lipid = 6;
  if (a > b) return pair(b, a);
  if (b < lipids) return {(a < inner_lipids) == (b < inner_lipids) ? 0.6 : 0.0, 0.66, 1.65};
  if (a >= lipids) return {1.0, 1.2, 2.5};
  if (a >= inner_lipids) return {0.0, 0.66, 1.0};
  const int state = b - lipids;
  const bool other = state >= 9; // RAS4A
  if (a == paps_lipid) return {paps[state % 9] * (other ? 1.2 : 1.0), 1.0, 2.5};
  if (a == pap6_lipid) return {pap6[state % 9] * (other ? 0.7 : 1.0), 1.0, 2.5};
  return {1.0, 1.0, 2.5};
}

// A pair of kinds, made ready for computing: r2 is the squared distance, nm^2.
struct Coefficients {
  double cutoff2 = 0;      // 0: nothing happens
  double force12, force6;  // 48 epsilon sigma^12 and 24 epsilon sigma^6
  double energy12, energy6; // 4 epsilon sigma^12 and 4 epsilon sigma^6
  double shift;

  Coefficients() = default;
  explicit Coefficients(const Pair &p) {
    const double s2 = p.sigma * p.sigma, s6 = s2 * s2 * s2, c2 = p.cutoff * p.cutoff, c6 = 1.0 / (c2 * c2 * c2);
    cutoff2 = p.epsilon == 0 ? 0 : c2;
    energy12 = 4.0 * p.epsilon * s6 * s6, energy6 = 4.0 * p.epsilon * s6;
    force12 = 12.0 * energy12, force6 = 6.0 * energy6;
    shift = c6 * (energy12 * c6 - energy6);
  }
  double energy(double r2) const {
    const double i2 = 1.0 / r2, i6 = i2 * i2 * i2;
    return i6 * (energy12 * i6 - energy6) - shift;
  }
  double force_per_nm(double r2) const { // -dE/dr / r
    const double i2 = 1.0 / r2, i6 = i2 * i2 * i2;
    return i6 * (force12 * i6 - force6) * i2;
  }
};

// All pairs of kinds: at(a, b), symmetric.
class ForceField {
public:
  explicit ForceField(Pair (*of)(int, int) = pair, Bond bond = {}) : bond_(bond), all_(kinds * kinds) {
    for (int a = 0; a < kinds; ++a)
      for (int b = 0; b < kinds; ++b) {
        const Pair p = of(a, b);
        all_[index(a, b)] = Coefficients(p);
        if (p.epsilon == 0) continue;
        double &longest = a < lipids && b < lipids ? lipid_cutoff_ : protein_cutoff_;
        longest = p.cutoff > longest ? p.cutoff : longest;
      }
  }
  const Coefficients &at(int a, int b) const { return all_[index(a, b)]; }
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
