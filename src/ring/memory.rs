//! The memory that a ring lies in, and the few raw accesses to it.
//!
//! Not here: which end may touch which slot when ([`super::producer`], [`super::consumer`]).

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;
use std::sync::Arc;

use super::layout::{Control, Geometry, HEADER_BYTES, Header, aligned};
use crate::error::{Result, memory};
use crate::sync::Ordering;

/// One ring's memory: page aligned, of `geometry.bytes()` bytes, freed with its last holder.
pub(super) struct Memory {
    base: NonNull<u8>,
    geometry: Geometry,
}

// SAFETY: the control block is atomics only.
// SAFETY: a slot is touched by the one end that owns it, and ownership passes through head and tail (Release/Acquire).
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Memory of this process, zeroed, with every page touched: a cold first lap costs thirteen times a warm one.
    pub(super) fn heap(geometry: Geometry) -> Result<Arc<Self>> {
        let layout = layout_of(geometry)?;
        // SAFETY: the layout's size is not zero, it holds a control block.
        let base = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or_else(|| no_memory(geometry))?;
        let memory = Self { base, geometry };
        for page in (0..geometry.bytes()).step_by(4096) {
            // SAFETY: `page` is inside the allocation, which nobody else holds yet; volatile, so that the write happens.
            unsafe { base.as_ptr().add(page).write_volatile(0) };
        }
        memory.control().producer.ended_step.store(i64::MIN, Ordering::Relaxed);
        Ok(Arc::new(memory))
    }

    pub(super) fn geometry(&self) -> Geometry {
        self.geometry
    }

    pub(super) fn control(&self) -> &Control {
        // SAFETY: the memory starts with a control block, page aligned, valid as zeroes, and all its fields are atomics.
        unsafe { self.base.cast::<Control>().as_ref() }
    }

    /// The header of record `index`.
    ///
    /// # Safety
    /// - the caller owns the slot of record `index`.
    pub(super) unsafe fn read_header(&self, index: u64) -> Header {
        // SAFETY: a slot starts with a header, 64-byte aligned; any bytes are a valid `Header`.
        unsafe { self.slot(index).cast::<Header>().read() }
    }

    /// Writes the header of record `index`.
    ///
    /// # Safety
    /// - the caller owns the slot of record `index`.
    pub(super) unsafe fn write_header(&self, index: u64, header: Header) {
        // SAFETY: as for reading.
        unsafe { self.slot(index).cast::<Header>().write(header) };
    }

    /// The slot's tensor as it would start, of `len` float32.
    ///
    /// # Safety
    /// - the caller owns the slot of record `index`, and keeps it for as long as it uses the pointer;
    /// - `len <= geometry.tensor_len()`.
    pub(super) unsafe fn tensor(&self, index: u64, len: usize) -> NonNull<[f32]> {
        // SAFETY: the tensor lies behind the header, inside the slot; floats were zeroed or written, so initialised.
        let start = unsafe { self.slot(index).add(HEADER_BYTES) };
        NonNull::slice_from_raw_parts(start.cast(), len)
    }

    /// `bytes` bytes of metadata behind a tensor of `tensor_bytes` bytes.
    ///
    /// # Safety
    /// - the caller owns the slot of record `index`, and keeps it for as long as it uses the pointer;
    /// - `fits(tensor_bytes, bytes)`.
    pub(super) unsafe fn metadata(&self, index: u64, tensor_bytes: usize, bytes: usize) -> NonNull<[u8]> {
        // SAFETY: the caller checked that both parts lie inside the slot.
        let start = unsafe { self.slot(index).add(HEADER_BYTES + aligned(tensor_bytes)) };
        NonNull::slice_from_raw_parts(start, bytes)
    }

    /// Whether a tensor and metadata of these sizes fit into a slot.
    pub(super) fn fits(&self, tensor_bytes: usize, metadata_bytes: usize) -> bool {
        tensor_bytes <= self.geometry.tensor_len() * 4
            && metadata_bytes <= self.geometry.slot_bytes() - HEADER_BYTES - aligned(tensor_bytes)
    }

    fn slot(&self, index: u64) -> NonNull<u8> {
        // SAFETY: the offset of any slot is inside the allocation.
        unsafe { self.base.add(self.geometry.slot_offset(index)) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Ok(layout) = layout_of(self.geometry) {
            // SAFETY: `heap` allocated it with this very layout, and the last holder is gone.
            unsafe { dealloc(self.base.as_ptr(), layout) };
        }
    }
}

fn layout_of(geometry: Geometry) -> Result<Layout> {
    Layout::from_size_align(geometry.bytes(), 4096).map_err(|_| no_memory(geometry))
}

fn no_memory(geometry: Geometry) -> crate::error::Error {
    memory(format!(
        "no memory for a ring of {} slots of {} bytes: take fewer slots",
        geometry.slots(),
        geometry.slot_bytes()
    ))
}
