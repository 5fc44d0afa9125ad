//! What a campaign saves of its own beside the run's log: the membrane and its counts, under a mark of the stream's.
//!
//! Two files in the run's folder, `host-A` and `host-B`, written in turns, each whole or not there:
//! ```text
//! magic u64 | serial u64 | step i64 | frame u64 | 5 counts u64 | selected kinds: count u64, each u16, u16, u64 | s f64 |
//! bytes of selections.psel u64, of selected.csv u64 |
//! membrane: count u64, bytes | rounds of feedback, with micro simulations | FNV-1a of all before u64
//! ```
//! The stream's mark is durable before the file is written, so a mark that a file names is there.
//! Not here: points and decisions, which the stream logs.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use patchstream::error::{Result, corrupt, io};
use patchstream::store::bytes::{Packer, Viewer};

use super::micro::SavedRounds;

/// "PSHOST", 2.
const MAGIC: u64 = 0x0002_5453_4f48_5350;
/// The names of the files.
const NAMES: [&str; 2] = ["host-A", "host-B"];

/// A campaign between two frames.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Saved {
    /// Counts up from 1 with each that is saved.
    pub serial: u64,
    /// Steps that were done.
    pub step: i64,
    /// Frames that were sent.
    pub frame: u64,
    /// Patches sent, control patches sent, patches rejected, patches that events took in, patches selected.
    pub counts: [u64; 5],
    /// How many patches of each constellation, RAS and RAF, were selected.
    pub selected: Vec<(u16, u16, u64)>,
    /// Wall time in s.
    pub seconds: f64,
    /// Bytes of the tables so far.
    pub written: [u64; 2],
    /// The membrane.
    pub membrane: Vec<u8>,
    /// Rounds of feedback, with micro simulations.
    pub rounds: Option<SavedRounds>,
}

impl Saved {
    /// The mark of the stream's that belongs to it, and with micro simulations to it alone: what was taken of their samples
    /// belongs to it too.
    pub fn mark(&self) -> String {
        match self.rounds {
            None => format!("frame {}", self.frame),
            Some(_) => format!("frame {} save {}", self.frame, self.serial),
        }
    }

    /// Writes it in place of the older of the two.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if the disk is full or fails.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(NAMES[(self.serial % 2) as usize]);
        let new = path.with_extension("new");
        let failed = |error: std::io::Error| io(format!("cannot write {}: {error}: make room for it", path.display()));
        let mut file = File::create(&new).map_err(failed)?;
        file.write_all(&self.pack()).and_then(|()| file.sync_all()).map_err(failed)?;
        fs::rename(&new, &path).and_then(|()| File::open(folder)?.sync_all()).map_err(failed)
    }

    /// The newest that is whole; none if none was saved.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](patchstream::error::ErrorKind::Corrupt) if all that are there are damaged.
    pub fn newest(folder: &Path) -> Result<Option<Self>> {
        let (mut newest, mut wrong): (Option<Self>, _) = (None, None);
        for path in NAMES.map(|name| folder.join(name)) {
            match Self::read(&path) {
                Ok(None) => {}
                Ok(Some(saved)) if newest.as_ref().is_some_and(|other| other.serial > saved.serial) => {}
                Ok(Some(saved)) => newest = Some(saved),
                Err(error) => wrong = Some(error),
            }
        }
        match (newest, wrong) {
            (None, Some(error)) => Err(error),
            (newest, _) => Ok(newest),
        }
    }

    fn read(path: &PathBuf) -> Result<Option<Self>> {
        match fs::read(path) {
            Ok(bytes) => Self::view(&path.display().to_string(), &bytes).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io(format!("cannot read {}: {error}", path.display()))),
        }
    }

    fn pack(&self) -> Vec<u8> {
        let mut to = Packer::with_capacity(self.membrane.len() + 256);
        to.u64(MAGIC).u64(self.serial).i64(self.step).u64(self.frame).u64s(&self.counts);
        to.count(self.selected.len());
        for (ras, raf, count) in &self.selected {
            to.u16(*ras).u16(*raf).u64(*count);
        }
        to.f64(self.seconds).u64s(&self.written).count(self.membrane.len()).u8s(&self.membrane);
        if let Some(rounds) = &self.rounds {
            rounds.pack(&mut to);
        }
        let hash = fnv(to.bytes());
        to.u64(hash);
        to.into_bytes()
    }

    fn view(name: &str, bytes: &[u8]) -> Result<Self> {
        let (body, hash) = bytes.split_last_chunk::<8>().unwrap_or((&[], &[0; 8]));
        if fnv(body) != u64::from_le_bytes(*hash) {
            return Err(corrupt(format!("{name} is damaged: put it back as it was, or begin a new campaign")));
        }
        let mut from = Viewer::new(name, body);
        if from.u64()? != MAGIC {
            return Err(corrupt(format!("{name} is of another version of patchstream: go on with that one")));
        }
        let mut saved = Self { serial: from.u64()?, step: from.i64()?, frame: from.u64()?, ..Self::default() };
        for count in &mut saved.counts {
            *count = from.u64()?;
        }
        for _ in 0..from.count(12)? {
            saved.selected.push((from.u16()?, from.u16()?, from.u64()?));
        }
        (saved.seconds, saved.written) = (from.f64()?, [from.u64()?, from.u64()?]);
        let count = from.count(1)?;
        saved.membrane = from.take(count)?.to_vec();
        if from.left() > 0 {
            saved.rounds = Some(SavedRounds::view(&mut from)?);
        }
        from.end()?;
        Ok(saved)
    }
}

/// FNV-1a, which tells a file that was damaged.
pub fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(serial: u64) -> Saved {
        Saved {
            serial,
            step: 40,
            frame: 10,
            counts: [20, 3, 1, 19, 5],
            selected: vec![(1, 0, 4), (1, 1, 2)],
            seconds: 1.5,
            written: [100, 20],
            membrane: vec![7; 1000],
            rounds: serial.is_multiple_of(2).then(|| SavedRounds { written: 7, ..SavedRounds::default() }),
        }
    }

    #[test]
    fn what_is_saved_is_read_and_every_byte_that_changes_is_noticed() {
        let bytes = saved(3).pack();
        assert_eq!(Saved::view("a", &bytes).unwrap(), saved(3));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 4;
            assert!(Saved::view("a", &damaged).is_err(), "byte {at}");
            assert!(Saved::view("a", &bytes[..at]).is_err(), "{at} bytes");
        }
    }

    #[test]
    fn the_newest_that_is_whole_is_taken() {
        let folder = std::env::temp_dir().join(format!("patchstream-host-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        assert_eq!(Saved::newest(&folder).unwrap(), None);
        for serial in 1..=4 {
            saved(serial).write(&folder).unwrap();
            assert_eq!(Saved::newest(&folder).unwrap().unwrap().serial, serial);
        }
        fs::write(folder.join(NAMES[0]), b"no").unwrap();
        assert_eq!(Saved::newest(&folder).unwrap().unwrap().serial, 3);
        fs::write(folder.join(NAMES[1]), b"").unwrap();
        assert!(Saved::newest(&folder).unwrap_err().to_string().contains("damaged"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
