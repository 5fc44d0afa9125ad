//! Segments and rings between processes: this test program starts itself again in another role.
//!
//! Not here: the ring's own rules, which hold in any memory (`src/ring/tests/`), and all orders of its two ends (`.ci/loom`).

mod child;
mod files;
mod kill;
mod look;
mod owners;
#[allow(dead_code, reason = "other programs use the rest")]
#[path = "../support/role.rs"]
mod role;
mod sweep;

use std::path::PathBuf;

use patchstream::ring::{Geometry, Header, KIND_PATCH, OnFull, Producer, Sent, Shared};
use patchstream::shm::{PartSpec, Segment};

/// A name that no other test has, nor another run of these.
fn name(what: &str) -> String {
    format!("test-{}-{what}", std::process::id())
}

/// The file of a segment.
fn file_of(name: &str) -> PathBuf {
    // SAFETY: geteuid cannot fail.
    let uid = unsafe { libc::geteuid() };
    PathBuf::from(format!("/dev/shm/ps-{uid}-{name}"))
}

fn lock_of(name: &str) -> PathBuf {
    file_of(&format!("{name}.lock"))
}

const LEN: usize = 1000;

/// A segment with one ring of eight slots for 1000 numbers.
fn segment(name: &str) -> Segment {
    let ring = PartSpec::Ring(Geometry::compact(8, LEN, 64).unwrap());
    Segment::create(name, 7, &[ring]).unwrap()
}

/// Sends a record all of whose numbers and bytes say its id.
fn send(producer: &mut Producer<Shared>, id: u64, full: &OnFull<'_>) -> Sent {
    let header = Header { kind: KIND_PATCH, id, step: -(id as i64), ..Header::default() };
    let length = LEN - id as usize % 100;
    producer.send(header, &[id as f32; LEN][..length], &[id as u8; 64], full).unwrap()
}

/// What could not be tested here is said aloud, and fails where everything has to run.
fn skip(why: &str) {
    assert!(std::env::var_os("PATCHSTREAM_REQUIRE_ALL").is_none(), "has to run here, but {why}");
    eprintln!("SKIPPED: {why}");
}
