// Where a micro simulation starts: beads made of a patch of the macro model.
//
// Each lipid gets round(mean density * area) beads, by largest remainder within its leaflet; the beads of a leaflet sit
// on a hexagonal lattice with a few random vacancies, and sites draw their species without replacement by the patch's
// density there. Negative densities (noise of the macro model) count as 0.
// Nanometres, nm^-2. A patch covers a periodic box of size_nm a side with nx * ny grid points, the first and the last of
// a row are on its two edges; densities[(y * nx + x) * lipids + c]. The box is 0 .. size_nm, the patch's centre is its centre.
// Not here: forces, motion (md.hpp), patch files (md_patch.hpp).

#ifndef MD_START_HPP
#define MD_START_HPP

#include "md_force_field.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace md {

struct Protein {
  int state;         // 0 .. states - 1
  int partner;       // index of the other half of a complex, or -1
  double x_nm, y_nm; // relative to the patch's centre
};

struct Patch {
  std::uint64_t id = 0;
  double size_nm = 0;
  int nx = 0, ny = 0;
  std::vector<float> densities;
  std::vector<Protein> proteins; // by distance from the centre
};

// Proteins first, in the patch's order, then the lipids.
struct Beads {
  double box_nm = 0;
  std::vector<double> x, y;       // in [0, box)
  std::vector<int> kind;          // 0 .. kinds - 1
  std::vector<int> partner;       // of each protein: the bead that it is bound to, or -1
  std::array<int, lipids> count{}; // of each lipid
  int proteins() const { return static_cast<int>(partner.size()); }
  int size() const { return static_cast<int>(x.size()); }
};

namespace detail {

// xoshiro256++ (Blackman and Vigna, ACM Trans. Math. Softw. 47, 36, 2021), seeded by splitmix64.
class Random {
public:
  explicit Random(std::uint64_t seed) {
    for (auto &word : s_) {
      std::uint64_t z = seed += 0x9e3779b97f4a7c15u;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
      word = z ^ (z >> 31);
    }
  }
  std::uint64_t draw() {
    const std::uint64_t a = s_[0] + s_[3], result = ((a << 23) | (a >> 41)) + s_[0], t = s_[1] << 17;
    s_[2] ^= s_[0], s_[3] ^= s_[1], s_[1] ^= s_[2], s_[0] ^= s_[3], s_[2] ^= t;
    s_[3] = (s_[3] << 45) | (s_[3] >> 19);
    return result;
  }
  double uniform() { return static_cast<double>(draw() >> 11) * 0x1p-53; } // in [0, 1)
  std::size_t below(std::size_t n) { return std::min(static_cast<std::size_t>(uniform() * static_cast<double>(n)), n - 1); }
  template <class T> void shuffle(std::vector<T> &items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

private:
  std::uint64_t s_[4];
};

inline double wrapped(double x, double box) {
  x -= box * std::floor(x / box);
  return x < box ? x : 0.0;
}

// Minimum image: for |d| < 1.5 box, and for any d.
inline double near(double d, double box) { return d > 0.5 * box ? d - box : d < -0.5 * box ? d + box : d; }
inline double nearest(double d, double box) { return d - box * std::floor(d / box + 0.5); }

inline void require(bool holds, const std::string &sentence) {
  if (!holds) throw std::invalid_argument("md: " + sentence);
}

inline void check(const Patch &p) {
  require(std::isfinite(p.size_nm) && p.size_nm >= 6.0 && p.size_nm <= 1000.0,
          "the patch is " + std::to_string(p.size_nm) + " nm wide, 6 to 1000 nm can be simulated");
  require(p.nx >= 2 && p.ny >= 2 && p.nx <= 65535 && p.ny <= 65535,
          "a grid of " + std::to_string(p.nx) + " x " + std::to_string(p.ny) + " points spans no patch: at least 2 x 2");
  const std::size_t wanted = static_cast<std::size_t>(p.nx) * static_cast<std::size_t>(p.ny) * lipids;
  require(p.densities.size() == wanted, "the patch has " + std::to_string(p.densities.size()) + " densities, a grid of " +
                                            std::to_string(p.nx) + " x " + std::to_string(p.ny) + " points of " +
                                            std::to_string(lipids) + " lipids has " + std::to_string(wanted));
  for (const float rho : p.densities)
    require(std::isfinite(rho) && rho < 100.0f, "a density is " + std::to_string(rho) + " nm^-2: below 100 is possible");
  for (std::size_t i = 0; i < p.proteins.size(); ++i) {
    const Protein &q = p.proteins[i];
    const std::string name = "protein " + std::to_string(i);
    require(q.state >= 0 && q.state < states,
            name + " has state " + std::to_string(q.state) + ", there are 0 to " + std::to_string(states - 1));
    require(std::isfinite(q.x_nm) && std::isfinite(q.y_nm) && std::fabs(q.x_nm) <= p.size_nm &&
                std::fabs(q.y_nm) <= p.size_nm,
            name + " is not near the patch");
    require(q.partner >= -1 && q.partner < static_cast<int>(p.proteins.size()) && q.partner != static_cast<int>(i),
            name + " has partner " + std::to_string(q.partner) + ", which is no other protein of the patch");
  }
}

// Mean densities over the box: grid points on an edge stand for half as much.
inline std::array<double, lipids> means(const Patch &p) {
  std::array<double, lipids> sum{};
  double area = 0;
  for (int y = 0; y < p.ny; ++y)
    for (int x = 0; x < p.nx; ++x) {
      const double share = (x == 0 || x == p.nx - 1 ? 0.5 : 1.0) * (y == 0 || y == p.ny - 1 ? 0.5 : 1.0);
      const float *rho = &p.densities[(static_cast<std::size_t>(y) * static_cast<std::size_t>(p.nx) +
                                       static_cast<std::size_t>(x)) * lipids];
      for (std::size_t c = 0; c < lipids; ++c) sum[c] += share * std::max(0.0, static_cast<double>(rho[c]));
      area += share;
    }
  for (double &value : sum) value /= area;
  return sum;
}

// Whole numbers of beads: rounded down, then one more for the largest remainders (ties: the first) of the leaflet.
inline void largest_remainder(const double *wanted, int *count, int n) {
  double total = 0;
  std::vector<int> order;
  int given = 0;
  for (int c = 0; c < n; ++c) {
    total += wanted[c], given += count[c] = static_cast<int>(std::floor(wanted[c]));
    order.push_back(c);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return wanted[a] - std::floor(wanted[a]) > wanted[b] - std::floor(wanted[b]); });
  const int all = static_cast<int>(std::floor(total + 0.5));
  for (int k = 0; given < all; ++k, ++given) ++count[order[static_cast<std::size_t>(k)]];
}

// At least n sites of a hexagonal lattice that fits the periodic box, none closer than `clear` to a protein.
inline std::vector<std::array<double, 2>> sites(int n, const Beads &beads, double clear, Random &random) {
  const double box = beads.box_nm, dx = box * random.uniform(), dy = box * random.uniform();
  for (int extra = n;; extra += 1 + extra / 50) {
    const int rows = 2 * static_cast<int>(std::floor(std::sqrt(extra * 1.1547005383792515) / 2 + 0.5)) + (extra < 4 ? 2 : 0);
    const int columns = (extra + rows - 1) / rows;
    std::vector<std::array<double, 2>> free;
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < columns; ++c) {
        const double x = wrapped((c + 0.5 * (r % 2)) * box / columns + dx, box), y = wrapped(r * box / rows + dy, box);
        bool open = true;
        for (std::size_t p = 0; clear > 0 && p < beads.partner.size(); ++p) {
          const double ex = nearest(x - beads.x[p], box), ey = nearest(y - beads.y[p], box);
          open &= ex * ex + ey * ey >= clear * clear;
        }
        if (open) free.push_back({x, y});
      }
    if (static_cast<int>(free.size()) < n) continue;
    random.shuffle(free);
    free.resize(static_cast<std::size_t>(n));
    return free;
  }
}

} // namespace detail

// Beads of a patch. `by_density` false: the same beads, but species have nothing to do with the place.
// Throws std::invalid_argument for a patch that cannot be simulated.
inline Beads start(const Patch &patch, std::uint64_t seed, bool by_density = true) {
  using namespace detail;
  check(patch);
  Random random(seed);
  Beads beads;
  beads.box_nm = patch.size_nm;
  const double area = patch.size_nm * patch.size_nm, half = patch.size_nm / 2;
  for (std::size_t i = 0; i < patch.proteins.size(); ++i) {
    const Protein &p = patch.proteins[i];
    double x = wrapped(p.x_nm + half, beads.box_nm), y = wrapped(p.y_nm + half, beads.box_nm);
    for (std::size_t j = 0; j < i; ++j) // apart by a little at least, or no force could part them
      if (std::fabs(nearest(x - beads.x[j], beads.box_nm)) + std::fabs(nearest(y - beads.y[j], beads.box_nm)) < 0.1)
        x = wrapped(x + 0.3, beads.box_nm), j = 0;
    beads.x.push_back(x), beads.y.push_back(y);
    beads.kind.push_back(lipids + p.state);
    const bool mutual = p.partner >= 0 && patch.proteins[static_cast<std::size_t>(p.partner)].partner == static_cast<int>(i);
    beads.partner.push_back(mutual ? p.partner : -1);
  }
  const auto mean = means(patch);
  double wanted[lipids];
  for (std::size_t c = 0; c < lipids; ++c) wanted[c] = mean[c] * area;
  largest_remainder(wanted, beads.count.data(), inner_lipids);
  largest_remainder(wanted + inner_lipids, beads.count.data() + inner_lipids, lipids - inner_lipids);
  for (const auto &range : {std::array<int, 2>{0, inner_lipids}, {inner_lipids, lipids}}) {
    int left[lipids], n = 0;
    for (int c = range[0]; c < range[1]; ++c) n += left[c] = beads.count[static_cast<std::size_t>(c)];
    require(n * 0.66 * 0.66 <= 1.1 * area, std::to_string(n) + " lipids do not fit into a leaflet of " +
                                               std::to_string(area) + " nm^2: its densities are too high");
    for (const auto &site : sites(n, beads, range[0] == 0 ? 0.85 : 0.0, random)) {
      const auto column = static_cast<std::size_t>(std::floor(site[0] / beads.box_nm * (patch.nx - 1) + 0.5));
      const auto row = static_cast<std::size_t>(std::floor(site[1] / beads.box_nm * (patch.ny - 1) + 0.5));
      const float *rho = &patch.densities[(row * static_cast<std::size_t>(patch.nx) + column) * lipids];
      double share[lipids], sum = 0;
      for (int c = range[0]; c < range[1]; ++c) {
        const double m = mean[static_cast<std::size_t>(c)];
        const double local = by_density && m > 0 ? std::max(0.0, static_cast<double>(rho[c])) / m : 1.0;
        sum += share[c] = left[c] * (local + 1e-9); // a lipid that is left goes somewhere in the end
      }
      double pick = random.uniform() * sum;
      int chosen = -1;
      for (int c = range[0]; c < range[1]; ++c)
        if (left[c] > 0 && (chosen < 0 || pick >= 0)) chosen = c, pick -= share[c];
      --left[chosen];
      beads.x.push_back(site[0]), beads.y.push_back(site[1]), beads.kind.push_back(chosen);
    }
  }
  return beads;
}

} // namespace md

#endif
