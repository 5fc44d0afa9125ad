// Copies between the DDFT's types and Rust's. Not here: the physics (examples/ddft/ddft.hpp).
#include "ddft_bridge.hpp"

#include <new>
#include <stdexcept>
#include <string>

#include "patchstream-cli/src/bridge.rs.h"

namespace ddft_bridge {

namespace {

rust::Vec<double> copied(const std::vector<double> &values) {
  rust::Vec<double> copy;
  copy.reserve(values.size());
  for (const double value : values) copy.push_back(value);
  return copy;
}

} // namespace

std::unique_ptr<ddft::Model> open(std::int32_t grid, std::int32_t proteins, std::uint64_t seed) {
  ddft::Options options;
  options.grid = grid;
  options.proteins = proteins;
  options.seed = seed;
  try {
    return std::make_unique<ddft::Model>(options);
  } catch (const std::bad_alloc &) {
    throw std::runtime_error("there is no memory for " + std::to_string(grid) + " x " + std::to_string(grid) +
                             " points: use a smaller --grid");
  }
}

rust::Slice<const double> plane(const ddft::Model &model, std::size_t channel) {
  if (channel >= static_cast<std::size_t>(ddft::channels)) return {};
  const std::size_t n = static_cast<std::size_t>(model.grid());
  return {model.plane(static_cast<int>(channel)), n * n};
}

rust::Vec<Protein> proteins(const ddft::Model &model) {
  rust::Vec<Protein> all;
  for (const ddft::Protein &p : model.proteins()) all.push_back({p.id, p.state, p.partner, p.x_nm, p.y_nm});
  return all;
}

rust::Vec<std::uint8_t> state(const ddft::Model &model) {
  const ddft::Bytes bytes = model.state();
  rust::Vec<std::uint8_t> copy;
  copy.reserve(bytes.size());
  for (const unsigned char byte : bytes) copy.push_back(byte);
  return copy;
}

void restore(ddft::Model &model, rust::Slice<const std::uint8_t> state) {
  model.restore(ddft::Bytes(state.begin(), state.end()));
}

rust::Vec<double> potential(const ddft::Model &model, std::int32_t state) { return copied(model.potentials().get(state)); }

void set_potential(ddft::Model &model, std::int32_t state, rust::Slice<const double> kt) {
  model.set_potential(state, kt.data(), kt.size());
}

rust::Vec<double> equilibrium_g(const ddft::Model &model, std::int32_t state) {
  if (state < 0 || state >= ddft::states) throw std::invalid_argument("ddft: there is no such protein state");
  return copied(ddft::equilibrium_g(model.potentials(), state, model.spacing_nm()));
}

rust::Vec<double> mixing() {
  rust::Vec<double> a;
  for (int i = 0; i < ddft::channels; ++i)
    for (int j = 0; j < ddft::channels; ++j) a.push_back(ddft::detail::mixing(i, j));
  return a;
}

double mixing_sigma_nm() { return ddft::detail::sigma_nm; }

rust::Vec<double> mean_densities() {
  rust::Vec<double> densities;
  for (int c = 0; c < ddft::channels; ++c) densities.push_back(ddft::mean_density(c));
  return densities;
}

} // namespace ddft_bridge
