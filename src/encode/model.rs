//! A model: opened, then run on patches from any number of threads.
//!
//! Patches are `densities[(y * nx + x) * channels + c]`, nm^-2; points are float32: a network's without a unit, `mean`'s in nm^-2, `radial`'s
//! in deviations.
//! Not here: finding and reading files ([`super::open`]), the networks themselves ([`super::network`]).

use std::fmt;
use std::sync::Arc;

use super::card::Card;
use super::mean::mean_concentrations;
#[cfg(feature = "fused")]
use super::network::Network;
use super::open::{OpenOptions, Report, open};
use super::pool::Pool;
use super::prepare::{Preparation, Workspace};
use super::radial::Radial;
use crate::error::{self, Result};
use crate::patch::{PatchView, ProteinStates, Shape};

/// Patches that [`Model::encode_many`] gives a network at a time.
const TOGETHER: usize = 16;

/// An encoder that is ready to use. Cloning is cheap and shares it; several threads may use one at once.
#[derive(Clone)]
pub struct Model(Arc<Inner>);

struct Inner {
    card: Card,
    /// Whether the card is one that was made up.
    bare: bool,
    /// The shape of the patches it is given.
    shape: Shape,
    preparation: Preparation,
    backend: Backend,
    idle: Pool<Vec<Workspace>>,
}

/// What turns a patch into a point.
pub(super) enum Backend {
    Mean,
    Radial(Radial),
    #[cfg(feature = "fused")]
    Network(Box<Network>),
}

impl Model {
    /// Opens a model for patches of `shape` with the default protein states.
    ///
    /// `name_or_path` is one of
    /// - `mean`: the mean concentration of each channel, for any shape;
    /// - `radial`: radial profiles of the first 8 channels, for odd squares (37 x 37 points: 38 values a channel);
    /// - `metric`: the metric network for 37 x 37 x 14, with seeded, untrained params;
    /// - `fingerprint`: the classifier of protein states for 37 x 37 x 14, with seeded, untrained params;
    /// - the path of a `NAME.onnx` that has its card `NAME.toml` beside it;
    /// - the path of a folder that holds exactly one `.onnx`.
    ///
    /// # Errors
    /// - [`ErrorKind::Io`](crate::error::ErrorKind::Io): there is no such file, or it cannot be read.
    /// - [`ErrorKind::Model`](crate::error::ErrorKind::Model): network or card are malformed or do not belong together.
    /// - [`ErrorKind::Version`](crate::error::ErrorKind::Version): the card has a format that this build cannot read.
    /// - [`ErrorKind::Shape`](crate::error::ErrorKind::Shape): the model takes patches of another shape.
    /// - [`ErrorKind::Unsupported`](crate::error::ErrorKind::Unsupported): a network that nothing in this build
    ///   runs (cargo features `fused` and `tract`), or `radial` for a grid that it is not defined on.
    pub fn open(name_or_path: &str, shape: Shape) -> Result<Self> {
        Self::open_with_states(name_or_path, shape, ProteinStates::default())
    }

    /// As [`Model::open`], for patches whose proteins have the states `states`.
    ///
    /// # Errors
    /// As [`Model::open`].
    pub fn open_with_states(name_or_path: &str, shape: Shape, states: ProteinStates) -> Result<Self> {
        Self::open_with(name_or_path, Some(shape), &OpenOptions { states, ..OpenOptions::default() })
    }

    /// As [`Model::open`], with options; without a shape the model's own, which built-ins for any shape do not have.
    ///
    /// # Errors
    /// As [`Model::open`], and `Unsupported` for a back-end of choice that does not run the network.
    pub fn open_with(name_or_path: &str, shape: Option<Shape>, options: &OpenOptions) -> Result<Self> {
        let shape = shape.map(|shape| Shape::new(shape.nx, shape.ny, shape.channels)).transpose()?;
        let opened = open(name_or_path, shape, options)?;
        let own = opened.shape()?;
        let card = opened.card;
        let shape = shape.unwrap_or(own);
        let preparation = Preparation::new(card.orientation, options.states.clone(), shape, own).ok_or_else(|| {
            error::shape(format!(
                "model {name_or_path}: it takes patches of {own}, not {shape}: cut patches of that size or open another model"
            ))
        })?;
        let (backend, bare) = (opened.backend, opened.bare);
        Ok(Self(Arc::new(Inner { card, bare, shape, preparation, backend, idle: Pool::default() })))
    }

    /// Number of coordinates of a point.
    pub fn dim(&self) -> usize {
        self.0.card.latent_dimension
    }

    /// What the model's author says about it.
    pub fn card(&self) -> &Card {
        &self.0.card
    }

    /// What runs it: `"fused-avx512"`, `"fused-avx2"`, `"fused-portable"` or `"tract"` for a network, `"builtin"` for
    /// `mean` and `radial`.
    pub fn backend(&self) -> &'static str {
        match &self.0.backend {
            Backend::Mean | Backend::Radial(_) => "builtin",
            #[cfg(feature = "fused")]
            Backend::Network(network) => network.backend(),
        }
    }

    /// What became of its file, in words.
    pub fn report(&self) -> Report {
        let report = match &self.0.backend {
            Backend::Mean | Backend::Radial(_) => {
                Report { chosen: "no network, as defined".into(), ..Report::default() }
            }
            #[cfg(feature = "fused")]
            Backend::Network(network) => network.report.clone(),
        };
        Report { prepared: self.0.preparation.told(self.0.shape), ..report }
    }

    /// Whether it is a network without a card: what [`card`](Self::card) says was made up from its input then.
    pub fn is_bare(&self) -> bool {
        self.0.bare
    }

    /// The shape of the patches it takes.
    pub fn shape(&self) -> Shape {
        self.0.shape
    }

    /// Writes the latent point of one patch to `point`, [`dim`](Self::dim) values. The densities are expected to be
    /// finite, as [`crate::patch::check_densities`] finds them: a network refuses others, `mean` answers an error too,
    /// `radial` may pass over what is not a number. After an error the values in `point` mean nothing.
    ///
    /// # Errors
    /// - [`ErrorKind::Shape`](crate::error::ErrorKind::Shape): the patch or `point` has another size.
    /// - [`ErrorKind::Value`](crate::error::ErrorKind::Value): the point is not finite, or a density is so far from the
    ///   training data (10^6 deviations) that a network must not see it.
    /// - [`ErrorKind::Model`](crate::error::ErrorKind::Model): the network fails on this patch.
    /// - What [`crate::patch::canonical`] answers, if the card asks for the canonical orientation.
    pub fn encode(&self, patch: PatchView<'_>, point: &mut [f32]) -> Result<()> {
        let inner = &*self.0;
        self.check_shape(patch)?;
        if point.len() != self.dim() {
            return Err(error::shape(format!(
                "room for {} coordinates was given, points of model {} have {}",
                point.len(),
                inner.card.name,
                self.dim()
            )));
        }
        if inner.preparation.is_idle() {
            self.encode_prepared(patch.densities, point)?;
        } else {
            let mut rooms = inner.idle.take().unwrap_or_default();
            rooms.resize_with(rooms.len().max(1), Workspace::default);
            let done = inner.preparation.apply(patch, &mut rooms[0]).and_then(|d| self.encode_prepared(d, point));
            inner.idle.put(rooms);
            done?;
        }
        self.check_point(point)
    }

    /// Encodes `patches` in order: coordinate `j` of patch `i` becomes `points[i * dim + j]`. The same values as from
    /// [`encode`](Self::encode), bit for bit.
    ///
    /// # Errors
    /// As [`encode`](Self::encode), for the first patch that has one, and its place in `patches`.
    pub fn encode_many(&self, patches: &[PatchView<'_>], points: &mut [f32]) -> Result<()> {
        if points.len() != patches.len() * self.dim() {
            return Err(error::shape(format!(
                "room for {} coordinates was given, {} points of model {} have {}",
                points.len(),
                patches.len(),
                self.0.card.name,
                patches.len() * self.dim()
            )));
        }
        let (patches_given, mut done) = (patches.len(), Ok(()));
        let mut rooms = self.0.idle.take().unwrap_or_default();
        rooms.resize_with(rooms.len().max(TOGETHER), Workspace::default);
        let parts = patches.chunks(TOGETHER).zip(points.chunks_mut(TOGETHER * self.dim())).enumerate();
        for (part, (patches, points)) in parts {
            done = self
                .encode_some(patches, points, &mut rooms)
                .map_err(|(at, error)| error.context(format!("patch {} of {}", part * TOGETHER + at, patches_given)));
            if done.is_err() {
                break;
            }
        }
        self.0.idle.put(rooms);
        done
    }

    /// Encodes up to 16 patches, or those before the first one that has an error, which it gives with its place.
    fn encode_some(
        &self,
        patches: &[PatchView<'_>],
        points: &mut [f32],
        rooms: &mut [Workspace],
    ) -> Result<(), (usize, error::Error)> {
        let mut prepared: [&[f32]; TOGETHER] = [&[]; TOGETHER];
        let (mut count, mut refused) = (patches.len(), None);
        for (at, ((patch, room), densities)) in patches.iter().zip(rooms).zip(&mut prepared).enumerate() {
            match self.check_shape(*patch).and_then(|()| self.0.preparation.apply(*patch, room)) {
                Ok(ready) => *densities = ready,
                Err(error) => {
                    (count, refused) = (at, Some((at, error)));
                    break;
                }
            }
        }
        let points = &mut points[..count * self.dim()];
        let done = self.encode_all(&prepared[..count], points);
        let sound = done.as_ref().map_or_else(|(at, _)| *at, |()| count);
        for (at, point) in points.chunks_exact(self.dim()).take(sound).enumerate() {
            self.check_point(point).map_err(|error| (at, error))?;
        }
        done?;
        refused.map_or(Ok(()), Err)
    }

    /// Encodes densities as the back-end sees them.
    fn encode_prepared(&self, densities: &[f32], point: &mut [f32]) -> Result<()> {
        match &self.0.backend {
            Backend::Mean => mean_concentrations(densities, point),
            Backend::Radial(radial) => radial.profiles(densities, point),
            #[cfg(feature = "fused")]
            Backend::Network(network) => network.run(densities, point)?,
        }
        Ok(())
    }

    /// The same of several, with the place of the first one that fails.
    fn encode_all(&self, patches: &[&[f32]], points: &mut [f32]) -> Result<(), (usize, error::Error)> {
        #[cfg(feature = "fused")]
        if let Backend::Network(network) = &self.0.backend {
            return network.run_many(patches, points);
        }
        let mut each = patches.iter().zip(points.chunks_exact_mut(self.dim())).enumerate();
        each.try_for_each(|(at, (patch, point))| self.encode_prepared(patch, point).map_err(|error| (at, error)))
    }

    fn check_shape(&self, patch: PatchView<'_>) -> Result<()> {
        let inner = &*self.0;
        if patch.shape == inner.shape && patch.densities.len() == inner.shape.len() {
            return Ok(());
        }
        Err(error::shape(format!(
            "a patch of {} with {} densities cannot be encoded by model {}, which takes {}: cut patches of that size",
            patch.shape,
            patch.densities.len(),
            inner.card.name,
            inner.shape
        )))
    }

    fn check_point(&self, point: &[f32]) -> Result<()> {
        match point.iter().position(|v| !v.is_finite()) {
            None => Ok(()),
            Some(j) => Err(error::value(format!(
                "coordinate {j} of the point that model {} makes of this patch is {}: look for densities far outside the training data",
                self.0.card.name, point[j]
            ))),
        }
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, shape) = (&self.0.card.name, self.0.shape);
        f.debug_struct("Model").field("name", name).field("shape", &shape).finish_non_exhaustive()
    }
}
