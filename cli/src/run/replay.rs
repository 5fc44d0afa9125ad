//! `patchstream replay`: the decisions of a run made again from the points in its log, by a sampler that knows nothing.
//!
//! What the log says is followed where the two differ, so that one difference is one line and not all that come after.
//! Not here: making points again from densities, which may differ in their last bits ([`super::reencode`]).

use std::collections::HashSet;

use patchstream::dynim::{self, Layout, Sampler, State};
use patchstream::error::{Result, corrupt};
use patchstream::ids;
use patchstream::store;
use patchstream::stream::journal::is_open;
use patchstream::stream::journal::layout::layout;
use patchstream::stream::journal::records::{Event, Point};

use super::entry::Entry;
use super::options::ReplayOptions;
use super::reading::{Read, Reading};
use super::reencode::Reencode;
use crate::summary::print;

/// Decides again, up to the end or to the first difference, and says whether all was the same; of points that are made
/// again, how far all of them are from the log's.
///
/// # Errors
/// A folder that is no run, a log that is damaged, [`ErrorKind::Corrupt`](patchstream::error::ErrorKind::Corrupt) for
/// a decision that is another one.
pub fn replay(options: &ReplayOptions) -> Result<()> {
    let ReplayOptions { run: path, until, reencode, model } = options;
    let reencode = *reencode || model.is_some();
    let found = store::read(path)?;
    let mut reading = Reading::new(&found)?;
    let mut text = String::new();
    let mut replay: Option<Replay> = None;
    let mut again: Option<Reencode> = None;
    let (mut ended, mut differs) = (false, None);
    while let Some(Read { sequence, entry, point }) = reading.next()? {
        if let Entry::Options(options) = entry {
            text = options.into();
            // One that was imported tells its encoder only once a stream went on with it.
            if reencode && !is_open(&text) {
                again = Some(Reencode::open(&found, path, model.as_deref(), &text)?);
            }
            continue;
        }
        if matches!((&entry, *until), (Entry::Event(event), Some(until)) if event.step > until) {
            ended = true;
            break;
        }
        if replay.is_none() && matches!(entry, Entry::Point | Entry::Event(_)) {
            replay = Some(Replay::new(layout(&text)?)?);
        }
        if let Some(replay) = &mut replay {
            if let (Entry::Point, Some(again)) = (&entry, &mut again) {
                again.make(point)?;
            }
            if differs.is_none() {
                let taken = replay.take(entry, point);
                differs = taken.err().map(|error| error.context(format!("entry {sequence}")));
            }
        }
        if differs.is_some() && again.is_none() {
            break;
        }
    }
    again.iter().for_each(|again| print(&again.say()));
    if let Some(differs) = differs {
        return Err(if again.is_some() { differs.context("with the points made again") } else { differs });
    }
    let (points, events, picks) = replay.map_or((0, 0, 0), |replay| (replay.points, replay.events, replay.picks));
    let rest = if ended { ", what comes later left out" } else { "" };
    print(&format!("identical {events} events with {picks} picks, from {points} points{rest}\n"));
    Ok(())
}

/// A sampler that follows a log.
struct Replay {
    sampler: Sampler,
    /// The host's ids of patches that were never taken in.
    left_out: HashSet<u64>,
    points: u64,
    events: u64,
    picks: u64,
}

impl Replay {
    fn new(layout: Layout) -> Result<Self> {
        Ok(Self { sampler: Sampler::with_layout(layout)?, left_out: HashSet::new(), points: 0, events: 0, picks: 0 })
    }

    fn take(&mut self, entry: Entry, point: &Point) -> Result<()> {
        match entry {
            Entry::Point => {
                let queue = usize::from(point.queue);
                self.sampler.add_to(queue, point.id, point.step, &point.point, point.factor)?;
                self.points += 1;
            }
            Entry::Event(event) => self.event(&event)?,
            Entry::Moved(moved) => {
                self.sampler.set_state(moved.id, moved.to, moved.step)?;
            }
            Entry::LeftOut(left) => drop(self.left_out.insert(left.id)),
            Entry::Withdrawn(gone) if self.left_out.remove(&ids::host(gone.id)) => {}
            Entry::Withdrawn(gone) => self.sampler.withdraw(gone.id, gone.step)?,
            _ => {}
        }
        Ok(())
    }

    /// Decides an event and compares it with what was told.
    fn event(&mut self, told: &Event) -> Result<()> {
        let differs = |what: &str, now: &dyn std::fmt::Debug, then: &dyn std::fmt::Debug| {
            corrupt(format!(
                "event {} at step {}: {what} {now:?} now, and {then:?} in the log: verify the run; if it is whole, the run was \
                 written by another version, or imported",
                told.number, told.step
            ))
        };
        let n = usize::try_from(told.n).unwrap_or(usize::MAX);
        let mut event = self.sampler.select(told.step, n);
        let merged = told.merged as usize;
        if (event.number, event.merged) != (told.number, merged) {
            return Err(differs("number and merged points are", &(event.number, event.merged), &(told.number, merged)));
        }
        let gone: Vec<u64> = event.discarded.iter().map(|discarded| discarded.id).collect();
        if gone != told.gone {
            return Err(differs("discarded are", &gone, &told.gone));
        }
        self.lose(told, &mut event, n)?;
        let bits = |id: u64, queue: usize, rank: f32| (id, queue, rank.to_bits());
        let now: Vec<_> = event.picks.iter().map(|pick| bits(pick.id, pick.queue, pick.rank)).collect();
        let then: Vec<_> = told.picks.iter().map(|pick| bits(pick.id, usize::from(pick.queue), pick.rank)).collect();
        if now != then {
            let at = now.iter().zip(&then).position(|(a, b)| a != b).unwrap_or(now.len().min(then.len()));
            let now = event.picks.get(at).map(|pick| (pick.id, pick.queue, pick.rank));
            let then = told.picks.get(at).map(|pick| (pick.id, pick.queue, pick.rank));
            return Err(differs(&format!("pick {at}, its queue and rank are"), &now, &then));
        }
        let counts =
            [self.sampler.candidates() + self.sampler.waiting(), self.sampler.selected(), self.sampler.discarded()];
        let told_counts = [told.candidates, told.selected, told.discarded].map(|count| count as usize);
        if counts != told_counts {
            return Err(differs("candidates, selected and discarded are", &counts, &told_counts));
        }
        self.events += 1;
        self.picks += event.picks.len() as u64;
        Ok(())
    }

    /// What was picked and lost at once is lost again, and others take its place, as it was then.
    fn lose(&mut self, told: &Event, event: &mut dynim::Event, n: usize) -> Result<()> {
        let (mut checked, mut lost) = (0, false);
        loop {
            if checked == event.picks.len() && std::mem::take(&mut lost) {
                self.sampler.pick(event, n - checked);
            }
            let Some(pick) = event.picks.get(checked) else { return Ok(()) };
            let id = pick.id;
            if !told.lost.iter().any(|pick| pick.id == id) {
                checked += 1;
                continue;
            }
            event.picks.remove(checked);
            self.sampler.set_state(id, State::Returned, told.step)?;
            self.sampler.withdraw(id, told.step)?;
            lost = true;
        }
    }
}
