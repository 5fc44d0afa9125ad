//! The inner loops of the plan, compiled for several instruction sets and chosen at run time.
//!
//! Each is one plain function over a [`Vector`], with a version for each instruction set that everything it calls is
//! inlined into.
//! Not here: what the loops are for ([`super::plan`]), the loops of each layer ([`super::kernels_conv`],
//! [`super::kernels_dense`]).

use super::conv::Conv;
use super::dense::Dense;
use super::isa::{Isa, Kind};
use super::kernels_conv::{self, Rows};
use super::kernels_dense;
use super::kernels_vector::{self as vector, Vector};
use super::lanes::{Lanes, WIDTH};
use super::schedule::Step;
use super::sound::Sound;

/// Rows of a patch that are looked at, and so brought into the L1 cache, before they are used.
const AHEAD: usize = 2;

/// Values that memory is asked for before they are looked at; 8 KiB hide the latency of DRAM.
const FAR: usize = 2048;

/// The values of `lanes`, one after the other.
pub(super) fn values(lanes: &[Lanes]) -> &[f32] {
    // SAFETY: `Lanes` is `repr(C)` around 16 float32 and has no padding.
    unsafe { std::slice::from_raw_parts(lanes.as_ptr().cast(), lanes.len() * WIDTH) }
}

/// The values of `lanes`, to change.
pub(super) fn values_mut(lanes: &mut [Lanes]) -> &mut [f32] {
    // SAFETY: as above.
    unsafe { std::slice::from_raw_parts_mut(lanes.as_mut_ptr().cast(), lanes.len() * WIDTH) }
}

/// Defines functions of an [`Isa`] and the arguments given, with a version for each instruction set. In the body `$v` is
/// that set's [`Vector`].
macro_rules! for_each_isa {
    ($($(#[$doc:meta])* fn $name:ident<$v:ident>($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block)*) => {$(
        $(#[$doc])*
        pub(super) fn $name(isa: Isa, $($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn plain<$v: Vector>($($arg: $ty),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($arg: $ty),*) $(-> $ret)? {
                plain::<vector::Avx2>($($arg),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512dq,avx512vl")]
            fn avx512($($arg: $ty),*) $(-> $ret)? {
                plain::<vector::Avx512>($($arg),*)
            }

            match isa.0 {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: such an `Isa` is made only where the processor has it.
                Kind::Avx512 => unsafe { avx512($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: as above.
                Kind::Avx2 => unsafe { avx2($($arg),*) },
                Kind::Portable => plain::<[f32; WIDTH]>($($arg),*),
            }
        }
    )*};
}

for_each_isa! {
    /// Runs the convolutions on a patch whose rows are `input.row_floats` values long; `grids` has the rooms of their
    /// outputs. Whether the densities are sound; if not, what is in the rooms means nothing.
    fn convolve<V>(convs: &[Conv], steps: &[Step], sound: &Sound, input: Rows<'_>, grids: &mut [Vec<Lanes>]) -> bool {
        let mut look = Look::<V> { densities: input.values, seen: 0, squares: [V::splat(0.0); 4] };
        for step in steps {
            let conv = &convs[step.layer];
            let (before, after) = grids.split_at_mut(step.layer);
            let output = values_mut(&mut after[0]);
            match step.layer.checked_sub(1) {
                None => {
                    look.until(input.row_floats * (step.row * conv.stride + conv.height + AHEAD));
                    kernels_conv::make_row::<V>(conv, input, step.row, output);
                }
                Some(last) => {
                    let Conv { row_floats, rows, .. } = convs[last];
                    let input = Rows { values: values(&before[last]), row_floats, rows };
                    kernels_conv::make_row::<V>(conv, input, step.row, output);
                }
            }
        }
        look.until(input.values.len());
        look.finish(sound)
    }

    /// Whether all of a patch is sound.
    fn is_sound<V>(sound: &Sound, densities: &[f32]) -> bool {
        let mut look = Look::<V> { densities, seen: 0, squares: [V::splat(0.0); 4] };
        look.until(densities.len());
        look.finish(sound)
    }

    /// Runs a dense layer on one patch, as [`kernels_dense::one`] says.
    fn dense_one<V>(dense: &Dense, input: &[Lanes], output: &mut [Lanes]) {
        kernels_dense::one::<V>(dense, values(input), output);
    }

    /// Runs a dense layer on several patches, each in `pitch` lines, as [`kernels_dense::many`] says.
    fn dense_many<V>(dense: &Dense, patches: usize, pitch: usize, input: &[Lanes], output: &mut [Lanes]) {
        kernels_dense::many::<V>(dense, patches, pitch * WIDTH, values(input), values_mut(output));
    }
}

/// A look at each density, in passing.
struct Look<'a, V> {
    densities: &'a [f32],
    /// Densities that have been looked at, a multiple of 16.
    seen: usize,
    /// Sums of their squares: infinite or not a number if a density is.
    squares: [V; 4],
}

impl<V: Vector> Look<'_, V> {
    /// Looks at the densities before `end` that have not been seen, but for the last few that fill no vector.
    #[inline(always)]
    fn until(&mut self, end: usize) {
        let end = end.min(self.densities.len());
        if end <= self.seen {
            return;
        }
        let part = &self.densities[self.seen..end];
        let mut fours = part.chunks_exact(4 * WIDTH);
        for four in &mut fours {
            for (k, squares) in self.squares.iter_mut().enumerate() {
                // SAFETY: `four` has 64 values.
                let value = unsafe { V::load_at(four.as_ptr().add(k * WIDTH)) };
                *squares = squares.add_product(value, value);
                V::prefetch(four.as_ptr().wrapping_add(k * WIDTH + FAR));
            }
        }
        for one in fours.remainder().chunks_exact(WIDTH) {
            // SAFETY: `one` has 16 values.
            let value = unsafe { V::load_at(one.as_ptr()) };
            self.squares[0] = self.squares[0].add_product(value, value);
        }
        self.seen += part.len() / WIDTH * WIDTH;
    }

    /// Whether all are sound: by the sums of squares, and if those are too large by the bounds.
    #[inline(always)]
    fn finish(self, sound: &Sound) -> bool {
        let mut rest = Lanes::ZERO;
        for (lane, &value) in rest.0.iter_mut().zip(&self.densities[self.seen..]) {
            *lane = value * value;
        }
        let [a, b, c, d] = self.squares;
        let mut squares = Lanes::ZERO;
        a.add(b).add(c.add(d)).add(V::load(&rest)).store(&mut squares);
        squares.0.iter().sum::<f32>() < sound.squares || within::<V>(sound, self.densities)
    }
}

/// Whether each density is within the bounds of its channel.
#[inline(always)]
fn within<V: Vector>(sound: &Sound, densities: &[f32]) -> bool {
    let mut all = true;
    for pixels in densities.chunks(sound.low.len() * WIDTH) {
        for ((low, high), values) in sound.low.iter().zip(&sound.high).zip(pixels.chunks(WIDTH)) {
            if values.len() == WIDTH {
                // SAFETY: 16 values.
                all &= unsafe { V::load_at(values.as_ptr()) }.within(V::load(low), V::load(high));
            } else {
                let bounds = low.0.iter().zip(&high.0);
                all &= values.iter().zip(bounds).all(|(value, (low, high))| low <= value && value <= high);
            }
        }
    }
    all
}
