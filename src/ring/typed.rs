//! Small messages of one type, with the traits of the `ringbuf` crate: `Prod<Arc<TypedRing<T>>>` and
//! `Cons<Arc<TypedRing<T>>>` are its two ends, and code that is generic over `ringbuf`'s traits takes it or a `HeapRb`.
//!
//! The same control block and the same indices as a ring of records; the slots are the items themselves, `item[i]` at
//! `CONTROL_BYTES + i * size_of::<T>()`. Not here: records, and peers that are not believed ([`super::Consumer`]).

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::num::NonZeroUsize;
use std::sync::Arc;

use ringbuf::traits::{Observer, Raw, RingBuffer};

use super::layout::{CONTROL_BYTES, Control};
use super::region::{Backing, Region};
use crate::error::{Result, argument, corrupt};
use crate::sync::{AtomicBool, AtomicU64, Ordering};

/// A type of which any bytes are a value and that owns nothing: it may lie in a segment.
///
/// # Safety
/// - every pattern of `size_of::<Self>()` bytes is a valid value;
/// - there are no padding bytes, pointers or references in it;
/// - its alignment divides 4096.
pub unsafe trait Plain: Copy + Send + Sync + 'static {}

macro_rules! plain {
    ($($type:ty),*) => {$(
        // SAFETY: any bytes are a number, without padding.
        unsafe impl Plain for $type {}
    )*};
}
plain!(u8, u16, u32, u64, i8, i16, i32, i64, f32, f64);
// SAFETY: an array of such has no padding of its own.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

/// A ring of items of one type in a segment. Whoever pushes and pops is the business of `ringbuf`'s ends.
pub struct TypedRing<T: Plain> {
    region: Region,
    keep: Arc<dyn Backing>,
    capacity: NonZeroUsize,
    /// This process holds the reading, the writing end.
    held: [AtomicBool; 2],
    items: PhantomData<T>,
}

impl<T: Plain> TypedRing<T> {
    /// Bytes of a region for `capacity` items.
    pub fn bytes(capacity: usize) -> usize {
        CONTROL_BYTES.saturating_add(capacity.saturating_mul(size_of::<T>()))
    }

    /// The ring of `capacity` (a power of two) items in a region: an empty one in zeroed memory, or the one that the
    /// other process uses.
    ///
    /// # Safety
    /// - no other process writes into the region but through this type, with the same `T` and capacity, and all
    ///   processes together hold one producer and one consumer at a time. `ringbuf` makes slices of the items and
    ///   believes the indices, so this is for peers that are trusted; [`Consumer`](super::Consumer) is for the others.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for another capacity, an empty type or a region too
    /// small; [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt) for indices that cannot be true; and those of
    /// [`Backing::usable`].
    pub unsafe fn over(region: Region, capacity: usize) -> Result<Self> {
        let rounds = capacity.is_power_of_two() && capacity <= 1 << 30 && size_of::<T>() > 0;
        let Some(size) = NonZeroUsize::new(capacity).filter(|_| rounds) else {
            return Err(argument(format!("a ring of {capacity} items: give a power of two up to 2^30")));
        };
        if region.bytes() < Self::bytes(capacity) {
            let (has, needs) = (region.bytes(), Self::bytes(capacity));
            return Err(argument(format!("{capacity} items need {needs} bytes, the region has {has}: take more")));
        }
        let keep = region.clone().keep();
        keep.usable()?;
        let ring = Self { region, keep, capacity: size, held: Default::default(), items: PhantomData };
        let (head, tail) = (ring.head().load(Ordering::Acquire), ring.tail().load(Ordering::Acquire));
        if head.wrapping_sub(tail) > capacity as u64 {
            return Err(corrupt(format!("a ring of {capacity} items says {head} were written and {tail} taken")));
        }
        Ok(ring)
    }

    /// Whether the ring may still be used: it is this process's and has an owner.
    ///
    /// # Errors
    /// Those of [`Backing::pulse`].
    pub fn pulse(&self) -> Result<()> {
        self.keep.pulse()
    }

    fn control(&self) -> &Control {
        // SAFETY: the region starts with a control block, aligned, all atomics, and lives as long as `keep`.
        unsafe { self.region.base().cast::<Control>().as_ref() }
    }

    fn head(&self) -> &AtomicU64 {
        &self.control().producer.head
    }

    fn tail(&self) -> &AtomicU64 {
        &self.control().consumer.tail
    }

    /// An index as `ringbuf` counts: modulo twice the capacity.
    fn folded(&self, index: u64) -> usize {
        index as usize & (2 * self.capacity.get() - 1)
    }

    /// Moves an index of ours forward to what `ringbuf` says modulo twice the capacity.
    fn unfold(&self, index: &AtomicU64, folded: usize) {
        let before = index.load(Ordering::Relaxed);
        let moved = folded.wrapping_sub(self.folded(before)) & (2 * self.capacity.get() - 1);
        index.store(before.wrapping_add(moved as u64), Ordering::Release);
    }

    /// Starts and lengths of the at most two pieces from one index to another.
    fn pieces(&self, start: usize, end: usize) -> [(usize, usize); 2] {
        let capacity = self.capacity.get();
        let length = (end.wrapping_sub(start) & (2 * capacity - 1)).min(capacity);
        let first = start & (capacity - 1);
        let before_the_end = length.min(capacity - first);
        [(first, before_the_end), (0, length - before_the_end)]
    }

    /// The item at a place in the ring.
    fn item(&self, place: usize) -> *mut MaybeUninit<T> {
        // SAFETY: places are at most the capacity, so this is inside the region or one past it.
        unsafe { self.region.base().add(CONTROL_BYTES).cast::<MaybeUninit<T>>().add(place).as_ptr() }
    }
}

impl<T: Plain> Observer for TypedRing<T> {
    type Item = T;

    fn capacity(&self) -> NonZeroUsize {
        self.capacity
    }
    fn read_index(&self) -> usize {
        // SYNC(tail): Acquire pairs with Release in `unfold`.
        self.folded(self.tail().load(Ordering::Acquire))
    }
    fn write_index(&self) -> usize {
        // SYNC(head): Acquire pairs with Release in `unfold`.
        self.folded(self.head().load(Ordering::Acquire))
    }
    fn read_is_held(&self) -> bool {
        self.held[0].load(Ordering::Acquire)
    }
    fn write_is_held(&self) -> bool {
        self.held[1].load(Ordering::Acquire)
    }
}

// SAFETY: capacity, indices and pieces are those of one region that lives as long as the ring.
// SAFETY: pieces cover exactly the range asked for, the first is not empty unless the range is.
// SAFETY: setters publish with Release before they wake, and nothing here unwinds.
unsafe impl<T: Plain> Raw for TypedRing<T> {
    unsafe fn unsafe_slices(&self, start: usize, end: usize) -> (&[MaybeUninit<T>], &[MaybeUninit<T>]) {
        let [first, second] = self.pieces(start, end);
        // SAFETY: both lie inside the region; the caller holds the end that owns these items.
        unsafe {
            (
                std::slice::from_raw_parts(self.item(first.0), first.1),
                std::slice::from_raw_parts(self.item(second.0), second.1),
            )
        }
    }
    unsafe fn unsafe_slices_mut(&self, start: usize, end: usize) -> (&mut [MaybeUninit<T>], &mut [MaybeUninit<T>]) {
        let [first, second] = self.pieces(start, end);
        // SAFETY: as above; the two do not overlap.
        unsafe {
            (
                std::slice::from_raw_parts_mut(self.item(first.0), first.1),
                std::slice::from_raw_parts_mut(self.item(second.0), second.1),
            )
        }
    }
    unsafe fn set_read_index(&self, value: usize) {
        self.unfold(self.tail(), value);
        self.control().room.ring();
    }
    unsafe fn set_write_index(&self, value: usize) {
        self.unfold(self.head(), value);
        self.control().records.ring();
    }
    unsafe fn hold_read(&self, flag: bool) -> bool {
        self.held[0].swap(flag, Ordering::AcqRel)
    }
    unsafe fn hold_write(&self, flag: bool) -> bool {
        self.held[1].swap(flag, Ordering::AcqRel)
    }
}

impl<T: Plain> RingBuffer for TypedRing<T> {}

impl<T: Plain> AsRef<Self> for TypedRing<T> {
    fn as_ref(&self) -> &Self {
        self
    }
}
