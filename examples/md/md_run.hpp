// A run of a micro simulation, whatever moves the beads: options, equilibration, windows.
//
// An Engine is made of (Beads, seed, RunOptions) and has `advance(steps)`, `advance(steps, look)`, which gives the Moment that
// it ends at to `look`, `temperature()`, and `takes_input`, whether there are input lines for it. nm, kT; steps are time steps.
// Not here: engines (md_builtin.hpp, examples/lammps/lammps_engine.hpp), jobs of patchstream (md_worker.hpp), a run without
// them (md_alone.hpp), counting (md_rdf.hpp).

#ifndef MD_RUN_HPP
#define MD_RUN_HPP

#include "md_start.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace md {

// Set by an engine that may end the process: why it does, or nothing while it does not. Asked at exit.
inline std::string (*cause)() = nullptr;

struct RunOptions {
  std::string where;     // a transport or a ticket; empty: alone
  std::string patch;     // alone: a patch file; empty: a made-up patch with one RASa
  std::string out;       // alone: the table; empty: standard output
  std::string input;     // of an engine with input lines: a file of more of them
  std::uint64_t seed = 1, equilibration = 1000, windows = 4, window = 1000, every = 20, bins = 60, cutoff_nm = 6;
  std::uint64_t size_nm = 30; // alone, of a made-up patch
  std::uint64_t jobs = 0;     // ends after so many; 0: when it is told to
  std::uint64_t idle_ms = 0;  // ends when there was no job for so long; 0: never
  std::uint64_t parent = 0;   // ends with this process, which is its parent; 0: with none
  bool uniform = false;       // species start anywhere, not by the patch's densities
  double dt = 0.01, damping = 2.0; // of md.hpp's Settings, as is:
  int trade_every = 20;
};

namespace detail {
using Numbers = std::map<std::string, std::uint64_t *>;

// What a simulation is, by option; a host's note has these.
inline Numbers plan_of(RunOptions &o) {
  return {{"--seed", &o.seed},   {"--equilibration", &o.equilibration}, {"--windows", &o.windows}, {"--window", &o.window},
          {"--every", &o.every}, {"--bins", &o.bins},                   {"--cutoff", &o.cutoff_nm}};
}

inline bool read(const std::string &text, std::uint64_t &number) {
  const auto end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  return read.ec == std::errc() && read.ptr == end;
}

inline bool has_sense(const RunOptions &o) {
  constexpr std::uint64_t most = 1u << 30;
  for (const auto value : {o.windows, o.window, o.every, o.bins, o.cutoff_nm})
    if (value < 1 || value > most) return false;
  return o.equilibration <= most && o.window % o.every == 0 && o.bins <= 100000 && o.size_nm <= 1000;
}
} // namespace detail

// False if an option is misspelt, or has no value or a senseless one.
inline bool parse(const std::vector<std::string> &words, RunOptions &o) {
  auto numbers = detail::plan_of(o);
  numbers.insert({{"--size", &o.size_nm}, {"--jobs", &o.jobs}, {"--idle-ms", &o.idle_ms}, {"--parent", &o.parent}});
  const std::map<std::string, std::string *> texts = {{"--patch", &o.patch}, {"--out", &o.out}, {"--input", &o.input}};
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto number = numbers.find(words[i]);
    const auto text = texts.find(words[i]);
    if (words[i] == "--uniform") o.uniform = true;
    else if (words[i].rfind("--", 0) != 0 && o.where.empty()) o.where = words[i];
    else if (i + 1 == words.size()) return false;
    else if (text != texts.end()) *text->second = words[++i];
    else if (number == numbers.end() || !detail::read(words[++i], *number->second)) return false;
  }
  return detail::has_sense(o);
}
inline constexpr const char *usage =
    "usage: [TRANSPORT | TICKET] [--uniform] and with a value --seed --equilibration --windows --window --every --bins "
    "--cutoff --jobs --idle-ms --parent, --input of LAMMPS; alone, without transport: --patch --size --out. Steps are whole "
    "numbers, --window a multiple of --every; the cutoff is in nm. A job with a note is simulated as that says, but for --input\n";

// The options of a job whose host gave it a note: what that says of the simulation, and defaults for what it leaves out, so
// that every worker simulates the same. Without a note they are the worker's own.
inline RunOptions planned(const RunOptions &own, const std::string &note) {
  if (note.empty()) return own;
  RunOptions o = own, defaults;
  o.uniform = defaults.uniform;
  const auto numbers = detail::plan_of(o);
  for (const auto &each : detail::plan_of(defaults)) *numbers.at(each.first) = *each.second;
  std::istringstream words(note);
  std::string name, value;
  bool good = true;
  while (good && words >> name) {
    const auto number = numbers.find(name);
    good = number != numbers.end() && words >> value && detail::read(value, *number->second);
  }
  detail::require(good && detail::has_sense(o), "the note \"" + note + "\" is no plan of a simulation: its host has to name " +
                                                    "--seed --equilibration --windows --window --every --bins --cutoff");
  return o;
}

// The seed of a simulation: from the job's id, so that whoever runs it, and as often as it is run, gets the same.
inline std::uint64_t seed_of(std::uint64_t job, const RunOptions &o) { return detail::Random(o.seed ^ (job << 16)).draw(); }

// Where the beads are at one moment, as they lie: x and y of bead i at positions[i * stride] and the next, nm, to be taken
// into the box; species[i] is its lipid, or below 0. Distances are from bead `reference`.
struct Moment {
  double box_nm;
  const double *positions;
  std::size_t stride;
  const std::int32_t *species;
  std::size_t count;
  std::uint32_t reference;
};

// Beads as a Moment, which lives until the next call.
class Copied {
public:
  Moment of(const Beads &beads, std::uint32_t reference) {
    const std::size_t n = beads.x.size();
    positions_.resize(2 * n), species_.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
      positions_[2 * i] = beads.x[i], positions_[2 * i + 1] = beads.y[i];
      species_[i] = beads.kind[i] < lipids ? beads.kind[i] : -1;
    }
    return {beads.box_nm, positions_.data(), 2, species_.data(), n, reference};
  }

private:
  std::vector<double> positions_;
  std::vector<std::int32_t> species_;
};

// Equilibrates, then measures window after window. `watcher` is asked every few steps whether it is `going()`, gets each
// Moment by `look(moment)` and each window's end by `take(window)`, which says whether to go on. False if it ended the run.
template <class Engine, class Watcher> bool simulate(Engine &engine, const RunOptions &o, Watcher &watcher) {
  for (std::uint64_t done = 0; done < o.equilibration; done += 100) {
    if (!watcher.going()) return false;
    engine.advance(static_cast<int>(std::min<std::uint64_t>(100, o.equilibration - done)));
  }
  for (std::uint64_t window = 0; window < o.windows; ++window) {
    for (std::uint64_t done = 0; done < o.window; done += o.every) {
      if (!watcher.going()) return false;
      engine.advance(static_cast<int>(o.every), [&](const Moment &moment) { watcher.look(moment); });
    }
    if (!watcher.going() || !watcher.take(window)) return false;
  }
  return true;
}

} // namespace md

#endif
