// What Rust needs of the built-in micro model: one simulation of a patch, window by window.
//
// Nanometres, nm^-2, time steps. Not here: the physics (examples/md), jobs (cli/src/micro).
#ifndef PATCHSTREAM_MD_BRIDGE_HPP
#define PATCHSTREAM_MD_BRIDGE_HPP

#include <cstdint>

#include "rust/cxx.h"

namespace md_bridge {

struct Patch;   // these two are defined by the bridge
struct Protein;
struct Plan;
struct Held;

// Simulates a patch around its first protein and gives each moment and window to `held`, which also says when to stop. False if it
// did. Throws std::exception, with a sentence, for a patch that cannot be simulated.
bool simulate(const Patch &patch, const Plan &plan, Held &held);

} // namespace md_bridge

#endif
