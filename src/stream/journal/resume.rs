//! Going on with a run: its host names a mark, sends again what it computes anew, and is told what the log says.
//!
//! A decision that was told is never undone. As long as the host sends the same patches they are known, and its events are
//! answered from the log. At the first difference a branch begins: patches behind the mark that are not selected and were
//! not sent again are withdrawn, what was selected stays, and events are held anew.
//! Not here: which patch is a difference ([`crate::stream::registry`]), reading the log for the sampler
//! ([`super::recover`]).

use std::collections::{HashMap, HashSet, VecDeque};

use super::behind::Behind;
use super::jobs::{self, Samples};
use super::records::{self, Branch, Event, Picked, Point, Why};
use super::writer::SetMark;
use super::{abandoned, history};
use crate::dynim::{Stage, State};
use crate::error::{Error, Result, corrupt, state, unknown};
use crate::ids;
use crate::patch::Constellation;
use crate::stream::config::LogLevel;
use crate::stream::operator::{Kept, Operator};
use crate::stream::registry::Back;
use crate::stream::stream::{Shared, Stream};
use crate::sync::Ordering;
use crate::wire;

/// Where a host goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Resumed {
    /// The branch so far: how often a host that came back computed something else.
    pub branch: u64,
    /// The step that the mark was set at; 0 without a mark.
    pub step: i64,
    /// Patches behind the mark that the log has: the host sends them again.
    pub patches: u64,
    /// Events behind the mark, which are answered from the log.
    pub events: u64,
    /// What they selected.
    pub selections: u64,
}

/// What is answered from the log.
pub(in crate::stream) struct Replay {
    events: VecDeque<Told>,
    /// States that the host gave behind the mark, by pick.
    said: HashMap<u64, VecDeque<State>>,
    /// The entry of the last event that was replayed, or of the mark.
    pub(in crate::stream) after: u64,
}

impl Replay {
    /// Whether the host is still to hold events that the log has.
    pub(in crate::stream) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }
}

/// An event that was told.
struct Told {
    sequence: u64,
    n: u64,
    batch: wire::SelectionBatch,
}

impl Stream {
    /// Says where the host is: at the mark that it set last before it wrote its own checkpoint, or at the start. A run
    /// that was used answers nothing else before; of a new one it says that there is nothing to replay. The start of a run
    /// that was imported is the end of what was imported.
    ///
    /// From there on the host does again what it did: patches with equal content are known, events at the same step for
    /// as many picks are answered from the log, told withdrawals and states are known. What it does otherwise, or not
    /// again, begins a branch: patches behind the mark that are not selected and were not sent again are withdrawn, and
    /// patches get public ids of the new branch, `branch << 48 | id`.
    ///
    /// With a transport jobs go on: those that workers had are first in line again, or over `dir:` still theirs, and no
    /// pick becomes a job twice. Samples that were taken before the mark are the host's; those that it took behind it, or
    /// never, [`take_samples`](Self::take_samples) gives it now. Producers of other processes send again from the mark as
    /// well, and [`select`](Self::select) waits for them.
    ///
    /// The history begins with what the log has behind the mark, whether it was drained before or not, so that a host
    /// which drains it before it sets a mark, and keeps the rows with its own checkpoint, has each row once.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) without a [`run_dir`](super::super::Config::run_dir), or if
    /// it was said already, [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) for a mark that was never set,
    /// [`ErrorKind::Conflict`](crate::error::ErrorKind::Conflict) for one before which a patch lies that a branch withdrew
    /// since: its host would not send it again,
    /// [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt) and [`ErrorKind::Io`](crate::error::ErrorKind::Io) if the
    /// log cannot be read.
    pub fn resume(&self, mark: Option<&str>) -> Result<Resumed> {
        self.shared.check_usable()?;
        self.shared.operate(|operator| operator.resume(&self.shared, mark))
    }
}

impl Operator {
    fn resume(&mut self, shared: &Shared, name: Option<&str>) -> Result<Resumed> {
        let Some(journal) = &self.journal else {
            return Err(state(
                "this stream has no run, so there is nothing to resume: give its configuration a run_dir",
            ));
        };
        let Some(found) = &journal.found else {
            // Producers of other processes wait for nobody.
            let goes_on = journal.appended() > journal.begun && self.door.is_none();
            if goes_on || shared.resumed.load(Ordering::Acquire) {
                return Err(state("the stream goes on already: resume is the first call, and said once"));
            }
            if let Some(name) = name {
                return Err(no_mark(name, &[]));
            }
            shared.resumed.store(true, Ordering::Release);
            return Ok(Resumed::default());
        };
        let set = match name {
            // What another program decided is not sent again.
            None if journal.imported => journal.marks.first().cloned(),
            None => None,
            Some(name) => {
                let set = journal.marks.iter().rev().find(|set| set.mark.name == name).cloned();
                Some(set.ok_or_else(|| no_mark(name, &journal.marks))?)
            }
        };
        set.iter().try_for_each(|set| abandoned::check(found, set))?;
        let mark = set.as_ref().map(|set| (&set.mark, set.sequence));
        let (after, last_step) = mark.map_or((0, i64::MIN), |(mark, _)| (mark.after, mark.last_step));
        let taken = set.as_ref().map_or(0, |set| set.taken);
        let mut behind = Behind::read(found, after, mark)?;
        let wanted: HashSet<u64> =
            behind.events.iter().flat_map(|(_, event)| event.picks.iter().map(|pick| pick.id)).collect();
        let own = self.measured.as_ref().and_then(|measured| measured.own());
        let mut picked = HashMap::new();
        let (open, mut points, mut jobs, mut samples) = (self.open_jobs(), HashMap::new(), HashMap::new(), 0);
        let mut entries = found.records(1)?;
        let mut point = Point::default();
        let mut kept = Vec::new();
        while let Some(record) = entries.next()? {
            if record.sequence <= after {
                behind.before(record.sequence, record.kind, record.payload)?;
            }
            if record.kind == records::SAMPLE && record.sequence > taken {
                samples += u64::from(own.is_none() || own != Some(jobs::sample(record.payload)?.observable.as_str()));
            }
            if record.kind == records::EVENT && !open.is_empty() {
                let event = Event::view(record.payload)?;
                for (order, pick) in event.ordered().filter(|(_, pick)| open.contains(&pick.id)) {
                    jobs.insert(
                        pick.id,
                        self.selection_again(shared, event.number, order, pick, points.get(&pick.id))?,
                    );
                }
            }
            if record.kind != records::POINT {
                continue;
            }
            let Some(id) = Point::id_of(record.payload) else { continue };
            let (keeps, wants) = (self.keeps(id), wanted.contains(&id));
            let is_job = open.contains(&id);
            if !(keeps || wants || is_job) {
                continue;
            }
            point.view(record.payload)?;
            if is_job {
                points.insert(id, point.clone());
            }
            if keeps {
                kept.push((id, point.clone()));
            }
            if wants {
                picked.insert(id, point.clone());
            }
        }
        let samples = Samples::behind(found, taken, own, samples)?;
        let (history, history_dropped) = history::behind(found, after, self.sampler.layout().history)?;
        behind.assign(|id| shared.registry.contains(id));
        let Behind { pending, gone, made_room, events, said, sent, .. } = behind;
        let mut queue = VecDeque::new();
        for (sequence, event) in &events {
            let batch = self.told(shared, event, &picked)?;
            queue.push_back(Told { sequence: *sequence, n: event.n, batch });
        }
        for (id, point) in kept {
            self.keep_again(shared, id, &point);
        }
        let resumed = Resumed {
            branch: shared.registry.branch(),
            step: mark.map_or(0, |(mark, _)| mark.step),
            patches: pending.len() as u64,
            events: events.len() as u64,
            selections: events.iter().map(|(_, event)| event.picks.len() as u64).sum(),
        };
        let steps = events.iter().map(|(_, event)| event.step).collect();
        shared.registry.go_back(Back { pending, gone, made_room, events: steps, sent, ..Back::default() });
        if let Some(measured) = &mut self.measured {
            measured.go_back();
        }
        self.replay = Some(Box::new(Replay { events: queue, said, after }));
        self.last_step = last_step;
        (self.history, self.history_dropped) = (history, history_dropped);
        if let Some(journal) = &mut self.journal {
            (journal.found, journal.marks, journal.taken) = (None, Vec::new(), taken);
            if let Some(text) = journal.untold_options.take() {
                journal.options(&text);
            }
        }
        self.awaits_host = false;
        self.recall_jobs(jobs, samples);
        self.committed()?;
        shared.resumed.store(true, Ordering::Release);
        Ok(resumed)
    }

    /// Whether what belongs to a patch is needed yet: it may still be selected, or returned.
    fn keeps(&self, id: u64) -> bool {
        match self.sampler.stage(id) {
            Some(Stage::Waiting | Stage::Candidate) => true,
            Some(Stage::Selected) => self.sampler.selection(id).is_some_and(|pick| !pick.was_started),
            Some(Stage::Discarded) | None => false,
        }
    }

    fn keep_again(&mut self, shared: &Shared, id: u64, point: &Point) {
        let meta = crate::patch::Meta { id: ids::host(id), ..point.meta() };
        let constellation = Constellation::of(meta.proteins, &shared.states);
        let metadata = self.packer().patch_meta(&meta, constellation).to_vec();
        self.kept.insert(id, Kept { metadata, probabilities: point.probabilities.clone() });
    }

    /// What an event told its host.
    fn told(&self, shared: &Shared, event: &Event, picked: &HashMap<u64, Point>) -> Result<wire::SelectionBatch> {
        let selections = event
            .ordered()
            .map(|(order, pick)| self.selection_again(shared, event.number, order, pick, picked.get(&pick.id)));
        Ok(wire::SelectionBatch {
            event: event.number,
            step: event.step,
            selections: selections.collect::<Result<_>>()?,
            candidates: event.candidates,
            selected: event.selected,
            discarded: event.discarded,
        })
    }

    /// What an event told of a pick.
    fn selection_again(
        &self,
        shared: &Shared,
        event: u64,
        order: u64,
        pick: &Picked,
        point: Option<&Point>,
    ) -> Result<wire::Selection> {
        let lost = || corrupt(format!("the log has no point of patch {}, which was selected: verify it", pick.id));
        let point = point.ok_or_else(lost)?;
        Ok(wire::Selection {
            id: pick.id,
            rank: pick.rank,
            order: order as u32,
            event,
            point: point.point.clone(),
            step: point.step,
            time_us: point.time_us,
            center_nm: point.center_nm,
            constellation: Constellation::of(&point.proteins, &shared.states),
            proteins: point.proteins.clone(),
            label: point.label.clone(),
            queue: pick.queue,
            class_label: self.class_label(&point.probabilities),
            probabilities: point.probabilities.clone(),
        })
    }

    /// Whether the log answers an event: it has it, and what it knew was sent again.
    pub(in crate::stream) fn is_replayed(&self, shared: &Shared, step: i64, n: usize) -> bool {
        let next = self.replay.as_ref().and_then(|replay| replay.events.front());
        next.is_some_and(|told| told.batch.step == step && told.n == n as u64) && shared.registry.is_complete(step)
    }

    /// The answer to an event that the log has; `None` if it is to be held.
    pub(in crate::stream) fn replayed(
        &mut self,
        shared: &Shared,
        step: i64,
        n: usize,
    ) -> Result<Option<wire::SelectionBatch>> {
        let is_replayed = self.is_replayed(shared, step, n);
        let Some(replay) = &mut self.replay else { return Ok(None) };
        if !is_replayed {
            if replay.has_events() || !shared.registry.is_complete(step) {
                self.differ(shared)?;
            }
            return Ok(None);
        }
        let Some(Told { sequence, batch, .. }) = replay.events.pop_front() else { return Ok(None) };
        replay.after = sequence;
        shared.registry.replayed(sequence);
        self.last_step = step;
        Ok(Some(batch))
    }

    /// The host computed something else: a branch begins, unless one did since it went back.
    pub(in crate::stream) fn differ(&mut self, shared: &Shared) -> Result<()> {
        let agrees = shared.registry.with_back(|back| back.agrees).unwrap_or(false);
        let step = self.last_step();
        let (true, Some(replay), Some(journal)) = (agrees, &mut self.replay, &mut self.journal) else { return Ok(()) };
        let number = shared.registry.branch() + 1;
        if number > ids::BRANCH_MAX {
            return Err(state(format!("the run has {} branches, the most there can be: begin a new run", number - 1)));
        }
        let unsent = shared.registry.unsent();
        let told = unsent.iter().filter(|id| self.sampler.stage(**id) == Some(Stage::Selected)).count();
        let what = || format!("a branch that leaves {told} selected patches");
        journal.has_room(Branch::bytes(told), what, "resume at a later mark")?;
        let left = replay.events.len();
        replay.events.clear();
        let after = replay.after;
        let (told, other): (Vec<u64>, Vec<u64>) = shared
            .registry
            .differ()
            .into_iter()
            .partition(|&id| self.sampler.stage(shared.registry.public(id)) == Some(Stage::Selected));
        let line = format!(
            "the host computed something else than before it went back: branch {number} begins after step {step}; {} \
             patches are withdrawn, {} selected ones stay, {left} events are not replayed",
            other.len(),
            told.len()
        );
        self.lines.push((LogLevel::Warning, line));
        shared.registry.keep_told(&told);
        journal.begin_branch(&Branch { number, step, after, told });
        if let Some(measured) = &mut self.measured {
            measured.branch(step, after);
        }
        shared.registry.set_branch(number);
        for id in other {
            let public = shared.registry.public(id);
            if !self.left_out.remove(&id) {
                if self.sampler.stage(public).is_none() {
                    // Its host withdrew it since.
                    continue;
                }
                self.sampler.withdraw(public, step)?;
            }
            self.let_go(public);
            shared.registry.withdraw(public);
            if let Some(journal) = &mut self.journal {
                journal.withdrawn(public, step, Why::Branch);
            }
        }
        Ok(())
    }

    /// Whether the host says of a pick what it said before it went back.
    pub(in crate::stream) fn said_before(&mut self, id: u64, to: State) -> bool {
        let Some(said) = self.replay.as_mut().and_then(|replay| replay.said.get_mut(&id)) else { return false };
        let Some(at) = said.iter().position(|said| *said == to) else { return false };
        said.drain(..=at);
        true
    }
}

/// The run has no mark of this name.
fn no_mark(name: &str, marks: &[SetMark]) -> Error {
    let last = marks.last().map_or("none was set".into(), |set| format!("the last is {:?}", set.mark.name));
    unknown(format!("the run has no mark {name:?}, {last}: name one that checkpoint() was told, or none"))
}
