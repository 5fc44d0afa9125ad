//! Jobs whose densities did not survive the end of their stream: they fail with that reason, the others are given out.
//!
//! Not here: jobs that go on ([`super::jobs`]), densities without jobs ([`super::recall`]).

use std::time::Duration;

use super::journal::{Folder, builder, send};
use super::recall::{damage, read};
use super::*;
use crate::dynim::State;

/// A stream with jobs, whose densities are kept in the run without being asked for.
fn open(folder: &Folder, name: &str) -> Stream {
    let name = format!("shm:lost-jobs-{}-{name}", std::process::id());
    builder(&folder.0).transport(name).open().unwrap()
}

#[test]
fn a_job_whose_densities_did_not_survive_fails_with_that_reason_and_the_others_are_given_out() {
    let folder = Folder::new();
    let stream = open(&folder, "fails");
    let mut producer = stream.producer("ddft").unwrap();
    send(&stream, &mut producer, 0);
    let picks = stream.select(0, 3).unwrap().unwrap().batch.selections;
    assert!(stream.checkpoint("mark", 0, Duration::from_secs(9)).unwrap());
    let [lost, other, _] = [0, 1, 2].map(|at: usize| picks[at].id);
    drop(producer);
    drop(stream);
    damage(&folder, &[lost]);
    for _ in 0..2 {
        let stream = open(&folder, "fails");
        stream.resume(Some("mark")).unwrap();
        stream.poll(Duration::from_secs(9)).unwrap();
        let report = stream.job(lost).unwrap();
        assert_eq!((report.state, stream.pick(lost).unwrap().state), (State::Failed, State::Failed));
        let reason = report.reason.unwrap_or_default();
        assert!(reason.contains("did not survive"), "{reason}");
        assert_eq!(stream.job(other).unwrap().state, State::Issued);
        let counts = stream.jobs().unwrap().counts;
        assert_eq!((counts.in_line, counts.set_aside), (2, 1));
        let now = stream.stats().retention.unwrap();
        assert_eq!((now.place, now.lost), ("run", 1), "it is counted as long as it is not done");
        assert_eq!(read(&stream, other).unwrap(), patch(other));
    }
}

#[test]
fn a_patch_that_was_sent_again_after_its_loss_becomes_a_job() {
    let folder = Folder::new();
    let stream = open(&folder, "again");
    let mut producer = stream.producer("ddft").unwrap();
    send(&stream, &mut producer, 0);
    stream.poll(Duration::from_secs(9)).unwrap();
    drop(producer);
    drop(stream);
    damage(&folder, &[4, 7]);
    let stream = open(&folder, "again");
    assert_eq!(stream.stats().retention.unwrap().lost, 2);
    stream.resume(None).unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    send(&stream, &mut producer, 0);
    let picks = stream.select(0, 10).unwrap().unwrap().batch.selections;
    assert_eq!((picks.len(), stream.jobs().unwrap().counts.in_line), (10, 10));
    assert_eq!(stream.stats().store.unwrap().branch, 0);
    for id in [4, 7] {
        assert_eq!(stream.job(id).unwrap().state, State::Issued);
        assert_eq!(read(&stream, id).unwrap(), patch(id));
    }
}
