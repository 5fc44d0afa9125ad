//! Messages of jobs in slots of a ring: whole if they fit, otherwise in parts that follow each other.
//!
//! A part is a record of [`KIND_MESSAGE`] whose metadata are the part's bytes; the header's `id` is the length of the
//! whole message, its `step` where the part starts. A part that starts at 0 begins a new message, so one that was given
//! up half way harms nothing. Densities are the first part's tensor.
//! Not here: what the messages say ([`crate::wire`]), who reads them ([`super::desk`], [`super::office`]).

use crate::error::{Result, corrupt};
use crate::ring::{Header, OnFull, Place, Producer, Record, Sent};

/// The kind of a record that holds a message of jobs.
pub(super) const KIND_MESSAGE: u32 = 16;
/// The longest message: a sample of eight million sums.
pub(super) const MESSAGE_MAX: usize = 64 << 20;

/// A message on its way out.
pub(super) struct Parcel<'a> {
    message: &'a [u8],
    /// The first byte that was not sent yet.
    at: usize,
}

impl<'a> Parcel<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self { message, at: 0 }
    }

    /// Sends as many parts as there is room for, the first with `tensor`. `true` once all are sent.
    pub(super) fn push<P: Place>(&mut self, to: &mut Producer<P>, tensor: &[f32]) -> Result<bool> {
        while self.at < self.message.len() {
            let part = &self.message[self.at..];
            let part = &part[..part.len().min(to.geometry().metadata_bytes())];
            let header =
                Header { kind: KIND_MESSAGE, id: self.message.len() as u64, step: self.at as i64, ..Header::default() };
            let tensor = if self.at == 0 { tensor } else { &[] };
            if to.send(header, tensor, part, &OnFull::Answer)? != Sent::Committed {
                return Ok(false);
            }
            self.at += part.len();
        }
        Ok(true)
    }
}

/// A message on its way in.
#[derive(Default)]
pub(super) struct Assembly {
    bytes: Vec<u8>,
}

impl Assembly {
    /// Adds a record. The message, once it is whole; it stays until the next record is added.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt) for a record that is no part of the message under way.
    pub(super) fn add(&mut self, record: &Record<'_>) -> Result<Option<&[u8]>> {
        let Header { kind, id: whole, step: at, .. } = record.header;
        if kind != KIND_MESSAGE {
            return Err(corrupt(format!("a record of the unknown kind {kind}: its writer is at fault")));
        }
        if at == 0 {
            self.bytes.clear();
        }
        let end = self.bytes.len() + record.metadata.len();
        if whole > MESSAGE_MAX as u64
            || at != self.bytes.len() as i64
            || end as u64 > whole
            || record.metadata.is_empty()
        {
            return Err(corrupt(format!(
                "bytes {at} to {end} of a message of {whole}, after {}: its writer is at fault",
                self.bytes.len()
            )));
        }
        self.bytes.extend_from_slice(record.metadata);
        Ok((end as u64 == whole).then_some(&self.bytes))
    }

    /// Bytes of the message under way.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Takes back the last part, which comes again.
    pub(super) fn truncate(&mut self, bytes: usize) {
        self.bytes.truncate(bytes);
    }

    /// Done with the message; the memory of a large one is given back.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(1 << 20);
    }
}
