//! The messages as plain Rust values, owned. `patchstream.fbs` is the same list as bytes.
//!
//! Units: nm, us; a point has one value a latent dimension.
//! Not here: how they become bytes ([`super::Packer`]) and come back ([`super::messages`]).

use super::job::{Ask, Job, JobState, RdfSample, Refusal};
use crate::patch::{Constellation, Meta, Protein};

/// One message of a stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// All of a patch but its densities.
    Patch(PatchMeta),
    /// One selected patch.
    Selection(Selection),
    /// What one event selected.
    SelectionBatch(SelectionBatch),
    /// How many patches each selected one stands for.
    Weights(Weights),
    /// A job for a worker.
    Job(Box<Job>),
    /// What a worker measured.
    RdfSample(RdfSample),
    /// A worker asks for a job.
    Ask(Ask),
    /// A worker says where its job is.
    JobState(JobState),
    /// A worker gets no job, or has lost the one it had.
    Refusal(Refusal),
    /// A message that this reader passes over, by its number in the schema's `Body`: 7 is a feedback table, those over 10
    /// come from a newer writer.
    Other(u8),
}

/// All of a patch but its densities, owned.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchMeta {
    /// The patch's id.
    pub id: u64,
    /// The macro model's step that it was cut at.
    pub step: i64,
    /// The macro model's time in us.
    pub time_us: f64,
    /// Where in the macro model the centre pixel is, x and y in nm.
    pub center_nm: [f64; 2],
    /// How many RAS and RAF it holds.
    pub constellation: Constellation,
    /// Its proteins, relative to the centre pixel.
    pub proteins: Vec<Protein>,
    /// A name for people, never a key.
    pub label: Option<String>,
    /// What its rank is multiplied by; `None`: its queue's factor.
    pub factor: Option<f32>,
}

impl PatchMeta {
    /// The same, borrowed.
    pub fn meta(&self) -> Meta<'_> {
        Meta {
            id: self.id,
            step: self.step,
            time_us: self.time_us,
            center_nm: self.center_nm,
            proteins: &self.proteins,
            label: self.label.as_deref(),
            factor: self.factor,
        }
    }
}

/// One selected patch.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// The patch's id.
    pub id: u64,
    /// Mean distance to its nearest selected points when it was picked, times its factor; +infinity where nothing was
    /// selected before.
    pub rank: f32,
    /// Its position in S, the list of all selected, from 0.
    pub order: u32,
    /// The event that picked it.
    pub event: u64,
    /// Its latent point, one value a dimension.
    pub point: Vec<f32>,
    /// The macro model's step that it was cut at.
    pub step: i64,
    /// The macro model's time in us.
    pub time_us: f64,
    /// Where in the macro model the centre pixel is, x and y in nm.
    pub center_nm: [f64; 2],
    /// How many RAS and RAF it holds.
    pub constellation: Constellation,
    /// Its proteins, relative to the centre pixel.
    pub proteins: Vec<Protein>,
    /// A name for people, never a key.
    pub label: Option<String>,
    /// The queue that it was picked from, from 0.
    pub queue: u16,
    /// What a classifier calls it: the class of the highest probability, the first of equal ones.
    pub class_label: Option<String>,
    /// The probability of each class, in the order of the classifier's card; empty without a classifier.
    pub probabilities: Vec<f32>,
}

/// What one event selected.
#[derive(Debug, Clone, PartialEq)]
pub struct SelectionBatch {
    /// The event's number.
    pub event: u64,
    /// The step up to which patches were taken in before the pick.
    pub step: i64,
    /// In the order of the picks.
    pub selections: Vec<Selection>,
    /// Candidates in the queue after the event.
    pub candidates: u64,
    /// Patches selected in the whole run, these included.
    pub selected: u64,
    /// Patches discarded in the whole run.
    pub discarded: u64,
}

/// How many patches each selected one stands for. The three lists have one length.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// The number of events so far.
    pub event: u64,
    /// The selected patches.
    pub ids: Vec<u64>,
    /// 1 + the number of unselected points whose nearest selected point this is.
    pub weights: Vec<f64>,
    /// The same times the number of selected over their sum, so that the mean is 1.
    pub normalised: Vec<f64>,
}
