//! A job out to a worker of another process and its first result back, 37 x 37 x 14, both sides spinning: from the call of
//! `select` that picks the patch to the sample in the host's hands. Beside it, in the same turns, the copy of a patch.
//!
//! On that way the densities are read back and hashed, copied into the lane, out of it, hashed again; the worker wakes
//! nobody. Both sides are bound to a processor each. `--test` runs a few. Idle workers and their memory: `tests/job`.

use std::hint::black_box;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use patchstream::dynim::State;
use patchstream::job::{Job, Submitted};
use patchstream::patch::{Field, Meta, Samples};
use patchstream::ring::Wait;
use patchstream::stream::Stream;

const N: usize = 37;
const LEN: usize = N * N * 14;

fn bind(cpu: usize) {
    // SAFETY: a cpu_set_t is a bit field, and the number is inside it; if the system refuses, nothing is bound.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set);
    }
}

/// Takes jobs, checks them, hands in one sample of each, until none comes for two seconds.
fn worker(transport: &str) {
    bind(1);
    let wait = Wait { timeout: Duration::from_secs(2), spin: Duration::from_secs(2), stop: None };
    let sums = [1.0; 14];
    while let Ok(Some(mut job)) = Job::next(transport, &wait) {
        assert_eq!(job.densities()[0], job.id() as f32);
        assert_eq!(job.submit("rdf", 0, 1, &[14], &sums, &wait).unwrap(), Submitted::Accepted);
        job.set(State::Started, None, &wait).unwrap();
        job.set(State::Done, None, &wait).unwrap();
    }
}

fn main() {
    if let Ok(transport) = std::env::var("PATCHSTREAM_BENCH_TRANSPORT") {
        return worker(&transport);
    }
    let jobs = if std::env::args().any(|arg| arg == "--test") { 20 } else { 1500 };
    bind(0);
    let transport = format!("shm:bench-jobs-{}", std::process::id());
    let stream = Stream::builder().model("mean").transport(&transport).open().unwrap();
    let mut producer = stream.producer("bench").unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env("PATCHSTREAM_BENCH_TRANSPORT", &transport)
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let (mut ways, mut copies) = (Vec::new(), Vec::new());
    let mut room = vec![0f32; LEN];
    for id in 1..=jobs {
        let densities = vec![id as f32; LEN];
        let meta = Meta { id, step: id as i64, center_nm: [15.0, 15.0], ..Meta::default() };
        producer.push(&meta, &Field::interleaved(Samples::F32(&densities), N, N, 14).unwrap()).unwrap();
        // Until the worker has asked again.
        let settle = Instant::now();
        while settle.elapsed() < Duration::from_micros(300) || stream.jobs().unwrap().counts.done + 1 < id {
            stream.poll(Duration::ZERO).unwrap();
            assert!(settle.elapsed() < Duration::from_secs(10), "the worker is gone");
        }
        let started = Instant::now();
        stream.select(id as i64, 1).unwrap().unwrap();
        let sample = loop {
            if let Some(sample) = stream.take_samples(1).unwrap().pop() {
                break sample;
            }
        };
        ways.push(started.elapsed().as_nanos() as u64);
        assert_eq!(sample.job, id);
        let started = Instant::now();
        black_box(&mut room).copy_from_slice(black_box(&densities));
        copies.push(started.elapsed().as_nanos() as u64);
    }
    println!("{:<52} {:>10} {:>10}", "us", "median", "least");
    for (what, mut all) in [("job/out_and_result_back/37x37x14", ways), ("patch/copy", copies)] {
        all.sort_unstable();
        println!("{what:<52} {:>10.2} {:>10.2}", all[all.len() / 2] as f64 / 1e3, all[0] as f64 / 1e3);
    }
    // It ends by itself, once no job comes.
    assert!(child.wait().unwrap().success());
}
