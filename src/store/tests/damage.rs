//! Every file of a small run cut at every byte, and every byte of it flipped: a prefix of the truth or a clear error.

use std::fs;

use super::*;
use crate::error::{ErrorKind, Result};

/// A run of two writers, three segments and two checkpoints, the newest of them up to `held`.
fn small_run(place: &Place, held: u64) -> u64 {
    let mut store = Store::create(place.path(), "seed = 3\n", &options(Durability::Buffered)).unwrap();
    append(&mut store, 20);
    store.checkpoint(sections(20)).unwrap();
    append(&mut store, 60);
    store.close().unwrap();
    let (mut store, _) = Store::open(place.path(), &options(Durability::Buffered)).unwrap();
    append(&mut store, held - 80);
    store.checkpoint(sections(held)).unwrap();
    for _ in 0..5 {
        append(&mut store, 2);
        store.commit().unwrap();
    }
    let last = store.appended();
    store.close().unwrap();
    last
}

/// What a reader makes of the run now: its last entry, whether anything was said to be wrong, or the error.
fn outcome(place: &Place) -> Result<(u64, bool)> {
    let found = read(place.path())?;
    checkpoint_is_true(&found);
    entries_are_true(&found, 1)?;
    assert_eq!(found.description.options, "seed = 3\n", "the options are others");
    Ok((found.last, !found.skipped.is_empty() || !found.cut.is_empty()))
}

/// Whoever goes on with the run has to come to the same, and then have a run that is whole.
fn going_on(place: &Place) -> Result<u64> {
    let (mut store, found) = Store::open(place.path(), &options(Durability::Buffered))?;
    entries_are_true(&found, 1)?;
    append(&mut store, 3);
    store.checkpoint(sections(store.appended()))?;
    store.close()?;
    let (after, before) = (read(place.path())?, found);
    assert_eq!((after.last, after.cut.len()), (before.last + 3, 0));
    assert_eq!(entries_are_true(&after, 1)?, after.last);
    assert!(before.cut.iter().all(|cut| fs::metadata(cut.kept()).is_ok_and(|kept| kept.len() == cut.bytes)));
    Ok(before.last)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// How often each outcome was seen.
#[derive(Debug, Default)]
struct Seen {
    whole: u64,
    prefix: u64,
    errors: u64,
}

/// Has one file say `bytes` and looks what becomes of the run.
fn examine(good: &Place, name: &str, bytes: &[u8], last: u64, seen: &mut Seen) {
    let place = Place::new("examined");
    copy(good.path(), place.path());
    fs::write(place.file(name), bytes).unwrap();
    let read = outcome(&place);
    match &read {
        Ok((found, said)) if *found == last => {
            // Only where nobody is served by those bytes may damage stay unseen: the older checkpoint's is said too.
            assert!(*said, "{name} is damaged, and nothing is said");
            seen.whole += 1;
        }
        Ok((found, said)) => {
            // What a cut at the very end of a record leaves looks like a writer that came no further.
            assert!(*found < last && (*said || bytes.len() < fs::metadata(good.file(name)).unwrap().len() as usize));
            seen.prefix += 1;
        }
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::Corrupt), "{name}: {error}");
            assert!(error.message().contains("run.toml") || error.message().contains("log"), "{error}");
            seen.errors += 1;
        }
    }
    match (going_on(&place), read) {
        (Ok(on), Ok((found, _))) => assert_eq!(on, found),
        (Err(on), Err(error)) => assert_eq!(on.kind(), error.kind()),
        (on, read) => panic!("{name}: reading says {read:?}, going on {on:?}"),
    }
}

#[test]
fn run_that_is_cut_or_flipped_at_any_byte_is_a_prefix_or_a_clear_error() {
    let good = Place::new("good");
    let last = small_run(&good, 90);
    assert_eq!(outcome(&good).unwrap(), (last, false));
    let mut seen = Seen::default();
    for name in ["run.toml", "log/000001.log", "log/000002.log", "checkpoint-A", "checkpoint-B"] {
        let bytes = fs::read(good.file(name)).unwrap();
        assert!(bytes.len() < 5000, "{name} has {} bytes: too many for this", bytes.len());
        for at in 0..bytes.len() {
            examine(&good, name, &bytes[..at], last, &mut seen);
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            examine(&good, name, &flipped, last, &mut seen);
        }
    }
    assert!(seen.whole > 100 && seen.prefix > 100 && seen.errors > 1000, "{seen:?}");
}

#[test]
fn files_that_are_missing_or_foreign_are_named() {
    let good = Place::new("named");
    small_run(&good, 90);
    let said = |result: Result<(u64, bool)>, words: &[&str]| {
        let error = result.unwrap_err();
        assert!(words.iter().all(|word| error.message().contains(word)), "{error}");
    };
    let first = fs::read(good.file("log/000001.log")).unwrap();
    fs::remove_file(good.file("log/000001.log")).unwrap();
    said(outcome(&good), &["000001.log", "missing"]);
    fs::write(good.file("log/000001.log"), vec![b'x'; 500]).unwrap();
    said(outcome(&good), &["000001.log", "no segment"]);
    fs::write(good.file("log/000001.log"), fs::read(good.file("log/000002.log")).unwrap()).unwrap();
    said(outcome(&good), &["000001.log", "out of place"]);
    let other = Place::new("other");
    small_run(&other, 90);
    fs::copy(other.file("log/000001.log"), good.file("log/000001.log")).unwrap();
    said(outcome(&good), &["000001.log", "belongs to the run"]);
    fs::write(good.file("log/000001.log"), first).unwrap();
    // The last segment is gone, and the checkpoint knows that it was there.
    let second = fs::read(good.file("log/000002.log")).unwrap();
    fs::remove_file(good.file("log/000002.log")).unwrap();
    said(outcome(&good), &["ends at entry 80", "up to 90"]);
    fs::write(good.file("log/000002.log"), second).unwrap();
    for (name, bytes, why) in
        [("checkpoint-A", vec![b'x'; 100], "no checkpoint"), ("checkpoint-B", vec![b'x'; 10], "10 bytes")]
    {
        fs::write(good.file(name), bytes).unwrap();
        let found = read(good.path()).unwrap();
        let said = |error: &crate::error::Error| error.message().contains(name) && error.message().contains(why);
        assert!(found.skipped.iter().any(said), "{:?}", found.skipped);
    }
    assert!(read(good.path()).unwrap().checkpoint.is_none(), "the log has it all");
    fs::copy(other.file("checkpoint-B"), good.file("checkpoint-B")).unwrap();
    let found = read(good.path()).unwrap();
    assert!(found.skipped.iter().any(|error| error.message().contains("belongs to the run")));
    // Other names in the folder are nobody's.
    fs::write(good.file("log/7.log"), "x").unwrap();
    fs::write(good.file("log/notes.txt"), "x").unwrap();
    assert_eq!(outcome(&good).unwrap(), (100, true));
}
