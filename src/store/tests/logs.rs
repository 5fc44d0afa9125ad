//! What is appended is what is read, over segments, writers and checkpoints.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;

/// One thing that happens to a run.
#[derive(Debug, Clone)]
enum Step {
    Append(u64),
    Commit,
    Flush,
    Sync,
    Checkpoint,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..60_u64).prop_map(Step::Append),
        1 => Just(Step::Commit),
        1 => Just(Step::Flush),
        1 => Just(Step::Sync),
        1 => Just(Step::Checkpoint),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_course_of_a_run_reads_back_as_it_was(steps in prop::collection::vec(step(), 1..30), durability in 0..4_usize) {
        use Durability::{Batch, Buffered, None, Record};
        let options = options([None, Buffered, Batch, Record][durability]);
        let place = Place::new("course");
        let mut store = Store::create(place.path(), "", &options).unwrap();
        let mut held = 0;
        for step in steps {
            match step {
                Step::Append(count) => append(&mut store, count),
                Step::Commit => {
                    store.commit().unwrap();
                    prop_assert_eq!(store.acknowledged(), store.appended());
                }
                Step::Flush => {
                    store.flush().unwrap();
                    prop_assert_eq!(store.written(), store.appended());
                }
                Step::Sync => {
                    store.sync().unwrap();
                    prop_assert_eq!(store.durable(), store.appended());
                }
                Step::Checkpoint => {
                    held = store.appended();
                    prop_assert_eq!(store.checkpoint(sections(held)).unwrap(), held);
                    prop_assert_eq!(store.durable(), held);
                }
                Step::Reopen => {
                    let appended = store.appended();
                    store.close().unwrap();
                    let (new, found) = Store::open(place.path(), &options).unwrap();
                    prop_assert_eq!((found.last, new.appended(), new.durable()), (appended, appended, appended));
                    store = new;
                }
            }
        }
        let appended = store.appended();
        store.close().unwrap();
        let found = read(place.path()).unwrap();
        prop_assert_eq!((found.last, found.cut.len(), found.skipped.len()), (appended, 0, 0));
        prop_assert_eq!(found.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.sequence), held);
        checkpoint_is_true(&found);
        for from in [1, appended / 2 + 1, held + 1, appended + 1] {
            prop_assert_eq!(entries_are_true(&found, from).unwrap(), appended + 1 - from);
        }
    }
}

#[test]
fn segments_roll_by_size_and_entries_share_records() {
    let place = Place::new("roll");
    let mut store = Store::create(place.path(), "", &options(Durability::Buffered)).unwrap();
    for _ in 0..1000 {
        store.append(1, &[7; 92]).unwrap();
    }
    store.close().unwrap();
    let lengths: Vec<u64> =
        fs::read_dir(place.file("log")).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).collect();
    assert!(lengths.len() > 10, "{lengths:?}");
    assert!(lengths.iter().all(|length| *length <= 64 + 2 * 4096), "{lengths:?}");
    let all: u64 = lengths.iter().sum();
    assert!(all < 1000 * 94 + lengths.len() as u64 * 100, "headers are shared: {all} bytes");
}

#[test]
fn entries_larger_than_the_buffer_and_empty_ones_pass() {
    let place = Place::new("large");
    let mut store = Store::create(place.path(), "", &options(Durability::Buffered)).unwrap();
    let large = vec![3; 3_000_000];
    store.append(1, &large).unwrap();
    store.append(2, &[]).unwrap();
    store.append(2, &[]).unwrap();
    store.append(1, &large).unwrap();
    let error = store.append(1, &vec![0; PAYLOAD_MAX + 1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
    store.close().unwrap();
    let found = read(place.path()).unwrap();
    let mut records = found.records(1).unwrap();
    for expected in [&large[..], &[], &[], &large[..]] {
        assert!(records.next().unwrap().unwrap().payload == expected);
    }
    assert!(records.next().unwrap().is_none() && records.next().unwrap().is_none());
    assert_eq!(found.records(0).map(|_| ()).unwrap_err().kind(), ErrorKind::Argument);
    assert_eq!(found.records(6).map(|_| ()).unwrap_err().kind(), ErrorKind::Argument);
}

#[test]
fn log_goes_on_while_a_checkpoint_is_written_elsewhere() {
    let place = Place::new("aside");
    let mut store = Store::create(place.path(), "", &options(Durability::Buffered)).unwrap();
    append(&mut store, 100);
    let pending = store.begin_checkpoint(sections(100)).unwrap();
    let error = store.begin_checkpoint(Sections::new()).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::State, "{error}");
    let writer = std::thread::spawn(move || pending.write());
    append(&mut store, 400);
    assert_eq!(writer.join().unwrap().unwrap(), 100);
    assert!(store.durable() >= 100);
    for held in [600, 700, 800] {
        let missing = held - store.appended();
        append(&mut store, missing);
        store.checkpoint(sections(held)).unwrap();
    }
    drop(store.begin_checkpoint(sections(0)).unwrap());
    store.close().unwrap();
    let found = read(place.path()).unwrap();
    assert_eq!(found.checkpoint.as_ref().unwrap().sequence, 800);
    // The last two are kept.
    let mut each = ["checkpoint-A", "checkpoint-B"].map(|other| {
        fs::rename(place.file(other), place.file("aside")).unwrap();
        let found = read(place.path()).unwrap();
        fs::rename(place.file("aside"), place.file(other)).unwrap();
        checkpoint_is_true(&found);
        found.checkpoint.unwrap().sequence
    });
    each.sort_unstable();
    assert_eq!(each, [700, 800]);
}

#[test]
fn sections_have_their_own_ids() {
    let mut sections = Sections::new();
    sections.add(1, vec![1]).unwrap();
    assert_eq!(sections.add(1, vec![2]).unwrap_err().kind(), ErrorKind::Argument);
    assert_eq!((sections.get(1), sections.get(2)), (Some(&[1][..]), None));
    for id in 2..=1000 {
        sections.add(id, Vec::new()).unwrap();
    }
    assert_eq!(sections.add(1001, Vec::new()).unwrap_err().kind(), ErrorKind::Argument);
}
