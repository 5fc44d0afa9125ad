//! Sixteen float32 side by side, aligned for every instruction set: the unit in which params and activations are kept.
//!
//! Not here: arithmetic on them ([`super::kernels`]).

/// Values in a [`Lanes`].
pub(super) const WIDTH: usize = 16;

/// Sixteen values: 16 outputs of a patch, or the weights of 16 outputs for one input.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Lanes(pub [f32; WIDTH]);

impl Lanes {
    /// All 0.
    pub const ZERO: Self = Self([0.0; WIDTH]);

    /// As many as hold `values` numbers, all 0.
    pub fn zeros(values: usize) -> Vec<Self> {
        vec![Self::ZERO; values.div_ceil(WIDTH)]
    }
}
