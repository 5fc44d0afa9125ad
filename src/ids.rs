//! Patch ids: 64 bit, given by the host, not 0, below 2^48, unique over all producers.
//!
//! The top 16 bits of a public id are its branch, 0 unless a restarted host computed something else.
//! Not here: which ids are taken ([`crate::stream`] keeps that).

use crate::error::{Result, argument};

/// The largest id that a host may give: 2^48 - 1.
pub const MAX: u64 = (1 << 48) - 1;
/// The largest number of a branch: the top bit of a public id is always clear.
pub const BRANCH_MAX: u64 = (1 << 15) - 1;

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

/// Checks that `id` is a public one.
///
/// # Errors
/// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) if the host's part of it is 0.
pub fn check_public(id: u64) -> Result<()> {
    if host(id) == 0 {
        return Err(argument(format!("patch id {id} is none: below its branch, its 48 bits are 0")));
    }
    Ok(())
}

/// What a host calls the patch of a public id.
pub fn host(public: u64) -> u64 {
    public & MAX
}

/// The public id of a host's patch in a branch.
pub const fn public(branch: u64, host: u64) -> u64 {
    branch << 48 | host
}
