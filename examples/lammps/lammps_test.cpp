// Tests against LAMMPS: its own `compute rdf` and ours, and the built-in micro model's g(r) and energy.
// A program of its own: prints each test's name, exits with 1 if one fails. Needs liblammps and the library, whose counts they are.
//
// Not here: the built-in model's own tests (examples/md/md_test.cpp), jobs.

#include "../md/md_builtin.hpp"
#include "../md/md_patch.hpp"
#include "../md/md_rdf.hpp"
#include "lammps_engine.hpp"

#include "../check.hpp"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace {

constexpr double size_nm = 13.0;

md::Patch patch() { return md::synthetic_patch(size_nm, {{0, -1, 0.0, 0.0}}, true); }

md::RunOptions options() { return md::RunOptions(); }

TEST(counts_agree_with_compute_rdf_over_all_lipids) {
  const int bins = 60;
  const auto beads = md::start(patch(), 1);
  std::string compute = "compute g all rdf " + std::to_string(bins);
  for (int c = 1; c <= md::lipids; ++c) compute += " " + std::to_string(md::lipids + 1) + " " + std::to_string(c);
  md::Lammps lammps(beads, 1, options(), {"comm_modify cutoff 6.5", compute + " cutoff 6.0"});
  double pairs = 0, worst = 0;
  for (int frame = 0; frame < 30; ++frame) {
    md::Rdf rdf(bins, 6.0);
    lammps.advance(20, [&](const md::Moment &moment) { rdf.count(moment); });
    const auto g = rdf.g(beads);
    const auto *const *theirs = static_cast<const double *const *>(
        lammps_extract_compute(lammps.handle(), "g", LMP_STYLE_GLOBAL, LMP_TYPE_ARRAY));
    check(theirs != nullptr, "compute rdf gives nothing");
    for (std::size_t c = 0; c < md::lipids; ++c)
      for (std::size_t b = 0; b < static_cast<std::size_t>(bins); ++b) {
        const double ours = g[c * bins + b], other = theirs[b][1 + 2 * c];
        check(std::isfinite(other), "compute rdf gives " + number(other) + " in bin " + std::to_string(b));
        if (ours != other) worst = std::max(worst, std::fabs(ours - other) / std::max(std::fabs(ours), std::fabs(other)));
        pairs += rdf.sums()[c * bins + b];
      }
  }
  std::printf("(%.0f pairs, %.1e) ", pairs, worst);
  check(pairs > 5000, "only " + number(pairs) + " pairs were counted");
  check(worst < 1e-12, "they differ by " + number(worst) + " of their value");
}

TEST(energy_and_forces_of_the_same_beads_are_those_of_lammps) {
  const auto crowd = md::synthetic_patch(15.0, {{4, 1, 0.3, 0.1}, {7, 0, 2.2, 0.9}, {9, -1, 7.3, -4.0}}, true);
  md::Model model(md::start(crowd, 3), 3);
  model.run(200);
  // What LAMMPS is given is not moved: neither minimised nor run.
  md::RunOptions o = options();
  o.dt = 1e-12;
  model.thermostat_off();
  model.move(0, model.beads().x[0], model.beads().y[0]); // forces without those of the thermostat
  md::Lammps lammps(model.beads(), 3, o, {"unfix heat"}, false);
  const double theirs = lammps_get_thermo(lammps.handle(), "pe") * model.beads().size();
  check_close(theirs, model.potential_energy(), 1e-9 * std::fabs(model.potential_energy()), "energy");
  const auto *const *f = static_cast<const double *const *>(lammps_extract_atom(lammps.handle(), "f"));
  const auto *id = static_cast<const int *>(lammps_extract_atom(lammps.handle(), "id"));
  for (int i = 0; i < model.beads().size(); ++i) {
    const auto ours = model.force(id[i] - 1);
    const double tolerance = 1e-9 * (1 + std::hypot(ours[0], ours[1]));
    check_close(f[i][0], ours[0], tolerance, "x force on bead " + std::to_string(id[i] - 1));
    check_close(f[i][1], ours[1], tolerance, "y force on bead " + std::to_string(id[i] - 1));
  }
}

// Counts one window.
struct Window {
  md::Rdf rdf;
  bool going() const { return true; }
  void look(const md::Moment &moment) { rdf.count(moment); }
  bool take(std::uint64_t) const { return true; }
};

struct Measured {
  std::vector<double> mean, error;
  double temperature = 0;
};

// g of several simulations in bins of 0.5 nm, and its standard error between them.
template <class Engine> Measured measure(std::uint64_t first_seed) {
  const int simulations = 6, bins = 10;
  md::RunOptions o = options();
  o.windows = 1, o.window = 12000, o.every = 20, o.bins = bins, o.cutoff_nm = 5;
  Measured m;
  std::vector<double> square(md::lipids * bins, 0.0);
  m.mean.resize(square.size()), m.error.resize(square.size());
  for (int s = 0; s < simulations; ++s) {
    const std::uint64_t seed = first_seed + static_cast<std::uint64_t>(s);
    const auto beads = md::start(patch(), seed);
    Engine engine(beads, seed * 7919, o);
    Window window{md::Rdf(bins, 5.0)};
    md::simulate(engine, o, window);
    const auto g = window.rdf.g(beads);
    for (std::size_t i = 0; i < g.size(); ++i) m.mean[i] += g[i] / simulations, square[i] += g[i] * g[i] / simulations;
    m.temperature += engine.temperature() / simulations;
  }
  for (std::size_t i = 0; i < square.size(); ++i)
    m.error[i] = std::sqrt(std::max(0.0, square[i] - m.mean[i] * m.mean[i]) / (simulations - 1));
  return m;
}

TEST(built_in_model_has_the_g_of_lammps) {
  const auto ours = measure<md::Builtin>(100), theirs = measure<md::Lammps>(200);
  check_close(theirs.temperature, 1.0, 0.05, "LAMMPS' kT at the end");
  double far = 0, all = 0;
  for (std::size_t i = 0; i < ours.mean.size(); ++i) {
    const double error = std::hypot(ours.error[i], theirs.error[i]);
    if (error == 0) continue;
    far += std::fabs(ours.mean[i] - theirs.mean[i]) > 3 * error, all += 1;
  }
  std::printf("(%.0f of %.0f bins beyond three standard errors) ", far, all);
  check(all > 100 && far <= 0.05 * all, number(far) + " of " + number(all) + " bins differ by more than 3 standard errors");
}

} // namespace

int main() { return run_tests(); }
