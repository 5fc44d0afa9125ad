//! A C caller's field as the library's: byte strides become element strides, pointers become slices.

use std::ffi::c_void;

use patchstream::error::{Result, argument, shape};
use patchstream::patch::{Field, Samples, Shape};

use crate::types::{PATCHSTREAM_F32, PATCHSTREAM_F64, array, patchstream_field, read};

/// Calls `f` with the caller's field; an error is one of the field's own.
///
/// # Safety
/// - `field` is null, or points to a struct as [`read`] asks;
/// - `data`, or each of `channels` pointers in `planes`, points to the field's values at x = 0, y = 0, and all values
///   that type, extents and strides name can be read and stay as they are during the call.
pub(crate) unsafe fn with<T>(field: *const patchstream_field, f: impl FnOnce(&Field<'_>) -> T) -> Result<T> {
    // SAFETY: the caller's promise.
    let field = unsafe { read(field) }?;
    let bytes = match field.r#type {
        PATCHSTREAM_F32 => 4,
        PATCHSTREAM_F64 => 8,
        other => return Err(argument(format!("a field of type {other}: PATCHSTREAM_F32 or PATCHSTREAM_F64"))),
    };
    let (nx, ny, channels) = (field.nx as usize, field.ny as usize, field.channels as usize);
    let (x, y, c) = (i64::from(field.nx), i64::from(field.ny), i64::from(field.channels));
    if channels == 0 || nx == 0 || ny == 0 || channels > Shape::MAX_AXIS {
        return Err(shape(format!("a field of {nx} x {ny} points and {channels} channels: set nx, ny and channels")));
    }
    if field.data.is_null() == field.planes.is_null() {
        return Err(argument("a field has either data or planes, and the other NULL"));
    }
    let dense = field.stride_x == 0 && field.stride_y == 0 && field.stride_c == 0;
    let strides = |names: &[(&str, i64)]| -> Result<[isize; 3]> {
        let mut strides = [0; 3];
        for (stride, (name, given)) in strides.iter_mut().zip(names) {
            if given % bytes != 0 {
                return Err(argument(format!("{name} is {given} bytes, not a multiple of the value's {bytes}")));
            }
            *stride = (given / bytes) as isize;
        }
        Ok(strides)
    };
    if field.planes.is_null() {
        let [sx, sy, sc] = match dense {
            true => strides(&[("stride_x", c * bytes), ("stride_y", x * c * bytes), ("stride_c", bytes)])?,
            false => {
                strides(&[("stride_x", field.stride_x), ("stride_y", field.stride_y), ("stride_c", field.stride_c)])?
            }
        };
        let extent = extent(&[(x, sx), (y, sy), (c, sc)])?;
        // SAFETY: the caller's promise covers every element between the lowest and the highest.
        let samples = unsafe { samples(field.data, field.r#type, extent) }?;
        return Ok(f(&Field::strided(samples, extent.0, [sx, sy, sc], nx, ny, channels)?));
    }
    // SAFETY: the caller's promise.
    let planes = unsafe { array(field.planes, channels, "planes") }?;
    let [sx, sy, _] = match dense {
        true => strides(&[("stride_x", bytes), ("stride_y", x * bytes)])?,
        false => strides(&[("stride_x", field.stride_x), ("stride_y", field.stride_y)])?,
    };
    let extent = extent(&[(x, sx), (y, sy)])?;
    for &plane in planes {
        // SAFETY: the caller's promise; looked at to check it.
        unsafe { samples(plane, field.r#type, extent) }?;
    }
    let plane = |channel: usize| {
        // SAFETY: the caller's promise, and the same pointer passed above.
        unsafe { samples(planes[channel], field.r#type, extent) }.unwrap_or(Samples::F32(&[]))
    };
    Ok(f(&Field::planes(&plane, extent.0, [sx, sy], nx, ny, channels)?))
}

/// How many elements lie before the first pixel, and how many there are from the lowest to the highest.
fn extent(axes: &[(i64, isize)]) -> Result<(usize, usize)> {
    let (mut low, mut high) = (0_i128, 0_i128);
    for &(n, stride) in axes {
        let span = i128::from(n - 1) * stride as i128;
        low += span.min(0);
        high += span.max(0);
    }
    let count = high - low + 1;
    if count > (isize::MAX / 8) as i128 {
        return Err(argument("a field's strides reach over more than any memory: they count bytes"));
    }
    Ok((-low as usize, count as usize))
}

/// The elements of a field around the one at `first`.
///
/// # Safety
/// - `first` is null, or `before` elements before it and the rest of `count` from it on can be read for as long as the
///   answer is used.
unsafe fn samples<'a>(first: *const c_void, kind: u32, (before, count): (usize, usize)) -> Result<Samples<'a>> {
    let what = "the field";
    Ok(match kind {
        PATCHSTREAM_F32 => {
            let low = start(first.cast::<f32>(), before);
            // SAFETY: the caller's promise.
            Samples::F32(unsafe { array(low, count, what) }?)
        }
        _ => {
            let low = start(first.cast::<f64>(), before);
            // SAFETY: the caller's promise.
            Samples::F64(unsafe { array(low, count, what) }?)
        }
    })
}

/// `before` elements down from `first`; null stays null, so that it is found out.
fn start<T>(first: *const T, before: usize) -> *const T {
    if first.is_null() { first } else { first.wrapping_sub(before) }
}
