// A micro host: the built-in molecular dynamics as a worker of patchstream, or alone.
//
// g++ -std=c++17 -O2 -ffp-contract=off -Iinclude examples/md/main.cpp -Ltarget/release -lpatchstream -Wl,-rpath,$PWD/target/release -o md_host
//   ./md_host shm:NAME            takes jobs until SIGTERM      ./md_host shm:NAME#7    runs that job
//   ./md_host --out g.csv         simulates a made-up patch, without a host
// Not here: the physics (md.hpp), what is done with a job (md_worker.hpp), LAMMPS (examples/lammps).
#include "md.hpp"
#include "md_worker.hpp"

namespace {

class Builtin {
public:
  Builtin(const md::Beads &beads, std::uint64_t seed, const md::RunOptions &options)
      : model_(beads, seed, settings(options)) {}
  void advance(int steps) { model_.run(steps); }
  void advance(int steps, md::Rdf &rdf) {
    model_.run(steps);
    rdf.count(model_.beads(), 0);
  }
  double temperature() const { return model_.kinetic_energy() / model_.beads().size(); }

private:
  static md::Settings settings(const md::RunOptions &options) {
    md::Settings s;
    s.dt = options.dt;
    return s;
  }
  md::Model model_;
};

} // namespace

int main(int argc, char **argv) { return md::host<Builtin>(argc, argv); }
