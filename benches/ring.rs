//! The in-process ring: what a 37 x 37 x 14 patch costs from a producer's slot to a reader.
//!
//! Limit: the patch is 76,664 bytes; written once and read once, it moves through the caches of one core
//! (`ring/memcpy`, the same bytes copied once, is measured beside it) or from one core's cache to another's.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use patchstream::ring::{self, Consumer, Geometry, Header, KIND_PATCH, Producer};

const LEN: usize = 37 * 37 * 14;

fn pair() -> (Producer, Consumer) {
    ring::heap(Geometry::new(64, LEN).unwrap()).unwrap()
}

fn patch() -> Vec<f32> {
    (0..LEN).map(|i| i as f32).collect()
}

fn put(producer: &mut Producer, patch: &[f32], id: u64) -> bool {
    let Some(mut loan) = producer.loan(LEN).unwrap() else { return false };
    loan.copy_from_slice(patch);
    producer.commit(loan, 0, Header { kind: KIND_PATCH, id, ..Header::default() }).unwrap();
    true
}

/// Reads every value.
fn sum_of(tensor: &[f32]) -> f32 {
    let mut lanes = [0.0; 16];
    for block in tensor.chunks(16) {
        lanes.iter_mut().zip(block).for_each(|(lane, value)| *lane += value);
    }
    lanes.iter().sum()
}

/// Reads the whole tensor in place, as an encoder does.
fn take(consumer: &mut Consumer) -> Option<f32> {
    let sum = consumer.peek().unwrap().map(|record| sum_of(record.tensor));
    consumer.advance();
    sum
}

fn one_thread(c: &mut Criterion) {
    let mut group = c.benchmark_group("ring");
    group.throughput(Throughput::Bytes(4 * LEN as u64));
    let patch = patch();
    let mut copy = vec![0.0; LEN];
    group.bench_function("memcpy/37x37x14", |b| b.iter(|| black_box(&mut copy).copy_from_slice(black_box(&patch))));

    let (mut producer, mut consumer) = pair();
    let read = sum_of(&patch);
    group.bench_function("commit_and_take/one_thread/37x37x14", |b| {
        b.iter(|| {
            assert!(put(&mut producer, &patch, 1));
            assert_eq!(take(&mut consumer), Some(read));
        });
    });
    group.finish();
}

/// One way between two threads that spin: commit, until the reader has read it all.
fn two_threads(c: &mut Criterion) {
    let mut group = c.benchmark_group("ring");
    group.throughput(Throughput::Bytes(4 * LEN as u64));
    group.bench_function("one_way/two_threads/37x37x14", |b| {
        b.iter_custom(|iterations| {
            let (mut producer, mut consumer) = pair();
            let patch = patch();
            let expected = sum_of(&patch);
            let done = AtomicU64::new(0);
            let mut spent = Duration::ZERO;
            std::thread::scope(|scope| {
                let done = &done;
                scope.spawn(move || {
                    for id in 1..=iterations {
                        let sum = loop {
                            match take(&mut consumer) {
                                Some(sum) => break sum,
                                None => std::hint::spin_loop(),
                            }
                        };
                        assert_eq!(sum, expected);
                        done.store(id, Ordering::Release);
                    }
                });
                for id in 1..=iterations {
                    let started = Instant::now();
                    assert!(put(&mut producer, &patch, id), "never full: one patch is under way");
                    while done.load(Ordering::Acquire) != id {
                        std::hint::spin_loop();
                    }
                    spent += started.elapsed();
                }
            });
            spent
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30).measurement_time(Duration::from_secs(3));
    targets = one_thread, two_threads
}
criterion_main!(benches);
