//! Weights by queue, by a subset of S, by a part of the population.
//!
//! A weight is a number of points: 1 for the selected point itself, and 1 for each unselected one that is nearest to
//! it. So weights of different queues are in the same unit, and w_a / w_b says how many more points of the stream a
//! stands for than b does, whatever their queues: the weights of all that was weighed add up to the number of points
//! that were counted. `normalised` is comparable only within one answer, over whose members its mean is 1.
//!
//! With joint spaces the nearest is sought in the whole of Q, across queues. With separate ones it is sought in what Q
//! has of the point's own queue, and a point whose queue has nothing in Q counts nowhere.
//! Not here: the search itself ([`super::weights`]).

use std::collections::HashMap;

use super::event::{Member, Stage, Weight};
use super::layout::Spaces;
use super::random::Mixed;
use super::sampler::Sampler;
use super::weights::{self, Home};
use crate::error::{Result, argument, unknown};

impl Sampler {
    /// The weights of all selected points, in the order of S, over every point that is not selected: waiting,
    /// candidate and discarded ones. Empty while S is. The nearest of S to each is kept from call to call, so that the
    /// time is that of what S has gained since, and of one pass over the points.
    ///
    /// With separate spaces each point is counted at the nearest of its own queue. A weight is a number of points, so
    /// weights of different queues compare; `normalised` has the mean 1 over all of them.
    pub fn weights(&mut self) -> Vec<Weight> {
        let ids = self.order.clone();
        self.weigh(&ids, |_| true)
    }

    /// The weights of a queue's selected points over that queue's points alone; `normalised` has the mean 1 over the
    /// queue. `weight` compares with that of other queues: it is a number of points.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) if there is no such queue.
    pub fn weights_of(&mut self, queue: usize) -> Result<Vec<Weight>> {
        self.check_queue(queue)?;
        let ids: Vec<u64> = self.order.iter().copied().filter(|&id| self.queue(id) == Some(queue)).collect();
        Ok(self.weigh(&ids, |member| member.queue == queue))
    }

    /// The weights with the nearest sought among exactly the selected points `ids`, in the order of `ids`.
    ///
    /// The points that are counted are those of [`weights`](Self::weights): a selected point that `ids` leaves out is
    /// still not an unselected one, and counts nowhere.
    ///
    /// # Errors
    /// By [`ErrorKind`](crate::error::ErrorKind): `Unknown` for an id that is not selected, `Argument` for one that
    /// stands twice in `ids`.
    pub fn weights_among(&mut self, ids: &[u64]) -> Result<Vec<Weight>> {
        self.weights_where(ids, |_| true)
    }

    /// The same over those unselected points that `population` says: the candidates only, say, or the patches of the
    /// protein state that the results in `ids` are about.
    ///
    /// # Errors
    /// Those of [`weights_among`](Self::weights_among).
    pub fn weights_where(&mut self, ids: &[u64], population: impl Fn(Member) -> bool) -> Result<Vec<Weight>> {
        let mut weights = self.weights_by(&[ids], |member| population(member).then_some(0))?;
        Ok(weights.pop().unwrap_or_default())
    }

    /// The weights of several sets of selected points, no two of which share a point, in the order of `sets`: each unselected
    /// point counts at its nearest of the set that `set_of` names, nowhere if that is `None`, or a set that is not there. The
    /// same as [`weights_where`](Self::weights_where) of each set, in one pass over the points.
    ///
    /// # Errors
    /// Those of [`weights_among`](Self::weights_among).
    pub fn weights_by(
        &mut self,
        sets: &[impl AsRef<[u64]>],
        set_of: impl Fn(Member) -> Option<usize>,
    ) -> Result<Vec<Vec<Weight>>> {
        let ids = || sets.iter().flat_map(|set| set.as_ref().iter().copied());
        if let Some(id) = ids().find(|&id| self.stage(id) != Some(Stage::Selected)) {
            return Err(unknown(format!("patch {id} is not selected, so it has no weight: leave it out")));
        }
        let mut sorted: Vec<u64> = ids().collect();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(argument(format!("patch {} stands twice among the ids to weigh: name it once", twice[0])));
        }
        Ok(self.weigh_sets(sets, set_of))
    }

    /// The weights of `ids`, each of them selected and no two the same.
    fn weigh(&mut self, ids: &[u64], population: impl Fn(Member) -> bool) -> Vec<Weight> {
        self.weigh_sets(&[ids], |member| population(member).then_some(0)).pop().unwrap_or_default()
    }

    /// The same of several sets.
    fn weigh_sets(&mut self, sets: &[impl AsRef<[u64]>], set_of: impl Fn(Member) -> Option<usize>) -> Vec<Vec<Weight>> {
        let sets: Vec<&[u64]> = sets.iter().map(AsRef::as_ref).collect();
        let places = |set: usize| sets[set].iter().enumerate().map(move |(place, &id)| (id, Home { set, place }));
        let home_of: HashMap<u64, Home, Mixed> = (0..sets.len()).flat_map(places).collect();
        let mut counts: Vec<Vec<u64>> = sets.iter().map(|ids| vec![1; ids.len()]).collect();
        for (space, s) in self.spaces.iter_mut().enumerate() {
            let homes: Vec<Option<Home>> = s.ids().iter().map(|id| home_of.get(id).copied()).collect();
            if homes.iter().all(Option::is_none) {
                continue;
            }
            let inside = |queue: usize| self.layout.spaces == Spaces::Joint || queue == space;
            weights::settle(s, &mut self.known, inside);
            let counted = self.known.unselected().filter(|(row, _)| inside(row.queue)).filter_map(|(row, closest)| {
                let set = set_of(Member { id: row.id, queue: row.queue, stage: row.stage })?;
                (set < sets.len()).then_some((row, closest, set))
            });
            weights::count(s, counted, &homes, sets.len(), |home| counts[home.set][home.place] += 1);
        }
        let weights_of = |(ids, counts): (&&[u64], Vec<u64>)| {
            let sum = counts.iter().sum::<u64>() as f64;
            let weight_of = |(&id, count): (&u64, u64)| {
                let weight = count as f64;
                Weight { id, weight, normalised: weight * ids.len() as f64 / sum }
            };
            ids.iter().zip(counts).map(weight_of).collect()
        };
        sets.iter().zip(counts).map(weights_of).collect()
    }
}
