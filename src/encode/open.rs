//! Opening a model: by a built-in's name, by the path of a network with its card, or of one without.
//!
//! Not here: running it ([`super::model`]), the card's own checks ([`super::card`]).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::card::{Card, Input, Layout, MAX_DIMENSION, Normalise, Turn};
use super::model::Backend;
#[cfg(feature = "fused")]
use super::network::{Network, bare_input};
#[cfg(feature = "fused")]
use super::plan::Isa;
use super::radial::Radial;
use crate::error::{self, Error, Result};
use crate::patch::{ProteinStates, Shape};

/// The most bytes of an `.onnx` file that are read.
const MAX_NETWORK_BYTES: u64 = 256 << 20;

/// The most bytes of a card that are read.
const MAX_CARD_BYTES: u64 = 16 << 20;

/// The built-in networks, each with its card.
#[cfg(feature = "fused")]
const METRIC: &[u8] = include_bytes!("../../models/metric-37x37x14.onnx");
const METRIC_CARD: &str = include_str!("../../models/metric-37x37x14.toml");
#[cfg(feature = "fused")]
const FINGERPRINT: &[u8] = include_bytes!("../../models/fingerprint-37x37x14.onnx");
#[cfg(feature = "fused")]
const FINGERPRINT_CARD: &str = include_str!("../../models/fingerprint-37x37x14.toml");

/// How a model is to be opened.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OpenOptions {
    /// What is to run a network.
    pub backend: BackendChoice,
    /// The instruction set of the fused plan; the fastest if none is named. Points of two may differ in the last bits.
    #[cfg(feature = "fused")]
    pub isa: Option<Isa>,
    /// Whether an `.onnx` without a card is taken as it is, without normalisation.
    pub bare: bool,
    /// Protein states of the patches, which the canonical orientation looks at.
    pub states: ProteinStates,
}

/// What is to run a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BackendChoice {
    /// The fused plan if it covers the network, otherwise tract.
    #[default]
    Auto,
    /// The fused plan.
    Fused,
    /// tract, on the folded graph where that can be folded.
    Tract,
    /// tract, on the graph as it is in the file: what the others are compared with.
    AsExported,
}

/// What became of a network's file, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What is done to a patch before its network sees it, a sentence each.
    pub prepared: Vec<String>,
    /// What folding did, a sentence each.
    pub folded: Vec<String>,
    /// Which back-end runs the network, and why.
    pub chosen: String,
}

/// What was opened.
pub(super) struct Opened {
    pub card: Card,
    pub backend: Backend,
    /// Whether there is no card but one that was made up from the network's input.
    pub bare: bool,
}

/// Opens what `name_or_path` means, for patches of `shape` where that says nothing of it.
pub(super) fn open(name_or_path: &str, shape: Option<Shape>, options: &OpenOptions) -> Result<Opened> {
    let any =
        || shape.ok_or_else(|| error::argument(format!("model {name_or_path} is for patches of any size: say which")));
    let built_in = |(card, backend)| Opened { card, backend, bare: false };
    match name_or_path {
        "mean" => Ok(built_in((builtin_card("mean", any()?, any()?.channels)?, Backend::Mean))),
        "radial" => open_radial(any()?).map(built_in),
        "metric" | "fingerprint" => {
            open_built_in(name_or_path, options).map(built_in).map_err(|e| e.context(format!("model {name_or_path}")))
        }
        path => {
            let file = find_network(Path::new(path))?;
            open_files(&file, options).map_err(|e| e.context(format!("model {}", file.display())))
        }
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
        classes: None,
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
            "no model at {}: {e}; give mean, radial, metric, fingerprint, the path of a .onnx, or a folder with one in it",
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
fn open_files(network: &Path, options: &OpenOptions) -> Result<Opened> {
    let card = network.with_extension("toml");
    let missing = |e: std::io::Error| e.kind() == std::io::ErrorKind::NotFound;
    if options.bare && fs::symlink_metadata(&card).is_err_and(missing) {
        let name = network.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        return open_bare(&read(network, MAX_NETWORK_BYTES)?, &name, options);
    }
    let text = String::from_utf8(read(&card, MAX_CARD_BYTES)?)
        .map_err(|_| error::model(format!("its card {} is not UTF-8 text", card.display())))?;
    let bytes = read(network, MAX_NETWORK_BYTES)?;
    let (card, backend) = open_bytes(&bytes, &text, options)?;
    Ok(Opened { card, backend, bare: false })
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

/// Checks a network's bytes and card against each other, and builds it.
fn open_bytes(bytes: &[u8], card: &str, options: &OpenOptions) -> Result<(Card, Backend)> {
    let card = Card::parse(card)?;
    let sha256: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
    if !card.sha256.eq_ignore_ascii_case(&sha256) {
        return Err(error::model(format!(
            "its .onnx has {} bytes with sha256 {sha256}, its card says {}: one of the files is cut short, changed or another model's",
            bytes.len(),
            card.sha256
        )));
    }
    let (backend, outputs) = build(bytes, &card, options)?;
    if outputs != card.latent_dimension {
        return Err(error::model(format!(
            "its output has {outputs} values where the card says a point of {}",
            card.latent_dimension
        )));
    }
    Ok((card, backend))
}

/// Takes a network as it is: the shape that its input says, no normalisation.
#[cfg(feature = "fused")]
fn open_bare(bytes: &[u8], name: &str, options: &OpenOptions) -> Result<Opened> {
    let input = bare_input(bytes)?;
    let shape = Shape::new(input.nx, input.ny, input.channels)?;
    let mut card = builtin_card(name, shape, 1)?;
    card.training = "No card: nothing is known of it.".into();
    card.input.layout = input.layout;
    let (backend, outputs) = build(bytes, &card, options)?;
    if outputs > MAX_DIMENSION {
        return Err(error::unsupported(format!("its output has {outputs} values, {MAX_DIMENSION} are the most")));
    }
    card.latent_dimension = outputs;
    Ok(Opened { card, backend, bare: true })
}

#[cfg(feature = "fused")]
fn build(bytes: &[u8], card: &Card, options: &OpenOptions) -> Result<(Backend, usize)> {
    let network = Network::load(bytes, card, options.backend, options.isa.unwrap_or_else(Isa::best))?;
    let outputs = network.outputs();
    Ok((Backend::Network(Box::new(network)), outputs))
}

/// `metric`, or else `fingerprint`.
#[cfg(feature = "fused")]
fn open_built_in(name: &str, options: &OpenOptions) -> Result<(Card, Backend)> {
    let (bytes, card) = if name == "metric" { (METRIC, METRIC_CARD) } else { (FINGERPRINT, FINGERPRINT_CARD) };
    open_bytes(bytes, card, options)
}

#[cfg(not(feature = "fused"))]
fn without_networks() -> Error {
    error::unsupported(
        "this build runs no networks: use mean or radial, or build patchstream with the cargo feature `fused` or `tract`",
    )
}

#[cfg(not(feature = "fused"))]
fn open_bare(_bytes: &[u8], _name: &str, _options: &OpenOptions) -> Result<Opened> {
    Err(without_networks())
}

#[cfg(not(feature = "fused"))]
fn build(_bytes: &[u8], _card: &Card, _options: &OpenOptions) -> Result<(Backend, usize)> {
    Err(without_networks())
}

#[cfg(not(feature = "fused"))]
fn open_built_in(_name: &str, _options: &OpenOptions) -> Result<(Card, Backend)> {
    Err(without_networks())
}

impl Opened {
    /// The shape of the patches that the back-end takes.
    pub fn shape(&self) -> Result<Shape> {
        let Input { nx, ny, .. } = self.card.input;
        let [(_, offset), _] = self.card.normalise.constants();
        Shape::new(nx, ny, offset.len())
    }
}
