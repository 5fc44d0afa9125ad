//! A host's field of densities wherever it lies: interleaved, strided, or a plane per channel; float32 or float64.
//!
//! What comes out is always float32 in the layout `out[(y * nx + x) * channels + c]`. Strides count elements.
//! Not here: which part of a field a patch is ([`super::cut`]), raw pointers (`ffi/` makes slices of them).

use std::fmt;

use super::shape::Shape;
use crate::error::{Result, shape};

/// A host's values. Float64 is rounded to float32 on the way out; what is too large for that becomes infinite, which
/// [`super::check_densities`] finds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Samples<'a> {
    /// Single precision.
    F32(&'a [f32]),
    /// Double precision.
    F64(&'a [f64]),
}

impl Samples<'_> {
    fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
        }
    }
}

/// A borrowed field of `nx * ny` pixels with `channels` values each.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    /// Its extent. A macro model's field may be larger than [`Shape::new`] lets a patch be.
    shape: Shape,
    /// Element of pixel (0, 0), and of channel 0 where one slice holds all channels.
    origin: usize,
    /// Where the others are.
    place: Place<'a>,
}

#[derive(Clone, Copy)]
enum Place<'a> {
    /// All channels in one slice; strides along x, y and the channels. Every element was checked to lie inside.
    One(Samples<'a>, [isize; 3]),
    /// One slice a channel; strides along x and y. The host's function may change its mind, so each answer is checked.
    Planes(&'a dyn Fn(usize) -> Samples<'a>, [isize; 2]),
}

/// The most pixels of a field along an axis.
const MAX_AXIS: usize = 1 << 24;

impl<'a> Field<'a> {
    /// A field in our own layout: `samples[(y * nx + x) * channels + c]`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`](crate::error::ErrorKind::Shape) if `samples` has another length, or an extent is 0 or above
    /// 2^24 pixels or 4096 channels.
    pub fn interleaved(samples: Samples<'a>, nx: usize, ny: usize, channels: usize) -> Result<Self> {
        let shape = check_extent(nx, ny, channels)?;
        shape.expect_len(samples.len(), "the field")?;
        // The length of a slice fits in isize, and so do strides inside it.
        Self::strided(samples, 0, [channels as isize, (nx * channels) as isize, 1], nx, ny, channels)
    }

    /// A field with element `origin + x * strides[0] + y * strides[1] + c * strides[2]` at pixel (x, y), channel c.
    /// Strides may be negative, or 0 to repeat a value.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`](crate::error::ErrorKind::Shape) if a corner lies outside `samples`, or an extent is 0 or
    /// above 2^24 pixels or 4096 channels.
    pub fn strided(
        samples: Samples<'a>,
        origin: usize,
        strides: [isize; 3],
        nx: usize,
        ny: usize,
        channels: usize,
    ) -> Result<Self> {
        let shape = check_extent(nx, ny, channels)?;
        let axes = [(nx, strides[0]), (ny, strides[1]), (channels, strides[2])];
        check_corners("the field", samples.len(), origin, &axes)?;
        Ok(Self { shape, origin, place: Place::One(samples, strides) })
    }

    /// A field with a slice per channel: channel c has element `origin + x * strides[0] + y * strides[1]` of `plane(c)`
    /// at pixel (x, y). `plane` is called with `0 .. channels`, again and again.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`](crate::error::ErrorKind::Shape) if a corner lies outside a plane, or an extent is 0 or above
    /// 2^24 pixels or 4096 channels.
    pub fn planes(
        plane: &'a dyn Fn(usize) -> Samples<'a>,
        origin: usize,
        strides: [isize; 2],
        nx: usize,
        ny: usize,
        channels: usize,
    ) -> Result<Self> {
        let shape = check_extent(nx, ny, channels)?;
        let this = Self { shape, origin, place: Place::Planes(plane, strides) };
        for c in 0..channels {
            this.checked_plane(plane, strides, c)?;
        }
        Ok(this)
    }

    /// The extent: `nx` and `ny` in pixels, and the channels. It may be larger than [`Shape::new`] accepts.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Copies all of it to `out[(y * nx + x) * channels + c]`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`](crate::error::ErrorKind::Shape) if `out` has not `shape().len()` values, or a plane got
    /// shorter since the field was made.
    pub fn copy_into(&self, out: &mut [f32]) -> Result<()> {
        self.shape.expect_len(out.len(), "the output")?;
        let Shape { nx, ny, channels } = self.shape;
        self.copy_block([0, 0], [nx, ny], out, nx * channels)
    }

    /// Copies `n` pixels from pixel `low` on to `out[y * out_row + x * channels + c]`. The block lies inside the field,
    /// and `out` has a place for each of its values.
    pub(super) fn copy_block(&self, low: [usize; 2], n: [usize; 2], out: &mut [f32], out_row: usize) -> Result<()> {
        let channels = self.shape.channels;
        match self.place {
            Place::One(samples, [sx, sy, sc]) => {
                let first = at(self.origin, [(low[0], sx), (low[1], sy)]);
                match samples {
                    Samples::F32(from) => copy_one(from, first, [sx, sy, sc], n, channels, out, out_row, |v| v),
                    Samples::F64(from) => copy_one(from, first, [sx, sy, sc], n, channels, out, out_row, |v| v as f32),
                }
            }
            Place::Planes(plane, [sx, sy]) => {
                // So many planes at a time as fit on the stack, each asked for and checked once.
                let mut planes = [Samples::F32(&[]); 32];
                for low_c in (0..channels).step_by(planes.len()) {
                    let planes = &mut planes[..(channels - low_c).min(32)];
                    for (c, slot) in (low_c..).zip(planes.iter_mut()) {
                        *slot = self.checked_plane(plane, [sx, sy], c)?;
                    }
                    // Channels inside rows, so that the row of the output stays in cache while all channels pass.
                    for y in 0..n[1] {
                        let out = &mut out[y * out_row..][..n[0] * channels];
                        let first = at(self.origin, [(low[0], sx), (low[1] + y, sy)]);
                        for (c, samples) in (low_c..).zip(planes.iter()) {
                            match samples {
                                Samples::F32(from) => copy_channel(from, first, sx, out, c, channels, |v| v),
                                Samples::F64(from) => copy_channel(from, first, sx, out, c, channels, |v| v as f32),
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn checked_plane(
        &self,
        plane: &'a dyn Fn(usize) -> Samples<'a>,
        strides: [isize; 2],
        c: usize,
    ) -> Result<Samples<'a>> {
        let samples = plane(c);
        let axes = [(self.shape.nx, strides[0]), (self.shape.ny, strides[1])];
        check_corners(format_args!("the plane of channel {c}"), samples.len(), self.origin, &axes)?;
        Ok(samples)
    }
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (layout, strides) = match &self.place {
            Place::One(_, strides) => ("strided", &strides[..]),
            Place::Planes(_, strides) => ("planes", &strides[..]),
        };
        write!(f, "Field({}, {layout}, origin {}, strides {strides:?})", self.shape, self.origin)
    }
}

fn check_extent(nx: usize, ny: usize, channels: usize) -> Result<Shape> {
    let extent = Shape { nx, ny, channels };
    let max_channels = Shape::MAX_AXIS;
    let good = (1..=MAX_AXIS).contains(&nx) && (1..=MAX_AXIS).contains(&ny) && (1..=max_channels).contains(&channels);
    if good {
        return Ok(extent);
    }
    Err(shape(format!(
        "field {extent} (nx x ny x channels): pass 1 ..= {MAX_AXIS} pixels along x and y and 1 ..= {max_channels} channels"
    )))
}

/// Refuses axes, each an extent and a stride, that reach outside a slice of `len` elements from element `origin`.
fn check_corners(what: impl fmt::Display, len: usize, origin: usize, axes: &[(usize, isize)]) -> Result<()> {
    let mut low = origin as i128;
    let mut high = origin as i128;
    for &(n, stride) in axes {
        let span = (n as i128 - 1) * stride as i128;
        low += span.min(0);
        high += span.max(0);
    }
    if low >= 0 && high < len as i128 {
        return Ok(());
    }
    Err(shape(format!(
        "{what} reaches from element {low} to {high}, but its data has {len}: check origin, strides and the grid"
    )))
}

/// The element `origin` plus index times stride along each axis. The constructors checked that it lies in the slice.
fn at<const N: usize>(origin: usize, axes: [(usize, isize); N]) -> usize {
    (origin as isize + axes.iter().map(|&(i, stride)| i as isize * stride).sum::<isize>()) as usize
}

/// Copies `n` pixels with all channels in one slice, from element `first` on.
#[allow(clippy::too_many_arguments, reason = "source and destination each need start and strides")]
fn copy_one<T: Copy>(
    from: &[T],
    first: usize,
    [sx, sy, sc]: [isize; 3],
    [nx, ny]: [usize; 2],
    channels: usize,
    out: &mut [f32],
    out_row: usize,
    to: impl Fn(T) -> f32 + Copy,
) {
    for y in 0..ny {
        let out = &mut out[y * out_row..][..nx * channels];
        let first = at(first, [(y, sy)]);
        if sc == 1 && sx == channels as isize {
            // In our layout already; for float32 the compiler makes a memcpy of it.
            for (out, &value) in out.iter_mut().zip(&from[first..]) {
                *out = to(value);
            }
        } else {
            for c in 0..channels {
                copy_channel(from, at(first, [(c, sc)]), sx, out, c, channels, to);
            }
        }
    }
}

/// Copies channel `c` of one row of pixels, from element `first` on with stride `sx`.
fn copy_channel<T: Copy>(
    from: &[T],
    first: usize,
    sx: isize,
    out: &mut [f32],
    c: usize,
    channels: usize,
    to: impl Fn(T) -> f32,
) {
    let pixels = out.chunks_exact_mut(channels);
    if sx == 1 {
        for (pixel, &value) in pixels.zip(&from[first..]) {
            pixel[c] = to(value);
        }
    } else {
        for (x, pixel) in pixels.enumerate() {
            pixel[c] = to(from[at(first, [(x, sx)])]);
        }
    }
}
