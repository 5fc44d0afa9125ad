//! What may happen between the calls: loans that stay out, producers that leave, threads, a log that asks back, panics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::*;

/// Polls until `done`, or fails after a minute.
fn patiently(mut done: impl FnMut() -> bool, what: &str) {
    let patience = Instant::now();
    while !done() {
        assert!(patience.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn lend(producer: &mut Producer, id: u64, step: i64) -> Loan {
    let mut loan = producer.loan(&Meta { id, step, ..NONE }).unwrap().unwrap();
    loan.copy_from_slice(&patch(id));
    loan
}

#[test]
fn producer_that_leaves_with_a_loan_out_leaves_what_it_committed() {
    let stream = builder().open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let mut loan = lend(&mut producer, 1, 0);
    push(&mut producer, 2, 0, &patch(2)).unwrap();
    drop(producer);
    loan.fill(7.0);
    let selections = stream.select(0, 9).unwrap().unwrap();
    assert_eq!(selections.batch.selections.iter().map(|s| s.id).collect::<Vec<_>>(), [2]);
    assert_eq!(stream.stats().rejected.total(), 0);
}

#[test]
fn step_does_not_end_while_a_loan_is_out() {
    let stream = builder().open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let loan = lend(&mut producer, 1, 5);
    push(&mut producer, 2, 0, &patch(2)).unwrap();
    assert_eq!(producer.end_step(0).unwrap_err().kind(), ErrorKind::State);
    drop(loan);
    producer.end_step(0).unwrap();
    assert_eq!(stream.select(0, 9).unwrap().unwrap().batch.selections.len(), 1);
    stream.close();
    assert_eq!(producer.end_step(1).unwrap_err().kind(), ErrorKind::State);
}

#[test]
fn worker_wakes_when_a_loan_that_held_others_up_ends() {
    let stream = builder().slots(2).background(true).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let ends: [fn(&mut Producer, Loan); 3] = [
        |producer, loan| producer.abandon(loan),
        |producer, loan| {
            drop(loan);
            producer.end_step(0).unwrap();
        },
        |producer, loan| {
            drop(loan);
            assert!(producer.loan(&Meta { id: 99, step: 9, ..NONE }).unwrap().is_none_or(|loan| loan.len() == 350));
        },
    ];
    for (i, end) in ends.into_iter().enumerate() {
        let taken = i as u64;
        let loan = lend(&mut producer, 10 * taken + 11, 9);
        push(&mut producer, 10 * taken + 12, 9, &patch(taken + 12)).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(stream.stats().encoded, taken, "it waits for the earlier loan");
        end(&mut producer, loan);
        patiently(|| stream.stats().encoded == taken + 1, "the worker was not woken");
    }
}

#[cfg(feature = "fused")]
#[test]
fn patch_that_its_encoder_refuses_is_counted_and_keeps_its_id_inline_and_in_the_background() {
    let send = |producer: &mut Producer, id: u64, density: f32| {
        let densities = vec![density; 37 * 37 * 14];
        let field = Field::interleaved(Samples::F32(&densities), 37, 37, 14).unwrap();
        producer.push(&Meta { id, ..NONE }, &field)
    };
    for background in [false, true] {
        let stream = Stream::builder().background(background).open().unwrap();
        let mut producer = stream.producer("ddft").unwrap();
        send(&mut producer, 1, 1e30).unwrap();
        send(&mut producer, 2, 0.1).unwrap();
        if background {
            patiently(|| stream.stats().encoded == 1, "the worker is idle");
        }
        assert_eq!(send(&mut producer, 1, 0.2).unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(send(&mut producer, 1, 1e30).unwrap(), Pushed::Known);
        assert_eq!(stream.select(0, 9).unwrap().unwrap().batch.selections.len(), 1);
        assert_eq!((stream.stats().rejected.model, stream.stats().rejected.conflict), (1, 1));
        stream.withdraw(1, 0).unwrap();
        assert_eq!(stream.withdraw(1, 0).unwrap_err().kind(), ErrorKind::Unknown);
        assert_eq!(send(&mut producer, 1, 0.2).unwrap(), Pushed::Accepted);
    }
}

#[test]
fn known_patch_is_known_after_its_step_has_ended() {
    let stream = builder().open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    push(&mut producer, 1, 0, &patch(1)).unwrap();
    producer.end_step(0).unwrap();
    assert_eq!(push(&mut producer, 1, 0, &patch(1)).unwrap(), Pushed::Known);
    assert_eq!(push(&mut producer, 1, 0, &patch(2)).unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(push(&mut producer, 2, 0, &patch(2)).unwrap_err().kind(), ErrorKind::State);
}

#[test]
fn full_ring_drains_after_a_stop() {
    let stream = builder().slots(2).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    stream.request_stop();
    for id in 1..=5 {
        while push(&mut producer, id, 0, &patch(id)).unwrap() == Pushed::Full {
            assert_eq!(stream.poll(LONG).unwrap(), Polled::Stopped);
        }
    }
    assert_eq!(stream.select(0, 9).unwrap().unwrap().batch.selections.len(), 5);
}

#[test]
fn producer_that_left_is_forgotten_under_steady_traffic() {
    let stream = builder().open().unwrap();
    let (mut busy, leaves) = (stream.producer("busy").unwrap(), stream.producer("leaves").unwrap());
    drop(leaves);
    let shared = stream.shared_for_tests();
    let lanes_after_a_record = |busy: &mut Producer, id: u64| {
        push(busy, id, 0, &patch(id)).unwrap();
        assert!(shared.operate(|operator| operator.take_in_some(shared)), "there was work");
        shared.operate(|operator| operator.lanes.len())
    };
    let started = Instant::now();
    let last = (1..).find(|id| lanes_after_a_record(&mut busy, *id) == 1 || started.elapsed() > Duration::from_secs(9));
    assert_eq!(lanes_after_a_record(&mut busy, last.unwrap() + 1), 1, "its lane is still looked at");
}

#[test]
fn producers_on_threads_of_their_own_with_a_worker_decide_as_one_after_the_other() {
    let run = |threads: bool| {
        let stream = builder().background(threads).capacity(10).open().unwrap();
        let mut producers: Vec<_> = (0..3).map(|i| stream.producer(&format!("rank {i}")).unwrap()).collect();
        let mut bytes = Vec::new();
        let send = |(rank, producer): (usize, &mut Producer), step: i64| {
            for i in 0..4 {
                let id = step as u64 * 100 + i * 3 + rank as u64 + 1;
                while push(producer, id, step, &patch(id)).unwrap() == Pushed::Full {
                    std::thread::yield_now();
                }
            }
            producer.end_step(step).unwrap();
        };
        for step in 0..5 {
            if threads {
                std::thread::scope(|scope| {
                    for pair in producers.iter_mut().enumerate() {
                        scope.spawn(move || send(pair, step));
                    }
                    // Asked for too early, again and again: it changes nothing.
                    let selections = loop {
                        if let Some(selections) = stream.select(step, 2).unwrap() {
                            break selections;
                        }
                    };
                    bytes.extend_from_slice(selections.bytes());
                });
            } else {
                producers.iter_mut().enumerate().rev().for_each(|pair| send(pair, step));
                bytes.extend_from_slice(stream.select(step, 2).unwrap().unwrap().bytes());
            }
        }
        bytes.extend_from_slice(stream.weights().unwrap().bytes());
        bytes
    };
    let expected = run(false);
    for _ in 0..5 {
        assert_eq!(run(true), expected);
    }
}

#[test]
fn log_may_ask_the_stream_back() {
    let late: Arc<Mutex<Option<Arc<Stream>>>> = Arc::default();
    let asked = Arc::new(AtomicU64::new(0));
    let (seen, count) = (late.clone(), asked.clone());
    let log = move |_: LogLevel, _: &str| {
        if let Some(stream) = seen.lock().clone() {
            assert_eq!(stream.stats().rejected.corrupt, 1);
            stream.poll(Duration::ZERO).unwrap();
            count.fetch_add(1, Ordering::Relaxed);
        }
    };
    let stream = Arc::new(builder().log(log).open().unwrap());
    *late.lock() = Some(stream.clone());
    let mut producer = stream.producer("ddft").unwrap();
    push(&mut producer, 1, 0, &patch(1)).unwrap();
    stream.shared_for_tests().operate(Operator::overwrite_header_for_tests);
    stream.poll(LONG).unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    *late.lock() = None;
}

#[test]
fn stream_that_a_panic_passed_through_answers_with_an_error_from_then_on() {
    let transport = format!("shm:panic-{}", std::process::id());
    let stream = builder().transport(&transport).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let mut attached = Producer::attach(&transport, "attached", Duration::ZERO).unwrap();
    let shared = stream.shared_for_tests();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| shared.operate(|_| panic!("on purpose"))));
    assert!(caught.is_err());
    assert_eq!(push(&mut attached, 2, 0, &patch(2)).unwrap_err().kind(), ErrorKind::Fenced);
    assert_eq!(push(&mut producer, 1, 0, &patch(1)).unwrap_err().kind(), ErrorKind::Panic);
    assert_eq!(stream.poll(LONG).unwrap_err().kind(), ErrorKind::Panic);
    assert_eq!(stream.select(0, 1).unwrap_err().kind(), ErrorKind::Panic);
    stream.close();
}
