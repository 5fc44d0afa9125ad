//! What a host says of picks and patches, and the history of it.

use super::*;
use crate::dynim::{HistoryRow, State, What};

fn open(history: usize) -> (Stream, Producer) {
    let stream = builder().history(history).open().unwrap();
    let producer = stream.producer("ddft").unwrap();
    (stream, producer)
}

fn ids(selections: &Selections) -> Vec<u64> {
    selections.batch.selections.iter().map(|selection| selection.id).collect()
}

#[test]
fn returned_pick_is_a_candidate_again_with_all_that_belongs_to_it() {
    let (stream, mut producer) = open(0);
    push_all(&stream, &mut producer, 1..=5, 0);
    let first = stream.select(0, 2).unwrap().unwrap();
    let returned = ids(&first)[1];
    assert_eq!(stream.pick(returned).unwrap().state, State::Issued);
    assert!(stream.set_state(returned, State::Returned, 1).unwrap());
    assert!(!stream.set_state(returned, State::Returned, 1).unwrap(), "it is there already");
    let stats = stream.stats();
    assert_eq!((stats.selected, stats.candidates, stats.queues[0].candidates), (1, 4, 4));
    assert_eq!(stream.pick(returned).unwrap().state, State::Returned);
    let second = stream.select(1, 4).unwrap().unwrap();
    let again = second.batch.selections.iter().find(|selection| selection.id == returned).expect("it is the farthest");
    let before = &first.batch.selections[1];
    assert_eq!((again.rank, &again.label, &again.point), (before.rank, &before.label, &before.point));
    assert_eq!((again.event, stream.pick(returned).unwrap().state), (1, State::Issued));
}

#[test]
fn states_follow_the_table_and_what_was_started_is_never_returned() {
    let (stream, mut producer) = open(0);
    push_all(&stream, &mut producer, 1..=3, 0);
    let id = ids(&stream.select(0, 1).unwrap().unwrap())[0];
    assert_eq!(stream.set_state(id, State::Done, 0).unwrap_err().kind(), ErrorKind::State);
    for failures in 1..=3 {
        assert!(stream.set_state(id, State::Started, 1).unwrap());
        assert!(stream.set_state(id, State::Failed, 2).unwrap());
        let pick = stream.pick(id).unwrap();
        assert_eq!((pick.failures, pick.was_started, pick.queue, pick.event), (failures, true, 0, 0));
        assert_eq!(stream.set_state(id, State::Returned, 3).unwrap_err().kind(), ErrorKind::State);
    }
    let error = stream.set_state(id, State::Started, 3).unwrap_err();
    assert!(error.kind() == ErrorKind::State && error.message().contains("three times"), "{error}");
    assert_eq!(stream.stats().selected, 1, "its point stays in S");
    for id in [99, 0] {
        assert_eq!(stream.set_state(id, State::Started, 0).unwrap_err().kind(), ErrorKind::Unknown);
        assert_eq!(stream.pick(id).unwrap_err().kind(), ErrorKind::Unknown);
    }
    stream.close();
    assert_eq!(stream.set_state(id, State::Issued, 0).unwrap_err().kind(), ErrorKind::State);
    assert_eq!(stream.pick(id).unwrap_err().kind(), ErrorKind::State);
    assert_eq!(stream.withdraw(id, 0).unwrap_err().kind(), ErrorKind::State);
    assert_eq!(stream.drain_history(1).unwrap_err().kind(), ErrorKind::State);
}

#[test]
fn withdrawn_patch_counts_no_more_and_its_id_is_free() {
    let (stream, mut producer) = open(0);
    for id in 1..=4 {
        push(&mut producer, id, 0, &patch(id)).unwrap();
    }
    // Still in the ring: a withdrawal takes it in first.
    stream.withdraw(4, 0).unwrap();
    assert_eq!(ids(&stream.select(0, 1).unwrap().unwrap()), [1]);
    stream.withdraw(3, 0).unwrap();
    assert_eq!(stream.weights().unwrap().weights.weights, [2.0]);
    assert_eq!(stream.withdraw(3, 0).unwrap_err().kind(), ErrorKind::Unknown);
    assert_eq!(stream.withdraw(1, 0).unwrap_err().kind(), ErrorKind::State, "it is selected");
    assert_eq!(push(&mut producer, 3, 1, &patch(33)).unwrap(), Pushed::Accepted, "another patch of the same id");
    assert_eq!(push(&mut producer, 1, 0, &patch(1)).unwrap(), Pushed::Known);
    let mut left = ids(&stream.select(1, 9).unwrap().unwrap());
    left.sort_unstable();
    assert_eq!(left, [2, 3]);
}

/// The history of a run with everything in it, drained in pieces.
fn history(builder: Builder) -> Vec<HistoryRow> {
    let stream = builder.capacity(3).history(1000).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let mut rows = Vec::new();
    for step in 0..4 {
        push_all(&stream, &mut producer, (1..=6).map(|i| step as u64 * 10 + i), step);
        let picks = ids(&stream.select(step, 2).unwrap().unwrap());
        stream.set_state(picks[0], State::Started, step).unwrap();
        push_all(&stream, &mut producer, std::iter::once(step as u64 * 10 + 9), step + 1);
        stream.set_state(picks[1], State::Returned, step).unwrap();
        stream.withdraw(picks[1], step).unwrap();
        loop {
            let piece = stream.drain_history(5).unwrap();
            rows.extend_from_slice(&piece);
            if piece.len() < 5 {
                break;
            }
        }
    }
    assert_eq!(stream.stats().history_dropped, 0);
    rows
}

#[test]
fn history_tells_all_in_order_inline_and_in_the_background() {
    let rows = history(builder());
    let first: Vec<_> = rows[..6].iter().map(|row| (row.event, row.step, row.id, row.what)).collect();
    assert_eq!(first, (1..=6).map(|id| (-1, 0, id, What::Added)).collect::<Vec<_>>());
    // A patch that was committed before a call stands before what the call does, taken in or not.
    let last: Vec<_> = rows[rows.len() - 4..].iter().map(|row| row.what).collect();
    let became = |state| What::Became(state);
    assert_eq!(last, [became(State::Started), What::Added, became(State::Returned), What::Withdrawn]);
    let count = |what: What| rows.iter().filter(|row| row.what == what).count();
    assert_eq!((count(What::Added), count(What::Selected), count(What::Withdrawn)), (28, 8, 4));
    assert_eq!((count(became(State::Started)), count(became(State::Returned))), (4, 4));
    assert!(count(What::Discarded) > 5);
    for _ in 0..5 {
        assert_eq!(history(builder().background(true)), rows);
    }
}

#[test]
fn history_is_off_by_default_and_drops_the_oldest_beyond_its_bound() {
    for (bound, kept) in [(0, vec![]), (3, vec![4, 5, 1])] {
        let (stream, mut producer) = open(bound);
        push_all(&stream, &mut producer, 1..=5, 0);
        stream.select(0, 1).unwrap();
        let rows = stream.drain_history(usize::MAX).unwrap();
        assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), kept);
        assert_eq!(stream.stats().history_dropped, if bound == 0 { 0 } else { 3 });
        assert!(stream.drain_history(9).unwrap().is_empty());
    }
}
