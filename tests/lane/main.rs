//! Doors and lanes between processes: this test program starts itself again as a peer or as an owner.
//!
//! Not here: segments (`tests/shm`), patches over lanes (`tests/remote`).

mod child;
mod peers;
#[allow(dead_code, reason = "other programs use the rest")]
#[path = "../support/role.rs"]
mod role;
mod watch;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use patchstream::error::Result;
use patchstream::lane::{Door, Lane, Role, Visit};
use patchstream::ring::{Geometry, Header, OnFull, Producer, Sent, Shared};

/// A name that no other test has, nor another run of these.
fn name(what: &str) -> String {
    format!("lane-{}-{what}", std::process::id())
}

/// The file of a segment.
fn file_of(name: &str) -> PathBuf {
    // SAFETY: geteuid cannot fail.
    let uid = unsafe { libc::geteuid() };
    PathBuf::from(format!("/dev/shm/ps-{uid}-{name}"))
}

/// Files that begin with a segment's name.
fn files_of(name: &str) -> Vec<String> {
    let start = file_of(name).file_name().unwrap().to_string_lossy().into_owned();
    let names = std::fs::read_dir("/dev/shm").unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.to_string_lossy().into_owned()).filter(|name| name.starts_with(&start)).collect()
}

const LEN: usize = 100;

/// Small rings, as the door's text asks for.
fn rings(role: Role) -> impl Fn(&str) -> Result<(Geometry, Option<Geometry>)> {
    move |about| {
        assert_eq!(about, "len = 100\n");
        let ring = Geometry::compact(4, LEN, 64)?;
        Ok((ring, (role == Role::Worker).then_some(ring)))
    }
}

fn door(name: &str) -> Door {
    Door::create(name, "len = 100\n").unwrap()
}

fn visit(name: &str, role: Role, label: &str) -> Result<Visit> {
    Visit::attach(name, role, label, rings(role), Duration::from_secs(10))
}

/// Sends a record all of whose numbers say its id.
fn send(ring: &mut Producer<Shared>, id: u64) -> Sent {
    let header = Header { kind: 9, id, ..Header::default() };
    ring.send(header, &[id as f32; LEN], &[], &OnFull::Answer).unwrap()
}

/// Takes the newcomers in until there are `count`, for ten seconds at most.
fn await_lanes(door: &mut Door, count: usize) -> Vec<Lane> {
    let (started, mut lanes) = (Instant::now(), Vec::new());
    while lanes.len() < count {
        assert!(started.elapsed() < Duration::from_secs(10), "{} of {count} came", lanes.len());
        lanes.extend(door.newcomers().into_iter().map(Result::unwrap));
        std::thread::sleep(Duration::from_micros(100));
    }
    lanes
}

/// Takes what there is in a lane: the ids, each record whole.
fn take(lane: &mut Lane) -> Vec<u64> {
    let mut ids = Vec::new();
    while let Some(record) = lane.from.peek().unwrap() {
        assert!(record.tensor.iter().all(|number| *number == record.header.id as f32), "torn");
        ids.push(record.header.id);
        lane.from.advance();
    }
    ids
}

/// Waits until `done`, for ten seconds at most.
fn within_ten_seconds(what: &str, mut done: impl FnMut() -> bool) -> Duration {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(10), "{what} did not happen");
        std::thread::sleep(Duration::from_micros(200));
    }
    started.elapsed()
}
