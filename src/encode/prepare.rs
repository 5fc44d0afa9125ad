//! What is done to a patch before its encoder sees it: turned into the canonical orientation, made coarser.
//!
//! Not here: normalisation, which belongs to a network ([`super::normalise`]).

use super::card::Turn;
use crate::error::Result;
use crate::patch::{PatchView, ProteinStates, Shape, canonical, coarsen_37_to_5, coarsen_73_to_37};

/// Makes densities coarser, and gives their new shape.
type Coarsen = fn(Shape, &[f32], &mut [f32]) -> Result<Shape>;

/// What one model asks for.
pub(super) struct Preparation {
    turn: Turn,
    /// Protein states of the patches, which the canonical orientation looks at.
    states: ProteinStates,
    steps: &'static [Coarsen],
    /// The shape afterwards.
    to: Shape,
}

/// Room for the densities of one patch on their way.
#[derive(Default)]
pub(super) struct Workspace {
    from: Vec<f32>,
    to: Vec<f32>,
}

impl Preparation {
    /// From patches of `from` to those of `to`; `None` if there is no way.
    pub fn new(turn: Turn, states: ProteinStates, from: Shape, to: Shape) -> Option<Self> {
        let sides = |shape: Shape| (shape.nx == shape.ny).then_some(shape.nx);
        let steps: &[Coarsen] = match (sides(from), sides(to)) {
            _ if from == to => &[],
            _ if from.channels != to.channels => return None,
            (Some(73), Some(37)) => &[coarsen_73_to_37],
            (Some(37), Some(5)) => &[coarsen_37_to_5],
            (Some(73), Some(5)) => &[coarsen_73_to_37, coarsen_37_to_5],
            _ => return None,
        };
        Some(Self { turn, states, steps, to })
    }

    /// Whether it leaves patches as they are.
    pub fn is_idle(&self) -> bool {
        self.turn == Turn::AsCut && self.steps.is_empty()
    }

    /// What it does to patches of shape `from`, a sentence each.
    pub fn told(&self, from: Shape) -> Vec<String> {
        let mut told = Vec::new();
        if self.turn == Turn::Canonical {
            told.push("turned into the canonical orientation".into());
        }
        if !self.steps.is_empty() {
            told.push(format!("made coarser, from {from} to {}", self.to));
        }
        told
    }

    /// The densities that the encoder is to see.
    ///
    /// # Errors
    /// What [`canonical`] answers, if the card asks for the canonical orientation.
    pub fn apply<'a>(&self, patch: PatchView<'a>, room: &'a mut Workspace) -> Result<&'a [f32]> {
        if self.is_idle() {
            return Ok(patch.densities);
        }
        let mut shape = patch.shape;
        room.from.clear();
        room.from.extend_from_slice(patch.densities);
        room.to.resize(room.from.len(), 0.0);
        if self.turn == Turn::Canonical {
            canonical(patch, &self.states)?.densities(shape, patch.densities, &mut room.from)?;
        }
        for coarsen in self.steps {
            // Each step has as many channels and fewer pixels; the last one's shape is `to`.
            let length = if shape.nx == 73 { 37 * 37 } else { self.to.nx * self.to.ny } * shape.channels;
            room.to.resize(length, 0.0);
            shape = coarsen(shape, &room.from, &mut room.to)?;
            std::mem::swap(&mut room.from, &mut room.to);
        }
        Ok(&room.from)
    }
}
