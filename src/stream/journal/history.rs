//! The history of what lies behind a mark, made of the log: a host that goes back to the mark lost it.
//!
//! Rows are those that were drained then, in the same order, but that discards have no rank: the log has none.
//! Not here: rows of what happens from then on, which the sampler makes.

use std::collections::{HashMap, HashSet, VecDeque};

use super::records::{self, Event, LeftOut, Moved, Picked, Point, Withdrawn};
use crate::dynim::{HistoryRow, State, What};
use crate::error::Result;
use crate::ids;
use crate::store::{Record, Recovered};

/// The last `bound` rows of what the log has behind entry `after`, oldest first, and how many there were before them.
pub(super) fn behind(found: &Recovered, after: u64, bound: usize) -> Result<(VecDeque<HistoryRow>, u64)> {
    let mut rows = Rows { after, bound, event: -1, ..Rows::default() };
    if bound > 0 {
        let mut entries = found.records(1)?;
        while let Some(record) = entries.next()? {
            rows.read(record)?;
        }
    }
    Ok((rows.rows, rows.dropped))
}

/// Rows that are being made.
#[derive(Default)]
struct Rows {
    after: u64,
    bound: usize,
    rows: VecDeque<HistoryRow>,
    dropped: u64,
    /// The number of the last event; -1 before the first.
    event: i64,
    /// Of each pick, that of the last one if there were several.
    ranks: HashMap<u64, f32>,
    /// The host's ids of patches that were left out, of which there is no row.
    left_out: HashSet<u64>,
    point: Point,
}

impl Rows {
    fn read(&mut self, record: Record<'_>) -> Result<()> {
        let Record { sequence, kind, payload } = record;
        match kind {
            records::POINT if sequence > self.after => {
                self.point.view(payload)?;
                let (id, step) = (self.point.id, self.point.step);
                self.note(sequence, step, id, What::Added, None);
            }
            records::LEFT_OUT => {
                self.left_out.insert(LeftOut::view(payload)?.id);
            }
            records::EVENT => self.event(sequence, &Event::view(payload)?),
            records::STATE => {
                let Moved { id, step, to, .. } = Moved::view(payload)?;
                let rank = self.ranks.get(&id).copied();
                self.note(sequence, step, id, What::Became(to), rank);
            }
            records::WITHDRAWN => {
                let Withdrawn { id, step, .. } = Withdrawn::view(payload)?;
                if !self.left_out.remove(&ids::host(id)) {
                    self.note(sequence, step, id, What::Withdrawn, None);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn event(&mut self, sequence: u64, event: &Event) {
        let Event { number, step, .. } = *event;
        self.event = number as i64;
        for &id in &event.gone {
            self.note(sequence, step, id, What::Discarded, None);
        }
        for &Picked { id, rank, .. } in event.picks.iter().chain(&event.lost) {
            self.ranks.insert(id, rank);
            self.note(sequence, step, id, What::Selected, Some(rank));
        }
        for &Picked { id, rank, .. } in &event.lost {
            self.note(sequence, step, id, What::Became(State::Returned), Some(rank));
            self.note(sequence, step, id, What::Withdrawn, None);
        }
    }

    fn note(&mut self, sequence: u64, step: i64, id: u64, what: What, rank: Option<f32>) {
        if sequence <= self.after {
            return;
        }
        if self.rows.len() == self.bound {
            self.rows.pop_front();
            self.dropped += 1;
        }
        self.rows.push_back(HistoryRow { event: self.event, step, id, what, rank });
    }
}
