//! The weights of all selected, in C.

use patchstream::error::argument;
use patchstream::stream::Weights;

use crate::guard::guard;
use crate::selections::put_bytes;
use crate::status::{PATCHSTREAM_OK, patchstream_status};
use crate::table::Table;
use crate::types::{Sized32, write};

/// The weights of all selected at one moment. They never change; several threads may read them.
pub struct patchstream_weights {
    _private: [u8; 0],
}

/// How many patches one selected patch stands for.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct patchstream_weight {
    /// sizeof(patchstream_weight), set by the caller.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// The selected patch.
    pub id: u64,
    /// 1 + the number of unselected patches whose nearest selected one it is.
    pub weight: f64,
    /// The same times the number of selected over the sum of weights, so that the mean is 1.
    pub normalised: f64,
}

// SAFETY: as the trait asks: numbers.
unsafe impl Sized32 for patchstream_weight {
    const NAME: &'static str = "patchstream_weight";
    const OLDEST: usize = 32;
}

static WEIGHTS: Table<Weights> = Table::new("list of weights", 4);

pub(crate) fn open(weights: Weights) -> *mut patchstream_weights {
    WEIGHTS.open(weights)
}

/// How many selected patches there are; 0 for NULL. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_weights_count(weights: *const patchstream_weights) -> usize {
    let mut count = 0;
    if !weights.is_null() {
        guard(|| {
            count = WEIGHTS.get(weights)?.weights.ids.len();
            Ok(PATCHSTREAM_OK)
        });
    }
    count
}

/// One of them, in the order in which the patches were selected. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_weights_get(
    weights: *const patchstream_weights,
    index: usize,
    out: *mut patchstream_weight,
) -> patchstream_status {
    guard(|| {
        let opened = WEIGHTS.get(weights)?;
        let all = &opened.weights;
        if index >= all.ids.len() {
            return Err(argument(format!("weight {index} of {}: they count from 0", all.ids.len())));
        }
        let weight = patchstream_weight {
            struct_size: 0,
            reserved: 0,
            id: all.ids[index],
            weight: all.weights[index],
            normalised: all.normalised[index],
        };
        // SAFETY: the caller's struct.
        unsafe { write(&weight, out) }?;
        Ok(PATCHSTREAM_OK)
    })
}

/// The whole message as a size-prefixed flatbuffer (patchstream.fbs, Weights). The bytes live until the weights are
/// closed. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_weights_bytes(
    weights: *const patchstream_weights,
    bytes: *mut *const u8,
    count: *mut usize,
) -> patchstream_status {
    guard(|| {
        let opened = WEIGHTS.get(weights)?;
        // SAFETY: the caller's variables.
        unsafe { put_bytes(opened.bytes(), bytes, count) }
    })
}

/// Closes them. NULL is harmless.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_weights_close(weights: *mut patchstream_weights) {
    if !weights.is_null() {
        guard(|| WEIGHTS.close(weights).map(|_| PATCHSTREAM_OK));
    }
}
