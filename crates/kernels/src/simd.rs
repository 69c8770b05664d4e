//! Four f32 lanes: one WebAssembly SIMD register in the browser, and an array that LLVM vectorises elsewhere.
//!
//! This is the only place in the crate that knows the target.
//! Either all of these functions have the `relaxed-simd` attribute or none: only then are they inlined into each other.

/// Four f32 lanes.
#[derive(Clone, Copy)]
pub struct F32x4(lanes::Lanes);

#[cfg(target_arch = "wasm32")]
mod lanes {
    use core::arch::wasm32::*;

    use super::F32x4;

    pub type Lanes = v128;

    impl F32x4 {
        #[inline(always)]
        pub fn splat(value: f32) -> Self {
            Self(f32x4_splat(value))
        }

        #[inline(always)]
        pub fn load(from: &[f32; 4]) -> Self {
            // SAFETY: the reference covers 16 readable bytes, and v128 loads need no alignment.
            Self(unsafe { v128_load(from.as_ptr().cast()) })
        }

        #[inline(always)]
        pub fn store(self, to: &mut [f32; 4]) {
            // SAFETY: the reference covers 16 writable bytes, and v128 stores need no alignment.
            unsafe { v128_store(to.as_mut_ptr().cast(), self.0) }
        }

        /// `self * factor + addend`.
        #[cfg(not(feature = "relaxed-simd"))]
        #[inline(always)]
        pub fn mul_add(self, factor: Self, addend: Self) -> Self {
            Self(f32x4_add(f32x4_mul(self.0, factor.0), addend.0))
        }

        /// `self * factor + addend`.
        #[cfg(feature = "relaxed-simd")]
        #[inline]
        #[target_feature(enable = "relaxed-simd")]
        pub fn mul_add(self, factor: Self, addend: Self) -> Self {
            Self(f32x4_relaxed_madd(self.0, factor.0, addend.0))
        }

        /// Each lane clamped between `least` and `most`.
        #[inline(always)]
        pub fn clamp(self, least: Self, most: Self) -> Self {
            // `pmin` and `pmax` are one machine instruction; they differ from min and max only for NaN and signed zero.
            Self(f32x4_pmin(most.0, f32x4_pmax(least.0, self.0)))
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod lanes {
    use super::F32x4;

    pub type Lanes = [f32; 4];

    impl F32x4 {
        #[inline(always)]
        pub fn splat(value: f32) -> Self {
            Self([value; 4])
        }

        #[inline(always)]
        pub fn load(from: &[f32; 4]) -> Self {
            Self(*from)
        }

        #[inline(always)]
        pub fn store(self, to: &mut [f32; 4]) {
            *to = self.0;
        }

        /// `self * factor + addend`.
        #[inline(always)]
        pub fn mul_add(self, factor: Self, addend: Self) -> Self {
            Self(core::array::from_fn(|lane| {
                self.0[lane] * factor.0[lane] + addend.0[lane]
            }))
        }

        /// Each lane clamped between `least` and `most`.
        #[inline(always)]
        pub fn clamp(self, least: Self, most: Self) -> Self {
            Self(core::array::from_fn(|lane| {
                self.0[lane].max(least.0[lane]).min(most.0[lane])
            }))
        }
    }
}
