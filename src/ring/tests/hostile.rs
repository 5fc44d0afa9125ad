//! Memory that somebody writes into who keeps no promise: errors, no panic, nothing out of bounds.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::shared::{Bytes, shared};
use super::*;

/// Places in the control block: the producer's line is the second, the consumer's the third.
const HEAD_AT: usize = 128;
const TAIL_AT: usize = 256;

fn small() -> Geometry {
    Geometry::compact(4, 5, 40).unwrap()
}

/// Overwrites eight bytes.
fn poke(bytes: &Bytes, at: usize, value: u64) {
    // SAFETY: inside the memory, aligned, and the ring reads it as an atomic too.
    unsafe { bytes.base().add(at).cast::<AtomicU64>().as_ref() }.store(value, Ordering::Relaxed);
}

fn flip(bytes: &Bytes, at: usize, mask: u8) {
    // SAFETY: inside the memory; nobody else uses it meanwhile.
    unsafe { *bytes.base().add(at).as_ptr() ^= mask };
}

fn fill(producer: &mut Producer<Shared>, records: u64) {
    for id in 1..=records {
        producer.send(header(id), &[id as f32; 5], &[id as u8; 40], &OnFull::Answer).unwrap();
    }
}

#[test]
fn ends_attach_to_no_indices_that_cannot_be() {
    for (head, tail) in [(u64::MAX, u64::MAX), (2, u64::MAX), (1 << 63, 1 << 63), (5, 0), (0, 1)] {
        let (bytes, producer, consumer) = shared(small());
        drop((producer, consumer));
        poke(&bytes, HEAD_AT, head);
        poke(&bytes, TAIL_AT, tail);
        let ends = [
            Producer::<Shared>::attach(bytes.region()).map(|_| ()).unwrap_err(),
            Consumer::<Shared>::attach(bytes.region()).map(|_| ()).unwrap_err(),
        ];
        assert_eq!(ends.map(|error| error.kind()), [ErrorKind::Corrupt; 2], "{head} {tail}");
    }
}

#[test]
fn memory_that_cannot_be_used_any_more_ends_a_look_at_any_moment() {
    for patience in 0..12 {
        let (bytes, mut producer, mut consumer) = shared(small());
        for _ in 0..3 {
            let loans = [producer.loan(1).unwrap().unwrap(), producer.loan(1).unwrap().unwrap()];
            // Not the newest first, so that it passes by the reader as a gap.
            loans.into_iter().for_each(drop);
            assert!(!producer.has_loans());
            bytes.patience.store(patience, Ordering::Relaxed);
            let (said, answer) = std::sync::mpsc::channel();
            let reader = std::thread::spawn(move || {
                let looked = consumer.peek().map(|record| record.is_some()).map_err(|error| error.kind());
                let _ = said.send(looked);
                consumer
            });
            let looked = answer.recv_timeout(Duration::from_secs(20)).expect("the reader goes round for ever");
            assert!(matches!(looked, Ok(false) | Err(ErrorKind::Forked)), "{looked:?}");
            consumer = reader.join().unwrap();
            bytes.patience.store(u32::MAX, Ordering::Relaxed);
            while consumer.peek().unwrap().is_some() {}
        }
    }
}

/// Memory whose writer fills the ring with abandoned slots whenever its reader asks whether it is usable.
struct Restless(std::sync::Mutex<Producer<Shared>>);

impl Backing for Restless {
    fn usable(&self) -> crate::error::Result<()> {
        let mut producer = self.0.lock().unwrap();
        while let Some(loan) = producer.loan(1)? {
            drop(loan);
        }
        Ok(())
    }
    fn pulse(&self) -> crate::error::Result<()> {
        self.usable()
    }
}

#[test]
fn writer_that_abandons_slot_after_slot_does_not_hold_its_reader_up() {
    let (bytes, producer, consumer) = shared(small());
    drop(consumer);
    let restless = std::sync::Arc::new(Restless(producer.into()));
    let (said, answer) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        // SAFETY: the bytes live until the thread ends, and are only reached by pointers.
        let region = unsafe { Region::new(bytes.base(), small().bytes(), restless) }.unwrap();
        let mut consumer = Consumer::<Shared>::attach(region).unwrap();
        for _ in 0..3 {
            said.send((consumer.peek().unwrap().is_none(), consumer.position())).unwrap();
        }
    });
    for position in [4, 8, 12] {
        let looked = answer.recv_timeout(Duration::from_secs(20)).expect("the reader goes round for ever");
        assert_eq!(looked, (true, position));
    }
}

#[test]
fn any_index_of_the_writer_is_an_error_once_and_then_a_closed_ring() {
    for head in [5, 6, u64::MAX, u64::MAX - 3, 1 << 63] {
        let (bytes, mut producer, mut consumer) = shared(small());
        fill(&mut producer, 1);
        poke(&bytes, HEAD_AT, head);
        assert_eq!(consumer.wait(&Wait::up_to(Duration::ZERO)).unwrap(), Waited::Ready);
        assert_eq!(consumer.peek().map(|_| ()).unwrap_err().kind(), ErrorKind::Corrupt, "head {head}");
        assert!(consumer.peek().unwrap().is_none() && consumer.is_closed());
        consumer.advance();
        assert_eq!((consumer.position(), consumer.refresh()), (0, 0));
        assert_eq!(Consumer::attach(bytes.region()).map(|_| ()).unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(Producer::attach(bytes.region()).map(|_| ()).unwrap_err().kind(), ErrorKind::Corrupt);
    }
    let (bytes, mut producer, mut consumer) = shared(small());
    fill(&mut producer, 2);
    assert_eq!(consumer.refresh(), 2);
    poke(&bytes, HEAD_AT, 1);
    consumer.advance();
    consumer.advance();
    assert_eq!(consumer.peek().map(|_| ()).unwrap_err().kind(), ErrorKind::Corrupt, "a head that falls");
}

#[test]
fn any_index_of_the_reader_is_an_error() {
    for tail in [5, u64::MAX, 1 << 63] {
        let (bytes, mut producer, _consumer) = shared(small());
        fill(&mut producer, 4);
        poke(&bytes, TAIL_AT, tail);
        assert_eq!(producer.loan(5).map(|_| ()).unwrap_err().kind(), ErrorKind::Corrupt, "tail {tail}");
        assert_eq!(producer.wait(&Wait::up_to(Duration::ZERO)).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn each_byte_of_a_header_that_is_flipped_is_an_error_and_the_next_record_goes_through() {
    for at in 0..64 {
        for mask in [0x01, 0x80, 0xff] {
            let (bytes, mut producer, mut consumer) = shared(small());
            fill(&mut producer, 2);
            flip(&bytes, producer.geometry().slot_offset(0) + at, mask);
            assert_eq!(consumer.peek().map(|_| ()).unwrap_err().kind(), ErrorKind::Corrupt, "byte {at}");
            assert_eq!(consumer.counts().corrupt, 1);
            consumer.advance();
            assert_eq!(consumer.peek().unwrap().unwrap().header.id, 2);
        }
    }
}

#[test]
fn each_byte_of_a_payload_that_is_flipped_is_found_by_its_crc() {
    let (bytes, mut producer, mut consumer) = shared(small().with_payload_crc());
    fill(&mut producer, 1);
    let slot = producer.geometry().slot_offset(0);
    for at in (64..84).chain(128..168) {
        flip(&bytes, slot + at, 0x10);
        assert_eq!(consumer.peek().map(|_| ()).unwrap_err().kind(), ErrorKind::Corrupt, "byte {at}");
        flip(&bytes, slot + at, 0x10);
    }
    assert_eq!(consumer.peek().unwrap().unwrap().metadata, [1; 40]);
}

#[test]
fn each_byte_of_the_description_that_is_flipped_keeps_a_ring_from_being_attached_to() {
    let (bytes, producer, consumer) = shared(small());
    drop((producer, consumer));
    for at in 0..52 {
        for mask in [0x01, 0x80, 0xff] {
            flip(&bytes, at, mask);
            let kind = Consumer::attach(bytes.region()).map(|_| ()).unwrap_err().kind();
            assert!(matches!(kind, ErrorKind::Corrupt | ErrorKind::Version), "byte {at}: {kind:?}");
            flip(&bytes, at, mask);
        }
    }
    poke(&bytes, 0, 0);
    assert_eq!(Consumer::attach(bytes.region()).map(|_| ()).unwrap_err().kind(), ErrorKind::State);
}

#[test]
fn a_description_with_a_sound_checksum_is_not_believed_where_it_cannot_be() {
    // Larger than the memory, no power of two, beyond any size: each with the checksum that belongs to it.
    for words in [[64, 5, 40, 256], [3, 5, 40, 256], [u64::MAX, 5, 40, 256], [4, 5, u64::MAX, 256], [4, 5, 40, 1 << 40]]
    {
        let (bytes, producer, _consumer) = shared(small());
        drop(producer);
        let mut crc = crc32c::crc32c(&u64::from(LAYOUT_HASH).to_le_bytes());
        for (number, word) in words.into_iter().enumerate() {
            poke(&bytes, 16 + 8 * number, word);
            crc = crc32c::crc32c_append(crc, &word.to_le_bytes());
        }
        poke(&bytes, 48, crc.into());
        assert_eq!(Producer::attach(bytes.region()).map(|_| ()).unwrap_err().kind(), ErrorKind::Corrupt, "{words:?}");
    }
}

#[test]
fn garbage_all_over_the_ring_while_both_ends_run_is_errors_and_no_more() {
    let stop = AtomicBool::new(false);
    for seed in 1..=20_u64 {
        let (bytes, mut producer, mut consumer) = shared(small());
        let size = producer.geometry().bytes();
        stop.store(false, Ordering::Relaxed);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut random = seed;
                while !stop.load(Ordering::Relaxed) {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    // The indices are hit too often by chance alone, and the test would end at once.
                    let at = ((random >> 33) as usize % size) & !7;
                    if at >= 4096 || random >> 60 == 0 {
                        poke(&bytes, at, random);
                    }
                }
            });
            let (mut sent, mut errors, mut taken) = (0, 0, 0_u32);
            for id in 1..=2000 {
                match producer.send(header(id), &[id as f32; 5], &[id as u8; 40], &OnFull::Answer) {
                    Ok(_) => sent += 1,
                    Err(_) => errors += 1,
                }
                match consumer.peek() {
                    Ok(record) => taken += u32::from(record.is_some_and(|record| record.tensor.len() <= 5)),
                    Err(error) => {
                        assert!(matches!(error.kind(), ErrorKind::Corrupt), "{error}");
                        errors += 1;
                    }
                }
                consumer.advance();
            }
            stop.store(true, Ordering::Relaxed);
            assert!(sent + errors + taken > 0);
        });
    }
}

#[test]
fn record_that_is_written_anew_while_it_is_read_is_refused_or_whole() {
    const LEN: usize = 4000;
    let (bytes, mut producer, mut consumer) = shared(Geometry::compact(2, LEN, 0).unwrap());
    producer.send(header(0), &[0.0; LEN], &[], &OnFull::Answer).unwrap();
    let slot = producer.geometry().slot_offset(0);
    let stop = AtomicBool::new(false);
    let word = |at: usize| {
        // SAFETY: inside the slot, aligned; a race with the reader's copies is what this is about.
        unsafe { bytes.base().add(slot + at).cast::<AtomicU64>().as_ref() }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // A writer that believes the slot to be its own: each of its records is sound in itself.
            for id in (1_u64..).take_while(|_| !stop.load(Ordering::Relaxed)) {
                word(0).store(0, Ordering::SeqCst);
                let number = u64::from((id as f32).to_bits());
                (0..LEN / 2).for_each(|at| word(64 + 8 * at).store(number | number << 32, Ordering::Relaxed));
                let mut sound = Header { sequence: 1, tensor_bytes: 4 * LEN as u32, ..header(id) };
                sound.crc = sound.checksum();
                // SAFETY: a header is eight words.
                let words: [u64; 8] = unsafe { std::mem::transmute(sound) };
                (1..8).for_each(|at| word(8 * at).store(words[at], Ordering::Release));
                word(0).store(words[0], Ordering::SeqCst);
                std::thread::yield_now();
            }
        });
        let (mut whole, mut torn, mut refused) = (0, 0, Vec::new());
        while whole + torn + refused.len() < 3000 {
            match consumer.peek() {
                Ok(record) => {
                    let record = record.unwrap();
                    let number = record.header.id as f32;
                    let same = record.tensor.iter().all(|value| *value == number);
                    *(if same { &mut whole } else { &mut torn }) += 1;
                }
                Err(error) => refused.push(error.kind()),
            }
        }
        // Before anything can fail: the other thread would go on for ever.
        stop.store(true, Ordering::Relaxed);
        assert_eq!(torn, 0, "of {whole} records that were taken");
        assert!(refused.iter().all(|kind| *kind == ErrorKind::Corrupt));
    });
}
