//! Tests of job folders: a folder of its own for each, an owner that keeps what it is told, workers as they are.
//!
//! Not here: the line's rules ([`super::super::tests`]).

mod bytes;
mod folders;
mod hostile;
mod kill;
mod owners;
mod races;
mod work;

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::super::hash;
use super::super::line::Line;
use super::super::past::{Moved, Want};
use super::super::transport::{Deliver, Desk, Given, Office, Sent};
use super::{DirDesk, DirOffice, Options};
use crate::dynim::State;
use crate::error::{Error, Result, unknown};
use crate::ring::Wait;
use crate::wire::{Densities, Job, JobState, Packer, Place, RdfSample, Selection};

/// Looked at as fast as can be, without waiting for disks.
const FAST: Options = Options {
    lease: Duration::from_secs(600),
    poll: Duration::from_millis(1),
    settle: Duration::ZERO,
    sync: false,
    pending_max: 4096,
};

/// A folder that goes with the test.
struct Temp(PathBuf);

impl Temp {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("patchstream-dir-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.join(folder)).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Makes a file look as old as that.
    fn age(&self, file: &str, age: Duration) {
        let file = std::fs::File::options().write(true).open(self.0.join(file)).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The stream behind an office: keeps what it is told.
#[derive(Default)]
struct Host {
    jobs: HashMap<u64, (Job, Vec<f32>)>,
    samples: Vec<RdfSample>,
    moved: Vec<(u64, State, Moved)>,
    reasons: Vec<String>,
    given: Vec<(u64, u32)>,
    said: Vec<String>,
    is_full: bool,
    /// Called as the next sample comes.
    on_sample: Option<Box<dyn FnOnce()>>,
    /// Nothing can be written down.
    is_stuck: bool,
}

impl Deliver for Host {
    fn job(&mut self, id: u64) -> Result<(Job, &[f32])> {
        let (job, densities) = self.jobs.get(&id).ok_or_else(|| unknown("no such job"))?;
        Ok((job.clone(), densities))
    }

    fn given(&mut self, id: u64, attempt: u32, _: &str) -> Result<()> {
        self.given.push((id, attempt));
        Ok(())
    }

    fn has_room(&self, _: usize) -> bool {
        !self.is_full
    }

    fn sample(&mut self, sample: RdfSample) -> Result<()> {
        self.samples.push(sample);
        if let Some(called) = self.on_sample.take() {
            called();
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<()> {
        if self.is_stuck { Err(crate::error::io("a full disk")) } else { Ok(()) }
    }

    fn moved(&mut self, id: u64, to: State, moved: Moved, reason: Option<&str>) {
        self.moved.push((id, to, moved));
        self.reasons.extend(reason.map(str::to_owned));
    }

    fn say(&mut self, line: String) {
        self.said.push(line);
    }
}

/// An owner: line, office and host.
struct Owner {
    line: Line,
    office: DirOffice,
    host: Host,
}

impl Owner {
    fn open(path: &Path, options: Options) -> Result<Self> {
        let mut line = Line::default();
        Ok(Self { office: DirOffice::open(path, options, &mut line)?, line, host: Host::default() })
    }

    /// One owner of a fresh folder, with jobs from 1.
    fn with_jobs(temp: &Temp, count: u64) -> Self {
        let mut owner = Self::open(&temp.0, FAST).unwrap();
        (1..=count).for_each(|id| owner.issue(id));
        owner
    }

    fn issue(&mut self, id: u64) {
        let (mut job, densities) = job(id);
        job.attempt = self.line.past(id).map_or(0, |past| past.attempt);
        self.line.issue(id).unwrap();
        self.host.jobs.insert(id, (job.clone(), densities.clone()));
        self.office.issue(&job, &densities).unwrap();
    }

    /// Turns until nothing happens any more.
    fn turn(&mut self) {
        let mut quiet = 0;
        while quiet < 2 {
            std::thread::sleep(self.office.rest());
            quiet = if self.office.turn(&mut self.line, &mut self.host).unwrap() { 0 } else { quiet + 1 };
        }
    }

    /// The host's own word.
    fn decide(&mut self, id: u64, to: State) {
        let past = self.line.past(id).unwrap();
        let attempt = past.holder.is_some().then_some(past.attempt);
        let moved = self.line.decide(id, to).unwrap();
        self.office.decided(id, attempt, to, moved);
    }

    fn windows(&self) -> Vec<(u64, u64)> {
        self.host.samples.iter().map(|sample| (sample.job, sample.window)).collect()
    }

    /// Ends as a killed process does: nothing is said.
    fn vanish(self) {
        std::mem::forget(self.office);
    }
}

fn job(id: u64) -> (Job, Vec<f32>) {
    let densities: Vec<f32> = (0..5 * 5 * 14).map(|at| (id * 1000 + at) as f32).collect();
    let selection = Selection {
        id,
        rank: 1.5,
        order: id as u32,
        event: 1,
        point: vec![0.5; 9],
        step: 3,
        time_us: 0.25,
        center_nm: [1.0, 2.0],
        constellation: Default::default(),
        proteins: Vec::new(),
        label: None,
        queue: 0,
        class_label: None,
        probabilities: Vec::new(),
    };
    let place =
        Densities { place: Place::File, path: None, offset: 0, nx: 5, ny: 5, channels: 14, hash: hash(&densities) };
    let job = Job {
        ticket: format!("dir:/scratch/run#{id}"),
        selection,
        densities: place,
        attempt: 0,
        size_nm: 30.0,
        lease_s: 0.0,
        accepted: Vec::new(),
        ask: 0,
        note: None,
    };
    (job, densities)
}

/// A worker as its handle will be: it knows its job.
struct Worker {
    desk: DirDesk,
    given: Option<Given>,
}

impl Worker {
    fn open(temp: &Temp) -> Self {
        Self { desk: DirDesk::open(&temp.0, &Wait::up_to(Duration::ZERO)).unwrap(), given: None }
    }

    fn take(&mut self, want: Want) -> Result<Option<u64>> {
        self.given = self.desk.take(want, &Wait::up_to(Duration::ZERO))?;
        Ok(self.given.as_ref().map(|given| given.job.selection.id))
    }

    fn of(&self) -> (u64, u32) {
        let job = &self.given.as_ref().unwrap().job;
        (job.selection.id, job.attempt)
    }

    fn sample(&mut self, window: u64) -> Result<Sent> {
        let (job, attempt) = self.of();
        let bytes = Packer::new().sample(&sample(job, attempt, window)).to_vec();
        self.desk.send(&bytes, &Wait::up_to(Duration::ZERO))
    }

    fn say(&mut self, state: State, reason: &str) -> Result<Sent> {
        let (job, attempt) = self.of();
        let said = JobState { job, attempt, state: state as u8, reason: Some(reason.into()) };
        let bytes = Packer::new().job_state(&said).to_vec();
        self.desk.send(&bytes, &Wait::up_to(Duration::ZERO))
    }

    /// Ends as a killed process does. The claim looks as if it were that of a process that is gone.
    fn vanish(self, temp: &Temp) {
        let (id, attempt) = self.of();
        std::mem::forget(self.desk);
        temp.age(&format!("claims/{id}.{attempt}"), Duration::from_secs(1000));
    }

    fn known(&self) -> Vec<(u64, u64)> {
        self.given.as_ref().unwrap().job.accepted.iter().flat_map(|of| of.runs.clone()).collect()
    }
}

fn sample(job: u64, attempt: u32, window: u64) -> RdfSample {
    let sums = vec![job as f64, window as f64, 3.0];
    RdfSample { job, attempt, observable: "rdf".into(), window, frames: 10, shape: vec![3], sums }
}

fn kind<T>(result: Result<T>) -> crate::error::ErrorKind {
    result.err().map_or_else(|| panic!("it went well"), |error: Error| error.kind())
}

/// Says loudly that a test could not run, or fails where all have to.
fn skip(why: &str) {
    assert!(std::env::var_os("PATCHSTREAM_REQUIRE_ALL").is_none(), "has to run here, but {why}");
    say(&format!("SKIPPED: {why}"));
}

/// To whoever runs the tests.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn unique<T: std::hash::Hash + Eq>(items: impl IntoIterator<Item = T>) -> bool {
    let mut seen = HashSet::new();
    items.into_iter().all(|item| seen.insert(item))
}
