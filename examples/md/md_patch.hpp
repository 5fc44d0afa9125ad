// Patches without a macro model: made up, or in a text file, so that the micro model can be run and tested alone.
//
// A patch file is `patch ID`, `size_nm S`, `grid NX NY`, `proteins N`, N lines `state partner x_nm y_nm`, `densities`, and
// NX * NY * lipids numbers in the order of Patch::densities. nm, nm^-2.
// Not here: what a patch becomes (md_start.hpp), patches of a job (main.cpp).

#ifndef MD_PATCH_HPP
#define MD_PATCH_HPP

#include "md_start.hpp"

#include <cmath>
#include <cstddef>
#include <istream>
#include <limits>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace md {

// Mean densities of the macro model's membrane. `gathered`: PAPS and PAP6 are dense within about 3 nm of each protein, at
// the cost of the other inner lipids.
inline Patch synthetic_patch(double size_nm, std::vector<Protein> proteins, bool gathered) {
  static constexpr double fraction[lipids] = {0.14, 0.075, 0.055, 0.16, 0.11, 0.16, 0.02, 0.28,
                                              0.24, 0.12,  0.02,  0.06, 0.25, 0.31};
  constexpr double lipid_area_nm2 = 0.60;
  Patch patch;
  patch.id = 1, patch.size_nm = size_nm, patch.proteins = std::move(proteins);
  patch.nx = patch.ny = 1 + static_cast<int>(std::floor(size_nm * 1.2 + 0.5));
  const double spacing = size_nm / (patch.nx - 1);
  for (int y = 0; y < patch.ny; ++y)
    for (int x = 0; x < patch.nx; ++x) {
      double near = 0;
      for (const Protein &p : patch.proteins) {
        const double dx = detail::nearest(x * spacing - 0.5 * size_nm - p.x_nm, size_nm);
        const double dy = detail::nearest(y * spacing - 0.5 * size_nm - p.y_nm, size_nm);
        near += gathered && dx * dx + dy * dy < 9.0 ? 1.0 - (dx * dx + dy * dy) / 9.0 : 0.0;
      }
      double value[lipids], inner = 0;
      for (int c = 0; c < lipids; ++c) {
        value[c] = fraction[c] * (1.0 + (c == 5 ? 2.0 : c == 6 ? 8.0 : 0.0) * near);
        if (c < inner_lipids) inner += value[c];
      }
      for (int c = 0; c < lipids; ++c)
        patch.densities.push_back(static_cast<float>(value[c] / (c < inner_lipids ? inner : 1.0) / lipid_area_nm2));
    }
  return patch;
}

inline void write_patch(std::ostream &out, const Patch &patch) {
  out.precision(std::numeric_limits<double>::max_digits10);
  out << "patch " << patch.id << "\nsize_nm " << patch.size_nm << "\ngrid " << patch.nx << ' ' << patch.ny << "\nproteins "
      << patch.proteins.size() << '\n';
  for (const Protein &p : patch.proteins) out << p.state << ' ' << p.partner << ' ' << p.x_nm << ' ' << p.y_nm << '\n';
  out << "densities\n";
  for (std::size_t i = 0; i < patch.densities.size(); ++i)
    out << patch.densities[i] << (i % lipids == lipids - 1 ? '\n' : ' ');
}

// Throws std::runtime_error for what is no patch file.
inline Patch read_patch(std::istream &in) {
  const auto bad = [](const std::string &what) { return std::runtime_error("md: no patch file: " + what); };
  const auto word = [&](const char *wanted) {
    std::string got;
    if (!(in >> got) || got != wanted) throw bad("\"" + got.substr(0, 40) + "\" is where \"" + wanted + "\" is expected");
  };
  Patch patch;
  std::size_t proteins = 0;
  word("patch"), in >> patch.id;
  word("size_nm"), in >> patch.size_nm;
  word("grid"), in >> patch.nx >> patch.ny;
  word("proteins"), in >> proteins;
  if (!in || patch.nx < 2 || patch.ny < 2 || patch.nx > 4096 || patch.ny > 4096 || proteins > 4096)
    throw bad("its numbers of points and proteins are not between 2 and 4096");
  for (std::size_t i = 0; i < proteins; ++i) {
    Protein p{};
    if (!(in >> p.state >> p.partner >> p.x_nm >> p.y_nm)) throw bad("protein " + std::to_string(i) + " is cut short");
    patch.proteins.push_back(p);
  }
  word("densities");
  patch.densities.resize(static_cast<std::size_t>(patch.nx) * static_cast<std::size_t>(patch.ny) * lipids);
  for (float &rho : patch.densities)
    if (!(in >> rho)) throw bad("it has fewer densities than its grid");
  return patch;
}

} // namespace md

#endif
