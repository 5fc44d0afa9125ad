// Copies between the micro model's types and Rust's. Not here: the physics (examples/md).
#include "md_bridge.hpp"

#include <csignal>

#include "md_builtin.hpp"
#include "md_run.hpp"
#include "patchstream-cli/src/bridge_md.rs.h"

namespace md_bridge {

namespace {

// The engine, which asks its holder at each call whether it is to go on.
class Asking {
public:
  Asking(md::Builtin &engine, Held &held, volatile std::sig_atomic_t &stop) : engine_(engine), held_(held), stop_(stop) {}
  void advance(int steps) { engine_.advance(steps), ask(); }
  void advance(int steps, md::Rdf &rdf) { engine_.advance(steps, rdf), ask(); }

private:
  void ask() {
    if (held_.stopped()) stop_ = 1;
  }
  md::Builtin &engine_;
  Held &held_;
  volatile std::sig_atomic_t &stop_;
};

} // namespace

bool simulate(const Patch &patch, const Plan &plan, Held &held) {
  md::Patch from;
  from.id = patch.id, from.size_nm = patch.size_nm;
  from.nx = static_cast<int>(patch.nx), from.ny = static_cast<int>(patch.ny);
  from.densities.assign(patch.densities.begin(), patch.densities.end());
  for (const Protein &p : patch.proteins) from.proteins.push_back({p.state, p.partner, p.x_nm, p.y_nm});
  md::RunOptions options;
  options.seed = plan.seed, options.equilibration = plan.equilibration, options.windows = plan.windows;
  options.window = plan.window, options.every = plan.every, options.bins = plan.bins, options.cutoff_nm = plan.cutoff_nm;
  const std::uint64_t seed = md::seed_of(from.id, options);
  md::Builtin engine(md::start(from, seed, true), seed, options);
  volatile std::sig_atomic_t stop = 0;
  Asking asking(engine, held, stop);
  return md::simulate(asking, options, stop, [&](std::uint64_t window, const md::Rdf &rdf) {
    if (!held.take(window, rdf.frames(), {rdf.sums().data(), rdf.sums().size()})) stop = 1;
  });
}

} // namespace md_bridge
