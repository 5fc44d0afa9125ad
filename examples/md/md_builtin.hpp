// The built-in engine: the micro model of md.hpp as a run of md_run.hpp moves it.
//
// Not here: the physics (md.hpp), windows (md_run.hpp), LAMMPS (examples/lammps/lammps_engine.hpp).

#ifndef MD_BUILTIN_HPP
#define MD_BUILTIN_HPP

#include "md.hpp"
#include "md_run.hpp"

#include <cstdint>

namespace md {

class Builtin {
public:
  static constexpr bool takes_input = false;
  Builtin(const Beads &beads, std::uint64_t seed, const RunOptions &options) : model_(beads, seed, settings(options)) {}
  void advance(int steps) { model_.run(steps); }
  template <class Look> void advance(int steps, const Look &look) {
    model_.run(steps);
    look(copied_.of(model_.beads(), 0));
  }
  double temperature() const { return model_.kinetic_energy() / model_.beads().size(); }

private:
  static Settings settings(const RunOptions &options) {
    Settings s;
    s.dt = options.dt, s.damping = options.damping, s.trade_every = options.trade_every;
    return s;
  }
  Model model_;
  Copied copied_;
};

} // namespace md

#endif
