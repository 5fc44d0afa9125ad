//! A stream's run with a fault at each write, sync and rename in turn, and with the power cut there: what was acknowledged
//! and told is in the log, nothing else is, and its host goes on to the same end.
//!
//! Not here: the disk with faults (`src/store/tests/faulty.rs`), what the host does ([`super::script`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::journal::{Folder, builder, decided, killed, send};
use super::recall::PLACE;
use super::script::{self, Act, LIVES, Truth, act, behind, decided_by, entries, without_branch};
use super::{patch, push};
use crate::dynim::State;
use crate::error::{Error, ErrorKind};
use crate::store::tests::faulty::{Fault, FaultyDisk, put_in_place};
use crate::store::{self, Durability};
use crate::stream::{LogLevel, OnFailure, RetentionConfig, StoreConfig, Stream, WhenFull};

const LONG: std::time::Duration = std::time::Duration::from_secs(60);

/// How far the host came, as it knows it.
#[derive(Debug, Default)]
struct Told {
    /// Which of its lives it is in, from 0.
    life: usize,
    /// Acts of it that went well while the run was written.
    acts: usize,
    /// Entries that are acknowledged, as the statistics said, and by each answer that tells something.
    acknowledged: u64,
    /// The last mark of that life whose checkpoint was told to be durable.
    mark: Option<&'static str>,
    opened: bool,
}

/// Both lives on a disk; they end at the first error, or with the life in which the stream goes on from memory.
fn live(folder: &Folder, store: &StoreConfig, disk: &FaultyDisk, truth: &Truth, told: &mut Told) {
    for (life, (acts, mark)) in LIVES.into_iter().enumerate() {
        *told = Told { life, acts: 0, mark: None, ..*told };
        let from_memory = Arc::new(AtomicBool::new(false));
        let heard = from_memory.clone();
        let listen = move |level: LogLevel, line: &str| {
            if line.contains("goes on from memory") {
                assert_eq!(level, LogLevel::Warning);
                assert!(!heard.swap(true, Ordering::Relaxed), "it is said once");
            }
        };
        let opened = put_in_place(disk, || script::builder(&folder.0, store.clone()).log(listen).open());
        let stream = match opened {
            Ok(stream) => stream,
            Err(error) => return assert_eq!(error.kind(), ErrorKind::Io, "{error}"),
        };
        told.opened = true;
        told.acknowledged = stream.stats().store.unwrap().acknowledged;
        assert_eq!(told.acknowledged, if life == 0 { 1 } else { *truth.acknowledged[0].last().unwrap() });
        stream.resume(mark).unwrap();
        let mut producer = stream.producer("ddft").unwrap();
        for &one in acts {
            match act(&stream, &mut producer, one) {
                Ok(()) if from_memory.load(Ordering::Relaxed) => {}
                Ok(()) => {
                    told.acts += 1;
                    let stats = stream.stats().store.unwrap().acknowledged;
                    // That a patch was accepted tells nothing of the log.
                    let answer = if let Act::Push(..) = one { 0 } else { truth.acknowledged[life][told.acts - 1] };
                    told.acknowledged = stats.max(answer);
                    if let Act::Mark(name, _) = one {
                        told.mark = Some(name);
                    }
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
                    if stream.shared_for_tests().check_usable().is_err() {
                        assert_eq!(store.on_failure, OnFailure::Stop);
                        return refuses(&stream, &error);
                    }
                    // A checkpoint alone was not written: its host writes no file of its own, and may go on.
                    assert!(matches!(one, Act::Mark(..)), "{one:?}: {error}");
                    if !from_memory.load(Ordering::Relaxed) {
                        return;
                    }
                }
            }
        }
        let stats = stream.stats().store.unwrap();
        if from_memory.load(Ordering::Relaxed) {
            assert_eq!(without_branch(decided_by(&stream)), without_branch(truth.ends[life].clone()));
            let all = truth.acknowledged[life].last().unwrap();
            assert_eq!(stats.acknowledged + stats.lost, *all, "what was not written is counted");
            return;
        }
        assert_eq!(stats.lost, 0);
    }
}

/// A stream that stopped says so to every call.
fn refuses(stream: &Stream, first: &Error) {
    let refused = stream.select(99, 1).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Io, "{refused}");
    assert!(refused.message().starts_with("the stream has stopped: "), "{first}; {refused}");
    assert_eq!(stream.poll(std::time::Duration::ZERO).unwrap_err(), refused);
    assert_eq!(stream.weights().unwrap_err(), refused);
    assert_eq!(stream.set_state(1, State::Done, 0).unwrap_err(), refused);
    assert_eq!(stream.checkpoint("x", 0, std::time::Duration::ZERO).unwrap_err(), refused);
}

/// The run is a part of the truth with all that was told in it, and the host goes on to the end of that life.
fn holds(folder: &Folder, store: &StoreConfig, truth: &Truth, told: &Told, at: u64) {
    if store::look(&folder.0).unwrap() == store::Folder::New {
        return assert!(!told.opened, "operation {at}: the run is gone");
    }
    let found = store::read(&folder.0).unwrap_or_else(|error| panic!("operation {at}: {error}"));
    let all = entries(&found).unwrap();
    assert_eq!(all, truth.entries[..all.len()], "operation {at}");
    assert!(found.last >= told.acknowledged, "operation {at}: {} entries are left, {told:?}", found.last);
    let stream = script::builder(&folder.0, store.clone()).open().unwrap();
    assert_eq!(decided_by(&stream), truth.decided[all.len()], "operation {at}");
    let (acts, begins) = LIVES[told.life];
    let mark = told.mark.or(begins);
    stream.resume(mark).unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    for &one in told.mark.and_then(|mark| behind(acts, mark)).unwrap_or(acts) {
        act(&stream, &mut producer, one).unwrap_or_else(|error| panic!("operation {at}, {one:?} again: {error}"));
    }
    let (found, expected) = (decided_by(&stream), truth.ends[told.life].clone());
    assert_eq!(without_branch(found), without_branch(expected), "operation {at}, {told:?}");
}

/// Both lives with a fault at each operation in turn; how many operations they have.
fn at_each_operation(fault: Fault, durability: Durability, on_failure: OnFailure, power: Option<bool>) -> u64 {
    let store = script::store(durability, on_failure);
    let truth = Truth::new(&store);
    for at in 0..2000 {
        let (folder, disk, mut told) = (Folder::in_memory(), FaultyDisk::new(at, fault), Told::default());
        live(&folder, &store, &disk, &truth, &mut told);
        if !disk.was_hit() {
            assert_eq!(told.acts, LIVES[1].0.len());
            return at;
        }
        if let Some(names) = power {
            disk.cut_power(names, |unsynced| unsynced / 2);
        }
        holds(&folder, &store, &truth, &told, at);
    }
    panic!("the lives never came to their end");
}

#[test]
fn stream_stops_at_a_fault_of_any_operation_and_has_what_it_told() {
    for durability in [Durability::Buffered, Durability::Batch] {
        for fault in [Fault::Once, Fault::Full, Fault::Dead] {
            let operations = at_each_operation(fault, durability, OnFailure::Stop, None);
            assert!(operations > 60, "{operations} operations");
        }
    }
}

#[test]
fn stream_goes_on_from_memory_at_a_fault_of_any_operation_and_has_what_it_told_before() {
    for durability in [Durability::Buffered, Durability::Batch] {
        for fault in [Fault::Once, Fault::Full] {
            let operations = at_each_operation(fault, durability, OnFailure::GoOn, None);
            assert!(operations > 60, "{operations} operations");
        }
    }
}

#[test]
fn power_cut_at_any_operation_leaves_all_that_a_synced_stream_told() {
    for durability in [Durability::Batch, Durability::Record] {
        for names in [false, true] {
            at_each_operation(Fault::Dead, durability, OnFailure::Stop, Some(names));
        }
    }
}

#[test]
fn what_made_room_for_a_patch_whose_densities_cannot_be_written_is_withdrawn_in_the_log_too() {
    let folder = Folder::new();
    let retention =
        RetentionConfig { bytes: Some(10 * PLACE), when_full: WhenFull::WithdrawOldest, ..RetentionConfig::default() };
    let stream = builder(&folder.0).retention(retention.clone()).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    send(&stream, &mut producer, 0);
    stream.poll(LONG).unwrap();
    stream.shared_for_tests().operate(|operator| operator.retention.as_mut().unwrap().arena.fail_writes_for_tests());
    push(&mut producer, 11, 1, &patch(11)).unwrap();
    stream.select(1, 2).unwrap();
    let stats = stream.stats();
    assert_eq!((stats.candidates, stats.selected, stats.retention.unwrap().withdrawn), (7, 2, 1));
    let copy = killed(&folder);
    let again = builder(&copy.0).retention(retention).open().unwrap();
    assert_eq!(decided(&again), decided(&stream));
    assert_eq!((again.stats().candidates, again.stats().retention.unwrap().lost), (7, 0));
}
