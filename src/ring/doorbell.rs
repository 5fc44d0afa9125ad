//! A bell of its own, beside the rings: one sleeper for many rings, in this process or in others.
//!
//! Not here: the protocol ([`super::bell`]), and the words beside a bell ([`super::words`]).

use std::sync::Arc;

use super::bell::{Bell, Wait, Waited};
use super::region::Region;
use crate::error::{Result, argument};

/// What somebody sleeps on who waits for any of many rings. All clones are one bell.
#[derive(Clone)]
pub struct Doorbell {
    home: Home,
}

#[derive(Clone)]
enum Home {
    Heap(Arc<Bell>),
    /// A region that begins with the bell.
    Region(Region),
}

impl Default for Doorbell {
    /// A bell in this process's memory.
    fn default() -> Self {
        Self { home: Home::Heap(Arc::default()) }
    }
}

impl Doorbell {
    /// Bytes that a bell takes of a region.
    pub const BYTES: usize = size_of::<Bell>();

    /// The bell that a region begins with. Zeroed memory is a bell that nobody has rung.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) if the region is smaller.
    pub fn over(region: Region) -> Result<Self> {
        if region.bytes() < Self::BYTES {
            return Err(argument(format!("a bell of {} bytes in memory of {}", Self::BYTES, region.bytes())));
        }
        Ok(Self { home: Home::Region(region) })
    }

    /// After a store that a sleeper may wait for: wakes it. Nobody is rung in the child of a fork.
    pub fn ring(&self) {
        if let Some(bell) = self.bell() {
            bell.ring();
        }
    }

    /// Waits until `ready`. `pulse` is called before each sleep, twenty times a second at least, and ends the wait with
    /// its error.
    ///
    /// # Errors
    /// Those of `pulse`, and of [`Backing::usable`](super::Backing::usable).
    pub fn wait(
        &self,
        wait: &Wait<'_>,
        ready: impl FnMut() -> bool,
        mut pulse: impl FnMut() -> Result<()>,
    ) -> Result<Waited> {
        match &self.home {
            Home::Heap(bell) => bell.wait(wait, ready, pulse),
            Home::Region(region) => {
                let keep = region.clone().keep();
                keep.usable()?;
                let pulse = || keep.usable().and_then(|()| pulse());
                region_bell(region).wait(wait, ready, pulse)
            }
        }
    }

    fn bell(&self) -> Option<&Bell> {
        match &self.home {
            Home::Heap(bell) => Some(bell),
            Home::Region(region) => region.is_usable().then(|| region_bell(region)),
        }
    }
}

fn region_bell(region: &Region) -> &Bell {
    // SAFETY: the region holds that many bytes at a multiple of 128, which was checked, and lives as long as `region`.
    // SAFETY: a bell is atomics only, valid as any bytes.
    unsafe { region.base().cast::<Bell>().as_ref() }
}
