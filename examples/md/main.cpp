// A micro host: the built-in molecular dynamics as a worker of patchstream, or alone.
//
// g++ -std=c++17 -O2 -ffp-contract=off -Iinclude examples/md/main.cpp -Ltarget/release -lpatchstream -Wl,-rpath,$PWD/target/release -o md_host
//   ./md_host shm:NAME            takes jobs until SIGTERM      ./md_host shm:NAME#7    runs that job
//   ./md_host --out g.csv         simulates a made-up patch, without a host
// Not here: the engine (md_builtin.hpp), what is done with a job (md_worker.hpp), LAMMPS (examples/lammps).
#include "md_builtin.hpp"
#include "md_worker.hpp"

int main(int argc, char **argv) { return md::host<md::Builtin>(argc, argv); }
