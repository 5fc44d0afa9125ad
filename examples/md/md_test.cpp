// Tests of the micro model's physics: forces, conservation, temperature, what g(r) does not depend on, reproducible bits.
// A program of its own: prints each test's name, exits with 1 if one fails. Nanometres, kT, mass 1. Needs the library, which counts.
//
// Not here: the coupling to patchstream, the comparison with LAMMPS (examples/lammps/lammps_test.cpp); speed.

#include "md.hpp"
#include "md_patch.hpp"
#include "md_rdf.hpp"
#include "md_run.hpp"
#include "md_trade.hpp"

#include "../check.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

// A complex in the middle and a RAS near an edge: bonds, proteins and neighbours across the boundary.
md::Patch crowded(double size_nm) {
  return md::synthetic_patch(size_nm, {{4, 1, 0.3, 0.1}, {7, 0, 2.2, 0.9}, {9, -1, 0.5 * size_nm - 0.2, -4.0}}, true);
}

md::Patch single(double size_nm) { return md::synthetic_patch(size_nm, {{0, -1, 0.0, 0.0}}, true); }

md::Model model(const md::Patch &patch, std::uint64_t seed, bool by_density = true, md::Settings settings = {}) {
  return md::Model(md::start(patch, seed, by_density), seed, settings);
}

// The slow twin: every pair, the formula as it is written.
double naive_energy(const md::Beads &b, md::Pair (*of)(int, int)) {
  double sum = 0;
  for (int i = 0; i < b.size(); ++i)
    for (int j = 0; j < i; ++j) {
      const auto at = [](int k) { return static_cast<std::size_t>(k); };
      double dx = b.x[at(i)] - b.x[at(j)], dy = b.y[at(i)] - b.y[at(j)];
      dx -= b.box_nm * std::round(dx / b.box_nm), dy -= b.box_nm * std::round(dy / b.box_nm);
      const double r = std::hypot(dx, dy);
      if (i < b.proteins() && b.partner[at(i)] == j) {
        sum += 10.0 * std::pow(r - 2.5, 2);
        continue;
      }
      const md::Pair p = of(b.kind[at(i)], b.kind[at(j)]);
      if (r < p.range) sum += p.strength * (1 + std::cos(3.141592653589793 * r / p.range));
    }
  return sum;
}

double naive_energy(const md::Beads &b) { return naive_energy(b, md::pair); }

TEST(lipids_of_a_patch_are_counted_by_largest_remainder) {
  const double wanted[4] = {1.5, 2.4, 0.3, 0.8};
  int count[4];
  md::detail::largest_remainder(wanted, count, 4);
  check(count[0] == 2 && count[1] == 2 && count[2] == 0 && count[3] == 1, "1.5 2.4 0.3 0.8 are not 2 2 0 1");
  const auto patch = single(30);
  const auto beads = md::start(patch, 3);
  check_close(beads.size(), 1 + 2 * 1500, 1.5, "beads of 900 nm^2");
  const auto mean = md::detail::means(patch);
  for (std::size_t c = 0; c < md::lipids; ++c) {
    check_close(beads.count[c], mean[c] * 900, 1.0, "lipid " + std::to_string(c));
    check(std::count(beads.kind.begin(), beads.kind.end(), static_cast<int>(c)) == beads.count[c], "the count is wrong");
  }
}

TEST(lipids_start_where_their_density_is) {
  const auto patch = single(30);
  double near[2] = {}; // PAP6 within 3 nm of the protein: by density, uniform
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    for (int uniform = 0; uniform < 2; ++uniform) {
      const auto b = md::start(patch, seed, uniform == 0);
      for (std::size_t i = 1; i < b.x.size(); ++i)
        near[uniform] += b.kind[i] == 6 && std::hypot(b.x[i] - b.x[0], b.y[i] - b.y[0]) < 3.0;
    }
  check(near[0] > 2 * near[1] && near[1] > 5, number(near[0]) + " by density, " + number(near[1]) + " uniform");
}

TEST(energy_matches_every_pair_of_beads) {
  for (double size : {7.1, 9.0, 17.0, 18.5}) { // four and more cells a side; the last is one cell
    md::Settings settings;
    if (size == 18.5) settings.skin_nm = 6.0;
    auto m = model(crowded(size), 5, true, settings);
    for (int k = 0; k < 4; ++k) {
      m.run(37);
      const double naive = naive_energy(m.beads());
      check_close(m.potential_energy(), naive, 1e-10 * (1 + std::fabs(naive)), "energy of " + number(size) + " nm");
    }
  }
}

TEST(force_is_minus_the_gradient_of_the_energy) {
  md::Settings settings;
  settings.damping = 0; // forces alone
  auto m = model(crowded(12), 7, true, settings);
  m.run(100);
  const double h = 1e-6;
  for (int i = 0; i < 40; ++i) {
    const double x = m.beads().x[static_cast<std::size_t>(i)], y = m.beads().y[static_cast<std::size_t>(i)];
    const auto energy = [&](double dx, double dy) { return m.move(i, x + dx, y + dy), m.potential_energy(); };
    const double fx = (energy(-h, 0) - energy(h, 0)) / (2 * h), fy = (energy(0, -h) - energy(0, h)) / (2 * h);
    m.move(i, x, y);
    const auto f = m.force(i);
    const double tolerance = 1e-4 * (1 + std::hypot(f[0], f[1]));
    check_close(f[0], fx, tolerance, "x force on bead " + std::to_string(i));
    check_close(f[1], fy, tolerance, "y force on bead " + std::to_string(i));
  }
}

TEST(momentum_is_conserved_without_a_thermostat_and_not_with_one) {
  md::Settings settings;
  settings.damping = 0;
  auto m = model(crowded(15), 2, true, settings);
  m.run(1000);
  const auto p = m.momentum();
  check(std::hypot(p[0], p[1]) < 1e-9, "it is " + number(p[0]) + ", " + number(p[1]));
  auto warm = model(crowded(15), 2);
  warm.run(100);
  check(std::hypot(warm.momentum()[0], warm.momentum()[1]) > 1, "the thermostat kicks nobody");
}

// The energy goes up and down by some 1e-4 of the kinetic energy, as the square of the time step, and stays where it is: so
// many steps tell the one from the other.
TEST(energy_does_not_drift_without_a_thermostat) {
  md::Settings settings;
  auto m = model(single(15), 1, true, settings);
  m.run(2000);
  m.thermostat_off();
  std::vector<double> mean; // over blocks of 4000 steps
  for (int block = 0; block < 21; ++block) {
    double sum = 0;
    for (int k = 0; k < 800; ++k) m.run(5), sum += (m.potential_energy() + m.kinetic_energy()) / 800;
    mean.push_back(sum);
  }
  double slope = 0, square = 0; // least squares, per block
  for (int k = 0; k < 21; ++k) slope += (k - 10) * mean[static_cast<std::size_t>(k)], square += (k - 10) * (k - 10);
  const double drift = slope / square * 2.5 / m.kinetic_energy(); // 2.5 blocks are 10,000 steps
  check(std::fabs(drift) < 1e-4, "10,000 steps change the energy by " + number(drift) + " of the kinetic energy");
}

TEST(every_kind_has_the_temperature_of_the_thermostat) {
  std::vector<md::Protein> proteins; // many, for there are as many samples of their kind as of them
  for (int i = 0; i < 16; ++i) proteins.push_back({0, -1, -9.0 + 5.0 * (i % 4), -9.0 + 5.0 * (i / 4)});
  md::Settings settings;
  settings.damping = 0.3; // velocities forget soon, so that there are many of them
  auto m = model(md::synthetic_patch(20, proteins, true), 4, true, settings);
  m.run(1000);
  std::vector<double> sum(md::lipids + 1, 0.0);
  double all = 0;
  const int frames = 2500;
  for (int k = 0; k < frames; ++k) {
    m.run(10);
    all += m.kinetic_energy() / m.beads().size() / frames;
    for (int c = 0; c <= md::lipids; ++c) sum[static_cast<std::size_t>(c)] += m.temperature(c) / frames;
  }
  check_close(all, 1.0, 0.01, "kT of all");
  for (int c = 0; c < md::lipids; ++c)
    check_close(sum[static_cast<std::size_t>(c)], 1.0, 0.02, "kT of lipid " + std::to_string(c));
  check_close(sum[md::lipids], 1.0, 0.02, "kT of the proteins");
}

TEST(complexes_keep_their_length) {
  auto m = model(crowded(15), 8);
  m.run(500);
  const auto &b = m.beads();
  double sum = 0;
  for (int k = 0; k < 2000; ++k) {
    m.run(2);
    const double r = std::hypot(md::detail::nearest(b.x[0] - b.x[1], 15), md::detail::nearest(b.y[0] - b.y[1], 15));
    check(r > 1.0 && r < 4.0, "a complex is " + number(r) + " nm long");
    sum += r / 2000;
  }
  check_close(sum, 2.5, 0.4, "mean length");
}

TEST(pairs_are_counted_in_their_bins_and_across_the_boundary) {
  md::Beads b;
  b.box_nm = 20;
  b.x = {19.9, 0.25, 19.9, 12.0, 19.9}, b.y = {10, 10, 5.05, 10, 10.65};
  b.kind = {md::lipids, 0, 13, 6, md::lipids + 3};
  b.partner = {-1};
  b.count[0] = b.count[6] = b.count[13] = 1;
  md::Rdf rdf(60, 6.0);
  rdf.count(b, 0);
  double sum = 0;
  for (const double count : rdf.sums()) sum += count;
  check(sum == 2 && rdf.sums()[3] == 1 && rdf.sums()[13 * 60 + 49] == 1, "0.35 nm and 4.95 nm are not bins 3 and 49");
  const double area = 3.141592653589793 * (0.4 * 0.4 - 0.3 * 0.3);
  check_close(rdf.g(b)[3], 400 / area, 1e-9, "g of one pair");
}

// The slow twin of trades: every arrangement of the species over the lipids' places, with the share that its energy gives it.
void trades_go_by(const md::ForceField &field, double (*energy)(const md::Beads &)) {
  md::Beads beads;
  beads.box_nm = 12;
  beads.x = {6, 6.4, 7.1, 5.2, 6.9, 8.2, 6.1, 6.6}, beads.y = {6, 6.1, 6.4, 5.4, 7.3, 6.2, 6.2, 5.9};
  beads.kind = {md::lipids, 0, 0, 4, 5, 6, 8, 13}, beads.partner = {-1};
  std::vector<std::vector<int>> arrangements;
  std::vector<double> share;
  std::vector<int> inner(beads.kind.begin() + 1, beads.kind.begin() + 6);
  double all = 0;
  do
    for (const bool other : {false, true}) {
      md::Beads made = beads;
      std::copy(inner.begin(), inner.end(), made.kind.begin() + 1);
      if (other) std::swap(made.kind[6], made.kind[7]);
      arrangements.push_back(made.kind), share.push_back(std::exp(-energy(made)));
      all += share.back();
    }
  while (std::next_permutation(inner.begin(), inner.end()));
  md::Trader trader;
  md::detail::Random random(11);
  const int times = 400000;
  std::vector<double> seen(arrangements.size(), 0.0);
  for (int k = 0; k < times; ++k) {
    trader.trade(beads, field, random);
    const auto found = std::find(arrangements.begin(), arrangements.end(), beads.kind);
    check(found != arrangements.end(), "a lipid was lost, or is in the other leaflet");
    seen[static_cast<std::size_t>(found - arrangements.begin())] += 1.0 / times;
  }
  check(arrangements.size() == 120, number(static_cast<double>(arrangements.size())) + " arrangements");
  for (std::size_t k = 0; k < share.size(); ++k)
    check_close(seen[k], share[k] / all, 8 * std::sqrt(share[k] / all / times), "arrangement " + number(static_cast<double>(k)));
}

// Lipids that differ among themselves, and a kind that the protein does not see.
md::Pair choosy(int a, int b) {
  md::Pair p = md::pair(a, b);
  if (a < md::lipids && b < md::lipids && p.strength != 0) p.strength += 0.3 * ((a + b) % 4), p.range += 0.1 * ((a * b) % 3);
  if (std::min(a, b) == 4 && std::max(a, b) >= md::lipids) p.strength = 0;
  return p;
}

TEST(trades_give_each_arrangement_the_share_of_its_energy) {
  for (double x = 0; x < 41; x += 0.37)
    check_close(md::detail::decay(x), std::exp(-x), 1e-10 * std::exp(-x) + 1e-17, "exp of minus " + number(x));
  const md::ForceField plain, other(choosy);
  check(plain.alike() && plain.one_range(), "lipids of the default field are not alike");
  check(!other.alike() && !other.one_range(), "lipids that differ are alike");
  trades_go_by(plain, naive_energy);
  trades_go_by(other, [](const md::Beads &b) { return naive_energy(b, choosy); });
}

TEST(energy_matches_every_pair_of_beads_of_a_field_that_tells_lipids_apart) {
  md::Model m(md::start(crowded(13), 5), 5, {}, md::ForceField(choosy));
  for (int k = 0; k < 4; ++k) {
    m.run(41); // through trades, without new lists after them
    const double naive = naive_energy(m.beads(), choosy);
    check_close(m.potential_energy(), naive, 1e-10 * (1 + std::fabs(naive)), "energy");
  }
}

// g(r) of all lipids in bins of 0.5 nm, of several simulations of either start.
struct Two {
  std::vector<double> mean, error;
  double temperature = 0;
};
Two measure(bool by_density, int equilibration, int steps, std::uint64_t first_seed) {
  const int simulations = 16, bins = 10;
  const auto patch = md::synthetic_patch(13.0, {{0, -1, 0.0, 0.0}}, true);
  Two two;
  std::vector<double> sum(md::lipids * bins, 0.0), square(sum.size(), 0.0);
  for (int s = 0; s < simulations; ++s) {
    auto m = model(patch, first_seed + static_cast<std::uint64_t>(s), by_density);
    m.run(equilibration);
    md::Rdf rdf(bins, 5.0);
    for (int k = 0; k < steps; k += 10) {
      m.run(10), rdf.count(m.beads(), 0);
      two.temperature += m.kinetic_energy() / m.beads().size() * 10.0 / steps / simulations;
    }
    const auto g = rdf.g(m.beads());
    for (std::size_t i = 0; i < g.size(); ++i) sum[i] += g[i], square[i] += g[i] * g[i];
  }
  for (std::size_t i = 0; i < sum.size(); ++i) {
    const double mean = sum[i] / simulations;
    two.mean.push_back(mean);
    two.error.push_back(std::sqrt(std::max(0.0, square[i] / simulations - mean * mean) / (simulations - 1)));
  }
  return two;
}
// Share of the bins, where both have anything, in which they differ by more than three standard errors.
double apart(const Two &a, const Two &b, std::size_t lipid_first, std::size_t lipid_end) {
  double far = 0, all = 0;
  for (std::size_t i = lipid_first * 10; i < lipid_end * 10; ++i) {
    const double error = std::hypot(a.error[i], b.error[i]);
    if (a.mean[i] + b.mean[i] == 0 || error == 0) continue;
    far += std::fabs(a.mean[i] - b.mean[i]) > 3 * error, all += 1;
  }
  return far / all;
}

// What a simulation throws away where nobody says otherwise, and no more.
TEST(g_does_not_depend_on_the_start_once_the_default_equilibration_is_thrown_away) {
  const int thrown = static_cast<int>(md::RunOptions().equilibration);
  const Two by_density = measure(true, thrown, 4000, 100), uniform = measure(false, thrown, 4000, 200);
  const double far = apart(by_density, uniform, 0, md::lipids);
  std::printf("(%.3f of the bins beyond three standard errors) ", far);
  check(far <= 0.05, number(far) + " of all bins differ by more than three standard errors");
  check(by_density.mean[6 * 10 + 2] > 1.6, "PAP6 is not drawn to the protein: g is " + number(by_density.mean[6 * 10 + 2]));
  check_close(by_density.temperature, 1.0, 0.01, "kT after equilibration");
  double error = 0; // of PAPS, relative, where the protein draws it
  for (std::size_t at = 50; at < 56; ++at) error += by_density.error[at] / by_density.mean[at] / 6;
  std::printf("(%.4f of g is its error) ", error);
  check(error < 0.03, "the errors are too large to tell starts apart: " + number(error) + " of g");
}

TEST(same_seed_gives_the_same_bits_and_another_seed_others) {
  auto a = model(crowded(12), 1), b = model(crowded(12), 1), c = model(crowded(12), 2);
  for (auto *m : {&a, &b, &c}) m->run(200);
  check(a.beads().x == b.beads().x && a.beads().y == b.beads().y, "one seed, two trajectories");
  check(a.beads().x != c.beads().x, "two seeds, one trajectory");
}

TEST(patch_files_give_back_what_was_written) {
  const auto patch = crowded(12);
  std::stringstream file;
  md::write_patch(file, patch);
  const auto read = md::read_patch(file);
  check(read.size_nm == patch.size_nm && read.densities == patch.densities && read.proteins.size() == 3, "another patch");
  check(read.proteins[1].partner == 0 && read.proteins[2].x_nm == patch.proteins[2].x_nm, "other proteins");
}

TEST(bad_patches_are_refused_with_a_sentence) {
  const auto refused = [](const std::function<void(md::Patch &)> &change, const std::string &part) {
    auto patch = crowded(12);
    change(patch);
    try {
      md::start(patch, 1);
    } catch (const std::invalid_argument &error) {
      const std::string what = error.what();
      check(what.find(part) != std::string::npos, "\"" + what + "\" does not say \"" + part + "\"");
      return;
    }
    throw std::runtime_error("accepted what should say \"" + part + "\"");
  };
  refused([](auto &p) { p.size_nm = std::nan(""); }, "nm wide");
  refused([](auto &p) { p.size_nm = 5; }, "nm wide");
  refused([](auto &p) { p.nx = 1; }, "at least 2 x 2");
  refused([](auto &p) { p.densities.pop_back(); }, "densities");
  refused([](auto &p) { p.densities[7] = std::nanf(""); }, "a density is");
  refused([](auto &p) { p.densities.assign(p.densities.size(), 5.0f); }, "too high");
  refused([](auto &p) { p.proteins[0].state = 18; }, "state 18");
  refused([](auto &p) { p.proteins[0].x_nm = 1e9; }, "not near");
  refused([](auto &p) { p.proteins[0].partner = 3; }, "partner 3");
  std::istringstream cut("patch 1\nsize_nm 30\ngrid 37 37\nproteins 0\ndensities\n1 2 3");
  try {
    md::read_patch(cut);
  } catch (const std::runtime_error &) {
    md::Patch negative = crowded(12);
    for (float &rho : negative.densities) rho -= 0.1f; // noise of the macro model: fewer lipids, no error
    md::start(negative, 1);
    return;
  }
  throw std::runtime_error("accepted a patch file that is cut short");
}

} // namespace

int main() { return run_tests(); }
