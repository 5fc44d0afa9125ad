//! Jobs over shared memory: streams that give them out, workers in threads and in processes of their own (this test
//! program starts itself again).
//!
//! Not here: lanes (`tests/lane`), the line's rules (the library's own tests), `dir:`.

mod child;
mod hostile;
mod kill;
mod line;
mod owners;
#[allow(dead_code, reason = "other programs use the rest")]
#[path = "../support/role.rs"]
mod role;

use std::time::{Duration, Instant};

use patchstream::error::ErrorKind;
use patchstream::job::{Job, Submitted};
use patchstream::patch::{Field, Meta, Samples};
use patchstream::ring::Wait;
use patchstream::stream::{Builder, Stream};

const N: usize = 5;
const LEN: usize = N * N * 14;

/// A name that no other test has, nor another run of these.
fn name(what: &str) -> String {
    format!("job-{}-{what}", std::process::id())
}

fn builder(name: &str) -> Builder {
    Stream::builder().grid(N, N).model("mean").transport(format!("shm:{name}"))
}

/// The densities of a patch, which say its id.
fn densities(id: u64) -> Vec<f32> {
    (0..LEN).map(|at| id as f32 + at as f32 / 1024.0).collect()
}

/// Pushes patches of these ids and picks them all.
fn issue(stream: &Stream, ids: std::ops::RangeInclusive<u64>) {
    let count = (ids.end() - ids.start() + 1) as usize;
    let mut producer = stream.producer(&format!("p{}", ids.start())).unwrap();
    for id in ids {
        let meta = Meta { id, center_nm: [15.0, 15.0], label: Some("ddft"), ..Meta::default() };
        let values = densities(id);
        producer.push(&meta, &Field::interleaved(Samples::F32(&values), N, N, 14).unwrap()).unwrap();
        stream.poll(Duration::from_secs(1)).unwrap();
    }
    assert_eq!(stream.select(0, count).unwrap().unwrap().batch.selections.len(), count);
}

fn wait(ms: u64) -> Wait<'static> {
    Wait { timeout: Duration::from_millis(ms), spin: Duration::ZERO, stop: None }
}

/// A stream whose owner's part runs in a thread until it is dropped.
struct Running {
    stream: std::sync::Arc<Stream>,
    end: std::sync::Arc<std::sync::atomic::AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    fn start(stream: Stream) -> Self {
        let stream = std::sync::Arc::new(stream);
        let end = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let (owner, ends) = (stream.clone(), end.clone());
        let thread = std::thread::spawn(move || {
            while !ends.load(std::sync::atomic::Ordering::Relaxed) {
                owner.poll(Duration::from_millis(1)).unwrap();
                std::thread::sleep(Duration::from_micros(200));
            }
        });
        Self { stream, end, thread: Some(thread) }
    }

    /// Waits until the counts say so, for ten seconds at most.
    fn until(&self, what: impl Fn(&patchstream::stream::JobStats) -> bool) -> patchstream::stream::JobStats {
        let started = Instant::now();
        loop {
            let stats = self.stream.jobs().unwrap();
            if what(&stats) {
                return stats;
            }
            assert!(started.elapsed() < Duration::from_secs(10), "{stats:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end.store(true, std::sync::atomic::Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Takes the next job, for ten seconds at most.
fn next(name: &str) -> Job {
    Job::next(&format!("shm:{name}"), &wait(10_000)).unwrap().expect("a job within ten seconds")
}

fn submit(job: &mut Job, window: u64) -> Submitted {
    let sums = [job.id() as f64, window as f64, 1.0, 2.0];
    job.submit("rdf", window, 10, &[2, 2], &sums, &wait(10_000)).unwrap()
}
