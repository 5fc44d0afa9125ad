//! Who made a segment, for the messages.
//!
//! Not here: whether it lives, which the lock decides ([`super::lock`]).

use std::fmt;
use std::fs;

/// The process that made a segment, as it saw itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// Its process id, in its own container.
    pub pid: u32,
    /// Its user.
    pub uid: u32,
    /// When it started, in ticks since the machine did; 0 where `/proc` does not say.
    pub start_ticks: u64,
    /// The machine's boot id; 0 where `/proc` does not say.
    pub boot_id: u128,
}

impl Owner {
    /// This process.
    pub(super) fn this_process(uid: u32) -> Self {
        Self {
            pid: std::process::id(),
            uid,
            start_ticks: start_ticks_of("self").unwrap_or(0),
            boot_id: boot_id().unwrap_or(0),
        }
    }

    /// Whether a process of its id and start time runs here. False proves nothing where a container hides it.
    pub fn seems_to_live(&self) -> bool {
        self.start_ticks != 0
            && boot_id() == Some(self.boot_id)
            && start_ticks_of(&self.pid.to_string()) == Some(self.start_ticks)
    }

    /// Whether the machine has been started anew since.
    pub fn was_before_this_boot(&self) -> bool {
        boot_id().is_some_and(|now| self.boot_id != 0 && now != self.boot_id)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.pid)
    }
}

/// Field 22 of `/proc/PID/stat`; what stands before the last bracket is the program's name and can hold anything.
fn start_ticks_of(process: &str) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

fn boot_id() -> Option<u128> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    u128::from_str_radix(&text.trim().replace('-', ""), 16).ok()
}
