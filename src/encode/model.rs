//! A model: found by name or path, checked against its card, then run on patches from any number of threads.
//!
//! Patches are `densities[(y * nx + x) * channels + c]`, nm^-2; points are float32: a network's without a unit, `mean`'s in nm^-2, `radial`'s
//! in deviations.
//! Not here: the networks themselves ([`super::network`]) and the card's own checks ([`super::card`]).

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::card::{Card, Input, Layout, MAX_DIMENSION, Normalise, Turn};
use super::mean::mean_concentrations;
#[cfg(feature = "tract")]
use super::network::Network;
use super::radial::Radial;
use crate::error::{self, Error, Result};
use crate::patch::{PatchView, ProteinStates, Shape};

/// The most bytes of an `.onnx` file that are read.
const MAX_NETWORK_BYTES: u64 = 256 << 20;

/// The most bytes of a card that are read.
const MAX_CARD_BYTES: u64 = 16 << 20;

/// The built-in network, and its card.
#[cfg(feature = "tract")]
const METRIC: &[u8] = include_bytes!("../../models/metric-37x37x14.onnx");
const METRIC_CARD: &str = include_str!("../../models/metric-37x37x14.toml");

/// An encoder that is ready to use. Cloning is cheap and shares it; several threads may use one at once.
#[derive(Clone)]
pub struct Model(Arc<Inner>);

struct Inner {
    card: Card,
    shape: Shape,
    /// Protein states of the patches, which the canonical orientation looks at.
    #[cfg_attr(not(feature = "tract"), allow(dead_code))]
    states: ProteinStates,
    backend: Backend,
}

/// What turns a patch into a point.
enum Backend {
    Mean,
    Radial(Radial),
    #[cfg(feature = "tract")]
    Network(Network),
}

impl Model {
    /// Opens a model for patches of `shape` with the default protein states.
    ///
    /// `name_or_path` is one of
    /// - `mean`: the mean concentration of each channel, for any shape;
    /// - `radial`: radial profiles of the first 8 channels, for odd squares (37 x 37 points: 38 values a channel);
    /// - `metric`: the metric network for 37 x 37 x 14, with seeded, untrained params;
    /// - the path of a `NAME.onnx` that has its card `NAME.toml` beside it;
    /// - the path of a folder that holds exactly one `.onnx`.
    ///
    /// # Errors
    /// - [`ErrorKind::Io`](crate::error::ErrorKind::Io): there is no such file, or it cannot be read.
    /// - [`ErrorKind::Model`](crate::error::ErrorKind::Model): network or card are malformed or do not belong together.
    /// - [`ErrorKind::Version`](crate::error::ErrorKind::Version): the card has a format that this build cannot read.
    /// - [`ErrorKind::Shape`](crate::error::ErrorKind::Shape): the model takes patches of another shape.
    /// - [`ErrorKind::Unsupported`](crate::error::ErrorKind::Unsupported): a network, in a build without the cargo
    ///   feature `tract`, or `radial` for a grid that it is not defined on.
    pub fn open(name_or_path: &str, shape: Shape) -> Result<Self> {
        Self::open_with_states(name_or_path, shape, ProteinStates::default())
    }

    /// As [`Model::open`], for patches whose proteins have the states `states`.
    ///
    /// # Errors
    /// As [`Model::open`].
    pub fn open_with_states(name_or_path: &str, shape: Shape, states: ProteinStates) -> Result<Self> {
        let shape = Shape::new(shape.nx, shape.ny, shape.channels)?;
        let (card, backend) = match name_or_path {
            "mean" => (builtin_card("mean", shape, shape.channels)?, Backend::Mean),
            "radial" => open_radial(shape)?,
            "metric" => open_metric(shape).map_err(|e| e.context("model metric"))?,
            path => {
                let file = find_network(Path::new(path))?;
                open_files(&file, shape).map_err(|e| e.context(format!("model {}", file.display())))?
            }
        };
        Ok(Self(Arc::new(Inner { card, shape, states, backend })))
    }

    /// Number of coordinates of a point.
    pub fn dim(&self) -> usize {
        self.0.card.latent_dimension
    }

    /// What the model's author says about it.
    pub fn card(&self) -> &Card {
        &self.0.card
    }

    /// What runs it: `"tract"` for a network, `"builtin"` for `mean` and `radial`.
    pub fn backend(&self) -> &'static str {
        match self.0.backend {
            Backend::Mean | Backend::Radial(_) => "builtin",
            #[cfg(feature = "tract")]
            Backend::Network(_) => "tract",
        }
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
        if patch.shape != inner.shape || patch.densities.len() != inner.shape.len() {
            return Err(error::shape(format!(
                "a patch of {} with {} densities cannot be encoded by model {}, which takes {}: cut patches of that size",
                patch.shape,
                patch.densities.len(),
                inner.card.name,
                inner.shape
            )));
        }
        if point.len() != self.dim() {
            return Err(error::shape(format!(
                "room for {} coordinates was given, points of model {} have {}",
                point.len(),
                inner.card.name,
                self.dim()
            )));
        }
        match &inner.backend {
            Backend::Mean => mean_concentrations(patch.densities, point),
            Backend::Radial(radial) => radial.profiles(patch.densities, point),
            #[cfg(feature = "tract")]
            Backend::Network(network) => match inner.card.orientation {
                Turn::AsCut => network.run(patch.densities, point)?,
                Turn::Canonical => network.run(&canonical_densities(patch, &inner.states)?, point)?,
            },
        }
        match point.iter().position(|v| !v.is_finite()) {
            None => Ok(()),
            Some(j) => Err(error::value(format!(
                "coordinate {j} of the point that model {} makes of this patch is {}: look for densities far outside the training data",
                inner.card.name, point[j]
            ))),
        }
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
        for (i, (patch, point)) in patches.iter().zip(points.chunks_exact_mut(self.dim())).enumerate() {
            self.encode(*patch, point).map_err(|e| e.context(format!("patch {i} of {}", patches.len())))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, shape) = (&self.0.card.name, self.0.shape);
        f.debug_struct("Model").field("name", name).field("shape", &shape).finish_non_exhaustive()
    }
}

/// The card of an encoder without params: densities are taken as they are, channel by channel.
fn builtin_card(name: &str, shape: Shape, latent_dimension: usize) -> Result<Card> {
    if latent_dimension > MAX_DIMENSION {
        return Err(error::unsupported(format!(
            "the points of model {name} would have {latent_dimension} coordinates for patches of {shape}, {MAX_DIMENSION} are the most: use fewer channels or points"
        )));
    }
    Ok(Card {
        format: 1,
        name: name.into(),
        sha256: String::new(),
        trained: false,
        training: "No params, so nothing to train; densities are taken as they are, in nm^-2.".into(),
        orientation: Turn::AsCut,
        latent_dimension,
        input: Input { nx: shape.nx, ny: shape.ny, layout: Layout::Hwc, channels: Vec::new(), channel_weights: None },
        normalise: Normalise::Standardise { mean: vec![0.0; shape.channels], deviation: vec![1.0; shape.channels] },
        points: None,
        evaluation: BTreeMap::new(),
    })
}

/// Radial profiles are of standardised channels: the 14 default ones by the constants of the metric network's card,
/// others, of which nothing is known, as they are.
fn open_radial(shape: Shape) -> Result<(Card, Backend)> {
    let mut card = builtin_card("radial", shape, Radial::dim_of(shape)?)?;
    let metric = Card::parse(METRIC_CARD)?;
    if metric.input.channels.len() == shape.channels {
        card.training = "No params, so nothing to train; channels are standardised as the metric network's.".into();
        card.normalise = metric.normalise;
    }
    let [(_, mean), (_, deviation)] = card.normalise.constants();
    let radial = Radial::new(shape, mean, deviation)?;
    Ok((card, Backend::Radial(radial)))
}

/// The path of the `.onnx` that `path` means: itself, or the only one in the folder.
fn find_network(path: &Path) -> Result<PathBuf> {
    let is_network = |p: &Path| p.extension().is_some_and(|e| e == "onnx");
    let kind = fs::metadata(path).map_err(|e| {
        error::io(format!(
            "no model at {}: {e}; give mean, radial, metric, the path of a .onnx, or a folder with one in it",
            path.display()
        ))
    })?;
    if !kind.is_dir() {
        if !is_network(path) {
            return Err(error::argument(format!(
                "{} is not named as a network is: give the .onnx file, with its card NAME.toml beside it",
                path.display()
            )));
        }
        return Ok(path.into());
    }
    let failed = |e: std::io::Error| unreadable(path, &e);
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?.path();
        if is_network(&entry) {
            found.push(entry);
        }
    }
    match (found.pop(), found.len()) {
        (Some(only), 0) => Ok(only),
        (last, others) => Err(error::argument(format!(
            "folder {} holds {} .onnx files where exactly one is needed: give the path of the one you mean",
            path.display(),
            others + usize::from(last.is_some())
        ))),
    }
}

/// Reads the files of a model and puts them together.
fn open_files(network: &Path, shape: Shape) -> Result<(Card, Backend)> {
    let card = network.with_extension("toml");
    let text = String::from_utf8(read(&card, MAX_CARD_BYTES)?)
        .map_err(|_| error::model(format!("its card {} is not UTF-8 text", card.display())))?;
    let bytes = read(network, MAX_NETWORK_BYTES)?;
    open_bytes(&bytes, &text, shape)
}

/// Reads a plain file of at most `limit` bytes.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let failed = |e: std::io::Error| unreadable(path, &e);
    // Anything but a plain file, a pipe say, could keep the host waiting.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(error::model(format!("{} is not a plain file", path.display())));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|f| f.take(limit + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(error::model(format!("{} is larger than the {limit} bytes that are read", path.display())));
    }
    Ok(bytes)
}

fn unreadable(path: &Path, e: &std::io::Error) -> Error {
    error::io(format!("{} cannot be read: {e}", path.display()))
}

/// Checks a network's bytes and card against each other and against `shape`, and builds it.
fn open_bytes(bytes: &[u8], card: &str, shape: Shape) -> Result<(Card, Backend)> {
    let card = Card::parse(card)?;
    let own = card.shape()?;
    if own != shape {
        return Err(error::shape(format!(
            "it takes patches of {own}, not {shape}: cut patches of that size or open another model"
        )));
    }
    let sha256: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
    if !card.sha256.eq_ignore_ascii_case(&sha256) {
        return Err(error::model(format!(
            "its .onnx has {} bytes with sha256 {sha256}, its card says {}: one of the files is cut short, changed or another model's",
            bytes.len(),
            card.sha256
        )));
    }
    let backend = build(bytes, &card)?;
    Ok((card, backend))
}

#[cfg(feature = "tract")]
fn build(bytes: &[u8], card: &Card) -> Result<Backend> {
    Ok(Backend::Network(Network::load(bytes, card)?))
}

#[cfg(feature = "tract")]
fn open_metric(shape: Shape) -> Result<(Card, Backend)> {
    open_bytes(METRIC, METRIC_CARD, shape)
}

#[cfg(feature = "tract")]
fn canonical_densities(patch: PatchView<'_>, states: &ProteinStates) -> Result<Vec<f32>> {
    let mut densities = vec![0.0; patch.densities.len()];
    crate::patch::canonical(patch, states)?.densities(patch.shape, patch.densities, &mut densities)?;
    Ok(densities)
}

#[cfg(not(feature = "tract"))]
fn without_networks() -> Error {
    error::unsupported(
        "this build runs no networks: use mean or radial, or build patchstream with the cargo feature `tract`",
    )
}

#[cfg(not(feature = "tract"))]
fn build(_bytes: &[u8], _card: &Card) -> Result<Backend> {
    Err(without_networks())
}

#[cfg(not(feature = "tract"))]
fn open_metric(_shape: Shape) -> Result<(Card, Backend)> {
    Err(without_networks())
}
