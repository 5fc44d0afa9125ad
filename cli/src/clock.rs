//! What a run costs: wall and CPU time by part, and memory.
//!
//! CPU time is that of the whole process, all threads together.
//! Not here: which parts a run has ([`crate::sample`], [`crate::encode`]), processes of a campaign ([`crate::micro`]).

use std::fs;
use std::ops::AddAssign;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

/// Time that was spent on something.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spent {
    /// By the clock on the wall.
    pub wall: Duration,
    /// By the processor.
    pub cpu: Duration,
}

impl AddAssign for Spent {
    fn add_assign(&mut self, more: Self) {
        self.wall += more.wall;
        self.cpu += more.cpu;
    }
}

/// A moment, to measure from.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    wall: Instant,
    cpu: Duration,
}

impl Start {
    /// Now.
    pub fn now() -> Self {
        Self { wall: Instant::now(), cpu: cpu_time() }
    }

    /// What was spent since.
    pub fn spent(self) -> Spent {
        Spent { wall: self.wall.elapsed(), cpu: cpu_time().saturating_sub(self.cpu) }
    }
}

/// The quantiles 0.5 and 0.99 of `times` in us, which it sorts; null if there are none.
pub fn quantiles(times: &mut [f32]) -> Value {
    json!({ "p50": quantile(times, 50), "p99": quantile(times, 99) })
}

/// The smallest of `times`, which it sorts, that so many of a hundred do not exceed; none if there are none.
pub fn quantile(times: &mut [f32], percent: usize) -> Option<f32> {
    times.sort_unstable_by(f32::total_cmp);
    times.get((times.len() * percent).div_ceil(100).saturating_sub(1)).copied()
}

/// The most memory the process has held so far, in bytes; none where the system does not tell.
pub fn peak_resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// CPU time of this process so far, all threads together.
pub fn cpu_time() -> Duration {
    of(ClockId::ProcessCPUTime)
}

/// CPU time of this thread so far.
pub fn thread_cpu() -> Duration {
    of(ClockId::ThreadCPUTime)
}

fn of(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_times_that_occurred() {
        assert_eq!(quantiles(&mut []), json!({ "p50": null, "p99": null }));
        assert_eq!(quantiles(&mut [7.0]), json!({ "p50": 7.0, "p99": 7.0 }));
        assert_eq!(quantiles(&mut [3.0, 1.0, 2.0]), json!({ "p50": 2.0, "p99": 3.0 }));
        let mut hundred: Vec<f32> = (1..=100_u8).rev().map(f32::from).collect();
        assert_eq!(quantiles(&mut hundred), json!({ "p50": 50.0, "p99": 99.0 }));
    }

    #[test]
    fn the_processor_works_while_this_test_does() {
        let start = Start::now();
        let mut sum = 0_u64;
        while start.spent().cpu < Duration::from_millis(5) {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(start.spent().wall > Duration::ZERO && sum > 0);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn memory_that_was_touched_is_counted() {
        let bytes = std::hint::black_box(vec![1_u8; 64 << 20]);
        assert!(peak_resident_bytes().unwrap() >= bytes.len() as u64);
    }
}
