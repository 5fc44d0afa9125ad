//! Stop flags that a signal handler may set at any moment, by the handle of a stream or of an attached producer.
//!
//! Not here: the flag of all jobs (`job.rs`), what a stop ends.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use patchstream::error::{Result, state};

/// What a stream or a producer holds of its slot. Dropped, the slot is free.
pub(crate) struct Stop(&'static Slot);

/// A flag that outlives who it belongs to.
pub(crate) struct Slot {
    /// The handle, 0 if the slot is free.
    handle: AtomicU64,
    flag: OnceLock<Arc<AtomicBool>>,
}

/// `Slot::handle` until there is one. No handle is that small.
const RESERVED: u64 = 1;

static SLOTS: [Slot; 512] = [const { Slot { handle: AtomicU64::new(0), flag: OnceLock::new() } }; 512];

/// Sets the flag of a handle: loads and a store only, no lock, no allocation, no error text.
pub(crate) fn request<H>(handle: *const H) {
    let handle = handle.addr() as u64;
    if handle > RESERVED {
        for slot in SLOTS.iter().filter(|slot| slot.handle.load(Ordering::Acquire) == handle) {
            if let Some(flag) = slot.flag.get() {
                flag.store(true, Ordering::Relaxed);
            }
        }
    }
}

impl Stop {
    /// A slot whose flag is not set, to be given a handle.
    pub(crate) fn reserve() -> Result<(Self, &'static Slot)> {
        let free =
            |slot: &&Slot| slot.handle.compare_exchange(0, RESERVED, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        let slot = SLOTS.iter().find(free);
        let slot =
            slot.ok_or_else(|| state("512 streams and attached producers are open in this process: close one first"))?;
        slot.flag().store(false, Ordering::Relaxed);
        Ok((Self(slot), slot))
    }

    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        self.0.flag().clone()
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.0.flag().load(Ordering::Relaxed)
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.handle.store(0, Ordering::Release);
    }
}

impl Slot {
    /// From here on [`request`] finds it.
    pub(crate) fn belongs_to<H>(&self, handle: *const H) {
        self.handle.store(handle.addr() as u64, Ordering::Release);
    }

    fn flag(&self) -> &Arc<AtomicBool> {
        self.flag.get_or_init(Arc::default)
    }
}
