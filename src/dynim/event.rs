//! What the sampler answers: the outcome of an add, of an event, and the weights.
//!
//! Ranks are Euclidean distances (not squared) in the units of the latent space, from 0 to +infinity.
//! Not here: how they come about ([`super::Sampler`]).

/// What adding a point did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Added {
    /// The point is new and waits for its event.
    New,
    /// The same id with the same coordinates was there already; nothing changed.
    Known,
}

/// What one event did.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Position among the events of this sampler, from 0.
    pub number: u64,
    /// The step that the event was asked for.
    pub step: i64,
    /// Waiting points that became candidates.
    pub merged: usize,
    /// Candidates that left because more than `capacity` were there, the lowest first.
    pub discarded: Vec<Discarded>,
    /// Candidates that were selected, in the order of the picks.
    pub picks: Vec<Pick>,
}

/// One selected point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pick {
    /// The point's id.
    pub id: u64,
    /// Its rank when it was picked: in batch mode that of the event's one ranking. +infinity while S was empty.
    pub rank: f32,
    /// Its position in S, from 0.
    pub order: usize,
}

/// One discarded point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Discarded {
    /// The point's id.
    pub id: u64,
    /// Its rank at the event, against S before the event's picks.
    pub rank: f32,
}

/// How many points one selected point stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weight {
    /// The selected point's id.
    pub id: u64,
    /// 1 + the number of unselected points that are nearest to it: a whole number, at least 1.
    pub weight: f64,
    /// `weight` times the number of weights, over their sum: the mean of these is 1.
    pub normalised: f64,
}
