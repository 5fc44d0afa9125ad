//! One way of 77,824 bytes from one process to another that spins: patchstream's ring and iceoryx2 0.10, in turns in one
//! run, medians in us. Both senders copy a tensor in. iceoryx2's receiver reads all of it where it lies; ours copies it out
//! first, since it does not believe the other process: timed until the copy is there, which has read every value, and until
//! every value of the copy was read once more.
//!
//! `cargo run --release`, on two quiet processors. Not here: our ring on its own (`benches/shm.rs`).

use std::hint::{black_box, spin_loop};
use std::process::Command;
use std::time::Duration;

use iceoryx2::prelude::*;
use patchstream::ring::{Geometry, Header, KIND_PATCH};
use patchstream::shm::{PartSpec, Segment};

/// 77,824 bytes.
const NUMBERS: usize = 19_456;
const MESSAGES: usize = 4000;
const TURNS: usize = 5;

/// Numbers of the segment's page: whose turn it is, messages that were read, the turn's median in ns.
const MODE: usize = 0;
const READ: usize = 1;
const MEDIAN: usize = 2;
const OURS: u64 = 1;
const COPIED: u64 = 2;
const THEIRS: u64 = 3;
const END: u64 = 4;

type Failure = Box<dyn std::error::Error>;

fn now_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes the local only.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
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

fn tensor() -> Vec<f32> {
    (0..NUMBERS).map(|at| (at % 7) as f32).collect()
}

fn service(node: &Node<ipc::Service>, name: &str) -> Result<Theirs, Failure> {
    Ok(node
        .service_builder(&name.try_into()?)
        .publish_subscribe::<[f32]>()
        .user_header::<u64>()
        .subscriber_max_buffer_size(64)
        .open_or_create()?)
}

type Theirs = iceoryx2::service::port_factory::publish_subscribe::PortFactory<ipc::Service, [f32], u64>;

fn main() -> Result<(), Failure> {
    match std::env::args().nth(1) {
        Some(name) => receive(&name),
        None => send(),
    }
}

/// The receiver's process.
fn receive(name: &str) -> Result<(), Failure> {
    bind(1);
    let expected = sum_of(&tensor());
    let segment = Segment::open(name, Duration::from_secs(10))?;
    let mut consumer = segment.consumer(0)?;
    let node = NodeBuilder::new().create::<ipc::Service>()?;
    let subscriber = service(&node, name)?.subscriber_builder().buffer_size(64).create()?;
    let stats = segment.stats();
    stats.set(READ, 1);
    loop {
        let mode = stats.get(MODE);
        if mode == END {
            return Ok(());
        }
        if mode == 0 {
            spin_loop();
            continue;
        }
        let mut times = Vec::with_capacity(MESSAGES);
        while times.len() < MESSAGES {
            if mode == THEIRS {
                let Some(sample) = subscriber.receive()? else { continue };
                assert_eq!(black_box(sum_of(sample.payload())), expected);
                times.push(now_ns() - *sample.user_header());
            } else {
                let Some(record) = consumer.peek()? else { continue };
                if mode == OURS {
                    assert_eq!(black_box(sum_of(record.tensor)), expected);
                }
                times.push(now_ns() - record.header.committed_ns);
                assert_eq!(black_box(record.tensor).len(), NUMBERS);
                consumer.advance();
            }
            stats.add(READ, 1);
        }
        times.sort_unstable();
        stats.set(MODE, 0);
        stats.set(MEDIAN, times[MESSAGES / 2]);
    }
}

fn send() -> Result<(), Failure> {
    bind(0);
    let name = format!("beside-iceoryx2-{}", std::process::id());
    let ring = PartSpec::Ring(Geometry::new(64, NUMBERS)?);
    let segment = Segment::create(&name, 1, &[ring])?;
    let mut producer = segment.producer(0)?;
    let node = NodeBuilder::new().create::<ipc::Service>()?;
    let publisher = service(&node, &name)?.publisher_builder().initial_max_slice_len(NUMBERS).create()?;
    let mut receiver = Command::new(std::env::current_exe()?).arg(&name).spawn()?;
    let (stats, tensor) = (segment.stats(), tensor());
    let until_read = |read: u64| while stats.get(READ) < read { spin_loop() };
    until_read(1);
    let (mut read, mut medians) = (1, [Vec::new(), Vec::new(), Vec::new()]);
    for turn in 0..3 * TURNS as u64 {
        let mode = OURS + turn % 3;
        stats.set(MEDIAN, 0);
        stats.set(MODE, mode);
        for _ in 0..MESSAGES {
            // One at a time, each after the last was read: what one message takes, not how many fit in.
            if mode != THEIRS {
                let sent = now_ns();
                let mut loan = producer.loan(NUMBERS)?.ok_or("the ring is full")?;
                loan.write_tensor(&tensor)?;
                producer.commit(loan, 0, Header { kind: KIND_PATCH, committed_ns: sent, ..Header::default() })?;
            } else {
                let sent = now_ns();
                let mut sample = publisher.loan_slice_uninit(NUMBERS)?;
                *sample.user_header_mut() = sent;
                sample.write_from_slice(&tensor).send()?;
            }
            read += 1;
            until_read(read);
        }
        while stats.get(MEDIAN) == 0 {
            spin_loop();
        }
        medians[turn as usize % 3].push(stats.get(MEDIAN));
    }
    stats.set(MODE, END);
    receiver.wait()?;
    let [ours, copied, theirs] = medians.map(|mut turns| {
        turns.sort_unstable();
        turns[TURNS / 2] as f64 / 1e3
    });
    println!(
        "77,824 bytes one way, spinning, p50: patchstream {copied:.1} us, its copy read once more {ours:.1} us, iceoryx2 \
         {theirs:.1} us; {:.2} and {:.2} x",
        copied / theirs,
        ours / theirs
    );
    Ok(())
}
