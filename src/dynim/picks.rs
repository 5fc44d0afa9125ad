//! What becomes of points and picks at the host's word: states, returns, withdrawals, and what is selected outright.
//!
//! Not here: picks by an event ([`super::sampler`]), which state may follow which ([`super::state`]).

use super::event::{Added, Stage};
use super::history::What;
use super::known::Closest;
use super::layout::Spaces;
use super::sampler::Sampler;
use super::state::{Selection, State};
use super::weights::forget;
use crate::error::{Result, state, unknown};

impl Sampler {
    /// What is told of a pick: of everything in S, and of what was returned until it is picked again.
    pub fn selection(&self, id: u64) -> Option<&Selection> {
        self.picks.get(id)
    }

    /// Everything in S, in the order in which it was selected.
    pub fn selections(&self) -> impl Iterator<Item = &Selection> {
        self.order.iter().filter_map(|&id| self.picks.get(id))
    }

    /// Moves a pick to another state, as of `step`, which goes into the history only. `false` if it is there already,
    /// and nothing changes.
    ///
    /// `Returned` takes the point out of S and makes it a candidate of its queue again. Every rank is made exact anew,
    /// the only time that ranks rise; discards made meanwhile stand, and the capacity binds at the next event. It takes
    /// as long as if all candidates of all queues that share this S arrived anew.
    ///
    /// # Errors
    /// Nothing is changed by any of them. By [`ErrorKind`](crate::error::ErrorKind):
    /// - `Unknown`: `id` was never picked, or was withdrawn.
    /// - `State`: the state cannot follow the present one. `Issued` may become `Started`, `Failed` and, if it was never
    ///   started, `Returned`; `Started` may become `Interrupted`, `Done`, `Failed`; `Interrupted` may become `Started`
    ///   or `Failed`; `Failed` may become `Started`; and `Started`, `Interrupted` and `Failed` may become `Issued` again,
    ///   when the job is back in line. After three failures nothing follows.
    pub fn set_state(&mut self, id: u64, to: State, step: i64) -> Result<bool> {
        let changed = self.move_pick(id, to, step)?;
        if changed && to == State::Returned {
            self.give_back(id);
        }
        Ok(changed)
    }

    /// As [`set_state`](Self::set_state), but that a point which is returned stays in S.
    pub(super) fn move_pick(&mut self, id: u64, to: State, step: i64) -> Result<bool> {
        let Some(pick) = self.picks.get_mut(id) else {
            return Err(unknown(format!("patch {id} was never picked, so it cannot become {to}: check the id")));
        };
        if pick.state == to {
            return Ok(false);
        }
        if !pick.may_become(to) {
            return Err(state(pick.refusal(to)));
        }
        pick.state = to;
        pick.was_started |= to == State::Started;
        pick.failures += u32::from(to == State::Failed);
        let rank = pick.rank;
        self.note(step, id, What::Became(to), rank);
        Ok(true)
    }

    /// Forgets a point that is not in S: a patch became impossible, or its host rolled back. It counts for no weight
    /// any more, and its id is free for another point. `step` goes into the history only.
    ///
    /// # Errors
    /// By [`ErrorKind`](crate::error::ErrorKind): `Unknown` if there is no such point, `State` if it is in S.
    pub fn withdraw(&mut self, id: u64, step: i64) -> Result<()> {
        let Some(row) = self.known.get(id) else {
            return Err(unknown(format!("patch {id} is not known, so it cannot be withdrawn: check the id")));
        };
        let queue = row.queue;
        let rank = match row.stage {
            Stage::Selected => {
                return Err(state(format!(
                    "patch {id} is selected, and what was told is not undone: return it first if it was never started"
                )));
            }
            Stage::Waiting => {
                let at = row.at;
                self.waiting.retain(|(_, other)| *other != at);
                None
            }
            Stage::Candidate => {
                let (queue, world) = self.at_work(queue);
                queue.take(id, world).map(|taken| taken.rank)
            }
            Stage::Discarded => None,
        };
        self.known.remove(id);
        self.picks.remove(id);
        self.note(step, id, What::Withdrawn, rank);
        Ok(())
    }

    /// Selects a point of the first queue outright; see [`select_outright_in`](Self::select_outright_in). Its step is 0.
    ///
    /// # Errors
    /// Those of [`select_outright_in`](Self::select_outright_in).
    pub fn select_outright(&mut self, id: u64, point: &[f32]) -> Result<usize> {
        self.select_outright_in(0, id, 0, point)
    }

    /// Puts a new point into S without ranking it, as picked in an earlier campaign, and gives its position among the
    /// selected of all queues. It counts for its queue's target, and neither opens a gate nor uses up a random pick.
    /// `step` goes into the history only.
    ///
    /// The same point again answers its position, and changes nothing.
    ///
    /// # Errors
    /// Those of [`add_to`](Self::add_to), and [`ErrorKind::State`](crate::error::ErrorKind::State) if the id is known
    /// and not in S: withdraw it first.
    pub fn select_outright_in(&mut self, queue: usize, id: u64, step: i64, point: &[f32]) -> Result<usize> {
        if self.check(queue, id, point)? == Added::Known {
            let there = self.order.iter().position(|&other| other == id);
            return there.ok_or_else(|| {
                state(format!("patch {id} is known and not selected: withdraw it first to select it outright"))
            });
        }
        let factor = self.queues[queue].config().factor;
        let row = self.known.insert(id, queue, factor, Stage::Selected, point)?;
        self.order.push(id);
        self.enter_space(queue, row);
        self.queues[queue].count(point, true);
        self.issue(id, queue, None);
        self.note(step, id, What::Selected, None);
        Ok(self.order.len() - 1)
    }

    /// Takes a pick out of S and makes a candidate of it.
    fn give_back(&mut self, id: u64) {
        let Some(at) = self.leave_s(id) else { return };
        let queue = self.known.row(at).queue;
        let space = self.space(queue);
        self.spaces[space].settle();
        for other in 0..self.queues.len() {
            if self.space(other) == space {
                let (queue, world) = self.at_work(other);
                queue.restart(world);
            }
        }
        let (queue, world) = self.at_work(queue);
        let row = world.known.row(at);
        let (nearest, closest) = world.nearest(row.point);
        queue.push(row, &nearest, world);
        self.known.set_closest(at, closest);
    }

    /// Takes a pick out of S; its row, which is a candidate that no queue was told of.
    pub(super) fn leave_s(&mut self, id: u64) -> Option<u32> {
        let row = self.known.get(id)?;
        let (at, queue) = (row.at, row.queue);
        self.queues[queue].count(row.point, false);
        let space = self.space(queue);
        if let Some(position) = self.spaces[space].remove(id) {
            forget(position, &mut self.known, |queue| self.layout.spaces == Spaces::Joint || queue == space);
        }
        self.order.retain(|&other| other != id);
        self.known.advance(at, Stage::Candidate);
        self.known.set_closest(at, Closest::UNKNOWN);
        Some(at)
    }
}
