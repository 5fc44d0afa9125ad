//! The ring of items against `ringbuf`'s own: whoever is generic over its traits sees no difference.

use std::sync::Arc;

use proptest::prelude::*;
use ringbuf::traits::{Consumer as _, Observer, Producer as _, RingBuffer, Split};
use ringbuf::{CachingCons, CachingProd, Cons, HeapRb, Prod};

use super::shared::Bytes;
use super::*;

fn typed<T: Plain>(capacity: usize) -> TypedRing<T> {
    let bytes = Bytes::new(TypedRing::<T>::bytes(capacity));
    // SAFETY: nobody else has these bytes.
    unsafe { TypedRing::over(bytes.region(), capacity) }.unwrap()
}

/// Does the same to both ends of a ring, and lists all answers.
fn answers<R>(ring: R, acts: &[(u8, usize)]) -> Vec<(usize, Vec<u32>)>
where
    R: ringbuf::rb::RbRef,
    R::Rb: RingBuffer<Item = u32>,
{
    let (mut producer, mut consumer) = (Prod::new(ring.clone()), Cons::new(ring.clone()));
    let mut next = 0;
    let mut answers = Vec::new();
    for &(act, count) in acts {
        let items: Vec<u32> = (next..next + count as u32).collect();
        let mut out = vec![0; count];
        let answer = match act % 6 {
            0 => producer.push_slice(&items),
            1 => producer.push_iter(&mut items.iter().copied()),
            2 => usize::from(producer.try_push(next).is_ok()),
            3 => consumer.pop_slice(&mut out),
            4 => consumer.skip(count),
            _ => consumer.try_pop().map_or(0, |item| item as usize + 1),
        };
        next += count as u32;
        out.extend(consumer.iter());
        out.extend([producer.vacant_len() as u32, consumer.occupied_len() as u32, u32::from(producer.is_full())]);
        answers.push((answer, out));
    }
    answers
}

proptest! {
    #[test]
    fn typed_ring_matches_heap_rb(acts in proptest::collection::vec((any::<u8>(), 0..12_usize), 0..60)) {
        for capacity in [1, 2, 8] {
            let ours = answers(Arc::new(typed::<u32>(capacity)), &acts);
            prop_assert_eq!(ours, answers(Arc::new(HeapRb::<u32>::new(capacity)), &acts));
        }
    }
}

#[test]
fn typed_ring_between_two_threads_keeps_the_order_as_heap_rb_does() {
    fn run(
        mut producer: impl ringbuf::traits::Producer<Item = u64> + Send,
        mut consumer: impl ringbuf::traits::Consumer<Item = u64>,
    ) {
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for item in 0..20_000 {
                    while producer.try_push(item).is_err() {
                        std::thread::yield_now();
                    }
                }
            });
            for item in 0..20_000 {
                let popped = loop {
                    match consumer.try_pop() {
                        Some(popped) => break popped,
                        None => std::thread::yield_now(),
                    }
                };
                assert_eq!(popped, item);
            }
        });
    }
    let ring = Arc::new(typed::<u64>(16));
    run(CachingProd::new(ring.clone()), CachingCons::new(ring));
    let (producer, consumer) = HeapRb::new(16).split();
    run(producer, consumer);
}

#[test]
fn typed_ring_says_what_it_cannot_be_made_of() {
    let bytes = Bytes::new(8192);
    // SAFETY: nobody else has these bytes.
    let over = |capacity| unsafe { TypedRing::<[f32; 16]>::over(bytes.region(), capacity) }.map(|_| ());
    assert!(over(64).is_ok());
    for capacity in [0, 3, 128, usize::MAX] {
        assert_eq!(over(capacity).unwrap_err().kind(), ErrorKind::Argument, "{capacity}");
    }
}
