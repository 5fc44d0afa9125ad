//! The classifier beside the encoder: what class a patch's lipids speak for, and whether its proteins agree.
//!
//! Source of the comparison: the fingerprint paper, 2.1 and table 1: patches with one RAS, or with one RAS-RAF complex,
//! whose state is that of its RAS.
//! Not here: the network ([`crate::encode`]), what is done with a class ([`super::operator`]).

use crate::encode::{Classes, Model, Normalise};
use crate::error::{Error, Result, model};
use crate::patch::{PatchView, Protein, ProteinKind, ProteinStates, Shape};

/// How far the probabilities of a patch of average densities may be from adding up to 1.
const SUM_TOLERANCE: f32 = 1e-3;

/// A model whose card names classes, and the classes of a stream's protein states.
pub(super) struct Classifier {
    model: Model,
    /// What people call each class.
    labels: Vec<String>,
    states: ProteinStates,
    /// The class of each protein state, by its number; `None` for one that no class stands for, RAF's among them.
    class_of_state: Vec<Option<usize>>,
}

/// What was classified so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    /// Patches taken in with their probabilities.
    pub(super) classified: u64,
    /// Those of them whose proteins are of a known class.
    pub(super) comparable: u64,
    /// Those of them that were classified as that.
    pub(super) agreed: u64,
}

impl Tally {
    /// Counts a patch: what it was classified as, and what is known of it.
    pub(super) fn count(&mut self, class: usize, known: Option<usize>) {
        self.classified += 1;
        self.comparable += u64::from(known.is_some());
        self.agreed += u64::from(known == Some(class));
    }
}

impl Classifier {
    /// Opens a model by name or path, for patches of `shape` with these channels and protein states.
    ///
    /// # Errors
    /// Those of [`Model::open`]; [`ErrorKind::Model`](crate::error::ErrorKind::Model) if its card names no classes, or
    /// its outputs are no probabilities; [`ErrorKind::Shape`](crate::error::ErrorKind::Shape) for other channels.
    pub(super) fn open(name: &str, shape: Shape, channels: &[String], states: &ProteinStates) -> Result<Self> {
        let open = || {
            let opened = Model::open_with_states(name, shape, states.clone())?;
            opened.card().check_channels(channels)?;
            let Some(classes) = &opened.card().classes else {
                return Err(model(format!(
                    "model {} is no classifier: its card has no [classes], which name a label and the protein states of \
                     each output; give a classifier, or add them",
                    opened.card().name
                )));
            };
            check_probabilities(&opened)?;
            let (labels, class_of_state) = (classes.labels.clone(), class_of_state(classes, states));
            Ok(Self { model: opened, labels, states: states.clone(), class_of_state })
        };
        open().map_err(|error: Error| error.context("classifier"))
    }

    /// The network and its card.
    pub(super) fn model(&self) -> &Model {
        &self.model
    }

    /// Writes the probability of each class to `probabilities`.
    ///
    /// # Errors
    /// Those of [`Model::encode`].
    pub(super) fn classify(&self, patch: PatchView<'_>, probabilities: &mut Vec<f32>) -> Result<()> {
        probabilities.resize(self.model.dim(), 0.0);
        self.model.encode(patch, probabilities).map_err(|error| error.context("classifier"))
    }

    /// What people call a class, by its number.
    pub(super) fn label(&self, class: usize) -> &str {
        &self.labels[class]
    }

    /// What the log is to say once: that classes stand for states which no RAS of the stream can have.
    pub(super) fn warning(&self) -> Option<String> {
        let compared =
            |name: &str| self.states.index(name).is_ok_and(|state| self.class_of_state[state as usize].is_some());
        let states = self.model.card().classes.as_ref()?.states.concat();
        let foreign: Vec<String> = states.into_iter().filter(|name| !compared(name)).collect();
        if foreign.is_empty() {
            return None;
        }
        Some(format!(
            "the classifier {} has classes of the states {}, which no RAS of this stream can have: nothing agrees with \
             them; check the states' names",
            self.model.card().name,
            foreign.join(", ")
        ))
    }

    /// The class of the state that a patch's proteins are in, if they are one RAS or one RAS-RAF complex, a bonded pair, and
    /// a class stands for that state.
    pub(super) fn known(&self, proteins: &[Protein]) -> Option<usize> {
        let ras = match proteins {
            // A RAF is in no class.
            [one] => one,
            [one, two] if one.partner == 1 && two.partner == 0 => {
                match (self.states.kind(one.state)?, self.states.kind(two.state)?) {
                    (ProteinKind::Ras, ProteinKind::Raf) => one,
                    (ProteinKind::Raf, ProteinKind::Ras) => two,
                    _ => return None,
                }
            }
            _ => return None,
        };
        *self.class_of_state.get(usize::try_from(ras.state).ok()?)?
    }
}

/// The class of the highest probability, the first of equal ones.
pub(super) fn most_likely(probabilities: &[f32]) -> usize {
    (1..probabilities.len())
        .fold(0, |best, class| if probabilities[class] > probabilities[best] { class } else { best })
}

/// The class of each protein state of a stream.
fn class_of_state(classes: &Classes, states: &ProteinStates) -> Vec<Option<usize>> {
    let class_of = |state: usize| {
        let state = state as i32;
        let name = states.name(state).filter(|_| states.kind(state) == Some(ProteinKind::Ras))?;
        classes.states.iter().position(|of_class| of_class.iter().any(|other| other == name))
    };
    (0..states.len()).map(class_of).collect()
}

/// Refuses a network that was exported without its softmax: its outputs would pass for probabilities.
fn check_probabilities(opened: &Model) -> Result<()> {
    let average: Vec<f32> = match &opened.card().normalise {
        Normalise::Standardise { mean, .. } => mean.iter().map(|&mean| mean as f32).collect(),
        Normalise::Range { offset, range } => offset.iter().zip(range).map(|(o, r)| (o + r / 2.0) as f32).collect(),
    };
    let shape = opened.shape();
    let densities: Vec<f32> = average.into_iter().cycle().take(shape.len()).collect();
    let mut outputs = vec![0.0; opened.dim()];
    opened.encode(PatchView { shape, densities: &densities, proteins: &[] }, &mut outputs)?;
    let sum: f32 = outputs.iter().sum();
    let unfit = outputs.iter().any(|&output| output < -SUM_TOLERANCE);
    if unfit || (sum - 1.0).abs() > SUM_TOLERANCE {
        return Err(model(format!(
            "the outputs of model {} are {outputs:?} for a patch of average densities, where probabilities are 0 or more \
             and add up to 1: export it with its softmax",
            opened.card().name
        )));
    }
    Ok(())
}
