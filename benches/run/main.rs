//! What a run costs a stream: the latency that `buffered` adds to a patch, throughput with group commit, bytes on disk a
//! patch, checkpoints and recovery of a long campaign, recovery with densities and samples. One table, each row with its
//! budget.
//!
//! Runs lie in the folder for temporary files; name another disk by `TMPDIR`. What is large has a tenth of its size;
//! `-- --full` has all of it, `-- --test` is small and only asserts. `-- --campaign`, `-- --densities` and `-- --patches`
//! choose parts.
//! Not here: the store alone (`benches/store.rs`), decisions (`benches/dynim_budgets.rs`).

mod campaign;
mod densities;
mod patches;

use std::path::{Path, PathBuf};
use std::time::Duration;

use patchstream::patch::{Field, Meta, Samples};
use patchstream::store::Durability;
use patchstream::stream::{Config, Producer, Pushed, SpeciesConfig, StoreConfig, Stream};

/// Species, and so coordinates of the built-in encoder `mean`.
const DIM: usize = 15;
const LONG: Duration = Duration::from_secs(3600);

/// A folder that goes with the benchmark.
struct Place(PathBuf);

impl Place {
    fn new(what: &str) -> Self {
        let path = std::env::temp_dir().join(format!("patchstream-bench-run-{}-{what}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A stream of patches of `grid` x `grid` x 15, with a run or without.
fn open(grid: usize, run: Option<(&Path, Durability)>, background: bool) -> Stream {
    let species = Some(SpeciesConfig { names: (0..DIM).map(|i| format!("S{i}")).collect(), inner: 8 });
    let config = Config { nx: grid, ny: grid, model: "mean".into(), species, background, ..Config::default() };
    let builder = Stream::builder().config(config);
    let builder = match run {
        None => builder,
        Some((path, durability)) => builder.run_dir(path).store(StoreConfig { durability, ..StoreConfig::default() }),
    };
    builder.open().unwrap()
}

/// Seconds of a processor that this thread has had: a wait, for the disk or another process, is none of them.
fn processor_s() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1e9
}

fn row(what: &str, measured: &str, budget: &str) {
    println!("{what:<64} | {measured:<58} | {budget}");
}

fn quantile(times: &mut [f64], share: f64) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[((times.len() - 1) as f64 * share) as usize]
}

fn push(producer: &mut Producer, id: u64, values: &[f32], grid: usize) -> Pushed {
    let field = Field::interleaved(Samples::F32(values), grid, grid, DIM).unwrap();
    producer.push(&Meta { id, ..Meta::default() }, &field).unwrap()
}

fn main() {
    let given = |name: &str| std::env::args().any(|argument| argument == name);
    let (test, full) = (given("--test"), given("--full"));
    let all = !["--campaign", "--densities", "--patches"].iter().any(|part| given(part));
    row("what", "measured", "budget");
    if all || given("--patches") {
        patches::per_patch(test);
    }
    let divide = if full { 1 } else { 10 };
    if all || given("--campaign") {
        match test {
            true => campaign::long_campaign(100, 300, 2000, 2),
            false => campaign::long_campaign(35_000 / divide as usize, 120_000 / divide, 2_000_000 / divide, 9),
        }
    }
    if all || given("--densities") {
        match test {
            true => {
                densities::densities(40, 10);
                densities::samples(10, 2);
            }
            false => {
                densities::densities(5000 / divide, 1000 / divide);
                densities::samples(1000 / divide, 2);
            }
        }
    }
}
