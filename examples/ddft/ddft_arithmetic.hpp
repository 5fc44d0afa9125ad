// Arithmetic and random numbers of the macro model that give the same bits on every machine.
//
// Additions, multiplications, divisions and square roots are all they use. The compiler may not contract a * b + c.
// Not here: anything that knows of a membrane (ddft_membrane.hpp, ddft.hpp).

#ifndef DDFT_ARITHMETIC_HPP
#define DDFT_ARITHMETIC_HPP

#include <array>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#if defined(__FAST_MATH__)
#error "ddft.hpp needs exact IEEE arithmetic: build without -ffast-math"
#endif
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

namespace ddft {

static_assert(std::numeric_limits<double>::is_iec559 && FLT_EVAL_METHOD == 0, "doubles must be computed as doubles");

namespace detail {

// Calls body(x) for x in 0 .. n - 1, which must be independent of one another. Blocks of constant length are what
// compilers turn into vector instructions at -O2; each x is computed alone, so that does not change a bit.
template <class Body> inline void sweep(int n, Body body) {
  int x = 0;
  for (; x + 8 <= n; x += 8) {
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC ivdep
#endif
    for (int k = 0; k < 8; ++k) body(x + k);
  }
  for (; x < n; ++x) body(x);
}

inline std::uint64_t bits_of(double value) {
  std::uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

inline double double_of(std::uint64_t bits) {
  double value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// e^x for |x| <= 700 (cut off there), to an ulp or two: x = n ln 2 + r, Taylor's series for e^r.
inline double exponential(double x) {
  x = x < -700.0 ? -700.0 : x;
  x = x > 700.0 ? 700.0 : x;
  const double shifted = x * 1.4426950408889634 + 0x1.8p52; // rounds: the low bits are now the integer n
  const double n = shifted - 0x1.8p52;
  const double r = (x - n * 0x1.62e42fee00000p-1) - n * 0x1.a39ef35793c76p-33; // ln 2 in two parts
  double sum = 1.0 / 6227020800.0;
  sum = sum * r + 1.0 / 479001600.0;
  sum = sum * r + 1.0 / 39916800.0;
  sum = sum * r + 1.0 / 3628800.0;
  sum = sum * r + 1.0 / 362880.0;
  sum = sum * r + 1.0 / 40320.0;
  sum = sum * r + 1.0 / 5040.0;
  sum = sum * r + 1.0 / 720.0;
  sum = sum * r + 1.0 / 120.0;
  sum = sum * r + 1.0 / 24.0;
  sum = sum * r + 1.0 / 6.0;
  sum = sum * r + 0.5;
  sum = sum * r + 1.0;
  sum = sum * r + 1.0;
  return sum * double_of((bits_of(shifted) + 1023) << 52);
}

// ln x for positive normal x, to a few ulps: x = 2^e m with m near 1, ln m = 2 artanh((m - 1)/(m + 1)).
inline double logarithm(double x) {
  const std::uint64_t bits = bits_of(x);
  int e = static_cast<int>(bits >> 52) - 1023;
  double m = double_of((bits & 0x000fffffffffffffu) | 0x3ff0000000000000u);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    e += 1;
  }
  const double t = (m - 1.0) / (m + 1.0), t2 = t * t;
  double sum = 0.0;
  for (int k = 23; k >= 1; k -= 2) sum = sum * t2 + 1.0 / k;
  return e * 0.6931471805599453 + 2.0 * t * sum;
}

// The square root to one part in 10^5, which is plenty for a noise amplitude. std::sqrt may set errno, and that keeps a
// loop from being vectorised. A linear guess for 1/sqrt in the exponent, then two Newton steps.
inline double rough_root(double x) {
  double y = double_of(0x5fe6eb50c7b537a9u - (bits_of(x) >> 1));
  y *= 1.5 - 0.5 * x * y * y;
  y *= 1.5 - 0.5 * x * y * y;
  return x * y;
}

// splitmix64: turns one seed into many.
inline std::uint64_t split_mix(std::uint64_t &state) {
  std::uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// Eight xoshiro256++ generators side by side (Blackman and Vigna, ACM Trans. Math. Softw. 47, 36, 2021).
class Lanes {
public:
  explicit Lanes(std::uint64_t seed) {
    for (auto &word : state_)
      for (auto &lane : word) lane = split_mix(seed);
  }

  // Writes use(draw) to out[0 .. n - 1], n rounded up to a multiple of 8.
  template <class Use> void fill(double *out, int n, Use use) {
    std::uint64_t s[4][8];
    std::memcpy(s, state_, sizeof s);
    for (int x = 0; x < n; x += 8) {
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC ivdep
#endif
      for (int k = 0; k < 8; ++k) {
        const std::uint64_t a = s[0][k] + s[3][k];
        const std::uint64_t draw = ((a << 23) | (a >> 41)) + s[0][k];
        const std::uint64_t t = s[1][k] << 17;
        s[2][k] ^= s[0][k];
        s[3][k] ^= s[1][k];
        s[1][k] ^= s[2][k];
        s[0][k] ^= s[3][k];
        s[2][k] ^= t;
        s[3][k] = (s[3][k] << 45) | (s[3][k] >> 19);
        out[x + k] = use(draw);
      }
    }
    std::memcpy(state_, s, sizeof s);
  }

  // Cheap normals for the lipids: the sum of the draw's four 16-bit parts, at mean 0 and variance 1. Its kurtosis is
  // 2.7 (a normal's is 3) and it ends at 3.46 deviations, which the limit on a face's flux hides.
  void normals(double *out, int n) {
    fill(out, n, [](std::uint64_t draw) {
      std::uint64_t sum = (draw & 0x0000ffff0000ffffu) + ((draw >> 16) & 0x0000ffff0000ffffu);
      sum = (sum + (sum >> 32)) & 0x7ffffu;
      constexpr double inverse_deviation = 1.0 / 37837.22723720648; // sqrt(4 (2^32 - 1) / 12)
      return (double_of(0x4330000000000000u | sum) - (0x1p52 + 131070.0)) * inverse_deviation;
    });
  }

private:
  std::uint64_t state_[4][8];
};

// One number at a time, for proteins and control points.
class Single {
public:
  explicit Single(std::uint64_t seed) : lanes_(seed) {}

  double uniform() { // in (0, 1), never an end
    if (next_ == 8) {
      lanes_.fill(buffer_, 8, [](std::uint64_t draw) { return static_cast<double>(draw >> 12) * 0x1p-52 + 0x1p-53; });
      next_ = 0;
    }
    return buffer_[next_++];
  }

  // A random unit vector.
  std::array<double, 2> direction() {
    for (;;) {
      const double u = 2.0 * uniform() - 1.0, v = 2.0 * uniform() - 1.0, r2 = u * u + v * v;
      if (r2 < 1.0 && r2 > 0.0) {
        radius2_ = r2;
        const double r = std::sqrt(r2);
        return {u / r, v / r};
      }
    }
  }

  std::array<double, 2> normals() { // two independent ones, by Marsaglia's polar method
    const auto d = direction();
    const double scale = std::sqrt(-2.0 * logarithm(radius2_));
    return {d[0] * scale, d[1] * scale};
  }

private:
  Lanes lanes_;
  double buffer_[8] = {};
  std::int64_t next_ = 8;
  double radius2_ = 0.5;
};

} // namespace detail

} // namespace ddft

#endif
