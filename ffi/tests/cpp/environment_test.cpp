// A host that traps invalid operations and divisions by zero, or rounds and flushes as it likes: no trap, no sticky
// flag, its environment as it was, and the same decisions. Takes `--model NAME` (default "metric").
#include <cfenv>
#include <cstdio>
#include <cstring>
#include <vector>

#include "patchstream.hpp"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace ps = patchstream;

constexpr std::uint32_t n = 37, channels = 14;

// Patches with densities down to denormals and below zero: what arithmetic of any environment would show.
static std::vector<std::uint8_t> decisions(const char *model, bool background) {
  ps::Stream stream(ps::Options().model(model).background(background).capacity(12).slots(8));
  ps::Producer producer = stream.producer("host");
  std::vector<std::uint8_t> bytes;
  auto keep = [&](ps::span<const std::uint8_t> more) { bytes.insert(bytes.end(), more.begin(), more.end()); };
  std::vector<float> densities(n * n * channels);
  for (std::int64_t step = 0; step < 4; step++) {
    for (std::uint64_t i = 1; i <= 6; i++) {
      const std::uint64_t id = static_cast<std::uint64_t>(step) * 6 + i;
      std::uint32_t state = static_cast<std::uint32_t>(id) * 2654435761u;
      for (float &density : densities) {
        state = state * 1664525u + 1013904223u;
        const std::uint32_t bits = (state >> 9) | ((state & 3) == 0 ? 0u : 0x3d000000u);
        std::memcpy(&density, &bits, sizeof density);
        if ((state & 31) == 7) density = -density;
      }
      ps::Patch patch;
      patch.id = id;
      patch.step = step;
      const ps::Field field = ps::interleaved(densities.data(), n, n, channels);
      while (producer.push(patch, field) == ps::full) stream.poll(ps::microseconds(100));
    }
    keep(stream.select(step, 2).bytes());
  }
  // An error raises nothing either.
  densities[3] = __builtin_nanf("");
  ps::Patch bad;
  bad.id = 1000;
  bad.step = 4;
  if (producer.try_push(bad, ps::interleaved(densities.data(), n, n, channels)) != PATCHSTREAM_ERR_VALUE) bytes.clear();
  keep(stream.weights().bytes());
  return bytes;
}

int main(int argc, char **argv) {
  const char *model = argc == 3 && std::strcmp(argv[1], "--model") == 0 ? argv[2] : "metric";
  int failures = 0;
  auto check = [&](bool condition, const char *what) {
    if (!condition) std::printf("failed: %s\n", what), failures++;
  };
  const std::vector<std::uint8_t> expected = decisions(model, false);
  check(!expected.empty(), "a plain host gets decisions");

  for (const bool background : {false, true}) {
    std::feclearexcept(FE_ALL_EXCEPT);
    feenableexcept(FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW);
    const std::vector<std::uint8_t> trapping = decisions(model, background);
    check(std::fetestexcept(FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW) == 0, "no sticky flag is left");
    check(fegetexcept() == (FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW), "the host's traps are still on");
    fedisableexcept(FE_ALL_EXCEPT);
    check(trapping == expected, "a host that traps gets the same decisions");

    std::feraiseexcept(FE_INEXACT | FE_UNDERFLOW);
    std::fesetround(FE_UPWARD);
    const std::vector<std::uint8_t> upward = decisions(model, background);
    check(std::fegetround() == FE_UPWARD, "the host's rounding is as it was");
    check(std::fetestexcept(FE_UNDERFLOW) != 0, "the host's own flags are as they were");
    std::fesetround(FE_TONEAREST);
    check(upward == expected, "a host that rounds upward gets the same decisions");
#if defined(__x86_64__)
    _mm_setcsr(_mm_getcsr() | 0x8040);
    const std::vector<std::uint8_t> flushing = decisions(model, background);
    check((_mm_getcsr() & 0x8040) == 0x8040, "the host's flushing of denormals is as it was");
    _mm_setcsr(_mm_getcsr() & ~0x8040u);
    check(flushing == expected, "a host that flushes denormals gets the same decisions");
#endif
  }
  std::printf("environment_test: %d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
