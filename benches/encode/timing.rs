//! Times of things that are called in turn, in microseconds of wall time, and a plain read of memory to hold them against.
//!
//! Short runs of each in turn: whatever else the machine does meets all of them, and the fastest run met none of it.
//! Not here: what is called.

use std::hint::black_box;
use std::time::Instant;

/// Microseconds of one call.
#[derive(Clone, Copy)]
pub struct Time {
    /// In the fastest run.
    pub fastest: f64,
    /// In the run in the middle.
    pub median: f64,
}

/// How much is measured.
#[derive(Clone, Copy, PartialEq)]
pub enum Effort {
    /// Each thing once: its time means nothing.
    Once,
    /// 15 runs, for things that take milliseconds.
    Short,
    /// 400 runs.
    Full,
}

impl Effort {
    /// For things that take milliseconds.
    pub fn less(self) -> Self {
        if self == Self::Once { Self::Once } else { Self::Short }
    }
}

/// A run is about so long, and no fewer calls than [`CALLS`] unless runs are few: less than the scheduler's tick, long enough that what the
/// things before left in the caches matters little.
const RUN_US: f64 = 500.0;
const CALLS: usize = 4;

/// Something that can be timed.
pub type Call<'a> = Box<dyn FnMut() + 'a>;

/// Times each of `calls`.
pub fn in_turn(effort: Effort, mut calls: Vec<Call<'_>>) -> Vec<Time> {
    let (runs, trials) = match effort {
        Effort::Once => (1, 0),
        Effort::Short => (15, 0),
        Effort::Full => (400, 5),
    };
    let mut times = vec![Vec::with_capacity(runs); calls.len()];
    let counts: Vec<usize> = calls
        .iter_mut()
        .map(|call| {
            let one = (0..trials).map(|_| run(call, 1)).fold(f64::INFINITY, f64::min);
            if trials == 0 { 1 } else { ((RUN_US / one) as usize).max(CALLS) }
        })
        .collect();
    for _ in 0..runs {
        for ((call, count), times) in calls.iter_mut().zip(&counts).zip(&mut times) {
            times.push(run(call, *count));
        }
    }
    let sorted = |mut times: Vec<f64>| {
        times.sort_unstable_by(f64::total_cmp);
        Time { fastest: times[0], median: times[times.len() / 2] }
    };
    times.into_iter().map(sorted).collect()
}

/// Microseconds of a call, of `count` in a row.
fn run(call: &mut Call<'_>, count: usize) -> f64 {
    let started = Instant::now();
    (0..count).for_each(|_| call());
    started.elapsed().as_secs_f64() * 1e6 / count as f64
}

/// Reads all of `values` once, in eight independent sums of two, so that only memory limits it.
pub fn read(values: &[u64]) -> u64 {
    let mut sums = [0_u64; 16];
    for chunk in black_box(values).chunks_exact(16) {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum ^= value;
        }
    }
    sums.iter().fold(0, |all, sum| all ^ sum)
}
