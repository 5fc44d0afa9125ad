//! Tests of the ways that a job can go.
//!
//! Not here: many workers at once ([`super::races`]), owners that change ([`super::owners`]).

use super::*;
use crate::error::ErrorKind;

#[test]
fn a_job_is_taken_measured_and_done() {
    let temp = Temp::new("done");
    let mut owner = Owner::with_jobs(&temp, 2);
    let mut worker = Worker::open(&temp);
    assert_eq!(worker.take(Want::Oldest).unwrap(), Some(1));
    let (mut expected, densities) = job(1);
    let given = worker.given.as_ref().unwrap();
    assert_eq!(given.densities, densities);
    (expected.attempt, expected.lease_s, expected.densities.offset) = (1, 600.0, given.job.densities.offset);
    assert_eq!(given.job, expected);
    let file = std::fs::read(temp.0.join("jobs").join(&temp.names("jobs")[0])).unwrap();
    let at = given.job.densities.offset as usize;
    assert_eq!(file[at..at + 4], densities[0].to_le_bytes(), "the ticket says where its densities are");

    worker.say(State::Started, "").unwrap();
    for window in [0, 1, 5] {
        assert_eq!(worker.sample(window).unwrap(), Sent::Out);
    }
    worker.say(State::Done, "converged").unwrap();
    assert_eq!(kind(worker.sample(6)), ErrorKind::State, "its last word was said");
    owner.turn();
    assert_eq!(owner.windows(), [(1, 0), (1, 1), (1, 5)]);
    assert_eq!(owner.host.moved, [(1, State::Started, Moved::Kept), (1, State::Done, Moved::Over)]);
    assert_eq!(owner.host.reasons, ["", "converged"]);
    assert_eq!(owner.host.said, [""; 0]);
    assert_eq!(temp.names("results/1"), ["rdf.0.msg", "rdf.1.msg", "rdf.5.msg"]);
    assert_eq!(temp.names("over"), ["1.done"]);
    assert_eq!((temp.names("claims"), temp.names("inbox"), temp.names("tmp")), (vec![], vec![], vec![]));
    assert_eq!(temp.names("jobs").len(), 1);
    assert_eq!(kind(worker.take(Want::Job(1))), ErrorKind::State);
    assert_eq!(kind(worker.take(Want::Job(7))), ErrorKind::Unknown);
    let counts = owner.line.counts();
    assert_eq!((counts.in_line, counts.held, counts.done, counts.given, counts.refused), (1, 0, 1, 1, 0));
}

#[test]
fn a_second_opener_is_told_who_has_it_and_the_next_in_line_goes_to_others() {
    let temp = Temp::new("busy");
    let _owner = Owner::with_jobs(&temp, 2);
    let (mut first, mut second) = (Worker::open(&temp), Worker::open(&temp));
    assert_eq!(first.take(Want::Job(1)).unwrap(), Some(1));
    let error = second.take(Want::Job(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.message().contains(&format!("process {} on ", std::process::id())), "{error}");
    assert!(error.message().contains("600 s"), "{error}");
    assert_eq!(second.take(Want::Oldest).unwrap(), Some(2));
    assert_eq!(Worker::open(&temp).take(Want::Oldest).unwrap(), None);
    drop(first);
    assert_eq!(Worker::open(&temp).take(Want::Oldest).unwrap(), Some(1), "closed without a word: free at once");
}

#[test]
fn a_dead_workers_job_goes_on_where_it_was_and_the_dead_one_is_fenced() {
    let temp = Temp::new("dead");
    let mut owner = Owner::with_jobs(&temp, 1);
    let (mut first, mut second) = (Worker::open(&temp), Worker::open(&temp));
    first.take(Want::Oldest).unwrap();
    first.sample(0).unwrap();
    owner.turn();
    first.sample(1).unwrap();
    temp.age("claims/1.1", Duration::from_secs(601));
    // The owner has not looked since: message 1 is adopted.
    assert_eq!(second.take(Want::Oldest).unwrap(), Some(1));
    assert_eq!((second.of(), second.known()), ((1, 2), vec![(0, 1)]));
    assert_eq!(temp.names("inbox"), ["1.2.1.msg"]);
    assert_eq!(kind(first.sample(2)), ErrorKind::Fenced);
    assert_eq!(kind(first.desk.alive()), ErrorKind::Fenced);
    // What it wrote in the moment before is refused.
    std::fs::copy(temp.0.join("inbox/1.2.1.msg"), temp.0.join("inbox/1.1.3.msg")).unwrap();
    second.sample(2).unwrap();
    drop(first);
    owner.turn();
    assert_eq!(owner.windows(), [(1, 0), (1, 1), (1, 2)]);
    assert_eq!(owner.line.counts().refused, 1);
    second.desk.alive().unwrap();
    second.say(State::Done, "").unwrap();
    owner.turn();
    assert_eq!(owner.host.moved, [(1, State::Done, Moved::Over)]);
}

#[test]
fn the_owner_frees_a_dead_workers_job_after_it_took_its_messages() {
    let temp = Temp::new("freed");
    let mut owner = Owner::with_jobs(&temp, 1);
    let mut worker = Worker::open(&temp);
    worker.take(Want::Oldest).unwrap();
    worker.say(State::Started, "").unwrap();
    worker.sample(3).unwrap();
    worker.vanish(&temp);
    owner.turn();
    assert_eq!(owner.windows(), [(1, 3)]);
    assert_eq!(owner.host.moved, [(1, State::Started, Moved::Kept), (1, State::Issued, Moved::Back)]);
    let counts = owner.line.counts();
    assert_eq!((counts.deaths, counts.in_line, counts.held, counts.refused), (1, 1, 0, 0));
    let mut next = Worker::open(&temp);
    next.take(Want::Oldest).unwrap();
    assert_eq!((next.of(), next.known()), ((1, 2), vec![(3, 3)]));
}

#[test]
fn a_lease_is_renewed_by_calls_and_ends_without_them() {
    let temp = Temp::new("lease");
    let options = Options { lease: Duration::from_secs(1), ..FAST };
    let mut owner = Owner::open(&temp.0, options).unwrap();
    owner.issue(1);
    let (mut first, mut second) = (Worker::open(&temp), Worker::open(&temp));
    first.take(Want::Oldest).unwrap();
    for _ in 0..8 {
        std::thread::sleep(Duration::from_millis(200));
        first.desk.alive().unwrap();
        assert_eq!(second.take(Want::Oldest).unwrap(), None);
    }
    let waited = second.desk.take(Want::Oldest, &Wait::up_to(Duration::from_secs(60))).unwrap();
    assert_eq!(waited.unwrap().job.attempt, 2);
    assert_eq!(kind(first.desk.alive()), ErrorKind::Fenced);
}

#[test]
fn failures_go_to_the_end_of_the_line_and_the_third_sets_aside() {
    let temp = Temp::new("failed");
    let mut owner = Owner::with_jobs(&temp, 2);
    let mut worker = Worker::open(&temp);
    for (id, attempt) in [(1, 1), (2, 1), (1, 2), (2, 2), (1, 3), (2, 3)] {
        assert_eq!(worker.take(Want::Oldest).unwrap(), Some(id));
        assert_eq!(worker.of(), (id, attempt));
        worker.say(State::Failed, "no convergence").unwrap();
        if attempt < 3 {
            assert_eq!(kind(worker.take(Want::Job(id))), ErrorKind::State, "its owner has not seen it");
        }
        owner.turn();
    }
    assert_eq!(temp.names("over"), ["1.aside", "2.aside"]);
    assert_eq!((temp.names("jobs"), temp.names("claims")), (vec![], vec![]));
    assert_eq!(owner.line.counts().set_aside, 2);
    assert_eq!(owner.host.moved[4..], [1, 2].map(|id| (id, State::Failed, Moved::SetAside)));
    assert_eq!(kind(worker.take(Want::Job(1))), ErrorKind::State);
}

#[test]
fn an_interrupted_job_is_free_at_once_and_no_failure() {
    let temp = Temp::new("interrupted");
    let mut owner = Owner::with_jobs(&temp, 1);
    let mut worker = Worker::open(&temp);
    for attempt in 1..=5 {
        assert_eq!(worker.take(Want::Oldest).unwrap(), Some(1));
        assert_eq!(worker.of(), (1, attempt));
        worker.sample(u64::from(attempt)).unwrap();
        owner.turn();
        worker.say(State::Interrupted, "SIGTERM").unwrap();
        owner.turn();
    }
    assert_eq!(owner.host.moved, [(1, State::Interrupted, Moved::Back); 5]);
    assert_eq!(owner.line.past(1).unwrap().failures, 0);
    assert_eq!(temp.names("claims"), ["1.5", "1.5.free"]);
}

#[test]
fn a_repeated_window_counts_once() {
    let temp = Temp::new("repeated");
    let mut owner = Owner::with_jobs(&temp, 1);
    let mut worker = Worker::open(&temp);
    worker.take(Want::Oldest).unwrap();
    for window in [4, 4, 4] {
        worker.sample(window).unwrap();
    }
    owner.turn();
    worker.sample(4).unwrap();
    owner.turn();
    assert_eq!(owner.windows(), [(1, 4)]);
    assert_eq!(owner.line.counts().known, 3);
    assert_eq!(temp.names("inbox"), [""; 0]);
}

#[test]
fn one_turn_takes_a_part_of_a_full_inbox_and_the_next_is_due_at_once() {
    let temp = Temp::new("parts");
    let mut owner = Owner::open(&temp.0, Options { poll: Duration::from_secs(600), ..FAST }).unwrap();
    owner.issue(1);
    let mut worker = Worker::open(&temp);
    worker.take(Want::Oldest).unwrap();
    for window in 0..600 {
        assert_eq!(worker.sample(window).unwrap(), Sent::Out);
    }
    worker.say(State::Done, "").unwrap();
    for expected in [256, 512, 600] {
        assert!(owner.office.has_work(&owner.line), "after {} samples", owner.host.samples.len());
        assert!(owner.office.turn(&mut owner.line, &mut owner.host).unwrap());
        assert_eq!(owner.host.samples.len(), expected);
    }
    assert!(!owner.office.has_work(&owner.line), "the last one had room for all");
    assert_eq!(owner.line.past(1).unwrap().state, State::Done, "its last word waited for its samples");
}

#[test]
fn without_room_messages_stay_and_workers_see_full() {
    let temp = Temp::new("full");
    let mut owner = Owner::open(&temp.0, Options { pending_max: 3, ..FAST }).unwrap();
    owner.issue(1);
    owner.host.is_full = true;
    let mut worker = Worker::open(&temp);
    worker.take(Want::Oldest).unwrap();
    for window in 0..3 {
        assert_eq!(worker.sample(window).unwrap(), Sent::Out);
    }
    owner.turn();
    assert_eq!(worker.sample(3).unwrap(), Sent::Full);
    let stop = std::sync::atomic::AtomicBool::new(true);
    let wait = Wait { stop: Some(&stop), ..Wait::up_to(Duration::from_secs(60)) };
    let bytes = Packer::new().sample(&sample(1, 1, 3)).to_vec();
    assert_eq!(worker.desk.send(&bytes, &wait).unwrap(), Sent::Stopped);
    // Its last word waits for its messages.
    worker.say(State::Done, "").unwrap();
    owner.turn();
    assert_eq!((owner.windows(), owner.host.moved.len()), (vec![], 0));
    owner.host.is_full = false;
    owner.turn();
    assert_eq!(owner.windows(), [(1, 0), (1, 1), (1, 2)]);
    assert_eq!(owner.host.moved, [(1, State::Done, Moved::Over)]);
}

#[test]
fn the_hosts_word_takes_a_job_from_whoever_has_it() {
    let temp = Temp::new("decided");
    let mut owner = Owner::with_jobs(&temp, 4);
    let mut workers: Vec<_> = (0..4).map(|_| Worker::open(&temp)).collect();
    for (worker, id) in workers.iter_mut().zip(1..) {
        assert_eq!(worker.take(Want::Oldest).unwrap(), Some(id));
    }
    owner.turn();
    for (id, to) in [(1, State::Issued), (2, State::Done), (3, State::Returned)] {
        owner.decide(id, to);
    }
    for worker in &mut workers[..3] {
        assert_eq!(kind(worker.sample(0)), ErrorKind::Fenced);
        assert_eq!(kind(worker.desk.alive()), ErrorKind::Fenced);
    }
    workers[3].desk.alive().unwrap();
    drop(workers);
    owner.turn();
    assert_eq!(temp.names("over"), ["2.done"]);
    let mut worker = Worker::open(&temp);
    assert_eq!(worker.take(Want::Oldest).unwrap(), Some(1));
    assert_eq!(worker.of(), (1, 2));
    assert_eq!(kind(worker.take(Want::Job(3))), ErrorKind::Unknown);
    // Picked again, its attempts go on counting.
    owner.issue(3);
    owner.turn();
    assert_eq!(worker.take(Want::Job(3)).unwrap(), Some(3));
    assert_eq!(worker.of(), (3, 2));
    worker.sample(1).unwrap();
    owner.turn();
    assert_eq!(owner.windows(), [(3, 1)]);
}

#[test]
fn a_wait_ends_by_its_time_by_a_stop_and_by_a_job() {
    let temp = Temp::new("wait");
    let mut owner = Owner::open(&temp.0, FAST).unwrap();
    let mut worker = Worker::open(&temp);
    assert!(worker.desk.take(Want::Oldest, &Wait::up_to(Duration::from_millis(30))).unwrap().is_none());
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let wait = Wait { stop: Some(&stop), ..Wait::up_to(Duration::from_secs(600)) };
            let first = worker.desk.take(Want::Oldest, &wait).unwrap().map(|given| given.job.selection.id);
            worker.desk.put_back(true);
            (first, worker.desk.take(Want::Oldest, &wait).unwrap().is_none())
        });
        std::thread::sleep(Duration::from_millis(20));
        owner.issue(1);
        std::thread::sleep(Duration::from_millis(100));
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(waiting.join().unwrap(), (Some(1), true));
    });
}

#[test]
fn a_job_that_was_returned_and_comes_again_fences_who_had_it_and_counts_who_has_it() {
    // Whether the owner had seen that somebody had it or not.
    for is_noticed in [true, false] {
        let temp = Temp::new(&format!("again-{is_noticed}"));
        let mut owner = Owner::with_jobs(&temp, 1);
        let (mut before, mut after) = (Worker::open(&temp), Worker::open(&temp));
        before.take(Want::Oldest).unwrap();
        if is_noticed {
            owner.turn();
        }
        owner.decide(1, State::Returned);
        owner.issue(1);
        // Before the owner looks again.
        assert_eq!(after.take(Want::Oldest).unwrap(), Some(1));
        assert_eq!(kind(before.desk.alive()), ErrorKind::Fenced);
        assert_eq!(kind(before.sample(0)), ErrorKind::Fenced);
        after.sample(1).unwrap();
        after.desk.alive().unwrap();
        after.say(State::Done, "").unwrap();
        owner.turn();
        assert_eq!((owner.windows(), owner.line.counts().done), (vec![(1, 1)], 1));
        assert_eq!(owner.line.counts().refused, 0);
    }
}
