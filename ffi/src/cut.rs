//! Cutting patches out of a periodic field, in C: pure functions, callable from any number of threads and ranks.

use patchstream::error::{Result, argument};
use patchstream::patch;

use crate::field;
use crate::guard::guard;
use crate::status::{PATCHSTREAM_OK, patchstream_status};
use crate::types::{array, buffer, patchstream_field, patchstream_protein, proteins, put};

/// The window of nx * ny pixels whose centre pixel is nearest to position_nm: its first pixel (which may lie outside
/// the grid, whose edges are periodic) and the place of its centre pixel. Thread-safe.
///
/// @param position_nm  two numbers, x and y
/// @param grid         two numbers, the field's grid points along x and y
/// @param spacing_nm   distance of grid points
/// @param window_low   out, two numbers: the window's first pixel along x and y
/// @param center_nm    out, two numbers: where the centre pixel is
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_window(
    position_nm: *const f64,
    grid: *const i64,
    spacing_nm: f64,
    nx: u32,
    ny: u32,
    window_low: *mut i64,
    center_nm: *mut f64,
) -> patchstream_status {
    guard(|| {
        // SAFETY: the caller passes two numbers in each array.
        let (position, grid) = unsafe { (pair(position_nm, "position_nm")?, pair(grid, "grid")?) };
        let window = patch::window_around(position, grid, spacing_nm, [nx as usize, ny as usize])?;
        // SAFETY: as above.
        let (low, center) = unsafe { (pair_out(window_low, "window_low")?, pair_out(center_nm, "center_nm")?) };
        low.copy_from_slice(&window.low);
        center.copy_from_slice(&window.center_nm);
        Ok(PATCHSTREAM_OK)
    })
}

/// Copies a window of a periodic field to out[(y*nx+x)*channels+c]. A rank of a distributed code passes the part of the
/// grid that it owns: only pixels in it are written, the others are left as they are, so that zeroed windows can be
/// summed over ranks. Who owns all of the grid passes owned_low {0, 0}. Thread-safe; out does not overlap the field, and
/// each thread has an out of its own.
///
/// @param owned       the field, or the part of it that the caller has
/// @param owned_low   two numbers: its first pixel in the grid
/// @param grid        two numbers: the grid's points along x and y
/// @param window_low  two numbers: the window's first pixel, inside the grid or not
/// @param out         nx * ny * channels numbers, of a loan or of the caller's own
/// @param filled      out: how many pixels were written; may be NULL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_cut(
    owned: *const patchstream_field,
    owned_low: *const i64,
    grid: *const i64,
    window_low: *const i64,
    nx: u32,
    ny: u32,
    out: *mut f32,
    filled: *mut usize,
) -> patchstream_status {
    guard(|| {
        // SAFETY: the caller passes two numbers in each array.
        let (low, grid, window) =
            unsafe { (pair(owned_low, "owned_low")?, pair(grid, "grid")?, pair(window_low, "window_low")?) };
        let (nx, ny) = (nx as usize, ny as usize);
        let cut = |owned: &patch::Field<'_>| {
            let shape = patch::Shape::new(nx, ny, owned.shape().channels)?;
            // SAFETY: the caller passes nx * ny * channels numbers, which nobody else touches.
            let out = unsafe { buffer(out, shape.len(), "out") }?;
            patch::cut(owned, low, grid, window, [nx, ny], out)
        };
        // SAFETY: the caller's field is as its comments say.
        let count = unsafe { field::with(owned, cut) }??;
        if !filled.is_null() {
            // SAFETY: not null, so the caller's variable.
            unsafe { put(filled, count, "filled") }?;
        }
        Ok(PATCHSTREAM_OK)
    })
}

/// The proteins around a patch's centre, nearest first: those whose nearest periodic image is within reach_nm along x
/// and along y (15 for a patch of 30 nm). Positions in out are relative to the centre, partners are indices in out.
/// Thread-safe.
///
/// @param all        count proteins at absolute positions in the box
/// @param box_nm     two numbers: the box's edges
/// @param center_nm  two numbers: the patch's centre
/// @param out        room for capacity proteins (count are always enough)
/// @param found      out: how many there are; if they are more than capacity, that is an error and nothing is written
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_proteins_near(
    all: *const patchstream_protein,
    count: usize,
    box_nm: *const f64,
    center_nm: *const f64,
    reach_nm: f64,
    out: *mut patchstream_protein,
    capacity: usize,
    found: *mut usize,
) -> patchstream_status {
    guard(|| {
        // SAFETY: the caller passes `count` proteins and two numbers in each array.
        let (all, box_nm, center) =
            unsafe { (proteins(all, count)?, pair(box_nm, "box_nm")?, pair(center_nm, "center_nm")?) };
        let mut near = Vec::new();
        patch::proteins_near(all, box_nm, center, reach_nm, &mut near)?;
        if near.len() > capacity {
            return Err(argument(format!("{} proteins are near, out has room for {capacity}", near.len())));
        }
        // SAFETY: the caller's room, of which no more is touched than there is.
        let out = unsafe { buffer(out, near.len(), "out") }?;
        // SAFETY: the caller's variable.
        unsafe { put(found, near.len(), "found") }?;
        for (out, protein) in out.iter_mut().zip(near) {
            let patch::Protein { id, state, partner, x_nm, y_nm } = protein;
            *out = patchstream_protein { id, state, partner, x_nm, y_nm };
        }
        Ok(PATCHSTREAM_OK)
    })
}

/// Two numbers of a caller.
///
/// # Safety
/// - `numbers` is null, or points to two numbers.
unsafe fn pair<T: Copy>(numbers: *const T, what: &str) -> Result<[T; 2]> {
    // SAFETY: the caller's promise.
    let numbers = unsafe { array(numbers, 2, what) }?;
    Ok([numbers[0], numbers[1]])
}

/// Room for two numbers of a caller.
///
/// # Safety
/// - `numbers` is null, or points to two numbers that nobody else touches.
unsafe fn pair_out<'a, T>(numbers: *mut T, what: &str) -> Result<&'a mut [T]> {
    // SAFETY: the caller's promise.
    unsafe { buffer(numbers, 2, what) }
}
