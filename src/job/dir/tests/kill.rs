//! Tests of processes that are killed at any moment, workers and owners: no job and no window is lost or counted twice,
//! and nobody waits for the dead longer than it takes to see that they are.
//!
//! Not here: the order of single steps ([`super::owners`]).

use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::*;
use crate::error::ErrorKind;

const JOBS: u64 = 400;
const WINDOWS: u64 = 5;
const KILLS: usize = 200;

/// Starts this program again, in a role.
fn start(role: &str, temp: &Temp) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "job::dir::tests::kill::role_of_a_child", "--nocapture", "--test-threads=1"])
        .env("PATCHSTREAM_TEST_ROLE", role)
        .env("PATCHSTREAM_TEST_FOLDER", &temp.0)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn role_of_a_child() {
    let (Some(role), Some(path)) =
        (std::env::var_os("PATCHSTREAM_TEST_ROLE"), std::env::var_os("PATCHSTREAM_TEST_FOLDER"))
    else {
        return;
    };
    // The folder is the parent's.
    let temp = std::mem::ManuallyDrop::new(Temp(path.into()));
    if role == "owner" {
        let mut owner = open_owner(&temp);
        loop {
            owner.turn();
        }
    }
    let mut worker = Worker::open(&temp);
    loop {
        if worker.take(Want::Oldest).unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
            continue;
        }
        let known = worker.known();
        for window in (0..WINDOWS).filter(|window| !known.iter().any(|run| (run.0..=run.1).contains(window))) {
            worker.sample(window).unwrap();
        }
        worker.say(State::Done, "").unwrap();
    }
}

/// Opens as soon as the owner before counts as dead.
fn open_owner(temp: &Temp) -> Owner {
    let since = Instant::now();
    loop {
        match Owner::open(&temp.0, FAST) {
            Ok(owner) => return owner,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Busy, "{error}"),
        }
        assert!(since.elapsed() < Duration::from_secs(60), "a dead owner on this machine is seen at once");
    }
}

/// A number that is different each time, for the moment of a kill.
fn random(below: u64) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(Instant::now()) % below
}

fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn workers_killed_at_any_moment_lose_and_double_nothing() {
    let temp = Temp::new("kill-workers");
    let mut owner = Owner::with_jobs(&temp, JOBS);
    let (mut workers, mut kills, mut issued) = ([start("worker", &temp), start("worker", &temp)], 0, JOBS);
    let since = Instant::now();
    while kills < KILLS && since.elapsed() < Duration::from_secs(25) {
        std::thread::sleep(Duration::from_millis(random(40)));
        let at = kills % workers.len();
        kill(&mut workers[at]);
        workers[at] = start("worker", &temp);
        kills += 1;
        owner.turn();
        // There is always something to do, so that kills hit work.
        while owner.line.counts().in_line < 10 {
            issued += 1;
            owner.issue(issued);
        }
    }
    let until = Instant::now() + Duration::from_secs(60);
    while owner.line.counts().done < issued && Instant::now() < until {
        owner.turn();
    }
    workers.iter_mut().for_each(kill);
    let counts = owner.line.counts();
    say(&format!("{kills} kills, {issued} jobs, {counts:?}"));
    assert!(kills > 20, "the machine is too slow to say anything");
    check(&owner.windows(), issued);
    assert_eq!((counts.done, counts.set_aside, counts.held), (issued, 0, 0));
    assert_eq!(temp.names("over").len() as u64, issued);
    assert_eq!((temp.names("jobs"), temp.names("bad")), (vec![], vec![]));
}

#[test]
fn owners_killed_at_any_moment_are_followed_and_results_are_all_there() {
    let temp = Temp::new("kill-owners");
    drop(Owner::with_jobs(&temp, JOBS));
    let mut workers = [start("worker", &temp), start("worker", &temp)];
    let (since, mut kills) = (Instant::now(), 0);
    while since.elapsed() < Duration::from_secs(20) && kills < 100 && temp.names("over").len() < JOBS as usize {
        let mut owner = start("owner", &temp);
        std::thread::sleep(Duration::from_millis(10 + random(40)));
        kill(&mut owner);
        kills += 1;
    }
    let mut owner = open_owner(&temp);
    let until = Instant::now() + Duration::from_secs(60);
    while temp.names("over").len() < JOBS as usize && Instant::now() < until {
        owner.turn();
    }
    workers.iter_mut().for_each(kill);
    say(&format!("{kills} owners killed"));
    assert_eq!(temp.names("over").len() as u64, JOBS);
    let mut results = Vec::new();
    for id in 1..=JOBS {
        for name in temp.names(&format!("results/{id}")) {
            results.push((id, super::super::names::parse_result(&name).unwrap().1));
        }
    }
    check(&results, JOBS);
}

/// Each window of each job, once.
fn check(windows: &[(u64, u64)], jobs: u64) {
    let mut left: std::collections::BTreeSet<_> =
        (1..=jobs).flat_map(|id| (0..WINDOWS).map(move |window| (id, window))).collect();
    let doubled: Vec<_> = windows.iter().filter(|window| !left.remove(window)).collect();
    assert!(doubled.is_empty() && left.is_empty(), "doubled: {doubled:?}, lost: {left:?}");
}
