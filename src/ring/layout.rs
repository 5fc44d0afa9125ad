//! Where each byte of a ring lies: a control block, then the slots. Native byte order; the same bytes in a process's own
//! memory and in a shared segment.
//!
//! ```text
//! control   128 bytes  about: magic, version, geometry            written once
//!           128 bytes  head, ended_step, closed                   written by the producer
//!           128 bytes  tail, closed                               written by the consumer
//!           128 bytes  bell of the records, on which the consumer sleeps
//!           128 bytes  bell of the room, on which the producer sleeps
//!           128 bytes  what the producer counts; 128 bytes what the consumer counts
//! slot i    at CONTROL_BYTES + i * slot_bytes:
//!            64 bytes  header
//!           tensor     float32, at 64-byte alignment
//!           metadata   flatbuffers, at the next multiple of 64
//! ```
//! Not here: who owns the memory ([`super::memory`]).

use std::mem::offset_of;

use super::bell::Bell;
use crate::error::{Result, argument};
use crate::sync::{AtomicI64, AtomicU32, AtomicU64};

/// Bytes of the control block, a multiple of the page so that slots are page aligned.
pub(super) const CONTROL_BYTES: usize = 4096;
/// Bytes of a slot's header; the tensor follows.
pub(super) const HEADER_BYTES: usize = 64;
/// Room for metadata that a slot has unless another size is asked for: about a hundred proteins.
const METADATA_BYTES: usize = 4096;
/// The first eight bytes of a ring that is ready: "PSRING" and a version.
pub(super) const MAGIC: u64 = u64::from_le_bytes(*b"PSRING\0\x01");

/// A record that holds a patch: the tensor is its densities, the metadata a `PatchMeta`.
pub const KIND_PATCH: u32 = 1;
/// A slot whose loan was given up: the reader steps over it.
pub(super) const KIND_ABANDONED: u32 = 2;

/// How a ring is divided into slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    slots: usize,
    slot_bytes: usize,
    tensor_len: usize,
    metadata_bytes: usize,
    payload_crc: bool,
}

impl Geometry {
    /// `slots` (a power of two, 2 to 65,536) slots, each for a tensor of up to `tensor_len` float32 and its metadata.
    /// 37 x 37 x 14 gives slots of 80 KiB, 73 x 73 x 14 of 300 KiB.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for another number of slots, an empty tensor, one
    /// over 256 MiB, or a ring over 64 GiB.
    pub fn new(slots: usize, tensor_len: usize) -> Result<Self> {
        Self::checked(slots, tensor_len, METADATA_BYTES, 4096)
    }

    /// The same with room for `metadata_bytes` (up to 16 MiB) beside a full tensor, and slots no larger than that needs:
    /// for small messages.
    ///
    /// # Errors
    /// Those of [`new`](Self::new), and for more metadata.
    pub fn compact(slots: usize, tensor_len: usize, metadata_bytes: usize) -> Result<Self> {
        Self::checked(slots, tensor_len, metadata_bytes, 128)
    }

    fn checked(slots: usize, tensor_len: usize, metadata_bytes: usize, multiple: usize) -> Result<Self> {
        if !slots.is_power_of_two() || !(2..=65_536).contains(&slots) {
            return Err(argument(format!(
                "a ring of {slots} slots: give a power of two from 2 to 65536 (64 is usual)"
            )));
        }
        if tensor_len == 0 || tensor_len > 1 << 26 {
            return Err(argument(format!("a ring for tensors of {tensor_len} numbers: give 1 to {}", 1 << 26)));
        }
        if metadata_bytes > 16 << 20 {
            return Err(argument(format!("room for {metadata_bytes} bytes of metadata: give up to {}", 16 << 20)));
        }
        let slot_bytes = (HEADER_BYTES + aligned(tensor_len * 4) + metadata_bytes).next_multiple_of(multiple);
        if slots * slot_bytes > 64 << 30 {
            return Err(argument(format!("a ring of {slots} slots of {slot_bytes} bytes is over 64 GiB: take fewer")));
        }
        let metadata_bytes = slot_bytes - HEADER_BYTES - aligned(tensor_len * 4);
        Ok(Self { slots, slot_bytes, tensor_len, metadata_bytes, payload_crc: false })
    }

    /// The same with a CRC32C of tensor and metadata in each header, which the reader checks. It finds what the sequence
    /// check cannot: bytes that somebody wrote into a record that was committed.
    #[must_use]
    pub fn with_payload_crc(self) -> Self {
        Self { payload_crc: true, ..self }
    }

    /// Number of slots, a power of two.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Bytes from one slot to the next.
    pub fn slot_bytes(&self) -> usize {
        self.slot_bytes
    }

    /// The most float32 that a record's tensor may have.
    pub fn tensor_len(&self) -> usize {
        self.tensor_len
    }

    /// The most bytes that a record's metadata may have beside a full tensor.
    pub fn metadata_bytes(&self) -> usize {
        self.metadata_bytes
    }

    /// Whether headers carry a CRC32C of tensor and metadata.
    pub fn payload_crc(&self) -> bool {
        self.payload_crc
    }

    /// Bytes of the whole ring.
    pub fn bytes(&self) -> usize {
        CONTROL_BYTES + self.slots * self.slot_bytes
    }

    /// Whether a tensor and metadata of these sizes fit into a slot.
    pub(super) fn fits(&self, tensor_bytes: usize, metadata_bytes: usize) -> bool {
        tensor_bytes <= self.tensor_len * 4 && metadata_bytes <= self.slot_bytes - HEADER_BYTES - aligned(tensor_bytes)
    }

    /// Offset of the slot that record number `index` lies in.
    pub(super) fn slot_offset(&self, index: u64) -> usize {
        CONTROL_BYTES + (index as usize & (self.slots - 1)) * self.slot_bytes
    }
}

/// `bytes` rounded up to the alignment of a slot's parts.
pub(super) fn aligned(bytes: usize) -> usize {
    bytes.next_multiple_of(64)
}

/// What both ends share beside the slots. Each writer has lines of its own (128 bytes: processors fetch pairs). Any
/// bytes are valid: another process may write any.
#[repr(C)]
#[derive(Default)]
pub(super) struct Control {
    pub(super) about: About,
    pub(super) producer: ProducerLine,
    pub(super) consumer: ConsumerLine,
    pub(super) records: Bell,
    pub(super) room: Bell,
    pub(super) producer_counts: ProducerCounts,
    pub(super) consumer_counts: ConsumerCounts,
}

/// Written once, by who makes the ring; the magic last.
#[repr(C, align(128))]
#[derive(Default)]
pub(super) struct About {
    pub(super) magic: AtomicU64,
    /// [`LAYOUT_HASH`].
    pub(super) layout: AtomicU32,
    /// 1: headers carry a CRC32C of the payload.
    pub(super) flags: AtomicU32,
    pub(super) slots: AtomicU64,
    pub(super) tensor_len: AtomicU64,
    pub(super) metadata_bytes: AtomicU64,
    pub(super) slot_bytes: AtomicU64,
    /// CRC32C of the 48 bytes before.
    pub(super) crc: AtomicU32,
}

/// Written by the producer alone.
#[repr(C, align(128))]
#[derive(Default)]
pub(super) struct ProducerLine {
    /// Records committed so far; record `i` lies in slot `i mod slots`.
    pub(super) head: AtomicU64,
    /// The last step that the producer said it has ended; `i64::MIN` before the first.
    pub(super) ended_step: AtomicI64,
    /// Not 0: the producer will commit nothing more.
    pub(super) closed: AtomicU32,
}

/// Written by the consumer alone.
#[repr(C, align(128))]
#[derive(Default)]
pub(super) struct ConsumerLine {
    /// Records taken so far, at most `head`.
    pub(super) tail: AtomicU64,
    /// Not 0: the consumer will take nothing more.
    pub(super) closed: AtomicU32,
}

/// What the producer counts, for whoever watches.
#[repr(C, align(128))]
#[derive(Default)]
pub(super) struct ProducerCounts {
    pub(super) full: AtomicU64,
    pub(super) dropped: AtomicU64,
}

/// What the consumer counts, for whoever watches.
#[repr(C, align(128))]
#[derive(Default)]
pub(super) struct ConsumerCounts {
    pub(super) corrupt: AtomicU64,
}

/// A record's header: 64 bytes at the start of its slot.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Header {
    /// The record's number plus one, so that zeroed memory is never a record.
    pub sequence: u64,
    /// Bytes of the tensor, a multiple of 4.
    pub tensor_bytes: u32,
    /// Bytes of the metadata.
    pub metadata_bytes: u32,
    /// What the record is: [`KIND_PATCH`].
    pub kind: u32,
    /// Zero.
    pub reserved: u32,
    /// The patch's id.
    pub id: u64,
    /// The macro model's step.
    pub step: i64,
    /// When it was committed, in nanoseconds of a clock that only grows; for latencies, never for decisions.
    pub committed_ns: u64,
    /// Hash of tensor and metadata.
    pub content: u64,
    /// CRC32C of tensor and metadata where the geometry asks for it, otherwise zero.
    pub payload_crc: u32,
    /// CRC32C of the 60 bytes before.
    pub crc: u32,
}

const _: () = assert!(size_of::<Header>() == HEADER_BYTES);
#[cfg(not(loom))]
const _: () = assert!(size_of::<Control>() <= CONTROL_BYTES);

/// Changes with whatever two builds have to agree on to share a ring: sizes, offsets, byte order.
pub const LAYOUT_HASH: u32 = {
    let parts = [
        MAGIC as usize,
        usize::from_ne_bytes(*b"patchrin"),
        CONTROL_BYTES,
        HEADER_BYTES,
        offset_of!(Control, producer),
        offset_of!(Control, consumer),
        offset_of!(Control, records),
        offset_of!(Control, room),
        offset_of!(Control, producer_counts),
        offset_of!(Control, consumer_counts),
        offset_of!(ProducerLine, ended_step),
        offset_of!(ProducerLine, closed),
        offset_of!(Header, id),
        offset_of!(Header, payload_crc),
        offset_of!(Header, crc),
    ];
    // FNV-1a over words.
    let (mut hash, mut part) = (0x811c_9dc5_u32, 0);
    while part < parts.len() {
        hash = (hash ^ parts[part] as u32).wrapping_mul(0x0100_0193);
        hash = (hash ^ (parts[part] >> 32) as u32).wrapping_mul(0x0100_0193);
        part += 1;
    }
    hash
};

impl Header {
    /// The CRC32C that `crc` should be.
    pub(super) fn checksum(&self) -> u32 {
        let mut bytes = [0; HEADER_BYTES - 4];
        let words = [
            self.sequence,
            u64::from(self.tensor_bytes) | u64::from(self.metadata_bytes) << 32,
            u64::from(self.kind) | u64::from(self.reserved) << 32,
            self.id,
            self.step as u64,
            self.committed_ns,
            self.content,
        ];
        for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes[56..].copy_from_slice(&self.payload_crc.to_le_bytes());
        crc32c::crc32c(&bytes)
    }
}
