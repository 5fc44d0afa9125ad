//! Workers that send what no worker sends: it costs them their lane, and nobody else anything.
//!
//! Not here: garbage below the messages (`tests/lane`), damaged messages (the library's own tests).

use patchstream::dynim::State;
use patchstream::lane::{Role, Visit};
use patchstream::ring::{Geometry, Header, OnFull, Sent};
use patchstream::wire::{Ask, JobState, Message, Packer, RdfSample, Refusal, one};

use super::*;

/// The kind of record that holds a message.
const KIND_MESSAGE: u32 = 16;

fn attach(name: &str) -> Visit {
    let rings = |_: &str| Ok((Geometry::compact(4, 1, 4096)?, Some(Geometry::compact(2, LEN, 8192)?)));
    Visit::attach(name, Role::Worker, "hostile", rings, Duration::from_secs(10)).unwrap()
}

fn post(visit: &mut Visit, message: &[u8]) {
    record(visit, KIND_MESSAGE, message.len() as u64, 0, message);
}

fn record(visit: &mut Visit, kind: u32, id: u64, step: i64, bytes: &[u8]) {
    let header = Header { kind, id, step, ..Header::default() };
    let sent = visit.to_owner.send(header, &[], bytes, &OnFull::Block(wait(5000)));
    // Once the lane is given up, nothing goes through any more.
    if let Ok(sent) = sent {
        assert!(matches!(sent, Sent::Committed | Sent::Full), "{sent:?}");
    }
    visit.ring();
}

/// The next message from the owner.
fn hear(visit: &mut Visit) -> Message {
    visit.wait(&wait(10_000)).unwrap();
    let ring = visit.from_owner.as_mut().unwrap();
    let message = one(ring.peek().unwrap().unwrap().metadata).unwrap();
    ring.advance();
    message
}

fn sample(job: u64, attempt: u32, window: u64) -> RdfSample {
    RdfSample { job, attempt, observable: "rdf".into(), window, frames: 1, shape: vec![1], sums: vec![1.0] }
}

#[test]
fn garbage_costs_its_sender_the_lane_and_nobody_a_job() {
    let name = name("garbage");
    let running = Running::start(builder(&name).open().unwrap());
    issue(&running.stream, 1..=1);
    let mut packer = Packer::new();
    let ask = packer.ask(&Ask { number: 1, job: 0, cancelled: false }).to_vec();
    let refusal = Refusal { ask: 1, job: 1, attempt: 1, status: -1, sentence: "no".into() };
    let refusal = packer.refusal(&refusal).to_vec();
    let cases: [(u32, u64, i64, Vec<u8>); 7] = [
        (99, 8, 0, vec![0; 8]),
        (KIND_MESSAGE, 8, 0, vec![0xff; 8]),
        (KIND_MESSAGE, u64::MAX, 0, vec![0; 8]),
        (KIND_MESSAGE, 100, 50, vec![0; 8]),
        (KIND_MESSAGE, 100, i64::MIN, vec![0; 8]),
        (KIND_MESSAGE, 16, 0, vec![]),
        (KIND_MESSAGE, refusal.len() as u64, 0, refusal),
    ];
    for (attempt, (kind, id, step, bytes)) in cases.into_iter().enumerate() {
        let mut visit = attach(&name);
        // It has the job when it begins.
        post(&mut visit, &ask);
        let Message::Job(job) = hear(&mut visit) else { panic!("a job was asked for") };
        assert_eq!(job.attempt as usize, attempt + 1);
        record(&mut visit, kind, id, step, &bytes);
        let started = Instant::now();
        while visit.check_now().is_ok() {
            assert!(started.elapsed() < Duration::from_secs(10), "case {attempt} cost nothing");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let mut job = next(&name);
    assert_eq!(job.attempt(), 8);
    assert_eq!(submit(&mut job, 0), Submitted::Accepted);
    job.set(State::Done, None, &wait(5000)).unwrap();
    running.until(|stats| stats.counts.done == 1 && stats.counts.refused >= 7 && stats.counts.accepted == 1);
}

#[test]
fn what_belongs_to_another_worker_is_refused_and_told() {
    let name = name("foreign");
    let running = Running::start(builder(&name).open().unwrap());
    issue(&running.stream, 1..=2);
    let mut job = next(&name);
    let other = if job.id() == 1 { 2 } else { 1 };
    let mut visit = attach(&name);
    let mut packer = Packer::new();
    // The other's job, with its very attempt; then one that nobody has; then one that there is not.
    for (id, attempt) in [(job.id(), 1), (other, 1), (77, 0)] {
        post(&mut visit, packer.sample(&sample(id, attempt, 0)));
        let Message::Refusal(no) = hear(&mut visit) else { panic!("it was refused") };
        assert_eq!((no.ask, no.job, no.attempt, no.status), (0, id, attempt, -12));
        let state = State::Done as u8;
        post(&mut visit, packer.job_state(&JobState { job: id, attempt, state, reason: None }));
        assert!(matches!(hear(&mut visit), Message::Refusal(_)));
    }
    // Asks: for the job that is held, then two at once, of which the first is given up for the second.
    post(&mut visit, packer.ask(&Ask { number: 1, job: job.id(), cancelled: false }));
    let Message::Refusal(no) = hear(&mut visit) else { panic!("somebody has it") };
    assert_eq!((no.ask, no.status), (1, -11));
    post(&mut visit, packer.ask(&Ask { number: 2, job: 0, cancelled: false }));
    let Message::Job(first) = hear(&mut visit) else { panic!("one is in line") };
    assert_eq!((first.selection.id, first.ask, first.attempt), (other, 2, 1));
    post(&mut visit, packer.ask(&Ask { number: 3, job: 0, cancelled: false }));
    let Message::Job(again) = hear(&mut visit) else { panic!("it went back and comes again") };
    assert_eq!((again.selection.id, again.ask, again.attempt), (other, 3, 2));
    // Cancelled though it was answered: it goes back.
    post(&mut visit, packer.ask(&Ask { number: 3, job: 0, cancelled: true }));
    running.until(|stats| stats.counts.in_line == 1 && stats.counts.held == 1);
    // A state that nobody knows, of a job that it has.
    post(&mut visit, packer.ask(&Ask { number: 4, job: 0, cancelled: false }));
    let Message::Job(third) = hear(&mut visit) else { panic!("it is in line") };
    post(&mut visit, packer.job_state(&JobState { job: other, attempt: third.attempt, state: 77, reason: None }));
    post(&mut visit, packer.sample(&RdfSample { sums: vec![f64::NAN], ..sample(other, third.attempt, 0) }));
    let stats = running.until(|stats| stats.counts.refused == 8);
    assert_eq!((stats.counts.accepted, stats.counts.held), (0, 2));
    assert_eq!(submit(&mut job, 0), Submitted::Accepted);
    running.until(|stats| stats.counts.accepted == 1);
}

#[test]
fn a_worker_that_reads_nothing_holds_up_nobody() {
    let name = name("deaf");
    let running = Running::start(builder(&name).open().unwrap());
    issue(&running.stream, 1..=4);
    let mut deaf = attach(&name);
    let mut packer = Packer::new();
    for number in 1..50 {
        post(&mut deaf, packer.ask(&Ask { number, job: 99, cancelled: false }));
    }
    for _ in 0..4 {
        let mut job = next(&name);
        job.set(State::Done, None, &wait(5000)).unwrap();
    }
    running.until(|stats| stats.counts.done == 4);
}
