//! A disk whose writes and syncs fail when they are told to, and what a power cut leaves of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Error, Result};
use std::sync::{Arc, Mutex};

use crate::retain::disk::Disk;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// One error; of a write half of the bytes are there.
    Torn,
    /// The disk is full from then on: half of the bytes, then none.
    Full,
    /// Neither this nor anything after it happens.
    Dead,
}

#[derive(Default)]
struct State {
    operations: u64,
    fault: Option<(u64, Fault)>,
    /// What was there before a write that no sync has followed, by offset.
    unsynced: BTreeMap<u64, Vec<u8>>,
}

/// A file on that disk.
#[derive(Clone)]
pub struct FaultyFile {
    file: Arc<File>,
    state: Arc<Mutex<State>>,
}

impl FaultyFile {
    /// A file whose operation `at`, from 0, meets the fault.
    pub fn new(file: File, fault: Option<(u64, Fault)>) -> Self {
        Self { file: Arc::new(file), state: Arc::new(Mutex::new(State { fault, ..State::default() })) }
    }

    pub fn was_hit(&self) -> bool {
        let state = self.state.lock().unwrap();
        state.fault.is_some_and(|(at, _)| state.operations > at)
    }

    /// Of each write that was not synced the first `kept` bytes of a thousand stay, the rest is as it was before.
    pub fn cut_power(&self, kept: usize) {
        for (offset, before) in std::mem::take(&mut self.state.lock().unwrap().unsynced) {
            let stays = before.len() * kept / 1000;
            self.file.write(&before[stays..], offset + stays as u64).unwrap();
        }
    }

    fn step(&self) -> Option<Fault> {
        let mut state = self.state.lock().unwrap();
        let now = state.operations;
        state.operations += 1;
        state.fault.filter(|(at, fault)| now == *at || now > *at && *fault != Fault::Torn).map(
            |(at, fault)| match fault {
                Fault::Full if now > at => Fault::Dead,
                fault => fault,
            },
        )
    }
}

impl Disk for FaultyFile {
    fn write(&self, bytes: &[u8], offset: u64) -> Result<()> {
        let fault = self.step();
        let written = match fault {
            None => bytes,
            Some(Fault::Torn | Fault::Full) => &bytes[..bytes.len() / 2],
            Some(Fault::Dead) => &[],
        };
        let mut before = vec![0; written.len()];
        let length = self.file.length()?;
        let there = (length.saturating_sub(offset) as usize).min(before.len());
        self.file.read(&mut before[..there], offset)?;
        self.file.write(written, offset)?;
        self.state.lock().unwrap().unsynced.entry(offset).or_insert(before);
        let is_full = self.state.lock().unwrap().fault.is_some_and(|(_, fault)| fault == Fault::Full);
        match fault {
            None => Ok(()),
            Some(_) if is_full => Err(Error::from_raw_os_error(libc::ENOSPC)),
            Some(_) => Err(Error::from_raw_os_error(libc::EIO)),
        }
    }

    fn read(&self, bytes: &mut [u8], offset: u64) -> Result<()> {
        self.file.read(bytes, offset)
    }

    fn length(&self) -> Result<u64> {
        self.file.length()
    }

    fn sync(&self) -> Result<()> {
        if self.step().is_some() {
            return Err(Error::from_raw_os_error(libc::EIO));
        }
        self.state.lock().unwrap().unsynced.clear();
        Ok(())
    }
}
