//! Who holds a claim, and whether that process may still live.
//!
//! Only a process of this machine can be looked for, and only where its number means the same here: same host, same
//! boot, same space of process ids (containers have their own), same user (`/proc` may hide others). Of everybody else
//! only the age of the claim is known ([`super::claim`]).
//! Not here: leases.

use std::fmt;
use std::fs;
use std::io::ErrorKind as Io;
use std::os::unix::fs::MetadataExt;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;

/// A process, as it saw itself when it made the claim.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Who {
    /// The machine's name.
    pub host: String,
    /// Its process id, in its own container.
    pub pid: u32,
    /// Its user.
    pub uid: u32,
    /// When it started, in ticks since the machine did; 0 where `/proc` does not say.
    pub start_ticks: u64,
    /// The machine's boot id; empty where `/proc` does not say.
    pub boot_id: String,
    /// The space that its process id is of; empty where `/proc` does not say.
    pub pid_space: String,
    /// When the claim was made, in seconds since 1970 by the machine's own clock; for people only.
    pub since_s: u64,
}

impl Who {
    /// This process, now.
    pub(super) fn this_process() -> Self {
        let machine = machine();
        let pid = std::process::id();
        Self {
            host: machine.host.clone(),
            pid,
            uid: fs::metadata("/proc/self").map_or(0, |metadata| metadata.uid()),
            start_ticks: start_ticks(pid).ok().flatten().unwrap_or(0),
            boot_id: machine.boot_id.clone(),
            pid_space: pid_space(),
            since_s: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        }
    }

    /// The text that a claim holds.
    pub(super) fn to_text(&self) -> String {
        let Self { host, pid, uid, start_ticks, boot_id, pid_space, since_s } = self;
        format!(
            "host = \"{host}\"\npid = {pid}\nuid = {uid}\nstart_ticks = {start_ticks}\nboot_id = \"{boot_id}\"\n\
             pid_space = \"{pid_space}\"\nsince_s = {since_s}\n"
        )
    }

    /// The same, read; `None` if it is not that.
    pub(super) fn from_text(text: &[u8]) -> Option<Self> {
        toml::from_str(std::str::from_utf8(text).ok()?).ok()
    }

    /// Whether the process is known to have ended. False where that cannot be known from here.
    pub fn has_ended(&self) -> bool {
        let machine = machine();
        let is_near = self.host == machine.host && self.boot_id == machine.boot_id && self.pid_space == pid_space();
        if !is_near || self.boot_id.is_empty() || self.pid_space.is_empty() || self.start_ticks == 0 {
            return false;
        }
        if fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() != self.uid) {
            return false;
        }
        match start_ticks(self.pid) {
            Ok(Some(ticks)) => ticks != self.start_ticks,
            Ok(None) => true,
            Err(()) => false,
        }
    }

    /// Whether it is this very process; in a forked child it is not.
    pub(super) fn is_this_process(&self) -> bool {
        self.pid == std::process::id()
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {}", self.pid, self.host)
    }
}

/// What the names of this process's temporaries begin with.
pub(super) fn prefix() -> String {
    let pid = std::process::id();
    format!("{}-{pid}-{}", machine().host, start_ticks(pid).ok().flatten().unwrap_or(0))
}

/// Whether the writer of a temporary of this name is known to have ended; false where it cannot be known from here.
pub(super) fn writer_has_ended(temporary: &str) -> bool {
    let mut parts = temporary.rsplitn(4, '-').skip(1);
    let (Some(start), Some(pid), Some(host)) = (parts.next(), parts.next(), parts.next()) else { return false };
    let (Ok(start), Ok(pid)) = (start.parse::<u64>(), pid.parse::<u32>()) else { return false };
    // The name has no boot and no space of process ids: a number that lives here may be another's, never the reverse
    // for long, since who cleans up waits for the lease as well.
    host == machine().host && start_ticks(pid) != Ok(Some(start))
}

struct Machine {
    host: String,
    boot_id: String,
}

fn machine() -> &'static Machine {
    static MACHINE: OnceLock<Machine> = OnceLock::new();
    MACHINE.get_or_init(|| {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        // Such a name stands in file names and between quotes.
        let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let host: String = read("/proc/sys/kernel/hostname").trim().chars().filter(plain).take(64).collect();
        let boot_id = read("/proc/sys/kernel/random/boot_id").trim().chars().filter(plain).collect();
        Machine { host: if host.is_empty() { "unknown".into() } else { host }, boot_id }
    })
}

fn pid_space() -> String {
    let link = fs::read_link("/proc/self/ns/pid").map(|link| link.to_string_lossy().into_owned()).unwrap_or_default();
    link.chars().filter(char::is_ascii_digit).collect()
}

/// Field 22 of `/proc/PID/stat`; `None` without such a process or where it has ended and only waits to be buried.
fn start_ticks(pid: u32) -> Result<Option<u64>, ()> {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => {
            // What stands before the last bracket is the program's name and can hold anything.
            let mut fields = stat.rsplit_once(')').ok_or(())?.1.split_whitespace();
            let is_dead = matches!(fields.next(), Some("Z" | "X"));
            let ticks = fields.nth(18).and_then(|ticks| ticks.parse().ok()).ok_or(())?;
            Ok((!is_dead).then_some(ticks))
        }
        Err(error) if error.kind() == Io::NotFound && fs::exists("/proc/self/stat").unwrap_or(false) => Ok(None),
        // The process ended while it was read.
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(None),
        Err(_) => Err(()),
    }
}
