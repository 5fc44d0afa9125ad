// Tests of the macro model's checkpoints: what was saved goes on as if nothing had happened; what was damaged is refused.
// A program of its own: exits with 1 and a sentence if a check fails.
//
// Not here: the physics (ddft_test.cpp).

#include "ddft.hpp"

#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

void check(bool holds, const std::string &what) {
  if (!holds) throw std::runtime_error(what);
}

ddft::Options options(int grid) {
  ddft::Options o;
  o.grid = grid;
  o.proteins = 4;
  return o;
}

// Gives the first protein's state potentials that are not its own.
void give_potential(ddft::Model &model) {
  std::vector<double> kt = model.potentials().get(0);
  for (double &value : kt) value *= -0.7;
  model.set_potential(model.proteins()[0].state, kt.data(), kt.size());
}

// Steps, and questions for control points, whose generator is part of the state too.
void run(ddft::Model &model, int steps) {
  std::array<double, 2> place;
  for (int i = 0; i < steps; ++i) {
    model.step();
    model.control_point(5.0, place);
  }
}

// Whether `model` refuses the bytes and stays as it is.
bool refused(ddft::Model &model, const ddft::Bytes &bytes) {
  const ddft::Bytes before = model.state();
  try {
    model.restore(bytes);
  } catch (const std::invalid_argument &error) {
    return std::string(error.what()).rfind("ddft: ", 0) == 0 && model.state() == before;
  }
  return false;
}

void restored_model_goes_on_bit_for_bit() {
  ddft::Model undisturbed(options(48)), restarted(options(48));
  run(undisturbed, 6);
  give_potential(undisturbed);
  run(undisturbed, 7);
  const ddft::Bytes saved = undisturbed.state();
  run(undisturbed, 17);
  run(restarted, 3);
  restarted.restore(saved);
  check(restarted.steps() == 13 && restarted.state() == saved, "the state is the saved one");
  check(restarted.state() != undisturbed.state(), "17 steps change the state");
  run(restarted, 17);
  check(restarted.state() == undisturbed.state(), "the restored model took another way");
}

void damaged_and_foreign_states_are_refused() {
  ddft::Model model(options(48)), larger(options(51));
  run(model, 2);
  const ddft::Bytes saved = model.state();
  run(model, 1);
  for (std::size_t cut : {std::size_t{0}, std::size_t{7}, std::size_t{24}, saved.size() / 2, saved.size() - 1})
    check(refused(model, ddft::Bytes(saved.begin(), saved.begin() + static_cast<std::ptrdiff_t>(cut))), "a cut state");
  for (std::size_t at = 0; at < saved.size(); at += at < 256 ? 1 : 9973) {
    ddft::Bytes flipped = saved;
    flipped[at] ^= 0x10;
    check(refused(model, flipped), "a state with byte " + std::to_string(at) + " changed");
  }
  check(refused(larger, saved), "the state of a smaller model");
  check(refused(model, larger.state()), "the state of a larger model");
  ddft::Options other = options(48);
  other.seed = 2;
  ddft::Model another(other);
  check(refused(another, saved), "the state of a model with another seed");
  model.restore(saved);
}

} // namespace

int main() {
  try {
    restored_model_goes_on_bit_for_bit();
    damaged_and_foreign_states_are_refused();
  } catch (const std::exception &error) {
    std::printf("ddft_state_test: %s\n", error.what());
    return 1;
  }
  std::printf("ddft_state_test: 0 failures\n");
}
