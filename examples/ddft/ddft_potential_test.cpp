// Tests of potentials that the macro model is given: their spline, their force, steep ones, and the equilibrium they make.
// A program of its own: prints each test's name, exits with 1 if one fails. Nanometres, kT, nm^-2.
//
// Not here: the model with its own affinities (ddft_test.cpp), checkpoints (ddft_state_test.cpp).

#include "ddft.hpp"
#include "ddft_equilibrium.hpp"

#include "../check.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr int bins = ddft::potential_bins;

// The same potential on all lipids, times a factor of the lipid, at the middles of the bins.
std::vector<double> table(const std::function<double(double)> &u, const std::function<double(int)> &factor) {
  std::vector<double> kt;
  for (int c = 0; c < ddft::channels; ++c)
    for (int b = 0; b < bins; ++b) kt.push_back(factor(c) * u((b + 0.5) * ddft::potential_cutoff_nm / bins));
  return kt;
}

// A core, a shell that attracts, nothing beyond 4 nm.
double core_and_shell(double r) {
  const double shell = (r - 1.3) / 0.5, end = 1.0 - r * r / 16.0;
  return r < 4.0 ? (4.0 * std::exp(-r * r * r * r) - 1.5 * std::exp(-shell * shell)) * end : 0.0;
}
double strongest_on_pap6(int c) { return c == 6 ? 1.4 : c == 5 ? 1.0 : c < ddft::inner_channels ? 0.4 : 0.1; }

ddft::Options options(int grid, int proteins, double noise, bool fixed) {
  ddft::Options o;
  o.grid = grid, o.proteins = proteins, o.noise = noise, o.fixed_proteins = fixed;
  return o;
}

void set_all(ddft::Model &model, const std::vector<double> &kt) {
  for (int state = 0; state < ddft::states; ++state) model.set_potential(state, kt.data(), kt.size());
}

double lowest(const ddft::Model &model) {
  const auto cells = static_cast<std::ptrdiff_t>(model.grid()) * model.grid();
  return *std::min_element(model.plane(0), model.plane(0) + ddft::channels * cells);
}

TEST(a_table_is_a_smooth_function_through_its_values) {
  const auto kt = table(core_and_shell, strongest_on_pap6);
  ddft::Potentials potentials;
  potentials.set(3, kt.data(), kt.size());
  check(potentials.get(3) == kt, "the values are not those that were given");
  const auto u = potentials.of(3, 6);
  double before = u.at(0)[0];
  for (double r = 0.001; r < u.reach_nm() - 2e-4; r += 0.001) {
    const auto [energy, pull] = u.at(r * r);
    check_close(energy, before, 0.02, "a jump of the energy at " + number(r) + " nm");
    const double h = 1e-4, low = u.at((r - h) * (r - h))[0], high = u.at((r + h) * (r + h))[0];
    check_close(pull * r, (high - low) / (2 * h), 2e-3, "the slope at " + number(r) + " nm");
    if (r > 0.2 && r < 3.9) check_close(energy, 1.4 * core_and_shell(r), 5e-3, "the energy at " + number(r) + " nm");
    before = energy;
  }
  check_close(before, 0, 1e-9, "the end");
  check(potentials.get(2) != kt && potentials.of(2, 6).row == nullptr, "another state has the table too");
}

TEST(an_affinity_as_a_table_does_what_the_affinity_does) {
  ddft::Potentials own, tabled;
  const auto kt = own.get(0);
  tabled.set(0, kt.data(), kt.size());
  for (int c : {0, 5, 13}) // PAP6 reaches as far as the table, which ends a little beyond its cutoff
    for (double r = 0; r < 5.0; r += 0.013)
      check_close(tabled.of(0, c).at(r * r)[0], r < own.of(0, c).reach_nm() ? own.of(0, c).at(r * r)[0] : 0.0, 2e-4,
                  "channel " + std::to_string(c) + " at " + number(r) + " nm");
}

TEST(the_force_of_a_table_is_minus_the_gradient_of_the_free_energy) {
  ddft::Model model(options(48, 4, 0.1, false));
  set_all(model, table(core_and_shell, strongest_on_pap6));
  for (int k = 0; k < 60; ++k) model.step();
  const double h = 1e-5;
  for (int i = 0; i < static_cast<int>(model.proteins().size()); ++i) {
    const auto p = model.proteins()[static_cast<std::size_t>(i)];
    const auto energy = [&](double dx, double dy) {
      return model.move_protein(i, p.x_nm + dx, p.y_nm + dy), model.free_energy();
    };
    const double fx = (energy(-h, 0) - energy(h, 0)) / (2 * h), fy = (energy(0, -h) - energy(0, h)) / (2 * h);
    model.move_protein(i, p.x_nm, p.y_nm);
    const auto force = model.force(i);
    const double tolerance = 1e-4 * (1 + std::hypot(force[0], force[1]));
    check_close(force[0], fx, tolerance, "x force on protein " + std::to_string(i));
    check_close(force[1], fy, tolerance, "y force on protein " + std::to_string(i));
  }
}

// A wall and a well side by side: between two cells the potential falls by 18 kT.
TEST(densities_stay_positive_under_steep_potentials) {
  const auto steep = table([](double r) { return r < 1.0 ? 12.0 : r < 2.0 ? -6.0 : 0.0; }, [](int) { return 1.0; });
  for (const double noise : {0.0, 1.0}) {
    ddft::Model model(options(48, 6, noise, noise == 0));
    set_all(model, steep);
    double before = model.free_energy();
    for (int step = 0; step < 400; ++step) {
      model.step();
      check(lowest(model) > 0, "the lowest density is " + number(lowest(model)) + " after step " + std::to_string(step));
      if (noise > 0) continue;
      const double now = model.free_energy();
      check(now <= before + 1e-9 * std::fabs(before), "the free energy rose from " + number(before) + " to " + number(now));
      before = now;
    }
    for (int c = 0; c < ddft::channels; ++c)
      check_close(model.mass(c) / (ddft::mean_density(c) * std::pow(model.box_nm(), 2)), 1.0, 1e-12, "mass");
  }
}

// What steps in time end in, divided by what it is far from the protein, cell by cell. A sharp potential shows that this is
// one place of the protein in a cell, and not the mean over several.
TEST(the_equilibrium_is_where_steps_in_time_end) {
  for (const bool tabled : {false, true}) {
    ddft::Model model(options(48, 1, 0, true));
    if (tabled) set_all(model, table(core_and_shell, strongest_on_pap6));
    const double h = model.spacing_nm();
    model.move_protein(0, 24.3 * h, 23.9 * h);
    for (int step = 0; step < 5000; ++step) model.step();
    const int state = model.proteins()[0].state;
    const auto g = ddft::equilibrium_g(model.potentials(), state, h);
    double worst = 0;
    for (int c = 0; c < ddft::channels; ++c)
      for (int y = 18; y < 31; ++y)
        for (int x = 18; x < 31; ++x) {
          const double r = std::hypot((x - 24.3) * h, (y - 23.9) * h), place = r * 10 - 0.5;
          const auto b = static_cast<std::size_t>(std::max(0.0, place));
          if (r < 0.5 || b + 1 >= static_cast<std::size_t>(bins)) continue;
          const double *row = &g[static_cast<std::size_t>(c) * bins], *rho = model.plane(c);
          const double wanted = row[b] + (place - static_cast<double>(b)) * (row[b + 1] - row[b]);
          worst = std::max(worst, std::fabs(rho[y * 48 + x] / rho[0] - wanted) / (1.0 + wanted));
        }
    check(worst < (tabled ? 0.1 : 0.03), "g differs by " + number(worst) + " of 1 + g");
  }
}

TEST(bad_potentials_are_refused_with_a_sentence_and_change_nothing) {
  ddft::Model model(options(48, 1, 0, true));
  const auto before = model.state();
  const auto refused = [&](int state, std::vector<double> kt, const std::string &part) {
    try {
      model.set_potential(state, kt.data(), kt.size());
    } catch (const std::invalid_argument &error) {
      const std::string what = error.what();
      check(what.find(part) != std::string::npos, "\"" + what + "\" does not say \"" + part + "\"");
      return check(model.state() == before, "the model has changed");
    }
    throw std::runtime_error("accepted what should say \"" + part + "\"");
  };
  const auto good = table(core_and_shell, strongest_on_pap6);
  auto nan = good, far = good;
  nan[77] = std::nan(""), far[78] = -51;
  refused(-1, good, "no protein state -1");
  refused(18, good, "no protein state 18");
  refused(0, {1, 2, 3}, "3 values");
  refused(0, nan, "value 77");
  refused(0, far, "50 kT");
}

} // namespace

int main() { return run_tests(); }
