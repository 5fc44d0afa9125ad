//! Waits end: with a record, room, a closed end, a stop, a signal, an owner that is gone, or the time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::shared::shared;
use super::*;

/// Ten times what any of these takes, and more; only a wait that never ends takes it.
const LONG: Duration = Duration::from_secs(60);

fn sleepy(timeout: Duration) -> Wait<'static> {
    Wait { spin: Duration::ZERO, ..Wait::up_to(timeout) }
}

fn small() -> Geometry {
    Geometry::compact(2, 1, 0).unwrap()
}

#[test]
fn wait_without_anything_lasts_as_long_as_it_was_told_to() {
    let (_bytes, mut producer, mut consumer) = shared(small());
    assert_eq!(consumer.wait(&Wait::up_to(Duration::ZERO)).unwrap(), Waited::TimedOut);
    let started = Instant::now();
    assert_eq!(consumer.wait(&sleepy(Duration::from_millis(120))).unwrap(), Waited::TimedOut);
    assert!(started.elapsed() >= Duration::from_millis(120));
    assert_eq!(producer.wait(&Wait::up_to(Duration::ZERO)).unwrap(), Waited::Ready, "there is room");
}

#[test]
fn sleeping_reader_and_writer_wake_each_other_for_every_record() {
    const RECORDS: u64 = 3000;
    let (_bytes, mut producer, mut consumer) = shared(small());
    let writer = std::thread::spawn(move || {
        for id in 1..=RECORDS {
            let sent = producer.send(header(id), &[id as f32], &[], &OnFull::Block(sleepy(LONG))).unwrap();
            assert_eq!(sent, Sent::Committed, "record {id}");
        }
    });
    for id in 1..=RECORDS {
        assert_eq!(consumer.wait(&sleepy(LONG)).unwrap(), Waited::Ready);
        assert_eq!(consumer.peek().unwrap().unwrap().header.id, id);
        consumer.advance();
    }
    writer.join().unwrap();
    assert_eq!(consumer.wait(&sleepy(LONG)).unwrap(), Waited::Ready, "the writer has closed");
    assert!(consumer.is_closed() && consumer.peek().unwrap().is_none());
}

#[test]
fn writer_that_blocks_gives_up_in_time_and_when_the_reader_closes() {
    let (_bytes, mut producer, consumer) = shared(small());
    for id in 1..=2 {
        producer.send(header(id), &[0.0], &[], &OnFull::Answer).unwrap();
    }
    let block = OnFull::Block(sleepy(Duration::from_millis(20)));
    assert_eq!(producer.send(header(3), &[0.0], &[], &block).unwrap(), Sent::Full);
    assert_eq!(producer.counts().full, 1);
    let waiter = std::thread::spawn(move || {
        let sent = producer.send(header(3), &[0.0], &[], &OnFull::Block(sleepy(LONG))).unwrap();
        (sent, producer.is_closed())
    });
    std::thread::sleep(Duration::from_millis(20));
    drop(consumer);
    assert_eq!(waiter.join().unwrap(), (Sent::Full, true));
}

#[test]
fn stop_flag_ends_a_wait_that_no_signal_interrupts() {
    static STOP: AtomicBool = AtomicBool::new(false);
    let (_bytes, _producer, mut consumer) = shared(small());
    let waiter = std::thread::spawn(move || consumer.wait(&Wait { stop: Some(&STOP), ..sleepy(LONG) }).unwrap());
    std::thread::sleep(Duration::from_millis(20));
    STOP.store(true, Ordering::Relaxed);
    assert_eq!(waiter.join().unwrap(), Waited::Stopped);
}

#[test]
fn signal_handler_on_the_waiting_thread_ends_its_wait() {
    extern "C" fn nothing(_: libc::c_int) {}
    // SAFETY: a handler that does nothing may run anywhere.
    unsafe { libc::signal(libc::SIGUSR2, nothing as *const () as libc::sighandler_t) };
    let (_bytes, _producer, mut consumer) = shared(small());
    let (tell, thread) = std::sync::mpsc::channel();
    let waiter = std::thread::spawn(move || {
        // SAFETY: it names this thread.
        tell.send(unsafe { libc::pthread_self() }).unwrap();
        consumer.wait(&sleepy(LONG)).unwrap()
    });
    let thread = thread.recv().unwrap();
    // A signal that comes between two sleeps is not seen by the second one, so there are several.
    while !waiter.is_finished() {
        // SAFETY: the thread has not been joined.
        unsafe { libc::pthread_kill(thread, libc::SIGUSR2) };
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(waiter.join().unwrap(), Waited::Interrupted);
}

#[test]
fn wait_for_an_owner_that_is_gone_is_an_error_but_records_come_first() {
    let (bytes, mut producer, mut consumer) = shared(small());
    producer.send(header(1), &[0.0], &[], &OnFull::Answer).unwrap();
    bytes.answer.store(2, Ordering::Relaxed);
    assert_eq!(consumer.wait(&sleepy(LONG)).unwrap(), Waited::Ready);
    consumer.advance();
    assert_eq!(consumer.wait(&sleepy(LONG)).unwrap_err().kind(), ErrorKind::Fenced);
}
