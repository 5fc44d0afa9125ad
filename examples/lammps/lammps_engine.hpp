// The micro model by LAMMPS: beads, forces, thermostat and trades of examples/md, moved by liblammps through library.h.
//
// LAMMPS is under the GPL, version 2: a program that includes this and is passed on is under it too. patchstream, under
// MIT or Apache-2.0 as you choose, may be linked by it under MIT.
// Units lj: nm, kT, mass 1. LAMMPS' type is the kind + 1, its id the bead + 1; the box is 0 .. box_nm.
// An error in an input line ends the process in most builds: run it as a process of its own. `cause` then tells LAMMPS' words.
// Not here: jobs (examples/md/md_worker.hpp), where the beads start (examples/md/md_start.hpp).

#ifndef LAMMPS_ENGINE_HPP
#define LAMMPS_ENGINE_HPP

#include "../md/md_force_field.hpp"
#include "../md/md_run.hpp"
#include "../md/md_trade.hpp"

#include <lammps/library.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

// MPI's, in place of the one that LAMMPS is linked with: it ends a process without what is to be done at exit, and there is
// only this one.
extern "C" __attribute__((used)) inline int MPI_Abort(void *, int status) { std::exit(status == 0 ? 1 : status); }

namespace md {

class Lammps {
public:
  static constexpr bool takes_input = true;

  // `extra`: input lines before the first step in time, computes for one; after them those of the options' file, which may
  // change forces: then lipids do not trade species. `relax` false: the beads stay where they are, and do not trade either.
  Lammps(const Beads &beads, std::uint64_t seed, const RunOptions &options, const std::vector<std::string> &extra = {},
         bool relax = true)
      : beads_(beads), random_(seed ^ 0x747261646573u),
        trade_every_(relax && options.input.empty() && field_.one_range() ? options.trade_every : 0) {
    cause = last_words;
    std::string file = log() == nullptr ? "none" : "/dev/fd/" + std::to_string(fileno(log()));
    char name[] = "lammps", screen[] = "-screen", none[] = "none", option[] = "-log", cite[] = "-nocite";
    char *arguments[] = {name, screen, none, option, file.data(), cite};
    handle_ = lammps_open_no_mpi(6, arguments, nullptr);
    if (handle_ == nullptr) throw std::runtime_error("lammps: it does not start");
    try {
      prepare(beads, seed, options, extra, relax);
    } catch (...) {
      lammps_close(handle_);
      throw;
    }
  }
  Lammps(const Lammps &) = delete;
  Lammps &operator=(const Lammps &) = delete;
  ~Lammps() { lammps_close(handle_); }

  void advance(int steps) { run(steps); }

  // Gives `look` the last step, while LAMMPS is at it and in its own array of positions.
  void advance(int steps, const std::function<void(const Moment &)> &look) {
    look_ = &look;
    run(steps);
    const bool looked = look_ == nullptr;
    look_ = nullptr;
    if (!looked) throw std::runtime_error("lammps: the last step called nobody back");
  }

  double temperature() const {
    const auto *const *v = static_cast<const double *const *>(lammps_extract_atom(handle_, "v"));
    double sum = 0;
    for (std::size_t i = 0; i < beads_.x.size(); ++i) sum += v[i][0] * v[i][0] + v[i][1] * v[i][1];
    return 0.5 * sum / static_cast<double>(beads_.x.size());
  }

  // One input line.
  void command(const std::string &line) {
    line_at_work() = line;
    lammps_command(handle_, line.c_str());
    line_at_work().clear();
    if (lammps_has_error(handle_) == 0) return; // only where the build tells; otherwise the process is gone
    char buffer[512] = "";
    lammps_get_last_error_message(handle_, buffer, sizeof buffer);
    throw std::runtime_error("lammps: \"" + line + "\": " + buffer);
  }
  void *handle() const { return handle_; }

private:
  void prepare(const Beads &beads, std::uint64_t seed, const RunOptions &options, const std::vector<std::string> &extra,
               bool relax) {
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
    if (!options.input.empty()) command("include \"" + options.input + "\"");
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
    command("run " + std::to_string(steps) + (started_ ? " pre no post no" : " post no"));
    started_ = true, now_ = last_;
    if (failure_) std::rethrow_exception(failure_);
  }

  // At every step and at the set-up of a run. LAMMPS adds f to the forces, and x and id may have moved since the last call.
  static void called_back(void *engine, std::int64_t step, int n, int *id, double **x, double **f) {
    auto &self = *static_cast<Lammps *>(engine);
    for (int i = 0; i < n; ++i) f[i][0] = f[i][1] = f[i][2] = 0.0;
    const bool looks = self.look_ != nullptr && step == self.last_;
    try { // nothing may be thrown through LAMMPS
      if (self.trade_every_ > 0 && step > 0 && step % self.trade_every_ == 0) self.trade(n, id, x);
      if (!looks) return;
      self.species_.resize(static_cast<std::size_t>(n));
      std::uint32_t reference = 0;
      for (int i = 0; i < n; ++i) {
        const int kind = self.beads_.kind[static_cast<std::size_t>(id[i] - 1)];
        self.species_[static_cast<std::size_t>(i)] = kind < lipids ? kind : -1;
        if (id[i] == 1) reference = static_cast<std::uint32_t>(i);
      }
      (*self.look_)({self.beads_.box_nm, x[0], 3, self.species_.data(), self.species_.size(), reference});
    } catch (...) {
      self.failure_ = std::current_exception();
    }
    self.look_ = nullptr;
  }

  // LAMMPS' log, in a file without a name that each simulation begins anew; null where there can be none.
  static std::FILE *log() {
    static std::FILE *const file = std::tmpfile();
    return file;
  }
  static std::string &line_at_work() {
    static std::string *const line = new std::string; // for as long as there is a process
    return *line;
  }
  // What LAMMPS wrote of the input line that it ends the process in; nothing while it is at none.
  static std::string last_words() {
    if (line_at_work().empty()) return {};
    std::string error = "it ended", line = line_at_work();
    if (log() != nullptr) {
      std::fflush(nullptr);
      std::rewind(log());
      const std::string last = "Last command: ";
      for (char part[512]; std::fgets(part, sizeof part, log()) != nullptr;) {
        const std::string said(part, std::string(part).find('\n'));
        if (said.rfind("ERROR", 0) == 0) error = said;
        if (said.rfind(last, 0) == 0) line = said.substr(last.size());
      }
    }
    return "lammps: " + error + ", at the input line \"" + line + "\"";
  }

  // Trades of md_trade.hpp, written into LAMMPS' own array of types, those of the periodic images behind the n beads too.
  void trade(int n, const int *id, const double *const *x) {
    for (int i = 0; i < n; ++i) {
      const auto bead = static_cast<std::size_t>(id[i] - 1);
      beads_.x[bead] = x[i][0], beads_.y[bead] = x[i][1];
    }
    trader_.trade(beads_, field_, random_);
    auto *type = static_cast<int *>(lammps_extract_atom(handle_, "type"));
    for (int i = 0; i < lammps_extract_setting(handle_, "nall"); ++i)
      type[i] = beads_.kind[static_cast<std::size_t>(id[i] - 1)] + 1;
  }

  static std::string text(double value) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.17g", value);
    return buffer;
  }

  void *handle_ = nullptr;
  Beads beads_; // kinds; places as of the last trade
  ForceField field_;
  Trader trader_;
  detail::Random random_;
  int trade_every_;
  std::vector<std::int32_t> species_; // in LAMMPS' order of the moment, -1 for a protein
  const std::function<void(const Moment &)> *look_ = nullptr; // gets step last_, then null
  std::exception_ptr failure_;
  std::int64_t now_ = 0, last_ = 0;
  bool started_ = false;
};

} // namespace md

#endif
