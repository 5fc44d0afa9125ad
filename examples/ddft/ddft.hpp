// The macro model: dynamic density functional theory (DDFT) of a lipid membrane with RAS and RAF proteins.
//
// Fourteen lipid densities rho_i on a periodic square grid, and proteins at X_p that need no grid:
//   F/kT = sum_i int rho_i (ln(rho_i/rhobar_i) - 1) + 1/2 sum_ij A_ij int (rho_i - rhobar_i) G * (rho_j - rhobar_j)
//        + sum_p sum_i int rho_i U_{state(p),i}(|r - X_p|) + bonds and soft cores between proteins
//   d rho_i/dt = D_i div(grad rho_i + rho_i grad phi_i),  phi_i = sum_j A_ij G * (rho_j - rhobar_j) + sum_p U
//   dX_p = D_p f_p dt + sqrt(2 D_p dt) xi,  f_p = -dF/dX_p (kT/nm)
// Every term uses one discrete operator in phi, in F and in f. A face carries the Scharfetter-Gummel-like flux
// D/dx (rho_L s_R/s_L - rho_R s_L/s_R) with s = exp(-phi/2): mass is conserved, rho ~ exp(-phi) is an equilibrium.
//
// Nanometres, microseconds, kT, nm^-2. Planes: plane(c)[y * grid + x]; cell (x, y) has its centre at (x, y) * spacing.
// The same options give the same bits: additions, multiplications, divisions, square roots and floor are all a
// trajectory uses (exp and ln are written out below), so neither the C library nor the optimisation level shows.
// For that the compiler may not contract a * b + c: build with -ffp-contract=off wherever the target has FMA.
//
// Not here: cutting patches and the coupling to patchstream (main.cpp), checkpoints, proteins that change state.

#ifndef DDFT_HPP
#define DDFT_HPP

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#if defined(__FAST_MATH__)
#error "ddft.hpp needs exact IEEE arithmetic: build without -ffast-math"
#endif
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

namespace ddft {

static_assert(std::numeric_limits<double>::is_iec559 && FLT_EVAL_METHOD == 0, "doubles must be computed as doubles");

// ---- Membrane: what a run is made of -------------------------------------------------------------------------------

// POPC PAPC POPE DIPE DPSM PAPS PAP6 CHOL of the inner leaflet, then POPC PAPC POPE DIPE DPSM CHOL of the outer one.
constexpr int channels = 14;
constexpr int inner_channels = 8;
// RASa RASb RASc zRASa mRASa mRASb zRAFa mRAFa mRAFb, then the same nine for RAS4A.
constexpr int states = 18;

struct Protein {
  std::uint64_t id;     // 1 + its index in proteins()
  std::int32_t state;   // 0 .. states - 1; a RAF (6 .. 8 and 15 .. 17) is always half of a complex
  std::int32_t partner; // index in proteins() of the other half of a RAS-RAF complex, or -1
  double x_nm, y_nm;    // in [0, box)
};

struct Options {
  int grid = 192;                  // cells a side, 48 .. 4096
  int proteins = 10;               // RAS in all, at most one per 100 nm^2; two in five carry a RAF, a protein more
  std::uint64_t seed = 1;          // any value
  double spacing_nm = 30.0 / 36.0; // side of a cell, 0.2 .. 1.5
  double dt_us = 0;                // time step; 0: the largest stable one
  double noise = 0.1;              // lipid noise as a share of its full physical amplitude, 0 .. 1
  bool fixed_proteins = false;     // proteins stay where they start
};

// Potential of a protein on a lipid at distance r: kt (1 - r^2/range^2)^3 inside range_nm, nothing outside.
struct Affinity {
  double kt; // negative attracts
  double range_nm;
};

// Stand-ins of our own, chosen so that each state has a lipid environment of its own: PAPS and PAP6 are drawn to the
// inner leaflet below a protein, ordered lipids (CHOL, DPSM) are pushed away, the outer leaflet feels a quarter of it.
inline Affinity affinity(int state, int channel) {
  static constexpr double inner_kt[9][inner_channels] = {
      // POPC PAPC  POPE  DIPE  DPSM  PAPS  PAP6  CHOL
      {0.2, 0.0, 0.1, -0.3, 0.5, -1.6, -2.2, 0.5},   // RASa
      {0.3, -0.2, 0.0, -0.6, 0.8, -1.1, -1.4, 0.7},  // RASb
      {0.1, -0.1, -0.2, -0.2, 0.2, -2.0, -0.8, 0.2}, // RASc
      {0.2, 0.0, 0.1, -0.2, 0.6, -1.4, -2.8, 0.6},   // zRASa
      {0.4, 0.2, -0.3, -0.5, 0.9, -2.2, -1.8, 1.0},  // mRASa
      {0.3, -0.4, 0.1, -0.9, 0.4, -0.9, -3.0, 0.8},  // mRASb
      {0.3, 0.1, 0.0, -0.1, 0.3, -0.8, -1.5, 0.4},   // zRAFa
      {0.5, 0.3, 0.2, 0.1, 0.6, -1.8, -2.6, 1.2},    // mRAFa
      {0.6, -0.3, -0.2, -0.4, 1.0, -2.4, -1.2, 0.9}, // mRAFb
  };
  static constexpr double range_nm[9] = {5.0, 5.5, 4.5, 5.0, 6.0, 5.5, 4.5, 6.5, 6.0};
  static constexpr int as_inner[channels] = {0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 7};
  constexpr int paps = 5, pap6 = 6, chol = 7;
  const int kind = state % 9, lipid = as_inner[channel];
  double kt = inner_kt[kind][lipid] * (channel < inner_channels ? 1.0 : 0.25);
  if (state >= 9) kt *= lipid == paps ? 1.2 : lipid == pap6 ? 0.7 : lipid == chol ? 0.5 : 1.0;
  return {kt, range_nm[kind] * (lipid == pap6 ? 1.2 : 1.0)};
}

// rhobar, nm^-2: mole fraction over 0.60 nm^2 a lipid. The fractions are round numbers of ours for an average plasma
// membrane, simplified after the eight-lipid mimic of J. Phys. Chem. B 124, 7819 (2020); each leaflet sums to 1.
inline double mean_density(int channel) {
  static constexpr double fraction[channels] = {0.14, 0.075, 0.055, 0.16, 0.11, 0.16, 0.02, 0.28,
                                                0.24, 0.12,  0.02,  0.06, 0.25, 0.31};
  return fraction[channel] / 0.60;
}

// D, nm^2/us. The mean over the channels is 43.36, the value of the metric paper (A.6); CHOL has 1.5 times the others'.
constexpr double diffusion(int channel) {
  return 43.36 * 14.0 / 15.0 * (channel == 7 || channel == 13 ? 1.5 : 1.0);
}

// Largest stable time step, us: 0.25 dx^2/(4 D_max), a quarter of what plain diffusion allows. The rest is left to the
// slopes of the potentials.
constexpr double stable_dt_us(double spacing_nm) { return 0.25 * spacing_nm * spacing_nm / (4.0 * diffusion(7)); }

namespace detail {

constexpr double protein_diffusion = 2.0; // D_p, nm^2/us
constexpr double sigma_nm = 0.9;          // width of the Gaussian G
constexpr double lipid_area_nm2 = 0.60;
constexpr double face_limit = 0.24; // noise takes at most this share of a cell through each of its four faces
// A_ij = packing + ordering o_i o_j within a leaflet, crossing o_i o_j between leaflets; kT nm^2.
constexpr double packing = lipid_area_nm2 * 2.0, ordering = -lipid_area_nm2 * 0.45, crossing = -0.048;
// Lipid order o in quarters: 4 for CHOL, -4 for the most unsaturated lipid. With quarters exp(-o q) is a small power
// of exp(-q/4), and four exponentials a cell serve all channels.
constexpr int order_quarters[channels] = {0, -2, 1, -4, 3, -1, -3, 4, 0, -2, 1, -4, 3, 4};
// A complex is a harmonic bond k/2 (d - length)^2; other pairs feel a soft core height (1 - d^2/range^2)^2.
constexpr double bond_kt_nm2 = 20.0, bond_nm = 2.5, core_kt = 4.0, core_nm = 4.0;

// Throws std::invalid_argument for options that cannot be computed.
inline Options checked(const Options &o) {
  const auto text = [](double value) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.6g", value);
    return std::string(buffer);
  };
  const auto require = [](bool holds, const std::string &sentence) {
    if (!holds) throw std::invalid_argument("ddft: " + sentence);
  };
  require(o.grid >= 48 && o.grid <= 4096,
          "grid is " + std::to_string(o.grid) + " cells a side, 48 to 4096 can be computed");
  require(o.spacing_nm >= 0.2 && o.spacing_nm <= 1.5,
          "spacing is " + text(o.spacing_nm) + " nm, 0.2 to 1.5 nm resolve the lipids' 0.9 nm Gaussian");
  const double box = o.grid * o.spacing_nm, bound = stable_dt_us(o.spacing_nm);
  require(box >= 30.0,
          "the box is " + text(box) + " nm wide, it must hold a patch of 30 nm: use a larger grid or spacing");
  require(o.proteins >= 0, "proteins is " + std::to_string(o.proteins) + ", it cannot be negative");
  require(o.proteins * 100.0 <= box * box,
          std::to_string(o.proteins) + " proteins are too dense for a box of " + text(box) + " nm: at most " +
              text(std::floor(box * box / 100.0)) + " fit, one per 100 nm^2");
  require(o.noise >= 0.0 && o.noise <= 1.0, "noise is " + text(o.noise) + ", it is a share between 0 and 1");
  require(o.dt_us >= 0.0 && o.dt_us <= bound,
          "a time step of " + text(o.dt_us) + " us is not stable: with a spacing of " + text(o.spacing_nm) +
              " nm it must be at most " + text(bound) + " us (0.25 dx^2 / 4 D), or 0 for that bound");
  return o;
}

// Energy of two proteins at squared distance r2, kT, and dE/dr / r, kT/nm^2: what a nanometre of distance pulls.
inline std::array<double, 2> pair(bool bonded, double r2) {
  if (bonded) {
    const double r = std::sqrt(r2), stretch = r - bond_nm;
    return {0.5 * bond_kt_nm2 * stretch * stretch, r > 0 ? bond_kt_nm2 * stretch / r : 0.0};
  }
  const double depth = 1.0 - r2 / (core_nm * core_nm);
  if (depth <= 0) return {0.0, 0.0};
  return {core_kt * depth * depth, -4.0 * core_kt * depth / (core_nm * core_nm)};
}

} // namespace detail

// ---- Arithmetic and random numbers: the same bits everywhere -------------------------------------------------------

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
  int next_ = 8;
  double radius2_ = 0.5;
};

} // namespace detail

// ---- Operators on a periodic grid ----------------------------------------------------------------------------------

namespace detail {

// The Gaussian G on a periodic grid of n x n: separable, cut off at three widths, normalised to sum 1.
class Gaussian {
public:
  Gaussian(int n, double spacing_nm) : n_(n) {
    const double cells = sigma_nm / spacing_nm;
    double sum = 0;
    for (int j = 0; j < 3.0 * cells + 1.0; ++j) {
      taps_.push_back(exponential(-0.5 * (j / cells) * (j / cells)));
      sum += taps_.back() * (j == 0 ? 1.0 : 2.0);
    }
    for (double &tap : taps_) tap /= sum;
  }

  int radius() const { return static_cast<int>(taps_.size()) - 1; } // cells

  // Smooths row[0 .. n - 1] along x. There must be room for radius() more values on both sides, which it fills.
  void along_x(double *row, double *out) const {
    std::copy_n(row, radius(), row + n_);
    std::copy_n(row + n_ - radius(), radius(), row - radius());
    weigh(out, row, [row](int j) { return std::array<const double *, 2>{row - j, row + j}; });
  }

  // Row y of the plane, smoothed along y.
  void along_y(const std::vector<double> &plane, int y, double *out) const {
    const auto row = [&](int k) { return &plane[static_cast<std::size_t>((k + n_) % n_) * n_]; };
    weigh(out, row(y), [=](int j) { return std::array<const double *, 2>{row(y - j), row(y + j)}; });
  }

private:
  template <class Sides> void weigh(double *out, const double *centre, Sides sides) const {
    const double first = taps_[0];
    sweep(n_, [=](int x) { out[x] = first * centre[x]; });
    for (int j = 1; j <= radius(); ++j) {
      const double *low = sides(j)[0], *high = sides(j)[1], tap = taps_[j];
      sweep(n_, [=](int x) { out[x] += tap * (low[x] + high[x]); });
    }
  }

  int n_;
  std::vector<double> taps_; // by distance in cells; taps_[0] + 2 (taps_[1] + ...) = 1
};

// Moves density across all faces of a periodic plane of n x n. prepare(y, u, v) fills two rows, and
// flux(u_l, v_l, u_r, v_r, out) turns two pairs of rows into the n amounts that go from the first to the second. The
// faces along x are those between a row and itself shifted by one.
template <class Prepare, class Flux> void exchange(int n, double *plane, Prepare prepare, Flux flux) {
  std::vector<double> u(n + 1), v(n + 1), next_u(n + 1), next_v(n + 1), across(n + 1), from(n), to(n), wrap(n);
  const auto fill = [&](int y, std::vector<double> &a, std::vector<double> &b) {
    prepare(y, a.data(), b.data());
    a[n] = a[0];
    b[n] = b[0];
  };
  fill(n - 1, next_u, next_v);
  fill(0, u, v);
  flux(next_u.data(), next_v.data(), u.data(), v.data(), wrap.data());
  from = wrap;
  for (int y = 0; y < n; ++y) {
    flux(u.data(), v.data(), u.data() + 1, v.data() + 1, across.data() + 1);
    across[0] = across[n];
    if (y + 1 < n) {
      fill(y + 1, next_u, next_v);
      flux(u.data(), v.data(), next_u.data(), next_v.data(), to.data());
    } else {
      to = wrap;
    }
    double *rho = plane + static_cast<std::size_t>(y) * n;
    const double *in_x = across.data(), *in_y = from.data(), *out_y = to.data();
    sweep(n, [=](int x) { rho[x] += (in_x[x] - in_x[x + 1]) + (in_y[x] - out_y[x]); });
    from.swap(to);
    u.swap(next_u);
    v.swap(next_v);
  }
}

} // namespace detail

// ---- Model ---------------------------------------------------------------------------------------------------------

class Model {
public:
  // Starts from uniform densities rhobar, which settle around the proteins within about 1 us, and proteins at random
  // places. Throws std::invalid_argument, with a sentence that gives the values, for options out of their ranges, a
  // box below 30 nm, or a dt_us beyond stable_dt_us(spacing_nm).
  explicit Model(const Options &options)
      : options_(detail::checked(options)), n_(options.grid), dx_(options.spacing_nm), box_(n_ * dx_),
        dt_(options.dt_us == 0 ? stable_dt_us(dx_) : options.dt_us), gaussian_(n_, dx_), noise_(stream(1)),
        motion_(stream(2)), control_(stream(3)) {
    const std::size_t cells = static_cast<std::size_t>(n_) * n_;
    density_.resize(cells * channels);
    for (int c = 0; c < channels; ++c) std::fill_n(density_.begin() + c * cells, cells, mean_density(c));
    for (auto &plane : half_) plane.resize(cells);
    for (auto *pair : {p_, q_, inverse_q_}) pair[0].resize(cells), pair[1].resize(cells);
    s_.resize(cells);
    place_proteins();
  }

  // One time step: lipids drift, lipid noise, proteins move (in the densities from before the step).
  void step() {
    smooth_along_x(half_);
    exponentials();
    std::vector<std::array<double, 2>> forces;
    if (!options_.fixed_proteins)
      for (int i = 0; i < count(); ++i) forces.push_back(force(i));
    for (int c = 0; c < channels; ++c) {
      drift(c);
      if (options_.noise > 0) shake(c);
    }
    for (int i = 0; i < static_cast<int>(forces.size()); ++i) {
      const auto xi = motion_.normals();
      const double mobility = detail::protein_diffusion * dt_, width = std::sqrt(2.0 * mobility);
      move_protein(i, proteins_[i].x_nm + mobility * forces[i][0] + width * xi[0],
                   proteins_[i].y_nm + mobility * forces[i][1] + width * xi[1]);
    }
    ++steps_;
  }

  std::int64_t steps() const { return steps_; }
  double time_us() const { return steps_ * dt_; }
  double dt_us() const { return dt_; }
  int grid() const { return n_; }
  double spacing_nm() const { return dx_; }
  double box_nm() const { return box_; }
  // Each RAS, followed by its RAF if it carries one. Order, ids, states and partners never change.
  const std::vector<Protein> &proteins() const { return proteins_; }
  // Densities of channel c, nm^-2, [y * grid + x]; positive. The pointer stays valid as long as the model.
  const double *plane(int c) const { return density_.data() + static_cast<std::size_t>(c) * n_ * n_; }
  double mass(int channel) const { // number of lipids of the channel in the box
    double sum = 0;
    for (int y = 0; y < n_; ++y) {
      double row = 0;
      for (int x = 0; x < n_; ++x) row += plane(channel)[static_cast<std::size_t>(y) * n_ + x];
      sum += row;
    }
    return sum * dx_ * dx_;
  }
  // Share of all noise draws so far that were cut to 0.24 of the poorer cell; 0 before the first.
  double clamped_share() const { return draws_ > 0 ? clamped_ / draws_ : 0.0; }
  static double stable_dt_us(double spacing_nm) { return ddft::stable_dt_us(spacing_nm); }

  // A random point at least min_distance_nm from every protein, periodic; false if 256 tries find none. It has a
  // generator of its own, so that asking changes nothing in the trajectory.
  bool control_point(double min_distance_nm, std::array<double, 2> &out) {
    for (int attempt = 0; attempt < 256; ++attempt) {
      const double x = control_.uniform() * box_, y = control_.uniform() * box_;
      if (clear_of_proteins(x, y, min_distance_nm)) {
        out = {x, y};
        return true;
      }
    }
    return false;
  }

  // Puts a protein at a place, which is taken into the box. Throws std::invalid_argument for one that is not finite.
  void move_protein(int index, double x_nm, double y_nm) {
    if (!std::isfinite(x_nm) || !std::isfinite(y_nm))
      throw std::invalid_argument("ddft: the place given for protein " + std::to_string(index) + " is not finite");
    proteins_.at(index).x_nm = wrapped(x_nm);
    proteins_.at(index).y_nm = wrapped(y_nm);
  }

  // Force on a protein, kT/nm: exactly minus the gradient of free_energy() at fixed densities.
  std::array<double, 2> force(int index) const {
    const Protein &p = proteins_.at(index);
    double fx = 0, fy = 0;
    for (int c = 0; c < channels; ++c) {
      const Affinity a = affinity(p.state, c);
      const double *rho = plane(c), scale = -6.0 * a.kt * dx_ * dx_ / (a.range_nm * a.range_nm);
      footprint(p, a, [&](std::size_t cell, double dx, double dy, double depth) {
        fx += scale * rho[cell] * depth * depth * dx;
        fy += scale * rho[cell] * depth * depth * dy;
      });
    }
    for (int j = 0; j < count(); ++j) {
      if (j == index) continue;
      const double dx = nearest(proteins_[j].x_nm - p.x_nm), dy = nearest(proteins_[j].y_nm - p.y_nm);
      const double pull = detail::pair(p.partner == j, dx * dx + dy * dy)[1];
      fx += pull * dx;
      fy += pull * dy;
    }
    return {fx, fy};
  }

  // F, kT, of this moment's densities and proteins.
  double free_energy() const {
    std::vector<double> half[4], smooth(n_), total(n_), ordered(n_);
    for (auto &plane : half) plane.resize(s_.size());
    smooth_along_x(half);
    double sum = 0;
    for (int y = 0; y < n_; ++y) {
      std::vector<double> other; // the inner leaflet's smoothed order-weighted row
      for (int leaflet = 0; leaflet < 2; ++leaflet) {
        double row = 0;
        leaflet_row(leaflet, y, total.data(), ordered.data());
        gaussian_.along_y(half[2 * leaflet], y, smooth.data());
        for (int x = 0; x < n_; ++x) row += 0.5 * detail::packing * total[x] * smooth[x];
        gaussian_.along_y(half[2 * leaflet + 1], y, smooth.data());
        for (int x = 0; x < n_; ++x) row += 0.5 * detail::ordering * ordered[x] * smooth[x];
        if (leaflet == 0) other = smooth;
        else
          for (int x = 0; x < n_; ++x) row += detail::crossing * ordered[x] * other[x];
        sum += row;
      }
      for (int c = 0; c < channels; ++c) {
        const double *rho = plane(c) + static_cast<std::size_t>(y) * n_;
        double row = 0;
        for (int x = 0; x < n_; ++x) row += rho[x] * (detail::logarithm(rho[x] / mean_density(c)) - 1.0);
        sum += row;
      }
    }
    for (const Protein &p : proteins_)
      for (int c = 0; c < channels; ++c) {
        const Affinity a = affinity(p.state, c);
        footprint(p, a, [&](std::size_t cell, double, double, double depth) {
          sum += plane(c)[cell] * a.kt * depth * depth * depth;
        });
      }
    sum *= dx_ * dx_;
    for (int i = 0; i < count(); ++i)
      for (int j = 0; j < i; ++j) {
        const Protein &a = proteins_[i], &b = proteins_[j];
        const double dx = nearest(b.x_nm - a.x_nm), dy = nearest(b.y_nm - a.y_nm);
        sum += detail::pair(a.partner == j, dx * dx + dy * dy)[0];
      }
    return sum;
  }

private:
  // Seeds one of the model's independent generators.
  std::uint64_t stream(std::uint64_t which) const {
    std::uint64_t state = options_.seed, first = detail::split_mix(state) ^ (which * 0xd1342543de82ef95u);
    return detail::split_mix(first);
  }

  int count() const { return static_cast<int>(proteins_.size()); }
  double nearest(double difference) const { return difference - box_ * std::floor(difference / box_ + 0.5); }
  double wrapped(double x) const {
    x -= box_ * std::floor(x / box_);
    return x >= 0.0 && x < box_ ? x : 0.0;
  }

  bool clear_of_proteins(double x, double y, double distance) const {
    for (const Protein &p : proteins_) {
      const double dx = nearest(p.x_nm - x), dy = nearest(p.y_nm - y);
      if (!(dx * dx + dy * dy >= distance * distance)) return false;
    }
    return true;
  }

  // Two in five RAS carry a RAF. Free ones take the six RAS states by turns, complexes their six.
  void place_proteins() {
    detail::Single places(stream(4));
    int turns[2] = {0, 0}; // of free RAS, of complexes
    for (int ras = 0; ras < options_.proteins; ++ras) {
      const bool bonded = ras % 5 == 1 || ras % 5 == 3;
      const int turn = turns[bonded]++, state = (bonded ? 3 : 0) + turn % 3 + (turn % 2 == 0 ? 0 : 9);
      double x = 0, y = 0, x2 = 0, y2 = 0;
      bool found = false;
      for (int attempt = 0; attempt < 100000 && !found; ++attempt) {
        x = places.uniform() * box_, y = places.uniform() * box_;
        const auto direction = places.direction();
        x2 = wrapped(x + detail::bond_nm * direction[0]), y2 = wrapped(y + detail::bond_nm * direction[1]);
        found = clear_of_proteins(x, y, detail::core_nm) && clear_of_proteins(x2, y2, detail::core_nm);
      }
      if (!found)
        throw std::invalid_argument("ddft: no room was found for protein " + std::to_string(ras + 1) + " of " +
                                    std::to_string(options_.proteins) + ": use fewer proteins or a larger grid");
      const int index = count();
      proteins_.push_back({index + 1u, state, bonded ? index + 1 : -1, x, y});
      if (bonded) proteins_.push_back({index + 2u, state + 3, index, x2, y2});
    }
  }

  // Calls body(cell, dx, dy, 1 - r^2/range^2) for the cells that a protein's affinity reaches; (dx, dy) leads there.
  template <class Body> void footprint(const Protein &p, const Affinity &a, Body body) const {
    if (a.kt == 0) return;
    const auto first = [&](double at) { return static_cast<int>(std::ceil((at - a.range_nm) / dx_)); };
    const auto last = [&](double at) { return static_cast<int>(std::floor((at + a.range_nm) / dx_)); };
    for (int y = first(p.y_nm); y <= last(p.y_nm); ++y)
      for (int x = first(p.x_nm); x <= last(p.x_nm); ++x) {
        const double dx = x * dx_ - p.x_nm, dy = y * dx_ - p.y_nm;
        const double depth = 1.0 - (dx * dx + dy * dy) / (a.range_nm * a.range_nm);
        if (depth > 0) body(static_cast<std::size_t>((y + n_) % n_) * n_ + (x + n_) % n_, dx, dy, depth);
      }
  }

  // Sums over a leaflet's lipids, for one row: of rho - rhobar, and of o (rho - rhobar).
  void leaflet_row(int leaflet, int y, double *total, double *ordered) const {
    std::fill_n(total, n_, 0.0);
    std::fill_n(ordered, n_, 0.0);
    for (int c = leaflet == 0 ? 0 : inner_channels; c < (leaflet == 0 ? inner_channels : channels); ++c) {
      const double *rho = plane(c) + static_cast<std::size_t>(y) * n_, mean = mean_density(c);
      const double order = 0.25 * detail::order_quarters[c];
      detail::sweep(n_, [=](int x) {
        total[x] += rho[x] - mean;
        ordered[x] += order * (rho[x] - mean);
      });
    }
  }

  // A_ij depends on the lipids through 1 and o_i o_j only, so that the fields to smooth are each leaflet's two sums.
  // This does the half along x, into planes: total and ordered of the inner, then of the outer leaflet.
  void smooth_along_x(std::vector<double> (&half)[4]) const {
    const int room = gaussian_.radius();
    std::vector<double> total(n_ + 2 * room), ordered(n_ + 2 * room);
    for (int leaflet = 0; leaflet < 2; ++leaflet)
      for (int y = 0; y < n_; ++y) {
        const std::size_t start = static_cast<std::size_t>(y) * n_;
        leaflet_row(leaflet, y, &total[room], &ordered[room]);
        gaussian_.along_x(&total[room], &half[2 * leaflet][start]);
        gaussian_.along_x(&ordered[room], &half[2 * leaflet + 1][start]);
      }
  }

  // Without proteins phi_i = P + o_i Q with one P and Q a leaflet. Keeps exp(-P/2), exp(-Q/8) and exp(Q/8).
  void exponentials() {
    std::vector<double> rows[4];
    for (auto &row : rows) row.resize(n_);
    for (int y = 0; y < n_; ++y) {
      for (int k = 0; k < 4; ++k) gaussian_.along_y(half_[k], y, rows[k].data());
      for (int leaflet = 0; leaflet < 2; ++leaflet) {
        const std::size_t start = static_cast<std::size_t>(y) * n_;
        const double *total = rows[2 * leaflet].data(), *own = rows[2 * leaflet + 1].data();
        const double *other = rows[3 - 2 * leaflet].data();
        double *p = &p_[leaflet][start], *q = &q_[leaflet][start], *inverse = &inverse_q_[leaflet][start];
        detail::sweep(n_, [=](int x) { p[x] = detail::exponential(-0.5 * detail::packing * total[x]); });
        detail::sweep(n_, [=](int x) {
          q[x] = detail::exponential(-0.125 * (detail::ordering * own[x] + detail::crossing * other[x]));
          inverse[x] = 1.0 / q[x];
        });
      }
    }
  }

  // s = exp(-phi/2) of a channel, on the whole plane.
  void boltzmann(int c) {
    const int leaflet = c < inner_channels ? 0 : 1, quarters = detail::order_quarters[c], power = std::abs(quarters);
    const double *p = p_[leaflet].data(), *base = (quarters > 0 ? q_ : inverse_q_)[leaflet].data();
    double *s = s_.data();
    const double one = power & 1, two = (power & 2) / 2, four = power / 4; // which of base, base^2, base^4 are factors
    detail::sweep(n_ * n_, [=](int i) {
      const double b = base[i], b2 = b * b, b4 = b2 * b2;
      s[i] = p[i] * (one * b + (1.0 - one)) * (two * b2 + (1.0 - two)) * (four * b4 + (1.0 - four));
    });
    for (const Protein &protein : proteins_) {
      const Affinity a = affinity(protein.state, c);
      footprint(protein, a, [=](std::size_t cell, double, double, double depth) {
        s[cell] *= detail::exponential(-0.5 * a.kt * depth * depth * depth);
      });
    }
  }

  // rho_L s_R/s_L - rho_R s_L/s_R = s_L s_R (w_L - w_R) with w = rho/s^2.
  void drift(int c) {
    boltzmann(c);
    const int n = n_;
    const double rate = diffusion(c) * dt_ / (dx_ * dx_), *rho = plane(c), *s = s_.data();
    detail::exchange(
        n, &density_[static_cast<std::size_t>(c) * n * n],
        [=](int y, double *u, double *w) {
          const double *row = rho + static_cast<std::size_t>(y) * n, *s_row = s + static_cast<std::size_t>(y) * n;
          detail::sweep(n, [=](int x) {
            u[x] = s_row[x];
            w[x] = row[x] / (s_row[x] * s_row[x]);
          });
        },
        [=](const double *sl, const double *wl, const double *sr, const double *wr, double *out) {
          detail::sweep(n, [=](int x) { out[x] = rate * sl[x] * sr[x] * (wl[x] - wr[x]); });
        });
  }

  // Conserved noise after the drift: a face carries share * sqrt(2 D dt) sqrt(rho) xi / dx^2, with the mean of its two
  // cells' roots, at most 0.24 of the poorer cell, so that densities stay positive. Fluctuations thus have share^2 of
  // the physical temperature, less where the limit cuts: at full share it cuts most draws.
  void shake(int c) {
    const int n = n_;
    const double *rho = plane(c);
    const double half = 0.5 * options_.noise * std::sqrt(2.0 * diffusion(c) * dt_) / (dx_ * dx_);
    std::vector<double> xi_row(n_ + 8), cut_row(n_);
    double *xi = xi_row.data(), *cut = cut_row.data();
    detail::Lanes &noise = noise_;
    detail::exchange(
        n, &density_[static_cast<std::size_t>(c) * n * n],
        [=](int y, double *u, double *root) {
          const double *row = rho + static_cast<std::size_t>(y) * n;
          detail::sweep(n, [=](int x) {
            u[x] = row[x];
            root[x] = half * detail::rough_root(row[x]);
          });
        },
        [=, &noise](const double *l, const double *root_l, const double *r, const double *root_r, double *out) {
          noise.normals(xi, n);
          detail::sweep(n, [=](int x) {
            const double limit = detail::face_limit * (l[x] < r[x] ? l[x] : r[x]);
            const double amount = (root_l[x] + root_r[x]) * xi[x];
            const double below = amount < limit ? amount : limit, kept = below > -limit ? below : -limit;
            cut[x] += kept != amount ? 1.0 : 0.0;
            out[x] = kept;
          });
        });
    for (double row : cut_row) clamped_ += row;
    draws_ += 2.0 * n_ * n_;
  }

  Options options_;
  int n_;           // cells a side
  double dx_, box_; // nm
  double dt_;       // us
  std::int64_t steps_ = 0;
  double draws_ = 0, clamped_ = 0; // noise draws, and those that were cut
  std::vector<double> density_;    // planes, nm^-2
  std::vector<Protein> proteins_;
  detail::Gaussian gaussian_;
  detail::Lanes noise_; // these three, and the places at the start, are independent streams of one seed
  detail::Single motion_, control_;
  // Scratch planes of a step: half-smoothed fields, exp(-P/2), exp(-Q/8), exp(Q/8) by leaflet, s of one channel.
  std::vector<double> half_[4], p_[2], q_[2], inverse_q_[2], s_;
};

} // namespace ddft

#endif
