// The micro model by LAMMPS: the beads, forces and thermostat of examples/md, moved by liblammps through library.h.
//
// LAMMPS is under the GPL, version 2: a program that includes this and is passed on is under it too. patchstream, under
// MIT or Apache-2.0 as you choose, may be linked by it under MIT.
// Units lj: nm, kT, mass 1. LAMMPS' type is the kind + 1, its id the bead + 1; the box is 0 .. box_nm.
// An error in an input line ends the process in most builds: run it as a process of its own.
// Not here: jobs (examples/md/md_worker.hpp), where the beads start (examples/md/md_start.hpp).

#ifndef LAMMPS_ENGINE_HPP
#define LAMMPS_ENGINE_HPP

#include "../md/md_force_field.hpp"
#include "../md/md_rdf.hpp"
#include "../md/md_run.hpp"
#include "../md/md_trade.hpp"

#include <lammps/library.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

namespace md {

class Lammps {
public:
  // `extra`: input lines before the first step in time, computes for one. `relax` false: the beads stay where they are, and of
  // their species. Trades (md_trade.hpp) are ours: before the beads are handed over, and between LAMMPS' steps.
  Lammps(const Beads &beads, std::uint64_t seed, const RunOptions &options, const std::vector<std::string> &extra = {},
         bool relax = true)
      : beads_(relax ? mixed(beads, seed) : beads), random_(seed ^ 0x6c616d6d7073u), trades_(relax && lists_stay()) {
    char name[] = "lammps", screen[] = "-screen", log[] = "-log", none[] = "none", cite[] = "-nocite";
    char *arguments[] = {name, screen, none, log, none, cite};
    handle_ = lammps_open_no_mpi(6, arguments, nullptr);
    if (handle_ == nullptr) throw std::runtime_error("lammps: it does not start");
    try {
      prepare(seed, options, extra, relax);
    } catch (...) {
      lammps_close(handle_);
      throw;
    }
  }
  Lammps(const Lammps &) = delete;
  Lammps &operator=(const Lammps &) = delete;
  ~Lammps() { lammps_close(handle_); }

  void advance(int steps) { run(steps); }

  // Counts the last step, while LAMMPS is at it and from its own array of positions.
  void advance(int steps, Rdf &rdf) {
    rdf_ = &rdf;
    run(steps);
    const bool counted = rdf_ == nullptr;
    rdf_ = nullptr;
    if (failure_) std::rethrow_exception(failure_);
    if (!counted) throw std::runtime_error("lammps: the last step called nobody back");
  }

  double temperature() const {
    const auto *const *v = static_cast<const double *const *>(lammps_extract_atom(handle_, "v"));
    double sum = 0;
    for (std::size_t i = 0; i < beads_.kind.size(); ++i) sum += v[i][0] * v[i][0] + v[i][1] * v[i][1];
    return 0.5 * sum / static_cast<double>(beads_.kind.size());
  }

  // One input line.
  void command(const std::string &line) {
    lammps_command(handle_, line.c_str());
    if (lammps_has_error(handle_) == 0) return; // only where the build tells; otherwise the process is gone
    char buffer[512] = "";
    lammps_get_last_error_message(handle_, buffer, sizeof buffer);
    throw std::runtime_error("lammps: \"" + line + "\": " + buffer);
  }
  void *handle() const { return handle_; }

private:
  void prepare(std::uint64_t seed, const RunOptions &options, const std::vector<std::string> &extra, bool relax) {
    const Beads &beads = beads_;
    const std::string box = text(beads.box_nm), types = std::to_string(kinds);
    const int random = 1 + static_cast<int>(seed % 899999999u);
    bool bonds = false;
    for (const int partner : beads.partner) bonds |= partner >= 0;
    for (const std::string line : {"units lj", "dimension 2", "boundary p p p", "newton on"}) command(line);
    command(bonds ? "atom_style bond" : "atom_style atomic");
    command("atom_modify map array");
    command("region box block 0 " + box + " 0 " + box + " -0.5 0.5");
    command("create_box " + types + " box" + (bonds ? " bond/types 1 extra/bond/per/atom 1 extra/special/per/atom 1" : ""));
    command("mass * 1.0");
    command("pair_style soft 3.0");
    for (int a = 0; a < kinds; ++a)
      for (int b = a; b < kinds; ++b) {
        const Pair p = pair(a, b);
        command("pair_coeff " + std::to_string(a + 1) + " " + std::to_string(b + 1) + " " + text(p.strength) + " " +
                text(p.range));
      }
    command("neighbor 0.5 bin");
    command("neigh_modify every 1 delay 0 check yes");
    create(beads);
    if (bonds) {
      const Bond bond;
      command("bond_style harmonic");
      command("bond_coeff 1 " + text(bond.stiffness) + " " + text(bond.length));
      command("comm_modify cutoff 6.0"); // a bond may start long
      for (std::size_t i = 0; i < beads.partner.size(); ++i)
        if (beads.partner[i] > static_cast<int>(i))
          command("create_bonds single/bond 1 " + std::to_string(i + 1) + " " + std::to_string(beads.partner[i] + 1));
    }
    command("fix flat all enforce2d");
    if (relax) command("minimize 0 1e-3 200 400");
    command("velocity all create 1.0 " + std::to_string(random) + " loop geom");
    command("velocity all set NULL NULL 0.0");
    command("reset_timestep 0");
    command("fix move all nve");
    command("fix heat all langevin 1.0 1.0 " + text(options.damping) + " " + std::to_string(random));
    command("fix watch all external pf/callback 1 1");
    lammps_set_fix_external_callback(handle_, "watch", called_back, this);
    command("unfix flat"); // it has to come after the thermostat
    command("fix flat all enforce2d");
    command("timestep " + text(options.dt));
    for (const std::string &line : extra) command(line);
    run(0);
  }

  void create(const Beads &beads) {
    const std::size_t n = beads.x.size();
    std::vector<int> id(n), type(n);
    std::vector<double> x(3 * n, 0.0);
    for (std::size_t i = 0; i < n; ++i) {
      id[i] = static_cast<int>(i) + 1, type[i] = beads.kind[i] + 1;
      x[3 * i] = beads.x[i], x[3 * i + 1] = beads.y[i];
    }
    const int made = lammps_create_atoms(handle_, beads.size(), id.data(), type.data(), x.data(), nullptr, nullptr, 0);
    if (made != beads.size())
      throw std::runtime_error("lammps: it took " + std::to_string(made) + " of " + std::to_string(n) + " beads");
  }

  void run(int steps) {
    last_ = now_ + steps;
    do {
      // Before steps, not after them: what was counted stays as it was until then.
      if (trades_ && now_ > 0 && now_ % steps_between_trades == 0) trade();
      const std::int64_t next = trades_ ? std::min(last_, now_ + steps_between_trades - now_ % steps_between_trades) : last_;
      command("run " + std::to_string(next - now_) + (started_ ? " pre no post no" : " post no"));
      started_ = true, now_ = next;
    } while (now_ < last_);
  }

  // Lipids trade where they are. Images beyond the box's edges are atoms of LAMMPS' too, and get their species with
  // them; forces follow at the next step.
  void trade() {
    const auto *const *x = static_cast<const double *const *>(lammps_extract_atom(handle_, "x"));
    const auto *id = static_cast<const int *>(lammps_extract_atom(handle_, "id"));
    auto *type = static_cast<int *>(lammps_extract_atom(handle_, "type"));
    const auto at = [&](int i) { return static_cast<std::size_t>(id[i] - 1); };
    for (int i = 0; i < beads_.size(); ++i) beads_.x[at(i)] = x[i][0], beads_.y[at(i)] = x[i][1];
    trader_.trade(beads_, field_, random_);
    const int all = lammps_extract_setting(handle_, "nall");
    for (int i = 0; i < all; ++i) type[i] = beads_.kind[at(i)] + 1;
  }

  // Whether LAMMPS' lists of neighbours, whose reach is that of each pair of species, stay true when two lipids of a leaflet
  // trade. Otherwise species stay where they were mixed to.
  static bool lists_stay() {
    const auto first = [](int kind) { return kind < inner_lipids ? 0 : kind < lipids ? inner_lipids : kind; };
    for (int a = 0; a < lipids; ++a)
      for (int b = 0; b < kinds; ++b)
        if (pair(a, b).range != pair(first(a), first(b)).range) return false;
    return true;
  }

  // At every step and at the set-up of a run. LAMMPS adds f to the forces, and x and id may have moved since the last call.
  static void called_back(void *engine, std::int64_t step, int n, int *id, double **x, double **f) {
    auto &self = *static_cast<Lammps *>(engine);
    for (int i = 0; i < n; ++i) f[i][0] = f[i][1] = f[i][2] = 0.0;
    if (self.rdf_ == nullptr || step != self.last_) return;
    try { // nothing may be thrown through LAMMPS
      self.kinds_.resize(static_cast<std::size_t>(n));
      std::size_t reference = 0;
      for (int i = 0; i < n; ++i) {
        const auto at = static_cast<std::size_t>(i);
        self.kinds_[at] = self.beads_.kind[static_cast<std::size_t>(id[i] - 1)];
        if (id[i] == 1) reference = at;
      }
      self.rdf_->count(x[0], x[0] + 1, 3, self.kinds_.data(), self.kinds_.size(), self.beads_.box_nm, reference);
    } catch (...) {
      self.failure_ = std::current_exception();
    }
    self.rdf_ = nullptr;
  }

  static std::string text(double value) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.17g", value);
    return buffer;
  }

  void *handle_ = nullptr;
  Beads beads_; // where they were when they traded last, in the order of their ids
  ForceField field_;
  Trader trader_;
  detail::Random random_;
  bool trades_;
  std::vector<int> kinds_; // in LAMMPS' order of the moment
  Rdf *rdf_ = nullptr; // counts step last_, then null
  std::exception_ptr failure_;
  std::int64_t now_ = 0, last_ = 0;
  bool started_ = false;
};

} // namespace md

#endif
