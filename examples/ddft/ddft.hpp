// The macro model: dynamic density functional theory (DDFT) of a lipid membrane with RAS and RAF proteins.
//
// Fourteen lipid densities rho_i on a periodic square grid, and proteins at X_p that need no grid:
//   F/kT = sum_i int rho_i (ln(rho_i/rhobar_i) - 1) + 1/2 sum_ij A_ij int (rho_i - rhobar_i) G * (rho_j - rhobar_j)
//        + sum_p sum_i int rho_i U_{state(p),i}(|r - X_p|) + bonds and soft cores between proteins
//   d rho_i/dt = D_i div(grad rho_i + rho_i grad phi_i),  phi_i = sum_j A_ij G * (rho_j - rhobar_j) + sum_p U
//   dX_p = D_p f_p dt + sqrt(2 D_p dt) xi,  f_p = -dF/dX_p (kT/nm)
// Every term uses one discrete operator in phi, in F and in f. A face carries the Scharfetter-Gummel-like flux
// D/dx (rho_L s_R/s_L - rho_R s_L/s_R) with s = exp(-phi/2), less where a slope is so steep that a quarter of a cell would
// leave it in a step: mass is conserved, densities stay positive, rho ~ exp(-phi) is an equilibrium.
//
// Nanometres, microseconds, kT, nm^-2. Planes: plane(c)[y * grid + x]; cell (x, y) has its centre at (x, y) * spacing.
// The same options give the same bits: additions, multiplications, divisions, square roots and floor are all a
// trajectory uses (exp and ln: ddft_arithmetic.hpp), so neither the C library nor the optimisation level shows.
// For that the compiler may not contract a * b + c: build with -ffp-contract=off wherever the target has FMA.
//
// Not here: cutting patches and the coupling to patchstream (main.cpp), proteins that change state.

#ifndef DDFT_HPP
#define DDFT_HPP

#include "ddft_arithmetic.hpp"
#include "ddft_grid.hpp"
#include "ddft_membrane.hpp"
#include "ddft_potential.hpp"
#include "ddft_state.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

namespace ddft {

class Model {
public:
  // Starts from uniform densities rhobar, which settle around the proteins within about 1 us, and proteins at random
  // places. Throws std::invalid_argument, with a sentence that gives the values, for options out of their ranges, a
  // box below 30 nm, or a dt_us beyond stable_dt_us(spacing_nm).
  explicit Model(const Options &options)
      : options_(detail::checked(options)), n_(options.grid), dx_(options.spacing_nm), box_(n_ * dx_),
        dt_(options.dt_us == 0 ? stable_dt_us(dx_) : options.dt_us), gaussian_(n_, dx_), noise_(stream(1)),
        motion_(stream(2)), control_(stream(3)) {
    const std::size_t cells = static_cast<std::size_t>(n_) * n_;
    density_.resize(cells * channels);
    for (int c = 0; c < channels; ++c) std::fill_n(density_.begin() + c * cells, cells, mean_density(c));
    for (auto &plane : half_) plane.resize(cells);
    for (auto *pair : {p_, q_, inverse_q_}) pair[0].resize(cells), pair[1].resize(cells);
    s_.resize(cells);
    place_proteins();
  }

  // One time step: lipids drift, lipid noise, proteins move (in the densities from before the step).
  void step() {
    smooth_along_x(half_);
    exponentials();
    std::vector<std::array<double, 2>> forces;
    if (!options_.fixed_proteins)
      for (int i = 0; i < count(); ++i) forces.push_back(force(i));
    for (int c = 0; c < channels; ++c) {
      drift(c);
      if (options_.noise > 0) shake(c);
    }
    for (int i = 0; i < static_cast<int>(forces.size()); ++i) {
      const auto xi = motion_.normals();
      const double mobility = detail::protein_diffusion * dt_, width = std::sqrt(2.0 * mobility);
      move_protein(i, proteins_[i].x_nm + mobility * forces[i][0] + width * xi[0],
                   proteins_[i].y_nm + mobility * forces[i][1] + width * xi[1]);
    }
    ++steps_;
  }

  std::int64_t steps() const { return steps_; }
  double time_us() const { return steps_ * dt_; }
  double dt_us() const { return dt_; }
  int grid() const { return n_; }
  double spacing_nm() const { return dx_; }
  double box_nm() const { return box_; }
  // Each RAS, followed by its RAF if it carries one. Order, ids, states and partners never change.
  const std::vector<Protein> &proteins() const { return proteins_; }
  // Densities of channel c, nm^-2, [y * grid + x]; positive. The planes follow one another in memory, and stay
  // where they are for as long as the model lives; a step writes into them.
  const double *plane(int c) const { return density_.data() + static_cast<std::size_t>(c) * n_ * n_; }
  double mass(int channel) const { // number of lipids of the channel in the box
    double sum = 0;
    for (int y = 0; y < n_; ++y) {
      double row = 0;
      for (int x = 0; x < n_; ++x) row += plane(channel)[static_cast<std::size_t>(y) * n_ + x];
      sum += row;
    }
    return sum * dx_ * dx_;
  }
  // Share of all noise draws so far that were cut to 0.24 of the poorer cell; 0 before the first.
  double clamped_share() const { return draws_ > 0 ? clamped_ / draws_ : 0.0; }
  static double stable_dt_us(double spacing_nm) { return ddft::stable_dt_us(spacing_nm); }

  // A random point at least min_distance_nm from every protein, periodic; false if 256 tries find none. It has a
  // generator of its own, so that asking changes nothing in the trajectory.
  bool control_point(double min_distance_nm, std::array<double, 2> &out) {
    for (int attempt = 0; attempt < 256; ++attempt) {
      const double x = control_.uniform() * box_, y = control_.uniform() * box_;
      if (clear_of_proteins(x, y, min_distance_nm)) {
        out = {x, y};
        return true;
      }
    }
    return false;
  }

  // Puts a protein at a place, which is taken into the box. Throws std::invalid_argument for one that is not finite.
  void move_protein(int index, double x_nm, double y_nm) {
    if (!std::isfinite(x_nm) || !std::isfinite(y_nm))
      throw std::invalid_argument("ddft: the place given for protein " + std::to_string(index) + " is not finite");
    proteins_.at(index).x_nm = wrapped(x_nm);
    proteins_.at(index).y_nm = wrapped(y_nm);
  }

  // What the proteins do to the lipids. Those of a state are replaced by a table: from the next step on it is in force.
  const Potentials &potentials() const { return potentials_; }
  void set_potential(int state, const double *kt, std::size_t count) { potentials_.set(state, kt, count); }

  // Everything that the steps to come depend on, and the options that it was made with.
  Bytes state() const { detail::Saver saver; return members(*this, saver), saver.finish(); }
  // Goes on where state() was called, bit for bit. Throws std::invalid_argument, and changes nothing, unless the bytes are
  // whole and of a model with the same options.
  void restore(const Bytes &bytes) {
    detail::Loader loader(bytes);
    Model restored(*this);
    members(restored, loader);
    if (!loader.at_end() || !(restored.options_ == options_))
      throw std::invalid_argument("ddft: the state is of a model with other options: use those");
    *this = std::move(restored);
  }

  // Force on a protein, kT/nm: exactly minus the gradient of free_energy() at fixed densities.
  std::array<double, 2> force(int index) const {
    const Protein &p = proteins_.at(index);
    double fx = 0, fy = 0;
    for (int c = 0; c < channels; ++c) {
      const double *rho = plane(c), area = dx_ * dx_;
      detail::footprint(n_, dx_, p.x_nm, p.y_nm, potentials_.of(p.state, c), [&](std::size_t cell, double dx, double dy, auto u) {
        fx += area * rho[cell] * u[1] * dx;
        fy += area * rho[cell] * u[1] * dy;
      });
    }
    for (int j = 0; j < count(); ++j) {
      if (j == index) continue;
      const double dx = nearest(proteins_[j].x_nm - p.x_nm), dy = nearest(proteins_[j].y_nm - p.y_nm);
      const double pull = detail::pair(p.partner == j, dx * dx + dy * dy)[1];
      fx += pull * dx;
      fy += pull * dy;
    }
    return {fx, fy};
  }

  // F, kT, of this moment's densities and proteins.
  double free_energy() const {
    std::vector<double> half[4], smooth(n_), total(n_), ordered(n_);
    for (auto &plane : half) plane.resize(s_.size());
    smooth_along_x(half);
    double sum = 0;
    for (int y = 0; y < n_; ++y) {
      std::vector<double> other; // the inner leaflet's smoothed order-weighted row
      for (int leaflet = 0; leaflet < 2; ++leaflet) {
        double row = 0;
        leaflet_row(leaflet, y, total.data(), ordered.data());
        gaussian_.along_y(half[2 * leaflet], y, smooth.data());
        for (int x = 0; x < n_; ++x) row += 0.5 * detail::packing * total[x] * smooth[x];
        gaussian_.along_y(half[2 * leaflet + 1], y, smooth.data());
        for (int x = 0; x < n_; ++x) row += 0.5 * detail::ordering * ordered[x] * smooth[x];
        if (leaflet == 0) other = smooth;
        else
          for (int x = 0; x < n_; ++x) row += detail::crossing * ordered[x] * other[x];
        sum += row;
      }
      for (int c = 0; c < channels; ++c) {
        const double *rho = plane(c) + static_cast<std::size_t>(y) * n_;
        double row = 0;
        for (int x = 0; x < n_; ++x) row += rho[x] * (detail::logarithm(rho[x] / mean_density(c)) - 1.0);
        sum += row;
      }
    }
    for (const Protein &p : proteins_)
      for (int c = 0; c < channels; ++c)
        detail::footprint(n_, dx_, p.x_nm, p.y_nm, potentials_.of(p.state, c),
                          [&](std::size_t cell, double, double, auto u) { sum += plane(c)[cell] * u[0]; });
    sum *= dx_ * dx_;
    for (int i = 0; i < count(); ++i)
      for (int j = 0; j < i; ++j) {
        const Protein &a = proteins_[i], &b = proteins_[j];
        const double dx = nearest(b.x_nm - a.x_nm), dy = nearest(b.y_nm - a.y_nm);
        sum += detail::pair(a.partner == j, dx * dx + dy * dy)[0];
      }
    return sum;
  }

private:
  template <class Self, class Archive> static void members(Self &self, Archive &archive) {
    Options::members(self.options_, archive), archive(self.steps_), archive(self.draws_), archive(self.clamped_);
    archive(self.proteins_), archive(self.density_), archive(self.noise_), archive(self.motion_), archive(self.control_);
    Potentials::members(self.potentials_, archive);
  }

  // Seeds one of the model's independent generators.
  std::uint64_t stream(std::uint64_t which) const {
    std::uint64_t state = options_.seed, first = detail::split_mix(state) ^ (which * 0xd1342543de82ef95u);
    return detail::split_mix(first);
  }

  int count() const { return static_cast<int>(proteins_.size()); }
  double nearest(double difference) const { return difference - box_ * std::floor(difference / box_ + 0.5); }
  double wrapped(double x) const {
    x -= box_ * std::floor(x / box_);
    return x >= 0.0 && x < box_ ? x : 0.0;
  }

  bool clear_of_proteins(double x, double y, double distance) const {
    for (const Protein &p : proteins_) {
      const double dx = nearest(p.x_nm - x), dy = nearest(p.y_nm - y);
      if (!(dx * dx + dy * dy >= distance * distance)) return false;
    }
    return true;
  }

  // Two in five RAS carry a RAF. Free ones take the six RAS states by turns, complexes their six.
  void place_proteins() {
    detail::Single places(stream(4));
    int turns[2] = {0, 0}; // of free RAS, of complexes
    for (int ras = 0; ras < options_.proteins; ++ras) {
      const bool bonded = ras % 5 == 1 || ras % 5 == 3;
      const int turn = turns[bonded]++, state = (bonded ? 3 : 0) + turn % 3 + (turn % 2 == 0 ? 0 : 9);
      double x = 0, y = 0, x2 = 0, y2 = 0;
      bool found = false;
      for (int attempt = 0; attempt < 100000 && !found; ++attempt) {
        x = places.uniform() * box_, y = places.uniform() * box_;
        const auto direction = places.direction();
        x2 = wrapped(x + detail::bond_nm * direction[0]), y2 = wrapped(y + detail::bond_nm * direction[1]);
        found = clear_of_proteins(x, y, detail::core_nm) && clear_of_proteins(x2, y2, detail::core_nm);
      }
      if (!found)
        throw std::invalid_argument("ddft: no room was found for protein " + std::to_string(ras + 1) + " of " +
                                    std::to_string(options_.proteins) + ": use fewer proteins or a larger grid");
      const int index = count();
      proteins_.push_back({index + 1u, state, bonded ? index + 1 : -1, x, y});
      if (bonded) proteins_.push_back({index + 2u, state + 3, index, x2, y2});
    }
  }

  // Sums over a leaflet's lipids, for one row: of rho - rhobar, and of o (rho - rhobar).
  void leaflet_row(int leaflet, int y, double *total, double *ordered) const {
    std::fill_n(total, n_, 0.0);
    std::fill_n(ordered, n_, 0.0);
    for (int c = leaflet == 0 ? 0 : inner_channels; c < (leaflet == 0 ? inner_channels : channels); ++c) {
      const double *rho = plane(c) + static_cast<std::size_t>(y) * n_, mean = mean_density(c);
      const double order = 0.25 * detail::order_quarters[c];
      detail::sweep(n_, [=](int x) {
        total[x] += rho[x] - mean;
        ordered[x] += order * (rho[x] - mean);
      });
    }
  }

  // A_ij depends on the lipids through 1 and o_i o_j only, so that the fields to smooth are each leaflet's two sums.
  // This does the half along x, into planes: total and ordered of the inner, then of the outer leaflet.
  void smooth_along_x(std::vector<double> (&half)[4]) const {
    const int room = gaussian_.radius();
    std::vector<double> total(n_ + 2 * room), ordered(n_ + 2 * room);
    for (int leaflet = 0; leaflet < 2; ++leaflet)
      for (int y = 0; y < n_; ++y) {
        const std::size_t start = static_cast<std::size_t>(y) * n_;
        leaflet_row(leaflet, y, &total[room], &ordered[room]);
        gaussian_.along_x(&total[room], &half[2 * leaflet][start]);
        gaussian_.along_x(&ordered[room], &half[2 * leaflet + 1][start]);
      }
  }

  // Without proteins phi_i = P + o_i Q with one P and Q a leaflet. Keeps exp(-P/2), exp(-Q/8) and exp(Q/8).
  void exponentials() {
    std::vector<double> rows[4];
    for (auto &row : rows) row.resize(n_);
    for (int y = 0; y < n_; ++y) {
      for (int k = 0; k < 4; ++k) gaussian_.along_y(half_[k], y, rows[k].data());
      for (int leaflet = 0; leaflet < 2; ++leaflet) {
        const std::size_t start = static_cast<std::size_t>(y) * n_;
        const double *total = rows[2 * leaflet].data(), *own = rows[2 * leaflet + 1].data();
        const double *other = rows[3 - 2 * leaflet].data();
        double *p = &p_[leaflet][start], *q = &q_[leaflet][start], *inverse = &inverse_q_[leaflet][start];
        detail::sweep(n_, [=](int x) { p[x] = detail::exponential(-0.5 * detail::packing * total[x]); });
        detail::sweep(n_, [=](int x) {
          q[x] = detail::exponential(-0.125 * (detail::ordering * own[x] + detail::crossing * other[x]));
          inverse[x] = 1.0 / q[x];
        });
      }
    }
  }

  // s = exp(-phi/2) of a channel, on the whole plane.
  void boltzmann(int c) {
    const int leaflet = c < inner_channels ? 0 : 1, quarters = detail::order_quarters[c], power = std::abs(quarters);
    const double *p = p_[leaflet].data(), *base = (quarters > 0 ? q_ : inverse_q_)[leaflet].data();
    double *s = s_.data();
    const double one = power & 1, two = (power & 2) / 2, four = power / 4; // which of base, base^2, base^4 are factors
    detail::sweep(n_ * n_, [=](int i) {
      const double b = base[i], b2 = b * b, b4 = b2 * b2;
      s[i] = p[i] * (one * b + (1.0 - one)) * (two * b2 + (1.0 - two)) * (four * b4 + (1.0 - four));
    });
    for (const Protein &p : proteins_)
      detail::footprint(n_, dx_, p.x_nm, p.y_nm, potentials_.of(p.state, c),
                        [=](std::size_t cell, double, double, auto u) { s[cell] *= detail::exponential(-0.5 * u[0]); });
  }

  // rho_L s_R/s_L - rho_R s_L/s_R = s_L s_R (w_L - w_R) with w = rho/s^2. Where s_L s_R is so much larger than the smaller of
  // the squares that more than face_share of that cell would leave through the face, it is cut to that.
  void drift(int c) {
    boltzmann(c);
    const int n = n_;
    const double rate = diffusion(c) * dt_ / (dx_ * dx_), *rho = plane(c), *s = s_.data();
    detail::exchange(
        n, &density_[static_cast<std::size_t>(c) * n * n],
        [=](int y, double *u, double *w) {
          const double *row = rho + static_cast<std::size_t>(y) * n, *s_row = s + static_cast<std::size_t>(y) * n;
          detail::sweep(n, [=](int x) {
            u[x] = s_row[x];
            w[x] = row[x] / (s_row[x] * s_row[x]);
          });
        },
        [=](const double *sl, const double *wl, const double *sr, const double *wr, double *out) {
          detail::sweep(n, [=](int x) {
            const double low = sl[x] < sr[x] ? sl[x] : sr[x], steep = rate * sl[x] * sr[x];
            const double limit = detail::face_share * low * low;
            out[x] = (steep < limit ? steep : limit) * (wl[x] - wr[x]);
          });
        });
  }

  // Conserved noise after the drift: a face carries share * sqrt(2 D dt) sqrt(rho) xi / dx^2, with the mean of its two
  // cells' roots, at most 0.24 of the poorer cell, so that densities stay positive. Fluctuations thus have share^2 of
  // the physical temperature, less where the limit cuts: at full share it cuts most draws.
  void shake(int c) {
    const int n = n_;
    const double *rho = plane(c);
    const double half = 0.5 * options_.noise * std::sqrt(2.0 * diffusion(c) * dt_) / (dx_ * dx_);
    std::vector<double> xi_row(n_ + 8), cut_row(n_);
    double *xi = xi_row.data(), *cut = cut_row.data();
    detail::Lanes &noise = noise_;
    detail::exchange(
        n, &density_[static_cast<std::size_t>(c) * n * n],
        [=](int y, double *u, double *root) {
          const double *row = rho + static_cast<std::size_t>(y) * n;
          detail::sweep(n, [=](int x) {
            u[x] = row[x];
            root[x] = half * detail::rough_root(row[x]);
          });
        },
        [=, &noise](const double *l, const double *root_l, const double *r, const double *root_r, double *out) {
          noise.normals(xi, n);
          detail::sweep(n, [=](int x) {
            const double limit = detail::face_limit * (l[x] < r[x] ? l[x] : r[x]);
            const double amount = (root_l[x] + root_r[x]) * xi[x];
            const double below = amount < limit ? amount : limit, kept = below > -limit ? below : -limit;
            cut[x] += kept != amount ? 1.0 : 0.0;
            out[x] = kept;
          });
        });
    for (double row : cut_row) clamped_ += row;
    draws_ += 2.0 * n_ * n_;
  }

  Options options_;
  int n_;           // cells a side
  double dx_, box_; // nm
  double dt_;       // us
  std::int64_t steps_ = 0;
  double draws_ = 0, clamped_ = 0; // noise draws, and those that were cut
  std::vector<double> density_;    // planes, nm^-2
  std::vector<Protein> proteins_;
  Potentials potentials_;
  detail::Gaussian gaussian_;
  detail::Lanes noise_; // these three, and the places at the start, are independent streams of one seed
  detail::Single motion_, control_;
  // Scratch planes of a step: half-smoothed fields, exp(-P/2), exp(-Q/8), exp(Q/8) by leaflet, s of one channel.
  std::vector<double> half_[4], p_[2], q_[2], inverse_q_[2], s_;
};

} // namespace ddft

#endif
