//! Who took the processors: the simulations, or the library beside them.
//!
//! CPU time of this process and of all workers that have ended, from the beginning of the campaign on: who starts it may have
//! been this process before, as `cargo run` is, with a compiler as its child. What this process spends outside the macro model,
//! with what that saves of itself, counts as the library's, also where it is this program's own.
//! Not here: what a worker measures of itself ([`super::worker`]).

use std::fs;
use std::time::Duration;

use crate::clock::{cpu_time, thread_cpu};

/// CPU time of a campaign.
#[derive(Debug, Clone, Copy)]
pub struct Cpu {
    /// This process in the macro model.
    model: Duration,
    /// What this process, and its children that had ended, had taken before.
    before: [Duration; 2],
}

impl Cpu {
    /// Counts from here on.
    pub fn begin() -> Self {
        Self { model: Duration::ZERO, before: [cpu_time(), children()] }
    }

    /// Runs a part of the macro model.
    pub fn model<T>(&mut self, part: impl FnOnce() -> T) -> T {
        let before = thread_cpu();
        let done = part();
        self.model += thread_cpu().saturating_sub(before);
        done
    }

    /// CPU seconds of all processes, and those of them that the library took: `workers` is what workers spent in it.
    pub fn seconds(&self, workers: Duration) -> (f64, f64) {
        let [own, children] = [cpu_time(), children()];
        let [own, children] = [own.saturating_sub(self.before[0]), children.saturating_sub(self.before[1])];
        let library = own.saturating_sub(self.model) + workers;
        ((own + children).as_secs_f64(), library.as_secs_f64())
    }
}

/// CPU time of the child processes that were waited for; 0 where the system does not tell.
fn children() -> Duration {
    let ticks = || {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The name before the last parenthesis may hold anything; after it cutime and cstime are the 14th and 15th field.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(13);
        let user: u64 = fields.next()?.parse().ok()?;
        Some(user + fields.next()?.parse::<u64>().ok()?)
    };
    Duration::from_secs_f64(ticks().unwrap_or(0) as f64 / rustix::param::clock_ticks_per_second() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_time_of_a_child_that_was_waited_for_is_counted() {
        let before = children();
        let loops = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done";
        assert!(std::process::Command::new("sh").args(["-c", loops]).status().unwrap().success());
        assert!(children() > before, "{before:?}");
        assert!(Cpu::begin().before[1] > before, "a campaign that begins now does not count it");
    }
}
