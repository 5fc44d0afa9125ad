//! `patchstream ls`, `inspect`, `gc`: what runs and what was left, for people who run campaigns.
//!
//! Files: `options` (what they can be told), `target` (what names mean), `list`, `inspect` and `json`, `sweep` (the three
//! commands), `folder` (the same for job folders), `units` (ages and sizes as people read them).
//! Not here: how segments are looked at and removed ([`patchstream::shm`]).

mod folder;
mod inspect;
mod json;
mod list;
mod options;
mod sweep;
mod target;
mod units;

pub use inspect::inspect;
pub use list::list;
pub use options::{InspectOptions, ListOptions, SweepOptions};
pub use sweep::sweep;
