//! Streams whose producers are other processes: this test program starts itself again as a producer or as an owner.
//!
//! Not here: doors and lanes themselves (`tests/lane`).

mod child;
mod garbage;
mod kill;
mod patches;
#[allow(dead_code, reason = "other programs use the rest")]
#[path = "../support/role.rs"]
mod role;

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use patchstream::error::{ErrorKind, Result};
use patchstream::patch::{Field, Meta, Samples};
use patchstream::stream::{Answers, Producer, Pushed, Stream};

/// A name that no other test has, nor another run of these.
fn name(what: &str) -> String {
    format!("remote-{}-{what}", std::process::id())
}

/// The file of a segment.
fn file_of(name: &str) -> PathBuf {
    // SAFETY: geteuid cannot fail.
    let uid = unsafe { libc::geteuid() };
    PathBuf::from(format!("/dev/shm/ps-{uid}-{name}"))
}

/// Lines of a stream's log.
type Lines = Arc<Mutex<Vec<String>>>;

/// A stream of patches of 5 x 5 points, and its log.
fn stream(name: &str, background: bool) -> (Stream, Lines) {
    let lines = Lines::default();
    let log = lines.clone();
    let builder = Stream::builder().grid(5, 5).model("mean").capacity(1_000_000).slots(8).background(background);
    let builder = builder.transport(format!("shm:{name}")).untrusted(true);
    let stream = builder.log(move |_, line| log.lock().unwrap().push(line.into())).open().unwrap();
    (stream, lines)
}

fn attach(name: &str, label: &str) -> Result<Producer> {
    Producer::attach(&format!("shm:{name}"), label, Duration::from_secs(10))
}

/// A patch's densities: other ones for each id.
fn densities(id: u64) -> Vec<f32> {
    (0..5 * 5 * 14).map(|at| ((id * 131 + at) % 1009) as f32 / 1009.0).collect()
}

fn meta(id: u64, step: i64) -> Meta<'static> {
    Meta { id, step, center_nm: [15.0, 15.0], ..Meta::default() }
}

fn push(producer: &mut Producer, id: u64, step: i64) -> Result<Pushed> {
    let densities = densities(id);
    producer.push(&meta(id, step), &Field::interleaved(Samples::F32(&densities), 5, 5, 14)?)
}

/// Polls until all that a producer sent was answered, for twenty seconds at most.
fn settle(stream: &Stream, producer: &Producer) -> Answers {
    let started = Instant::now();
    loop {
        stream.poll(Duration::from_millis(10)).unwrap();
        let answers = producer.answers().unwrap();
        if answers.taken + answers.known + answers.refused == answers.sent {
            return answers;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{answers:?}");
    }
}

/// Polls until `done`, for twenty seconds at most.
fn poll_until(stream: &Stream, what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        stream.poll(Duration::from_millis(1)).unwrap();
        assert!(started.elapsed() < Duration::from_secs(20), "{what} did not happen");
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn has(lines: &Lines, what: &str) -> bool {
    lines.lock().unwrap().iter().any(|line| line.contains(what))
}
