//! Tests of owners: one at a time, and whoever comes next finds everything.
//!
//! Not here: workers ([`super::work`]).

use super::super::claim::claim_folder;
use super::super::folder::Folder;
use super::*;
use crate::error::ErrorKind;

fn make_old(temp: &Temp, epoch: u64) {
    temp.age(&format!("owner/{epoch}"), Duration::from_secs(601));
}

#[test]
fn a_living_owner_is_busy_a_closed_or_dead_one_is_followed_and_the_late_one_is_fenced() {
    let temp = Temp::new("owner");
    let mut first = Owner::with_jobs(&temp, 1);
    let error = Owner::open(&temp.0, FAST).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.message().contains(&format!("process {}", std::process::id())), "{error}");
    make_old(&temp, 1);
    let second = Owner::open(&temp.0, FAST).unwrap();
    assert_eq!(temp.names("owner"), ["2"]);
    std::thread::sleep(first.office.rest());
    assert_eq!(kind(first.office.turn(&mut first.line, &mut first.host)), ErrorKind::Fenced);
    drop(first);
    assert_eq!(temp.names("owner"), ["2"]);
    drop(second);
    assert_eq!(temp.names("owner"), ["2", "2.free"]);
    drop(Owner::open(&temp.0, FAST).unwrap());
    assert_eq!(temp.names("owner"), ["3", "3.free"]);
}

#[test]
fn a_claim_to_the_folder_that_comes_after_a_later_owner_is_taken_back() {
    let temp = Temp::new("stale");
    for _ in 0..3 {
        drop(Owner::open(&temp.0, FAST).unwrap());
    }
    let folder = Folder::open(&temp.0).unwrap();
    // Epoch 2 was looked at as free to take before the others came, and its file is gone with them.
    assert_eq!(kind(claim_folder(&folder, 2)), ErrorKind::Busy);
    assert_eq!(temp.names("owner"), ["3", "3.free"]);
    assert_eq!(claim_folder(&folder, 4).unwrap().attempt, 4);
}

#[test]
fn an_owner_that_was_superseded_changes_nothing_in_the_folder() {
    let temp = Temp::new("late");
    let mut first = Owner::with_jobs(&temp, 2);
    make_old(&temp, 1);
    let _second = Owner::open(&temp.0, FAST).unwrap();
    let (job, densities) = job(3);
    assert_eq!(kind(first.office.issue(&job, &densities)), ErrorKind::Fenced);
    first.decide(1, State::Done);
    first.decide(2, State::Returned);
    assert_eq!((temp.names("jobs").len(), temp.names("over").len()), (2, 0));
}

#[test]
fn a_new_owner_finds_line_claims_failures_and_results() {
    let temp = Temp::new("restart");
    let mut owner = Owner::with_jobs(&temp, 7);
    let mut workers: Vec<_> = (0..6).map(|_| Worker::open(&temp)).collect();
    for worker in &mut workers {
        worker.take(Want::Oldest).unwrap();
        worker.sample(0).unwrap();
    }
    workers[1].say(State::Failed, "once").unwrap();
    owner.turn();
    for worker in &mut workers {
        if worker.desk.alive().is_ok() {
            worker.sample(1).unwrap();
        }
    }
    // Said while nobody listens.
    workers[2].say(State::Done, "").unwrap();
    workers[3].say(State::Failed, "").unwrap();
    workers[4].say(State::Interrupted, "").unwrap();
    owner.vanish();
    make_old(&temp, 1);
    let mut owner = Owner::open(&temp.0, FAST).unwrap();
    owner.turn();
    let mut windows = owner.windows();
    windows.sort_unstable();
    assert_eq!(windows, [(1, 1), (3, 1), (4, 1), (5, 1), (6, 1)], "window 0 was taken by the owner before");
    let past = |id| owner.line.past(id).unwrap();
    assert_eq!((past(1).attempt, past(1).holder.is_some(), past(1).failures), (1, true, 0));
    assert_eq!((past(2).attempt, past(2).holder.is_some(), past(2).failures), (1, false, 1));
    assert_eq!((past(3).state, past(4).failures, past(5).failures), (State::Done, 1, 0));
    assert_eq!(temp.names("over"), ["3.done"]);
    assert_eq!(owner.line.waiting().collect::<std::collections::BTreeSet<_>>(), [2, 4, 5, 7].into());
    let mut next = Worker::open(&temp);
    let order: Vec<_> = std::iter::from_fn(|| {
        let id = next.take(Want::Oldest).unwrap()?;
        next.desk.put_back(true);
        std::mem::take(&mut next.given);
        Some(id)
    })
    .collect();
    assert_eq!(order.len(), 4);
    assert_eq!(order[..2], [5, 7], "failed ones are behind");
    let mut first = workers.swap_remove(0);
    first.sample(2).unwrap();
    first.sample(1).unwrap();
    owner.turn();
    assert_eq!(owner.windows().last(), Some(&(1, 2)));
    assert_eq!(owner.line.counts().known, 1);
}

#[test]
fn a_failure_that_the_host_said_is_known_to_the_next_owner() {
    let temp = Temp::new("host-failed");
    let mut owner = Owner::with_jobs(&temp, 2);
    let mut worker = Worker::open(&temp);
    // Once while a worker has it, once when it was put back.
    assert_eq!(worker.take(Want::Job(1)).unwrap(), Some(1));
    owner.turn();
    owner.decide(1, State::Failed);
    assert_eq!(kind(worker.desk.alive()), ErrorKind::Fenced);
    assert_eq!(worker.take(Want::Oldest).unwrap(), Some(2), "the failed one is behind");
    worker.desk.put_back(true);
    assert_eq!(worker.take(Want::Job(1)).unwrap(), Some(1));
    worker.desk.put_back(false);
    owner.turn();
    owner.decide(1, State::Failed);
    owner.turn();
    assert_eq!((owner.line.past(1).unwrap().failures, owner.line.counts().deaths), (2, 0));
    owner.vanish();
    make_old(&temp, 1);
    let mut owner = Owner::open(&temp.0, FAST).unwrap();
    owner.turn();
    let past = owner.line.past(1).unwrap();
    assert_eq!((past.failures, past.holder.is_some()), (2, false));
    assert_eq!(worker.take(Want::Job(1)).unwrap(), Some(1));
    worker.say(State::Failed, "for the third time").unwrap();
    owner.turn();
    assert_eq!(temp.names("over"), ["1.aside"]);
}

#[test]
fn an_owner_that_ends_between_any_two_steps_leaves_nothing_that_counts_twice() {
    // After the sample was accepted: linked and not removed, or not even linked.
    for is_linked in [true, false] {
        let temp = Temp::new("between");
        let mut owner = Owner::with_jobs(&temp, 2);
        let mut worker = Worker::open(&temp);
        worker.take(Want::Oldest).unwrap();
        worker.sample(4).unwrap();
        if is_linked {
            std::fs::create_dir(temp.0.join("results/1")).unwrap();
            std::fs::hard_link(temp.0.join("inbox/1.1.1.msg"), temp.0.join("results/1/rdf.4.msg")).unwrap();
        }
        owner.line.issue(9).unwrap();
        owner.vanish();
        make_old(&temp, 1);
        let mut owner = Owner::open(&temp.0, FAST).unwrap();
        owner.turn();
        assert_eq!(owner.windows().len(), usize::from(!is_linked));
        assert_eq!((temp.names("inbox"), temp.names("results/1")), (vec![], vec!["rdf.4.msg".to_string()]));
        // After the ticket was moved: its claims are left.
        let name = temp.names("jobs")[0].clone();
        std::fs::rename(temp.0.join("jobs").join(name), temp.0.join("over/1.done")).unwrap();
        owner.vanish();
        make_old(&temp, 2);
        let mut owner = Owner::open(&temp.0, FAST).unwrap();
        owner.turn();
        assert_eq!(temp.names("claims"), [""; 0]);
        assert_eq!(kind(worker.desk.alive()), ErrorKind::Fenced);
        // A host without memory picks the same patches again.
        owner.issue(1);
        owner.turn();
        assert_eq!(owner.host.moved, [(1, State::Done, Moved::Over)]);
        assert_eq!(temp.names("jobs").len(), 1);
    }
}

#[test]
fn a_folder_of_another_run_is_a_conflict() {
    let temp = Temp::new("conflict");
    drop(Owner::with_jobs(&temp, 2));
    let mut owner = Owner::open(&temp.0, FAST).unwrap();
    let (same, densities) = job(1);
    owner.office.issue(&same, &densities).unwrap();
    let (mut other, densities) = job(2);
    other.densities.hash ^= 1;
    assert_eq!(kind(owner.office.issue(&other, &densities)), ErrorKind::Conflict);
    assert_eq!(temp.names("jobs").len(), 2);
}

#[test]
fn a_bad_ticket_does_not_keep_a_new_owner_out() {
    let temp = Temp::new("bad-ticket");
    let owner = Owner::with_jobs(&temp, 2);
    drop(owner);
    let name = temp.names("jobs")[0].clone();
    std::fs::write(temp.0.join("jobs").join(&name), "garbage").unwrap();
    std::fs::copy(temp.0.join("jobs").join(&temp.names("jobs")[1]), temp.0.join("jobs/00000000000000000009-2.job"))
        .unwrap();
    // The highest place that there is.
    let last = format!("{:020}-5.job", (1_u64 << 62) - 1);
    std::fs::write(temp.0.join("jobs").join(&last), "garbage").unwrap();
    let mut owner = Owner::open(&temp.0, FAST).unwrap();
    assert_eq!(owner.line.waiting().collect::<Vec<_>>(), [2]);
    let bad = [format!("jobs.{name}"), "jobs.00000000000000000009-2.job".into(), format!("jobs.{last}")];
    assert_eq!(temp.names("bad"), bad);
    assert_eq!(owner.office.bad_files(), 3);
    owner.issue(6);
    assert_eq!(Worker::open(&temp).take(Want::Job(6)).unwrap(), Some(6));
}

#[test]
fn a_message_stays_where_it_is_until_what_was_kept_of_it_is_written_down() {
    let temp = Temp::new("stuck");
    let mut owner = Owner::with_jobs(&temp, 1);
    let mut worker = Worker::open(&temp);
    worker.take(Want::Oldest).unwrap();
    worker.sample(0).unwrap();
    worker.say(State::Done, "").unwrap();
    owner.host.is_stuck = true;
    owner.turn();
    assert_eq!(owner.host.given, [(1, 1)]);
    assert_eq!(temp.names("inbox"), ["1.1.1.msg"]);
    assert_eq!((temp.names("results"), temp.names("over")), (vec![], vec![]));
    owner.host.is_stuck = false;
    owner.turn();
    assert_eq!((owner.windows(), temp.names("results/1")), (vec![(1, 0)], vec!["rdf.0.msg".to_owned()]));
    assert_eq!((temp.names("inbox"), temp.names("over")), (vec![], vec!["1.done".to_owned()]));
}
