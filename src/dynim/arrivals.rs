//! Arrivals: what waits becomes candidates, each with its nearest points of S.
//!
//! Not here: taking points in, and what follows in an event ([`super::sampler`]), the search ([`super::selected`]).

use std::sync::{Mutex, PoisonError};

use super::event::Stage;
use super::hands::{Hands, PART};
use super::known::Closest;
use super::sampler::Sampler;

impl Sampler {
    /// Makes candidates of what waits for `step` or earlier. Their order does not matter: ranks depend on S alone.
    pub(super) fn merge(&mut self, step: i64, hands: &dyn Hands) -> usize {
        let arrived: Vec<u32> = self.waiting.extract_if(.., |(of, _)| *of <= step).map(|(_, row)| row).collect();
        let merged = arrived.len();
        self.enter_queues(arrived, hands);
        merged
    }

    /// Makes candidates of the points in `rows`, in their queues.
    pub(super) fn enter_queues(&mut self, rows: Vec<u32>, hands: &dyn Hands) {
        if rows.is_empty() {
            return;
        }
        for space in &mut self.spaces {
            space.settle();
        }
        let mut arrived: Vec<(u32, Closest)> = rows.into_iter().map(|row| (row, Closest::UNKNOWN)).collect();
        // Neighbours one after the other find what they look at in the cache.
        arrived.sort_by_cached_key(|&(row, _)| {
            let row = self.known.row(row);
            let space = self.space(row.queue);
            (space, self.spaces[space].place(&row.point[..self.layout.dim]))
        });
        let k = self.layout.k;
        let mut lists = vec![0.0; arrived.len() * k];
        let parts = arrived.chunks_mut(PART).zip(lists.chunks_mut(PART * k));
        let parts: Vec<_> = parts.map(|(arrived, lists)| Mutex::new((arrived, lists, false))).collect();
        let work = |part: usize| {
            // A hand that panicked took nothing that another needs.
            let mut part = parts[part].lock().unwrap_or_else(PoisonError::into_inner);
            let (arrived, lists, done) = &mut *part;
            if std::mem::replace(done, true) {
                return;
            }
            for ((row, closest), list) in arrived.iter_mut().zip(lists.chunks_exact_mut(k)) {
                let row = self.known.row(*row);
                *closest = self.spaces[self.space(row.queue)].nearest(&row.point[..self.layout.dim], list);
            }
        };
        hands.share(parts.len(), &work);
        // What the hands have left out.
        (0..parts.len()).for_each(work);
        drop(parts);
        for (&(row, closest), list) in arrived.iter().zip(lists.chunks_exact(k)) {
            self.known.advance(row, Stage::Candidate);
            self.known.set_closest(row, closest);
            let (queue, world) = self.at_work(self.known.row(row).queue);
            queue.push(world.known.row(row), list, world);
        }
    }
}
