//! The slow obvious twin of the sampler: everything from the definitions, anew at each step, in plain loops.
//!
//! It shares the generator, the hash and the bins' indices with the sampler; those have tests of their own.
//! Not here: checks of what is added; the tests compare those by hand.

use super::random::{Generator, hash};
use super::{
    Discarded, Event, Gate, HistoryRow, Kind, Layout, Member, Mode, Pick, Spaces, Stage, State, Weight, What, Within,
};

/// A point and where it is.
#[derive(Debug, Clone)]
struct Point {
    id: u64,
    step: i64,
    x: Vec<f32>,
    queue: usize,
    factor: f32,
    stage: Stage,
    /// As a pick: state, rank, whether it was started, failures.
    pick: Option<(State, Option<f32>, bool, u32)>,
}

#[derive(Debug, Clone)]
struct Queue {
    generator: Generator,
    random_left: usize,
    opened: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Naive {
    layout: Layout,
    points: Vec<Point>,
    queues: Vec<Queue>,
    /// Ids in the order of the picks.
    s: Vec<u64>,
    events: u64,
    pub(super) history: Vec<HistoryRow>,
}

impl Naive {
    pub(super) fn new(layout: impl Into<Layout>) -> Self {
        let layout = layout.into();
        let queue = |(at, queue): (usize, &super::QueueConfig)| Queue {
            generator: Generator::new(hash(layout.seed, 2 * at as u64 + 1)),
            random_left: queue.min_random,
            opened: false,
        };
        let queues = layout.queues.iter().enumerate().map(queue).collect();
        Self { layout, points: Vec::new(), queues, s: Vec::new(), events: 0, history: Vec::new() }
    }

    /// Adds an id that is new.
    pub(super) fn add(&mut self, queue: usize, id: u64, step: i64, x: &[f32], factor: Option<f32>) {
        self.insert(queue, id, step, x, factor, Stage::Waiting);
        self.note(step, id, What::Added, None);
    }

    /// Selects an id that is new outright.
    pub(super) fn select_outright(&mut self, queue: usize, id: u64, step: i64, x: &[f32]) -> usize {
        self.insert(queue, id, step, x, None, Stage::Selected);
        self.at(id).pick = Some((State::Issued, None, false, 0));
        self.s.push(id);
        self.note(step, id, What::Selected, None);
        self.s.len() - 1
    }

    pub(super) fn point(&self, id: u64) -> Option<&[f32]> {
        self.find(id).map(|point| &point.x[..])
    }

    pub(super) fn queue(&self, id: u64) -> Option<usize> {
        self.find(id).map(|point| point.queue)
    }

    pub(super) fn stage(&self, id: u64) -> Option<Stage> {
        self.find(id).map(|point| point.stage)
    }

    pub(super) fn state(&self, id: u64) -> Option<State> {
        self.find(id).and_then(|point| point.pick).map(|pick| pick.0)
    }

    pub(super) fn select(&mut self, step: i64, n: usize) -> Event {
        self.events += 1;
        let mut merged = 0;
        for point in &mut self.points {
            if point.stage == Stage::Waiting && point.step <= step {
                point.stage = Stage::Candidate;
                merged += 1;
            }
        }
        let mut discarded = Vec::new();
        for queue in 0..self.queues.len() {
            let mut worst = self.worst_first(queue);
            worst.truncate(worst.len().saturating_sub(self.layout.queues[queue].capacity));
            for (id, rank) in worst {
                self.at(id).stage = Stage::Discarded;
                self.note(step, id, What::Discarded, Some(rank));
                discarded.push(Discarded { id, rank });
            }
        }
        let open: Vec<bool> = (0..self.queues.len()).map(|queue| self.is_open(queue)).collect();
        let frozen = self.s.clone();
        let mut picks = Vec::new();
        while picks.len() < n
            && let Some(queue) = self.next_queue(&open)
        {
            let s = if self.layout.mode == Mode::Batch { frozen.clone() } else { self.s.clone() };
            let id = self.next_candidate(queue, &s);
            let rank = self.rank(id, &s);
            let point = self.at(id);
            (point.stage, point.pick) = (Stage::Selected, Some((State::Issued, Some(rank), false, 0)));
            self.queues[queue].opened = true;
            picks.push(Pick { id, rank, order: self.s.len(), queue });
            self.s.push(id);
            self.note(step, id, What::Selected, Some(rank));
        }
        Event { number: self.events - 1, step, merged, discarded, picks }
    }

    /// `None` if the state cannot follow.
    pub(super) fn set_state(&mut self, id: u64, to: State, step: i64) -> Option<bool> {
        let (from, rank, was_started, failures) = self.find(id)?.pick?;
        if from == to {
            return Some(false);
        }
        let allowed: &[State] = match from {
            State::Issued if was_started => &[State::Started, State::Failed],
            State::Issued => &[State::Started, State::Failed, State::Returned],
            State::Started => &[State::Issued, State::Interrupted, State::Done, State::Failed],
            State::Interrupted => &[State::Issued, State::Started, State::Failed],
            State::Failed if failures < 3 => &[State::Issued, State::Started],
            _ => &[],
        };
        if !allowed.contains(&to) {
            return None;
        }
        let failures = failures + u32::from(to == State::Failed);
        self.at(id).pick = Some((to, rank, was_started || to == State::Started, failures));
        self.note(step, id, What::Became(to), rank);
        if to == State::Returned {
            self.s.retain(|&other| other != id);
            self.at(id).stage = Stage::Candidate;
        }
        Some(true)
    }

    /// Whether it could be.
    pub(super) fn withdraw(&mut self, id: u64, step: i64) -> bool {
        let Some(stage) = self.stage(id).filter(|&stage| stage != Stage::Selected) else { return false };
        let rank = (stage == Stage::Candidate).then(|| self.rank(id, &self.s));
        self.points.retain(|point| point.id != id);
        self.note(step, id, What::Withdrawn, rank);
        true
    }

    pub(super) fn weights(&self) -> Vec<Weight> {
        self.weights_where(&self.s, |_| true)
    }

    pub(super) fn weights_of(&self, queue: usize) -> Vec<Weight> {
        let q: Vec<u64> = self.s.iter().copied().filter(|&id| self.queue(id) == Some(queue)).collect();
        self.weights_where(&q, |member| member.queue == queue)
    }

    pub(super) fn weights_where(&self, q: &[u64], population: impl Fn(Member) -> bool) -> Vec<Weight> {
        let mut counts = vec![1.0; q.len()];
        for point in &self.points {
            let member = Member { id: point.id, queue: point.queue, stage: point.stage };
            if point.stage != Stage::Selected && population(member) {
                let there = (0..q.len()).filter(|&at| self.same_space(point.queue, q[at]));
                let nearest = there.min_by(|&a, &b| {
                    let [to_a, to_b] = [a, b].map(|at| self.squared_distance(point.id, q[at]));
                    to_a.total_cmp(&to_b).then(q[a].cmp(&q[b]))
                });
                if let Some(nearest) = nearest {
                    counts[nearest] += 1.0;
                }
            }
        }
        let sum: f64 = counts.iter().sum();
        let weight = |(&id, &weight): (&u64, &f64)| Weight { id, weight, normalised: weight * q.len() as f64 / sum };
        q.iter().zip(&counts).map(weight).collect()
    }

    /// Waiting, candidates, selected, discarded.
    pub(super) fn counts(&self) -> [usize; 4] {
        [Stage::Waiting, Stage::Candidate, Stage::Selected, Stage::Discarded]
            .map(|stage| self.points.iter().filter(|point| point.stage == stage).count())
    }

    pub(super) fn selected_ids(&self) -> &[u64] {
        &self.s
    }

    /// Candidates of a queue with their ranks, the first to be discarded first.
    fn worst_first(&self, queue: usize) -> Vec<(u64, f32)> {
        let kind = &self.layout.queues[queue].kind;
        let by_hash = match kind {
            Kind::Importance => false,
            Kind::Random => true,
            Kind::Binned(binning) => binning.within == Within::Random,
        };
        let salt = hash(self.layout.seed, 2 * queue as u64);
        let mut all: Vec<(u64, f32)> =
            self.candidates(queue).into_iter().map(|id| (id, self.rank(id, &self.s))).collect();
        if by_hash {
            all.sort_by_key(|&(id, _)| std::cmp::Reverse(hash(salt, id)));
        } else {
            all.sort_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
        }
        all
    }

    fn is_open(&self, queue: usize) -> bool {
        let config = &self.layout.queues[queue];
        let bound = config.gate == Gate::Each || !self.queues[queue].opened;
        !bound || self.candidates(queue).len() >= config.min_candidates
    }

    fn next_queue(&self, open: &[bool]) -> Option<usize> {
        let sum: f64 = self.layout.queues.iter().map(|queue| queue.target).sum();
        let mut best = None;
        for (queue, &open) in open.iter().enumerate() {
            if open && !self.candidates(queue).is_empty() {
                let count = self.s.iter().filter(|&&id| self.queue(id) == Some(queue)).count();
                let lack = self.layout.queues[queue].target / sum * (self.s.len() + 1) as f64 - count as f64;
                if best.is_none_or(|(most, _)| lack > most) {
                    best = Some((lack, queue));
                }
            }
        }
        best.map(|(_, queue)| queue)
    }

    /// The candidate of a queue whose turn it is, with ranks against `s`.
    fn next_candidate(&mut self, queue: usize, s: &[u64]) -> u64 {
        let all = self.candidates(queue);
        if self.queues[queue].random_left > 0 {
            self.queues[queue].random_left -= 1;
            return all[self.queues[queue].generator.below(all.len())];
        }
        match self.layout.queues[queue].kind.clone() {
            Kind::Importance => self.top(&all, s),
            Kind::Random => all[self.queues[queue].generator.below(all.len())],
            Kind::Binned(binning) => {
                let bin_of = |id: u64| binning.bins.index(self.point(id).unwrap());
                let mut filled: Vec<usize> = all.iter().map(|&id| bin_of(id)).collect();
                filled.sort_unstable();
                filled.dedup();
                let held: Vec<u64> = self.s.iter().copied().filter(|&id| self.queue(id) == Some(queue)).collect();
                let mut best = None;
                for &bin in &filled {
                    let inside = all.iter().filter(|&&id| bin_of(id) == bin).count();
                    let share = inside as f64 / all.len() as f64;
                    let target = binning.novelty / filled.len() as f64 + (1.0 - binning.novelty) * share;
                    let count = held.iter().filter(|&&id| bin_of(id) == bin).count();
                    let lack = target * (held.len() + 1) as f64 - count as f64;
                    if best.is_none_or(|(most, _)| lack > most) {
                        best = Some((lack, bin));
                    }
                }
                let bin = best.unwrap().1;
                let inside: Vec<u64> = all.iter().copied().filter(|&id| bin_of(id) == bin).collect();
                match binning.within {
                    Within::Rank => self.top(&inside, s),
                    Within::Random => inside[self.queues[queue].generator.below(inside.len())],
                }
            }
        }
    }

    /// The first of `ids` in the total order.
    fn top(&self, ids: &[u64], s: &[u64]) -> u64 {
        let mut order: Vec<(f32, u64)> = ids.iter().map(|&id| (self.rank(id, s), id)).collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        order[0].1
    }

    /// The candidates of a queue, ascending.
    fn candidates(&self, queue: usize) -> Vec<u64> {
        let there = self.points.iter().filter(|point| point.stage == Stage::Candidate && point.queue == queue);
        let mut ids: Vec<u64> = there.map(|point| point.id).collect();
        ids.sort_unstable();
        ids
    }

    fn rank(&self, id: u64, s: &[u64]) -> f32 {
        let point = self.find(id).unwrap();
        let s = s.iter().filter(|&&other| self.same_space(point.queue, other));
        let mut distances: Vec<f32> = s.map(|&other| self.squared_distance(id, other).sqrt()).collect();
        if distances.is_empty() {
            return f32::INFINITY;
        }
        distances.sort_by(f32::total_cmp);
        distances.truncate(self.layout.k);
        let mut sum = 0.0_f32;
        for distance in &distances {
            sum += distance;
        }
        sum / distances.len() as f32 * point.factor
    }

    /// Whether ranks in `queue` see the selected point `id`.
    fn same_space(&self, queue: usize, id: u64) -> bool {
        self.layout.spaces == Spaces::Joint || self.queue(id) == Some(queue)
    }

    /// Summed over the dimensions in order, in float32.
    fn squared_distance(&self, a: u64, b: u64) -> f32 {
        let (a, b) = (self.point(a).unwrap(), self.point(b).unwrap());
        let mut sum = 0.0_f32;
        for d in 0..self.layout.dim {
            let difference = a[d] - b[d];
            sum += difference * difference;
        }
        sum
    }

    fn insert(&mut self, queue: usize, id: u64, step: i64, x: &[f32], factor: Option<f32>, stage: Stage) {
        let factor = factor.unwrap_or(self.layout.queues[queue].factor);
        self.points.push(Point { id, step, x: x.to_vec(), queue, factor, stage, pick: None });
    }

    fn find(&self, id: u64) -> Option<&Point> {
        self.points.iter().find(|point| point.id == id)
    }

    fn at(&mut self, id: u64) -> &mut Point {
        self.points.iter_mut().find(|point| point.id == id).unwrap()
    }

    fn note(&mut self, step: i64, id: u64, what: What, rank: Option<f32>) {
        self.history.push(HistoryRow { event: self.events as i64 - 1, step, id, what, rank });
    }
}
