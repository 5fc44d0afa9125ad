//! A ring in shared memory whose peer writes anything anywhere: slot headers, metadata, indices, geometry.
//!
//! The input is a list of acts: writes of the hostile peer, and calls of both ends. A ring that works, with two records
//! in it, is where each input starts, so that every byte of the input is spent on damage.
#![no_main]

use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use patchstream::error::Result;
use patchstream::patch::{Constellation, Meta};
use patchstream::ring::{
    Backing, Consumer, Geometry, Header, KIND_PATCH, OnFull, Producer, Region, Shared, Wait, format,
};
use patchstream::wire::{Packer, patch_meta};

/// Values of a tensor, and bytes of metadata that a slot has room for.
const TENSOR: usize = 20;
const METADATA: usize = 320;
/// Where the slots begin.
const CONTROL: usize = 4096;

/// Page-aligned memory of which nobody makes a reference. Its size is that of the ring, so that a step beyond is seen.
struct Memory {
    pages: *mut u8,
    layout: std::alloc::Layout,
}

// SAFETY: an address; all access is by copies and atomics.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    fn new(bytes: usize) -> Arc<Self> {
        let layout = std::alloc::Layout::from_size_align(bytes, 4096).expect("a small layout");
        // SAFETY: the layout is not empty.
        let pages = unsafe { std::alloc::alloc_zeroed(layout) };
        assert!(!pages.is_null());
        Arc::new(Self { pages, layout })
    }

    fn region(self: &Arc<Self>) -> Region {
        let base = NonNull::new(self.pages).expect("it was allocated");
        // SAFETY: valid as long as the backing lives; only pointers reach it.
        unsafe { Region::new(base, self.layout.size(), self.clone()) }.expect("it is aligned")
    }

    fn read(&self, at: usize) -> u8 {
        // SAFETY: inside, by the remainder.
        unsafe { self.pages.add(at % self.layout.size()).read_volatile() }
    }

    fn write(&self, at: usize, bytes: &[u8]) {
        for (i, byte) in bytes.iter().enumerate() {
            // SAFETY: inside, by the remainder.
            unsafe { self.pages.add((at + i) % self.layout.size()).write_volatile(*byte) };
        }
    }

    /// Makes the checksum of `len` bytes right that follows them.
    fn seal(&self, at: usize, len: usize) {
        let bytes: Vec<u8> = (at..at + len).map(|at| self.read(at)).collect();
        self.write(at + len, &crc32c::crc32c(&bytes).to_le_bytes());
    }
}

impl Backing for Memory {
    fn usable(&self) -> Result<()> {
        Ok(())
    }
    fn pulse(&self) -> Result<()> {
        Ok(())
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: made with this layout.
        unsafe { std::alloc::dealloc(self.pages, self.layout) };
    }
}

/// What is left of the input.
struct Acts<'a>(&'a [u8]);

impl<'a> Acts<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn bytes(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn place(&mut self) -> usize {
        usize::from(self.byte().unwrap_or(0)) | usize::from(self.byte().unwrap_or(0)) << 8
    }
}

fn send(producer: &mut Producer<Shared>, id: u64, packer: &mut Packer) {
    let meta = Meta { id, label: Some("seed"), ..Meta::default() };
    let packed = packer.patch_meta(&meta, Constellation { ras: 0, raf: 0 });
    let header = Header { kind: KIND_PATCH, id, ..Header::default() };
    let _ = producer.send(header, &[id as f32; TENSOR], packed, &OnFull::Answer);
}

/// What the operator does with a record.
fn take(consumer: &mut Consumer<Shared>) {
    let geometry = consumer.geometry();
    if let Ok(Some(record)) = consumer.peek() {
        assert!(record.tensor.len() <= geometry.slot_bytes() / 4 && record.metadata.len() <= geometry.slot_bytes());
        std::hint::black_box(record.tensor.iter().sum::<f32>());
        if let Ok(view) = patch_meta(record.metadata) {
            std::hint::black_box(view.to_owned());
        }
    }
}

fn take_in_place(consumer: &mut Consumer<Shared>) {
    if let Ok(Some(record)) = consumer.peek_raw() {
        let (at, len) = record.tensor();
        for i in 0..len {
            // SAFETY: what the record says it has, read once.
            std::hint::black_box(unsafe { at.add(i).read_volatile() });
        }
        std::hint::black_box(record.is_whole());
    }
}

fuzz_target!(|input: &[u8]| {
    let mut acts = Acts(input);
    let geometry = Geometry::compact(2, TENSOR, METADATA).expect("it is small");
    let geometry = if input.first().is_some_and(|byte| byte & 1 == 1) { geometry.with_payload_crc() } else { geometry };
    let slot = geometry.slot_bytes();
    let memory = Memory::new(geometry.bytes());
    format(memory.region(), geometry).expect("there is room");
    let mut producer = Producer::attach(memory.region()).ok();
    let mut consumer = Consumer::attach(memory.region()).ok();
    let mut packer = Packer::new();
    for id in 1..=2 {
        producer.iter_mut().for_each(|producer| send(producer, id, &mut packer));
    }
    acts.byte();
    while let Some(act) = acts.byte() {
        let which = usize::from(act >> 4);
        match act & 15 {
            // The hostile peer: anywhere, in a slot's header, in its metadata, in an index; then the checksums.
            0 => memory.write(acts.place(), acts.bytes(which + 1)),
            1 => memory.write(CONTROL + which % 2 * slot + acts.place() % 64, acts.bytes(8)),
            2 => memory.write(CONTROL + which % 2 * slot + 64 + acts.place() % (slot - 64), acts.bytes(4 * which + 4)),
            3 => memory.write(128 * (which % 7) + 8 * (acts.place() % 4), acts.bytes(8)),
            4 => memory.seal(CONTROL + which % 2 * slot, 60),
            5 => memory.seal(0, 48),
            6 => {
                let add = i64::from(acts.byte().unwrap_or(0) as i8);
                let at = 128 * (1 + which % 2);
                let bytes: [u8; 8] = std::array::from_fn(|i| memory.read(at + i));
                memory.write(at, &i64::from_le_bytes(bytes).wrapping_add(add).to_le_bytes());
            }
            // The ends.
            7 | 8 => consumer.iter_mut().for_each(take),
            9 => consumer.iter_mut().for_each(take_in_place),
            10 => consumer.iter_mut().for_each(Consumer::advance),
            11 => {
                let wait = Wait::up_to(Duration::ZERO);
                consumer.iter_mut().for_each(|consumer| drop(std::hint::black_box(consumer.wait(&wait))));
            }
            12 => producer.iter_mut().for_each(|producer| send(producer, u64::from(act), &mut packer)),
            13 => {
                drop(consumer.take());
                consumer = Consumer::attach(memory.region()).ok();
            }
            14 => {
                drop(producer.take());
                producer = Producer::attach(memory.region()).ok();
            }
            _ => {
                std::hint::black_box(consumer.as_ref().map(|end| (end.ended_step(), end.is_closed(), end.counts())));
            }
        }
    }
});
