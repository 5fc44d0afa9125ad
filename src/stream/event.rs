//! Events of a stream: what was taken in is ranked, picked, written down, told, and given out as jobs; and weights.
//!
//! Not here: how patches are taken in ([`super::operator`]), how picks are ranked ([`crate::dynim`]).

use super::awaited::Waits;
use super::journal::records::Event as Logged;
use super::operator::Operator;
use super::stream::Shared;
use crate::dynim::{Event, Pick};
use crate::error::{Result, corrupt, state};
use crate::wire;

impl Operator {
    /// One event, and whether it was answered from the log: `None` as long as there have been several producers and one
    /// that is open has not ended the step, or not all have come that are awaited.
    pub(super) fn select(
        &mut self,
        shared: &Shared,
        step: i64,
        n: usize,
    ) -> Result<Option<(wire::SelectionBatch, bool)>> {
        if step < self.last_step {
            return Err(state(format!(
                "select for step {step} after an event at step {}: steps of events never fall",
                self.last_step
            )));
        }
        // Seen before the rings are emptied: a step that has ended is in its ring whole.
        self.welcome(shared);
        for lane in 0..self.lanes.len() {
            // It would never end its step.
            if self.lanes[lane].is_untrue() {
                self.take_in_one(lane, shared);
            }
        }
        let waits = self.waits(step);
        if self.several && self.lanes.iter_mut().any(|lane| lane.holds_up(step)) {
            self.say_who_is_awaited(step, &waits);
            return Ok(None);
        }
        let more_comes = self.more_comes_from_peers(step);
        self.take_in_all(shared);
        if more_comes && self.replay.is_some() && !shared.registry.is_complete(step) {
            self.say_who_is_awaited(step, &waits);
            return Ok(None);
        }
        if waits != Waits::No && !self.is_replayed(shared, step, n) {
            self.say_who_is_awaited(step, &waits);
            return Ok(None);
        }
        if let Some(batch) = self.replayed(shared, step, n)? {
            return Ok(Some((batch, true)));
        }
        self.event_has_room(n)?;
        self.publish_if_due(step)?;
        self.last_step = step;
        let mut event = self.sampler.select(step, n);
        for discarded in &event.discarded {
            self.forget(discarded.id);
            self.forget_densities(discarded.id);
        }
        let lost = self.retain_picks(shared, &mut event, n)?;
        let selections = event.picks.iter().map(|pick| self.selection(&event, pick)).collect::<Result<_>>()?;
        let batch = wire::SelectionBatch {
            event: event.number,
            step,
            selections,
            candidates: (self.sampler.candidates() + self.sampler.waiting()) as u64,
            selected: self.sampler.selected() as u64,
            discarded: self.sampler.discarded() as u64,
        };
        for selection in &batch.selections {
            self.announce(selection);
        }
        // Written before it is told to anyone.
        self.write_event(&event, n, &batch, &lost)?;
        for selection in &batch.selections {
            self.issue_job(selection);
        }
        // Whoever waits for a job has it now.
        self.job_turn();
        Ok(Some((batch, false)))
    }

    /// Whether an event for `n` picks fits into the log, whatever it picks and discards.
    fn event_has_room(&self, n: usize) -> Result<()> {
        let Some(journal) = &self.journal else { return Ok(()) };
        let points = self.sampler.candidates() + self.sampler.waiting();
        let least = self.sampler.layout().queues.iter().map(|queue| queue.capacity).min().unwrap_or(0);
        let (picks, gone) = (n.min(points), points.saturating_sub(least));
        let what = || format!("an event of up to {picks} picks and {gone} discards");
        journal.has_room(Logged::bytes(picks, gone), what, "ask for fewer picks, and hold events more often")
    }

    /// Whether producers of other processes may still send patches of `step`: of a host that went back to a mark they are
    /// who sends again what the log has.
    fn more_comes_from_peers(&mut self, step: i64) -> bool {
        let mut open = self.lanes.iter_mut().filter(|lane| lane.is_remote()).filter_map(|lane| {
            let ended = lane.ended_step();
            (!lane.is_gone()).then_some(ended)
        });
        match open.next() {
            None => self.door.is_some() && !self.has_local,
            Some(ended) => ended < step || open.any(|ended| ended < step),
        }
    }

    /// What a pick tells its host.
    fn selection(&self, event: &Event, pick: &Pick) -> Result<wire::Selection> {
        let lost = || corrupt(format!("what belongs to patch {} is gone: please report this", pick.id));
        let kept = self.kept.get(&pick.id).ok_or_else(lost)?;
        let patch = wire::patch_meta(&kept.metadata)?.to_owned();
        Ok(wire::Selection {
            id: pick.id,
            rank: pick.rank,
            order: pick.order as u32,
            event: event.number,
            point: self.sampler.point(pick.id).ok_or_else(lost)?.to_vec(),
            step: patch.step,
            time_us: patch.time_us,
            center_nm: patch.center_nm,
            constellation: patch.constellation,
            proteins: patch.proteins,
            label: patch.label,
            // There are at most `QUEUES_MAX` of them.
            queue: pick.queue as u16,
            class_label: self.class_label(&kept.probabilities),
            probabilities: kept.probabilities.clone(),
        })
    }

    /// All weights, or those of one queue.
    pub(super) fn weights(&mut self, shared: &Shared, queue: Option<usize>) -> Result<wire::Weights> {
        self.take_in_all(shared);
        let weights = match queue {
            None => self.sampler.weights(),
            Some(queue) => self.sampler.weights_of(queue)?,
        };
        Ok(wire::Weights {
            event: self.sampler.events(),
            ids: weights.iter().map(|weight| weight.id).collect(),
            weights: weights.iter().map(|weight| weight.weight).collect(),
            normalised: weights.iter().map(|weight| weight.normalised).collect(),
        })
    }
}
