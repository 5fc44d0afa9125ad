//! Runs that are opened with another place for their densities than they have: nothing is lost by that unasked.
//!
//! Not here: densities that did not survive ([`super::recall`]).

use std::sync::Arc;

use parking_lot::Mutex;

use super::journal::{Folder, builder, step};
use super::recall::{branch, retaining, stats, unselected};
use crate::error::ErrorKind;
use crate::stream::{Builder, Resumed, RetentionConfig, RetentionPlace, WhenMoved};

#[test]
fn a_run_that_kept_its_densities_elsewhere_or_nowhere_withdraws_nothing_unless_its_host_confirms_it() {
    let plain = |folder: &Folder| builder(&folder.0);
    let place = |place, when_moved| RetentionConfig { place: Some(place), when_moved, ..RetentionConfig::default() };
    let made = |open: &dyn Fn(&Folder) -> Builder| {
        let folder = Folder::new();
        let stream = open(&folder).open().unwrap();
        let mut producer = stream.producer("ddft").unwrap();
        (0..3).for_each(|at| drop(step(&stream, &mut producer, at)));
        let candidates = unselected(&stream);
        drop((producer, stream));
        (folder, candidates)
    };
    let (memory, run) = (RetentionPlace::Memory, RetentionPlace::Run);
    let in_run: &dyn Fn(&Folder) -> Builder = &|folder| retaining(folder);
    for (before, now, words) in [(in_run, memory, "place = \"run\""), (&plain, run, "leave out [retention]")] {
        let (folder, candidates) = made(before);
        for _ in 0..2 {
            let refused = plain(&folder).retention(place(now, WhenMoved::Refuse)).open().map(drop).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Conflict);
            let told = refused.message();
            assert!(told.contains(words) && told.contains(&format!("{} patches", candidates.len())), "{told}");
        }
        let as_before = before(&folder).open().unwrap();
        assert_eq!(unselected(&as_before), candidates, "nothing is withdrawn");
        drop(as_before);
        let confirmed = plain(&folder).retention(place(now, WhenMoved::Withdraw)).open().unwrap();
        assert_eq!((unselected(&confirmed), stats(&confirmed).lost as usize), (vec![], candidates.len() + 6));
        drop(confirmed);
        // From there on that is its place.
        let again = plain(&folder).retention(place(now, WhenMoved::Refuse)).open().unwrap();
        again.resume(None).unwrap();
        let mut producer = again.producer("ddft").unwrap();
        (0..3).for_each(|at| drop(step(&again, &mut producer, at)));
        assert_eq!((branch(&again), unselected(&again)), (0, candidates));
    }
    // A folder that is lost is no change of its host's.
    let (folder, candidates) = made(in_run);
    std::fs::remove_file(folder.0.join("densities")).unwrap();
    let stream = retaining(&folder).open().unwrap();
    assert_eq!((unselected(&stream), stats(&stream).lost as usize), (vec![], candidates.len() + 6));
}

#[test]
fn a_run_that_is_opened_without_retention_meanwhile_says_what_that_costs() {
    let folder = Folder::new();
    let stream = retaining(&folder).open().unwrap();
    step(&stream, &mut stream.producer("ddft").unwrap(), 0);
    let with = unselected(&stream);
    drop(stream);
    let heard = Arc::new(Mutex::new(String::new()));
    let lines = heard.clone();
    let stream = builder(&folder.0).history(1000).log(move |_, line| lines.lock().push_str(line)).open().unwrap();
    assert!(heard.lock().contains("this stream keeps none"), "{}", heard.lock());
    stream.resume(None).unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    (0..2).for_each(|at| drop(step(&stream, &mut producer, at)));
    let without = unselected(&stream).iter().filter(|id| !with.contains(id)).count();
    assert!(without > 0);
    drop((producer, stream));
    let refused = retaining(&folder).open().map(drop).unwrap_err();
    assert!(refused.message().contains(&format!("where {without} patches")), "{refused}");
}

#[test]
fn a_run_that_was_opened_otherwise_before_anything_came_is_a_new_one_yet() {
    let folder = Folder::new();
    drop(builder(&folder.0).history(1000).open().unwrap());
    for _ in 0..2 {
        drop(retaining(&folder).open().unwrap());
    }
    let stream = retaining(&folder).open().unwrap();
    assert_eq!(stream.resume(None).unwrap(), Resumed::default());
    let mut producer = stream.producer("ddft").unwrap();
    let told = step(&stream, &mut producer, 0);
    drop((producer, stream));
    let stream = retaining(&folder).open().unwrap();
    stream.resume(None).unwrap();
    assert_eq!(step(&stream, &mut stream.producer("ddft").unwrap(), 0), told);
}
