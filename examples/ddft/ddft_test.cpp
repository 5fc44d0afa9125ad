// Tests of the macro model's physics: conservation, the free energy, forces, noise, reproducible bits.
// A program of its own: prints each test's name, exits with 1 if one fails. Nanometres, microseconds, kT, nm^-2.
//
// Not here: the coupling to patchstream, whose tests drive main.cpp; speed.

#include "ddft.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

std::vector<std::pair<const char *, void (*)()>> &tests() {
  static std::vector<std::pair<const char *, void (*)()>> list;
  return list;
}
#define TEST(name)                                                                                                    \
  void name();                                                                                                        \
  [[maybe_unused]] const bool name##_is_listed = (tests().push_back({#name, name}), true);                            \
  void name()

void check(bool holds, const std::string &what) {
  if (!holds) throw std::runtime_error(what);
}

std::string number(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.17g", value);
  return buffer;
}

void check_close(double got, double wanted, double tolerance, const std::string &what) {
  check(std::fabs(got - wanted) <= tolerance, what + ": " + number(got) + ", expected " + number(wanted));
}

ddft::Options options(int grid, int proteins, double noise, bool fixed) {
  ddft::Options o;
  o.grid = grid;
  o.proteins = proteins;
  o.noise = noise;
  o.fixed_proteins = fixed;
  return o;
}

void run(ddft::Model &model, int steps) {
  for (int i = 0; i < steps; ++i) model.step();
}

std::size_t cells(const ddft::Model &model) { return static_cast<std::size_t>(model.grid()) * model.grid(); }

// Shortest distance between two points of the periodic box.
double distance(const ddft::Model &model, double xa, double ya, double xb, double yb) {
  const double box = model.box_nm(), dx = xb - xa, dy = yb - ya;
  return std::hypot(dx - box * std::round(dx / box), dy - box * std::round(dy / box));
}

// FNV-1a over the bits of everything that a trajectory consists of.
std::uint64_t fingerprint(const ddft::Model &model) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  const auto add = [&](double value) { hash = (hash ^ ddft::detail::bits_of(value)) * 0x100000001b3u; };
  for (std::size_t i = 0; i < ddft::channels * cells(model); ++i) add(model.plane(0)[i]);
  for (const auto &p : model.proteins()) add(p.x_nm), add(p.y_nm);
  return hash;
}

// Mean of g = rho/rhobar of a channel within a distance of a protein.
double enrichment(const ddft::Model &model, const ddft::Protein &p, int c, double within_nm) {
  double sum = 0, count = 0;
  for (int y = 0; y < model.grid(); ++y)
    for (int x = 0; x < model.grid(); ++x) {
      if (distance(model, p.x_nm, p.y_nm, x * model.spacing_nm(), y * model.spacing_nm()) > within_nm) continue;
      sum += model.plane(c)[static_cast<std::size_t>(y) * model.grid() + x] / ddft::mean_density(c);
      ++count;
    }
  return sum / count;
}

// The slow twin of a step without noise: every pair of lipids, the two-dimensional Gaussian, the flux as it is written.
// Adds up the free energy on the way, without that between proteins.
std::vector<double> naive_step(const ddft::Model &model, double &energy) {
  const int n = model.grid();
  const double h = model.spacing_nm(), sigma = 0.9;
  const auto at = [n](int x, int y) { return static_cast<std::size_t>((y + n) % n) * n + (x + n) % n; };
  const int radius = static_cast<int>(std::ceil(3.0 * sigma / h + 1.0)) - 1;
  double norm = 0;
  for (int j = -radius; j <= radius; ++j)
    for (int i = -radius; i <= radius; ++i) norm += std::exp(-0.5 * (i * i + j * j) * h * h / (sigma * sigma));
  std::vector<std::vector<double>> smooth(ddft::channels, std::vector<double>(cells(model)));
  for (int c = 0; c < ddft::channels; ++c)
    for (int y = 0; y < n; ++y)
      for (int x = 0; x < n; ++x)
        for (int j = -radius; j <= radius; ++j)
          for (int i = -radius; i <= radius; ++i)
            smooth[c][at(x, y)] += std::exp(-0.5 * (i * i + j * j) * h * h / (sigma * sigma)) / norm *
                                   (model.plane(c)[at(x + i, y + j)] - ddft::mean_density(c));
  std::vector<double> next(model.plane(0), model.plane(0) + ddft::channels * cells(model)), s(cells(model));
  for (int c = 0; c < ddft::channels; ++c) {
    const double *rho = model.plane(c);
    double *out = &next[c * cells(model)];
    for (int y = 0; y < n; ++y)
      for (int x = 0; x < n; ++x) {
        double phi = 0;
        for (int d = 0; d < ddft::channels; ++d) {
          const double oo = ddft::detail::order_quarters[c] * ddft::detail::order_quarters[d] / 16.0;
          const bool same = (c < ddft::inner_channels) == (d < ddft::inner_channels);
          phi += (same ? 0.60 * (2.0 - 0.45 * oo) : -0.048 * oo) * smooth[d][at(x, y)];
        }
        const double here = rho[at(x, y)], mean = ddft::mean_density(c), lipids = phi;
        for (const auto &p : model.proteins()) {
          const auto a = ddft::affinity(p.state, c);
          const double r = distance(model, p.x_nm, p.y_nm, x * h, y * h) / a.range_nm;
          phi += a.kt * std::pow(std::max(0.0, 1.0 - r * r), 3);
        }
        s[at(x, y)] = std::exp(-phi / 2);
        energy += h * h * (here * (std::log(here / mean) - 1) + 0.5 * (here - mean) * lipids + here * (phi - lipids));
      }
    for (int y = 0; y < n; ++y)
      for (int x = 0; x < n; ++x)
        for (const auto &side : {std::pair<int, int>{1, 0}, {0, 1}}) {
          const std::size_t l = at(x, y), r = at(x + side.first, y + side.second);
          const double flux = ddft::diffusion(c) / h * (rho[l] * s[r] / s[l] - rho[r] * s[l] / s[r]);
          out[l] -= model.dt_us() / h * flux;
          out[r] += model.dt_us() / h * flux;
        }
  }
  return next;
}

TEST(exponential_and_logarithm_match_the_standard_library) {
  for (double x = -40.0; x < 40.0; x += 0.0137) {
    const double y = std::exp(x);
    check_close(ddft::detail::exponential(x) / y, 1.0, 1e-15, "exp(" + number(x) + ")");
    check_close(ddft::detail::logarithm(y), std::log(y), 1e-15 * (1.0 + std::fabs(x)), "ln(" + number(y) + ")");
    check_close(ddft::detail::rough_root(y) / std::sqrt(y), 1.0, 1e-5, "root of " + number(y));
  }
}

TEST(products_and_sums_are_not_contracted) {
  volatile double a = 1.0 + 0x1p-30, b = 1.0 - 0x1p-30, c = -1.0; // a * b = 1 - 2^-60 rounds to 1 unless it is fused
  const double x = a, y = b, z = c;
  check(x * y + z == 0.0, "this build fuses a * b + c: compile with -ffp-contract=off");
}

TEST(random_normals_have_their_moments) {
  ddft::detail::Lanes lanes(7);
  ddft::detail::Single single(7);
  std::vector<double> cheap(400000), exact;
  lanes.normals(cheap.data(), static_cast<int>(cheap.size()));
  while (exact.size() < cheap.size())
    for (double value : single.normals()) exact.push_back(value);
  for (const auto *values : {&cheap, &exact}) {
    double moments[5] = {}, neighbours = 0, last = 0;
    for (double x : *values) {
      for (int k = 1; k <= 4; ++k) moments[k] += std::pow(x, k) / values->size();
      neighbours += x * last / values->size();
      last = x;
    }
    check_close(moments[1], 0.0, 0.01, "mean");
    check_close(moments[2], 1.0, 0.01, "variance");
    check_close(moments[3], 0.0, 0.03, "skewness");
    check_close(moments[4], values == &cheap ? 2.7 : 3.0, 0.06, "kurtosis");
    check_close(neighbours, 0.0, 0.01, "correlation of neighbours");
  }
}

TEST(fractions_of_a_leaflet_sum_to_1) {
  double sum[2] = {};
  for (int c = 0; c < ddft::channels; ++c) sum[c >= ddft::inner_channels] += 0.60 * ddft::mean_density(c);
  check(std::fabs(sum[0] - 1) < 1e-12 && std::fabs(sum[1] - 1) < 1e-12, number(sum[0]) + " and " + number(sum[1]));
}

TEST(a_step_and_the_free_energy_match_naive) {
  for (int grid : {48, 51}) { // 51: rows that are no multiple of the vector length
    auto o = options(grid, 4, 0, true);
    o.dt_us = 0.9 * ddft::Model::stable_dt_us(o.spacing_nm);
    ddft::Model model(o);
    run(model, 40);
    double energy = 0;
    const auto wanted = naive_step(model, energy);
    check_close(model.free_energy(), energy, 1e-12 * std::fabs(energy), "free energy");
    model.step();
    for (std::size_t i = 0; i < wanted.size(); ++i)
      check_close(model.plane(0)[i] / wanted[i], 1.0, 1e-13, "density " + std::to_string(i));
  }
}

TEST(mass_of_every_lipid_is_conserved) {
  ddft::Model model(options(64, 8, 0.1, false));
  run(model, 500);
  for (int c = 0; c < ddft::channels; ++c)
    check_close(model.mass(c) / (ddft::mean_density(c) * std::pow(model.box_nm(), 2)), 1.0, 1e-12,
                "mass of channel " + std::to_string(c));
}

TEST(free_energy_never_rises_with_fixed_proteins_and_no_noise) {
  ddft::Model model(options(64, 8, 0, true));
  const double start = model.free_energy();
  double before = start;
  for (int i = 0; i < 500; ++i) {
    model.step();
    const double now = model.free_energy();
    check(now <= before + 1e-12 * std::fabs(before), "from " + number(before) + " to " + number(now));
    before = now;
  }
  check(before < start - 10.0, "it hardly fell: " + number(start) + " to " + number(before));
}

TEST(noise_has_its_stated_strength) {
  ddft::Model model(options(128, 0, 0.05, false));
  model.step();
  for (int c : {0, 7, 12}) {
    const double mean = ddft::mean_density(c), dx = model.spacing_nm();
    double variance = 0;
    for (std::size_t i = 0; i < cells(model); ++i) variance += std::pow(model.plane(c)[i] - mean, 2) / cells(model);
    const double wanted = 4.0 * 0.05 * 0.05 * 2.0 * ddft::diffusion(c) * mean * model.dt_us() / std::pow(dx, 4);
    check_close(variance / wanted, 1.0, 0.05, "variance of channel " + std::to_string(c));
  }
  check(model.clamped_share() < 0.02, "share cut: " + number(model.clamped_share()));
}

TEST(densities_stay_positive_at_full_noise) {
  ddft::Model model(options(64, 20, 1.0, false));
  run(model, 300);
  const double lowest = *std::min_element(model.plane(0), model.plane(0) + ddft::channels * cells(model));
  check(lowest > 0, "the lowest is " + number(lowest));
  check(model.clamped_share() > 0.5 && model.clamped_share() < 1.0, "share cut: " + number(model.clamped_share()));
}

TEST(force_is_minus_the_gradient_of_the_free_energy) {
  ddft::Model model(options(48, 8, 0.1, false));
  run(model, 30);
  for (int k = 0; k < 2; ++k) { // then again with two free proteins in each other's soft core, across the boundary
    const double step = 1e-4;
    for (int i = 0; i < static_cast<int>(model.proteins().size()); ++i) {
      const auto p = model.proteins()[i];
      const auto force = model.force(i);
      const auto energy = [&](double dx, double dy) {
        model.move_protein(i, p.x_nm + dx, p.y_nm + dy);
        return model.free_energy();
      };
      const double fx = (energy(-step, 0) - energy(step, 0)) / (2 * step);
      const double fy = (energy(0, -step) - energy(0, step)) / (2 * step);
      model.move_protein(i, p.x_nm, p.y_nm);
      const double tolerance = 2e-6 * (1.0 + std::hypot(force[0], force[1]));
      check_close(force[0], fx, tolerance, "x force on protein " + std::to_string(i));
      check_close(force[1], fy, tolerance, "y force on protein " + std::to_string(i));
    }
    model.move_protein(0, 0.5, 39.0);
    model.move_protein(3, 39.2, 0.3);
  }
}

TEST(paps_gathers_below_each_protein) {
  ddft::Model model(options(96, 10, 0, true));
  run(model, 1500);
  for (const auto &p : model.proteins()) {
    const double g = enrichment(model, p, 5, 2.0);
    check(g > 1.2, "g of PAPS at a protein of state " + std::to_string(p.state) + " is " + number(g));
  }
}

TEST(states_have_lipid_environments_of_their_own) {
  ddft::Model model(options(72, 3, 0, true)); // RASa, zRASa with zRAFa, RASb of RAS4A
  const double places_nm[4][2] = {{15.0, 15.0}, {30.0, 45.0}, {32.5, 45.0}, {45.0, 15.0}}; // all on cell centres
  for (int i = 0; i < 4; ++i) model.move_protein(i, places_nm[i][0], places_nm[i][1]);
  run(model, 1000);
  for (int i : {0, 1, 3})
    for (int j : {0, 1, 3}) {
      const ddft::Protein &a = model.proteins()[i], &b = model.proteins()[j];
      double apart = 0;
      for (int c = 0; c < ddft::channels; ++c)
        apart += std::fabs(enrichment(model, a, c, 2.0) - enrichment(model, b, c, 2.0));
      check(i == j ? apart == 0 : apart > 0.5,
            "proteins " + std::to_string(i) + " and " + std::to_string(j) + " differ by " + number(apart));
    }
}

TEST(proteins_come_as_ras_and_bonded_complexes) {
  ddft::Model model(options(192, 10, 0.1, false));
  const auto &proteins = model.proteins();
  int ras = 0, complexes = 0;
  for (std::size_t i = 0; i < proteins.size(); ++i) {
    const auto &p = proteins[i];
    const int kind = p.state % 9;
    check(p.id == i + 1 && p.state >= 0 && p.state < ddft::states, "id or state of protein " + std::to_string(i));
    check(p.x_nm >= 0 && p.x_nm < model.box_nm() && p.y_nm >= 0 && p.y_nm < model.box_nm(), "protein outside the box");
    ras += kind < 6;
    check((kind >= 3) == (p.partner >= 0), "only complexes have a partner");
    if (kind < 3) continue;
    complexes += kind < 6;
    check(proteins[p.partner].partner == static_cast<int>(i), "partners name each other");
    check(std::abs(proteins[p.partner].state - p.state) == 3, "a RAS has the RAF of its own kind");
  }
  check(ras == 10 && complexes == 4, std::to_string(ras) + " RAS, " + std::to_string(complexes) + " complexes");
}

TEST(complexes_stay_within_4_nm) {
  ddft::Model model(options(64, 10, 0.1, false));
  for (int step = 0; step < 2000; ++step) {
    model.step();
    for (const auto &p : model.proteins()) {
      if (p.partner < 0) continue;
      const auto &q = model.proteins()[p.partner];
      const double d = distance(model, p.x_nm, p.y_nm, q.x_nm, q.y_nm);
      check(d < 4.0, "a complex is " + number(d) + " nm wide at step " + std::to_string(step));
    }
  }
}

TEST(same_seed_gives_the_same_bits_and_another_seed_others) {
  auto o = options(48, 6, 0.1, false);
  ddft::Model a(o), b(o);
  o.seed = 2;
  ddft::Model c(o);
  for (auto *model : {&a, &b, &c}) run(*model, 30);
  check(fingerprint(a) == fingerprint(b), "one seed, two trajectories");
  check(fingerprint(a) != fingerprint(c), "two seeds, one trajectory");
}

// Holds on every machine and at every optimisation level. Replace the number when the physics is meant to change.
TEST(trajectory_has_the_pinned_bits) {
  ddft::Model model(options(51, 6, 0.1, false));
  run(model, 60);
  const std::uint64_t pinned = 3173917432682887375u;
  check(fingerprint(model) == pinned, "the fingerprint is " + std::to_string(fingerprint(model)));
}

TEST(control_points_keep_their_distance_and_change_nothing) {
  ddft::Model model(options(192, 4, 0.1, false)), silent(options(192, 4, 0.1, false));
  std::array<double, 2> point{};
  for (int k = 0; k < 50; ++k) {
    check(model.control_point(50.0, point), "no point was found");
    check(point[0] >= 0 && point[0] < model.box_nm() && point[1] >= 0 && point[1] < model.box_nm(), "outside the box");
    for (const auto &p : model.proteins()) {
      const double d = distance(model, p.x_nm, p.y_nm, point[0], point[1]);
      check(d >= 50.0, "a control point is " + number(d) + " nm from a protein");
    }
  }
  check(!model.control_point(500.0, point), "a point farther than the box is wide");
  for (auto *each : {&model, &silent}) run(*each, 2);
  check(fingerprint(model) == fingerprint(silent), "asking for control points changed the trajectory");
}

TEST(bad_options_are_refused_with_a_sentence) {
  const auto refused = [](const std::function<void(ddft::Options &)> &change, const std::string &part) {
    ddft::Options o;
    change(o);
    try {
      ddft::Model model(o);
    } catch (const std::invalid_argument &error) {
      const std::string what = error.what();
      check(what.find(part) != std::string::npos, "\"" + what + "\" does not say \"" + part + "\"");
      return;
    }
    throw std::runtime_error("accepted what should say \"" + part + "\"");
  };
  const double bound = ddft::Model::stable_dt_us(30.0 / 36.0), nan = std::nan("");
  check_close(bound, 0.25 * (25.0 / 36.0) / (4.0 * 1.5 * 43.36 * 14.0 / 15.0), 1e-15, "stable time step");
  refused([=](auto &o) { o.dt_us = 1.0001 * bound; }, "at most 0.00071499 us");
  refused([=](auto &o) { o.dt_us = nan; }, "not stable");
  refused([](auto &o) { o.grid = 47; }, "grid is 47");
  refused([](auto &o) { o.grid = 1 << 20; }, "grid is 1048576");
  refused([](auto &o) { o.proteins = -1; }, "proteins is -1");
  refused([](auto &o) { o.proteins = 257; }, "at most 256");
  refused([](auto &o) { o.spacing_nm = 0; }, "spacing is 0");
  refused([](auto &o) { o.grid = 60, o.spacing_nm = 0.4; }, "24 nm wide");
  refused([](auto &o) { o.noise = 1.5; }, "noise is 1.5");
  refused([=](auto &o) { o.noise = nan; }, "noise is");
  ddft::Options densest;
  densest.proteins = 256, densest.dt_us = bound;
  const ddft::Model model(densest);
  check(model.dt_us() == bound, "the bound itself is stable");
}

} // namespace

int main() {
  int failed = 0;
  for (const auto &test : tests()) {
    std::printf("%s ... ", test.first);
    std::fflush(stdout);
    try {
      test.second();
      std::printf("ok\n");
    } catch (const std::exception &error) {
      std::printf("FAILED: %s\n", error.what());
      ++failed;
    }
  }
  return failed == 0 ? 0 : 1;
}
