//! Jobs through a folder: a stream that gives them out, workers that take them by the folder or by a ticket, a stream
//! that comes after it.
//!
//! Not here: what may happen to the files (the library's own tests), shared memory (`tests/job`).

use std::path::PathBuf;
use std::time::Duration;

use patchstream::dynim::State;
use patchstream::error::{ErrorKind, Result};
use patchstream::job::{Job, Submitted, dir};
use patchstream::patch::{Field, Meta, Samples};
use patchstream::ring::Wait;
use patchstream::stream::{JobsConfig, Stream};

const N: usize = 5;

/// A folder that goes with the test.
struct Temp(PathBuf);

impl Temp {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("patchstream-folder-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn transport(&self) -> String {
        format!("dir:{}", self.0.display())
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn open(temp: &Temp) -> Result<Stream> {
    let jobs = JobsConfig { poll_s: 0.001, ..JobsConfig::default() };
    Stream::builder().grid(N, N).model("mean").transport(temp.transport()).jobs(jobs).open()
}

fn densities(id: u64) -> Vec<f32> {
    (0..N * N * 14).map(|at| id as f32 + at as f32 / 1024.0).collect()
}

/// Pushes patches from 1 and picks them all.
fn issue(stream: &Stream, count: u64) {
    let mut producer = stream.producer("ddft").unwrap();
    for id in 1..=count {
        let meta = Meta { id, center_nm: [15.0, 15.0], ..Meta::default() };
        let values = densities(id);
        producer.push(&meta, &Field::interleaved(Samples::F32(&values), N, N, 14).unwrap()).unwrap();
        stream.poll(Duration::from_secs(1)).unwrap();
    }
    assert_eq!(stream.select(0, count as usize).unwrap().unwrap().batch.selections.len(), count as usize);
}

/// Polls until nothing comes any more.
fn poll(stream: &Stream) {
    for _ in 0..5 {
        std::thread::sleep(Duration::from_millis(3));
        stream.poll(Duration::from_millis(1)).unwrap();
    }
}

const NOW: Wait<'static> = Wait { timeout: Duration::ZERO, spin: Duration::ZERO, stop: None };

fn submit(job: &mut Job, window: u64) -> Submitted {
    job.submit("rdf", window, 10, &[2], &[job.id() as f64, window as f64], &NOW).unwrap()
}

#[test]
fn picks_go_out_as_files_and_results_come_back_as_files() {
    let temp = Temp::new("way");
    let stream = open(&temp).unwrap();
    issue(&stream, 3);
    let mut first = Job::next(&temp.transport(), &NOW).unwrap().unwrap();
    assert_eq!(first.densities(), densities(first.id()));
    assert_eq!((first.shape(), first.size_nm(), first.attempt()), ([N, N, 14], 30.0, 1));
    assert_eq!(stream.ticket(first.id()).as_deref(), Some(first.ticket()));
    let refused = Job::open(first.ticket(), &NOW).map(drop).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Busy);

    let other = (1..=3).find(|id| *id != first.id()).unwrap();
    let mut second = Job::open(&stream.ticket(other).unwrap(), &NOW).unwrap().unwrap();
    assert_eq!(second.id(), other);
    first.set(State::Started, None, &NOW).unwrap();
    assert_eq!(submit(&mut first, 0), Submitted::Accepted);
    assert_eq!(submit(&mut first, 0), Submitted::Known);
    assert_eq!(submit(&mut second, 7), Submitted::Accepted);
    first.alive().unwrap();
    first.set(State::Done, Some("converged"), &NOW).unwrap();
    second.set(State::Interrupted, None, &NOW).unwrap();
    poll(&stream);
    let mut windows: Vec<_> = stream.take_samples(9).unwrap().iter().map(|got| (got.job, got.window)).collect();
    windows.sort_unstable();
    let mut expected = vec![(first.id(), 0), (other, 7)];
    expected.sort_unstable();
    assert_eq!(windows, expected);
    let report = stream.job(first.id()).unwrap();
    assert_eq!((report.state, report.reason.as_deref()), (State::Done, Some("converged")));
    let counts = stream.jobs().unwrap().counts;
    assert_eq!((counts.in_line, counts.held, counts.done), (2, 0, 1));

    let mut again = Job::open(&stream.ticket(other).unwrap(), &NOW).unwrap().unwrap();
    assert_eq!(again.attempt(), 2);
    assert_eq!(submit(&mut again, 7), Submitted::Known);
    drop(again);
    assert_eq!(dir::look(&temp.0).unwrap().jobs.len(), 2);
}

#[test]
fn a_worker_that_comes_first_waits_for_the_folder() {
    let temp = Temp::new("first");
    assert_eq!(Job::next(&temp.transport(), &NOW).map(drop).unwrap_err().kind(), ErrorKind::Unknown);
    std::thread::scope(|scope| {
        let wait = Wait { timeout: Duration::from_secs(60), ..NOW };
        let worker =
            scope.spawn(move || Job::next(&temp.transport(), &wait).unwrap().map(|job| job.id()).zip(Some(temp)));
        std::thread::sleep(Duration::from_millis(20));
        let temp = std::env::temp_dir().join(format!("patchstream-folder-{}-first", std::process::id()));
        let stream = open(&std::mem::ManuallyDrop::new(Temp(temp))).unwrap();
        issue(&stream, 1);
        assert_eq!(worker.join().unwrap().map(|(id, _)| id), Some(1));
    });
}

#[test]
fn a_stream_that_picks_the_same_again_goes_on_with_the_folder() {
    let temp = Temp::new("again");
    let stream = open(&temp).unwrap();
    assert_eq!(open(&temp).map(drop).unwrap_err().kind(), ErrorKind::Busy);
    issue(&stream, 3);
    let ticket = |id| stream.ticket(id).unwrap();
    let tickets = [1, 2, 3].map(ticket);
    let mut jobs = tickets.clone().map(|ticket| Job::open(&ticket, &NOW).unwrap().unwrap());
    submit(&mut jobs[0], 1);
    jobs[0].set(State::Done, None, &NOW).unwrap();
    submit(&mut jobs[1], 1);
    poll(&stream);
    drop(stream);
    submit(&mut jobs[1], 2);
    jobs[2].set(State::Interrupted, None, &NOW).unwrap();

    let stream = open(&temp).unwrap();
    issue(&stream, 3);
    poll(&stream);
    assert_eq!(stream.job(1).unwrap().state, State::Done);
    let report = stream.job(2).unwrap();
    assert!(report.holder.is_some() && report.attempt == 1, "{report:?}");
    let windows: Vec<_> = stream.take_samples(9).unwrap().iter().map(|got| (got.job, got.window)).collect();
    assert_eq!(windows, [(2, 2)], "what was taken in before lies in results");
    jobs[1].set(State::Done, None, &NOW).unwrap();
    let mut third = Job::next(&temp.transport(), &NOW).unwrap().unwrap();
    assert_eq!((third.id(), third.attempt()), (3, 2));
    third.set(State::Done, None, &NOW).unwrap();
    poll(&stream);
    assert_eq!(stream.jobs().unwrap().counts.done, 3);
    assert_eq!(Job::open(&tickets[0], &NOW).map(drop).unwrap_err().kind(), ErrorKind::State);
    assert_eq!(dir::look(&temp.0).unwrap().jobs, []);
}

#[test]
fn the_streams_own_thread_looks_into_the_folder() {
    let temp = Temp::new("background");
    let jobs = JobsConfig { poll_s: 0.001, ..JobsConfig::default() };
    let stream = Stream::builder().grid(N, N).model("mean").transport(temp.transport()).jobs(jobs).background(true);
    let stream = stream.open().unwrap();
    issue(&stream, 1);
    let mut job = Job::next(&temp.transport(), &NOW).unwrap().unwrap();
    submit(&mut job, 3);
    job.set(State::Done, None, &NOW).unwrap();
    for _ in 0..6000 {
        if stream.jobs().unwrap().counts.done == 1 {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let stats = stream.jobs().unwrap();
    assert_eq!((stats.counts.done, stats.samples), (1, 1));
}
