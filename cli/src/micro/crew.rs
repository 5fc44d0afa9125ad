//! The worker processes of a campaign: started, started again when they end, ended with it.
//!
//! Each is in a process group of its own, so that Ctrl-C in a terminal reaches the campaign alone, which then ends them. When
//! the campaign is killed they notice that it is their parent no longer, and end.
//! Not here: what a worker does ([`super::worker`]).

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use patchstream::error::{Result, io};
use rustix::process::{Pid, Signal, kill_process};

use super::options::{Md, MicroOptions};

/// Ends of workers in a row, without a job done, after which the campaign ends too.
const ENDS_MAX: u32 = 10;
/// How long a worker that was told to end may take to say its last word.
const GRACE: Duration = Duration::from_secs(5);

/// Workers that run.
pub struct Crew {
    program: PathBuf,
    arguments: Vec<String>,
    running: Vec<Child>,
    /// Ends since a job was done.
    ends: u32,
    /// Jobs that were done when that was looked at last.
    done: u64,
    /// CPU time that workers spent in the library, of those that told.
    library: Duration,
}

impl Crew {
    /// Starts the workers of these options.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if their program cannot be started.
    pub fn start(options: &MicroOptions, transport: &str) -> Result<Self> {
        let own = || std::env::current_exe().map_err(|error| io(format!("this program cannot be found: {error}")));
        let (program, mut arguments) = match (options.md, &options.lammps) {
            (Md::Lammps, Some(program)) => (program.clone(), Vec::new()),
            _ => (own()?, vec!["worker".to_owned()]),
        };
        // Each job's note says how it is to be simulated.
        arguments.extend([transport.to_owned(), "--parent".to_owned(), std::process::id().to_string()]);
        let (running, library) = (Vec::new(), Duration::ZERO);
        let mut crew = Self { program, arguments, running, ends: 0, done: 0, library };
        for _ in 0..options.workers {
            let worker = crew.worker()?;
            crew.running.push(worker);
        }
        Ok(crew)
    }

    /// Starts those again that have ended, and says so, a line each. `done`: jobs that are done so far.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if one cannot be started, or if they end again and again
    /// without a job done.
    pub fn watch(&mut self, done: u64) -> Result<Vec<String>> {
        if done > self.done {
            (self.done, self.ends) = (done, 0);
        }
        let mut lines = Vec::new();
        for at in 0..self.running.len() {
            let ended =
                self.running[at].try_wait().map_err(|error| io(format!("a worker cannot be watched: {error}")))?;
            let Some(status) = ended else { continue };
            self.ends += 1;
            let how = how(status);
            if self.ends >= ENDS_MAX {
                return Err(io(format!(
                    "{ENDS_MAX} workers in a row ended before a job was done, the last {how}: look at what they said above, \
                     then go on with --resume"
                )));
            }
            self.library += told(&mut self.running[at]);
            self.running[at] = self.worker()?;
            lines.push(format!("worker {} of {} ended {how}: it is started again", at + 1, self.running.len()));
        }
        Ok(lines)
    }

    /// Ends all, and says what they have spent in the library as far as they told.
    pub fn end(mut self) -> Duration {
        self.stop();
        self.library
    }

    fn stop(&mut self) {
        for worker in &self.running {
            if let Some(pid) = i32::try_from(worker.id()).ok().and_then(Pid::from_raw) {
                // One that has ended meanwhile was not waited for, so the number is still its own.
                let _ = kill_process(pid, Signal::TERM);
            }
        }
        let until = Instant::now() + GRACE;
        for mut worker in self.running.drain(..) {
            while matches!(worker.try_wait(), Ok(None)) && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(5));
            }
            // Nothing is lost with one that does not listen.
            let _ = worker.kill().and_then(|()| worker.wait());
            self.library += told(&mut worker);
        }
    }

    fn worker(&self) -> Result<Child> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
        command.spawn().map_err(|error| io(format!("the worker {} does not start: {error}", self.program.display())))
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What a worker that has ended says of its time in the library.
fn told(worker: &mut Child) -> Duration {
    let mut text = String::new();
    let read = worker.stdout.take().map(|out| out.take(4096).read_to_string(&mut text));
    let line = read.and_then(|_| text.lines().last()?.strip_prefix("library_us ")?.parse().ok());
    Duration::from_micros(line.unwrap_or(0))
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("with code {code}"),
        (None, Some(signal)) => format!("by signal {signal}"),
        (None, None) => "somehow".into(),
    }
}
