//! Jobs of a run that is opened again: who had one has it no more, what was accepted stays, what was told is not told twice.
//!
//! Not here: processes that are killed (`tests/crash`).

use std::time::Instant;

use super::journal::{Folder, builder, killed};
use super::*;
use crate::dynim::State;
use crate::job::{Job, Submitted};
use crate::ring::Wait;

const NOW: Wait<'static> = Wait { timeout: Duration::ZERO, spin: Duration::ZERO, stop: None };
/// For an answer that comes.
const SOON: Wait<'static> = Wait { timeout: Duration::from_secs(10), spin: Duration::ZERO, stop: None };

fn name(what: &str) -> String {
    format!("shm:jobs-{}-{what}", std::process::id())
}

/// A stream, and a thread that polls it as a host does.
struct Owner {
    stream: Arc<Stream>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Owner {
    fn start(stream: Stream) -> Self {
        let (stream, stop) = (Arc::new(stream), Arc::new(AtomicBool::new(false)));
        let (ours, ends) = (stream.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            while !ends.load(crate::sync::Ordering::Relaxed) {
                // Before it is resumed each is an error.
                let _ = ours.poll(Duration::from_millis(1));
                std::thread::sleep(Duration::from_micros(200));
            }
        });
        Self { stream, stop, thread: Some(thread) }
    }

    fn until(&self, what: impl Fn(&JobStats) -> bool) -> JobStats {
        let started = Instant::now();
        loop {
            let stats = self.stream.jobs().unwrap();
            if what(&stats) {
                return stats;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "{stats:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Windows that wait to be taken.
    fn windows(&self) -> Vec<(u64, u64)> {
        let samples = self.stream.take_samples(100).unwrap();
        samples.iter().map(|sample| (sample.job, sample.window)).collect()
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.stop.store(true, crate::sync::Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Four patches, all picked.
fn issue(stream: &Stream) {
    let mut producer = stream.producer("ddft").unwrap();
    push_all(stream, &mut producer, 1..=4, 0);
    assert_eq!(stream.select(0, 4).unwrap().unwrap().batch.selections.len(), 4);
}

fn submit(job: &mut Job, window: u64) -> Submitted {
    job.submit("rdf", window, 1, &[1], &[window as f64], &SOON).unwrap()
}

#[test]
fn jobs_and_samples_go_on_where_they_were() {
    let (folder, before, after) = (Folder::new(), name("before"), name("after"));
    let owner = Owner::start(builder(&folder.0).transport(&before).open().unwrap());
    issue(&owner.stream);
    let take = |transport: &str, id: u64| Job::open(&format!("{transport}#{id}"), &SOON).unwrap().unwrap();
    let (mut first, mut second, mut third) = (take(&before, 1), take(&before, 2), take(&before, 3));
    for window in 0..2 {
        submit(&mut first, window);
    }
    owner.until(|stats| stats.samples == 2);
    assert_eq!(owner.windows(), [(1, 0), (1, 1)]);
    assert!(owner.stream.checkpoint("mark", 0, LONG).unwrap());
    // Behind the mark: one is done, one failed, one is under way.
    submit(&mut first, 2);
    second.set(State::Started, None, &SOON).unwrap();
    submit(&mut second, 0);
    second.set(State::Done, None, &SOON).unwrap();
    third.set(State::Failed, Some("no convergence"), &SOON).unwrap();
    let stats = owner.until(|stats| stats.counts.done == 1 && stats.counts.in_line == 2 && stats.samples == 2);
    assert_eq!(stats.counts.held, 1);
    let mut taken = owner.windows();
    taken.sort_unstable();
    assert_eq!(taken, [(1, 2), (2, 0)]);
    assert_eq!(owner.windows(), []);

    let copy = killed(&folder);
    let owner = Owner::start(builder(&copy.0).transport(&after).open().unwrap());
    assert!(Job::next(&after, &NOW).unwrap().is_none(), "its host has not said where it is");
    owner.stream.resume(Some("mark")).unwrap();
    let stats = owner.until(|stats| stats.counts.in_line == 3);
    assert_eq!((stats.counts.held, stats.counts.done, stats.counts.given, stats.samples), (0, 1, 3, 2));
    let mut again = owner.windows();
    again.sort_unstable();
    assert_eq!(again, taken, "what the host took behind its mark, it lost");
    let report = |id| owner.stream.job(id).unwrap();
    assert_eq!((report(1).attempt, report(1).state, report(1).failures), (1, State::Issued, 0));
    assert_eq!(
        (report(3).state, report(3).failures, report(3).reason.as_deref()),
        (State::Failed, 1, Some("no convergence"))
    );
    assert_eq!(report(2).state, State::Done);
    assert_eq!(owner.stream.pick(1).unwrap().state, State::Issued);

    // First in line is who was under way; then what nobody had; what failed comes last.
    let mut jobs: Vec<Job> = (0..3).map(|_| Job::next(&after, &SOON).unwrap().unwrap()).collect();
    let order: Vec<_> = jobs.iter().map(|job| (job.id(), job.attempt())).collect();
    assert_eq!(order, [(1, 2), (4, 1), (3, 2)]);
    assert_eq!(jobs[0].densities(), patch(1));
    assert_eq!(submit(&mut jobs[0], 2), Submitted::Known);
    assert_eq!(submit(&mut jobs[0], 3), Submitted::Accepted);
    owner.until(|stats| stats.samples == 1);
    assert_eq!(owner.windows(), [(1, 3)]);
    let stats = owner.until(|stats| stats.counts.held == 3);
    assert_eq!((stats.counts.in_line, stats.counts.done), (0, 1));
    for job in &mut jobs {
        job.set(State::Done, None, &SOON).unwrap();
    }
    owner.until(|stats| stats.counts.done == 4);
}

#[test]
fn all_samples_come_again_to_a_host_that_begins_anew_in_order_and_as_it_asks() {
    let (folder, before, after) = (Folder::new(), name("all"), name("again"));
    let owner = Owner::start(builder(&folder.0).transport(&before).open().unwrap());
    issue(&owner.stream);
    let mut job = Job::next(&before, &SOON).unwrap().unwrap();
    for window in 0..20 {
        assert_eq!(submit(&mut job, window), Submitted::Accepted);
    }
    owner.until(|stats| stats.samples == 20);
    let told: Vec<_> = owner.stream.take_samples(7).unwrap();
    assert!(owner.stream.checkpoint("seven", 0, LONG).unwrap());
    let copy = killed(&folder);
    for (mark, from) in [(None, 0), (Some("seven"), 7)] {
        let owner = Owner::start(builder(&copy.0).transport(&after).open().unwrap());
        owner.stream.resume(mark).unwrap();
        let mut windows = Vec::new();
        while windows.len() < 20 - from {
            assert_eq!(owner.stream.jobs().unwrap().samples as usize, 20 - from - windows.len());
            let some = owner.stream.take_samples(3).unwrap();
            assert!(!some.is_empty() && some.len() <= 3);
            if mark.is_none() && windows.is_empty() {
                assert_eq!(some, told[..3]);
            }
            windows.extend(some.iter().map(|sample| sample.window));
        }
        assert_eq!(windows, (from as u64..20).collect::<Vec<_>>());
        assert_eq!(owner.windows(), []);
    }
}

#[test]
fn a_job_that_was_set_aside_stays_so_and_one_that_was_returned_is_issued_again() {
    let (folder, before, after) = (Folder::new(), name("aside"), name("aside-after"));
    let owner = Owner::start(builder(&folder.0).transport(&before).open().unwrap());
    issue(&owner.stream);
    for attempt in 1..=3 {
        let mut job = Job::open(&format!("{before}#2"), &SOON).unwrap().unwrap();
        assert_eq!(job.attempt(), attempt);
        job.set(State::Failed, None, &SOON).unwrap();
        owner.until(|stats| stats.counts.held == 0);
    }
    assert!(owner.stream.set_state(3, State::Returned, 0).unwrap());
    // The host knows better than whoever has it.
    let _held = Job::open(&format!("{before}#4"), &SOON).unwrap().unwrap();
    owner.stream.set_state(4, State::Started, 0).unwrap();
    owner.stream.set_state(4, State::Done, 0).unwrap();
    owner.until(|stats| (stats.counts.set_aside, stats.counts.done, stats.counts.in_line) == (1, 1, 1));

    let copy = killed(&folder);
    let owner = Owner::start(builder(&copy.0).transport(&after).open().unwrap());
    owner.stream.resume(None).unwrap();
    let stats = owner.until(|stats| stats.counts.in_line == 1);
    assert_eq!((stats.counts.set_aside, stats.counts.done, stats.counts.held), (1, 1, 0));
    // The event is told again, and nothing is issued for it.
    issue(&owner.stream);
    let stats = owner.until(|stats| stats.counts.in_line == 1);
    assert_eq!((stats.counts.set_aside, stats.counts.done, stats.counts.held), (1, 1, 0));
    let mut producer = owner.stream.producer("ddft").unwrap();
    push_all(&owner.stream, &mut producer, 5..=5, 1);
    let picked = owner.stream.select(1, 2).unwrap().unwrap();
    let picked: Vec<u64> = picked.batch.selections.iter().map(|one| one.id).collect();
    assert!(picked.contains(&3), "{picked:?}");
    owner.until(|stats| stats.counts.in_line == 3);
    assert_eq!(owner.stream.job(3).unwrap().state, State::Issued);
}

#[test]
fn a_claim_to_a_job_of_a_folder_lives_on_and_what_the_folder_missed_is_made_good() {
    let (folder, jobs) = (Folder::new(), Folder::new());
    let open = || {
        let options = JobsConfig { poll_s: 0.001, ..JobsConfig::default() };
        builder(&folder.0).transport(format!("dir:{}", jobs.0.display())).jobs(options).open().unwrap()
    };
    let owner = Owner::start(open());
    issue(&owner.stream);
    let take = |id: u64| Job::open(&format!("dir:{}#{id}", jobs.0.display()), &SOON).unwrap().unwrap();
    let (mut first, mut second, mut third) = (take(1), take(2), take(3));
    submit(&mut first, 0);
    owner.until(|stats| stats.samples == 1 && stats.counts.held == 3);
    assert_eq!(owner.windows(), [(1, 0)]);
    let ticket = |id: u64| {
        let names = std::fs::read_dir(jobs.0.join("jobs")).unwrap().map(|entry| entry.unwrap().path());
        names.filter(|path| path.to_str().unwrap().ends_with(&format!("-{id}.job"))).collect::<Vec<_>>()
    };
    let (kept, of_four) = (jobs.0.join("kept"), ticket(4).remove(0));
    std::fs::copy(&ticket(3)[0], &kept).unwrap();
    let name = ticket(3).remove(0);
    third.set(State::Done, None, &SOON).unwrap();
    owner.until(|stats| stats.counts.done == 1);
    drop(owner);
    // While there is no owner: work goes on. As if the last one had ended between two steps, the ticket of what is done
    // lies there, and that of another job does not.
    submit(&mut first, 1);
    second.set(State::Failed, Some("no convergence"), &SOON).unwrap();
    std::fs::rename(&kept, name).unwrap();
    std::fs::remove_file(jobs.0.join("over/3.done")).unwrap();
    std::fs::remove_file(of_four).unwrap();

    let owner = Owner::start(open());
    owner.stream.resume(None).unwrap();
    let stats = owner.until(|stats| stats.samples == 2 && stats.counts.in_line == 2);
    assert_eq!((stats.counts.held, stats.counts.done, stats.counts.deaths), (1, 1, 0));
    assert_eq!(owner.windows(), [(1, 0), (1, 1)], "the first comes from the log, the second from the folder");
    let report = |id| owner.stream.job(id).unwrap();
    assert_eq!((report(1).attempt, report(1).holder.is_some()), (1, true));
    assert_eq!((report(2).failures, report(2).state), (1, State::Failed));
    submit(&mut first, 2);
    first.set(State::Done, None, &SOON).unwrap();
    owner.until(|stats| stats.counts.done == 2);
    assert_eq!(owner.windows(), [(1, 2)]);
    assert_eq!(ticket(3), Vec::<std::path::PathBuf>::new());
    for (id, attempt) in [(2, 2), (4, 1)] {
        let mut job = take(id);
        assert_eq!((job.attempt(), job.densities()), (attempt, &patch(id)[..]));
        job.set(State::Done, None, &SOON).unwrap();
    }
    owner.until(|stats| stats.counts.done == 4);
}

#[test]
fn why_a_job_was_set_aside_is_told_by_every_later_owner() {
    let (folder, name) = (Folder::new(), name("aside"));
    let owner = Owner::start(builder(&folder.0).transport(&name).open().unwrap());
    issue(&owner.stream);
    for turn in 0..3 {
        let mut job = Job::open(&format!("{name}#2"), &SOON).unwrap().unwrap();
        job.set(State::Failed, Some(&format!("no convergence, {turn}")), &SOON).unwrap();
        drop(job);
        owner.until(|stats| stats.counts.in_line + stats.counts.set_aside == 4);
    }
    owner.until(|stats| stats.counts.set_aside == 1);
    let report = owner.stream.job(2).unwrap();
    assert_eq!((report.failures, report.reason.as_deref()), (3, Some("no convergence, 2")));
    owner.stream.close();
    drop(owner);
    for _ in 0..2 {
        let stream = builder(&folder.0).transport(&name).open().unwrap();
        stream.resume(None).unwrap();
        assert_eq!(stream.job(2).unwrap(), report);
    }
}

#[test]
fn a_note_that_no_job_carries_is_refused_as_the_stream_opens() {
    for note in [String::new(), "x".repeat(4097), "--seed 1\0".into()] {
        let folder = Folder::new();
        let jobs = JobsConfig { note: Some(note), ..JobsConfig::default() };
        let refused = builder(&folder.0).transport(name("note")).jobs(jobs).open().err().unwrap();
        assert_eq!(refused.kind(), crate::error::ErrorKind::Argument);
        assert!(refused.message().contains("give 1 to 4096"), "{refused}");
    }
}
