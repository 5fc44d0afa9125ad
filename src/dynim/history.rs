//! What happened to each point, row by row, for those who plot it or look into it.
//!
//! Rows are kept up to a bound that the sampler is told, from which the oldest are dropped and counted; a bound of 0
//! keeps none, as long runs want it. The owner drains them as often as it likes.
//! Not here: writing them to a file.

use std::collections::VecDeque;
use std::fmt;

use super::state::State;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// A new point.
    Added,
    /// Below the capacity of its queue.
    Discarded,
    /// Picked, or selected outright.
    Selected,
    /// A pick went to this state; never `Issued` by the pick itself, which is `Selected`.
    Became(State),
    /// No longer there, and its id is free.
    Withdrawn,
}

/// One row of the history. It is displayed as a line of [`HISTORY_HEAD`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HistoryRow {
    /// The event it was part of; otherwise the last one before it, -1 if there was none.
    pub event: i64,
    /// The step of the event or, outside of events, the step that the call named.
    pub step: i64,
    /// The point's id.
    pub id: u64,
    /// What happened.
    pub what: What,
    /// The scaled rank: of a discard or pick the one it happened at, of a pick's later states that of the pick, of a
    /// withdrawn candidate the last one. `None` where there is none.
    pub rank: Option<f32>,
}

/// The first line of a CSV file of rows.
pub const HISTORY_HEAD: &str = "event,step,id,what,rank";

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Added => f.write_str("added"),
            What::Discarded => f.write_str("discarded"),
            What::Selected => f.write_str("selected"),
            What::Became(state) => state.fmt(f),
            What::Withdrawn => f.write_str("withdrawn"),
        }
    }
}

impl fmt::Display for HistoryRow {
    /// A CSV line without its end. The rank reads back as the same float32; without one the field is empty.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { event, step, id, what, rank } = self;
        write!(f, "{event},{step},{id},{what},")?;
        rank.map_or(Ok(()), |rank| rank.fmt(f))
    }
}

/// The rows that were not drained yet.
#[derive(Debug, Clone)]
pub(super) struct History {
    bound: usize,
    rows: VecDeque<HistoryRow>,
    dropped: u64,
}

impl History {
    pub(super) fn new(bound: usize) -> Self {
        Self { bound, rows: VecDeque::new(), dropped: 0 }
    }

    pub(super) fn push(&mut self, row: HistoryRow) {
        if self.bound == 0 {
            return;
        }
        if self.rows.len() == self.bound {
            self.rows.pop_front();
            self.dropped += 1;
        }
        self.rows.push_back(row);
    }

    /// Removes the rows, oldest first.
    pub(super) fn drain(&mut self) -> impl ExactSizeIterator<Item = HistoryRow> {
        self.rows.drain(..)
    }

    /// The rows, oldest first.
    pub(super) fn rows(&self) -> &VecDeque<HistoryRow> {
        &self.rows
    }

    /// Has it go on after those that were kept and dropped before; more than the bound are dropped too.
    pub(super) fn go_on(&mut self, rows: impl IntoIterator<Item = HistoryRow>, dropped: u64) {
        self.dropped = dropped;
        rows.into_iter().for_each(|row| self.push(row));
    }

    /// How many rows were dropped, over all time.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}
