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

use super::event::{Member, Stage, Weight};
use super::layout::Spaces;
use super::sampler::Sampler;
use super::weights::weigh;
use crate::error::{Result, argument, unknown};

impl Sampler {
    /// The weights of all selected points, in the order of S, over every point that is not selected: waiting,
    /// candidate and discarded ones. Empty while S is. The time grows as their number times |S|.
    ///
    /// With separate spaces each point is counted at the nearest of its own queue. A weight is a number of points, so
    /// weights of different queues compare; `normalised` has the mean 1 over all of them.
    pub fn weights(&self) -> Vec<Weight> {
        self.weigh(&self.order, |_| true)
    }

    /// The weights of a queue's selected points over that queue's points alone; `normalised` has the mean 1 over the
    /// queue. `weight` compares with that of other queues: it is a number of points.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) if there is no such queue.
    pub fn weights_of(&self, queue: usize) -> Result<Vec<Weight>> {
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
    pub fn weights_among(&self, ids: &[u64]) -> Result<Vec<Weight>> {
        self.weights_where(ids, |_| true)
    }

    /// The same over those unselected points that `population` says: the candidates only, say, or the patches of the
    /// protein state that the results in `ids` are about.
    ///
    /// # Errors
    /// Those of [`weights_among`](Self::weights_among).
    pub fn weights_where(&self, ids: &[u64], population: impl Fn(Member) -> bool) -> Result<Vec<Weight>> {
        if let Some(id) = ids.iter().find(|&&id| self.stage(id) != Some(Stage::Selected)) {
            return Err(unknown(format!("patch {id} is not selected, so it has no weight: leave it out")));
        }
        let mut sorted = ids.to_vec();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(argument(format!("patch {} stands twice among the ids to weigh: name it once", twice[0])));
        }
        Ok(self.weigh(ids, population))
    }

    /// The weights of `ids`, each of them selected and no two the same.
    fn weigh(&self, ids: &[u64], population: impl Fn(Member) -> bool) -> Vec<Weight> {
        let dim = self.layout.dim;
        let mut weights: Vec<Weight> = ids.iter().map(|&id| Weight { id, weight: 1.0, normalised: 1.0 }).collect();
        for space in 0..self.spaces.len() {
            let inside = |queue: usize| self.layout.spaces == Spaces::Joint || queue == space;
            let places: Vec<usize> =
                (0..ids.len()).filter(|&place| self.queue(ids[place]).is_some_and(inside)).collect();
            let q: Vec<(u64, &[f32])> =
                places.iter().map(|&place| (ids[place], &self.known.point(ids[place])[..dim])).collect();
            let counted = self.known.unselected().filter(|row| {
                inside(row.queue) && population(Member { id: row.id, queue: row.queue, stage: row.stage })
            });
            let found = weigh(self.isa(), dim, counted.map(|row| &row.point[..dim]), &q);
            for (place, weight) in places.into_iter().zip(found) {
                weights[place] = weight;
            }
        }
        // Sums of whole numbers are exact, in whatever order.
        let sum: f64 = weights.iter().map(|weight| weight.weight).sum();
        for weight in &mut weights {
            weight.normalised = weight.weight * ids.len() as f64 / sum;
        }
        weights
    }
}
