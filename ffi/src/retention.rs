//! The densities that a stream keeps, in C.

use crate::guard::guard;
use crate::status::{PATCHSTREAM_OK, patchstream_status};
use crate::stream::{STREAMS, patchstream_stream};
use crate::types::buffer;

/// Copies the densities of a patch that is waiting, a candidate or selected, [(y*nx+x)*channels+c] in nm^-2, as they were
/// pushed, or rounded if they are kept as float16. PATCHSTREAM_ERR_STATE: the configuration has no [retention].
/// PATCHSTREAM_ERR_UNKNOWN: they are not kept, the patch never came, was discarded or was withdrawn.
/// PATCHSTREAM_ERR_CORRUPT, PATCHSTREAM_ERR_IO: their file does not give them back, or they did not survive the end of an
/// earlier process.
///
/// @param densities  out: count values
/// @param count      nx * ny * channels
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_stream_densities(
    stream: *mut patchstream_stream,
    id: u64,
    densities: *mut f32,
    count: usize,
) -> patchstream_status {
    guard(|| {
        // SAFETY: the caller's `count` values.
        let densities = unsafe { buffer(densities, count, "densities") }?;
        STREAMS.get(stream)?.stream.densities(id, densities)?;
        Ok(PATCHSTREAM_OK)
    })
}
