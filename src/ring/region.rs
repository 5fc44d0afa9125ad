//! A piece of memory that is not the ring's own: where a segment lends one to a ring.
//!
//! Not here: segments (`crate::shm`), and what lies in the piece ([`super::layout`]).

use std::ptr::NonNull;
use std::sync::Arc;

use super::copy::copy;
use super::layout::Geometry;
use super::memory::Memory;
use crate::error::{Result, argument};

/// What keeps a region's memory mapped, and knows whether it may still be used.
pub trait Backing: Send + Sync {
    /// Asked before every use, so it takes nanoseconds.
    ///
    /// # Errors
    /// [`ErrorKind::Forked`](crate::error::ErrorKind::Forked) in the child of a fork,
    /// [`ErrorKind::Fenced`](crate::error::ErrorKind::Fenced) once the memory belongs to nobody or to a successor.
    fn usable(&self) -> Result<()>;

    /// Asked before each sleep: it may take microseconds, and looks whether the owner lives.
    ///
    /// # Errors
    /// Those of [`usable`](Self::usable).
    fn pulse(&self) -> Result<()>;
}

/// Memory that other processes may write at any moment, and what keeps it mapped.
#[derive(Clone)]
pub struct Region {
    base: NonNull<u8>,
    bytes: usize,
    keep: Arc<dyn Backing>,
}

// SAFETY: a region is an address and a length; all access goes through atomics and copies that presume nothing.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

impl Region {
    /// `bytes` bytes from `base` on.
    ///
    /// # Safety
    /// - `base` is valid for reads and writes of `bytes` bytes for as long as `keep` lives;
    /// - no reference into them exists or will be made.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) if `base` is not at a multiple of 128.
    pub unsafe fn new(base: NonNull<u8>, bytes: usize, keep: Arc<dyn Backing>) -> Result<Self> {
        if !base.addr().get().is_multiple_of(128) {
            return Err(argument(format!("memory at {base:p} for a ring: take a multiple of 128")));
        }
        Ok(Self { base, bytes, keep })
    }

    /// Bytes of the region.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Copies bytes out, from byte `at` on. Another process may change them meanwhile: check the copy.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) if they do not lie inside, and those of
    /// [`Backing::usable`].
    pub fn read(&self, at: usize, into: &mut [u8]) -> Result<()> {
        self.holds(at, into.len())?;
        // SAFETY: inside the region; the copy presumes nothing of what others do to it meanwhile.
        unsafe { copy(self.base.add(at).as_ptr(), into.as_mut_ptr(), into.len()) };
        Ok(())
    }

    /// Copies bytes in, from byte `at` on.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn write(&self, at: usize, bytes: &[u8]) -> Result<()> {
        self.holds(at, bytes.len())?;
        // SAFETY: as for reading.
        unsafe { copy(bytes.as_ptr(), self.base.add(at).as_ptr(), bytes.len()) };
        Ok(())
    }

    fn holds(&self, at: usize, bytes: usize) -> Result<()> {
        if at.checked_add(bytes).is_none_or(|end| end > self.bytes) {
            return Err(argument(format!("{bytes} bytes from byte {at} of a region of {}", self.bytes)));
        }
        self.keep.usable()
    }

    /// Whether the memory may be used now.
    pub(super) fn is_usable(&self) -> bool {
        self.keep.usable().is_ok()
    }

    pub(super) fn base(&self) -> NonNull<u8> {
        self.base
    }

    pub(super) fn keep(self) -> Arc<dyn Backing> {
        self.keep
    }
}

/// Makes an empty ring in a region, for both ends to attach to. The region's pages have been touched already.
///
/// # Errors
/// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) if the region is smaller than
/// [`Geometry::bytes`], and those of [`Backing::usable`].
pub fn format(region: Region, geometry: Geometry) -> Result<()> {
    Memory::format(region, geometry).map(|_| ())
}
