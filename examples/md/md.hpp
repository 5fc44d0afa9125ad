// The micro model: coarse-grained lipids of two leaflets and proteins, molecular dynamics in two dimensions.
//
// Forces of md_force_field.hpp; velocity Verlet with a Langevin thermostat in the force, as LAMMPS' `fix nve` with
// `fix langevin`: F = -grad E - v / damping + sqrt(24 / (damping dt)) u, u uniform in [-1/2, 1/2). Neighbour lists with a
// skin, made of cells, and made anew as soon as a bead has moved half the skin. Lipids trade species between steps
// (md_trade.hpp).
// The same beads, settings and seed give the same bits: sums, products, quotients, square roots and floor are all that is
// used. For that the compiler may not contract a * b + c: build with -ffp-contract=off wherever the target has FMA.
//
// Nanometres, kT, mass 1; the unit of time is nm sqrt(mass / kT). x and y are in [0, box) when a list has been made, and
// at most half a skin outside in between.
// Not here: where the beads start (md_start.hpp), what is measured (md_rdf.hpp), the coupling to patchstream (main.cpp).

#ifndef MD_HPP
#define MD_HPP

#include "md_cells.hpp"
#include "md_force_field.hpp"
#include "md_start.hpp"
#include "md_trade.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace md {

struct Settings {
  double dt = 0.01;      // time step
  double damping = 2.0;  // time in which the thermostat stops a bead; 0: no thermostat
  double skin_nm = 0.5;  // neighbours are listed this far beyond the cutoff
  int relaxation = 300;  // steps downhill before the first one in time
  int trade_every = 20;  // so many steps, and each lipid has tried two trades; without a thermostat, and at 0, none do
};

class Model {
public:
  Model(Beads beads, std::uint64_t seed, Settings settings = {}, ForceField field = ForceField())
      : beads_(std::move(beads)), settings_(settings), field_(std::move(field)), random_(seed ^ 0x6d6420656e67696eu) {
    const double reach = std::max(field_.lipid_cutoff(), field_.protein_cutoff()) + settings_.skin_nm;
    detail::require(beads_.box_nm >= 2.0 * reach, "a box of " + std::to_string(beads_.box_nm) + " nm is too small: " +
                                                      std::to_string(2.0 * reach) + " nm hold each neighbour once");
    detail::require(settings_.dt > 0 && settings_.damping >= 0 && settings_.skin_nm > 0 && settings_.relaxation >= 0 &&
                        settings_.trade_every >= 0,
                    "time step and skin must be positive, damping, relaxation and steps between trades not negative");
    const std::size_t n = beads_.x.size();
    for (auto *each : {&vx_, &vy_, &fx_, &fy_}) each->assign(n, 0.0);
    list();
    forces();
    relax();
    thermalise();
  }

  // Steps in time.
  void run(int steps) {
    for (int i = 0; i < steps; ++i) step();
  }

  void step() {
    const double dt = settings_.dt, half = 0.5 * dt;
    const std::size_t n = beads_.x.size();
    for (std::size_t i = 0; i < n; ++i) {
      vx_[i] += half * fx_[i], vy_[i] += half * fy_[i];
      beads_.x[i] += dt * vx_[i], beads_.y[i] += dt * vy_[i];
    }
    if (moved_too_far()) list();
    if (settings_.damping > 0 && settings_.trade_every > 0 && steps_ % settings_.trade_every == 0)
      trader_.trade(beads_, field_, random_);
    forces();
    thermostat();
    for (std::size_t i = 0; i < n; ++i) vx_[i] += half * fx_[i], vy_[i] += half * fy_[i];
    ++steps_;
    // One comparison a step finds what went wrong: a bead that is nowhere is in no list and has no energy.
    if (!(std::fabs(energy_) < 1e12))
      throw std::runtime_error("md: the energy is " + std::to_string(energy_) + " kT at step " + std::to_string(steps_) +
                               ": use a smaller time step, or more relaxation");
  }

  const Beads &beads() const { return beads_; }
  const Settings &settings() const { return settings_; }
  std::int64_t steps() const { return steps_; }
  double time() const { return static_cast<double>(steps_) * settings_.dt; }
  double potential_energy() const { return energy_; } // kT, where the beads are now
  double kinetic_energy() const {
    double sum = 0;
    for (std::size_t i = 0; i < vx_.size(); ++i) sum += vx_[i] * vx_[i] + vy_[i] * vy_[i];
    return 0.5 * sum;
  }
  // Kinetic energy of the beads of one kind over kT a degree of freedom; NaN if there is none.
  double temperature(int kind) const {
    double sum = 0, count = 0;
    for (std::size_t i = 0; i < vx_.size(); ++i)
      if (beads_.kind[i] == kind) sum += vx_[i] * vx_[i] + vy_[i] * vy_[i], count += 2;
    return sum / count;
  }
  std::array<double, 2> momentum() const {
    std::array<double, 2> sum{};
    for (std::size_t i = 0; i < vx_.size(); ++i) sum[0] += vx_[i], sum[1] += vy_[i];
    return sum;
  }
  std::array<double, 2> force(int i) const { // kT/nm, with the thermostat's after a step
    return {fx_[static_cast<std::size_t>(i)], fy_[static_cast<std::size_t>(i)]};
  }
  std::int64_t lists() const { return lists_; } // how often neighbours were listed
  void thermostat_off() { settings_.damping = 0; }

  // Puts a bead somewhere else; energy and forces follow.
  void move(int i, double x, double y) {
    beads_.x[static_cast<std::size_t>(i)] = x, beads_.y[static_cast<std::size_t>(i)] = y;
    list();
    forces();
  }

private:
  double near(double d) const { return detail::near(d, beads_.box_nm); }

  void forces() {
    std::fill(fx_.begin(), fx_.end(), 0.0);
    std::fill(fy_.begin(), fy_.end(), 0.0);
    energy_ = 0;
    std::size_t count = 0;
    for (std::size_t k = 0; k < order_.size(); ++k) {
      const auto i = static_cast<std::size_t>(order_[k]);
      const double x = beads_.x[i], y = beads_.y[i];
      const Coefficients *with = field_.row(beads_.kind[i]);
      if (count > 256) push(count), count = 0;
      close_.resize(std::max(close_.size(), count + first_[k + 1] - first_[k] + 1));
      for (std::size_t at = first_[k]; at < first_[k + 1]; ++at) {
        const int j = neighbours_[at];
        const auto b = static_cast<std::size_t>(j);
        const double dx = near(x - beads_.x[b]), dy = near(y - beads_.y[b]), r2 = dx * dx + dy * dy;
        const Coefficients &pair = with[beads_.kind[b]];
        close_[count] = {dx, dy, r2, &pair, order_[k], j};
        count += r2 < pair.cutoff2 ? 1 : 0;
      }
    }
    push(count);
    for (std::size_t i = 0; i < beads_.partner.size(); ++i) {
      if (beads_.partner[i] <= static_cast<int>(i)) continue;
      const auto j = static_cast<std::size_t>(beads_.partner[i]);
      const double dx = near(beads_.x[i] - beads_.x[j]), dy = near(beads_.y[i] - beads_.y[j]);
      const double r = std::sqrt(dx * dx + dy * dy), stretch = r - field_.bond().length;
      const double f = r > 0 ? -2.0 * field_.bond().stiffness * stretch / r : 0.0;
      energy_ += field_.bond().stiffness * stretch * stretch;
      fx_[i] += f * dx, fy_[i] += f * dy;
      fx_[j] -= f * dx, fy_[j] -= f * dy;
    }
  }

  // Energy and forces of the pairs in hand.
  void push(std::size_t count) {
    constexpr std::size_t lanes = 8; // at once: a number that compilers turn into vector instructions at -O2
    const std::size_t all = (count + lanes - 1) / lanes * lanes;
    shape_.resize(std::max(shape_.size(), 2 * all));
    double *const u = shape_.data(), *const other = u + all;
    for (std::size_t at = 0; at < count; ++at) u[at] = close_[at].r2 * close_[at].pair->per_nm2;
    for (std::size_t at = 0; at < all; at += lanes) {
      double sine[lanes], cosine[lanes];
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        const auto shape = detail::cosine_and_sine(u[at + lane]);
        cosine[lane] = 1.0 + shape[0], sine[lane] = shape[1];
      }
      std::copy(sine, sine + lanes, u + at), std::copy(cosine, cosine + lanes, other + at);
    }
    double energy = 0;
    for (std::size_t at = 0; at < count; ++at) {
      const Close &c = close_[at];
      const double f = c.pair->slope * u[at], fx = f * c.dx, fy = f * c.dy;
      const auto i = static_cast<std::size_t>(c.i), j = static_cast<std::size_t>(c.j);
      energy += c.pair->strength * other[at];
      fx_[i] += fx, fy_[i] += fy;
      fx_[j] -= fx, fy_[j] -= fy;
    }
    energy_ += energy;
  }

  void thermostat() {
    if (settings_.damping <= 0) return;
    const double drag = 1.0 / settings_.damping, kick = std::sqrt(24.0 / (settings_.damping * settings_.dt));
    for (std::size_t i = 0; i < vx_.size(); ++i) {
      const std::uint64_t draw = random_.draw();
      const double ux = static_cast<double>(draw >> 32) * 0x1p-32 - (0.5 - 0x1p-33);
      const double uy = static_cast<double>(draw & 0xffffffffu) * 0x1p-32 - (0.5 - 0x1p-33);
      fx_[i] += kick * ux - drag * vx_[i];
      fy_[i] += kick * uy - drag * vy_[i];
    }
  }

  bool moved_too_far() const {
    const double limit = 0.25 * settings_.skin_nm * settings_.skin_nm;
    double farthest = 0;
    for (std::size_t i = 0; i < listed_x_.size(); ++i) {
      const double dx = beads_.x[i] - listed_x_[i], dy = beads_.y[i] - listed_y_[i], r2 = dx * dx + dy * dy;
      farthest = r2 > farthest ? r2 : farthest;
    }
    return !(farthest < limit);
  }

  bool bound(std::size_t i, std::size_t j) const {
    return i < beads_.partner.size() && beads_.partner[i] == static_cast<int>(j);
  }

  // Lists each pair that is within its cutoff and the skin once, cell by cell: what is near in the plane is near in memory.
  void list() {
    const std::size_t n = beads_.x.size(), proteins = beads_.partner.size();
    for (std::size_t i = 0; i < n; ++i) {
      beads_.x[i] = detail::wrapped(beads_.x[i], beads_.box_nm), beads_.y[i] = detail::wrapped(beads_.y[i], beads_.box_nm);
      if (!(beads_.x[i] >= 0 && beads_.y[i] >= 0))
        throw std::runtime_error("md: bead " + std::to_string(i) + " is nowhere: use a smaller time step");
    }
    listed_x_ = beads_.x, listed_y_ = beads_.y;
    order_.clear(), first_.assign(1, 0);
    std::size_t listed = 0;
    const double protein_reach = field_.protein_cutoff() + settings_.skin_nm;
    const double lipid_reach = std::max(field_.lipid_cutoff(), 0.1) + settings_.skin_nm;
    const auto close = [&](std::size_t i) { order_.push_back(static_cast<int>(i)), first_.push_back(listed); };
    for (std::size_t i = 0; i < proteins; ++i) { // few: each looks at all that come after it
      if (neighbours_.size() < listed + n) neighbours_.resize(2 * (listed + n));
      for (std::size_t j = i + 1; j < n; ++j) {
        const double dx = near(beads_.x[i] - beads_.x[j]), dy = near(beads_.y[i] - beads_.y[j]);
        if (dx * dx + dy * dy >= protein_reach * protein_reach || bound(i, j)) continue;
        if (field_.sees(beads_.kind[i], beads_.kind[j])) neighbours_[listed++] = static_cast<int>(j);
      }
      close(i);
    }
    cells_.fill(beads_, lipid_reach);
    const auto &starts = cells_.starts();
    const auto &sorted = cells_.sorted();
    const std::size_t side = cells_.side();
    const auto reach2 = lipid_reach * lipid_reach;
    for (std::size_t row = 0; row < 2 * side; ++row)
      for (std::size_t cx = 0; cx < side; ++cx) {
        const std::size_t here = row * side + cx, right = (cx + 1) % side, left = (cx + side - 1) % side;
        const std::size_t up = (row / side * side + (row % side + 1) % side) * side;
        const std::size_t others[5] = {here, row * side + right, up + left, up + cx, up + right};
        for (std::size_t a = starts[here]; a < starts[here + 1]; ++a) {
          const auto [x, y, i] = sorted[a];
          for (std::size_t k = 0; k < (side > 1 ? 5 : 1); ++k) {
            const std::size_t first = k == 0 ? a + 1 : starts[others[k]], end = starts[others[k] + 1];
            if (neighbours_.size() < listed + (end - first)) neighbours_.resize(2 * (listed + (end - first)));
            for (std::size_t b = first; b < end; ++b) {
              const double dx = near(x - sorted[b].x), dy = near(y - sorted[b].y);
              neighbours_[listed] = sorted[b].bead;
              listed += dx * dx + dy * dy < reach2 ? 1 : 0;
            }
          }
          close(static_cast<std::size_t>(i));
        }
      }
    ++lists_;
  }

  // Downhill, no bead by more than 0.02 nm at once: parts what the lattice put too close together.
  void relax() {
    double scale = 1e-3;
    for (int k = 0; k < settings_.relaxation; ++k) {
      const double before = energy_, longest = 0.02;
      for (std::size_t i = 0; i < beads_.x.size(); ++i) {
        const double f = std::sqrt(fx_[i] * fx_[i] + fy_[i] * fy_[i]);
        const double by = f * scale > longest ? longest / f : scale;
        beads_.x[i] += by * fx_[i], beads_.y[i] += by * fy_[i];
      }
      if (moved_too_far()) list();
      forces();
      scale *= energy_ < before ? 1.1 : 0.5;
    }
  }

  // Velocities at kT = 1, without a drift of the whole.
  void thermalise() {
    const auto n = static_cast<double>(vx_.size());
    for (auto *v : {&vx_, &vy_}) {
      double mean = 0, square = 0;
      for (double &each : *v) mean += each = random_.uniform() - 0.5;
      for (double &each : *v) each -= mean / n, square += each * each;
      for (double &each : *v) each *= square > 0 ? std::sqrt(n / square) : 0.0;
    }
  }

  Beads beads_;
  Settings settings_;
  ForceField field_;
  detail::Random random_;
  std::vector<double> vx_, vy_, fx_, fy_;
  std::vector<double> listed_x_, listed_y_; // where the beads were when neighbours were listed
  std::vector<int> order_, neighbours_;     // neighbours_[first_[k] .. first_[k + 1]] are those of bead order_[k]
  std::vector<std::size_t> first_;
  Cells cells_;
  Trader trader_;
  struct Close {
    double dx, dy, r2;
    const Coefficients *pair;
    int i, j;
  };
  std::vector<Close> close_; // pairs within their cutoff, to be computed many at a time
  std::vector<double> shape_; // of those: the sine, then 1 + the cosine
  double energy_ = 0;
  std::int64_t steps_ = 0, lists_ = 0;
};

} // namespace md

#endif
