//! The sampler: points in, events and weights out.
//!
//! Not here: the arithmetic ([`super::lanes`]), the answers' types ([`super::event`]).

use super::candidates::Candidates;
use super::config::{Config, Mode};
use super::event::{Added, Discarded, Event, Pick, Weight};
use super::kernels::Isa;
use super::known::{Known, Stage};
use super::selected::{Scratch, Selected};
use super::weights::weigh;
use crate::error::{Result, argument, conflict, shape, unknown, value};
use crate::ids;

/// An exact DynIm sampler with one queue.
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
#[derive(Debug, Clone)]
pub struct Sampler {
    config: Config,
    known: Known,
    /// Step and id of the points no event has merged yet, in no particular order.
    waiting: Vec<(i64, u64)>,
    candidates: Candidates,
    selected: Selected,
    events: u64,
    scratch: Scratch,
    isa: Isa,
}

impl Sampler {
    /// An empty sampler.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) when [`Config::check`] finds a field out of range.
    pub fn new(config: Config) -> Result<Self> {
        Self::with_instruction_set(config, Isa::best())
    }

    /// As [`Sampler::new`], on an instruction set of the caller's choice: the answers are the same, bit for bit.
    ///
    /// # Errors
    /// As [`Sampler::new`].
    pub fn with_instruction_set(config: Config, isa: Isa) -> Result<Self> {
        config.check()?;
        Ok(Self {
            config,
            known: Known::new(config.dim),
            waiting: Vec::new(),
            candidates: Candidates::new(config.dim, config.k, isa),
            selected: Selected::new(config.dim, isa),
            events: 0,
            scratch: Scratch::new(),
            isa,
        })
    }

    /// The instruction set that it uses.
    pub fn instruction_set(&self) -> Isa {
        self.isa
    }

    /// Adds a point of `dim` finite coordinates, which waits for the first event at `step` or later.
    ///
    /// Ids and steps may come in any order, a step also after its event. Adding a known id again with the same bits
    /// changes nothing in whatever stage it is, and its first `step` stands.
    ///
    /// # Errors
    /// Nothing is changed by any of them. By [`ErrorKind`](crate::error::ErrorKind):
    /// - `Argument`: the id is 0 or above [`ids::MAX`].
    /// - `Shape`: the point has not `dim` coordinates.
    /// - `Value`: a coordinate is NaN or infinite.
    /// - `Conflict`: the id is known with other coordinates.
    /// - `Memory`: 2^32 points are there.
    pub fn add(&mut self, id: u64, step: i64, point: &[f32]) -> Result<Added> {
        ids::check(id)?;
        let dim = self.config.dim;
        if point.len() != dim {
            return Err(shape(format!(
                "the point of patch {id} has {} coordinates, this sampler takes {dim}: use the encoder it was made for",
                point.len()
            )));
        }
        if let Some(at) = point.iter().position(|x| !x.is_finite()) {
            return Err(value(format!(
                "coordinate {at} of the point of patch {id} is {}: look for a bad patch or encoder, and leave it out",
                point[at]
            )));
        }
        if let Some(there) = self.known.point(id) {
            return match there.iter().zip(point).position(|(a, b)| a.to_bits() != b.to_bits()) {
                None => Ok(Added::Known),
                Some(at) => Err(conflict(format!(
                    "patch {id} is known with another point (coordinate {at} was {}, is {}): give it a new id",
                    there[at], point[at]
                ))),
            };
        }
        self.known.insert(id, point)?;
        self.waiting.push((step, id));
        Ok(Added::New)
    }

    /// One event: merges what waits for `step` or earlier, ranks all candidates, discards the lowest until `capacity`
    /// remain, then picks up to `n`; fewer if there are fewer. `n` = 0 merges and discards only.
    pub fn select(&mut self, step: i64, n: usize) -> Event {
        let merged = self.merge(step);
        let discarded = self.discard();
        let picks = self.pick(n);
        let number = self.events;
        self.events += 1;
        Event { number, step, merged, discarded, picks }
    }

    /// The weights of all selected points, in the order of S, over every point that is not selected: waiting,
    /// candidate and discarded ones. Empty while S is. The time grows as their number times |S|.
    pub fn weights(&self) -> Vec<Weight> {
        self.weigh(self.selected.ids())
    }

    /// The same with the nearest sought among exactly the selected points `ids`, in the order of `ids`.
    ///
    /// The points that are counted are those of [`weights`](Self::weights): a selected point that `ids` leaves out is
    /// still not an unselected one, and counts nowhere.
    ///
    /// # Errors
    /// By [`ErrorKind`](crate::error::ErrorKind): `Unknown` for an id that is not selected, `Argument` for one that
    /// stands twice in `ids`.
    pub fn weights_among(&self, ids: &[u64]) -> Result<Vec<Weight>> {
        if let Some(id) = ids.iter().find(|&&id| self.known.stage(id) != Some(Stage::Selected)) {
            return Err(unknown(format!("patch {id} is not selected, so it has no weight: leave it out")));
        }
        let mut sorted = ids.to_vec();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(argument(format!("patch {} stands twice among the ids to weigh: name it once", twice[0])));
        }
        Ok(self.weigh(ids))
    }

    /// The settings it was made with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How many points wait for their event.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many candidates there are.
    pub fn candidates(&self) -> usize {
        self.candidates.len()
    }

    /// How many points are in S.
    pub fn selected(&self) -> usize {
        self.selected.len()
    }

    /// How many points were discarded, over all events.
    pub fn discarded(&self) -> usize {
        self.known.len() - self.waiting() - self.candidates() - self.selected()
    }

    /// How many events there have been: the number of the next one.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The selected ids, in the order of S.
    pub fn selected_ids(&self) -> impl ExactSizeIterator<Item = u64> {
        self.selected.ids().iter().copied()
    }

    /// The coordinates of a point in any stage.
    pub fn point(&self, id: u64) -> Option<&[f32]> {
        self.known.point(id)
    }

    /// Whether the id is known, in any stage.
    pub fn contains(&self, id: u64) -> bool {
        self.known.stage(id).is_some()
    }

    /// Makes candidates of what waits for `step` or earlier. Their order does not matter: ranks depend on S alone.
    fn merge(&mut self, step: i64) -> usize {
        if self.waiting.is_empty() {
            return 0;
        }
        let before = self.candidates.len();
        let mut list = vec![0.0; self.config.k];
        self.selected.settle();
        for (_, id) in self.waiting.extract_if(.., |(of, _)| *of <= step) {
            let point = self.known.advance(id, Stage::Candidate);
            self.selected.nearest(point, &mut list, &mut self.scratch);
            self.candidates.push(id, point, &list, self.selected.len());
        }
        self.candidates.len() - before
    }

    fn discard(&mut self) -> Vec<Discarded> {
        let below = self.candidates.take_below(self.config.capacity, &self.selected);
        for &(id, _) in &below {
            self.known.advance(id, Stage::Discarded);
        }
        below.into_iter().map(|(id, rank)| Discarded { id, rank }).collect()
    }

    fn pick(&mut self, n: usize) -> Vec<Pick> {
        match self.config.mode {
            Mode::Sequential => (0..n)
                .map_while(|_| {
                    let (id, rank) = self.candidates.take_top(&self.selected)?;
                    Some(self.take(id, rank))
                })
                .collect(),
            Mode::Batch => {
                let first = self.candidates.take_first(n, &self.selected);
                first.into_iter().map(|(id, rank)| self.take(id, rank)).collect()
            }
        }
    }

    /// Puts a picked candidate into S.
    fn take(&mut self, id: u64, rank: f32) -> Pick {
        let point = self.known.advance(id, Stage::Selected);
        let order = self.selected.push(id, point);
        Pick { id, rank, order }
    }

    /// The weights of `ids`, each of them selected and no two the same.
    fn weigh(&self, ids: &[u64]) -> Vec<Weight> {
        let q: Vec<(u64, &[f32])> = ids.iter().filter_map(|&id| Some((id, self.known.point(id)?))).collect();
        weigh(self.isa, self.config.dim, self.known.unselected(), &q)
    }
}
