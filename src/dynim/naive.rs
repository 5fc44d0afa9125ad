//! The slow obvious twin of the sampler: everything from the definitions, anew at each step, in plain loops.
//!
//! Not here: checks of what is added; the tests compare those by hand.

use super::{Config, Discarded, Event, Mode, Pick, Weight};

/// A point and where it is.
#[derive(Debug, Clone)]
struct Point {
    id: u64,
    step: i64,
    x: Vec<f32>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Waiting,
    Candidate,
    Selected,
    Discarded,
}

#[derive(Debug, Clone)]
pub(super) struct Naive {
    config: Config,
    points: Vec<Point>,
    /// Ids in the order of the picks.
    s: Vec<u64>,
    events: u64,
}

impl Naive {
    pub(super) fn new(config: Config) -> Self {
        Self { config, points: Vec::new(), s: Vec::new(), events: 0 }
    }

    /// Adds an id that is new.
    pub(super) fn add(&mut self, id: u64, step: i64, x: &[f32]) {
        self.points.push(Point { id, step, x: x.to_vec(), stage: Stage::Waiting });
    }

    pub(super) fn point(&self, id: u64) -> Option<&[f32]> {
        self.points.iter().find(|point| point.id == id).map(|point| &point.x[..])
    }

    pub(super) fn select(&mut self, step: i64, n: usize) -> Event {
        let mut merged = 0;
        for point in &mut self.points {
            if point.stage == Stage::Waiting && point.step <= step {
                point.stage = Stage::Candidate;
                merged += 1;
            }
        }
        let mut ranking = self.ranking();
        let mut discarded = Vec::new();
        while ranking.len() > self.config.capacity {
            let (rank, id) = ranking.pop().unwrap();
            self.move_to(id, Stage::Discarded);
            discarded.push(Discarded { id, rank });
        }
        let mut picks = Vec::new();
        while picks.len() < n && !ranking.is_empty() {
            let (rank, id) = ranking.remove(0);
            self.move_to(id, Stage::Selected);
            picks.push(Pick { id, rank, order: self.s.len() });
            self.s.push(id);
            if self.config.mode == Mode::Sequential {
                ranking = self.ranking();
            }
        }
        self.events += 1;
        Event { number: self.events - 1, step, merged, discarded, picks }
    }

    pub(super) fn weights(&self) -> Vec<Weight> {
        self.weights_among(&self.s)
    }

    pub(super) fn weights_among(&self, q: &[u64]) -> Vec<Weight> {
        let mut counts = vec![1.0; q.len()];
        for point in &self.points {
            if point.stage != Stage::Selected && !q.is_empty() {
                let distance = |at: usize| squared_distance(&point.x, self.point(q[at]).unwrap());
                let nearest = (0..q.len()).min_by(|&a, &b| distance(a).total_cmp(&distance(b)).then(q[a].cmp(&q[b])));
                counts[nearest.unwrap()] += 1.0;
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

    /// All candidates in the total order.
    fn ranking(&self) -> Vec<(f32, u64)> {
        let candidates = self.points.iter().filter(|point| point.stage == Stage::Candidate);
        let mut ranking: Vec<(f32, u64)> = candidates.map(|point| (self.rank(&point.x), point.id)).collect();
        ranking.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        ranking
    }

    fn rank(&self, x: &[f32]) -> f32 {
        if self.s.is_empty() {
            return f32::INFINITY;
        }
        let mut distances: Vec<f32> =
            self.s.iter().map(|&id| squared_distance(x, self.point(id).unwrap()).sqrt()).collect();
        distances.sort_by(f32::total_cmp);
        distances.truncate(self.config.k);
        let mut sum = 0.0_f32;
        for distance in &distances {
            sum += distance;
        }
        sum / distances.len() as f32
    }

    fn move_to(&mut self, id: u64, stage: Stage) {
        self.points.iter_mut().find(|point| point.id == id).unwrap().stage = stage;
    }
}

/// Summed over the dimensions in order, in float32.
fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    let mut sum = 0.0_f32;
    for d in 0..a.len() {
        let difference = a[d] - b[d];
        sum += difference * difference;
    }
    sum
}
