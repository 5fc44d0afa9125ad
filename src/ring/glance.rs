//! What a ring says of itself, read from a copy of its first bytes: for who watches it and takes no part in it.
//!
//! Not here: how the copy is made (`crate::shm`), and the ends themselves ([`super::producer`], [`super::consumer`]).

use std::mem::offset_of;

use super::counts::Counts;
use super::layout::{
    About as AboutLine, CONTROL_BYTES, ConsumerCounts, ConsumerLine, Control, Geometry, ProducerCounts, ProducerLine,
};
use super::memory::About;
use crate::error::Result;

/// Bytes of a ring that [`Glance::read`] looks at.
pub const GLANCE_BYTES: usize = CONTROL_BYTES;

/// A ring as it was at one moment, or nearly: its two ends may have gone on while the bytes were copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance {
    /// How it is divided into slots.
    pub geometry: Geometry,
    /// What its ends have counted.
    pub counts: Counts,
    /// The last step that its producer has ended.
    pub ended_step: Option<i64>,
}

impl Glance {
    /// Reads a private copy of the first bytes of a ring that lies in `bytes` bytes of memory.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) if there is no ring yet,
    /// [`ErrorKind::Version`](crate::error::ErrorKind::Version),
    /// [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt) if its description is overwritten.
    pub fn read(copy: &[u8; GLANCE_BYTES], bytes: usize) -> Result<Self> {
        let about = offset_of!(Control, about);
        let [slots, tensor_len, metadata_bytes, slot_bytes] = [
            offset_of!(AboutLine, slots),
            offset_of!(AboutLine, tensor_len),
            offset_of!(AboutLine, metadata_bytes),
            offset_of!(AboutLine, slot_bytes),
        ]
        .map(|at| word(copy, about + at));
        let [layout, flags] =
            [offset_of!(AboutLine, layout), offset_of!(AboutLine, flags)].map(|at| u64::from(half(copy, about + at)));
        let words = [layout | flags << 32, slots, tensor_len, metadata_bytes, slot_bytes];
        let crc = half(copy, about + offset_of!(AboutLine, crc));
        let magic = word(copy, about + offset_of!(AboutLine, magic));
        let geometry = About { magic, words, crc }.geometry(bytes)?;

        let (producer, consumer) = (offset_of!(Control, producer), offset_of!(Control, consumer));
        let counted = offset_of!(Control, producer_counts);
        let ended_step = word(copy, producer + offset_of!(ProducerLine, ended_step)) as i64;
        Ok(Self {
            geometry,
            counts: Counts {
                committed: word(copy, producer + offset_of!(ProducerLine, head)),
                taken: word(copy, consumer + offset_of!(ConsumerLine, tail)),
                full: word(copy, counted + offset_of!(ProducerCounts, full)),
                dropped: word(copy, counted + offset_of!(ProducerCounts, dropped)),
                corrupt: word(copy, offset_of!(Control, consumer_counts) + offset_of!(ConsumerCounts, corrupt)),
                producer_closed: half(copy, producer + offset_of!(ProducerLine, closed)) != 0,
                consumer_closed: half(copy, consumer + offset_of!(ConsumerLine, closed)) != 0,
            },
            ended_step: Some(ended_step).filter(|step| *step != i64::MIN),
        })
    }

    /// Records that are committed and not taken; none if the two indices cannot both be true.
    pub fn fill(&self) -> Option<u64> {
        let fill = self.counts.committed.checked_sub(self.counts.taken)?;
        (fill <= self.geometry.slots() as u64).then_some(fill)
    }
}

fn word(copy: &[u8; GLANCE_BYTES], at: usize) -> u64 {
    u64::from_ne_bytes(std::array::from_fn(|byte| copy[at + byte]))
}

fn half(copy: &[u8; GLANCE_BYTES], at: usize) -> u32 {
    u32::from_ne_bytes(std::array::from_fn(|byte| copy[at + byte]))
}
