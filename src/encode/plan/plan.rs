//! A chain of layers, compiled for one instruction set, and running it.
//!
//! In: patches `densities[(y * nx + x) * channels + c]`, nm^-2, float32. Out: the network's output vector. A call
//! allocates nothing: all it writes to is in a [`Scratch`].
//! Not here: the loops ([`super::kernels`]), packing ([`super::compile`]).

use super::compile::{Compiled, compile};
use super::isa::Isa;
use super::kernels::{self, values, values_mut};
use super::kernels_conv::Rows;
use super::lanes::{Lanes, WIDTH};
use super::sound::Sound;
use crate::encode::chain::Chain;

/// Dense layers with at least so many bytes of weights run several patches at once: below, weights stay in the cache from
/// patch to patch.
const BATCHED_BYTES: usize = 256 << 10;

/// Most patches that run at once.
const TOGETHER: usize = 16;

/// A network, ready to run. Any number of threads may run one plan, each with its own [`Scratch`].
#[derive(Debug)]
pub(in crate::encode) struct Plan {
    isa: Isa,
    nx: usize,
    ny: usize,
    channels: usize,
    sound: Sound,
    layers: Compiled,
    /// Whether the dense layers run several patches at once.
    batched: bool,
}

/// What one call writes to. Fits the plan that made it, and no other.
#[derive(Debug)]
pub(in crate::encode) struct Scratch {
    /// The rows kept of each convolution's output, whole for the last.
    grids: Vec<Vec<Lanes>>,
    /// What the dense layers take and give in turn, one patch after the other.
    values: [Vec<Lanes>; 2],
    /// Lines from one patch to the next.
    pitch: usize,
}

impl Plan {
    /// Compiles `chain` for `isa`. `low` and `high` are the bounds of sound densities, nm^-2, one a channel.
    ///
    /// # Errors
    /// What in the chain the plan does not cover, or in what it contradicts itself.
    pub fn new(chain: &Chain, low: &[f32], high: &[f32], isa: Isa) -> Result<Self, String> {
        let layers = compile(chain, isa)?;
        let &Chain { ny, nx, channels, .. } = chain;
        if low.len() != channels || high.len() != channels {
            return Err(format!("{} low and {} high bounds for {channels} channels", low.len(), high.len()));
        }
        if let Some(bound) = low.iter().chain(high).find(|bound| bound.is_nan()) {
            return Err(format!("a bound of the densities is {bound}"));
        }
        let lines: usize = layers.dense.iter().map(|dense| dense.weights.len()).sum();
        let batched = lines * size_of::<Lanes>() >= BATCHED_BYTES;
        Ok(Self { isa, nx, ny, channels, sound: Sound::new(low, high), layers, batched })
    }

    /// The instruction set that it runs on: `avx512`, `avx2` or `portable`.
    pub fn isa(&self) -> &'static str {
        self.isa.name()
    }

    /// Values in a patch.
    pub fn inputs(&self) -> usize {
        self.ny * self.nx * self.channels
    }

    /// Values in a point.
    pub fn outputs(&self) -> usize {
        self.layers.outputs
    }

    /// Room for one call at a time.
    pub fn scratch(&self) -> Scratch {
        let Compiled { convs, dense, features, outputs, .. } = &self.layers;
        let most = dense.iter().map(|d| d.reads.max(d.bias.len() * WIDTH)).fold((*features).max(*outputs), usize::max);
        // An odd number of cache lines keeps the patches out of each other's way in the cache.
        let pitch = most.div_ceil(WIDTH) | 1;
        let room = || vec![Lanes::ZERO; pitch * if self.batched { TOGETHER } else { 1 }];
        Scratch { grids: convs.iter().map(|conv| conv.room()).collect(), values: [room(), room()], pitch }
    }

    /// Runs one patch and writes its point. `false`: a density is not finite or out of bounds, and nothing was written.
    ///
    /// # Panics
    /// If `densities` is not of [`Plan::inputs`] values, or `point` not of [`Plan::outputs`].
    pub fn run(&self, scratch: &mut Scratch, densities: &[f32], point: &mut [f32]) -> bool {
        assert!(
            densities.len() == self.inputs() && point.len() == self.outputs(),
            "a patch or point of another length"
        );
        if !self.features(scratch, 0, densities) {
            return false;
        }
        for dense in &self.layers.dense {
            let [input, output] = &mut scratch.values;
            values_mut(input)[dense.inputs..dense.reads].fill(0.0);
            kernels::dense_one(self.isa, dense, input, output);
            scratch.values.swap(0, 1);
        }
        self.finish(scratch, 0, point);
        true
    }

    /// Runs patches and writes their points one after the other, the same bits as [`Plan::run`] would write.
    ///
    /// # Errors
    /// The first patch with a density that is not finite or out of bounds: points before it were written, none from it on.
    ///
    /// # Panics
    /// As [`Plan::run`].
    pub fn run_many(&self, scratch: &mut Scratch, patches: &[&[f32]], points: &mut [f32]) -> Result<(), usize> {
        let outputs = self.outputs();
        assert!(points.len() == patches.len() * outputs, "points for another number of patches");
        let together = if self.batched { TOGETHER } else { 1 };
        for (nth, (patches, points)) in patches.chunks(together).zip(points.chunks_mut(together * outputs)).enumerate()
        {
            let done = match patches {
                [patch] => usize::from(self.run(scratch, patch, points)),
                _ => self.run_together(scratch, patches, points),
            };
            if done < patches.len() {
                return Err(nth * together + done);
            }
        }
        Ok(())
    }

    /// Runs patches up to the first that is not sound, all dense layers at once; answers how many.
    fn run_together(&self, scratch: &mut Scratch, patches: &[&[f32]], points: &mut [f32]) -> usize {
        let mut sound = 0;
        for densities in patches {
            assert!(densities.len() == self.inputs(), "a patch of another length");
            if !self.features(scratch, sound, densities) {
                break;
            }
            sound += 1;
        }
        for dense in &self.layers.dense {
            let [input, output] = &mut scratch.values;
            for patch in values_mut(input).chunks_exact_mut(scratch.pitch * WIDTH).take(sound) {
                patch[dense.inputs..dense.reads].fill(0.0);
            }
            kernels::dense_many(self.isa, dense, sound, scratch.pitch, input, output);
            scratch.values.swap(0, 1);
        }
        for (nth, point) in points.chunks_exact_mut(self.outputs()).enumerate().take(sound) {
            self.finish(scratch, nth, point);
        }
        sound
    }

    /// Puts what the dense layers take of a patch in the `nth` place of `scratch.values[0]`; whether it is sound.
    fn features(&self, scratch: &mut Scratch, nth: usize, densities: &[f32]) -> bool {
        let Compiled { convs, steps, features, .. } = &self.layers;
        let place = nth * scratch.pitch * WIDTH..;
        let to = &mut values_mut(&mut scratch.values[0])[place][..*features];
        let Some(last) = scratch.grids.len().checked_sub(1) else {
            to.copy_from_slice(densities);
            return kernels::is_sound(self.isa, &self.sound, densities);
        };
        let input = Rows { values: densities, row_floats: self.nx * self.channels, rows: self.ny };
        let sound = kernels::convolve(self.isa, convs, steps, &self.sound, input, &mut scratch.grids);
        to.copy_from_slice(&values(&scratch.grids[last])[..*features]);
        sound
    }

    /// Writes the point in the `nth` place of `scratch.values[0]`, after the softmax if there is one.
    fn finish(&self, scratch: &Scratch, nth: usize, point: &mut [f32]) {
        point.copy_from_slice(&values(&scratch.values[0])[nth * scratch.pitch * WIDTH..][..point.len()]);
        if self.layers.softmax {
            let most = point.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            point.iter_mut().for_each(|value| *value = (*value - most).exp());
            let sum: f32 = point.iter().sum();
            point.iter_mut().for_each(|value| *value /= sum);
        }
    }
}
