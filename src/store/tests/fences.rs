//! A writer that was succeeded: it finds out, acknowledges nothing more, and what it wrote too late is nobody's.

use std::cell::Cell;
use std::fs;

use super::*;
use crate::error::ErrorKind;
use crate::store::disk::{Disk, RealDisk};

/// A writer and its successor: as on two machines, neither sees the other's lock.
fn succeeded(place: &Place, durability: Durability) -> (Store, Store) {
    let mut old = Store::create(place.path(), "", &options(durability)).unwrap();
    append(&mut old, 10);
    old.commit().unwrap();
    fs::remove_file(place.file("lock")).unwrap();
    let (new, found) = Store::open(place.path(), &options(durability)).unwrap();
    if durability != Durability::None {
        assert_eq!((found.last, found.epoch, new.epoch()), (10, 1, 2));
    }
    (old, new)
}

fn fenced(result: crate::error::Result<()>) {
    let error = result.unwrap_err();
    assert!(error.kind() == ErrorKind::Fenced && error.message().contains("taken this run over"), "{error}");
}

#[test]
fn stale_writer_is_fenced_at_its_next_sync_and_its_late_entries_are_nobodys() {
    let place = Place::new("stale");
    let (mut old, mut new) = succeeded(&place, Durability::Batch);
    old.append(9, b"too late").unwrap();
    append(&mut new, 5);
    new.commit().unwrap();
    fenced(old.commit());
    assert_eq!((old.written(), old.acknowledged()), (11, 10), "it is in its file, and told to nobody");
    fenced(old.append(9, b"later").map(|_| ()));
    fenced(old.check());
    drop(old);
    append(&mut new, 500);
    new.checkpoint(sections(515)).unwrap();
    new.close().unwrap();
    let found = read(place.path()).unwrap();
    assert_eq!((found.last, found.cut.len()), (515, 0));
    assert_eq!(entries_are_true(&found, 1).unwrap(), 515);
}

#[test]
fn stale_writer_that_never_syncs_is_fenced_after_64_kib_or_a_segment() {
    for durability in [Durability::None, Durability::Buffered] {
        let place = Place::new("unsynced");
        let (mut old, new) = succeeded(&place, durability);
        let refused = (0..1000).find_map(|_| old.append(1, &[1; 200]).and_then(|_| old.commit()).err());
        assert_eq!(refused.expect("it never looked").kind(), ErrorKind::Fenced);
        assert!(old.appended() < 400);
        new.close().unwrap();
    }
}

#[test]
fn stale_writer_does_not_replace_checkpoints() {
    let place = Place::new("stale checkpoint");
    let (mut old, mut new) = succeeded(&place, Durability::Buffered);
    append(&mut new, 1);
    new.checkpoint(sections(11)).unwrap();
    append(&mut old, 7);
    fenced(old.checkpoint(sections(17)).map(|_| ()));
    new.close().unwrap();
    let found = read(place.path()).unwrap();
    assert_eq!((found.checkpoint.as_ref().unwrap().sequence, found.skipped.len()), (11, 0));
}

#[test]
fn checkpoint_that_a_fenced_writer_got_in_between_is_not_taken() {
    let place = Place::new("between");
    let (mut old, mut new) = succeeded(&place, Durability::Buffered);
    // It looked just before its successor came.
    fs::rename(place.file("epochs/000002"), place.file("epochs/aside")).unwrap();
    append(&mut old, 7);
    old.checkpoint(sections(17)).unwrap();
    fs::rename(place.file("epochs/aside"), place.file("epochs/000002")).unwrap();
    drop(old);
    append(&mut new, 30);
    new.commit().unwrap();
    let found = read(place.path()).unwrap();
    assert!(found.checkpoint.is_none() && found.skipped[0].message().contains("fenced"), "{:?}", found.skipped);
    new.checkpoint(sections(40)).unwrap();
    new.close().unwrap();
    let found = read(place.path()).unwrap();
    assert_eq!(found.checkpoint.as_ref().unwrap().sequence, 40);
    assert_eq!(entries_are_true(&found, 1).unwrap(), 40);
}

/// A section whose making is when something else happens.
struct Meanwhile<F: Fn()>(F);

impl<F: Fn()> Section for Meanwhile<F> {
    fn length(&self) -> u64 {
        4
    }

    fn give(&self, out: &mut dyn FnMut(&[u8]) -> crate::error::Result<()>) -> crate::error::Result<()> {
        (self.0)();
        out(b"made")
    }
}

#[test]
fn checkpoint_that_a_fenced_writer_writes_meanwhile_is_another_file_than_its_successors() {
    let place = Place::new("meanwhile");
    let (mut old, mut new) = succeeded(&place, Durability::Buffered);
    append(&mut old, 7);
    let stale = Cell::new(Some(old.begin_checkpoint(sections(17)).unwrap()));
    append(&mut new, 30);
    let meanwhile = Meanwhile(|| {
        // It looked just before its successor came.
        fs::rename(place.file("epochs/000002"), place.file("epochs/aside")).unwrap();
        stale.take().unwrap().write().unwrap();
        fs::rename(place.file("epochs/aside"), place.file("epochs/000002")).unwrap();
    });
    assert_eq!(new.begin_checkpoint(sections(40)).unwrap().write_with(1, &meanwhile).unwrap(), 40);
    new.close().unwrap();
    let checkpoint = read(place.path()).unwrap().checkpoint.unwrap();
    assert_eq!((checkpoint.sequence, checkpoint.epoch), (40, 2));
}

#[test]
fn checkpoints_that_earlier_writers_left_unfinished_are_removed_when_a_run_is_opened() {
    let place = Place::new("unfinished");
    drop(Store::create(place.path(), "", &Options::default()).unwrap());
    let names = ["checkpoint-000001.new", "checkpoint-000002.new", "checkpoint-A.new", "checkpoint-000001.news"];
    names.iter().for_each(|name| fs::write(place.file(name), b"of no use").unwrap());
    let (store, _) = Store::open(place.path(), &Options::default()).unwrap();
    assert_eq!(store.epoch(), 2);
    assert_eq!(
        names.map(|name| place.file(name).exists()),
        [false, true, true, true],
        "others are nobody's, or its own"
    );
}

#[test]
fn two_writers_never_get_one_epoch() {
    let place = Place::new("race");
    drop(Store::create(place.path(), "", &Options::default()).unwrap());
    let mut epochs: Vec<u64> = std::thread::scope(|scope| {
        let claim = || {
            let paths = crate::store::folder::Paths { root: place.path().into() };
            crate::store::epoch::Epoch::claim(&crate::store::disk::RealDisk, &paths, 0).unwrap().number
        };
        let claims: Vec<_> =
            (0..16).map(|_| scope.spawn(move || (0..10).map(|_| claim()).collect::<Vec<_>>())).collect();
        claims.into_iter().flat_map(|claim| claim.join().unwrap()).collect()
    });
    epochs.sort_unstable();
    assert_eq!(epochs, (2..162).collect::<Vec<_>>());
}

#[test]
fn file_that_is_made_anew_is_another_than_the_one_that_a_stale_writer_still_has() {
    let place = Place::new("anew");
    fs::create_dir_all(place.path()).unwrap();
    let path = place.file("checkpoint-000001.new");
    let stale = RealDisk.replace(&path).unwrap();
    stale.write(b"of the").unwrap();
    let new = RealDisk.replace(&path).unwrap();
    new.write(b"the successor's").unwrap();
    stale.write(b" stale writer, and longer").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"the successor's");
}
