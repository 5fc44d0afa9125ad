//! What a run keeps on disk: a log of everything that was acknowledged or told, checkpoints that shorten the way back, and
//! what it takes to go on after any end of the process or the machine. It knows entries of a kind and bytes, not patches.
//!
//! ```
//! use patchstream::store::{Options, Sections, Store};
//!
//! # fn main() -> patchstream::error::Result<()> {
//! # let folder = std::env::temp_dir().join(format!("patchstream-doc-{}", std::process::id()));
//! let mut store = Store::create(&folder, "grid = 37", &Options::default())?;
//! assert_eq!(store.append(1, b"a point")?, 1);
//! store.commit()?; // acknowledged: a kill -9 does not take it away
//! store.checkpoint(Sections::new())?;
//! store.append(2, b"an event")?;
//! store.close()?;
//!
//! let (store, found) = Store::open(&folder, &Options::default())?;
//! assert_eq!(found.checkpoint.as_ref().unwrap().sequence, 1);
//! let mut records = found.records(1)?;
//! assert_eq!(records.next()?.unwrap().payload, b"a point");
//! assert_eq!(records.next()?.unwrap().payload, b"an event");
//! assert_eq!(records.next()?, None);
//! # drop(store);
//! # std::fs::remove_dir_all(&folder).unwrap();
//! # Ok(())
//! # }
//! ```
//!
//! | durability | an acknowledged entry survives | `commit` is |
//! |---|---|---|
//! | `None` | an orderly end | nothing |
//! | `Buffered`, the default | any end of the process, kill -9 included | one write |
//! | `Batch` | a power cut too, on an honest disk | one write, one sync for all since the last |
//! | `Record` | a power cut too | nothing: each entry is written and synced by itself |
//!
//! After a crash of the machine the log of `Buffered` is a prefix of the truth; that of `None` may have a gap, which is
//! then an error. Segments of the log are the home of what they hold and are never removed. `docs/format.md` is the layout.
//!
//! Not here: what entries and sections mean ([`crate::stream`]); threads: a checkpoint may be written on the caller's.

#[allow(unsafe_code, reason = "a call that the standard library lacks")]
mod ahead;
mod behind;
pub mod bytes;
mod checkpoint;
mod disk;
mod epoch;
mod folder;
mod log;
mod options;
mod pieces;
mod read;
mod recover;
mod segment;
#[allow(clippy::module_inception, reason = "the store itself")]
mod store;
#[cfg(test)]
pub(crate) mod tests;

pub use behind::Behind;
pub use checkpoint::{Checkpoint, PendingCheckpoint, Section, Sections};
pub use folder::{Description, Folder, Run, look};
pub use options::{Durability, Options};
pub use read::{Record, Records};
pub use recover::{Cut, Recovered, read};
pub use segment::PAYLOAD_MAX;
pub use store::{Store, writer};

/// The format of everything here; a reader reads its own.
pub const FORMAT: u32 = 1;
