//! Sixteen float32 side by side in registers, for each instruction set: the few operations that the kernels need.
//!
//! Every operation is that of IEEE 754 on each lane by itself, so all sets give the same bits. No lane is NaN, and
//! nothing depends on the sign of a zero.
//! Not here: which set is used when ([`super::kernels`]).

use super::lanes::{Lanes, WIDTH};

/// Sixteen lanes.
pub(super) trait Vector: Copy {
    /// All lanes the same.
    fn splat(value: f32) -> Self;
    /// From memory.
    fn load(from: &Lanes) -> Self;
    /// To memory.
    fn store(self, to: &mut Lanes);
    /// `self + other`.
    fn add(self, other: Self) -> Self;
    /// `self - other`.
    fn sub(self, other: Self) -> Self;
    /// `self * other`.
    fn mul(self, other: Self) -> Self;
    /// `self / other`.
    fn div(self, other: Self) -> Self;
    /// The root of each lane.
    fn sqrt(self) -> Self;
    /// The smaller of each lane.
    fn min(self, other: Self) -> Self;
    /// The larger of each lane.
    fn max(self, other: Self) -> Self;
    /// Its lanes one place further up, behind the last lane of `before`.
    fn after(self, before: Self) -> Self;
    /// Which lanes are at most their counterparts: bit `lane`.
    fn at_most(self, other: Self) -> u16;
    /// Which lanes are below their counterparts: bit `lane`.
    fn below(self, other: Self) -> u16;
}

/// Plain code, for every processor.
impl Vector for [f32; WIDTH] {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        [value; WIDTH]
    }
    #[inline(always)]
    fn load(from: &Lanes) -> Self {
        from.0
    }
    #[inline(always)]
    fn store(self, to: &mut Lanes) {
        to.0 = self;
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        std::array::from_fn(|lane| self[lane] + other[lane])
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        std::array::from_fn(|lane| self[lane] - other[lane])
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        std::array::from_fn(|lane| self[lane] * other[lane])
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        std::array::from_fn(|lane| self[lane] / other[lane])
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        std::array::from_fn(|lane| self[lane].sqrt())
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        std::array::from_fn(|lane| if self[lane] < other[lane] { self[lane] } else { other[lane] })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        std::array::from_fn(|lane| if self[lane] > other[lane] { self[lane] } else { other[lane] })
    }
    #[inline(always)]
    fn after(self, before: Self) -> Self {
        std::array::from_fn(|lane| if lane == 0 { before[WIDTH - 1] } else { self[lane - 1] })
    }
    #[inline(always)]
    fn at_most(self, other: Self) -> u16 {
        (0..WIDTH).fold(0, |bits, lane| bits | u16::from(self[lane] <= other[lane]) << lane)
    }
    #[inline(always)]
    fn below(self, other: Self) -> u16 {
        (0..WIDTH).fold(0, |bits, lane| bits | u16::from(self[lane] < other[lane]) << lane)
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Lanes, Vector};

    /// One register. Used only in functions that have AVX-512F.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx512(__m512);

    /// Two registers. Used only in functions that have AVX2.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx2(__m256, __m256);

    // SAFETY of every block of this impl: the kernels use this type only in functions with AVX-512F, which are called
    // only where the processor has it; `Lanes` is aligned to 64 bytes and 64 bytes long.
    #[allow(clippy::undocumented_unsafe_blocks, reason = "said once above for all of them")]
    impl Vector for Avx512 {
        #[inline(always)]
        fn splat(value: f32) -> Self {
            Self(unsafe { _mm512_set1_ps(value) })
        }
        #[inline(always)]
        fn load(from: &Lanes) -> Self {
            Self(unsafe { _mm512_load_ps(from.0.as_ptr()) })
        }
        #[inline(always)]
        fn store(self, to: &mut Lanes) {
            unsafe { _mm512_store_ps(to.0.as_mut_ptr(), self.0) }
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            Self(unsafe { _mm512_add_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            Self(unsafe { _mm512_sub_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            Self(unsafe { _mm512_mul_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn div(self, other: Self) -> Self {
            Self(unsafe { _mm512_div_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn sqrt(self) -> Self {
            Self(unsafe { _mm512_sqrt_ps(self.0) })
        }
        #[inline(always)]
        fn min(self, other: Self) -> Self {
            Self(unsafe { _mm512_min_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn max(self, other: Self) -> Self {
            Self(unsafe { _mm512_max_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn after(self, before: Self) -> Self {
            unsafe {
                let (own, before) = (_mm512_castps_si512(self.0), _mm512_castps_si512(before.0));
                Self(_mm512_castsi512_ps(_mm512_alignr_epi32::<15>(own, before)))
            }
        }
        #[inline(always)]
        fn at_most(self, other: Self) -> u16 {
            unsafe { _mm512_cmp_ps_mask::<_CMP_LE_OQ>(self.0, other.0) }
        }
        #[inline(always)]
        fn below(self, other: Self) -> u16 {
            unsafe { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, other.0) }
        }
    }

    // SAFETY of every block of this impl: the kernels use this type only in functions with AVX2, which are called only
    // where the processor has it; `Lanes` is aligned to 64 bytes and 64 bytes long.
    #[allow(clippy::undocumented_unsafe_blocks, reason = "said once above for all of them")]
    impl Vector for Avx2 {
        #[inline(always)]
        fn splat(value: f32) -> Self {
            let half = unsafe { _mm256_set1_ps(value) };
            Self(half, half)
        }
        #[inline(always)]
        fn load(from: &Lanes) -> Self {
            let at = from.0.as_ptr();
            unsafe { Self(_mm256_load_ps(at), _mm256_load_ps(at.add(8))) }
        }
        #[inline(always)]
        fn store(self, to: &mut Lanes) {
            let at = to.0.as_mut_ptr();
            unsafe {
                _mm256_store_ps(at, self.0);
                _mm256_store_ps(at.add(8), self.1);
            }
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            unsafe { Self(_mm256_add_ps(self.0, other.0), _mm256_add_ps(self.1, other.1)) }
        }
        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            unsafe { Self(_mm256_sub_ps(self.0, other.0), _mm256_sub_ps(self.1, other.1)) }
        }
        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            unsafe { Self(_mm256_mul_ps(self.0, other.0), _mm256_mul_ps(self.1, other.1)) }
        }
        #[inline(always)]
        fn div(self, other: Self) -> Self {
            unsafe { Self(_mm256_div_ps(self.0, other.0), _mm256_div_ps(self.1, other.1)) }
        }
        #[inline(always)]
        fn sqrt(self) -> Self {
            unsafe { Self(_mm256_sqrt_ps(self.0), _mm256_sqrt_ps(self.1)) }
        }
        #[inline(always)]
        fn min(self, other: Self) -> Self {
            unsafe { Self(_mm256_min_ps(self.0, other.0), _mm256_min_ps(self.1, other.1)) }
        }
        #[inline(always)]
        fn max(self, other: Self) -> Self {
            unsafe { Self(_mm256_max_ps(self.0, other.0), _mm256_max_ps(self.1, other.1)) }
        }
        #[inline(always)]
        fn after(self, before: Self) -> Self {
            unsafe {
                let up = |half| _mm256_permutevar8x32_ps(half, _mm256_setr_epi32(7, 0, 1, 2, 3, 4, 5, 6));
                let (before, low, high) = (up(before.1), up(self.0), up(self.1));
                Self(_mm256_blend_ps::<1>(low, before), _mm256_blend_ps::<1>(high, low))
            }
        }
        #[inline(always)]
        fn at_most(self, other: Self) -> u16 {
            unsafe {
                let low = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LE_OQ>(self.0, other.0));
                let high = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LE_OQ>(self.1, other.1));
                (low | high << 8) as u16
            }
        }
        #[inline(always)]
        fn below(self, other: Self) -> u16 {
            unsafe {
                let low = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LT_OQ>(self.0, other.0));
                let high = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LT_OQ>(self.1, other.1));
                (low | high << 8) as u16
            }
        }
    }
}
