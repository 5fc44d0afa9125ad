//! Every file of a stream's small run cut at every byte, and every byte of it flipped: the stream that opens it has a part
//! of the truth, entry for entry, or says what is wrong; it never has anything else, and never panics.
//!
//! Not here: the same of entries that mean nothing (`src/store/tests/damage.rs`), disks that fail ([`super::faults`]).

use std::fs;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::journal::Folder;
use super::script::{self, FIRST, Truth, act, builder, decided_by, entries};
use crate::error::ErrorKind;
use crate::store::{Durability, read};
use crate::stream::journal::records;
use crate::stream::{LogLevel, OnFailure, StoreConfig};

/// A good run, and a copy of it that is damaged again and again.
struct Examined {
    truth: Truth,
    store: StoreConfig,
    copy: Folder,
    /// Names and bytes of the good run.
    files: Vec<(&'static str, Vec<u8>)>,
    /// Files that are left away, and the entries that the rest has as long as it is good.
    absent: &'static [usize],
    whole: usize,
    seen: Seen,
}

/// How often each outcome was seen.
#[derive(Debug, Default)]
struct Seen {
    whole: u64,
    parts: u64,
    errors: u64,
    /// Those of the parts with which the host went on to the end.
    went_on: u64,
}

const NAMES: [&str; 6] =
    ["run.toml", "log/000001.log", "log/000002.log", "checkpoint-A", "checkpoint-B", "epochs/000001"];

impl Examined {
    fn new() -> Self {
        let store = script::store(Durability::Buffered, OnFailure::Stop);
        let truth = Truth::new(&store);
        let files = NAMES.map(|name| (name, fs::read(truth.folder.0.join(name)).unwrap())).to_vec();
        for (name, bytes) in &files {
            assert!(bytes.len() < 4000, "{name} has {} bytes: too many for this", bytes.len());
        }
        let whole = truth.entries.len();
        Self { truth, store, copy: Folder::in_memory(), files, absent: &[], whole, seen: Seen::default() }
    }

    /// Leaves files away from here on.
    fn leave_away(&mut self, absent: &'static [usize]) {
        self.absent = absent;
        self.lay_out(usize::MAX, None);
        self.whole = read(&self.copy.0).unwrap().last as usize;
    }

    /// The good run again, but for one file, if it is there.
    fn lay_out(&self, which: usize, bytes: Option<&[u8]>) {
        let root = &self.copy.0;
        for folder in ["log", "epochs"] {
            let _ = fs::remove_dir_all(root.join(folder));
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        for (at, (name, good)) in self.files.iter().enumerate() {
            let bytes = if at == which { bytes } else { Some(&good[..]) };
            match bytes.filter(|_| !self.absent.contains(&at)) {
                Some(bytes) => fs::write(root.join(name), bytes).unwrap(),
                None => drop(fs::remove_file(root.join(name))),
            }
        }
    }

    /// What becomes of the run if one of its files has these bytes, or is not there.
    fn examine(&mut self, which: usize, bytes: Option<&[u8]>, what: &str) {
        self.lay_out(which, bytes);
        let (name, good) = &self.files[which];
        let what = format!("{name} {what}");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let log = lines.clone();
        let log = move |level: LogLevel, line: &str| {
            if level == LogLevel::Warning {
                log.lock().push(line.to_owned());
            }
        };
        let found = read(&self.copy.0).and_then(|found| entries(&found));
        if found.is_err() && !self.seen.errors.is_multiple_of(4) {
            // A stream reads in the same way before anything else: some of them have to show it.
            self.seen.errors += 1;
            return;
        }
        let stream = match builder(&self.copy.0, self.store.clone()).log(log).open() {
            Ok(stream) => stream,
            Err(error) => {
                self.seen.errors += 1;
                let kind = error.kind();
                assert!(matches!(kind, ErrorKind::Corrupt | ErrorKind::Version | ErrorKind::State), "{what}: {error}");
                let names = error.message().contains("run.toml") || error.message().contains("log");
                assert!(names, "{what}: the error does not say where: {error}");
                return assert_eq!(found.err(), Some(error), "{what}");
            }
        };
        let found = found.unwrap_or_else(|error| panic!("{what}: a stream opens what reading refuses: {error}"));
        assert_eq!(found, self.truth.entries[..found.len()], "{what}");
        assert_eq!(decided_by(&stream), self.truth.decided[found.len()], "{what}");
        let said = !lines.lock().is_empty();
        if found.len() == self.whole {
            self.seen.whole += 1;
            return assert!(said || bytes.is_none() || *name == NAMES[5], "{what}: nothing is said of it");
        }
        self.seen.parts += 1;
        // What a cut at the very end of a record leaves looks like a writer that came no further.
        assert!(said || bytes.is_none_or(|bytes| bytes.len() < good.len()), "{what}: nothing is said of it");
        let branched = found.iter().any(|(kind, _)| *kind == records::BRANCH);
        if self.seen.parts.is_multiple_of(13) && !branched {
            self.seen.went_on += 1;
            stream.resume(None).unwrap();
            let mut producer = stream.producer("ddft").unwrap();
            for &one in FIRST {
                act(&stream, &mut producer, one).unwrap_or_else(|error| panic!("{what}, {one:?} again: {error}"));
            }
            assert_eq!(decided_by(&stream), self.truth.ends[0], "{what}, and sent again");
        }
    }
}

#[test]
fn run_of_a_stream_that_is_cut_or_flipped_at_any_byte_is_a_part_of_the_truth_or_a_clear_error() {
    let mut examined = Examined::new();
    (0..NAMES.len()).for_each(|which| each_byte(&mut examined, which));
    // Without checkpoints the log alone tells how far it goes: each of its entries may be the last.
    examined.leave_away(&[3, 4]);
    each_byte(&mut examined, 2);
    examined.leave_away(&[2, 3, 4]);
    each_byte(&mut examined, 1);
    let Seen { whole, parts, errors, went_on } = examined.seen;
    assert!(whole > 1000 && parts > 5000 && errors > 5000 && went_on > 100, "{:?}", examined.seen);
}

/// Cuts a file at each of its bytes, and flips each.
fn each_byte(examined: &mut Examined, which: usize) {
    let good = examined.files[which].1.clone();
    examined.examine(which, None, "is missing");
    for at in 0..good.len() {
        examined.examine(which, Some(&good[..at]), &format!("is cut after {at} bytes"));
        let mut flips = vec![0xff];
        // The header of the file, and that of its first record or section: each bit.
        if at < 84 {
            flips.extend((0..8).map(|bit| 1 << bit));
        }
        for flip in flips {
            let mut flipped = good.clone();
            flipped[at] ^= flip;
            examined.examine(which, Some(&flipped), &format!("has byte {at} flipped by {flip:#x}"));
        }
    }
    // What lies behind another writer's first entry is nobody's: a fenced writer may have come too late.
    if which != 1 || examined.absent.contains(&2) {
        let longer = [&good[..], &[0; 100]].concat();
        examined.examine(which, Some(&longer), "has 100 zeroes behind it");
    }
}

#[test]
fn folder_without_its_description_is_no_run_and_nothing_in_it_is_touched() {
    let examined = Examined::new();
    examined.lay_out(0, None);
    let before = listed(&examined.copy.0);
    let error = builder(&examined.copy.0, examined.store.clone()).open().err().unwrap();
    assert_eq!(error.kind(), ErrorKind::State, "{error}");
    assert_eq!(listed(&examined.copy.0), before);
}

/// Names and bytes of all that is in a folder.
fn listed(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => all.extend(listed(&entry.path())),
            false => all.push((entry.path().display().to_string(), fs::read(entry.path()).unwrap())),
        }
    }
    all.sort();
    all
}
