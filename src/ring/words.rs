//! Numbers of 64 bits in a region, each read and written whole.
//!
//! Not here: what they mean, which who shares the region says.

use super::region::Region;
use crate::error::{Result, argument};
use crate::sync::{AtomicU64, Ordering};

/// Numbers that several processes read and write. Another process may write any value into any of them.
#[derive(Clone)]
pub struct Words {
    region: Region,
    at: usize,
    count: usize,
}

impl Words {
    /// `count` numbers from byte `at` of a region on.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) if they do not lie inside, or not at a multiple of 8.
    pub fn over(region: Region, at: usize, count: usize) -> Result<Self> {
        let end = count.checked_mul(8).and_then(|bytes| bytes.checked_add(at));
        if !at.is_multiple_of(8) || end.is_none_or(|end| end > region.bytes()) {
            return Err(argument(format!("{count} numbers from byte {at} of a region of {} bytes", region.bytes())));
        }
        Ok(Self { region, at, count })
    }

    /// Number `index`, and all that was written before it was set; 0 for one that there is not.
    pub fn get(&self, index: usize) -> u64 {
        // SYNC(words): Acquire pairs with Release in `set` and `add`.
        self.word(index).map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// Sets number `index`; one that there is not is left alone, as are all in the child of a fork.
    pub fn set(&self, index: usize, value: u64) {
        if let Some(word) = self.word(index) {
            // SYNC(words): Release pairs with Acquire in `get`.
            word.store(value, Ordering::Release);
        }
    }

    /// Adds to number `index`.
    pub fn add(&self, index: usize, more: u64) {
        if let Some(word) = self.word(index) {
            word.fetch_add(more, Ordering::AcqRel);
        }
    }

    fn word(&self, index: usize) -> Option<&AtomicU64> {
        if index >= self.count || !self.region.is_usable() {
            return None;
        }
        // SAFETY: inside the region and aligned, which was checked; an atomic is valid as any bytes.
        Some(unsafe { self.region.base().add(self.at + 8 * index).cast::<AtomicU64>().as_ref() })
    }
}
