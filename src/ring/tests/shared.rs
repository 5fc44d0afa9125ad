//! One suite over both sorts of memory: what holds for a ring in this process holds for one that lies in a region.

use std::collections::VecDeque;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;

use super::*;
use crate::error::{Error, Result};

/// Memory that stands in for a segment's: page aligned, and it answers as it is told to.
pub(super) struct Bytes {
    pages: Box<[Page]>,
    /// 0: usable; 1: forked; 2: usable, and not worth waiting for.
    pub(super) answer: AtomicU32,
    /// After so many more questions it is as if forked.
    pub(super) patience: AtomicU32,
}

#[repr(C, align(4096))]
#[derive(Clone, Copy)]
struct Page([u8; 4096]);

impl Bytes {
    pub(super) fn new(bytes: usize) -> Arc<Self> {
        let pages = vec![Page([0; 4096]); bytes.div_ceil(4096)].into();
        Arc::new(Self { pages, answer: AtomicU32::new(0), patience: AtomicU32::new(u32::MAX) })
    }

    pub(super) fn base(&self) -> NonNull<u8> {
        NonNull::from(&*self.pages).cast()
    }

    pub(super) fn region(self: &Arc<Self>) -> Region {
        // SAFETY: the pages live as long as the region's keep, and the tests only reach them by pointers.
        unsafe { Region::new(self.base(), self.pages.len() * 4096, self.clone()) }.unwrap()
    }
}

impl Backing for Bytes {
    fn usable(&self) -> Result<()> {
        let less = |left: u32| if left == u32::MAX { Some(left) } else { left.checked_sub(1) };
        let spent = self.patience.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_err();
        if spent || self.answer.load(Ordering::Relaxed) == 1 {
            Err(Error::new(ErrorKind::Forked, "child"))
        } else {
            Ok(())
        }
    }
    fn pulse(&self) -> Result<()> {
        self.usable()?;
        if self.answer.load(Ordering::Relaxed) == 2 { Err(Error::new(ErrorKind::Fenced, "gone")) } else { Ok(()) }
    }
}

pub(super) fn shared(geometry: Geometry) -> (Arc<Bytes>, Producer<Shared>, Consumer<Shared>) {
    let bytes = Bytes::new(geometry.bytes());
    format(bytes.region(), geometry).unwrap();
    let ends = (Producer::attach(bytes.region()).unwrap(), Consumer::attach(bytes.region()).unwrap());
    (bytes, ends.0, ends.1)
}

/// What may be done to a ring.
#[derive(Debug, Clone)]
enum Act {
    /// Send a record of that many numbers and metadata bytes.
    Send(usize, usize),
    /// Loan a slot and give it up.
    Abandon,
    Take,
    /// Close both ends and attach anew, where that can be.
    Attach,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (1..6_usize, 0..40_usize).prop_map(|(numbers, bytes)| Act::Send(numbers, bytes)),
        1 => Just(Act::Abandon),
        4 => Just(Act::Take),
        1 => Just(Act::Attach),
    ];
    proptest::collection::vec(act, 0..60)
}

/// Acts on a ring and on a queue, and compares.
fn matches_a_queue<P: Place>(
    mut ends: (Producer<P>, Consumer<P>),
    attach: &mut dyn FnMut() -> Option<(Producer<P>, Consumer<P>)>,
    acts: &[Act],
) -> std::result::Result<(), TestCaseError> {
    let mut queue = VecDeque::new();
    for (number, act) in acts.iter().enumerate() {
        let (producer, consumer) = (&mut ends.0, &mut ends.1);
        match *act {
            Act::Send(numbers, bytes) => {
                let tensor: Vec<f32> = (0..numbers).map(|at| (number * 10 + at) as f32).collect();
                let metadata: Vec<u8> = (0..bytes).map(|at| (number + at) as u8).collect();
                let header = Header { kind: KIND_PATCH, id: number as u64, ..Header::default() };
                let sent = producer.send(header, &tensor, &metadata, &OnFull::Answer).unwrap();
                let room = queue.len() < producer.geometry().slots();
                prop_assert_eq!(sent, if room { Sent::Committed } else { Sent::Full });
                if room {
                    queue.push_back((number as u64, tensor, metadata));
                }
            }
            Act::Abandon => {
                if let Some(loan) = producer.loan(1).unwrap() {
                    producer.abandon(loan);
                }
            }
            Act::Take => {
                let record = consumer
                    .peek()
                    .unwrap()
                    .map(|record| (record.header.id, record.tensor.to_vec(), record.metadata.to_vec()));
                consumer.advance();
                prop_assert_eq!(record, queue.pop_front());
            }
            Act::Attach => {
                if let Some(fresh) = attach() {
                    ends = fresh;
                }
            }
        }
    }
    prop_assert_eq!(ends.0.counts().committed - ends.0.counts().taken, queue.len() as u64);
    Ok(())
}

proptest! {
    #[test]
    fn ring_in_any_memory_matches_naive(acts in acts(), payload_crc: bool) {
        let mut geometry = Geometry::compact(4, 5, 40).unwrap();
        if payload_crc {
            geometry = geometry.with_payload_crc();
        }
        matches_a_queue(heap(geometry).unwrap(), &mut || None, &acts)?;
        let (bytes, producer, consumer) = shared(geometry);
        let mut attach = || Some((Producer::attach(bytes.region()).unwrap(), Consumer::attach(bytes.region()).unwrap()));
        matches_a_queue((producer, consumer), &mut attach, &acts)?;
    }

    #[test]
    fn opaque_copy_matches_naive(bytes in proptest::collection::vec(any::<u8>(), 0..300), from in 0..20_usize, to in 0..20_usize) {
        let length = bytes.len().saturating_sub(from);
        let (mut copied, mut by_words) = (vec![0; length + to], vec![0; length + to]);
        // SAFETY: `length` bytes from there on lie inside all three.
        unsafe {
            copy::copy(bytes.as_ptr().add(from.min(bytes.len())), copied.as_mut_ptr().add(to), length);
            copy::copy_by_words(bytes.as_ptr().add(from.min(bytes.len())), by_words.as_mut_ptr().add(to), length);
        }
        prop_assert_eq!(&copied[to..], &bytes[bytes.len() - length..]);
        prop_assert_eq!(copied, by_words);
    }
}

#[test]
fn ring_that_is_full_answers_drops_or_refuses_to_block_and_counts() {
    let (mut producer, mut consumer) = ring(2, 3);
    let mut send = |full: &OnFull<'_>| producer.send(header(1), &[1.0, 1.0, -2.0], &[1, 5], full);
    assert_eq!(send(&OnFull::Answer).unwrap(), Sent::Committed);
    assert_eq!(send(&OnFull::Drop).unwrap(), Sent::Committed);
    assert_eq!(send(&OnFull::Answer).unwrap(), Sent::Full);
    assert_eq!(send(&OnFull::Drop).unwrap(), Sent::Dropped);
    assert_eq!(send(&OnFull::Drop).unwrap(), Sent::Dropped);
    let block = OnFull::Block(Wait::up_to(std::time::Duration::MAX));
    assert_eq!(send(&block).unwrap_err().kind(), ErrorKind::State, "the reader may be this very thread");
    let counts = producer.counts();
    assert_eq!((counts.committed, counts.taken, counts.full, counts.dropped), (2, 0, 1, 2));
    assert_eq!(take(&mut consumer), Some(1));
    assert_eq!(producer.counts(), Counts { taken: 1, ..counts });
}

#[test]
fn ring_goes_on_where_dead_ends_stopped() {
    let geometry = Geometry::compact(4, 3, 16).unwrap();
    let (bytes, mut producer, mut consumer) = shared(geometry);
    for id in 1..=3 {
        producer.send(header(id), &[id as f32; 3], &[], &OnFull::Answer).unwrap();
    }
    assert_eq!(consumer.peek().unwrap().unwrap().header.id, 1);
    consumer.advance();
    // A process that is killed runs no destructor, and these do nothing then; it was filling a slot.
    let mut loan = producer.loan(3).unwrap().unwrap();
    loan.write_tensor(&[9.0; 3]).unwrap();
    bytes.answer.store(1, Ordering::Relaxed);
    drop((loan, producer, consumer));
    bytes.answer.store(0, Ordering::Relaxed);
    let mut producer = Producer::attach(bytes.region()).unwrap();
    let mut consumer = Consumer::attach(bytes.region()).unwrap();
    producer.send(header(4), &[4.0; 3], &[], &OnFull::Answer).unwrap();
    let rest: Vec<_> = std::iter::from_fn(|| {
        let id = consumer.peek().unwrap().map(|record| record.header.id);
        consumer.advance();
        id
    })
    .collect();
    assert_eq!(rest, [2, 3, 4]);
}

#[test]
fn ring_reads_a_tensor_where_it_lies_and_says_whether_it_was_whole() {
    let (_bytes, mut producer, mut consumer) = shared(Geometry::compact(2, 3, 16).unwrap());
    producer.send(header(1), &[1.0, 2.0, 3.0], &[7, 8], &OnFull::Answer).unwrap();
    let record = consumer.peek_raw().unwrap().unwrap();
    let (first, len) = record.tensor();
    // SAFETY: the slot holds that many numbers.
    let sum: f32 = (0..len).map(|at| unsafe { first.add(at).read_volatile() }).sum();
    assert_eq!((sum, record.metadata, record.is_whole()), (6.0, &[7_u8, 8][..], true));
}

#[test]
fn ring_is_left_alone_by_the_child_of_a_fork() {
    let (bytes, mut producer, mut consumer) = shared(Geometry::compact(4, 3, 16).unwrap());
    producer.send(header(1), &[1.0; 3], &[], &OnFull::Answer).unwrap();
    let loan = producer.loan(3).unwrap().unwrap();
    let before = producer.counts();
    bytes.answer.store(1, Ordering::Relaxed);
    assert_eq!(producer.loan(3).map(|_| ()).unwrap_err().kind(), ErrorKind::Forked);
    assert_eq!(producer.commit(loan, 0, header(2)).unwrap_err().kind(), ErrorKind::Forked);
    assert_eq!(consumer.peek().map(|_| ()).unwrap_err().kind(), ErrorKind::Forked);
    producer.end_step(7);
    consumer.advance();
    assert_eq!((producer.counts(), consumer.ended_step()), (before, i64::MIN));
    drop((producer, consumer));
    bytes.answer.store(0, Ordering::Relaxed);
    assert_eq!(Consumer::attach(bytes.region()).unwrap().counts(), before, "neither end was closed");
}
