//! What is larger than an entry of a run's log may be: it is refused before anything is done, and the stream goes on.

use std::time::Duration;

use super::journal::{Folder, builder, decided, killed, send, step};
use super::push;
use crate::error::{ErrorKind, Result};
use crate::feedback::Sample;
use crate::store::PAYLOAD_MAX;
use crate::stream::{FeedbackConfig, Stream};

/// Entries may have so many bytes from here on.
fn limit(stream: &Stream, bytes: usize) {
    stream.shared_for_tests().operate(|operator| operator.journal.as_mut().unwrap().entry_max = bytes);
}

fn refused<T: std::fmt::Debug>(answer: Result<T>, most: usize) {
    let error = answer.unwrap_err();
    assert!(error.kind() == ErrorKind::Argument && error.message().contains(&format!("room for {most}:")), "{error}");
}

/// What the log has, and the branch.
fn written(stream: &Stream) -> (u64, u64) {
    let store = stream.stats().store.unwrap();
    (store.appended, store.branch)
}

#[test]
fn a_sample_that_no_entry_holds_is_refused_and_counted_and_the_stream_goes_on() {
    let folder = Folder::new();
    let feedback = FeedbackConfig { densities_nm2: Some(vec![0.5; 14]), ..FeedbackConfig::default() };
    let stream = builder(&folder.0).feedback(feedback.clone()).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    step(&stream, &mut producer, 0);
    let job = decided(&stream).0[0].id;
    let before = written(&stream);
    let submit = |sums: &[f64]| {
        let shape = [sums.len() as u32];
        stream.submit_sample(&Sample { job, observable: "contacts", window: 0, frames: 1, shape: &shape, sums })
    };
    // Zeroes that nobody looks at take no memory.
    refused(submit(&vec![0.0; PAYLOAD_MAX / 8]), PAYLOAD_MAX);
    limit(&stream, 1000);
    refused(submit(&[0.0; 125]), 1000);
    let counts = stream.stats().feedback.unwrap().samples;
    assert_eq!((counts.accepted, counts.refused, written(&stream)), (0, 2, before));
    submit(&[1.0; 90]).unwrap();
    step(&stream, &mut producer, 1);
    let (decisions, mean) = (decided(&stream), stream.mean("contacts", None).unwrap());
    let copy = killed(&folder);
    let again = builder(&copy.0).feedback(feedback).open().unwrap();
    again.resume(None).unwrap();
    assert_eq!((decided(&again), again.mean("contacts", None).unwrap()), (decisions, mean));
}

#[test]
fn an_event_a_mark_and_a_branch_that_no_entry_holds_are_refused_and_change_nothing() {
    let folder = Folder::new();
    let stream = builder(&folder.0).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    step(&stream, &mut producer, 0);
    stream.checkpoint("mark", 0, Duration::ZERO).unwrap();
    send(&stream, &mut producer, 1);
    stream.poll(Duration::from_secs(9)).unwrap();
    // 18 candidates, of which 12 may stay.
    limit(&stream, 64 + 2 * 14 + 6 * 8 - 1);
    let before = (written(&stream), decided(&stream));
    refused(stream.select(1, 2), 139);
    assert_eq!((written(&stream), decided(&stream)), before);
    limit(&stream, 140);
    let told = stream.select(1, 2).unwrap().unwrap();
    assert_eq!(told.batch.selections.len(), 2);
    drop((producer, stream));

    let stream = builder(&folder.0).open().unwrap();
    stream.resume(Some("mark")).unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    limit(&stream, 40);
    // Two patches are sent again, eight and an event are not.
    for id in [11, 13] {
        push(&mut producer, id, 1, &super::patch(id)).unwrap();
    }
    let before = written(&stream);
    refused(stream.checkpoint("another", 0, Duration::ZERO), 40);
    // Something else: selected ones that lie behind the mark were not sent again.
    let stays =
        told.batch.selections.iter().filter(|selection| ![11, 13].contains(&selection.id) && selection.id > 10).count();
    assert!(stays > 0, "{:?}", told.batch.selections);
    limit(&stream, 24 + 8 * stays - 1);
    refused(push(&mut producer, 99, 1, &super::patch(99)), 24 + 8 * stays - 1);
    assert_eq!(written(&stream), before);
    send(&stream, &mut producer, 1);
    assert_eq!(stream.select(1, 2).unwrap().unwrap().bytes(), told.bytes(), "it does again what it did");
    assert_eq!(written(&stream), before);
}

#[test]
fn a_stream_whose_tables_no_entry_holds_is_not_opened_with_a_run() {
    let folder = Folder::new();
    let feedback = FeedbackConfig { bins: 60_000, densities_nm2: Some(vec![0.5; 14]), ..FeedbackConfig::default() };
    refused(builder(&folder.0).feedback(feedback.clone()).open().map(drop), PAYLOAD_MAX);
    assert!(!folder.0.exists());
    super::builder().feedback(feedback).open().unwrap();
}
