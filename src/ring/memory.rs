//! The memory that a ring lies in, and the few raw accesses to it.
//!
//! Not here: which end may touch which slot when ([`super::producer`], [`super::consumer`]).

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;
use std::sync::Arc;

use super::copy::copy;
use super::layout::{Control, Geometry, HEADER_BYTES, Header, LAYOUT_HASH, MAGIC, aligned};
use super::region::{Backing, Region};
use crate::error::{Error, Result, argument, corrupt, memory, state, version};
use crate::sync::Ordering;

/// Whether the memory of a ring may be written by somebody who keeps no promise: [`Private`] or [`Shared`].
pub trait Place: sealed::Sealed + 'static {
    /// Another process may write it at any moment.
    const FOREIGN: bool;
}

/// Memory of this process alone.
#[derive(Debug, Clone, Copy)]
pub struct Private;
/// Memory that other processes may write at any moment.
#[derive(Debug, Clone, Copy)]
pub struct Shared;

impl Place for Private {
    const FOREIGN: bool = false;
}
impl Place for Shared {
    const FOREIGN: bool = true;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Private {}
    impl Sealed for super::Shared {}
}

/// One ring's memory, of `geometry.bytes()` bytes, given back with its last holder.
pub(super) struct Memory {
    base: NonNull<u8>,
    geometry: Geometry,
    keep: Keep,
    /// A model checker's atomics cannot lie in raw memory.
    #[cfg(loom)]
    control: Box<Control>,
    /// What the model checker watches in place of each slot's bytes.
    #[cfg(loom)]
    watched: Box<[loom::cell::UnsafeCell<()>]>,
}

enum Keep {
    Heap(Layout),
    Region(Arc<dyn Backing>),
}

// SAFETY: the control block is atomics only.
// SAFETY: a slot is touched by the one end that owns it, and ownership passes through head and tail (Release/Acquire).
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Memory of this process, zeroed, with every page touched: a cold first lap costs thirteen times a warm one.
    pub(super) fn heap(geometry: Geometry) -> Result<Self> {
        let layout = Layout::from_size_align(geometry.bytes(), 4096).map_err(|_| no_memory(geometry))?;
        // SAFETY: the layout's size is not zero, it holds a control block.
        let base = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or_else(|| no_memory(geometry))?;
        let memory = Self::over(base, geometry, Keep::Heap(layout));
        for page in (0..geometry.bytes()).step_by(4096) {
            // SAFETY: `page` is inside the allocation, which nobody else holds yet; volatile, so that the write happens.
            unsafe { base.as_ptr().add(page).write_volatile(0) };
        }
        memory.control().producer.ended_step.store(i64::MIN, Ordering::Relaxed);
        Ok(memory)
    }

    /// Makes an empty ring in a region.
    pub(super) fn format(region: Region, geometry: Geometry) -> Result<Self> {
        if region.bytes() < geometry.bytes() {
            let (has, needs) = (region.bytes(), geometry.bytes());
            return Err(argument(format!("a ring of {needs} bytes in memory of {has}: take more, or fewer slots")));
        }
        let memory = Self::over(region.base(), geometry, Keep::Region(region.keep()));
        memory.usable()?;
        let control = memory.control();
        // Nobody takes the ring for one until the magic is there.
        control.about.magic.store(0, Ordering::Release);
        for (word, value) in [
            (&control.producer.head, 0),
            (&control.consumer.tail, 0),
            (&control.about.slots, geometry.slots() as u64),
            (&control.about.tensor_len, geometry.tensor_len() as u64),
            (&control.about.metadata_bytes, geometry.metadata_bytes() as u64),
            (&control.about.slot_bytes, geometry.slot_bytes() as u64),
        ] {
            word.store(value, Ordering::Relaxed);
        }
        control.producer.ended_step.store(i64::MIN, Ordering::Relaxed);
        control.producer.closed.store(0, Ordering::Relaxed);
        control.consumer.closed.store(0, Ordering::Relaxed);
        control.about.layout.store(LAYOUT_HASH, Ordering::Relaxed);
        control.about.flags.store(u32::from(geometry.payload_crc()), Ordering::Relaxed);
        let checksum = About::read(control).checksum();
        control.about.crc.store(checksum, Ordering::Relaxed);
        // SYNC(magic): Release pairs with Acquire in About::read: the geometry is seen first.
        control.about.magic.store(MAGIC, Ordering::Release);
        Ok(memory)
    }

    /// The ring that lies in a region. Its description is copied, checked, and never read again.
    pub(super) fn attach(region: Region) -> Result<Self> {
        let bytes = region.bytes();
        if bytes < super::layout::CONTROL_BYTES {
            return Err(corrupt(format!("memory of {bytes} bytes is too short to hold a ring")));
        }
        // The geometry is not known yet; the smallest one lets the control block be read.
        let smallest = Geometry::compact(2, 1, 0)?;
        let mut memory = Self::over(region.base(), smallest, Keep::Region(region.keep()));
        memory.usable()?;
        memory.geometry = About::read(memory.control()).geometry(bytes)?;
        Ok(memory)
    }

    fn over(base: NonNull<u8>, geometry: Geometry, keep: Keep) -> Self {
        Self {
            base,
            geometry,
            keep,
            #[cfg(loom)]
            control: Box::default(),
            #[cfg(loom)]
            watched: (0..geometry.slots()).map(|_| loom::cell::UnsafeCell::new(())).collect(),
        }
    }

    pub(super) fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// Whether the memory may still be used.
    pub(super) fn usable(&self) -> Result<()> {
        match &self.keep {
            Keep::Heap(_) => Ok(()),
            Keep::Region(backing) => backing.usable(),
        }
    }

    /// Whether it is worth waiting for the other end.
    pub(super) fn pulse(&self) -> Result<()> {
        match &self.keep {
            Keep::Heap(_) => Ok(()),
            Keep::Region(backing) => backing.pulse(),
        }
    }

    #[cfg(not(loom))]
    pub(super) fn control(&self) -> &Control {
        // SAFETY: the memory starts with a control block, aligned, and all its fields are atomics, valid as any bytes.
        unsafe { self.base.cast::<Control>().as_ref() }
    }

    #[cfg(loom)]
    pub(super) fn control(&self) -> &Control {
        &self.control
    }

    /// A copy of the header of record `index`, each word read once.
    pub(super) fn read_header(&self, index: u64) -> Header {
        self.watch(index, false);
        let mut header = Header::default();
        // SAFETY: a slot starts with a header, 64-byte aligned; any bytes are a valid `Header`.
        unsafe { copy_words(self.slot(index).as_ptr().cast(), (&raw mut header).cast()) };
        header
    }

    /// Writes the header of record `index`.
    ///
    /// # Safety
    /// - the caller owns the slot of record `index`.
    pub(super) unsafe fn write_header(&self, index: u64, header: Header) {
        self.watch(index, true);
        // SAFETY: as for reading.
        unsafe { copy_words((&raw const header).cast(), self.slot(index).as_ptr().cast()) };
    }

    /// The slot's tensor as it would start, of `len` float32.
    ///
    /// # Safety
    /// - `len <= geometry.tensor_len()`;
    /// - who uses the pointer owns the slot meanwhile.
    pub(super) unsafe fn tensor(&self, index: u64, len: usize) -> NonNull<[f32]> {
        // SAFETY: the tensor lies behind the header, inside the slot; floats were zeroed or written, so initialised.
        let start = unsafe { self.slot(index).add(HEADER_BYTES) };
        NonNull::slice_from_raw_parts(start.cast(), len)
    }

    /// `bytes` bytes of metadata behind a tensor of `tensor_bytes` bytes.
    ///
    /// # Safety
    /// - `geometry.fits(tensor_bytes, bytes)`;
    /// - who uses the pointer owns the slot meanwhile.
    pub(super) unsafe fn metadata(&self, index: u64, tensor_bytes: usize, bytes: usize) -> NonNull<[u8]> {
        // SAFETY: the caller checked that both parts lie inside the slot.
        let start = unsafe { self.slot(index).add(HEADER_BYTES + aligned(tensor_bytes)) };
        NonNull::slice_from_raw_parts(start, bytes)
    }

    /// CRC32C of the tensor and metadata in a slot, by way of copies.
    ///
    /// # Safety
    /// - `geometry.fits(tensor_bytes, metadata_bytes)`.
    pub(super) unsafe fn payload_crc(&self, index: u64, tensor_bytes: usize, metadata_bytes: usize) -> u32 {
        let mut block = [0; 4096];
        let mut crc = 0;
        for (start, bytes) in [(HEADER_BYTES, tensor_bytes), (HEADER_BYTES + aligned(tensor_bytes), metadata_bytes)] {
            for at in (0..bytes).step_by(block.len()) {
                let length = (bytes - at).min(block.len());
                // SAFETY: inside the slot, by the caller's promise; the block is ours.
                unsafe { copy(self.slot(index).add(start + at).as_ptr(), block.as_mut_ptr(), length) };
                crc = crc32c::crc32c_append(crc, &block[..length]);
            }
        }
        crc
    }

    fn slot(&self, index: u64) -> NonNull<u8> {
        // SAFETY: the offset of any slot is inside the memory.
        unsafe { self.base.add(self.geometry.slot_offset(index)) }
    }

    /// Tells the model checker that a slot is read or written here.
    #[cfg(loom)]
    fn watch(&self, index: u64, writes: bool) {
        let cell = &self.watched[index as usize & (self.geometry.slots() - 1)];
        if writes { cell.with_mut(|_| ()) } else { cell.with(|_| ()) }
    }

    #[cfg(not(loom))]
    fn watch(&self, _: u64, _: bool) {}
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Keep::Heap(layout) = self.keep {
            // SAFETY: allocated with this very layout, and this is the last holder.
            unsafe { dealloc(self.base.as_ptr(), layout) };
        }
    }
}

/// A copy of what a ring says of itself.
pub(super) struct About {
    pub(super) magic: u64,
    /// Layout and flags; slots, tensor length, bytes of metadata, bytes of a slot.
    pub(super) words: [u64; 5],
    pub(super) crc: u32,
}

impl About {
    fn read(control: &Control) -> Self {
        let about = &control.about;
        // SYNC(magic): Acquire pairs with Release in Memory::format.
        let magic = about.magic.load(Ordering::Acquire);
        let halves = [about.layout.load(Ordering::Relaxed), about.flags.load(Ordering::Relaxed)].map(u64::from);
        let rest = [&about.slots, &about.tensor_len, &about.metadata_bytes, &about.slot_bytes];
        let [slots, tensor_len, metadata_bytes, slot_bytes] = rest.map(|word| word.load(Ordering::Relaxed));
        let words = [halves[0] | halves[1] << 32, slots, tensor_len, metadata_bytes, slot_bytes];
        Self { magic, words, crc: about.crc.load(Ordering::Relaxed) }
    }

    fn checksum(&self) -> u32 {
        self.words.iter().fold(0, |crc, word| crc32c::crc32c_append(crc, &word.to_le_bytes()))
    }

    /// The ring's geometry, checked: it fits into memory of `bytes` bytes.
    pub(super) fn geometry(&self, bytes: usize) -> Result<Geometry> {
        let [layout_and_flags, slots, tensor_len, metadata_bytes, slot_bytes] = self.words;
        if self.magic == 0 {
            return Err(state("this memory holds no ring yet: whoever makes it has not finished"));
        }
        if self.magic != MAGIC || layout_and_flags as u32 != LAYOUT_HASH {
            return Err(version(format!(
                "a ring of magic {:#x} and layout {:#x}, this build reads {MAGIC:#x} and {LAYOUT_HASH:#x}: build both sides with one version",
                self.magic, layout_and_flags as u32
            )));
        }
        let broken = |why: String| corrupt(format!("the description of a ring is overwritten ({why}): make it anew"));
        if self.crc != self.checksum() {
            return Err(broken("its checksum differs".into()));
        }
        let small = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        let geometry = Geometry::compact(small(slots), small(tensor_len), small(metadata_bytes))
            .map_err(|error| broken(error.to_string()))?;
        if geometry.slot_bytes() as u64 != slot_bytes || geometry.bytes() > bytes {
            return Err(broken(format!("{slots} slots of {slot_bytes} bytes in memory of {bytes}")));
        }
        Ok(if layout_and_flags >> 32 & 1 == 1 { geometry.with_payload_crc() } else { geometry })
    }
}

/// Copies the eight words of a header, each read and written once.
///
/// # Safety
/// - both are valid for eight words and aligned.
unsafe fn copy_words(from: *const u64, to: *mut u64) {
    for word in 0..HEADER_BYTES / 8 {
        // SAFETY: the caller's promise.
        unsafe { to.add(word).write_volatile(from.add(word).read_volatile()) };
    }
}

fn no_memory(geometry: Geometry) -> Error {
    memory(format!(
        "no memory for a ring of {} slots of {} bytes: take fewer slots",
        geometry.slots(),
        geometry.slot_bytes()
    ))
}
