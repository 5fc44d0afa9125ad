//! Making a sampler again: of a snapshot and the points, and of outcomes that were logged, without deciding anything anew.
//!
//! Ranks are exact values of a definition, so none is kept: [`Recovery::finish`] makes all of them at once. Whatever the
//! sampler that it makes decides is, bit for bit, what the one would have decided that was lost.
//! Not here: what is in a snapshot ([`super::snapshot`]), files, and in which order what was logged ([`crate::stream`]).

use super::event::{Added, Pick, Stage};
use super::hands::{Alone, Hands};
use super::history::What;
use super::layout::{Layout, check_factor};
use super::remember;
use super::sampler::Sampler;
use super::snapshot::Snapshot;
use super::state::State;
use crate::error::{Error, Result, corrupt, state};

/// A point as it was added, or selected outright.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PointRow<'a> {
    /// Its id.
    pub id: u64,
    /// The step that it was added with; of a point that a snapshot knows it is not looked at.
    pub step: i64,
    /// Its queue.
    pub queue: usize,
    /// What its ranks are multiplied by: that of the call or, if it gave none, that of the queue.
    pub factor: f32,
    /// All its coordinates.
    pub point: &'a [f32],
}

/// What one event did: all that a log has to hold of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome<'a> {
    /// [`Event::number`](super::Event::number).
    pub number: u64,
    /// [`Event::step`](super::Event::step).
    pub step: i64,
    /// [`Event::merged`](super::Event::merged): a check that the log is complete.
    pub merged: usize,
    /// The ids of [`Event::discarded`](super::Event::discarded); only the history shows their order. Their ranks are not
    /// needed: the history of an event that is redone has none for them.
    pub discarded: &'a [u64],
    /// [`Event::picks`](super::Event::picks).
    pub picks: &'a [Pick],
}

/// A sampler that is being made again.
///
/// First the points of the snapshot, if there is one, as many as [`expected`](Self::expected) says, in the order in which
/// they were added, withdrawn ones and those that were selected outright included. Then, in their order, the calls that
/// were logged after it. After an error of one of these it is as it was before the call.
///
/// ```
/// use patchstream::dynim::{Alone, Config, Outcome, PointRow, Recovery, Sampler};
///
/// let xs = [0.0_f32, 1.0, 5.0];
/// let row = |id: u64| PointRow { id, step: 0, queue: 0, factor: 1.0, point: &xs[id as usize - 1..][..1] };
/// let mut sampler = Sampler::new(Config::new(1))?;
/// for id in 1..=2 {
///     sampler.add(id, 0, row(id).point)?;
/// }
/// sampler.select(0, 1);
/// let snapshot = sampler.snapshot();
/// sampler.add(3, 0, row(3).point)?;
/// let event = sampler.select(0, 1);
///
/// let mut recovery = Recovery::with_snapshot(sampler.layout().clone(), snapshot)?;
/// for id in 1..=3 {
///     recovery.add(row(id))?;
/// }
/// let (number, step, merged) = (event.number, event.step, event.merged);
/// recovery.event(&Outcome { number, step, merged, discarded: &[], picks: &event.picks })?;
/// let mut again = recovery.finish(&Alone)?;
/// assert_eq!(again.select(0, 1), sampler.select(0, 1));
/// # Ok::<(), patchstream::error::Error>(())
/// ```
#[derive(Debug)]
pub struct Recovery {
    /// Without candidates in its queues.
    sampler: Sampler,
    /// What is still to be told to the sampler, once all points are there.
    snapshot: Option<Snapshot>,
    /// Row and rank factor of the snapshot's points, where that is not 1.
    factors: Vec<(u32, f32)>,
    /// Why the snapshot and its points do not belong together.
    broken: Option<Error>,
}

impl Recovery {
    /// Of logged calls alone, from the first.
    ///
    /// # Errors
    /// Those of [`Sampler::with_layout`].
    pub fn new(layout: impl Into<Layout>) -> Result<Self> {
        Ok(Self { sampler: Sampler::with_layout(layout.into())?, snapshot: None, factors: Vec::new(), broken: None })
    }

    /// Of a snapshot, and of the calls that were logged after it.
    ///
    /// # Errors
    /// Those of [`Sampler::with_layout`], and `Conflict` if the layout is not that of the snapshot; only names, and how
    /// many history rows are kept, may differ.
    pub fn with_snapshot(layout: impl Into<Layout>, snapshot: Snapshot) -> Result<Self> {
        let mut recovery = Self::new(layout)?;
        remember::check_layout(&recovery.sampler.layout, &snapshot.layout)?;
        recovery.sampler.known.reserve(snapshot.points);
        recovery.snapshot = Some(snapshot);
        recovery.settle()?;
        Ok(recovery)
    }

    /// How many points of the snapshot are still to come.
    pub fn expected(&self) -> usize {
        self.snapshot.as_ref().map_or(0, |snapshot| snapshot.points.saturating_sub(self.sampler.known.rows()))
    }

    /// The next point that was added.
    ///
    /// # Errors
    /// Those of [`Sampler::add_to`]; of one that the snapshot knows, no `Conflict`, but with the last of them `Corrupt`
    /// if the points are not those of the snapshot: then nothing can be made of the two.
    pub fn add(&mut self, row: PointRow<'_>) -> Result<Added> {
        let PointRow { id, step, queue, factor, point } = row;
        if self.expected() == 0 {
            return self.settled()?.add_to(queue, id, step, point, Some(factor));
        }
        check_factor(factor).map_err(|error| error.context(format!("patch {id}")))?;
        self.sampler.check_point(queue, id, point)?;
        let at = self.sampler.known.insert_last(id, queue, Stage::Discarded, point)?;
        if factor != 1.0 {
            self.factors.push((at, factor));
        }
        self.settle()?;
        Ok(Added::New)
    }

    /// A point that was selected outright, after those of the snapshot.
    ///
    /// # Errors
    /// Those of [`Sampler::select_outright_in`], and `State` while points of the snapshot are expected.
    pub fn select_outright(&mut self, row: PointRow<'_>) -> Result<usize> {
        self.settled()?.select_outright_in(row.queue, row.id, row.step, row.point)
    }

    /// A change of state; `false` if it was there already.
    ///
    /// # Errors
    /// Those of [`Sampler::set_state`], and `State` while points of the snapshot are expected.
    pub fn set_state(&mut self, id: u64, to: State, step: i64) -> Result<bool> {
        let sampler = self.settled()?;
        let changed = sampler.move_pick(id, to, step)?;
        if changed && to == State::Returned {
            sampler.leave_s(id);
        }
        Ok(changed)
    }

    /// A withdrawal. Its row of the history has no rank.
    ///
    /// # Errors
    /// Those of [`Sampler::withdraw`], and `State` while points of the snapshot are expected.
    pub fn withdraw(&mut self, id: u64, step: i64) -> Result<()> {
        self.settled()?.withdraw(id, step)
    }

    /// An event.
    ///
    /// # Errors
    /// `Corrupt` if it cannot follow what is there: another number, other points that wait, a discard or pick that was no
    /// candidate. `State` while points of the snapshot are expected.
    pub fn event(&mut self, outcome: &Outcome<'_>) -> Result<()> {
        let sampler = self.settled()?;
        let Outcome { number, step, merged, discarded, picks } = *outcome;
        if number != sampler.events {
            return Err(corrupt(format!(
                "the log has event {number} where {} is next: records are missing, verify the run",
                sampler.events
            )));
        }
        let due: Vec<u32> = sampler.waiting.iter().filter(|(of, _)| *of <= step).map(|&(_, row)| row).collect();
        if due.len() != merged {
            return Err(corrupt(format!(
                "event {number} merged {merged} points and {} wait for it: records are missing, verify the run",
                due.len()
            )));
        }
        // Merged first, since what is discarded or picked may be among them.
        due.iter().for_each(|&row| sampler.known.advance(row, Stage::Candidate));
        let left = match candidates(sampler, outcome) {
            Ok(rows) => rows,
            Err(error) => {
                due.iter().for_each(|&row| sampler.known.advance(row, Stage::Waiting));
                return Err(error);
            }
        };
        sampler.waiting.retain(|(of, _)| *of > step);
        sampler.events += 1;
        let (gone, taken) = left.split_at(discarded.len());
        for (&id, &row) in discarded.iter().zip(gone) {
            sampler.known.advance(row, Stage::Discarded);
            sampler.note(step, id, What::Discarded, None);
        }
        for (&Pick { id, rank, queue, .. }, &row) in picks.iter().zip(taken) {
            sampler.known.advance(row, Stage::Selected);
            sampler.queues[queue].redo_pick();
            sampler.queues[queue].count(sampler.known.row(row).point, true);
            sampler.enter_space(queue, row);
            sampler.order.push(id);
            sampler.issue(id, queue, Some(rank));
            sampler.note(step, id, What::Selected, Some(rank));
        }
        Ok(())
    }

    /// The sampler, with the ranks of all candidates. `hands` share that work.
    ///
    /// # Errors
    /// `State` while points of the snapshot are expected.
    pub fn finish(mut self, hands: &dyn Hands) -> Result<Sampler> {
        self.settled()?;
        let rows = self.sampler.known.in_stage(Stage::Candidate);
        self.sampler.enter_queues(rows, hands);
        Ok(self.sampler)
    }

    /// Tells the snapshot to the sampler, if all points are there.
    fn settle(&mut self) -> Result<()> {
        if self.expected() == 0
            && let Some(snapshot) = self.snapshot.take()
        {
            let remembered = remember::remember(&mut self.sampler, snapshot, std::mem::take(&mut self.factors));
            self.broken = remembered.as_ref().err().cloned();
            return remembered;
        }
        Ok(())
    }

    /// The sampler, if all points of the snapshot are there.
    fn settled(&mut self) -> Result<&mut Sampler> {
        match (&self.broken, self.expected()) {
            (Some(error), _) => Err(error.clone()),
            (None, 0) => Ok(&mut self.sampler),
            (None, missing) => {
                Err(state(format!("{missing} points of the snapshot are still to come: add them first")))
            }
        }
    }
}

/// The rows of what an event discarded, then of what it picked, each of them a candidate that is named once.
fn candidates(sampler: &Sampler, outcome: &Outcome<'_>) -> Result<Vec<u32>> {
    let discarded = outcome.discarded.iter().map(|&id| (id, None));
    let picked = outcome.picks.iter().map(|pick| (pick.id, Some(pick.queue)));
    let row_of = |(id, queue): (u64, Option<usize>)| {
        let there = sampler.known.get(id).filter(|row| row.stage == Stage::Candidate);
        there.filter(|row| queue.is_none_or(|queue| row.queue == queue)).map(|row| row.at).ok_or_else(|| {
            corrupt(format!(
                "event {} discarded or picked patch {id}, which is no candidate there: verify the run",
                outcome.number
            ))
        })
    };
    let rows: Vec<u32> = discarded.chain(picked).map(row_of).collect::<Result<_>>()?;
    let mut sorted = rows.clone();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(corrupt(format!("event {} discarded or picked a patch twice: verify the run", outcome.number)));
    }
    let wrong = outcome.picks.iter().zip(sampler.order.len()..).find(|(pick, order)| pick.order != *order);
    if let Some((pick, order)) = wrong {
        return Err(corrupt(format!(
            "event {} picked patch {} as number {} where {order} is next: records are missing, verify the run",
            outcome.number, pick.id, pick.order
        )));
    }
    Ok(rows)
}

impl Sampler {
    /// A sampler of a snapshot and of its points, in the order in which they were added: a [`Recovery`] without a log.
    ///
    /// # Errors
    /// Those of [`Recovery`].
    pub fn restore<'a>(
        layout: impl Into<Layout>,
        points: impl IntoIterator<Item = PointRow<'a>>,
        snapshot: Snapshot,
    ) -> Result<Self> {
        let mut recovery = Recovery::with_snapshot(layout, snapshot)?;
        for row in points {
            recovery.add(row)?;
        }
        recovery.finish(&Alone)
    }
}
