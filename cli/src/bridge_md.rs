//! The built-in micro model as a Rust function.
//!
//! Nanometres, nm^-2, time steps. What it is given is checked by the C++ side.
//! Not here: the physics (`examples/md`), jobs ([`super::micro`]).

use patchstream::error::{Result, argument};

use super::micro::Held;

pub use ffi::{Patch, Plan, Protein};

#[cxx::bridge(namespace = "md_bridge")]
mod ffi {
    /// A protein, relative to the patch's centre.
    struct Protein {
        state: i32,
        partner: i32,
        x_nm: f64,
        y_nm: f64,
    }

    /// A patch to simulate: densities `[(y * nx + x) * lipids + c]`, proteins by distance from the centre.
    struct Patch<'a> {
        id: u64,
        size_nm: f64,
        nx: u32,
        ny: u32,
        densities: &'a [f32],
        proteins: Vec<Protein>,
    }

    /// How a simulation goes: `equilibration` steps, then `windows` of `window` steps, of which every `every`-th is
    /// counted in `bins` bins up to `cutoff_nm`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    struct Plan {
        seed: u64,
        equilibration: u64,
        windows: u64,
        window: u64,
        every: u64,
        bins: u64,
        cutoff_nm: u64,
    }

    extern "Rust" {
        type Held;
        fn going(self: &mut Held) -> bool;
        fn look(self: &mut Held, box_nm: f64, positions: &[f64], stride: usize, species: &[i32], reference: u32);
        fn take(self: &mut Held, window: u64) -> bool;
    }

    unsafe extern "C++" {
        include!("patchstream-cli/bridge/md_bridge.hpp");

        fn simulate(patch: &Patch, plan: &Plan, held: &mut Held) -> Result<bool>;
    }
}

/// Simulates a patch around its first protein, and gives each moment and window to `held`. `false`: that said to stop.
///
/// # Errors
/// [`ErrorKind::Argument`](patchstream::error::ErrorKind::Argument) for a patch that cannot be simulated.
pub fn simulate(patch: &Patch<'_>, plan: &Plan, held: &mut Held) -> Result<bool> {
    ffi::simulate(patch, plan, held).map_err(|error| argument(error.what()))
}
