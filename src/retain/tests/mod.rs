//! The arena against a map, what a damaged or full disk does, and the stated error of float16.
//!
//! Not here: the file of a run ([`run`]).

mod faulty;
mod run;

use std::collections::HashMap;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use half::f16;
use proptest::prelude::*;

use super::*;
use crate::error::{ErrorKind, Result};

/// Values of a patch here: more than one block of a conversion, and no multiple of it.
const LEN: usize = 1100;
/// Where the first place of a file begins, and the bytes before its densities.
const PAGE: u64 = 4096;
const HEAD: usize = 32;

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("patchstream-retain-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.join("densities")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn open(file: Option<&Path>, format: Format, patches: usize) -> Result<Arena> {
    let bytes = (Arena::place_bytes(format, file.is_some(), LEN) * patches) as u64;
    let home = file.map_or(Home::Memory, |file| Home::Scratch(file.into()));
    Arena::open(&Options { home, format, bytes }, LEN)
}

/// The tag of a patch whose content is what its id says.
fn tag(id: u64, step: i64) -> Tag {
    Tag { id, content: id * 31, step }
}

fn densities(id: u64) -> Vec<f32> {
    (0..LEN as u64).map(|i| ((id * 7919 + i * 31) % 1009) as f32 / 37.0).collect()
}

fn read(arena: &mut Arena, id: u64) -> Result<Vec<f32>> {
    let mut values = vec![0.0; LEN];
    arena.read(id, &mut values).map(|()| values)
}

fn kind<T>(result: Result<T>) -> ErrorKind {
    result.map(|_| ()).unwrap_err().kind()
}

#[derive(Debug, Clone)]
enum Do {
    Keep(u64, i64),
    Forget(u64),
    Pin(u64),
    Unpin(u64),
}

fn any_do() -> impl Strategy<Value = Do> {
    let id = || 1..12_u64;
    prop_oneof![
        4 => (id(), 0..4_i64).prop_map(|(id, step)| Do::Keep(id, step)),
        2 => id().prop_map(Do::Forget),
        1 => id().prop_map(Do::Pin),
        1 => id().prop_map(Do::Unpin),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn arena_matches_naive(dos in proptest::collection::vec(any_do(), 1..120), in_file: bool, halves: bool, bound in 1..8_usize) {
        let folder = Folder::new("naive");
        let format = if halves { Format::Float16 } else { Format::Float32 };
        let file = folder.file();
        let mut arena = open(in_file.then_some(&*file), format, bound).unwrap();
        // id -> step, pinned, densities.
        let mut naive: HashMap<u64, (i64, bool, Vec<f32>)> = HashMap::new();
        let mut most = 0;
        for (turn, one) in dos.into_iter().enumerate() {
            let unpinned = naive.values().filter(|(_, pinned, _)| !pinned).count();
            match one {
                Do::Keep(id, step) => {
                    let values = densities(id + 100 * turn as u64);
                    let kept = arena.keep(tag(id, step), &values);
                    match (naive.get(&id), unpinned < bound) {
                        (Some(_), _) => prop_assert_eq!(kind(kept), ErrorKind::Conflict),
                        (None, false) => prop_assert_eq!(kept, Ok(Kept::Full)),
                        (None, true) => {
                            prop_assert_eq!(kept, Ok(Kept::Yes));
                            let stored = values.iter().map(|&v| if halves { f16::from_f32(v).to_f32() } else { v });
                            naive.insert(id, (step, false, stored.collect()));
                        }
                    }
                }
                Do::Forget(id) => prop_assert_eq!(arena.forget(id), naive.remove(&id).is_some()),
                Do::Pin(id) => match naive.get_mut(&id) {
                    Some(entry) => { entry.1 = true; arena.pin(id).unwrap() }
                    None => prop_assert_eq!(kind(arena.pin(id)), ErrorKind::Unknown),
                },
                Do::Unpin(id) => match naive.get_mut(&id) {
                    Some(entry) => { entry.1 = false; arena.unpin(id).unwrap() }
                    None => prop_assert_eq!(kind(arena.unpin(id)), ErrorKind::Unknown),
                },
            }
            most = most.max(naive.len());
            let holding = arena.holding();
            let unpinned: Vec<_> = naive.iter().filter(|(_, e)| !e.1).map(|(id, e)| (e.0, *id)).collect();
            prop_assert_eq!(holding.patches, naive.len() as u64);
            prop_assert_eq!(holding.selected, (naive.len() - unpinned.len()) as u64);
            prop_assert_eq!(arena.oldest(), unpinned.iter().min().copied());
            prop_assert_eq!(arena.has_room(), unpinned.len() < bound);
            prop_assert_eq!(holding.bytes, (naive.len() * Arena::place_bytes(format, in_file, LEN)) as u64);
            if in_file {
                prop_assert_eq!(holding.bytes_made, (most * Arena::place_bytes(format, true, LEN)) as u64, "places are used again");
            }
            for id in 1..12 {
                prop_assert_eq!(arena.contains(id), naive.contains_key(&id));
                prop_assert_eq!(arena.is_readable(id), naive.contains_key(&id));
                match naive.get(&id) {
                    Some((_, _, values)) => prop_assert_eq!(&read(&mut arena, id).unwrap(), values),
                    None => prop_assert_eq!(kind(read(&mut arena, id)), ErrorKind::Unknown),
                }
            }
        }
    }

    #[test]
    fn float16_keeps_its_stated_error(bits in proptest::collection::vec(any::<u32>(), LEN)) {
        let values: Vec<f32> = bits.into_iter().map(f32::from_bits)
            .map(|v| if v.is_finite() && v.abs() <= 65504.0 { v } else { 65504.0 }).collect();
        let mut arena = open(None, Format::Float16, 1).unwrap();
        prop_assert_eq!(arena.keep(tag(1, 0), &values), Ok(Kept::Yes));
        for (value, stored) in values.iter().zip(read(&mut arena, 1).unwrap()) {
            let (value, stored) = (f64::from(*value), f64::from(stored));
            let allowed = if value.abs() >= 6.103_515_625e-5 { value.abs() / 2048.0 } else { 2.0_f64.powi(-25) };
            prop_assert!((value - stored).abs() <= allowed, "{} became {}", value, stored);
        }
    }
}

#[test]
fn float32_is_kept_bit_for_bit() {
    let mut values = densities(1);
    values[..4].copy_from_slice(&[f32::MIN_POSITIVE / 8.0, -0.0, f32::MAX, f32::from_bits(0x7fc0_1234)]);
    let mut arena = open(None, Format::Float32, 1).unwrap();
    assert_eq!(arena.keep(tag(1, 0), &values), Ok(Kept::Yes));
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&read(&mut arena, 1).unwrap()), bits(&values));
}

#[test]
fn float16_refuses_what_it_cannot_hold() {
    let mut arena = open(None, Format::Float16, 1).unwrap();
    for misfit in [65504.01, -65505.0, f32::MAX, f32::NAN] {
        let mut values = densities(1);
        values[LEN - 1] = misfit;
        assert_eq!(kind(arena.keep(tag(1, 0), &values)), ErrorKind::Value);
    }
    assert_eq!(arena.holding().patches, 0);
    assert_eq!(arena.keep(tag(1, 0), &[65504.0; LEN]), Ok(Kept::Yes), "the largest is there, and so is its place");
}

#[test]
fn arena_refuses_options_and_patches_that_do_not_fit() {
    let none = Options { home: Home::Memory, format: Format::Float32, bytes: 4 * LEN as u64 - 1 };
    assert_eq!(kind(Arena::open(&none, LEN)), ErrorKind::Argument);
    assert_eq!(kind(Arena::open(&none, 0)), ErrorKind::Argument);
    let mut arena = open(None, Format::Float32, 2).unwrap();
    assert_eq!(kind(arena.keep(tag(1, 0), &[0.0; LEN - 1])), ErrorKind::Shape);
    assert_eq!(arena.keep(tag(1, 0), &densities(1)), Ok(Kept::Yes));
    assert_eq!(kind(arena.read(1, &mut [0.0; LEN + 1])), ErrorKind::Shape);
}

#[test]
fn memory_beyond_reason_is_full_and_no_crash() {
    let options = Options { home: Home::Memory, format: Format::Float32, bytes: u64::MAX };
    let mut arena = Arena::open(&options, 1 << 58).unwrap();
    assert!(!arena.grow());
    assert_eq!(arena.holding().bytes_made, 0);
}

#[test]
fn file_whose_bits_flip_or_that_is_cut_is_corrupt_and_harms_no_other_patch() {
    let folder = Folder::new("flips");
    for format in [Format::Float32, Format::Float16] {
        let place = Arena::place_bytes(format, true, LEN);
        let mut arena = open(Some(&folder.file()), format, 3).unwrap();
        for id in 1..=3 {
            assert_eq!(arena.keep(tag(id, 0), &densities(id)), Ok(Kept::Yes));
        }
        let good = read(&mut arena, 2).unwrap();
        let file = std::fs::File::options().read(true).write(true).open(folder.file()).unwrap();
        let at = |byte: usize| PAGE + (place + byte) as u64;
        for byte in (0..HEAD).chain((HEAD..place).step_by(97)).chain([place - 1]) {
            let mut was = [0];
            file.read_exact_at(&mut was, at(byte)).unwrap();
            for bit in 0..8 {
                file.write_all_at(&[was[0] ^ 1 << bit], at(byte)).unwrap();
                let mut values = vec![0.5; LEN];
                assert_eq!(arena.read(2, &mut values).unwrap_err().kind(), ErrorKind::Corrupt, "byte {byte} bit {bit}");
                assert_eq!(values, [0.5; LEN], "written by success only");
            }
            assert!(!arena.is_readable(2) && arena.is_readable(1) && arena.is_readable(3));
            file.write_all_at(&was, at(byte)).unwrap();
        }
        assert_eq!(read(&mut arena, 2).unwrap(), good);
        // The place of one in that of another: whole, and not what is asked for.
        let mut other = vec![0; place];
        file.read_exact_at(&mut other, at(place)).unwrap();
        file.write_all_at(&other, at(0)).unwrap();
        assert_eq!(kind(read(&mut arena, 2)), ErrorKind::Corrupt);
        for len in [at(place) - 1, at(0) + 5, 10, 0] {
            file.set_len(len).unwrap();
            assert_eq!(kind(read(&mut arena, 2)), ErrorKind::Corrupt, "cut to {len}");
        }
        // The place is good again once it is written again.
        assert!(arena.forget(2));
        assert_eq!(arena.keep(tag(4, 0), &densities(4)), Ok(Kept::Yes));
        assert!(arena.is_readable(4));
    }
}

#[test]
fn file_belongs_to_one_arena_and_goes_with_it() {
    let folder = Folder::new("one");
    let path = folder.file();
    let arena = open(Some(&path), Format::Float32, 1).unwrap();
    assert_eq!(kind(open(Some(&path), Format::Float32, 1)), ErrorKind::Busy);
    drop(arena);
    assert!(!path.exists());
    // What a killed stream left is used again; anything else is not touched.
    std::fs::write(&path, [&b"pstrmdns"[..], &[0; 30]].concat()).unwrap();
    drop(open(Some(&path), Format::Float16, 1).unwrap());
    assert!(!path.exists());
    let of_a_run = [&b"pstrmdns"[..], &[1; 30]].concat();
    for foreign in [&b"my thesis"[..], b"pstrmdn", b"pstrmlog........", &of_a_run] {
        std::fs::write(&path, foreign).unwrap();
        assert_eq!(kind(open(Some(&path), Format::Float32, 1)), ErrorKind::Argument);
        assert_eq!(std::fs::read(&path).unwrap(), foreign);
    }
    std::fs::remove_file(&path).unwrap();
    // Whoever takes the name away meanwhile keeps it.
    let arena = open(Some(&path), Format::Float32, 1).unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, b"somebody else's").unwrap();
    drop(arena);
    assert!(path.exists());
}

#[test]
fn file_that_cannot_be_made_is_an_error() {
    let folder = Folder::new("impossible");
    std::os::unix::fs::symlink(folder.0.join("target"), folder.0.join("link")).unwrap();
    for (path, expected) in [
        (folder.0.join("missing/densities"), ErrorKind::Io),
        (folder.0.clone(), ErrorKind::Argument),
        (folder.0.join("link"), ErrorKind::Argument),
        (PathBuf::from("/dev/full"), ErrorKind::Argument),
    ] {
        assert_eq!(kind(open(Some(&path), Format::Float32, 1)), expected, "{path:?}");
    }
    assert!(!folder.0.join("target").exists());
}
