//! The ring between two processes, beside the same ring between two threads, in the same run and in turns: what a 37 x 37
//! x 14 patch and a 64-byte message cost one way, a stream of patches, a sleeper's way, and an idle waiter.
//!
//! Limits: a patch is 76,664 bytes through two cores' caches; a message is two or three cache lines, and what one line
//! takes is measured beside it (`line`). Both sides are bound to a processor each. `--test` runs each once.

use std::hint::{black_box, spin_loop};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use patchstream::ring::{
    self, Consumer, Geometry, Header, KIND_PATCH, Loan, OnFull, Place, Private, Producer, Sent, Shared, Wait,
};
use patchstream::shm::{PartSpec, Segment};

const PATCH: usize = 37 * 37 * 14;
const MESSAGE: usize = 16;
/// Parts of the segment.
const PATCHES: usize = 0;
const MESSAGES: usize = 1;
/// Numbers of the segment's page: the ping-pong, what the reader is to do, what it has done, times in ns.
const PING: usize = 0;
const PONG: usize = 1;
const MODE: usize = 2;
const DONE: usize = 3;
const LATENCY: usize = 4;
const CPU: usize = 5;
const END: u64 = 99;

/// How the reader reads.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    /// Every value, in place in one process, out of the copy between two.
    Sum = 1,
    /// Between two processes: copied out, which reads every value.
    CopyOut,
    /// Between two processes: every value where it lies.
    Raw,
    Message,
    /// A message whose reader sleeps first.
    Wake,
    Ping,
    /// Waits for two seconds and says what that took of a processor.
    Idle,
}

fn now_ns() -> u64 {
    // SAFETY: a timespec is two numbers.
    let mut time: libc::timespec = unsafe { std::mem::zeroed() };
    // SAFETY: the call writes the local only.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn cpu_ns() -> u64 {
    // SAFETY: as above.
    let mut time: libc::timespec = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn bind(cpu: usize) {
    // SAFETY: a cpu_set_t is a bit field, and the number is inside it; if the system refuses, nothing is bound.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set);
    }
}

fn sum_of(tensor: &[f32]) -> f32 {
    let mut lanes = [0.0; 16];
    for block in tensor.chunks(16) {
        lanes.iter_mut().zip(block).for_each(|(lane, value)| *lane += value);
    }
    lanes.iter().sum()
}

/// Takes one record if there is one; returns when it was sent.
fn take<P: Place>(consumer: &mut Consumer<P>, sum: bool) -> Option<u64> {
    let sent = consumer.peek().unwrap().map(|record| {
        if sum {
            black_box(sum_of(record.tensor));
        }
        record.header.committed_ns
    })?;
    let latency = now_ns() - sent;
    consumer.advance();
    Some(latency)
}

fn take_raw(consumer: &mut Consumer<Shared>) -> Option<u64> {
    let record = consumer.peek_raw().unwrap()?;
    let (first, len) = record.tensor();
    let mut lanes = [0.0; 16];
    for at in 0..len {
        // SAFETY: inside the tensor.
        lanes[at % 16] += unsafe { first.add(at).read_volatile() };
    }
    black_box(lanes);
    assert!(record.is_whole());
    let latency = now_ns() - record.header.committed_ns;
    consumer.advance();
    Some(latency)
}

fn send<P: Place>(producer: &mut Producer<P>, tensor: &[f32], fill: fn(&mut Loan<P>, &[f32])) {
    let committed_ns = now_ns();
    let mut loan = loop {
        match producer.loan(tensor.len()).unwrap() {
            Some(loan) => break loan,
            None => spin_loop(),
        }
    };
    fill(&mut loan, tensor);
    producer.commit(loan, 0, Header { kind: KIND_PATCH, committed_ns, ..Header::default() }).unwrap();
}

/// The reader in the other process: does as the segment's page says until the end.
fn reader(name: &str) {
    bind(1);
    let segment = Segment::open(name, Duration::from_secs(10)).unwrap();
    let (mut patches, mut messages) = (segment.consumer(PATCHES).unwrap(), segment.consumer(MESSAGES).unwrap());
    let stats = segment.stats();
    let started = Instant::now();
    loop {
        let mode = stats.get(MODE);
        let latency = match mode {
            END => return,
            mode if mode == Mode::Sum as u64 => take(&mut patches, true),
            mode if mode == Mode::CopyOut as u64 => take(&mut patches, false),
            mode if mode == Mode::Raw as u64 => take_raw(&mut patches),
            mode if mode == Mode::Message as u64 => take(&mut messages, true),
            mode if mode == Mode::Wake as u64 => {
                let wait = Wait { spin: Duration::ZERO, ..Wait::up_to(Duration::from_millis(20)) };
                messages.wait(&wait).unwrap();
                take(&mut messages, true)
            }
            mode if mode == Mode::Ping as u64 => {
                let ping = stats.get(PING);
                if ping != stats.get(PONG) {
                    stats.set(PONG, ping);
                }
                None
            }
            mode if mode == Mode::Idle as u64 => {
                let before = (now_ns(), cpu_ns());
                messages.wait(&Wait::up_to(Duration::from_secs(2))).unwrap();
                let (wall, cpu) = (now_ns() - before.0, cpu_ns() - before.1);
                stats.set(CPU, cpu * 1_000_000 / wall);
                stats.set(MODE, 0);
                None
            }
            // The processor is the other reader's now.
            _ => {
                assert!(started.elapsed() < Duration::from_secs(600), "nobody has anything to do for this reader");
                std::thread::sleep(Duration::from_micros(100));
                continue;
            }
        };
        if let Some(latency) = latency {
            stats.set(LATENCY, latency);
            stats.add(DONE, 1);
        } else {
            spin_loop();
        }
    }
}

fn median(times: &mut [u64]) -> f64 {
    times.sort_unstable();
    times[times.len() / 2] as f64
}

/// One way to the other process, in ns.
fn one_way(segment: &Segment, producer: &mut Producer<Shared>, tensor: &[f32], mode: Mode, times: usize) -> f64 {
    let stats = segment.stats();
    stats.set(MODE, mode as u64);
    let mut latencies: Vec<u64> = (0..times)
        .map(|_| {
            let done = stats.get(DONE);
            if mode == Mode::Wake {
                std::thread::sleep(Duration::from_micros(300));
            }
            send(producer, tensor, |loan, tensor| loan.write_tensor(tensor).unwrap());
            while stats.get(DONE) == done {
                spin_loop();
            }
            stats.get(LATENCY)
        })
        .collect();
    stats.set(MODE, 0);
    median(&mut latencies)
}

/// One way to another thread, in ns; and a stream, in ns a record.
fn in_process(tensor: &[f32], geometry: Geometry, times: usize) -> (f64, f64) {
    let (producer, mut consumer) = ring::heap(geometry).unwrap();
    let streams = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let streams = &streams;
        let mut producer = producer;
        let (tell, told) = ring_of_latencies();
        scope.spawn(move || {
            bind(1);
            let mut tell = tell;
            while !consumer.is_closed() {
                if let Some(latency) = take(&mut consumer, true)
                    && !streams.load(Ordering::Relaxed)
                {
                    ring::ringbuf::traits::Producer::try_push(&mut tell, latency).unwrap();
                }
            }
        });
        let mut told = told;
        let fill = |loan: &mut Loan<Private>, tensor: &[f32]| loan.copy_from_slice(tensor);
        let mut latencies: Vec<u64> = (0..times)
            .map(|_| {
                send(&mut producer, tensor, fill);
                loop {
                    if let Some(latency) = ring::ringbuf::traits::Consumer::try_pop(&mut told) {
                        break latency;
                    }
                    spin_loop();
                }
            })
            .collect();
        streams.store(true, Ordering::Relaxed);
        let stream = stream(&mut producer, tensor, fill, times);
        drop(producer);
        (median(&mut latencies), stream)
    })
}

fn ring_of_latencies() -> (ring::ringbuf::HeapProd<u64>, ring::ringbuf::HeapCons<u64>) {
    ring::ringbuf::traits::Split::split(ring::ringbuf::HeapRb::new(16))
}

/// Time a record when they are sent as fast as they are taken: the median of short bursts, which survive being scheduled.
fn stream<P: Place>(producer: &mut Producer<P>, tensor: &[f32], fill: fn(&mut Loan<P>, &[f32]), times: usize) -> f64 {
    const BURST: u64 = 100;
    let mut bursts: Vec<u64> = (0..times as u64 / BURST + 1)
        .map(|_| {
            let started = now_ns();
            for _ in 0..BURST {
                send(producer, tensor, fill);
            }
            while producer.counts().taken != producer.counts().committed {
                spin_loop();
            }
            (now_ns() - started) / BURST
        })
        .collect();
    median(&mut bursts)
}

fn main() {
    if let Ok(name) = std::env::var("PATCHSTREAM_BENCH_SEGMENT") {
        return reader(&name);
    }
    let (rounds, times) = if std::env::args().any(|arg| arg == "--test") { (1, 20) } else { (15, 1500) };
    bind(0);
    let name = format!("bench-{}", std::process::id());
    let patches = Geometry::new(64, PATCH).unwrap();
    let messages = Geometry::compact(64, MESSAGE, 0).unwrap();
    let parts = [patches, messages].map(PartSpec::Ring);
    let segment = Segment::create(&name, 1, &parts).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env("PATCHSTREAM_BENCH_SEGMENT", &name)
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let (mut to_patches, mut to_messages) = (segment.producer(PATCHES).unwrap(), segment.producer(MESSAGES).unwrap());
    let patch: Vec<f32> = (0..PATCH).map(|at| at as f32).collect();
    let message = &patch[..MESSAGE];
    let fill = |loan: &mut Loan<Shared>, tensor: &[f32]| loan.write_tensor(tensor).unwrap();
    let stats = segment.stats();

    let mut found: Vec<(&str, Vec<f64>)> = Vec::new();
    let mut note = |what, ns: f64| match found.iter_mut().find(|(known, _)| *known == what) {
        Some((_, all)) => all.push(ns),
        None => found.push((what, vec![ns])),
    };
    for _ in 0..rounds {
        let (thread, thread_stream) = in_process(&patch, patches, times);
        note("patch/threads/in_place", thread);
        note("patch/threads/in_place with a payload CRC", in_process(&patch, patches.with_payload_crc(), times).0);
        let copied = one_way(&segment, &mut to_patches, &patch, Mode::CopyOut, times);
        note("patch/processes/copied_out", copied);
        note("patch/processes/copied_out over threads", copied / thread);
        let summed = one_way(&segment, &mut to_patches, &patch, Mode::Sum, times);
        note("patch/processes/copied_out_and_read", summed);
        note("patch/processes/copied_out_and_read over threads", summed / thread);
        note("patch/processes/raw", one_way(&segment, &mut to_patches, &patch, Mode::Raw, times));
        stats.set(MODE, Mode::Sum as u64);
        let shared_stream = stream(&mut to_patches, &patch, fill, times);
        stats.set(MODE, 0);
        note("stream/threads", thread_stream);
        note("stream/processes", shared_stream);
        note("stream/processes over threads", shared_stream / thread_stream);
        note("message/threads", in_process(message, messages, times).0);
        let sent = one_way(&segment, &mut to_messages, message, Mode::Message, times);
        note("message/processes", sent);
        let line = line(&segment, times);
        note("line/processes", line);
        note("message over lines", sent / line);
        note("message/asleep", one_way(&segment, &mut to_messages, message, Mode::Wake, times.min(100)));
    }
    stats.set(MODE, Mode::Idle as u64);
    while stats.get(MODE) != 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    println!("{:<52} {:>10} {:>10}", "ns, or a ratio of one round", "median", "least");
    for (what, mut all) in found {
        all.sort_by(f64::total_cmp);
        println!("{what:<52} {:>10.2} {:>10.2}", all[all.len() / 2], all[0]);
    }
    println!("idle waiter: {} millionths of a processor", stats.get(CPU));
    stats.set(MODE, END);
    assert!(child.wait().unwrap().success());
    let idle = OnFull::Drop;
    assert!((0..65).any(|_| to_messages.send(Header::default(), message, &[], &idle).unwrap() == Sent::Dropped));
}

/// Half a round trip of a cache line between the two processes, in ns.
fn line(segment: &Segment, times: usize) -> f64 {
    let stats = segment.stats();
    stats.set(MODE, Mode::Ping as u64);
    let mut round_trips: Vec<u64> = (0..times / 50 + 1)
        .map(|_| {
            let started = now_ns();
            for _ in 0..50 {
                let ping = stats.get(PING) + 1;
                stats.set(PING, ping);
                while stats.get(PONG) != ping {
                    spin_loop();
                }
            }
            (now_ns() - started) / 100
        })
        .collect();
    stats.set(MODE, 0);
    median(&mut round_trips)
}
