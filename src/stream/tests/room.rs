//! Hosts of a run whose retention was full, which go back and end at any moment of doing it all again: what found no room or
//! made it is no difference, wherever the mark lies that they go on at.
//!
//! Not here: marks that are set by hosts that never went back ([`super::recall`]).

use std::time::Duration;

use proptest::prelude::*;

use super::journal::{Folder, copy_all, decided};
use super::recall::{PLACE, branch, retaining};
use super::{patch, push};
use crate::stream::{RetentionConfig, Stream, WhenFull};

/// What a host does.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// Sends the patch of this id and step.
    Send(u64, i64),
    /// Holds the event of this step.
    Event(i64),
}

use Act::{Event, Send};

/// Does it; what the events told.
fn host(stream: &Stream, acts: &[Act]) -> Vec<Vec<u8>> {
    let mut producer = stream.producer("ddft").unwrap();
    let mut told = Vec::new();
    for act in acts {
        match *act {
            Send(id, step) => drop(push(&mut producer, id, step, &patch(id)).unwrap()),
            Event(step) => told.push(stream.select(step, 1).unwrap().unwrap().bytes().to_vec()),
        }
        stream.poll(Duration::from_secs(9)).unwrap();
    }
    told
}

/// A host does `acts` and ends. It goes back to the start and does `again`, which has the same patches and events, ends at
/// one moment of that and at another, and goes on at the marks that it set there.
fn check(when_full: WhenFull, acts: &[Act], again: &[Act]) {
    let retention = RetentionConfig { bytes: Some(4 * PLACE), when_full, ..RetentionConfig::default() };
    let open = |folder: &Folder| retaining(folder).retention(retention.clone()).open().unwrap();
    let folder = Folder::in_memory();
    let stream = open(&folder);
    let told = host(&stream, acts);
    let before = decided(&stream);
    drop(stream);
    for first in 0..=again.len() {
        for second in first..=again.len() {
            let copy = Folder::in_memory();
            copy_all(&folder.0, &copy.0);
            let (mut told_again, mut mark, mut from) = (Vec::new(), None, 0);
            for to in [first, second, again.len()] {
                let stream = open(&copy);
                stream.resume(mark.as_deref()).unwrap();
                told_again.extend(host(&stream, &again[from..to]));
                let at = format!("{when_full:?}, marks after {first} and {second}: {from} to {to}");
                assert_eq!((branch(&stream), decided(&stream)), (0, before.clone()), "{at}");
                (mark, from) = (Some(format!("{first} {second} {to}")), to);
                assert!(stream.checkpoint(mark.as_deref().unwrap(), 0, Duration::ZERO).unwrap());
            }
            assert_eq!(told_again, told, "{when_full:?}, marks after {first} and {second}");
        }
    }
}

#[test]
fn a_mark_of_a_host_that_went_back_also_names_what_found_no_room() {
    // The first time 12 and 13 come before the event of step 0, and there is no room for them.
    let early = [Send(1, 0), Send(2, 0), Send(3, 0), Send(11, 1), Send(12, 1), Send(13, 1), Event(0)];
    let again = [Send(1, 0), Send(2, 0), Send(3, 0), Event(0), Send(11, 1), Send(12, 1), Send(13, 1), Event(1)];
    check(WhenFull::Refuse, &[&early[..], &[Event(1)]].concat(), &again);
    // Sent once more.
    check(WhenFull::Refuse, &[&early[..], &[Send(12, 1), Event(1)]].concat(), &again);
}

#[test]
fn a_mark_of_a_host_that_went_back_also_names_what_made_room() {
    // The first time those of step 1 come before the event of step 0, and make room for those of step 2 before it.
    let early = [Send(1, 0), Send(11, 1), Send(12, 1), Send(21, 2), Send(22, 2), Send(23, 2), Event(0), Event(1)];
    let again = [Send(1, 0), Event(0), Send(11, 1), Send(12, 1), Event(1), Send(21, 2), Send(22, 2), Send(23, 2)];
    check(WhenFull::WithdrawOldest, &[&early[..], &[Event(2)]].concat(), &[&again[..], &[Event(2)]].concat());
    // Behind it.
    let early = [Send(1, 0), Send(11, 1), Send(12, 1), Event(0), Send(21, 2), Send(22, 2), Send(23, 2), Event(1)];
    check(WhenFull::WithdrawOldest, &[&early[..], &[Event(2)]].concat(), &[&again[..], &[Event(2)]].concat());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn hosts_whose_patches_were_early_at_random_do_nothing_else(
        early in proptest::collection::vec((0..4_i64, 0..4_i64), 1..14),
        oldest in any::<bool>(),
    ) {
        let (mut acts, mut again) = (Vec::new(), Vec::new());
        // Each patch is sent before the event of its step, or of an earlier one.
        let id = |at: usize, step: i64| at as u64 + 1 + 100 * step as u64;
        for event in 0..4 {
            for (at, &(step, before)) in early.iter().enumerate() {
                if step.min(before) == event {
                    acts.push(Send(id(at, step), step));
                }
                if step == event {
                    again.push(Send(id(at, step), step));
                }
            }
            acts.push(Event(event));
            again.push(Event(event));
        }
        check(if oldest { WhenFull::WithdrawOldest } else { WhenFull::Refuse }, &acts, &again);
    }
}
