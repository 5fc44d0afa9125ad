//! The card of a model: what `NAME.toml` beside `NAME.onnx` says about the network, and the check of every field.
//!
//! Densities are in nm^-2; latent coordinates have no unit. A field that the format does not know is refused, so that
//! a misspelt option is never silently left out.
//!
//! Not here: whether the network keeps what its card says (the network's own load checks that).

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;

use crate::error::{Result, model, shape, version};
use crate::patch::Shape;

/// The card format that this build reads.
const FORMAT: u32 = 1;

/// The largest latent dimension that a card may state.
pub(super) const MAX_DIMENSION: usize = 1024;

/// What a model's author says about it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Version of the card's own format: 1.
    pub format: u32,
    /// A name for people and summaries, not empty.
    pub name: String,
    /// SHA-256 of the `.onnx` file, 64 hexadecimal digits. Empty only for `mean` and `radial`, which have no file.
    pub sha256: String,
    /// Whether the params come from training; false for seeded ones and for encoders without params.
    pub trained: bool,
    /// One sentence: on which data, by whom and how the params were found, or why there was no training.
    pub training: String,
    /// Which of its eight orientations a patch is shown in.
    #[serde(default)]
    pub orientation: Turn,
    /// Number of coordinates of a latent point, 1 ..= 1024.
    pub latent_dimension: usize,
    /// What goes in.
    pub input: Input,
    /// How densities become the network's input.
    pub normalise: Normalise,
    /// How the points of the training data are spread, for hosts that look for drift.
    pub points: Option<Points>,
    /// What the values of a classifier's point stand for; they are probabilities then. Left out for other models.
    pub classes: Option<Classes>,
    /// Figures of merit by name, such as `nearest_neighbour_accuracy`; finite.
    #[serde(default)]
    pub evaluation: BTreeMap<String, f64>,
}

/// The tensor that a network takes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Grid points along x.
    pub nx: usize,
    /// Grid points along y.
    pub ny: usize,
    /// Order of the axes in memory.
    pub layout: Layout,
    /// Name of each channel in order, inner leaflet first; unique. Empty only for `mean` and `radial`, which take any.
    pub channels: Vec<String>,
    /// Factor on each normalised channel, one a channel, finite and not negative; all 1 if left out.
    pub channel_weights: Option<Vec<f64>>,
}

/// Order of the axes of the input tensor; a batch axis of 1 comes before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// `value[(c * ny + y) * nx + x]`, as PyTorch and burn have it.
    Chw,
    /// `value[(y * nx + x) * channels + c]`, as Keras has it.
    Hwc,
}

/// Which orientation of a patch an encoder is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// The patch as it was cut.
    #[default]
    AsCut,
    /// The canonical one of its eight orientations ([`crate::patch`]); odd square patches only.
    Canonical,
}

/// How a density becomes an input value, one pair of constants a channel, nm^-2.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Normalise {
    /// `(density - mean) / deviation`, as in the metric paper (A.2).
    Standardise {
        /// Mean density of each channel over the training data, nm^-2.
        mean: Vec<f64>,
        /// Standard deviation of each channel, nm^-2, above 0.
        deviation: Vec<f64>,
    },
    /// `(density - offset) / range`, as for the variational autoencoder of the dynim paper (Methods).
    Range {
        /// Density that becomes 0, nm^-2.
        offset: Vec<f64>,
        /// Dynamic range of each channel, nm^-2, above 0.
        range: Vec<f64>,
    },
}

/// The training data's points in latent space; `d` is the latent dimension.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Points {
    /// Mean point, `d` values.
    pub mean: Vec<f64>,
    /// Covariance, `d` rows of `d` values, symmetric.
    pub covariance: Vec<Vec<f64>>,
    /// A small sample of the points themselves, rows of `d` values.
    #[serde(default)]
    pub reference: Vec<Vec<f64>>,
}

/// The classes of a classifier, in the order of its point's values.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Classes {
    /// What people call each class; unique, not empty, one a latent coordinate.
    pub labels: Vec<String>,
    /// Names of the protein states that each class stands for, of a complex the state of its RAS; each in one class at most.
    /// A class without any is one that no known state agrees with.
    pub states: Vec<Vec<String>>,
}

impl Normalise {
    /// The constants: what is subtracted and what it is then divided by, with the names that the card gives them.
    pub(super) fn constants(&self) -> [(&'static str, &[f64]); 2] {
        match self {
            Self::Standardise { mean, deviation } => [("mean", mean), ("deviation", deviation)],
            Self::Range { offset, range } => [("offset", offset), ("range", range)],
        }
    }
}

impl Card {
    /// Reads a card from TOML text and checks every field.
    ///
    /// # Errors
    /// [`ErrorKind::Version`](crate::error::ErrorKind::Version) for a card of another format, else
    /// [`ErrorKind::Model`](crate::error::ErrorKind::Model) with the field at fault.
    pub fn parse(text: &str) -> Result<Self> {
        /// The format is read first, so that a newer card is called newer and not misspelt.
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let unreadable = |e: toml::de::Error| model(format!("the card cannot be read: {}", e.to_string().trim_end()));
        let head: Head = toml::from_str(text).map_err(unreadable)?;
        if head.format != FORMAT {
            return Err(version(format!(
                "the card has format {}, this build reads {FORMAT}: export the model again or use another build",
                head.format
            )));
        }
        let card: Self = toml::from_str(text).map_err(unreadable)?;
        card.check()?;
        Ok(card)
    }

    /// The shape of the patches that the network takes.
    ///
    /// # Errors
    /// [`ErrorKind::Model`](crate::error::ErrorKind::Model) if no patch can have the stated size.
    pub fn shape(&self) -> Result<Shape> {
        Shape::new(self.input.nx, self.input.ny, self.input.channels.len())
            .map_err(|e| model(format!("the card's input is no possible patch: {}", e.message())))
    }

    /// Checks that patches whose channels are named `names` are what the model was made for, in the same order.
    /// A built-in encoder takes any.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`](crate::error::ErrorKind::Shape) with the first channel that differs.
    pub fn check_channels(&self, names: &[String]) -> Result<()> {
        let own = &self.input.channels;
        if own.is_empty() || own == names {
            return Ok(());
        }
        let c = own.iter().zip(names).take_while(|(a, b)| a == b).count();
        let name = |list: &[String]| list.get(c).map_or("nothing".into(), |n| format!("`{n}`"));
        Err(shape(format!(
            "model {} has {} as channel {c} where the patches have {}: give the channels in the model's order, or open a model made for these",
            self.name,
            name(own),
            name(names)
        )))
    }

    /// Checks everything that can be checked without the network.
    fn check(&self) -> Result<()> {
        if self.name.is_empty() || self.training.is_empty() {
            return Err(model(
                "the card's `name` and `training` may not be empty: say what the model is and where its params come from",
            ));
        }
        if self.sha256.len() != 64 || !self.sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(model(format!("the card's sha256 `{}` is not 64 hexadecimal digits", self.sha256)));
        }
        if !(1..=MAX_DIMENSION).contains(&self.latent_dimension) {
            return Err(model(format!(
                "the card's latent_dimension {} is not in 1 ..= {MAX_DIMENSION}",
                self.latent_dimension
            )));
        }
        self.check_input()?;
        if let Some(points) = &self.points {
            points.check(self.latent_dimension)?;
        }
        if let Some(classes) = &self.classes {
            classes.check(self.latent_dimension)?;
        }
        for (name, figure) in &self.evaluation {
            finite(&format!("evaluation.{name}"), &[*figure], |_| String::new())?;
        }
        Ok(())
    }

    fn check_input(&self) -> Result<()> {
        let names = &self.input.channels;
        self.shape()?;
        let mut seen = HashSet::new();
        if let Some(twice) = names.iter().find(|n| n.is_empty() || !seen.insert(n.as_str())) {
            return Err(model(format!("the card's channel name `{twice}` is empty or given twice")));
        }
        if self.orientation == Turn::Canonical && (self.input.nx != self.input.ny || self.input.nx.is_multiple_of(2)) {
            return Err(model(format!(
                "the card asks for the canonical orientation of {} x {} points: only odd square patches have one, so use `as_cut`",
                self.input.nx, self.input.ny
            )));
        }
        let of_channel = |c: usize| format!(" of channel {}", names[c]);
        let lists = self.normalise.constants();
        let weights = self.input.channel_weights.as_deref().map(|w| ("channel_weights", w));
        for (what, list) in lists.into_iter().chain(weights) {
            length(what, list.len(), names.len())?;
            finite(what, list, of_channel)?;
        }
        let (what, divisors) = lists[1];
        // A divisor must survive float32 with its reciprocal: the normaliser multiplies by that.
        let unusable = |d: f64| d <= 0.0 || !(d as f32).is_normal() || !((1.0 / d) as f32).is_normal();
        if let Some(c) = divisors.iter().position(|&d| unusable(d)) {
            return Err(model(format!(
                "the card's {what}{} is {}, which nothing can be divided by: leave out a channel that never varies, or state a positive {what}",
                of_channel(c),
                divisors[c]
            )));
        }
        if let Some((_, list)) = weights {
            if let Some(c) = list.iter().position(|&w| w < 0.0) {
                return Err(model(format!("the card's channel_weights{} is {}, below 0", of_channel(c), list[c])));
            }
            if let Some(c) = (0..names.len()).find(|&c| !((list[c] / divisors[c]) as f32).is_finite()) {
                return Err(model(format!(
                    "the card's channel_weights{} is {}, which over its {what} {} is no finite float32: state a smaller one",
                    of_channel(c),
                    list[c],
                    divisors[c]
                )));
            }
        }
        Ok(())
    }
}

impl Classes {
    fn check(&self, dimension: usize) -> Result<()> {
        length("classes.labels", self.labels.len(), dimension)?;
        length("classes.states", self.states.len(), dimension)?;
        for (what, names) in [("label", &self.labels), ("state", &self.states.concat())] {
            let mut seen = HashSet::new();
            if let Some(twice) = names.iter().find(|n| n.is_empty() || !seen.insert(n.as_str())) {
                return Err(model(format!("the card's classes have a {what} `{twice}` that is empty or given twice")));
            }
        }
        Ok(())
    }
}

impl Points {
    fn check(&self, dimension: usize) -> Result<()> {
        let coordinate = |j: usize| format!(", coordinate {j}");
        length("points.mean", self.mean.len(), dimension)?;
        finite("points.mean", &self.mean, coordinate)?;
        length("points.covariance", self.covariance.len(), dimension)?;
        for (what, rows) in [("points.covariance", &self.covariance), ("points.reference", &self.reference)] {
            for row in rows {
                length(what, row.len(), dimension)?;
                finite(what, row, coordinate)?;
            }
        }
        for i in 0..dimension {
            for j in 0..=i {
                let (a, b) = (self.covariance[i][j], self.covariance[j][i]);
                if (a - b).abs() > 1e-6 * (a.abs() + b.abs()) || (i == j && a < 0.0) {
                    return Err(model(format!(
                        "the card's points.covariance is none: ({i}, {j}) is {a}, ({j}, {i}) is {b}"
                    )));
                }
            }
        }
        Ok(())
    }
}

fn length(what: &str, found: usize, wanted: usize) -> Result<()> {
    if found != wanted {
        return Err(model(format!("the card's {what} has {found} entries where {wanted} are needed")));
    }
    Ok(())
}

fn finite(what: &str, values: &[f64], place: impl Fn(usize) -> String) -> Result<()> {
    // Beyond float32 is as bad as infinite, since all arithmetic on points and inputs is in float32.
    match values.iter().position(|&v| !(v as f32).is_finite()) {
        Some(i) => Err(model(format!("the card's {what}{} is {}, not a finite float32", place(i), values[i]))),
        None => Ok(()),
    }
}
