//! Tests of many workers at once: of one attempt there is one holder, whatever the interleaving.
//!
//! Not here: processes that are killed ([`super::kill`]).

use std::sync::Barrier;

use super::super::claim::{Claim, Scope};
use super::super::folder::Folder;
use super::*;

const WORKERS: usize = 16;

#[test]
fn of_sixteen_workers_exactly_one_gets_each_of_two_hundred_jobs() {
    let temp = Temp::new("race");
    let mut owner = Owner::with_jobs(&temp, 200);
    let start = Barrier::new(WORKERS);
    let taken: Vec<(u64, u32)> = std::thread::scope(|scope| {
        let work = || {
            let mut worker = Worker::open(&temp);
            let mut taken = Vec::new();
            start.wait();
            while worker.take(Want::Oldest).unwrap().is_some() {
                taken.push(worker.of());
                worker.sample(1).unwrap();
                worker.say(State::Done, "").unwrap();
            }
            taken
        };
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(taken.len(), 200);
    assert!(unique(taken.iter().map(|(id, _)| *id)) && taken.iter().all(|(_, attempt)| *attempt == 1));
    owner.turn();
    assert!(owner.windows().len() == 200 && unique(owner.windows()));
    assert_eq!(owner.line.counts().done, 200);
    assert_eq!(temp.names("claims"), [""; 0]);
}

#[test]
fn with_an_owner_at_work_jobs_that_come_back_are_done_once() {
    let temp = Temp::new("back");
    let mut owner = Owner::with_jobs(&temp, 40);
    let end = std::sync::atomic::AtomicBool::new(false);
    let (taken, kept) = std::thread::scope(|scope| {
        let work = |of: usize| {
            let (temp, end) = (&temp, &end);
            move || {
                let mut worker = Worker::open(temp);
                let (mut taken, mut kept) = (Vec::new(), Vec::new());
                while !end.load(std::sync::atomic::Ordering::Relaxed) {
                    let Some(id) = worker.take(Want::Oldest).unwrap() else {
                        std::thread::sleep(Duration::from_millis(1));
                        continue;
                    };
                    taken.push(worker.of());
                    let known = worker.known();
                    for window in (0..4).filter(|window| !known.iter().any(|run| (run.0..=run.1).contains(window))) {
                        worker.sample(window).unwrap();
                    }
                    match (id as usize + of + worker.of().1 as usize) % 4 {
                        0 => drop(worker.say(State::Interrupted, "").unwrap()),
                        1 => worker.desk.put_back(false),
                        _ => {
                            worker.say(State::Done, "").unwrap();
                            kept.push(id);
                        }
                    }
                }
                (taken, kept)
            }
        };
        let workers: Vec<_> = (0..8).map(|of| scope.spawn(work(of))).collect();
        for turn in 0.. {
            owner.turn();
            if owner.line.counts().done == 40 || turn == 20_000 {
                break;
            }
        }
        end.store(true, std::sync::atomic::Ordering::Relaxed);
        let each: Vec<_> = workers.into_iter().map(|worker| worker.join().unwrap()).collect();
        let (taken, kept): (Vec<_>, Vec<_>) = each.into_iter().unzip();
        (taken.concat(), kept.concat())
    });
    assert!(unique(taken), "one attempt, one holder");
    assert!(kept.len() == 40 && unique(kept));
    let mut windows = owner.windows();
    windows.sort_unstable();
    let expected: Vec<_> = (1..=40).flat_map(|id| (0..4).map(move |window| (id, window))).collect();
    assert_eq!(windows, expected);
}

#[test]
fn of_sixteen_claims_of_one_attempt_one_is_made() {
    let temp = Temp::new("claims");
    drop(Owner::open(&temp.0, FAST).unwrap());
    let folder = Folder::open(&temp.0).unwrap();
    let start = Barrier::new(WORKERS);
    for attempt in 1..=200 {
        let made: usize = std::thread::scope(|scope| {
            let claim = || {
                start.wait();
                usize::from(Claim::make(&folder, Scope::Job(5), attempt).unwrap().is_some())
            };
            let all: Vec<_> = (0..WORKERS).map(|_| scope.spawn(claim)).collect();
            all.into_iter().map(|one| one.join().unwrap()).sum()
        });
        assert_eq!(made, 1, "attempt {attempt}");
    }
    assert_eq!(temp.names("tmp"), [""; 0]);
}

#[test]
fn a_last_word_waits_for_messages_that_the_next_attempt_adopts_while_the_owner_reads() {
    let temp = Temp::new("adopted");
    let mut owner = Owner::with_jobs(&temp, 2);
    let mut workers = [Worker::open(&temp), Worker::open(&temp)];
    for worker in &mut workers {
        worker.take(Want::Oldest).unwrap();
        worker.sample(0).unwrap();
    }
    workers[1].say(State::Done, "").unwrap();
    // Another worker had looked before that word was said. It claims the job, and adopts its message, after the owner has
    // listed both folders and before it has read that far.
    let (folder, inbox) = (Folder::open(&temp.0).unwrap(), temp.0.join("inbox"));
    owner.host.on_sample = Some(Box::new(move || {
        std::mem::forget(Claim::make(&folder, Scope::Job(2), 2).unwrap().unwrap());
        std::fs::rename(inbox.join("2.1.1.msg"), inbox.join("2.2.1.msg")).unwrap();
    }));
    owner.turn();
    assert_eq!(owner.windows(), [(1, 0), (2, 0)], "the window that was told as accepted counts");
    assert_eq!(owner.line.counts().refused, 0);
    assert_eq!(temp.names("over"), [""; 0]);
    assert_eq!(owner.line.past(2).unwrap().attempt, 2);
    Scope::Job(2).end(&Folder::open(&temp.0).unwrap(), 2, super::super::names::Word::Done, b"").unwrap();
    owner.turn();
    assert_eq!(temp.names("over"), ["2.done"]);
}
