//! How densities are written down: as they are, or as half as many bytes with a stated error.
//!
//! Little-endian, one value after the other. Not here: where they are written ([`super::Arena`]).

use half::f16;
use half::slice::HalfFloatSliceExt;
use serde::Deserialize;

use crate::error::{Result, value};

/// How densities are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// As they came, bit for bit: 4 bytes a density.
    #[default]
    Float32,
    /// IEEE 754 binary16, rounded to nearest: 2 bytes a density. The error is at most 2^-11 of a density from 6.1e-5 up,
    /// and 2^-25 below that. A patch with a density beyond 65,504 is refused.
    Float16,
}

/// Values that are converted at a time.
const BLOCK: usize = 512;

impl Format {
    /// `float32` or `float16`.
    pub fn name(self) -> &'static str {
        match self {
            Format::Float32 => "float32",
            Format::Float16 => "float16",
        }
    }

    /// Bytes of `densities` values.
    pub fn bytes(self, densities: usize) -> usize {
        match self {
            Format::Float32 => 4 * densities,
            Format::Float16 => 2 * densities,
        }
    }

    /// Whether all of `densities` can be written.
    ///
    /// # Errors
    /// [`ErrorKind::Value`](crate::error::ErrorKind::Value) for one beyond the largest of float16, or that is no number.
    pub(super) fn check(self, densities: &[f32]) -> Result<()> {
        let most = f32::from(f16::MAX);
        let misfit = |value: &&f32| value.is_nan() || value.abs() > most;
        match self {
            Format::Float32 => Ok(()),
            Format::Float16 => match densities.iter().find(misfit) {
                None => Ok(()),
                Some(misfit) => Err(value(format!(
                    "a density of {misfit} nm^-2 cannot be kept as float16, which ends at {most}: keep float32"
                ))),
            },
        }
    }

    /// Writes `densities`, which were [checked](Self::check), to `to`, which has as many bytes as they take.
    pub(super) fn write(self, densities: &[f32], to: &mut [u8]) {
        match self {
            Format::Float32 => {
                for (to, density) in to.chunks_exact_mut(4).zip(densities) {
                    to.copy_from_slice(&density.to_le_bytes());
                }
            }
            Format::Float16 => {
                let mut block = [f16::ZERO; BLOCK];
                for (to, densities) in to.chunks_mut(2 * BLOCK).zip(densities.chunks(BLOCK)) {
                    let block = &mut block[..densities.len()];
                    block.convert_from_f32_slice(densities);
                    for (to, half) in to.chunks_exact_mut(2).zip(block) {
                        to.copy_from_slice(&half.to_le_bytes());
                    }
                }
            }
        }
    }

    /// Reads back what was written.
    pub(super) fn read(self, from: &[u8], densities: &mut [f32]) {
        match self {
            Format::Float32 => {
                for (density, from) in densities.iter_mut().zip(from.as_chunks::<4>().0) {
                    *density = f32::from_le_bytes(*from);
                }
            }
            Format::Float16 => {
                let mut block = [f16::ZERO; BLOCK];
                for (densities, from) in densities.chunks_mut(BLOCK).zip(from.chunks(2 * BLOCK)) {
                    let block = &mut block[..densities.len()];
                    for (half, from) in block.iter_mut().zip(from.as_chunks::<2>().0) {
                        *half = f16::from_le_bytes(*from);
                    }
                    block.convert_to_f32_slice(densities);
                }
            }
        }
    }
}
