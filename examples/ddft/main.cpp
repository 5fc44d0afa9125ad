// The coupling: a DDFT of a membrane streams patches into libpatchstream and gets selections and weights back.
// Copy this into your own code. The command `patchstream campaign` runs the same loop and writes the same bytes.
//
// g++ -std=c++17 -O2 -ffp-contract=off -Iinclude examples/ddft/main.cpp -Ltarget/release -lpatchstream -Wl,-rpath,$PWD/target/release -o ddft_host
// Nanometres, microseconds. Not here: the physics (ddft.hpp), what the calls promise (patchstream.h).
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <patchstream.hpp>
#include "ddft.hpp"

using namespace std::chrono_literals;

volatile std::sig_atomic_t stop = 0;
extern "C" void on_signal(int) { stop = 1; }

struct Options {
  std::uint64_t steps = 4680, grid = 192, proteins = 2, controls = 1, seed = 1, every = 12, select = 1, capacity = 500;
  bool background = false;
  std::string model, classifier, out = "campaign"; // no model: the library's default; no classifier: none
};

// False, with a line of help, if an option is misspelt, or has no value or a senseless one.
bool parse(int argc, char **argv, Options &o) {
  const std::map<std::string, std::uint64_t *> numbers = {
      {"--steps", &o.steps}, {"--grid", &o.grid},   {"--proteins", &o.proteins}, {"--controls", &o.controls},
      {"--seed", &o.seed},   {"--every", &o.every}, {"--select", &o.select},     {"--capacity", &o.capacity}};
  const std::map<std::string, std::string *> texts = {
      {"--model", &o.model}, {"--classifier", &o.classifier}, {"--out", &o.out}};
  bool good = true;
  for (int i = 1; i < argc && good; i += 2) {
    const std::string name = argv[i], value = i + 1 < argc ? argv[i + 1] : "";
    const char *end = value.data() + value.size();
    const auto number = numbers.find(name);
    const auto text = texts.find(name);
    if (name == "--background") o.background = true, --i;
    else if (text != texts.end() && !value.empty()) *text->second = value;
    else if (number == numbers.end() || value.empty()) good = false;
    else {
      const auto read = std::from_chars(value.data(), end, *number->second);
      good = read.ec == std::errc() && read.ptr == end;
    }
  }
  for (const auto positive : {o.steps, o.every, o.capacity}) good &= positive >= 1 && positive <= 1ull << 40;
  good &= o.grid <= 65535 && o.proteins <= 65535 && o.controls <= 64;
  if (!good) std::cerr << "options: --background; with a value --steps --grid --proteins --controls --seed --every "
                          "--select --capacity --model --classifier --out\n";
  return good;
}

// A file that is NAME.part until it is whole.
class File {
public:
  File(const std::string &folder, const std::string &name)
      : path_(folder + "/" + name), stream_(path_ + ".part", std::ios::binary) { check(); }
  std::ostream &operator()() { return stream_; }
  void write(patchstream::span<const std::uint8_t> bytes) {
    stream_.write(reinterpret_cast<const char *>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  void keep() {
    stream_.close(), check();
    std::filesystem::rename(path_ + ".part", path_);
  }

private:
  void check() {
    if (!stream_) throw std::runtime_error("cannot write " + path_ + ": choose another folder with --out");
  }
  std::string path_;
  std::ofstream stream_;
};

void run(const Options &o) {
  constexpr std::uint32_t n = 37;              // 30 nm at 30/36 nm
  constexpr std::uint64_t ids_of_frame = 4096; // for up to 4000 proteins, and the control patches
  ddft::Options physics;
  physics.grid = static_cast<int>(o.grid), physics.proteins = static_cast<int>(o.proteins), physics.seed = o.seed;
  ddft::Model ddft(physics);
  if (ddft.proteins().size() > 4000) throw std::runtime_error("too many proteins: at most 4000, RAF included");
  const std::array<std::int64_t, 2> grid = {ddft.grid(), ddft.grid()};
  std::array<const double *, ddft::channels> planes;
  for (int c = 0; c < ddft::channels; ++c) planes[c] = ddft.plane(c);
  const auto field = patchstream::planes(planes.data(), ddft.grid(), ddft.grid(), ddft::channels);

  auto options = patchstream::Options().grid(n, n).capacity(o.capacity).background(o.background).model(o.model);
  options.classifier(o.classifier);
  options.log([](void *, std::int32_t, const char *message) { std::fprintf(stderr, "%s\n", message); });
  patchstream::Stream stream(options);
  auto out = stream.producer("ddft");
  std::filesystem::create_directories(o.out);
  File messages(o.out, "selections.psel"), selected(o.out, "selected.csv"), table(o.out, "weights.csv");
  selected() << "event,order,id,rank\n" << std::setprecision(9); // a float32 reads back exactly

  const auto send = [&](std::uint64_t id, std::int64_t step, std::array<double, 2> place,
                        const std::vector<patchstream::Protein> &proteins, const char *label) {
    const auto window = patchstream::window(place, grid, ddft.spacing_nm(), n, n);
    const auto near = patchstream::proteins_near(proteins, {ddft.box_nm(), ddft.box_nm()}, window.center_nm, 15.0);
    const patchstream::Patch patch{id, step, ddft.time_us(), window.center_nm, near, label};
    auto loan = out.loan(patch);
    for (; !loan; loan = out.loan(patch)) stream.poll(2ms); // the ring is full
    patchstream::cut(field, {0, 0}, grid, window.low, n, n, loan.densities());
    loan.commit();
  };

  const std::int64_t steps = static_cast<std::int64_t>(o.steps), every = static_cast<std::int64_t>(o.every);
  for (std::int64_t step = 1; step <= steps && !stop; ++step) {
    ddft.step();
    if (step % every != 0) continue;
    std::vector<patchstream::Protein> proteins;
    for (const auto &p : ddft.proteins()) proteins.push_back({p.id, p.state, p.partner, p.x_nm, p.y_nm});
    std::uint64_t id = static_cast<std::uint64_t>(step / every - 1) * ids_of_frame;
    for (const auto &p : proteins)
      if (++id; p.state % 9 < 6) send(id, step, {p.x_nm, p.y_nm}, proteins, nullptr); // a RAS
    std::array<double, 2> place;
    for (std::uint64_t i = 0; i < o.controls; ++i)
      if (++id; ddft.control_point(50.0, place)) send(id, step, place, {}, "control");
    out.end_step(step);
    while (stream.poll(2ms) == patchstream::again) {}
    const auto selections = stream.select(step, o.select);
    for (const auto s : selections) selected() << s.event() << ',' << s.order() << ',' << s.id() << ',' << s.rank() << '\n';
    messages.write(selections.bytes());
  }
  const auto weights = stream.weights();
  table() << "id,weight,normalised\n" << std::setprecision(17);
  for (const auto w : weights) table() << w.id << ',' << w.weight << ',' << w.normalised << '\n';
  messages.write(weights.bytes());
  for (File *file : {&messages, &selected, &table}) file->keep();
  const auto stats = stream.stats();
  std::cout << (stop ? "interrupted: " : "") << stats.selected << " of " << stats.pushed << " patches selected, files in "
            << o.out << '\n';
  if (stats.classified > 0)
    std::cout << stats.agreed << " of " << stats.comparable << " patches with a known state are classified as it\n";
}

int main(int argc, char **argv) {
  Options options;
  if (!parse(argc, argv, options)) return 2;
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  try {
    run(options);
  } catch (const std::exception &error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
  return stop ? 130 : 0;
}
