//! A slot that is being filled.
//!
//! Not here: how it is lent and committed ([`super::producer`]).

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::Arc;

use super::copy::copy;
use super::memory::{Memory, Place, Private};
use crate::error::{Result, argument};
use crate::sync::{AtomicU8, Ordering};

/// What became of a loaned slot. A slot that is not out is [`ENDED`].
pub(super) const OUT: u8 = 1;
pub(super) const ENDED: u8 = 0;

/// A slot that is being filled. Any thread may fill it. Records of later loans wait for it; dropped, it is abandoned,
/// and the wait ends with the producer's next call. In [`Private`] memory it is the tensor, as a slice; in memory that
/// another process may write it is copied into, or filled through a pointer.
pub struct Loan<P: Place = Private> {
    pub(super) memory: Arc<Memory>,
    pub(super) slots: Arc<[AtomicU8]>,
    pub(super) index: u64,
    pub(super) tensor: NonNull<[f32]>,
    pub(super) place: PhantomData<P>,
}

// SAFETY: a loan is the only holder of its slot until it ends.
unsafe impl<P: Place> Send for Loan<P> {}
// SAFETY: through a shared loan the slot can only be read.
unsafe impl<P: Place> Sync for Loan<P> {}

impl<P: Place> Loan<P> {
    /// How many float32 the tensor has.
    #[allow(clippy::len_without_is_empty, reason = "a tensor is what was asked for, whether empty or not")]
    pub fn len(&self) -> usize {
        self.tensor.len()
    }

    /// The first of the tensor's [`len`](Self::len) float32, at a multiple of 64 bytes. Valid until the loan ends.
    pub fn as_mut_ptr(&mut self) -> *mut f32 {
        self.tensor.cast().as_ptr()
    }

    /// Copies a tensor in.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for one of another length than the loan's.
    pub fn write_tensor(&mut self, tensor: &[f32]) -> Result<()> {
        if tensor.len() != self.len() {
            return Err(argument(format!("a tensor of {} numbers for a loan of {}", tensor.len(), self.len())));
        }
        // SAFETY: the loan owns its slot, both are of the same length, and the source is not in it.
        unsafe { copy(tensor.as_ptr().cast(), self.as_mut_ptr().cast(), size_of_val(tensor)) };
        Ok(())
    }

    /// Copies metadata in, behind the tensor.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for more than the slot has room for.
    pub fn write_metadata(&mut self, metadata: &[u8]) -> Result<()> {
        let tensor_bytes = self.len() * 4;
        if !self.memory.geometry().fits(tensor_bytes, metadata.len()) {
            return Err(argument(format!("metadata of {} bytes do not fit into the slot", metadata.len())));
        }
        // SAFETY: both parts fit.
        let to = unsafe { self.memory.metadata(self.index, tensor_bytes, metadata.len()) };
        // SAFETY: the loan owns its slot, and the source is not in it.
        unsafe { copy(metadata.as_ptr(), to.cast().as_ptr(), metadata.len()) };
        Ok(())
    }
}

impl Loan {
    /// The tensor as bytes, in native order.
    pub fn tensor_bytes(&self) -> &[u8] {
        // SAFETY: the loan owns its slot; four bytes a float, all initialised.
        unsafe { std::slice::from_raw_parts(self.tensor.cast().as_ptr(), self.tensor.len() * 4) }
    }

    /// The bytes that metadata may take behind the tensor.
    pub fn metadata_mut(&mut self) -> &mut [u8] {
        let geometry = self.memory.geometry();
        let tensor_bytes = self.tensor.len() * 4;
        // SAFETY: the loan owns its slot, and `metadata_bytes` fit beside the longest tensor.
        unsafe { self.memory.metadata(self.index, tensor_bytes, geometry.metadata_bytes()).as_mut() }
    }
}

impl Deref for Loan {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        // SAFETY: the loan owns its slot; any bytes are floats.
        unsafe { self.tensor.as_ref() }
    }
}

impl DerefMut for Loan {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: the loan owns its slot.
        unsafe { self.tensor.as_mut() }
    }
}

impl<P: Place> Drop for Loan<P> {
    fn drop(&mut self) {
        let slot = self.index as usize & (self.slots.len() - 1);
        // SYNC(slot): Release pairs with Acquire in Producer::publish.
        self.slots[slot].store(ENDED, Ordering::Release);
    }
}
