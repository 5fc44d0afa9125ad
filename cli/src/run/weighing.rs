//! Weights of S over patches that come one after the other, so that they need not be held all at once.
//!
//! A sampler has S, and takes in so many patches until each has counted; the next ones go to a copy that has S alone.
//! Not here: how weights are made ([`patchstream::dynim`]), where patches and S are ([`super::seen`]).

use patchstream::dynim::{Sampler, Weight};
use patchstream::error::Result;
use patchstream::stream::journal::records::Point;

/// Patches that are held at a time.
pub const HELD: usize = 1 << 16;

/// Weights that are being made.
pub struct Weighing {
    /// It has S and nothing else.
    selected: Sampler,
    /// It has S and the patches that are held.
    sampler: Sampler,
    most: usize,
    held: usize,
    /// In the order of S: itself, and those before the held ones that count for it.
    counts: Vec<f64>,
}

impl Weighing {
    /// Over nothing yet; `selected` has S and nothing else, and `most` patches are held at a time.
    pub fn new(selected: Sampler, most: usize) -> Self {
        let counts = vec![1.0; selected.selected()];
        Self { sampler: selected.clone(), selected, most, held: 0, counts }
    }

    /// Adds a patch, which counts at the nearest of S.
    ///
    /// # Errors
    /// Those of [`Sampler::add_to`].
    pub fn add(&mut self, point: &Point) -> Result<()> {
        self.sampler.add_to(point.queue.into(), point.id, point.step, &point.point, None)?;
        self.held += 1;
        if self.held == self.most {
            self.count();
        }
        Ok(())
    }

    /// The weights of S, in its order.
    pub fn finish(mut self) -> Vec<Weight> {
        self.count();
        let (sum, of) = (self.counts.iter().sum::<f64>(), self.counts.len() as f64);
        let all = self.selected.selections().map(|pick| pick.id).zip(self.counts);
        all.map(|(id, weight)| Weight { id, weight, normalised: weight * of / sum }).collect()
    }

    fn count(&mut self) {
        let weights = self.sampler.weights();
        self.counts.iter_mut().zip(&weights).for_each(|(count, weight)| *count += weight.weight - 1.0);
        (self.sampler, self.held) = (self.selected.clone(), 0);
    }
}

#[cfg(test)]
mod tests {
    use patchstream::dynim::{Layout, QueueConfig, Spaces};

    use super::*;

    #[test]
    fn weights_do_not_depend_on_how_many_patches_are_held_at_a_time() {
        let queues = vec![QueueConfig::new("a"), QueueConfig::new("b")];
        for spaces in [Spaces::Joint, Spaces::Separate] {
            let layout = Layout { spaces, queues: queues.clone(), ..Layout::new(2) };
            let mut all = Sampler::with_layout(layout).unwrap();
            let at = |id: u64| vec![(id * 37 % 101) as f32, (id * 53 % 89) as f32];
            let queue = |id: u64| (id % 2) as usize;
            (1..=9).for_each(|id| assert!(all.select_outright_in(queue(id), id, 0, &at(id)).is_ok()));
            let selected = all.clone();
            (10..=99).for_each(|id| assert!(all.add_to(queue(id), id, 0, &at(id), None).is_ok()));
            for most in [1, 7, 90, 1000] {
                let mut weighing = Weighing::new(selected.clone(), most);
                for id in 10..=99 {
                    let point = Point { id, queue: queue(id) as u16, point: at(id), ..Point::default() };
                    weighing.add(&point).unwrap();
                }
                assert_eq!(weighing.finish(), all.weights(), "{most}");
            }
        }
    }
}
