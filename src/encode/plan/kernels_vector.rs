//! Sixteen float32 side by side in registers, for each instruction set: the few operations that the kernels need.
//!
//! Products are added with one rounding where the processor can; so instruction sets differ in the last bits, while one
//! instruction set gives the same bits whichever lane a value is in.
//! Not here: which set is used when ([`super::kernels`]).

use super::lanes::{Lanes, WIDTH};

/// Sixteen lanes.
pub(super) trait Vector: Copy {
    /// Most sums that a convolution keeps in registers.
    const SUMS: usize;
    /// Most pairs of pixels that a paired convolution keeps sums of; at most 8.
    const PAIRS: usize;
    /// Chains of a dense layer, as [`super::isa::Isa::chains`].
    const CHAINS: usize;
    /// Most patches that a dense layer computes together, at most 8.
    const PATCHES: usize;
    /// Groups of 16 outputs that it then computes together, 1 or 2.
    const TOGETHER: usize;

    /// All lanes the same.
    fn splat(value: f32) -> Self;
    /// From memory.
    fn load(from: &Lanes) -> Self;
    /// To memory.
    fn store(self, to: &mut Lanes);
    /// `self + other`.
    fn add(self, other: Self) -> Self;
    /// `self + a * b`.
    fn add_product(self, a: Self, b: Self) -> Self;
    /// The larger of each two; where one is not a number, `other`'s.
    fn max(self, other: Self) -> Self;
    /// Whether each lane is at least its counterpart of `low` and at most that of `high`.
    fn within(self, low: Self, high: Self) -> bool;
    /// Sums of lanes 2j and 2j + 1: those of `self` in lanes 0 to 7, those of `other` in lanes 8 to 15.
    fn pair_sums(self, other: Self) -> Self;

    /// Asks for the cache line at `from`, which need not be memory at all.
    #[inline(always)]
    fn prefetch(from: *const f32) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: every x86-64 processor has it; it touches no memory that it may not, and cannot fault.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(from.cast());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = from;
    }

    /// The 16 values at `from`, unaligned.
    ///
    /// # Safety
    /// 16 values can be read at `from`.
    unsafe fn load_at(from: *const f32) -> Self;
    /// All lanes the value at `from`.
    ///
    /// # Safety
    /// A value can be read at `from`.
    unsafe fn splat_at(from: *const f32) -> Self;
    /// The two values at `from`, eight times over.
    ///
    /// # Safety
    /// Two values can be read at `from`.
    unsafe fn splat_pair_at(from: *const f32) -> Self;
    /// The first `count` lanes, at most 16, to `to`.
    ///
    /// # Safety
    /// `count` values can be written at `to`.
    unsafe fn store_some(self, to: *mut f32, count: usize);
    /// Lanes 0 to 7 to `low`, then lanes 8 to 15 to `high`.
    ///
    /// # Safety
    /// Eight values can be written at each.
    unsafe fn store_halves(self, low: *mut f32, high: *mut f32);
}

/// Plain code, for every processor.
impl Vector for [f32; WIDTH] {
    const SUMS: usize = 4;
    const PAIRS: usize = 1;
    const CHAINS: usize = 4;
    const PATCHES: usize = 4;
    const TOGETHER: usize = 1;

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
    fn add_product(self, a: Self, b: Self) -> Self {
        // Without an instruction for it `mul_add` is a slow call.
        if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
            std::array::from_fn(|lane| a[lane].mul_add(b[lane], self[lane]))
        } else {
            std::array::from_fn(|lane| self[lane] + a[lane] * b[lane])
        }
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        std::array::from_fn(|lane| if self[lane] > other[lane] { self[lane] } else { other[lane] })
    }
    #[inline(always)]
    fn within(self, low: Self, high: Self) -> bool {
        (0..WIDTH).fold(true, |all, lane| all & (self[lane] >= low[lane]) & (self[lane] <= high[lane]))
    }
    #[inline(always)]
    fn pair_sums(self, other: Self) -> Self {
        std::array::from_fn(|lane| {
            let (from, at) = if lane < 8 { (&self, 2 * lane) } else { (&other, 2 * lane - 16) };
            from[at] + from[at + 1]
        })
    }
    #[inline(always)]
    unsafe fn load_at(from: *const f32) -> Self {
        // SAFETY: 16 values can be read there.
        unsafe { from.cast::<Self>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn splat_at(from: *const f32) -> Self {
        // SAFETY: a value can be read there.
        [unsafe { *from }; WIDTH]
    }
    #[inline(always)]
    unsafe fn splat_pair_at(from: *const f32) -> Self {
        // SAFETY: two values can be read there.
        let pair = unsafe { [*from, *from.add(1)] };
        std::array::from_fn(|lane| pair[lane % 2])
    }
    #[inline(always)]
    unsafe fn store_some(self, to: *mut f32, count: usize) {
        if count == WIDTH {
            // SAFETY: 16 values can be written there.
            return unsafe { to.cast::<Self>().write_unaligned(self) };
        }
        for (lane, value) in self.into_iter().enumerate().take(count) {
            // SAFETY: `count` values can be written there.
            unsafe { *to.add(lane) = value };
        }
    }
    #[inline(always)]
    unsafe fn store_halves(self, low: *mut f32, high: *mut f32) {
        let [mut first, mut second] = [[0.0; 8]; 2];
        first.copy_from_slice(&self[..8]);
        second.copy_from_slice(&self[8..]);
        // SAFETY: eight values can be written at each.
        unsafe {
            low.cast::<[f32; 8]>().write_unaligned(first);
            high.cast::<[f32; 8]>().write_unaligned(second);
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Lanes, Vector};

    /// One register. Used only in functions that have AVX-512 F and DQ.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx512(__m512);

    /// Two registers. Used only in functions that have AVX2 and FMA.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx2(__m256, __m256);

    // SAFETY of every block of this impl: the kernels use this type only in functions with AVX-512 F and DQ, which are
    // called only where the processor has it; `Lanes` is aligned to 64 bytes and 64 bytes long; what pointers must allow
    // is the trait's contract.
    #[allow(clippy::undocumented_unsafe_blocks, reason = "said once above for all of them")]
    impl Vector for Avx512 {
        const SUMS: usize = 18;
        const PAIRS: usize = 8;
        const CHAINS: usize = 8;
        const PATCHES: usize = 8;
        const TOGETHER: usize = 2;

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
        fn add_product(self, a: Self, b: Self) -> Self {
            Self(unsafe { _mm512_fmadd_ps(a.0, b.0, self.0) })
        }
        #[inline(always)]
        fn max(self, other: Self) -> Self {
            Self(unsafe { _mm512_max_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn within(self, low: Self, high: Self) -> bool {
            unsafe {
                let above = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(self.0, low.0);
                above & _mm512_cmp_ps_mask::<_CMP_LE_OQ>(self.0, high.0) == 0xffff
            }
        }
        #[inline(always)]
        fn pair_sums(self, other: Self) -> Self {
            unsafe {
                let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
                let odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
                let even = _mm512_permutex2var_ps(self.0, even, other.0);
                Self(_mm512_add_ps(even, _mm512_permutex2var_ps(self.0, odd, other.0)))
            }
        }
        #[inline(always)]
        unsafe fn load_at(from: *const f32) -> Self {
            Self(unsafe { _mm512_loadu_ps(from) })
        }
        #[inline(always)]
        unsafe fn splat_at(from: *const f32) -> Self {
            Self(unsafe { _mm512_set1_ps(*from) })
        }
        #[inline(always)]
        unsafe fn splat_pair_at(from: *const f32) -> Self {
            Self(unsafe { _mm512_castpd_ps(_mm512_set1_pd(from.cast::<f64>().read_unaligned())) })
        }
        #[inline(always)]
        unsafe fn store_some(self, to: *mut f32, count: usize) {
            // A value stored under a mask cannot be loaded again at once.
            if count == 16 {
                unsafe { _mm512_storeu_ps(to, self.0) }
            } else {
                unsafe { _mm512_mask_storeu_ps(to, (0xffff_u32 >> (16 - count)) as __mmask16, self.0) }
            }
        }
        #[inline(always)]
        unsafe fn store_halves(self, low: *mut f32, high: *mut f32) {
            unsafe {
                _mm256_storeu_ps(low, _mm512_castps512_ps256(self.0));
                _mm256_storeu_ps(high, _mm512_extractf32x8_ps::<1>(self.0));
            }
        }
    }

    // SAFETY of every block of this impl: the kernels use this type only in functions with AVX2 and FMA, which are called
    // only where the processor has them; `Lanes` is aligned to 64 bytes and 64 bytes long; what pointers must allow is
    // the trait's contract.
    #[allow(clippy::undocumented_unsafe_blocks, reason = "said once above for all of them")]
    impl Vector for Avx2 {
        const SUMS: usize = 6;
        const PAIRS: usize = 3;
        const CHAINS: usize = 4;
        const PATCHES: usize = 6;
        const TOGETHER: usize = 1;

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
        fn add_product(self, a: Self, b: Self) -> Self {
            unsafe { Self(_mm256_fmadd_ps(a.0, b.0, self.0), _mm256_fmadd_ps(a.1, b.1, self.1)) }
        }
        #[inline(always)]
        fn max(self, other: Self) -> Self {
            unsafe { Self(_mm256_max_ps(self.0, other.0), _mm256_max_ps(self.1, other.1)) }
        }
        #[inline(always)]
        fn within(self, low: Self, high: Self) -> bool {
            unsafe {
                let first = _mm256_and_ps(
                    _mm256_cmp_ps::<_CMP_GE_OQ>(self.0, low.0),
                    _mm256_cmp_ps::<_CMP_LE_OQ>(self.0, high.0),
                );
                let second = _mm256_and_ps(
                    _mm256_cmp_ps::<_CMP_GE_OQ>(self.1, low.1),
                    _mm256_cmp_ps::<_CMP_LE_OQ>(self.1, high.1),
                );
                _mm256_movemask_ps(_mm256_and_ps(first, second)) == 0xff
            }
        }
        #[inline(always)]
        fn pair_sums(self, other: Self) -> Self {
            unsafe {
                // Sums come as 0 1 4 5 | 2 3 6 7.
                let first = _mm256_castps_pd(_mm256_hadd_ps(self.0, self.1));
                let second = _mm256_castps_pd(_mm256_hadd_ps(other.0, other.1));
                Self(
                    _mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(first)),
                    _mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(second)),
                )
            }
        }
        #[inline(always)]
        unsafe fn load_at(from: *const f32) -> Self {
            unsafe { Self(_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))) }
        }
        #[inline(always)]
        unsafe fn splat_at(from: *const f32) -> Self {
            let half = unsafe { _mm256_set1_ps(*from) };
            Self(half, half)
        }
        #[inline(always)]
        unsafe fn splat_pair_at(from: *const f32) -> Self {
            let half = unsafe { _mm256_castpd_ps(_mm256_set1_pd(from.cast::<f64>().read_unaligned())) };
            Self(half, half)
        }
        #[inline(always)]
        unsafe fn store_some(self, to: *mut f32, count: usize) {
            // A value stored under a mask cannot be loaded again at once.
            if count == 16 {
                return unsafe { self.store_halves(to, to.add(8)) };
            }
            unsafe {
                let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
                let count = count as i32;
                _mm256_maskstore_ps(to, _mm256_cmpgt_epi32(_mm256_set1_epi32(count), lanes), self.0);
                if count > 8 {
                    let mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(count - 8), lanes);
                    _mm256_maskstore_ps(to.add(8), mask, self.1);
                }
            }
        }
        #[inline(always)]
        unsafe fn store_halves(self, low: *mut f32, high: *mut f32) {
            unsafe {
                _mm256_storeu_ps(low, self.0);
                _mm256_storeu_ps(high, self.1);
            }
        }
    }
}
