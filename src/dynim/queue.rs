//! A queue at work: its sampler, its gates, and whose turn it is among several.
//!
//! Not here: what a queue is told once ([`super::layout`]), S and the history ([`super::Sampler`]).

use super::binned::Binned;
use super::candidates::Taken;
use super::known::Row;
use super::layout::{Gate, Kind, Layout, QueueConfig, Within};
use super::pool::{Importance, Pool, Random, World};
use super::random::{Generator, Ids, hash};

/// What a queue remembers beside its candidates and what it has in S.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Memory {
    /// State of its generator.
    pub seed: u64,
    /// Picks that are still to be drawn at random, at most the `min_random` of its settings.
    pub random_left: usize,
    /// Whether it was ever picked from.
    pub opened: bool,
}

/// One queue.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    config: QueueConfig,
    /// Its share of the selected, with those of all queues adding up to 1.
    target: f64,
    pool: Box<dyn Pool>,
    generator: Generator,
    /// Picks that are still to be drawn at random before the sampler's own rule holds.
    random_left: usize,
    /// The candidates, as long as `random_left` is not 0.
    ids: Ids,
    /// Whether it was ever picked from.
    opened: bool,
    /// Whether the picks of the present event may come from it.
    open: bool,
    /// Its points in S.
    selected: usize,
}

impl Queue {
    /// The queue at `at` of a layout that was checked.
    pub(super) fn new(layout: &Layout, at: usize) -> Self {
        let config = layout.queues[at].clone();
        let (dim, k) = (layout.dim, layout.k);
        // Two numbers of its own from the one seed.
        let salt = hash(layout.seed, 2 * at as u64);
        let generator = Generator::new(hash(layout.seed, 2 * at as u64 + 1));
        let pool: Box<dyn Pool> = match &config.kind {
            Kind::Importance => Box::new(Importance::new(dim, k)),
            Kind::Random => Box::new(Random::new(dim, k, salt)),
            Kind::Binned(binning) => Box::new(Binned::new(dim, k, salt, binning)),
        };
        let target = config.target / layout.queues.iter().map(|queue| queue.target).sum::<f64>();
        let random_left = config.min_random;
        Self {
            config,
            target,
            pool,
            generator,
            random_left,
            ids: Ids::default(),
            opened: false,
            open: false,
            selected: 0,
        }
    }

    /// What it was told once.
    pub(super) fn config(&self) -> &QueueConfig {
        &self.config
    }

    /// How many candidates it has.
    pub(super) fn len(&self) -> usize {
        self.pool.len()
    }

    /// How many of its points are in S.
    pub(super) fn selected(&self) -> usize {
        self.selected
    }

    /// Takes in that the picks of an event begin, of which some may come from it if its gate lets them.
    pub(super) fn begin(&mut self) {
        self.open = self.len() >= self.config.min_candidates || (self.opened && self.config.gate == Gate::First);
    }

    /// Takes in a candidate and its k smallest squared distances to S.
    pub(super) fn push(&mut self, row: Row<'_>, nearest: &[f32], world: World<'_>) {
        if self.random_left > 0 {
            self.ids.insert(row.id);
        }
        self.pool.push(row, nearest, world);
    }

    /// Removes the next pick, which the caller puts into S and [counts](Self::count).
    pub(super) fn pick(&mut self, world: World<'_>) -> Option<Taken> {
        self.opened = true;
        if self.random_left == 0 {
            return self.pool.pick(world, &mut self.generator);
        }
        let id = self.ids.draw(&mut self.generator)?;
        self.random_left -= 1;
        if self.random_left == 0 {
            self.ids = Ids::default();
        }
        self.pool.take(id, world)
    }

    /// Removes candidates down to the capacity, the first to go first.
    pub(super) fn discard(&mut self, world: World<'_>) -> Vec<Taken> {
        let discarded = self.pool.discard(self.config.capacity, world);
        for taken in &discarded {
            self.ids.remove(taken.id);
        }
        discarded
    }

    /// Removes a candidate.
    pub(super) fn take(&mut self, id: u64, world: World<'_>) -> Option<Taken> {
        self.ids.remove(id);
        self.pool.take(id, world)
    }

    /// Takes in that a point of this queue, of all its coordinates, went into S or left it.
    pub(super) fn count(&mut self, point: &[f32], entered: bool) {
        self.selected = if entered { self.selected + 1 } else { self.selected - 1 };
        self.pool.count(point, entered);
    }

    /// Takes in that something was picked from it which it was not asked for, as long as it is told of no candidates.
    pub(super) fn redo_pick(&mut self) {
        self.opened = true;
        let draws = match &self.config.kind {
            Kind::Importance => false,
            Kind::Random => true,
            Kind::Binned(binning) => binning.within == Within::Random,
        };
        if self.random_left > 0 || draws {
            // One number, however many candidates there were to draw from.
            self.generator.below(1);
        }
        self.random_left = self.random_left.saturating_sub(1);
    }

    /// What it remembers.
    pub(super) fn memory(&self) -> Memory {
        Memory { seed: self.generator.seed(), random_left: self.random_left, opened: self.opened }
    }

    /// Has it remember that, while it has no candidates.
    pub(super) fn remember(&mut self, memory: Memory) {
        self.generator = Generator::new(memory.seed);
        (self.random_left, self.opened) = (memory.random_left, memory.opened);
    }

    /// Takes in that S has lost a point.
    pub(super) fn restart(&mut self, world: World<'_>) {
        self.pool.restart(world);
    }
}

/// The queue that the next pick comes from: of those that are open and not empty the one with the largest
/// target * (N + 1) - count, the first of several; N counts the points of S of all queues, count those of its own.
pub(super) fn next(queues: &[Queue]) -> Option<usize> {
    let total: usize = queues.iter().map(Queue::selected).sum();
    let mut best: Option<(f64, usize)> = None;
    for (at, queue) in queues.iter().enumerate().filter(|(_, queue)| queue.open && queue.len() > 0) {
        let lack = queue.target * (total + 1) as f64 - queue.selected as f64;
        if best.is_none_or(|(most, _)| lack > most) {
            best = Some((lack, at));
        }
    }
    best.map(|(_, at)| at)
}
