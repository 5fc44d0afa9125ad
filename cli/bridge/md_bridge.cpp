// Copies between the micro model's types and Rust's. Not here: the physics (examples/md).
#include "md_bridge.hpp"

#include <cstdint>

#include "md_builtin.hpp"
#include "md_run.hpp"
#include "patchstream-cli/src/bridge_md.rs.h"

namespace md_bridge {

namespace {

// What a simulation asks and tells, handed on to its holder.
struct Watcher {
  Held &held;
  bool going() { return held.going(); }
  void look(const md::Moment &m) {
    held.look(m.box_nm, {m.positions, m.count * m.stride}, m.stride, {m.species, m.count}, m.reference);
  }
  bool take(std::uint64_t window) { return held.take(window); }
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
  Watcher watcher{held};
  return md::simulate(engine, options, watcher);
}

} // namespace md_bridge
