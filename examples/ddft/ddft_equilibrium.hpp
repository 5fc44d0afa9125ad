// What g(r) the model has around one protein: the equilibrium of its own equations, without steps in time.
//
// A protein of one state that stays where it is in a membrane without end, no noise: the densities are those at which every
// flux is zero, rho_i = rhobar_i exp(-phi_i[rho]). They are found on the model's grid, with its operators, by going a part of
// the way from rho to exp(-phi[rho]) again and again. A grid shows a protein at its distances only, so the protein is put at
// several places in a cell, and what is smooth, the mixing term of phi, is taken as a function of the distance from all of
// them; with the potential that gives g at the middle of each bin. The same options give the same bits.
// It is what the running model has around a protein that moves slowly: a moving one's lipids lag by D_p/D of -ln g, 5 %.
// nm, g[channel * potential_bins + b], as Potentials. Not here: steps in time (ddft.hpp).

#ifndef DDFT_EQUILIBRIUM_HPP
#define DDFT_EQUILIBRIUM_HPP

#include "ddft_arithmetic.hpp"
#include "ddft_grid.hpp"
#include "ddft_membrane.hpp"
#include "ddft_potential.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace ddft {

namespace detail {

// The densities around one protein, by what they depend on: in each leaflet phi_i = U_i + P + o_i Q.
class Equilibrium {
public:
  Equilibrium(const Potentials &potentials, int state, double spacing_nm, double x_cells, double y_cells)
      : n_(cells_for(potentials, state, spacing_nm)), spacing_nm_(spacing_nm), x_nm_((n_ / 2 + x_cells) * spacing_nm),
        y_nm_((n_ / 2 + y_cells) * spacing_nm), gaussian_(n_, spacing_nm) {
    const std::size_t cells = static_cast<std::size_t>(n_) * n_;
    for (auto &plane : fields_) plane.assign(cells, 0.0);
    for (auto &plane : smooth_) plane.assign(cells, 0.0);
    for (int c = 0; c < channels; ++c) {
      alone_[c].assign(cells, mean_density(c));
      footprint(n_, spacing_nm_, x_nm_, y_nm_, potentials.of(state, c), [&](std::size_t cell, double, double, auto u) {
        alone_[c][cell] *= exponential(-u[0]);
      });
    }
    settle(state);
  }

  // Calls body(r2, {P, Q of the inner leaflet, P, Q of the outer one}) for each cell.
  template <class Body> void mixing(Body body) const {
    for (int y = 0; y < n_; ++y)
      for (int x = 0; x < n_; ++x) {
        const double dx = x * spacing_nm_ - x_nm_, dy = y * spacing_nm_ - y_nm_;
        const std::size_t cell = static_cast<std::size_t>(y) * n_ + x;
        const auto inner = of(cell, 0), outer = of(cell, 1);
        body(dx * dx + dy * dy, std::array<double, 4>{inner[0], inner[1], outer[0], outer[1]});
      }
  }

private:
  static int cells_for(const Potentials &potentials, int state, double spacing_nm) {
    double reach = potential_cutoff_nm;
    for (int c = 0; c < channels; ++c) reach = std::max(reach, potentials.of(state, c).reach_nm());
    return static_cast<int>(std::ceil(2.0 * (reach + 4.0 * sigma_nm) / spacing_nm));
  }

  std::array<double, 2> of(std::size_t cell, int leaflet) const {
    const double own = smooth_[2 * leaflet + 1][cell], other = smooth_[3 - 2 * leaflet][cell];
    return {packing * smooth_[2 * leaflet][cell], ordering * own + crossing * other};
  }

  void smooth() {
    const int room = gaussian_.radius();
    std::vector<double> row(n_ + 2 * room), half(static_cast<std::size_t>(n_) * n_);
    for (int k = 0; k < 4; ++k) {
      for (int y = 0; y < n_; ++y) {
        std::copy_n(&fields_[k][static_cast<std::size_t>(y) * n_], n_, &row[room]);
        gaussian_.along_x(&row[room], &half[static_cast<std::size_t>(y) * n_]);
      }
      for (int y = 0; y < n_; ++y) gaussian_.along_y(half, y, &smooth_[k][static_cast<std::size_t>(y) * n_]);
    }
  }

  // Moves the fields by a share of the way to those of exp(-phi); how far it was, nm^-2, at most.
  double go(double share) {
    smooth();
    double farthest = 0;
    for (std::size_t cell = 0; cell < fields_[0].size(); ++cell)
      for (int leaflet = 0; leaflet < 2; ++leaflet) {
        const auto [p, q] = of(cell, leaflet);
        const double all = exponential(-p), quarter = exponential(-0.25 * q), inverse = 1.0 / quarter;
        double total = 0, ordered = 0;
        for (int c = leaflet == 0 ? 0 : inner_channels; c < (leaflet == 0 ? inner_channels : channels); ++c) {
          const int quarters = order_quarters[c];
          double rho = alone_[c][cell] * all;
          for (int k = 0; k < std::abs(quarters); ++k) rho *= quarters > 0 ? quarter : inverse;
          const double excess = rho - mean_density(c);
          total += excess, ordered += 0.25 * quarters * excess;
        }
        for (const auto &[k, wanted] : {std::pair<int, double>{2 * leaflet, total}, {2 * leaflet + 1, ordered}}) {
          const double way = wanted - fields_[k][cell];
          farthest = std::max(farthest, std::fabs(way));
          fields_[k][cell] += share * way;
        }
      }
    return farthest;
  }

  void settle(int state) {
    double share = 0.25, before = go(share);
    for (int round = 0; round < 5000; ++round) {
      const double way = go(share);
      if (way < 1e-9) return smooth();
      share = way < before ? std::min(0.3, 1.05 * share) : std::max(0.002, 0.5 * share);
      before = way;
    }
    throw std::runtime_error("ddft: no equilibrium was found around a protein of state " + std::to_string(state) +
                             ": its potentials attract too much");
  }

  int n_;
  double spacing_nm_, x_nm_, y_nm_;
  Gaussian gaussian_;
  std::vector<double> alone_[channels];       // rhobar exp(-U), nm^-2
  std::vector<double> fields_[4], smooth_[4]; // sums over the inner, then over the outer leaflet: rho - rhobar, o (rho - rhobar)
};

} // namespace detail

// g(r) that the model has at equilibrium around one protein of a state. Throws std::runtime_error where there is none.
inline std::vector<double> equilibrium_g(const Potentials &potentials, int state, double spacing_nm) {
  using namespace detail;
  // Places that a cell's symmetry does not make alike: 0 <= y <= x <= 1/2.
  static constexpr double places[6][2] = {{0.06, 0.03}, {0.22, 0.05}, {0.44, 0.08}, {0.25, 0.19}, {0.42, 0.27}, {0.45, 0.41}};
  constexpr int bins = potential_bins;
  std::vector<std::array<double, 6>> sums(bins + 2); // of P, Q of both leaflets, of r, and a count
  for (const auto &place : places) {
    const Equilibrium around(potentials, state, spacing_nm, place[0], place[1]);
    around.mixing([&](double r2, const std::array<double, 4> &pq) {
      const double r = std::sqrt(r2);
      if (r >= potential_cutoff_nm + 2.0 * bin_nm) return;
      auto &sum = sums[static_cast<std::size_t>(r / bin_nm)];
      for (std::size_t k = 0; k < 4; ++k) sum[k] += pq[k];
      sum[4] += r, sum[5] += 1;
    });
  }
  std::vector<std::array<double, 5>> known; // means, in the order of r
  for (const auto &sum : sums)
    if (sum[5] > 0) known.push_back({sum[0] / sum[5], sum[1] / sum[5], sum[2] / sum[5], sum[3] / sum[5], sum[4] / sum[5]});
  std::vector<double> g(static_cast<std::size_t>(channels) * bins);
  for (int b = 0; b < bins; ++b) {
    const double r = (b + 0.5) * bin_nm;
    std::size_t k = 1;
    while (k + 1 < known.size() && known[k][4] < r) ++k;
    const auto &low = known[k - 1], &high = known[k];
    const double f = std::max(0.0, (r - low[4]) / (high[4] - low[4]));
    for (int c = 0; c < channels; ++c) {
      const std::size_t first = c < inner_channels ? 0 : 2;
      const auto mixed = [&](std::size_t at) { return low[at] + f * (high[at] - low[at]); };
      const Radial u = potentials.of(state, c);
      const double alone = r < u.reach_nm() ? u.at(r * r)[0] : 0.0;
      g[static_cast<std::size_t>(c) * bins + b] =
          exponential(-(alone + mixed(first) + 0.25 * order_quarters[c] * mixed(first + 1)));
    }
  }
  return g;
}

} // namespace ddft

#endif
