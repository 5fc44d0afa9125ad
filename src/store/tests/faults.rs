//! A scripted run with a fault at each of its writes, syncs and renames, and with the power cut at each: what was
//! acknowledged is there, and the run goes on.
//!
//! Not here: how faults are made ([`super::faulty`]).

use std::sync::Arc;

use super::faulty::{Fault, FaultyDisk};
use super::*;
use crate::error::{ErrorKind, Result};

/// What the script was told.
#[derive(Debug, Default)]
struct Told {
    created: bool,
    acknowledged: u64,
    appended: u64,
    checkpoint: u64,
}

/// The script: two writers, several segments, three checkpoints. It goes on after a checkpoint that failed, and ends at
/// the first refusal of the log.
fn run(place: &Place, disk: &FaultyDisk, durability: Durability, told: &mut Told) -> Result<()> {
    let disk = Arc::new(disk.clone());
    let mut store = Store::create_on(disk.clone(), place.path(), "", &options(durability))?;
    told.created = true;
    batches(&mut store, 6, told)?;
    drop(store);
    let (mut store, found) = Store::open_on(disk, place.path(), &options(durability))?;
    entries_are_true(&found, 1)?;
    assert!(found.last >= told.acknowledged);
    told.appended = found.last;
    batches(&mut store, 8, told)?;
    store.close()
}

fn batches(store: &mut Store, count: u64, told: &mut Told) -> Result<()> {
    for batch in 0..count {
        for _ in 0..25 {
            let (kind, payload) = entry(store.appended() + 1);
            if let Err(error) = store.append(kind, &payload) {
                refuses(store, &error);
                return Err(error);
            }
            told.appended = store.appended();
        }
        if let Err(error) = store.commit() {
            refuses(store, &error);
            return Err(error);
        }
        told.acknowledged = store.acknowledged();
        assert_eq!(told.acknowledged, told.appended);
        if batch % 3 == 2 {
            match store.checkpoint(sections(store.appended())) {
                Ok(sequence) => told.checkpoint = sequence,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Io, "{error}"),
            }
        }
    }
    Ok(())
}

/// After the first failure every call says so, and nothing is acknowledged.
fn refuses(store: &mut Store, first: &crate::error::Error) {
    assert_eq!(first.kind(), ErrorKind::Io, "{first}");
    let acknowledged = store.acknowledged();
    let told = store.check().unwrap_err();
    assert!(told.message().contains("not written any more, since"), "{told}");
    assert_eq!(store.append(1, b"x").unwrap_err(), told);
    assert_eq!(store.commit().unwrap_err(), told);
    assert_eq!(store.flush().unwrap_err(), told);
    assert_eq!(store.sync().unwrap_err(), told);
    assert_eq!(store.checkpoint(Sections::new()).unwrap_err(), told);
    assert_eq!(store.acknowledged(), acknowledged);
}

/// What is on the disk is at least what was told, and the run goes on.
fn holds(place: &Place, told: &Told, at: u64) {
    match look(place.path()).unwrap() {
        Folder::New => assert!(!told.created, "operation {at}: the run is gone"),
        Folder::Run(_) => {
            let found = read(place.path()).unwrap_or_else(|error| panic!("operation {at}: {error}"));
            entries_are_true(&found, 1).unwrap();
            checkpoint_is_true(&found);
            assert!(found.last >= told.acknowledged, "operation {at}: {} of {told:?} are left", found.last);
            let held = found.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.sequence);
            assert!(held >= told.checkpoint, "operation {at}: {told:?}, the checkpoint holds {held}");
            let (mut store, found) = Store::open(place.path(), &options(Durability::Buffered)).unwrap();
            append(&mut store, 40);
            store.checkpoint(sections(store.appended())).unwrap();
            store.close().unwrap();
            let after = read(place.path()).unwrap();
            assert_eq!(entries_are_true(&after, 1).unwrap(), found.last + 40);
        }
    }
}

/// The script with a fault at each operation in turn; how many operations it has.
fn at_each_operation(fault: Fault, durability: Durability, after: impl Fn(&Place, &FaultyDisk, Told, u64)) -> u64 {
    for at in 0.. {
        assert!(at < 2000, "the script never came to its end");
        let place = Place::new(&format!("{fault:?} {durability:?}"));
        let disk = FaultyDisk::new(at, fault);
        let mut told = Told::default();
        let result = run(&place, &disk, durability, &mut told);
        if !disk.was_hit() {
            result.unwrap();
            return at;
        }
        after(&place, &disk, told, at);
    }
    0
}

#[test]
fn fault_at_any_operation_loses_nothing_that_was_acknowledged() {
    for durability in [Durability::Buffered, Durability::Batch] {
        for fault in [Fault::Once, Fault::Full, Fault::Dead] {
            let operations = at_each_operation(fault, durability, |place, _, told, at| holds(place, &told, at));
            assert!(operations > 60, "{operations} operations");
        }
    }
}

#[test]
fn power_cut_at_any_operation_loses_nothing_that_was_synced() {
    for durability in [Durability::Batch, Durability::Record] {
        for names in [false, true] {
            for kept in [|_| 0, |unsynced| unsynced / 2, |unsynced: u64| unsynced.saturating_sub(1)] {
                at_each_operation(Fault::Dead, durability, |place, disk, told, at| {
                    disk.cut_power(names, kept);
                    holds(place, &told, at);
                });
                if durability == Durability::Record {
                    break;
                }
            }
        }
    }
}

#[test]
fn power_cut_of_a_buffered_run_leaves_a_prefix() {
    for names in [false, true] {
        at_each_operation(Fault::Dead, Durability::Buffered, |place, disk, mut told, at| {
            disk.cut_power(names, |unsynced| unsynced / 3);
            told.acknowledged = 0;
            holds(place, &told, at);
        });
    }
}

#[test]
fn writer_that_goes_on_syncs_what_the_one_before_left_in_memory() {
    let place = Place::new("left");
    let disk = FaultyDisk::default();
    let mut store = Store::create_on(Arc::new(disk.clone()), place.path(), "", &options(Durability::Buffered)).unwrap();
    append(&mut store, 30);
    store.close().unwrap();
    let (mut store, _) = Store::open_on(Arc::new(disk.clone()), place.path(), &options(Durability::Batch)).unwrap();
    assert_eq!(store.acknowledged(), 30);
    append(&mut store, 10);
    store.commit().unwrap();
    drop(store);
    disk.cut_power(false, |_| 0);
    assert_eq!(entries_are_true(&read(place.path()).unwrap(), 1).unwrap(), 40);
}
