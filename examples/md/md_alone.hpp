// A simulation without a host of patchstream: a made-up patch, or one of a file, to a table of g(r).
//
// Not here: windows and options (md_run.hpp), jobs (md_worker.hpp).

#ifndef MD_ALONE_HPP
#define MD_ALONE_HPP

#include "md_patch.hpp"
#include "md_rdf.hpp"
#include "md_run.hpp"

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <stdexcept>
#include <string>

namespace md {

// Counts all windows together.
template <class Engine> struct Alone {
  const Engine &engine;
  const volatile std::sig_atomic_t &stop;
  Rdf rdf;
  double temperature = 0; // the sum of those at the windows' ends
  bool going() const { return !stop; }
  void look(const Moment &moment) { rdf.count(moment); }
  bool take(std::uint64_t) { return temperature += engine.temperature(), true; }
};

// A table of lipid, r_nm, sum, g over all windows.
template <class Engine> int alone(const RunOptions &o, const volatile std::sig_atomic_t &stop) {
  Patch patch = synthetic_patch(static_cast<double>(o.size_nm), {{0, -1, 0.0, 0.0}}, true);
  if (!o.patch.empty()) {
    std::ifstream in(o.patch);
    if (!in) throw std::runtime_error("cannot read " + o.patch);
    patch = read_patch(in);
  }
  detail::require(!patch.proteins.empty(), "the patch has no protein: there is nothing to take distances from");
  const std::uint64_t seed = seed_of(patch.id, o);
  const Beads beads = start(patch, seed, !o.uniform);
  Engine engine(beads, seed, o);
  const double cutoff_nm = static_cast<double>(o.cutoff_nm);
  Alone<Engine> all{engine, stop, Rdf(o.bins, cutoff_nm)};
  if (!simulate(engine, o, all)) return 130;
  std::ofstream file;
  if (!o.out.empty()) file.open(o.out);
  std::ostream &out = o.out.empty() ? std::cout : file;
  const auto g = all.rdf.g(beads);
  const auto sums = all.rdf.sums();
  out << "lipid,r_nm,sum,g\n" << std::setprecision(9);
  for (std::size_t i = 0; i < g.size(); ++i)
    out << i / o.bins << ',' << (static_cast<double>(i % o.bins) + 0.5) * cutoff_nm / static_cast<double>(o.bins) << ','
        << sums[i] << ',' << g[i] << '\n';
  out.flush();
  if (!out) throw std::runtime_error("cannot write " + (o.out.empty() ? "the table" : o.out));
  std::cerr << beads.size() << " beads, " << all.rdf.frames() << " frames, kT "
            << all.temperature / static_cast<double>(o.windows) << '\n';
  return 0;
}

} // namespace md

#endif
