//! The C++ DDFT as a Rust type.
//!
//! Nanometres, microseconds, nm^-2; planes `[y * grid + x]`. Its options are checked by the C++ side.
//! Not here: the physics (`examples/ddft/ddft.hpp`), cutting patches out of its fields ([`super::campaign`]).

use cxx::UniquePtr;
use patchstream::error::{Result, argument};
use patchstream::feedback::Mixing;
use patchstream::patch::Protein;

#[cxx::bridge(namespace = "ddft_bridge")]
mod ffi {
    /// A protein at its place in the box, as `patchstream::patch::Protein`.
    struct Protein {
        id: u64,
        state: i32,
        partner: i32,
        x_nm: f64,
        y_nm: f64,
    }

    unsafe extern "C++" {
        include!("patchstream-cli/bridge/ddft_bridge.hpp");

        #[namespace = "ddft"]
        type Model;

        fn open(grid: i32, proteins: i32, seed: u64) -> Result<UniquePtr<Model>>;
        fn plane(model: &Model, channel: usize) -> &[f64];
        fn proteins(model: &Model) -> Vec<Protein>;
        fn state(model: &Model) -> Vec<u8>;
        fn restore(model: Pin<&mut Model>, state: &[u8]) -> Result<()>;
        fn potential(model: &Model, state: i32) -> Result<Vec<f64>>;
        fn set_potential(model: Pin<&mut Model>, state: i32, kt: &[f64]) -> Result<()>;
        fn equilibrium_g(model: &Model, state: i32) -> Result<Vec<f64>>;
        fn mixing() -> Vec<f64>;
        fn mixing_sigma_nm() -> f64;
        fn mean_densities() -> Vec<f64>;

        fn step(self: Pin<&mut Model>) -> Result<()>;
        fn time_us(&self) -> f64;
        fn grid(&self) -> i32;
        fn spacing_nm(&self) -> f64;
        fn box_nm(&self) -> f64;
        fn control_point(self: Pin<&mut Model>, min_distance_nm: f64, out: &mut [f64; 2]) -> bool;
    }
}

/// The macro model: lipid densities on a periodic square, and the proteins in it.
pub struct Ddft(UniquePtr<ffi::Model>);

impl Ddft {
    /// Lipid species of the model: its channels.
    pub const CHANNELS: usize = 14;
    /// Bins of a potential and of g(r), from 0 to [`Self::CUTOFF_NM`].
    pub const BINS: usize = 60;
    /// Where they end, nm.
    pub const CUTOFF_NM: f64 = 6.0;

    /// A membrane of `grid` x `grid` points with so many RAS.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](patchstream::error::ErrorKind::Argument) for what the model cannot compute.
    pub fn open(grid: u16, proteins: u16, seed: u64) -> Result<Self> {
        ffi::open(grid.into(), proteins.into(), seed).map(Self).map_err(|error| argument(error.what()))
    }

    /// One time step.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](patchstream::error::ErrorKind::Argument) if the model has left what it can compute.
    pub fn step(&mut self) -> Result<()> {
        self.0.pin_mut().step().map_err(|error| argument(error.what()))
    }

    /// Time since the start, in us.
    pub fn time_us(&self) -> f64 {
        self.0.time_us()
    }

    /// Grid points a side.
    pub fn grid(&self) -> usize {
        self.0.grid() as usize
    }

    /// Distance of grid points in nm.
    pub fn spacing_nm(&self) -> f64 {
        self.0.spacing_nm()
    }

    /// Edge of the periodic box in nm.
    pub fn box_nm(&self) -> f64 {
        self.0.box_nm()
    }

    /// Densities of a channel, `[y * grid + x]`, nm^-2.
    pub fn plane(&self, channel: usize) -> &[f64] {
        ffi::plane(&self.0, channel)
    }

    /// All proteins at their places in the box.
    pub fn proteins(&self) -> Vec<Protein> {
        ffi::proteins(&self.0)
            .into_iter()
            .map(|ffi::Protein { id, state, partner, x_nm, y_nm }| Protein { id, state, partner, x_nm, y_nm })
            .collect()
    }

    /// Everything that the steps to come depend on, as bytes.
    pub fn state(&self) -> Vec<u8> {
        ffi::state(&self.0)
    }

    /// Goes on where [`state`](Self::state) was called, bit for bit.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](patchstream::error::ErrorKind::Argument) for bytes that are not whole, or of a model that
    /// was opened with other options; nothing is changed then.
    pub fn restore(&mut self, state: &[u8]) -> Result<()> {
        ffi::restore(self.0.pin_mut(), state).map_err(|error| argument(error.what()))
    }

    /// The potentials in kT of a protein state on all lipids that are in force, `[lipid * BINS + bin]`.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](patchstream::error::ErrorKind::Argument) for a state that there is not.
    pub fn potential(&self, state: u16) -> Result<Vec<f64>> {
        ffi::potential(&self.0, state.into()).map_err(|error| argument(error.what()))
    }

    /// Replaces them, from the next step on; they are part of the model's state.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](patchstream::error::ErrorKind::Argument) for a state that there is not, another number of
    /// values, and values that are not finite or beyond 50 kT.
    pub fn set_potential(&mut self, state: u16, kt: &[f64]) -> Result<()> {
        ffi::set_potential(self.0.pin_mut(), state.into(), kt).map_err(|error| argument(error.what()))
    }

    /// g(r) that the model has at equilibrium around one protein of a state, with the potentials in force:
    /// `[lipid * BINS + bin]`. Nothing in the model changes.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](patchstream::error::ErrorKind::Argument) for a state that there is not, and for potentials
    /// that attract so much that there is no equilibrium.
    pub fn equilibrium_g(&self, state: u16) -> Result<Vec<f64>> {
        ffi::equilibrium_g(&self.0, state.into()).map_err(|error| argument(error.what()))
    }

    /// What the model's lipids do to each other.
    pub fn mixing() -> Mixing {
        let (a_nm2, densities_nm2) = (ffi::mixing(), ffi::mean_densities());
        Mixing::Gaussian { a_nm2, sigma_nm: ffi::mixing_sigma_nm(), densities_nm2 }
    }

    /// A random point at least `distance_nm` from every protein; `None` where 256 tries found none. Asking changes
    /// nothing in what the model computes.
    pub fn control_point(&mut self, distance_nm: f64) -> Option<[f64; 2]> {
        let mut point = [0.0; 2];
        self.0.pin_mut().control_point(distance_nm, &mut point).then_some(point)
    }
}
