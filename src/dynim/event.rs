//! What the sampler answers: the outcome of an add, of an event, and the weights.
//!
//! Ranks are Euclidean distances (not squared) in the units of the latent space, from 0 to +infinity, times the rank
//! factor of the point.
//! Not here: how they come about ([`super::Sampler`]).

/// What adding a point did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Added {
    /// The point is new and waits for its event.
    New,
    /// The same id with the same coordinates was there already; nothing changed.
    Known,
}

/// Where a point is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Added; no event at its step or later has come.
    Waiting,
    /// Merged by an event, and ranked; or returned.
    Candidate,
    /// In S.
    Selected,
    /// Below the capacity at some event; it only counts for weights.
    Discarded,
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
    /// Candidates that left because more than `capacity` were there: queue by queue, the lowest first; a random queue's in
    /// the order of their hashes, the largest first.
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
    /// Its position among the selected points of all queues, from 0.
    pub order: usize,
    /// The queue it came from.
    pub queue: usize,
}

/// One discarded point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Discarded {
    /// The point's id.
    pub id: u64,
    /// Its rank at the event, against S before the event's picks.
    pub rank: f32,
}

/// A point that is asked about, as a member of the population that weights are taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The point's id.
    pub id: u64,
    /// Its queue.
    pub queue: usize,
    /// Waiting, candidate or discarded.
    pub stage: Stage,
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
