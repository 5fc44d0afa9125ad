//! The file of a run: what comes back is what was kept, whatever was cut, flipped, torn or lost.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use proptest::prelude::*;

use super::faulty::{Fault, FaultyFile};
use super::*;

const RUN: u128 = 0x0123_4567_89ab_cdef_0011_2233_4455_6677;

fn options(folder: &Folder, run: u128, format: Format) -> Options {
    Options { home: Home::Run { folder: folder.0.clone(), run }, format, bytes: 1 << 20 }
}

fn open(folder: &Folder) -> Arena {
    Arena::open(&options(folder, RUN, Format::Float32), LEN).unwrap()
}

/// Everything that the file has, as far as it is whole.
fn recall(arena: &mut Arena) {
    arena.recall(|_| Some(Wanted { pinned: false, checked: true })).unwrap();
}

fn path(folder: &Folder) -> PathBuf {
    folder.0.join("densities")
}

#[test]
fn a_run_has_its_densities_back() {
    let folder = Folder::new("back");
    for format in [Format::Float32, Format::Float16] {
        let _ = std::fs::remove_file(path(&folder));
        let mut arena = Arena::open(&options(&folder, RUN, format), LEN).unwrap();
        assert_eq!(arena.place(), "run");
        for id in 1..=5 {
            assert_eq!(arena.keep(tag(id, id as i64), &densities(id)), Ok(Kept::Yes));
        }
        let kept = [2, 3, 5].map(|id| read(&mut arena, id).unwrap());
        arena.forget(1);
        arena.flush().unwrap().sync().unwrap();
        drop(arena);
        let mut arena = Arena::open(&options(&folder, RUN, format), LEN).unwrap();
        let wanted = |tag: &Tag| match tag.id {
            2 => Some(Wanted { pinned: true, checked: true }),
            3 => Some(Wanted { pinned: true, checked: false }),
            5 => Some(Wanted { pinned: false, checked: true }),
            _ => None,
        };
        arena.recall(wanted).unwrap();
        assert_eq!([2, 3, 5].map(|id| read(&mut arena, id).unwrap()), kept);
        let holding = arena.holding();
        assert_eq!((holding.patches, holding.selected, arena.oldest()), (3, 2, Some((5, 5))));
        assert!(!arena.contains(1) && !arena.contains(4));
        // The two free places are used before new ones are made.
        for id in 6..=8 {
            assert_eq!(arena.keep(tag(id, 0), &densities(id)), Ok(Kept::Yes));
        }
        assert_eq!(arena.holding().bytes_made, 6 * Arena::place_bytes(format, true, LEN) as u64);
    }
}

#[test]
fn a_place_that_was_given_up_is_not_used_again_before_the_log_says_so() {
    let folder = Folder::new("settled");
    let mut arena = open(&folder);
    assert_eq!(arena.keep(tag(1, 0), &densities(1)), Ok(Kept::Yes));
    arena.forget(1);
    assert_eq!(arena.keep(tag(2, 0), &densities(2)), Ok(Kept::Yes));
    // As a kill leaves it whose log does not know that 1 was given up.
    let mut again = open(&folder);
    recall(&mut again);
    assert_eq!(read(&mut again, 1).unwrap(), densities(1));
    arena.settle();
    assert_eq!(arena.keep(tag(3, 0), &densities(3)), Ok(Kept::Yes));
    let mut again = open(&folder);
    recall(&mut again);
    assert!(!again.contains(1));
    assert_eq!([2, 3].map(|id| read(&mut again, id).unwrap()), [densities(2), densities(3)]);
}

#[test]
fn a_patch_that_came_again_is_told_by_its_content_and_by_which_place_is_whole() {
    let folder = Folder::new("again");
    let mut arena = open(&folder);
    let [old, new] = [11, 12].map(|content| Tag { id: 1, content, step: 0 });
    for (tag, values) in [(old, densities(11)), (new, densities(12)), (new, densities(12))] {
        arena.forget(1);
        assert_eq!(arena.keep(tag, &values), Ok(Kept::Yes));
    }
    for torn in [None, Some(1), Some(2)] {
        if let Some(place) = torn {
            let file = File::options().write(true).open(path(&folder)).unwrap();
            let at = PAGE + (place * Arena::place_bytes(Format::Float32, true, LEN)) as u64 + 99;
            file.write_all_at(b"torn", at).unwrap();
        }
        for (content, expected) in [(11, Some(densities(11))), (12, Some(densities(12)).filter(|_| torn != Some(2)))] {
            let mut again = open(&folder);
            let wanted = |tag: &Tag| (tag.content == content).then_some(Wanted { pinned: false, checked: true });
            again.recall(wanted).unwrap();
            assert_eq!(again.contains(1).then(|| read(&mut again, 1).unwrap()), expected, "{content} {torn:?}");
            let mut seen = RunDensities::open(&folder.0, RUN).unwrap().unwrap();
            let mut values = vec![0.0; LEN];
            match seen.read(1, content, &mut values) {
                Ok(found) => assert_eq!(found.then_some(values), expected),
                Err(error) => assert_eq!((error.kind(), expected), (ErrorKind::Corrupt, None)),
            }
            assert!(!seen.contains(2, content) && !seen.read(2, content, &mut vec![0.0; LEN]).unwrap());
        }
    }
}

#[test]
fn files_of_others_newer_ones_and_damaged_ones_each_have_their_own_error_and_stay_as_they_are() {
    let folder = Folder::new("errors");
    drop(open(&folder));
    let good = std::fs::read(path(&folder)).unwrap();
    let open = |run, format, len| Arena::open(&options(&folder, run, format), len).map(drop);
    for (result, expected, words) in [
        (open(RUN + 1, Format::Float32, LEN), ErrorKind::Corrupt, "belongs to the run"),
        (open(RUN, Format::Float16, LEN), ErrorKind::Conflict, "is asked for 1100 values as float16"),
        (open(RUN, Format::Float32, LEN - 1), ErrorKind::Conflict, "1099"),
    ] {
        let error = result.unwrap_err();
        assert!(error.kind() == expected && error.message().contains(words), "{error}");
    }
    let mut newer = good.clone();
    newer[8] = 2;
    let sum = crc32c::crc32c(&newer[..60]);
    newer[60..64].copy_from_slice(&sum.to_le_bytes());
    for (bytes, expected, words) in [
        (newer, ErrorKind::Version, "format 2"),
        (good[..63].to_vec(), ErrorKind::Corrupt, "cut short"),
        (Vec::new(), ErrorKind::Corrupt, "cut short"),
        (b"my thesis".repeat(9), ErrorKind::Corrupt, "does not begin with"),
    ] {
        std::fs::write(path(&folder), &bytes).unwrap();
        for error in
            [open(RUN, Format::Float32, LEN).unwrap_err(), RunDensities::open(&folder.0, RUN).map(drop).unwrap_err()]
        {
            assert!(error.kind() == expected && error.message().contains(words), "{error}");
        }
        assert_eq!(std::fs::read(path(&folder)).unwrap(), bytes);
    }
    // What was killed while it made the file left no file.
    std::fs::rename(path(&folder), folder.0.join("densities.new")).unwrap();
    assert!(RunDensities::open(&folder.0, RUN).unwrap().is_none());
    assert_eq!(open(RUN, Format::Float32, LEN), Ok(()));
    assert_eq!(std::fs::read(path(&folder)).unwrap(), good);
}

#[test]
fn a_file_that_is_flipped_or_cut_anywhere_never_gives_other_densities() {
    let folder = Folder::new("damage");
    let mut arena = open(&folder);
    for id in 1..=3 {
        assert_eq!(arena.keep(tag(id, 0), &densities(id)), Ok(Kept::Yes));
    }
    drop(arena);
    let good = std::fs::read(path(&folder)).unwrap();
    let place = Arena::place_bytes(Format::Float32, true, LEN);
    let check = |bytes: &[u8], what: &str| -> usize {
        std::fs::write(path(&folder), bytes).unwrap();
        let found = match Arena::open(&options(&folder, RUN, Format::Float32), LEN) {
            Ok(mut arena) => {
                recall(&mut arena);
                let found = (1..=3).filter(|&id| arena.contains(id)).collect::<Vec<_>>();
                for &id in &found {
                    assert_eq!(read(&mut arena, id).unwrap(), densities(id), "{what}");
                }
                assert_eq!(arena.keep(tag(9, 0), &densities(9)), Ok(Kept::Yes), "{what}");
                assert_eq!(read(&mut arena, 9).unwrap(), densities(9), "{what}");
                found.len()
            }
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Version), "{what}: {error}");
                0
            }
        };
        std::fs::write(path(&folder), bytes).unwrap();
        if let Ok(Some(mut seen)) = RunDensities::open(&folder.0, RUN) {
            for id in 1..=3 {
                let mut values = vec![0.0; LEN];
                if seen.read(id, id * 31, &mut values).is_ok_and(|found| found) {
                    assert_eq!(values, densities(id), "{what}");
                }
            }
        }
        found
    };
    assert_eq!(check(&good, "nothing"), 3);
    let first = PAGE as usize;
    let heads = (0..3).flat_map(|at| first + at * place..first + at * place + HEAD);
    let sampled = (first..good.len()).step_by(331).chain([good.len() - 1]);
    for at in (0..64).chain(heads).chain(sampled) {
        for bit in [0, 4, 7] {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            let expected = if at < 64 { 0 } else { 2 };
            assert_eq!(check(&bad, &format!("bit {bit} of byte {at}")), expected, "bit {bit} of byte {at}");
        }
    }
    for length in (0..good.len()).step_by(517).chain([63, 64, first, first + 7, first + place, good.len() - 1]) {
        let whole = length.saturating_sub(first) / place;
        assert_eq!(check(&good[..length], &format!("cut to {length}")), whole, "cut to {length}");
    }
}

/// A program of keeps and forgets on a faulty disk, with what was kept by place in time.
fn with_fault(folder: &Folder, fault: Option<(u64, Fault)>) -> (FaultyFile, HashMap<u64, Vec<f32>>, bool) {
    let mut arena = open(folder);
    let file = File::options().read(true).write(true).open(path(folder)).unwrap();
    let disk = FaultyFile::new(file, fault);
    arena.set_disk_for_tests(Arc::new(disk.clone()));
    let mut kept = HashMap::new();
    let mut synced = false;
    for id in 1..=12 {
        match arena.keep(tag(id, 0), &densities(id)) {
            Ok(Kept::Yes) => drop(kept.insert(id, densities(id))),
            Ok(Kept::Full) => assert_eq!(fault.unwrap().1, Fault::Full),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Io, "{error}"),
        }
        if id % 4 == 0 {
            arena.forget(id - 2);
            kept.remove(&(id - 2));
            arena.settle();
        }
        if id == 10 {
            synced = arena.flush().unwrap().sync().is_ok();
            assert!(synced || arena.flush().unwrap().sync().is_err(), "a failed sync stays one");
        }
    }
    for (id, values) in &kept {
        assert_eq!(&read(&mut arena, *id).unwrap(), values);
    }
    (disk, kept, synced)
}

#[test]
fn fault_at_any_write_or_sync_harms_no_other_patch() {
    for fault in [Fault::Torn, Fault::Full, Fault::Dead] {
        for at in 0.. {
            let folder = Folder::new("faults");
            let (disk, kept, _) = with_fault(&folder, Some((at, fault)));
            let mut again = open(&folder);
            recall(&mut again);
            for (id, values) in &kept {
                assert_eq!(&read(&mut again, *id).unwrap(), values, "{fault:?} at {at}");
            }
            for id in (1..=12).filter(|id| !kept.contains_key(id)) {
                assert_eq!(read(&mut again, id).unwrap_or(densities(id)), densities(id), "{fault:?} at {at}");
            }
            if !disk.was_hit() {
                assert!(at > 12, "{at} operations");
                break;
            }
        }
    }
}

#[test]
fn power_cut_takes_only_what_was_not_synced_and_never_leaves_other_densities() {
    for kept_of_a_write in [0, 1, 500, 999] {
        for at in 0.. {
            let folder = Folder::new("power");
            let (disk, kept, synced) = with_fault(&folder, Some((at, Fault::Dead)));
            disk.cut_power(kept_of_a_write);
            let mut again = open(&folder);
            recall(&mut again);
            for (id, values) in &kept {
                if synced && *id <= 10 {
                    assert!(again.contains(*id), "patch {id} at {at}");
                }
                if again.contains(*id) {
                    assert_eq!(&read(&mut again, *id).unwrap(), values);
                }
            }
            if !disk.was_hit() {
                assert!(synced);
                break;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn no_bytes_make_the_file_panic(head in proptest::collection::vec(any::<u8>(), 0..80), sealed: bool, at in 0..60_usize, value: u8) {
        let folder = Folder::new("bytes");
        drop(open(&folder));
        let mut bytes = std::fs::read(path(&folder)).unwrap();
        if sealed {
            // Whole, and says something else.
            bytes[at] = value;
            let sum = crc32c::crc32c(&bytes[..60]);
            bytes[60..64].copy_from_slice(&sum.to_le_bytes());
        } else {
            bytes.splice(0..head.len(), head);
        }
        std::fs::write(path(&folder), &bytes).unwrap();
        if let Ok(mut arena) = Arena::open(&options(&folder, RUN, Format::Float32), LEN) {
            recall(&mut arena);
            prop_assert_eq!(arena.holding().patches, 0);
        }
        if let Ok(Some(mut seen)) = RunDensities::open(&folder.0, RUN) {
            let mut values = vec![0.0; seen.values().min(1 << 20)];
            prop_assert!(!seen.read(1, 1, &mut values).unwrap_or(false));
        }
    }
}
