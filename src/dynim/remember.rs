//! Telling a snapshot to a sampler that has its points and nothing else. Nothing that a snapshot says is believed that
//! does not fit: bytes of a file may have been changed.
//!
//! Not here: whose points those are ([`super::recovery`]), the snapshot's parts ([`super::snapshot`]).

use super::event::Stage;
use super::layout::Layout;
use super::sampler::Sampler;
use super::snapshot::{Lists, Snapshot, digest};
use super::state::{FAILURES_MAX, Selection, State};
use crate::error::{Error, Result, conflict, corrupt};

/// Whether decisions under `now` go on as they would have under `then`.
pub(super) fn check_layout(now: &Layout, then: &Layout) -> Result<()> {
    let mut same = then.clone();
    same.history = now.history;
    for (queue, now) in same.queues.iter_mut().zip(&now.queues) {
        queue.name.clone_from(&now.name);
    }
    if same == *now {
        return Ok(());
    }
    let other = now.queues.iter().zip(&same.queues).find(|(now, then)| now != then);
    let (now, then) = match other {
        Some((now, then)) => (format!("{now:?}"), format!("{then:?}")),
        None => (format!("{now:?}"), format!("{same:?}")),
    };
    Err(conflict(format!(
        "the sampler was made with {then}, and now is told {now}: tell it the same, or begin a new run"
    )))
}

/// Has `sampler` remember `snapshot`. Its points are there, all of them discarded; `factors` are the rank factors of rows,
/// where they are not 1.
pub(super) fn remember(sampler: &mut Sampler, snapshot: Snapshot, factors: Vec<(u32, f32)>) -> Result<()> {
    let lists = snapshot.lists().into_owned();
    if snapshot.queues.len() != sampler.queues.len() || snapshot.weighed.len() != sampler.spaces.len() {
        return Err(unfit("queues", snapshot.queues.len(), sampler.queues.len()));
    }
    for (queue, memory) in sampler.queues.iter_mut().zip(&snapshot.queues) {
        if memory.random_left > queue.config().min_random {
            return Err(unfit("random picks", memory.random_left, queue.config().min_random));
        }
        queue.remember(*memory);
    }
    sampler.events = snapshot.events;
    stages(sampler, &lists, &snapshot.order)?;
    for (row, factor) in factors {
        if sampler.known.is_ranked(row) {
            sampler.known.set_factor(row, factor);
        }
    }
    selections(sampler, &snapshot.picks)?;
    for (s, &weighed) in sampler.spaces.iter_mut().zip(&snapshot.weighed) {
        if weighed > s.len() {
            return Err(unfit("weighed points", weighed, s.len()));
        }
        s.weighed = weighed;
    }
    let mut closest = Vec::new();
    snapshot.closest(|positions| {
        closest.extend_from_slice(positions);
        Ok(())
    })?;
    nearest(sampler, &closest)?;
    sampler.history.go_on(snapshot.history, snapshot.history_dropped);
    Ok(())
}

/// Moves each point to where it is, and fills S.
fn stages(sampler: &mut Sampler, lists: &Lists, order: &[u64]) -> Result<()> {
    for &row in &lists.withdrawn {
        sampler.known.remove_row(row);
    }
    let found = sampler.known.ids().fold(0, digest);
    if found != lists.digest {
        return Err(corrupt(
            "the points are not those that the snapshot was taken of, or not in their order: verify the run",
        ));
    }
    for &(step, id) in &lists.waiting {
        let row = advance(sampler, id, Stage::Waiting)?;
        sampler.waiting.push((step, row));
    }
    for &id in &lists.candidates {
        advance(sampler, id, Stage::Candidate)?;
    }
    for &id in order {
        let row = advance(sampler, id, Stage::Selected)?;
        let queue = sampler.known.row(row).queue;
        sampler.enter_space(queue, row);
        sampler.queues[queue].count(sampler.known.row(row).point, true);
    }
    sampler.order = order.to_vec();
    Ok(())
}

/// Moves a point to its stage, and gives its row.
fn advance(sampler: &mut Sampler, id: u64, stage: Stage) -> Result<u32> {
    let row = sampler.known.get(id).filter(|row| row.stage == Stage::Discarded).map(|row| row.at);
    let row = row.ok_or_else(|| {
        corrupt(format!("the snapshot names patch {id} twice, or there is no point of it: verify the run"))
    })?;
    sampler.known.advance(row, stage);
    Ok(row)
}

/// Everything in S has a pick, and so may what was returned.
fn selections(sampler: &mut Sampler, picks: &[Selection]) -> Result<()> {
    for pick in picks {
        let stage = sampler.known.get(pick.id).filter(|row| row.queue == pick.queue).map(|row| row.stage);
        let fits = match stage {
            None => false,
            Some(Stage::Selected) => pick.state != State::Returned,
            Some(Stage::Waiting | Stage::Candidate | Stage::Discarded) => pick.state == State::Returned,
        };
        if !fits || pick.failures > FAILURES_MAX || sampler.picks.get(pick.id).is_some() {
            return Err(corrupt(format!(
                "the snapshot has patch {} as {} in queue {}, where it is not: verify the run",
                pick.id, pick.state, pick.queue
            )));
        }
        sampler.picks.insert(*pick);
    }
    match sampler.order.iter().find(|&&id| sampler.picks.get(id).is_none()) {
        None => Ok(()),
        Some(id) => Err(corrupt(format!("the snapshot has no state of patch {id}, which is selected: verify the run"))),
    }
}

/// Says which point of S is the nearest to each point, and how far away.
fn nearest(sampler: &mut Sampler, positions: &[u32]) -> Result<()> {
    let (layout, spaces) = (&sampler.layout, &sampler.spaces);
    let mut left = positions.iter();
    let mut bad = None;
    let (mut points, dim) = (0, layout.dim);
    sampler.known.revise(|queue, point, closest| {
        points += 1;
        let Some(&position) = left.next().filter(|&&position| position != u32::MAX) else { return };
        let s = &spaces[if spaces.len() == 1 { 0 } else { queue }];
        match s.rows().get(position as usize * dim..).and_then(|rows| rows.get(..dim)) {
            None => bad = Some(position),
            Some(there) => {
                let squared = there.iter().zip(point).fold(0.0_f32, |sum, (a, b)| sum + (a - b) * (a - b));
                (closest.position, closest.distance) = (position, squared);
            }
        }
    });
    match bad {
        Some(position) => Err(unfit("nearest points", position as usize, sampler.order.len())),
        None if points != positions.len() => Err(unfit("points", positions.len(), points)),
        None => Ok(()),
    }
}

fn unfit(what: &str, said: usize, there: usize) -> Error {
    corrupt(format!("the snapshot says {said} {what} where there can be {there}: verify the run"))
}
