//! Patch ids: 64 bit, given by the host, not 0, below 2^48, unique over all producers.
//!
//! The top 16 bits of a public id are its branch, 0 unless a restarted host computed something else.
//! Not here: which ids are taken ([`crate::stream`] keeps that).

use crate::error::{Result, argument};

/// The largest id that a host may give: 2^48 - 1.
pub const MAX: u64 = (1 << 48) - 1;

/// Checks that `id` is one a host may give.
///
/// # Errors
/// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for 0 and for anything from 2^48 up.
pub fn check(id: u64) -> Result<()> {
    if id == 0 || id > MAX {
        return Err(argument(format!(
            "patch id {id} is not in 1 ..= {MAX}: number patches from 1 and leave the top 16 bits clear"
        )));
    }
    Ok(())
}
