// Operators on a periodic grid: smoothing with the Gaussian, and moving density across the faces of cells.
//
// A plane is [y * n + x]. Not here: what is smoothed and what moves (ddft.hpp).

#ifndef DDFT_GRID_HPP
#define DDFT_GRID_HPP

#include "ddft_arithmetic.hpp"
#include "ddft_membrane.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace ddft {

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

} // namespace ddft

#endif
