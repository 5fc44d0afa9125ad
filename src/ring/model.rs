//! The ring and its bells under a model checker: every order of two threads, every value that the memory model allows.
//!
//! A sleep has no time-out here, so a lost wake-up is a deadlock, which loom reports; slots are watched, so a slot that
//! both ends touch at once is reported too. Not here: more threads, there are never more than two ends.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use loom::thread;

use super::bell::Bell;
use super::*;
use crate::sync::{AtomicU32, AtomicU64, Ordering, fence};

fn ring() -> (Producer, Consumer) {
    heap(Geometry::compact(2, 1, 0).unwrap()).unwrap()
}

fn wait() -> Wait<'static> {
    Wait { timeout: Duration::from_secs(1), spin: Duration::ZERO, stop: None }
}

fn send(producer: &mut Producer, id: u64) {
    let header = Header { kind: KIND_PATCH, id, ..Header::default() };
    while producer.send(header, &[id as f32], &[], &OnFull::Answer).unwrap() == Sent::Full {
        assert_eq!(producer.wait(&wait()).unwrap(), Waited::Ready);
    }
}

/// Takes records until the producer has closed, sleeping in between.
fn take_all(consumer: &mut Consumer) -> Vec<u64> {
    let mut ids = Vec::new();
    loop {
        assert_eq!(consumer.wait(&wait()).unwrap(), Waited::Ready);
        // Looked at first: what was committed before the end is there then.
        let closed = consumer.is_closed();
        match consumer.peek().unwrap() {
            Some(record) => {
                assert_eq!(record.tensor, [record.header.id as f32]);
                ids.push(record.header.id);
                consumer.advance();
            }
            None if closed => return ids,
            None => {}
        }
    }
}

fn records(count: u64) {
    let (mut producer, mut consumer) = ring();
    let writer = thread::spawn(move || {
        for id in 1..=count {
            send(&mut producer, id);
        }
    });
    assert_eq!(take_all(&mut consumer), (1..=count).collect::<Vec<_>>());
    writer.join().unwrap();
}

/// All orders with up to `switches` changes of thread that no wait forces.
fn bounded(switches: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(switches);
    builder.check(model);
}

#[test]
fn two_records_through_two_slots_arrive_whole_in_every_order() {
    loom::model(|| {
        let (mut producer, mut consumer) = ring();
        let writer = thread::spawn(move || {
            send(&mut producer, 1);
            send(&mut producer, 2);
            // Its end is not a part of this model.
            std::mem::forget(producer);
        });
        for id in 1..=2 {
            loop {
                if let Some(record) = consumer.peek().unwrap() {
                    assert_eq!((record.header.id, record.tensor), (id, &[id as f32][..]));
                    break;
                }
                thread::yield_now();
            }
            consumer.advance();
        }
        std::mem::forget(consumer);
        writer.join().unwrap();
    });
}

#[test]
fn two_records_wake_a_reader_that_sleeps() {
    bounded(4, || records(2));
}

#[test]
fn three_records_through_two_slots_wake_writer_and_reader() {
    bounded(3, || records(3));
}

#[test]
fn loan_that_another_thread_fills_and_drops_is_stepped_over() {
    loom::model(|| {
        let (mut producer, mut consumer) = ring();
        let loan = producer.loan(1).unwrap().unwrap();
        let filler = thread::spawn(move || drop(loan));
        send(&mut producer, 2);
        filler.join().unwrap();
        drop(producer);
        assert_eq!(take_all(&mut consumer), [2]);
    });
}

#[test]
fn reader_that_sleeps_is_woken_by_the_end_of_the_writer() {
    loom::model(|| {
        let (producer, mut consumer) = ring();
        let writer = thread::spawn(move || drop(producer));
        assert_eq!(take_all(&mut consumer), []);
        writer.join().unwrap();
    });
}

/// What is waited for, and a bell.
#[derive(Default)]
struct Pair {
    head: AtomicU64,
    bell: Bell,
    sequence: AtomicU32,
    sleeping: AtomicU32,
}

/// `count` stores by one thread, each waited for by the other.
fn rings(count: u64, ring: fn(&Pair), sleep: fn(&Pair, u64)) {
    let pair = Arc::new(Pair::default());
    let ringer = {
        let pair = pair.clone();
        thread::spawn(move || {
            for head in 1..=count {
                pair.head.store(head, Ordering::Release);
                ring(&pair);
            }
        })
    };
    for head in 1..=count {
        while pair.head.load(Ordering::Acquire) < head {
            sleep(&pair, head);
        }
    }
    ringer.join().unwrap();
}

fn ring_by_hand(pair: &Pair, fenced: bool) {
    if fenced {
        fence(Ordering::SeqCst);
    }
    if pair.sleeping.load(Ordering::Relaxed) != 0 && pair.sleeping.swap(0, Ordering::AcqRel) != 0 {
        pair.sequence.fetch_add(1, Ordering::Release);
        futex::wake(&pair.sequence);
    }
}

fn bell(count: u64) {
    rings(
        count,
        |pair| pair.bell.ring(),
        |pair, head| {
            let ready = || pair.head.load(Ordering::Acquire) >= head;
            assert_eq!(pair.bell.wait(&wait(), ready, || Ok(())).unwrap(), Waited::Ready);
        },
    );
}

#[test]
fn bell_wakes_its_sleeper_in_every_order() {
    loom::model(|| bell(1));
}

#[test]
fn bell_wakes_its_sleeper_again() {
    bounded(5, || bell(2));
}

/// Whether the model checker finds that a sleeper is never woken.
fn loses_a_wake_up(ring: fn(&Pair), sleep: fn(&Pair, u64)) -> bool {
    let found = catch_unwind(AssertUnwindSafe(|| bounded(3, move || rings(2, ring, sleep))));
    let text = found.err().map(|panic| panic.downcast_ref::<String>().cloned().unwrap_or_default());
    text.is_some_and(|text| text.contains("deadlock"))
}

#[test]
fn without_fences_a_wake_up_is_lost_and_the_model_says_so() {
    assert!(loses_a_wake_up(
        |pair| ring_by_hand(pair, false),
        |pair, head| {
            let sequence = pair.sequence.load(Ordering::Acquire);
            pair.sleeping.store(1, Ordering::Release);
            if pair.head.load(Ordering::Acquire) < head {
                futex::wait(&pair.sequence, sequence, Duration::MAX);
            }
        },
    ));
}

#[test]
fn with_the_sequence_read_last_a_wake_up_is_lost_and_the_model_says_so() {
    assert!(loses_a_wake_up(
        |pair| ring_by_hand(pair, true),
        |pair, head| {
            pair.sleeping.store(1, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            if pair.head.load(Ordering::Acquire) < head {
                let sequence = pair.sequence.load(Ordering::Acquire);
                futex::wait(&pair.sequence, sequence, Duration::MAX);
            }
        },
    ));
}

#[test]
fn sleeper_that_is_right_is_not_called_wrong() {
    assert!(!loses_a_wake_up(
        |pair| ring_by_hand(pair, true),
        |pair, head| {
            let sequence = pair.sequence.load(Ordering::Acquire);
            pair.sleeping.store(1, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            if pair.head.load(Ordering::Acquire) < head {
                futex::wait(&pair.sequence, sequence, Duration::MAX);
            }
        },
    ));
}
