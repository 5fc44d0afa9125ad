//! A file that is written in pieces against one that is written at once; sections that are made as they are written.

use std::fs;
use std::sync::Arc;

use proptest::prelude::*;

use super::faulty::{Fault, FaultyDisk};
use super::*;
use crate::error::{ErrorKind, Result, io};
use crate::store::disk::{Disk, RealDisk};
use crate::store::pieces::Pieces;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn file_in_pieces_matches_naive(
        lengths in prop::collection::vec(prop_oneof![0..40_usize, 0..200_000_usize], 1..24),
        set in prop::collection::vec((any::<prop::sample::Index>(), any::<[u8; 4]>()), 0..6),
    ) {
        let place = Place::new("pieces");
        fs::create_dir_all(place.path()).unwrap();
        let path = place.file("file");
        let file = RealDisk.create(&path).unwrap();
        let (mut pieces, mut naive) = (Pieces::new(&*file), Vec::new());
        // Where four bytes came together.
        let mut places = Vec::new();
        for (at, length) in lengths.into_iter().enumerate() {
            if length >= 4 {
                places.push(naive.len());
            }
            let piece = vec![at as u8; length];
            pieces.add(&piece)?;
            naive.extend_from_slice(&piece);
            prop_assert_eq!(pieces.length(), naive.len() as u64);
            for (place, bytes) in set.iter().filter(|_| !places.is_empty()) {
                let to = *place.get(&places);
                pieces.set(to as u64, *bytes)?;
                naive[to..to + 4].copy_from_slice(bytes);
            }
        }
        pieces.end()?;
        prop_assert!(fs::read(&path).unwrap() == naive);
    }
}

/// Pieces of different sizes, and what is said of their length.
struct Made {
    pieces: Vec<Vec<u8>>,
    more: u64,
    fails: bool,
}

impl Section for Made {
    fn length(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.len() as u64).sum::<u64>() + self.more
    }

    fn give(&self, out: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.pieces.iter().try_for_each(|piece| out(piece))?;
        if self.fails { Err(io("its own")) } else { Ok(()) }
    }
}

fn made() -> Made {
    let pieces = (0..40).map(|at| vec![at as u8; at * at * 97]).collect();
    Made { pieces, more: 0, fails: false }
}

#[test]
fn section_that_is_made_as_it_is_written_is_the_one_that_is_read() {
    let place = Place::new("made");
    let mut store = Store::create(place.path(), "", &options(Durability::Buffered)).unwrap();
    append(&mut store, 30);
    assert_eq!(store.begin_checkpoint(sections(30)).unwrap().write_with(1, &made()).unwrap(), 30);
    let found = read(place.path()).unwrap().checkpoint.unwrap();
    let mut expected = sections(30);
    expected.add(1, made().pieces.concat()).unwrap();
    assert!(found.sections == expected);
    let twice = store.begin_checkpoint(sections(30)).unwrap().write_with(7, &made());
    assert_eq!(twice.unwrap_err().kind(), ErrorKind::Argument);
}

#[test]
fn section_that_fails_or_has_another_length_than_it_said_leaves_the_checkpoints_as_they_are() {
    let place = Place::new("fails");
    let mut store = Store::create(place.path(), "", &options(Durability::Buffered)).unwrap();
    append(&mut store, 30);
    store.checkpoint(sections(30)).unwrap();
    append(&mut store, 30);
    for (section, kind) in
        [(Made { fails: true, ..made() }, ErrorKind::Io), (Made { more: 1, ..made() }, ErrorKind::State)]
    {
        let error = store.begin_checkpoint(sections(60)).unwrap().write_with(1, &section).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(!place.file("checkpoint-000001.new").exists());
        assert_eq!(read(place.path()).unwrap().checkpoint.unwrap().sequence, 30);
    }
    store.checkpoint(sections(60)).unwrap();
    assert_eq!(read(place.path()).unwrap().checkpoint.unwrap().sequence, 60);
    assert_eq!(entries_are_true(&read(place.path()).unwrap(), 1).unwrap(), 60);
}

#[test]
fn fault_at_any_operation_of_a_large_checkpoint_leaves_the_one_before() {
    for fault in [Fault::Once, Fault::Full, Fault::Dead] {
        for at in 0.. {
            assert!(at < 200, "the checkpoint never came to its end");
            let place = Place::new("large fault");
            drop(Store::create(place.path(), "", &options(Durability::Buffered)).unwrap());
            let disk = FaultyDisk::default();
            let (mut store, _) =
                Store::open_on(Arc::new(disk.clone()), place.path(), &options(Durability::Buffered)).unwrap();
            append(&mut store, 30);
            store.checkpoint(sections(30)).unwrap();
            append(&mut store, 30);
            let pending = store.begin_checkpoint(sections(60)).unwrap();
            disk.fail_after(at, fault);
            let written = pending.write_with(1, &made());
            let hit = disk.was_hit();
            if fault == Fault::Dead {
                disk.cut_power(at % 2 == 0, |unsynced| unsynced / 2);
            }
            let found = read(place.path()).unwrap().checkpoint.unwrap();
            match written {
                Ok(sequence) => assert_eq!((sequence, found.sequence), (60, 60)),
                // The name may be there although nobody was told.
                Err(_) => assert!([30, 60].contains(&found.sequence)),
            }
            if !hit {
                assert!(at > 8, "{at} operations");
                break;
            }
        }
    }
}
