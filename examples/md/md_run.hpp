// A run of a micro simulation, whatever moves the beads: options, equilibration, windows, and running alone.
//
// An Engine is made of (Beads, seed, RunOptions) and has `advance(steps)`, `advance(steps, rdf)`, which counts the moment
// that it ends at, and `temperature()`. nm, kT; steps are time steps.
// Not here: engines (md_builtin.hpp, examples/lammps/lammps_engine.hpp), jobs of patchstream (md_worker.hpp).

#ifndef MD_RUN_HPP
#define MD_RUN_HPP

#include "md_patch.hpp"
#include "md_rdf.hpp"
#include "md_start.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <string>
#include <utility>

namespace md {

struct RunOptions {
  std::string where;     // a transport or a ticket; empty: alone
  std::string patch;     // alone: a patch file; empty: a made-up patch with one RASa
  std::string out;       // alone: the table; empty: standard output
  std::uint64_t seed = 1, equilibration = 1000, windows = 4, window = 500, every = 10, bins = 60, cutoff_nm = 6;
  std::uint64_t size_nm = 30; // alone, of a made-up patch
  std::uint64_t jobs = 0;     // ends after so many; 0: when it is told to
  std::uint64_t idle_ms = 0;  // ends when there was no job for so long; 0: never
  std::uint64_t parent = 0;   // ends with this process, which is its parent; 0: with none
  bool uniform = false;       // species start anywhere, not by the patch's densities
  double dt = 0.01, damping = 2.0; // of md.hpp's Settings, as is:
  int trade_every = 20;
};

// False, with a line of help, if an option is misspelt, or has no value or a senseless one.
inline bool parse(int argc, char **argv, RunOptions &o) {
  const std::map<std::string, std::uint64_t *> numbers = {
      {"--seed", &o.seed},     {"--equilibration", &o.equilibration}, {"--windows", &o.windows}, {"--window", &o.window},
      {"--every", &o.every},   {"--bins", &o.bins},                   {"--cutoff", &o.cutoff_nm}, {"--size", &o.size_nm},
      {"--jobs", &o.jobs},     {"--idle-ms", &o.idle_ms},             {"--parent", &o.parent}};
  const std::map<std::string, std::string *> texts = {{"--patch", &o.patch}, {"--out", &o.out}};
  bool good = true;
  for (int i = 1; i < argc && good; ++i) {
    const std::string name = argv[i];
    const auto number = numbers.find(name);
    const auto text = texts.find(name);
    if (name == "--uniform") o.uniform = true;
    else if (name.rfind("--", 0) != 0 && o.where.empty()) o.where = name;
    else if (i + 1 == argc) good = false;
    else if (text != texts.end()) *text->second = argv[++i];
    else if (number != numbers.end()) {
      const std::string value = argv[++i];
      const auto read = std::from_chars(value.data(), value.data() + value.size(), *number->second);
      good = read.ec == std::errc() && read.ptr == value.data() + value.size();
    } else good = false;
  }
  constexpr std::uint64_t most = 1u << 30;
  for (const auto value : {o.windows, o.window, o.every, o.bins, o.cutoff_nm}) good &= value >= 1 && value <= most;
  good &= o.equilibration <= most && o.every <= o.window && o.window % o.every == 0 && o.bins <= 100000 && o.size_nm <= 1000;
  if (!good)
    std::cerr << "usage: [TRANSPORT | TICKET] [--uniform] and with a value --seed --equilibration --windows --window --every "
                 "--bins --cutoff --jobs --idle-ms --parent; alone, without transport: --patch --size --out. Steps are whole "
                 "numbers, --window a multiple of --every; the cutoff is in nm\n";
  return good;
}

// The seed of a simulation: from the job's id, so that whoever runs it, and as often as it is run, gets the same.
inline std::uint64_t seed_of(std::uint64_t job, const RunOptions &o) { return detail::Random(o.seed ^ (job << 16)).draw(); }

// Equilibrates, then measures window after window, and hands each to `take(window, rdf)`. False if `stop` ended it.
template <class Engine, class Take>
bool simulate(Engine &engine, const RunOptions &o, const volatile std::sig_atomic_t &stop, Take take) {
  for (std::uint64_t done = 0; done < o.equilibration && !stop; done += 100)
    engine.advance(static_cast<int>(std::min<std::uint64_t>(100, o.equilibration - done)));
  Rdf rdf(static_cast<int>(o.bins), static_cast<double>(o.cutoff_nm));
  for (std::uint64_t window = 0; window < o.windows && !stop; ++window) {
    rdf.clear();
    for (std::uint64_t done = 0; done < o.window && !stop; done += o.every)
      engine.advance(static_cast<int>(o.every), rdf);
    if (!stop) take(window, rdf);
  }
  return !stop;
}

// One simulation without patchstream: a table of lipid, r_nm, sum, g over all windows.
template <class Engine> int alone(const RunOptions &o, const volatile std::sig_atomic_t &stop) {
  Patch patch = synthetic_patch(static_cast<double>(o.size_nm), {{0, -1, 0.0, 0.0}}, true);
  if (!o.patch.empty()) {
    std::ifstream in(o.patch);
    if (!in) throw std::runtime_error("cannot read " + o.patch);
    patch = read_patch(in);
  }
  detail::require(!patch.proteins.empty(), "the patch has no protein: there is nothing to take distances from");
  const Beads beads = start(patch, seed_of(patch.id, o), !o.uniform);
  Engine engine(beads, seed_of(patch.id, o), o);
  Rdf all(static_cast<int>(o.bins), static_cast<double>(o.cutoff_nm));
  double temperature = 0;
  if (!simulate(engine, o, stop, [&](std::uint64_t, const Rdf &rdf) {
        all.add(rdf);
        temperature += engine.temperature() / static_cast<double>(o.windows);
      }))
    return 130;
  std::ofstream file;
  if (!o.out.empty()) file.open(o.out);
  std::ostream &out = o.out.empty() ? std::cout : file;
  const auto g = all.g(beads);
  out << "lipid,r_nm,sum,g\n" << std::setprecision(9);
  for (std::size_t i = 0; i < g.size(); ++i)
    out << i / o.bins << ',' << (static_cast<double>(i % o.bins) + 0.5) * all.cutoff_nm() / static_cast<double>(o.bins) << ','
        << all.sums()[i] << ',' << g[i] << '\n';
  out.flush();
  if (!out) throw std::runtime_error("cannot write " + (o.out.empty() ? "the table" : o.out));
  std::cerr << beads.size() << " beads, " << all.frames() << " frames, kT " << temperature << '\n';
  return 0;
}

} // namespace md

#endif
