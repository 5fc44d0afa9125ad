// What Rust needs of the DDFT beside its own methods: making one, and its fields and proteins as Rust's types.
//
// Nanometres, nm^-2. Not here: the physics (examples/ddft/ddft.hpp).
#ifndef PATCHSTREAM_DDFT_BRIDGE_HPP
#define PATCHSTREAM_DDFT_BRIDGE_HPP

#include <cstddef>
#include <cstdint>
#include <memory>

#include "ddft.hpp"
#include "ddft_equilibrium.hpp"
#include "rust/cxx.h"

namespace ddft_bridge {

struct Protein; // defined by the bridge, as ddft::Protein

// Throws std::invalid_argument, with a sentence, for options out of their ranges.
std::unique_ptr<ddft::Model> open(std::int32_t grid, std::int32_t proteins, std::uint64_t seed);

// Densities of a channel, 0 .. ddft::channels - 1: [y * grid + x].
rust::Slice<const double> plane(const ddft::Model &model, std::size_t channel);

// All proteins at their places in the box.
rust::Vec<Protein> proteins(const ddft::Model &model);

// Everything that the steps to come depend on.
rust::Vec<std::uint8_t> state(const ddft::Model &model);

// Goes on where state() was called. Throws std::invalid_argument, with a sentence, for bytes that are not whole or of a
// model with other options.
void restore(ddft::Model &model, rust::Slice<const std::uint8_t> state);

// The potentials of a protein state on all lipids, kT: [channel * ddft::potential_bins + bin]. Both throw std::invalid_argument,
// with a sentence, for a state that there is not, setting them for values that cannot be computed too.
rust::Vec<double> potential(const ddft::Model &model, std::int32_t state);
void set_potential(ddft::Model &model, std::int32_t state, rust::Slice<const double> kt);

// g(r) around one protein of a state at equilibrium, laid out as the potentials. Throws where there is no equilibrium.
rust::Vec<double> equilibrium_g(const ddft::Model &model, std::int32_t state);

// What the lipids do to each other: A_ij, nm^2 kT, [i * ddft::channels + j]; the width of its Gaussian, nm; rhobar, nm^-2.
rust::Vec<double> mixing();
double mixing_sigma_nm();
rust::Vec<double> mean_densities();

} // namespace ddft_bridge

#endif
