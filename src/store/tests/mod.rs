//! The store against its promises: what is read is what was written, a prefix of it, or a clear error.
//!
//! Not here: writers that are killed (`tests/store/`).

mod bytes;
mod damage;
mod faults;
pub(crate) mod faulty;
mod fences;
mod fixtures;
mod folders;
mod logs;
mod pieces;

use std::path::{Path, PathBuf};

use super::*;

/// A folder of its own, in memory where there is such a place, and gone at the end.
pub struct Place(PathBuf);

impl Place {
    pub fn new(what: &str) -> Self {
        let shm = Path::new("/dev/shm");
        let root = if shm.is_dir() { shm.into() } else { std::env::temp_dir() };
        let place = root.join(format!("patchstream-store-{}-{what}", std::process::id()));
        let _ = std::fs::remove_dir_all(&place);
        Self(place)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An entry, owned.
pub type Entry = (u16, Vec<u8>);

/// The entry with this sequence: of kind and length that change now and then, so that some share a record.
pub fn entry(sequence: u64) -> Entry {
    let length = [20, 20, 20, 33, 0, 0, 1, 150][sequence as usize / 2 % 8];
    let kind = 1 + (sequence / 5 % 3) as u16;
    (kind, (0..length).map(|at| (sequence * 7 + at) as u8).collect())
}

pub fn append(store: &mut Store, count: u64) {
    for _ in 0..count {
        let (kind, payload) = entry(store.appended() + 1);
        let expected = store.appended() + 1;
        assert_eq!(store.append(kind, &payload).unwrap(), expected);
    }
}

/// What a checkpoint up to a sequence holds.
pub fn sections(sequence: u64) -> Sections {
    let mut sections = Sections::new();
    sections.add(7, sequence.to_le_bytes().to_vec()).unwrap();
    sections.add(9, entry(sequence).1).unwrap();
    sections.add(2, Vec::new()).unwrap();
    sections
}

/// All entries from a sequence on, which have to be those that were appended; how many.
pub fn entries_are_true(found: &Recovered, from: u64) -> crate::error::Result<u64> {
    let mut records = found.records(from)?;
    let mut next = from;
    while let Some(Record { sequence, kind, payload }) = records.next()? {
        assert_eq!(sequence, next, "a gap");
        assert_eq!((kind, payload.to_vec()), entry(sequence), "entry {sequence} is another");
        next += 1;
    }
    assert_eq!(next, found.last + 1, "the log ends elsewhere than it said");
    Ok(next - from)
}

/// A checkpoint has to be one that was written.
pub fn checkpoint_is_true(found: &Recovered) {
    if let Some(checkpoint) = &found.checkpoint {
        assert_eq!(checkpoint.sections, sections(checkpoint.sequence));
        assert!(checkpoint.sequence <= found.last);
    }
}

pub fn options(durability: Durability) -> Options {
    Options { durability, segment_bytes: 4096, buffer_bytes: 4096 }
}
