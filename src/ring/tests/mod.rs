//! The ring against what it promises, in one thread and in two.

mod hostile;
mod shared;
mod typed;
mod waits;

use super::*;
use crate::error::ErrorKind;

fn ring(slots: usize, len: usize) -> (Producer, Consumer) {
    heap(Geometry::new(slots, len).unwrap()).unwrap()
}

fn header(id: u64) -> Header {
    Header { kind: KIND_PATCH, id, step: -7, committed_ns: 3, content: 99, ..Header::default() }
}

fn push(producer: &mut Producer, id: u64) -> bool {
    let Some(mut loan) = producer.loan(3).unwrap() else { return false };
    loan.copy_from_slice(&[id as f32, 1.0, -2.0]);
    loan.metadata_mut()[..2].copy_from_slice(&[id as u8, 5]);
    producer.commit(loan, 2, header(id)).unwrap();
    true
}

fn take(consumer: &mut Consumer) -> Option<u64> {
    let id = consumer.peek().unwrap().map(|record| {
        let id = record.header.id;
        assert_eq!(record.tensor, [id as f32, 1.0, -2.0]);
        assert_eq!(record.metadata, [id as u8, 5]);
        assert_eq!((record.header.step, record.header.content), (-7, 99));
        id
    });
    consumer.advance();
    id
}

#[test]
fn ring_gives_records_in_order_over_many_laps() {
    let (mut producer, mut consumer) = ring(4, 3);
    for id in 0..50 {
        assert!(push(&mut producer, id));
        assert_eq!(take(&mut consumer), Some(id));
    }
    assert_eq!(take(&mut consumer), None);
}

#[test]
fn ring_full_loan_returns_none_until_a_slot_is_free() {
    let (mut producer, mut consumer) = ring(2, 3);
    assert!(push(&mut producer, 1) && push(&mut producer, 2));
    assert!(!push(&mut producer, 3));
    assert_eq!(take(&mut consumer), Some(1));
    assert!(push(&mut producer, 3));
    assert_eq!((take(&mut consumer), take(&mut consumer)), (Some(2), Some(3)));
}

#[test]
fn ring_loans_end_in_any_order_and_arrive_in_the_order_of_the_loans() {
    let (mut producer, mut consumer) = ring(4, 3);
    let mut loans: Vec<_> = (0..3).map(|_| producer.loan(3).unwrap().unwrap()).collect();
    for (id, loan) in loans.iter_mut().enumerate() {
        loan.copy_from_slice(&[id as f32, 1.0, -2.0]);
        loan.metadata_mut()[..2].copy_from_slice(&[id as u8, 5]);
    }
    let (first, second, third) = (loans.remove(0), loans.remove(0), loans.remove(0));
    producer.commit(third, 2, header(2)).unwrap();
    assert_eq!(take(&mut consumer), None);
    producer.commit(first, 2, header(0)).unwrap();
    assert_eq!(take(&mut consumer), Some(0));
    drop(second);
    producer.publish();
    assert_eq!(take(&mut consumer), Some(2), "the abandoned slot is stepped over");
    assert_eq!(take(&mut consumer), None);
}

#[test]
fn ring_abandoned_newest_loan_takes_no_room() {
    let (mut producer, mut consumer) = ring(2, 3);
    for _ in 0..10 {
        let loan = producer.loan(3).unwrap().unwrap();
        producer.abandon(loan);
    }
    assert!(push(&mut producer, 1) && push(&mut producer, 2));
    assert_eq!((take(&mut consumer), take(&mut consumer), take(&mut consumer)), (Some(1), Some(2), None));
    let (older, newer) = (producer.loan(3).unwrap().unwrap(), producer.loan(3).unwrap().unwrap());
    producer.abandon(older);
    producer.abandon(newer);
    assert!(push(&mut producer, 3), "the gap is published, the newest is taken back");
    assert_eq!(take(&mut consumer), Some(3));
}

#[test]
fn ring_write_beyond_a_loan_is_an_error_and_the_next_record_goes_through() {
    let (mut producer, mut consumer) = ring(4, 3);
    assert!(push(&mut producer, 1) && push(&mut producer, 2));
    consumer.overwrite_header_for_tests();
    assert_eq!(consumer.peek().unwrap_err().kind(), ErrorKind::Corrupt);
    consumer.advance();
    assert_eq!(take(&mut consumer), Some(2));
}

#[test]
fn ring_says_what_does_not_fit() {
    let (mut producer, _consumer) = ring(2, 3);
    assert_eq!(producer.loan(4).map(|_| ()).unwrap_err().kind(), ErrorKind::Argument);
    let loan = producer.loan(3).unwrap().unwrap();
    let room = producer.geometry().slot_bytes();
    assert_eq!(producer.commit(loan, room, header(1)).unwrap_err().kind(), ErrorKind::Argument);
    for (slots, len) in [(3, 1), (1, 1), (1 << 17, 1), (2, 0), (2, usize::MAX / 8), (65_536, 1 << 26)] {
        assert_eq!(Geometry::new(slots, len).unwrap_err().kind(), ErrorKind::Argument, "{slots} slots of {len}");
    }
}

#[test]
fn ring_default_slot_for_37_by_37_by_14_is_80_kib() {
    assert_eq!(Geometry::new(64, 37 * 37 * 14).unwrap().slot_bytes(), 80 << 10);
}

#[test]
fn ring_ended_step_and_close_are_seen_after_the_records() {
    let (mut producer, mut consumer) = ring(2, 3);
    assert_eq!(consumer.ended_step(), i64::MIN);
    assert!(push(&mut producer, 1));
    producer.end_step(12);
    assert_eq!(consumer.ended_step(), 12);
    assert!(!consumer.is_closed());
    drop(producer);
    assert!(consumer.is_closed());
    assert_eq!(take(&mut consumer), Some(1));
}

#[test]
fn ring_between_two_threads_loses_and_tears_nothing() {
    const RECORDS: u64 = 20_000;
    let len = 257;
    let (mut producer, mut consumer) = ring(8, len);
    let writer = std::thread::spawn(move || {
        for id in 1..=RECORDS {
            let mut loan = loop {
                match producer.loan(len).unwrap() {
                    Some(loan) => break loan,
                    None => std::thread::yield_now(),
                }
            };
            loan.fill(id as f32);
            if id % 7 == 0 {
                drop(loan);
            } else {
                producer.commit(loan, 0, header(id)).unwrap();
            }
        }
    });
    let mut expected = 1;
    loop {
        let closed = consumer.is_closed();
        match consumer.peek().unwrap() {
            Some(record) => {
                expected += u64::from(expected % 7 == 0);
                assert_eq!(record.header.id, expected);
                assert!(record.tensor.iter().all(|&value| value == expected as f32), "record {expected} is torn");
                consumer.advance();
                expected += 1;
            }
            None if closed => break,
            None => std::thread::yield_now(),
        }
    }
    writer.join().unwrap();
    assert_eq!(expected, RECORDS + 1);
}
