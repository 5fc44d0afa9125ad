//! What a run that is opened again counts and tells: statistics, the history, marks that a branch has made untrue, and ids
//! of patches that were left out.
//!
//! Not here: what it decides ([`super::journal`], [`super::rollback`]).

use std::time::Duration;

use super::journal::{Folder, builder, decided, killed, send, step};
use super::{patch, push};
use crate::dynim::{HistoryRow, QueueConfig, State, What};
use crate::error::ErrorKind;
use crate::stream::{Producer, Pushed, StoreConfig, Stream};

const ALL: usize = usize::MAX;

/// Rows without the ranks that a log does not have.
fn plain(rows: Vec<HistoryRow>) -> Vec<HistoryRow> {
    let lost = |row: &HistoryRow| matches!(row.what, What::Discarded | What::Withdrawn);
    rows.into_iter().map(|row| HistoryRow { rank: row.rank.filter(|_| !lost(&row)), ..row }).collect()
}

/// A host's step with all that makes rows.
fn busy(stream: &Stream, producer: &mut Producer, at: i64) {
    step(stream, producer, at);
    if at == 1 {
        let picks = decided(stream).0;
        stream.set_state(picks[0].id, State::Started, at).unwrap();
        stream.set_state(picks[3].id, State::Returned, at).unwrap();
        stream.withdraw(picks[3].id, at).unwrap();
    }
}

/// The run as a host goes on with it at a mark, and how many patches are to come again.
fn open_at(folder: &Folder, mark: Option<&str>) -> (Stream, Producer, u64) {
    let stream = builder(&folder.0).open().unwrap();
    let resumed = stream.resume(mark).unwrap();
    let producer = stream.producer("ddft").unwrap();
    (stream, producer, resumed.patches)
}

#[test]
fn history_of_a_run_that_goes_on_has_each_row_once_for_a_host_that_drains_before_its_marks() {
    for checkpoint_events in [0, 1, 2] {
        let store = StoreConfig { checkpoint_events, ..StoreConfig::default() };
        let folder = Folder::new();
        let stream = builder(&folder.0).history(1000).store(store.clone()).open().unwrap();
        let mut producer = stream.producer("ddft").unwrap();
        let mut kept = Vec::new();
        for at in 0..2 {
            busy(&stream, &mut producer, at);
        }
        kept.extend(stream.drain_history(ALL).unwrap());
        stream.checkpoint("mark", 1, Duration::ZERO).unwrap();
        for at in 2..5 {
            busy(&stream, &mut producer, at);
        }
        // Some of what lies behind the mark is drained, and lost with the host.
        let behind = [stream.drain_history(7).unwrap(), stream.drain_history(ALL).unwrap()].concat();
        let copy = killed(&folder);
        let again = builder(&copy.0).history(1000).store(store.clone()).open().unwrap();
        assert_eq!(again.drain_history(ALL).unwrap_err().kind(), ErrorKind::State);
        again.resume(Some("mark")).unwrap();
        let mut producer = again.producer("ddft").unwrap();
        for at in 2..5 {
            busy(&again, &mut producer, at);
        }
        let told_again = again.drain_history(ALL).unwrap();
        assert_eq!(plain(told_again), plain(behind.clone()), "replayed events make no rows of their own");
        for at in 5..7 {
            busy(&again, &mut producer, at);
        }
        assert_eq!(again.stats().history_dropped, 0);
        // From the start: what was drained before the mark too.
        let copy = killed(&folder);
        let again = builder(&copy.0).history(1000).store(store.clone()).open().unwrap();
        again.resume(None).unwrap();
        assert_eq!(plain(again.drain_history(ALL).unwrap()), plain([kept, behind].concat()));
        // With room for fewer the oldest are dropped, and without room there are none.
        for bound in [3, 0] {
            let copy = killed(&folder);
            let again = builder(&copy.0).history(bound).store(store.clone()).open().unwrap();
            again.resume(Some("mark")).unwrap();
            let rows = again.drain_history(ALL).unwrap();
            assert_eq!((rows.len(), again.stats().history_dropped > 0), (bound, bound > 0));
        }
    }
}

#[test]
fn statistics_count_from_the_opening_and_what_there_is_of_the_whole_run() {
    let folder = Folder::new();
    let stream = builder(&folder.0).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    for at in 0..3 {
        step(&stream, &mut producer, at);
    }
    let before = stream.stats();
    assert_eq!((before.pushed, before.encoded, before.known), (30, 30, 0));
    drop(producer);
    drop(stream);
    let stream = builder(&folder.0).open().unwrap();
    let opened = stream.stats();
    assert_eq!((opened.pushed, opened.encoded, opened.known, opened.rejected.total()), (0, 0, 0, 0));
    assert!(opened.latency.iter().all(|latency| latency.count == 0));
    stream.resume(None).unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    step(&stream, &mut producer, 0);
    let now = stream.stats();
    assert_eq!((now.pushed, now.encoded, now.known), (0, 0, 10), "what the host sends again is known");
    let there = |stats: &crate::stream::Stats| {
        let queues: Vec<_> = stats.queues.iter().map(|queue| (queue.candidates, queue.selected)).collect();
        (stats.events, stats.waiting, stats.candidates, stats.selected, stats.discarded, queues)
    };
    assert_eq!(there(&now), there(&before));
    assert_eq!(there(&opened), there(&before));
    let [now, before] = [now, before].map(|stats| stats.store.unwrap());
    assert_eq!((now.appended, now.branch, now.lost), (before.appended, 0, 0));
}

#[test]
fn mark_before_which_a_branch_withdrew_patches_is_refused_and_others_are_not() {
    let folder = Folder::new();
    let stream = builder(&folder.0).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    for at in 0..3 {
        step(&stream, &mut producer, at);
        stream.checkpoint(&format!("after {at}"), at, Duration::ZERO).unwrap();
    }
    drop(producer);
    drop(stream);
    // The host goes back to step 0 and computes another step 1.
    let stream = builder(&folder.0).open().unwrap();
    stream.resume(Some("after 0")).unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    assert_eq!(push(&mut producer, 11, 1, &patch(4011)).unwrap(), Pushed::Accepted);
    stream.select(1, 1).unwrap();
    stream.checkpoint("another 1", 1, Duration::ZERO).unwrap();
    drop(producer);
    let before = decided(&stream);
    drop(stream);
    let stream = builder(&folder.0).open().unwrap();
    for abandoned in ["after 1", "after 2"] {
        let refused = stream.resume(Some(abandoned)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused}");
        assert!(refused.message().contains(abandoned) && refused.message().contains("branch 1"), "{refused}");
    }
    // Nothing was changed by that, and each of the others is good.
    stream.resume(Some("another 1")).unwrap();
    assert_eq!(decided(&stream), before);
    drop(stream);
    for good in [Some("after 0"), None] {
        let copy = killed(&folder);
        let stream = builder(&copy.0).open().unwrap();
        stream.resume(good).unwrap();
        assert_eq!(decided(&stream), before);
    }
    // Set again by the host that went another way, the name is the new mark's.
    let stream = builder(&folder.0).open().unwrap();
    stream.resume(Some("another 1")).unwrap();
    stream.checkpoint("after 1", 1, Duration::ZERO).unwrap();
    drop(stream);
    assert!(builder(&folder.0).open().unwrap().resume(Some("after 1")).is_ok());
}

#[test]
fn an_id_that_a_branch_freed_is_free_whichever_mark_its_host_goes_back_to_until_it_is_taken() {
    let folder = Folder::new();
    let open = |mark| open_at(&folder, mark);
    let (stream, mut producer, _) = open(None);
    step(&stream, &mut producer, 0);
    stream.checkpoint("after 0", 0, Duration::ZERO).unwrap();
    send(&stream, &mut producer, 1);
    stream.select(1, 8).unwrap();
    let told: Vec<u64> = decided(&stream).0.iter().map(|pick| pick.id).filter(|id| *id > 10).collect();
    assert!((2..10).contains(&told.len()), "{told:?}");
    let other = (11..=20).find(|id| !told.contains(id)).unwrap();
    drop((producer, stream));
    let (stream, mut producer, _) = open(Some("after 0"));
    assert_eq!(push(&mut producer, other, 1, &patch(4000)).unwrap(), Pushed::Accepted);
    stream.select(1, 0).unwrap();
    stream.checkpoint("in the branch", 1, Duration::ZERO).unwrap();
    drop((producer, stream));
    let (stream, mut producer, _) = open(Some("in the branch"));
    assert_eq!(push(&mut producer, told[0], 2, &patch(4001)).unwrap(), Pushed::Accepted);
    assert_eq!(push(&mut producer, told[0], 2, &patch(4002)).unwrap_err().kind(), ErrorKind::Conflict);
    stream.select(2, 0).unwrap();
    stream.checkpoint("taken", 2, Duration::ZERO).unwrap();
    drop((producer, stream));
    let (_stream, mut producer, _) = open(Some("taken"));
    assert_eq!(push(&mut producer, told[0], 3, &patch(4002)).unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(push(&mut producer, told[1], 3, &patch(4003)).unwrap(), Pushed::Accepted);
}

#[test]
fn a_mark_set_while_events_are_replayed_also_knows_what_was_sent_before_the_mark_before_it() {
    let folder = Folder::new();
    let open = |mark| open_at(&folder, mark);
    let (stream, mut producer, _) = open(None);
    let told = step(&stream, &mut producer, 0);
    drop((producer, stream));
    // Before the event is answered again, hosts end after four patches, and after three more.
    for (mark, ids, name, left) in [(None, 1..=4, "first", 10), (Some("first"), 5..=7, "second", 6)] {
        let (stream, mut producer, patches) = open(mark);
        assert_eq!(patches, left);
        for id in ids {
            assert_eq!(push(&mut producer, id, 0, &patch(id)).unwrap(), Pushed::Known);
        }
        stream.checkpoint(name, 0, Duration::ZERO).unwrap();
        drop((producer, stream));
    }
    let (stream, mut producer, patches) = open(Some("second"));
    assert_eq!(patches, 3);
    for id in 8..=10 {
        assert_eq!(push(&mut producer, id, 0, &patch(id)).unwrap(), Pushed::Known);
    }
    let selected = stream.select(0, 2).unwrap().unwrap();
    assert_eq!((selected.replayed, selected.bytes()), (true, &told[..]));
    assert_eq!(stream.stats().store.unwrap().branch, 0);
}

#[test]
fn a_mark_set_while_events_are_replayed_knows_which_patches_of_later_steps_are_to_come_again() {
    let folder = Folder::new();
    let open = |mark| open_at(&folder, mark);
    let (stream, mut producer, _) = open(None);
    // The third is of a step that its producer was early with.
    for (id, step) in [(1, 0), (2, 0), (11, 1)] {
        push(&mut producer, id, step, &patch(id)).unwrap();
    }
    stream.select(0, 1).unwrap();
    push(&mut producer, 12, 1, &patch(12)).unwrap();
    stream.select(1, 1).unwrap();
    drop((producer, stream));
    let (stream, mut producer, patches) = open(None);
    assert_eq!(patches, 4);
    for id in [1, 2] {
        assert_eq!(push(&mut producer, id, 0, &patch(id)).unwrap(), Pushed::Known);
    }
    assert!(stream.select(0, 1).unwrap().unwrap().replayed);
    stream.checkpoint("mark", 0, Duration::ZERO).unwrap();
    drop((producer, stream));
    let (stream, mut producer, patches) = open(Some("mark"));
    assert_eq!(patches, 2);
    assert_eq!(push(&mut producer, 11, 1, &patch(4011)).unwrap(), Pushed::Accepted);
    assert_eq!(stream.stats().store.unwrap().branch, 1);
}

#[test]
fn patch_that_was_left_out_in_a_branch_and_withdrawn_leaves_its_id_free_when_the_run_goes_on() {
    let folder = Folder::new();
    let open = || {
        let queues = builder(&folder.0);
        let queue = QueueConfig { capacity: 12, ..QueueConfig::new("all") };
        let mut config = queues.config.clone();
        config.capacity = None;
        // Nobody takes patches of step 7.
        queues.config(config).queue(queue, &[]).route(|meta, _| if meta.step == 7 { 99 } else { 0 }).open().unwrap()
    };
    let stream = open();
    let mut producer = stream.producer("ddft").unwrap();
    step(&stream, &mut producer, 0);
    stream.checkpoint("mark", 0, Duration::ZERO).unwrap();
    step(&stream, &mut producer, 1);
    drop(producer);
    drop(stream);
    let stream = open();
    stream.resume(Some("mark")).unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    assert_eq!(push(&mut producer, 12, 1, &patch(4012)).unwrap(), Pushed::Accepted);
    assert_eq!(stream.stats().store.unwrap().branch, 1);
    for id in [71, 72] {
        assert_eq!(push(&mut producer, id, 7, &patch(id)).unwrap(), Pushed::Accepted);
    }
    stream.withdraw(71, 7).unwrap();
    stream.checkpoint("end", 7, Duration::ZERO).unwrap();
    drop(producer);
    let before = decided(&stream);
    drop(stream);
    let stream = open();
    assert_eq!(decided(&stream), before);
    stream.resume(Some("end")).unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    assert_eq!(push(&mut producer, 71, 8, &patch(5)).unwrap(), Pushed::Accepted);
    assert_eq!(push(&mut producer, 72, 8, &patch(5)).unwrap_err().kind(), ErrorKind::Conflict);
}
