//! The sampler: points in, events out.
//!
//! Not here: what becomes of picks, and withdrawals ([`super::picks`]), weights ([`super::weighing`]), the answers'
//! types ([`super::event`]), the samplers' rules ([`super::pool`]).

use super::candidates::Taken;
use super::config::{Config, Mode};
use super::event::{Added, Discarded, Event, Pick, Stage};
use super::hands::{Alone, Hands};
use super::history::{History, HistoryRow, What};
use super::issued::Picks;
use super::kernels::Isa;
use super::known::Known;
use super::layout::{Layout, QueueConfig, Spaces, check_factor};
use super::pool::World;
use super::queue::{self, Queue};
use super::selected::Selected;
use super::state::{Selection, State};
use crate::error::{Result, argument, conflict, shape, value};
use crate::ids;

/// An exact DynIm sampler of one queue or several.
///
/// ```
/// use patchstream::dynim::{Config, Sampler};
///
/// let mut sampler = Sampler::new(Config::new(2))?;
/// sampler.add(1, 0, &[0.0, 0.0])?;
/// sampler.add(2, 0, &[0.1, 0.0])?;
/// sampler.add(3, 0, &[3.0, 4.0])?;
/// let event = sampler.select(0, 2);
/// assert_eq!(event.picks.iter().map(|pick| (pick.id, pick.rank)).collect::<Vec<_>>(), [(1, f32::INFINITY), (3, 5.0)]);
/// assert_eq!(sampler.weights()[0].weight, 2.0); // point 1 stands for itself and for point 2
/// # Ok::<(), patchstream::error::Error>(())
/// ```
///
/// Two queues that are to fill S three to one:
///
/// ```
/// use patchstream::dynim::{Layout, QueueConfig, Sampler};
///
/// let queue = |name, target| QueueConfig { target, ..QueueConfig::new(name) };
/// let layout = Layout { queues: vec![queue("one", 3.0), queue("two", 1.0)], ..Layout::new(1) };
/// let mut sampler = Sampler::with_layout(layout)?;
/// for id in 1..=20 {
///     sampler.add_to(id as usize % 2, id, 0, &[id as f32], None)?;
/// }
/// sampler.select(0, 8);
/// assert_eq!((sampler.selected_of(0), sampler.selected_of(1)), (6, 2));
/// # Ok::<(), patchstream::error::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sampler {
    pub(super) layout: Layout,
    config: Config,
    pub(super) known: Known,
    /// Step and row of the points no event has merged yet, in no particular order.
    pub(super) waiting: Vec<(i64, u32)>,
    pub(super) queues: Vec<Queue>,
    /// One S, or one for each queue.
    pub(super) spaces: Vec<Selected>,
    /// The selected ids of all queues, in the order in which they were selected.
    pub(super) order: Vec<u64>,
    /// The picks that were told, returned ones until they are picked again.
    pub(super) picks: Picks,
    pub(super) events: u64,
    pub(super) history: History,
}

impl Sampler {
    /// An empty sampler with one importance queue.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) when [`Config::check`] finds a field out of range.
    pub fn new(config: Config) -> Result<Self> {
        config.check()?;
        Self::with_layout(config.into())
    }

    /// An empty sampler with the queues of `layout`.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) when [`Layout::check`] finds a field out of range.
    pub fn with_layout(layout: Layout) -> Result<Self> {
        Self::with_instruction_set(layout, Isa::best())
    }

    /// As [`with_layout`](Self::with_layout), on an instruction set of the caller's choice: the answers are the same, bit
    /// for bit.
    ///
    /// # Errors
    /// Those of [`with_layout`](Self::with_layout).
    pub fn with_instruction_set(layout: impl Into<Layout>, isa: Isa) -> Result<Self> {
        let layout = layout.into();
        layout.check()?;
        let capacity = layout.queues.iter().fold(0_usize, |sum, queue| sum.saturating_add(queue.capacity));
        let spaces = if layout.spaces == Spaces::Joint { 1 } else { layout.queues.len() };
        Ok(Self {
            config: Config { dim: layout.dim, k: layout.k, capacity, mode: layout.mode },
            known: Known::new(layout.coordinates()),
            waiting: Vec::new(),
            queues: (0..layout.queues.len()).map(|at| Queue::new(&layout, at)).collect(),
            spaces: vec![Selected::new(layout.dim, isa); spaces],
            order: Vec::new(),
            picks: Picks::default(),
            events: 0,
            history: History::new(layout.history),
            layout,
        })
    }

    /// Adds a point of finite coordinates to the first queue, with that queue's rank factor; see [`add_to`](Self::add_to).
    ///
    /// # Errors
    /// Those of [`add_to`](Self::add_to).
    pub fn add(&mut self, id: u64, step: i64, point: &[f32]) -> Result<Added> {
        self.add_to(0, id, step, point, None)
    }

    /// Adds a point of `dim + extra` finite coordinates to a queue, where it waits for the first event at `step` or later.
    ///
    /// Its rank is multiplied by `factor`, positive and finite, or by the queue's if that is `None`; the total order is
    /// that of the product. Ids and steps may come in any order, a step also after its event. Adding a known id again
    /// with the same bits to the same queue changes nothing in whatever stage it is; its first step and factor stand.
    ///
    /// # Errors
    /// Nothing is changed by any of them. By [`ErrorKind`](crate::error::ErrorKind):
    /// - `Argument`: the id is 0 below its branch, or there is no such queue.
    /// - `Shape`: the point has another number of coordinates.
    /// - `Value`: a coordinate is NaN or infinite, or the factor is out of range.
    /// - `Conflict`: the id is known with other coordinates or in another queue.
    /// - `Memory`: 2^32 - 1 points are there.
    pub fn add_to(&mut self, queue: usize, id: u64, step: i64, point: &[f32], factor: Option<f32>) -> Result<Added> {
        factor.map_or(Ok(()), check_factor).map_err(|error| error.context(format!("patch {id}")))?;
        if self.check(queue, id, point)? == Added::Known {
            return Ok(Added::Known);
        }
        let factor = factor.unwrap_or(self.queues[queue].config().factor);
        let row = self.known.insert(id, queue, factor, Stage::Waiting, point)?;
        self.waiting.push((step, row));
        self.note(step, id, What::Added, None);
        Ok(Added::New)
    }

    /// One event: merges what waits for `step` or earlier, ranks all candidates, discards from each queue the lowest
    /// until its `capacity` remain, then picks up to `n`; fewer if there are fewer, or if gates are closed. `n` = 0
    /// merges and discards only.
    pub fn select(&mut self, step: i64, n: usize) -> Event {
        let mut event = self.arrive(step, &Alone);
        self.pick(&mut event, n);
        event
    }

    /// The first half of [`select`](Self::select): merges and discards, for those who time the two apart, or have threads
    /// to share the arrivals among. The answer is the same with any number of hands.
    pub fn arrive(&mut self, step: i64, hands: &dyn Hands) -> Event {
        let number = self.events;
        self.events += 1;
        let merged = self.merge(step, hands);
        let mut discarded = Vec::new();
        for at in 0..self.queues.len() {
            let (queue, world) = self.at_work(at);
            for Taken { id, row, rank } in queue.discard(world) {
                self.known.advance(row, Stage::Discarded);
                self.note(step, id, What::Discarded, Some(rank));
                discarded.push(Discarded { id, rank });
            }
        }
        Event { number, step, merged, discarded, picks: Vec::new() }
    }

    /// The second half: appends up to `n` picks to `event`, which is what the last [`arrive`](Self::arrive) gave.
    pub fn pick(&mut self, event: &mut Event, n: usize) {
        self.queues.iter_mut().for_each(Queue::begin);
        let mut rows = Vec::new();
        for _ in 0..n {
            let Some(queue) = queue::next(&self.queues) else { break };
            let (from, world) = self.at_work(queue);
            let Some(Taken { id, row, rank }) = from.pick(world) else { break };
            self.known.advance(row, Stage::Selected);
            self.queues[queue].count(self.known.row(row).point, true);
            // In batch mode S stands still until the last pick, so that all of them come from one ranking.
            match self.layout.mode {
                Mode::Sequential => self.enter_space(queue, row),
                Mode::Batch => rows.push((queue, row)),
            }
            event.picks.push(Pick { id, rank, order: self.order.len(), queue });
            self.order.push(id);
            self.issue(id, queue, Some(rank));
            self.note(event.step, id, What::Selected, Some(rank));
        }
        for (queue, row) in rows {
            self.enter_space(queue, row);
        }
    }

    /// The settings that all queues share; `capacity` is that of all queues together.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The settings it was made with.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The instruction set that it uses.
    pub fn isa(&self) -> Isa {
        self.spaces[0].isa()
    }

    /// How many points wait for their event.
    pub fn waiting(&self) -> usize {
        self.known.count(Stage::Waiting)
    }

    /// How many candidates there are.
    pub fn candidates(&self) -> usize {
        self.known.count(Stage::Candidate)
    }

    /// How many points are in S.
    pub fn selected(&self) -> usize {
        self.known.count(Stage::Selected)
    }

    /// How many points were discarded and not withdrawn, over all events.
    pub fn discarded(&self) -> usize {
        self.known.count(Stage::Discarded)
    }

    /// How many candidates a queue has; 0 if there is no such queue.
    pub fn candidates_of(&self, queue: usize) -> usize {
        self.queues.get(queue).map_or(0, Queue::len)
    }

    /// How many points of a queue are in S; 0 if there is no such queue.
    pub fn selected_of(&self, queue: usize) -> usize {
        self.queues.get(queue).map_or(0, Queue::selected)
    }

    /// How many events there have been: the number of the next one.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The selected ids of all queues, in the order in which they were selected.
    pub fn selected_ids(&self) -> impl ExactSizeIterator<Item = u64> {
        self.order.iter().copied()
    }

    /// The coordinates of a point in any stage.
    pub fn point(&self, id: u64) -> Option<&[f32]> {
        self.known.get(id).map(|row| row.point)
    }

    /// Where a point is; `None` if the id is not known.
    pub fn stage(&self, id: u64) -> Option<Stage> {
        self.known.get(id).map(|row| row.stage)
    }

    /// The queue of a point in any stage.
    pub fn queue(&self, id: u64) -> Option<usize> {
        self.known.get(id).map(|row| row.queue)
    }

    /// Whether the id is known, in any stage.
    pub fn contains(&self, id: u64) -> bool {
        self.known.get(id).is_some()
    }

    /// Removes the history rows that are kept, oldest first.
    pub fn drain_history(&mut self) -> impl ExactSizeIterator<Item = HistoryRow> {
        self.history.drain()
    }

    /// Forgets the history rows that are kept, and how many were dropped: whoever made this sampler again knows them.
    pub fn forget_history(&mut self) {
        self.history = History::new(self.layout.history);
    }

    /// How many history rows were dropped because more than the bound were there.
    pub fn history_dropped(&self) -> u64 {
        self.history.dropped()
    }

    /// Whether a point is new to `queue` or known there; errors as [`add_to`](Self::add_to) states them.
    pub(super) fn check(&self, queue: usize, id: u64, point: &[f32]) -> Result<Added> {
        self.check_point(queue, id, point)?;
        let Some(there) = self.known.get(id) else { return Ok(Added::New) };
        if let Some(at) = there.point.iter().zip(point).position(|(a, b)| a.to_bits() != b.to_bits()) {
            return Err(conflict(format!(
                "patch {id} is known with another point (coordinate {at} was {}, is {}): give it a new id",
                there.point[at], point[at]
            )));
        }
        if there.queue != queue {
            return Err(conflict(format!(
                "patch {id} is known in queue {}, and now goes to {queue}: route it as before, or give it a new id",
                there.queue
            )));
        }
        Ok(Added::Known)
    }

    /// Whether there can be such a point.
    pub(super) fn check_point(&self, queue: usize, id: u64, point: &[f32]) -> Result<()> {
        ids::check_public(id)?;
        self.check_queue(queue)?;
        let coordinates = self.layout.coordinates();
        if point.len() != coordinates {
            return Err(shape(format!(
                "the point of patch {id} has {} coordinates, this sampler takes {coordinates}: use the encoder it was \
                 made for",
                point.len()
            )));
        }
        if let Some(at) = point.iter().position(|x| !x.is_finite()) {
            return Err(value(format!(
                "coordinate {at} of the point of patch {id} is {}: look for a bad patch or encoder, and leave it out",
                point[at]
            )));
        }
        Ok(())
    }

    /// Whether there is such a queue.
    pub(super) fn check_queue(&self, queue: usize) -> Result<&QueueConfig> {
        self.queues.get(queue).map(Queue::config).ok_or_else(|| {
            argument(format!("queue {queue} is not there: this sampler has {}, counted from 0", self.queues.len()))
        })
    }

    /// The index in `spaces` that a queue's ranks are taken against.
    pub(super) fn space(&self, queue: usize) -> usize {
        if self.layout.spaces == Spaces::Joint { 0 } else { queue }
    }

    /// A queue to change, and what it looks at meanwhile.
    pub(super) fn at_work(&mut self, queue: usize) -> (&mut Queue, World<'_>) {
        let s = &self.spaces[self.space(queue)];
        (&mut self.queues[queue], World { s, known: &self.known, dim: self.layout.dim, k: self.layout.k })
    }

    /// Puts a known point into its queue's S.
    pub(super) fn enter_space(&mut self, queue: usize, row: u32) {
        let (space, row) = (self.space(queue), self.known.row(row));
        self.spaces[space].push(row.id, &row.point[..self.layout.dim]);
    }

    /// Begins the life of a pick.
    pub(super) fn issue(&mut self, id: u64, queue: usize, rank: Option<f32>) {
        let event = self.last_event();
        let state = State::Issued;
        self.picks.insert(Selection { id, queue, state, rank, event, was_started: false, failures: 0 });
    }

    /// The number of the event that goes on or was the last; -1 before the first.
    pub(super) fn last_event(&self) -> i64 {
        self.events as i64 - 1
    }

    /// Adds a row to the history.
    pub(super) fn note(&mut self, step: i64, id: u64, what: What, rank: Option<f32>) {
        self.history.push(HistoryRow { event: self.last_event(), step, id, what, rank });
    }
}
