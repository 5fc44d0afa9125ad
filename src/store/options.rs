//! How a run is written.
//!
//! Not here: the options of the stream, which `run.toml` carries as text.

use serde::Deserialize;

use crate::error::{Result, argument};

/// What an acknowledged entry survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// Nothing is promised: entries are written when the buffer is full, at checkpoints and at the end.
    None,
    /// Any end of the process, kill -9 included; not the end of the machine. One write for each [`super::Store::commit`].
    #[default]
    Buffered,
    /// A power cut too, on a disk that is honest about what it has. One write and one sync for each commit.
    Batch,
    /// The same, for each entry on its own.
    Record,
}

/// How a run is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What an acknowledged entry survives.
    pub durability: Durability,
    /// The log goes on in a new segment after so many bytes; 64 MiB by default, 4 KiB at least.
    pub segment_bytes: u64,
    /// Room for entries that are not written yet, had once; 1 MiB by default, 4 KiB to 1 GiB. A larger entry has it grow.
    pub buffer_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { durability: Durability::default(), segment_bytes: 64 << 20, buffer_bytes: 1 << 20 }
    }
}

impl Options {
    pub(super) fn check(&self) -> Result<()> {
        if self.segment_bytes < 4096 {
            return Err(argument(format!("segments of {} bytes: 4096 are the least", self.segment_bytes)));
        }
        if !(4096..=1 << 30).contains(&self.buffer_bytes) {
            return Err(argument(format!(
                "a buffer of {} bytes: 4096 to 1 GiB is what it may have",
                self.buffer_bytes
            )));
        }
        Ok(())
    }
}
