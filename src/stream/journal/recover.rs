//! Opening a run: a new one is begun, a used one is read back to the sampler, ids and marks that it had.
//!
//! Not here: where its host goes on ([`super::resume`]).

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::feedback::{self, Looked};
use super::jobs::{self, JobsFound};
use super::options::{StoreConfig, difference, is_imported, is_open, place_in};
use super::records::{self, Branch, Event, Given, LeftOut, Mark, Moved, Picked, Point, Why, Withdrawn};
use super::writer::{Journal, SetMark};
use crate::dynim::{Alone, Layout, Outcome, Pick, PointRow, Recovery, Sampler, Snapshot, State};
use crate::error::{Result, corrupt};
use crate::ids;
use crate::retain::RunDensities;
use crate::store::{Folder, Record, Recovered, Store, look};
use crate::stream::config::LogLevel;
use crate::stream::feedback::Measured;
use crate::stream::registry::Registry;

/// The section of a checkpoint that the sampler is in.
pub(in crate::stream) const SAMPLER: u32 = 1;

/// A run, opened.
pub(in crate::stream) struct Opened {
    pub(in crate::stream) journal: Journal,
    pub(in crate::stream) sampler: Sampler,
    /// The host's ids of patches that were left out for an error.
    pub(in crate::stream) left_out: HashSet<u64>,
    /// Its picks as jobs.
    pub(in crate::stream) jobs: JobsFound,
    /// The content of each patch that is not discarded or withdrawn, by its public id; empty if nobody wants to know.
    pub(in crate::stream) contents: HashMap<u64, u64>,
    /// Where densities are kept, as far as the run tells.
    pub(in crate::stream) place: Option<String>,
    /// The step of the last event.
    pub(in crate::stream) last_step: i64,
    /// What the log is to say.
    pub(in crate::stream) lines: Vec<(LogLevel, String)>,
}

/// What a run is opened with.
pub(in crate::stream) struct Open<'a> {
    /// What has to be equal to go on.
    pub(in crate::stream) told: &'a str,
    /// What a new run's `run.toml` says.
    pub(in crate::stream) text: &'a str,
    pub(in crate::stream) layout: Layout,
    /// Whether densities are kept, so that the contents of its patches are wanted.
    pub(in crate::stream) keeps: bool,
}

/// Opens the run at `path`.
pub(in crate::stream) fn open(
    path: &Path,
    config: &StoreConfig,
    open: Open<'_>,
    registry: &Registry,
    measured: Option<&mut Measured>,
) -> Result<Opened> {
    let Open { told, text, layout, keeps } = open;
    let options = config.options();
    if let Folder::New = look(path)? {
        let mut journal = Journal::new(Store::create(path, text, &options)?, config);
        journal.begin(told)?;
        let (left_out, contents, last_step, lines) = (HashSet::new(), HashMap::new(), i64::MIN, Vec::new());
        let (sampler, jobs) = (Sampler::with_layout(layout)?, JobsFound::default());
        let place = place_in(told).map(String::from);
        return Ok(Opened { journal, sampler, left_out, jobs, contents, place, last_step, lines });
    }
    let (store, found) = Store::open(path, &options)?;
    let mut journal = Journal::new(store, config);
    let mut reader = Reader::new(&found, layout, registry)?;
    reader.keeps = keeps;
    reader.measured = measured;
    let mut entries = found.records(1)?;
    while let Some(record) = entries.next()? {
        reader.read(record, told).map_err(|error| error.context(format!("{}", path.display())))?;
    }
    if found.last == 0 {
        // Killed before anything was written.
        journal.begin(told)?;
        reader.place = place_in(told).map(String::from);
    }
    let mut lines = lines(&found);
    let Reader { recovery, left_out, jobs, contents, marks, branch, taken, place, used, .. } = reader;
    let Reader { last_step, imported, open, .. } = reader;
    (journal.marks, journal.branch, journal.imported) = (marks, branch, imported);
    (journal.taken, journal.told_taken) = (taken, taken);
    if open {
        let line = "the run was imported, and does not tell what its points were made by: from its host's resume on it is \
                    this stream's, encoder and all";
        lines.push((LogLevel::Info, line.into()));
        journal.untold_options = Some(told.into());
    }
    registry.set_branch(branch);
    let mut sampler = recovery.finish(&Alone)?;
    // Its host says from where on it lost it.
    sampler.forget_history();
    lines.push((
        LogLevel::Info,
        format!(
            "the run {} goes on: {} entries, {} events, {} selected, {} candidates, branch {branch}; its host is to \
             resume",
            path.display(),
            found.last,
            sampler.events(),
            sampler.selected(),
            sampler.candidates() + sampler.waiting(),
        ),
    ));
    // Before there were options for it, a file told.
    let place = place.or_else(|| RunDensities::is_in(path).then(|| "run".into()));
    journal.begun = journal.appended();
    if used {
        journal.found = Some(found);
    }
    Ok(Opened { journal, sampler, left_out, contents, jobs: jobs.finish(), place, last_step, lines })
}

/// What of a run is worth a line.
fn lines(found: &Recovered) -> Vec<(LogLevel, String)> {
    let skipped = found.skipped.iter().map(|error| format!("a checkpoint is of no use: {error}"));
    let cut = found.cut.iter().map(|cut| {
        let (file, kept) = (cut.file.display(), cut.kept());
        format!(
            "the last write was cut short: {} bytes of {file} from byte {} on ({}), now in {}; what they held was never \
             acknowledged",
            cut.bytes,
            cut.offset,
            cut.why,
            kept.display()
        )
    });
    skipped.chain(cut).map(|line| (LogLevel::Warning, line)).collect()
}

/// The log, read in order.
struct Reader<'a> {
    registry: &'a Registry,
    recovery: Recovery,
    layout: Layout,
    /// The last entry that the checkpoint holds.
    held: u64,
    left_out: HashSet<u64>,
    keeps: bool,
    jobs: JobsFound,
    contents: HashMap<u64, u64>,
    marks: Vec<SetMark>,
    branch: u64,
    /// The entry of the last sample that the host had taken at the last mark.
    taken: u64,
    last_step: i64,
    /// It was made of another program's past.
    imported: bool,
    /// It leaves open what its stream is.
    open: bool,
    /// Where densities are kept, if it says so.
    place: Option<String>,
    /// It has more than options.
    used: bool,
    point: Point,
    measured: Option<&'a mut Measured>,
}

impl<'a> Reader<'a> {
    fn new(found: &Recovered, layout: Layout, registry: &'a Registry) -> Result<Self> {
        let checkpoint = found.checkpoint.as_ref();
        let section = checkpoint.and_then(|checkpoint| checkpoint.sections.get(SAMPLER).map(|s| (s, checkpoint)));
        let (recovery, held) = match section {
            None => (Recovery::new(layout.clone())?, 0),
            Some((bytes, checkpoint)) => {
                (Recovery::with_snapshot(layout.clone(), Snapshot::from_bytes(bytes)?)?, checkpoint.sequence)
            }
        };
        Ok(Self {
            registry,
            recovery,
            layout,
            held,
            left_out: HashSet::new(),
            jobs: JobsFound::default(),
            keeps: false,
            contents: HashMap::new(),
            marks: Vec::new(),
            branch: 0,
            taken: 0,
            last_step: i64::MIN,
            imported: false,
            open: false,
            place: None,
            used: false,
            point: Point::default(),
            measured: None,
        })
    }

    fn read(&mut self, record: Record<'_>, told: &str) -> Result<()> {
        let Record { sequence, kind, payload } = record;
        if sequence == 1 && kind != records::OPTIONS {
            return Err(corrupt(format!(
                "entry {sequence} is of the kind {kind}, and options come first: verify the run"
            )));
        }
        let after = sequence > self.held;
        if after && self.recovery.expected() > 0 {
            return Err(corrupt("the checkpoint has more points than the log before it: verify the run"));
        }
        self.used |= kind != records::OPTIONS;
        match kind {
            records::OPTIONS => {
                let text = records::options(payload)?;
                self.imported |= is_imported(text);
                // Those that follow say what the first left open.
                self.open = is_open(text);
                self.place = place_in(text).map(String::from);
                difference(text, told).map_or(Ok(()), Err)
            }
            records::POINT => self.point(payload),
            records::LEFT_OUT => {
                let LeftOut { id, content, .. } = LeftOut::view(payload)?;
                self.registry.recall(id, content);
                self.left_out.insert(id);
                Ok(())
            }
            records::EVENT => {
                let event = Event::view(payload)?;
                self.last_step = event.step;
                self.jobs.event(&event);
                for id in &event.gone {
                    self.contents.remove(id);
                }
                for lost in &event.lost {
                    self.registry.lose(lost.id);
                    self.withdrawn(lost.id);
                }
                if after { redo(&mut self.recovery, &event) } else { Ok(()) }
            }
            records::STATE => {
                let moved = Moved::view(payload)?;
                let Moved { id, to, step, .. } = moved;
                self.jobs.moved(moved);
                if after { self.recovery.set_state(id, to, step).map(drop) } else { Ok(()) }
            }
            records::WITHDRAWN => {
                let Withdrawn { id, step, why } = Withdrawn::view(payload)?;
                if self.left_out.remove(&ids::host(id)) {
                    self.registry.free(ids::host(id));
                    return Ok(());
                }
                match why {
                    Why::Lost => self.registry.lose(id),
                    Why::Host | Why::Branch | Why::Room => self.registry.withdraw(id),
                }
                self.withdrawn(id);
                if after { self.recovery.withdraw(id, step) } else { Ok(()) }
            }
            records::MARK => {
                let mark = Mark::view(payload)?;
                self.marks.push(SetMark { mark, sequence, taken: self.taken });
                Ok(())
            }
            records::BRANCH => {
                let Branch { number, step, after, told } = Branch::view(payload)?;
                (self.branch, self.last_step) = (number, step);
                self.registry.keep_told(&told);
                if let Some(measured) = &mut self.measured {
                    measured.branch(step, after);
                }
                Ok(())
            }
            records::SAMPLE => {
                let sample = jobs::sample(payload)?;
                if let Some(measured) = &mut self.measured {
                    measured.take(&sample);
                }
                self.jobs.sample(&sample)
            }
            records::GIVEN => {
                self.jobs.given(sequence, &Given::view(payload)?);
                Ok(())
            }
            records::TAKEN => {
                self.taken = records::taken(payload)?;
                Ok(())
            }
            _ if self.measured.is_some() => self.measured(sequence, kind, payload),
            // A later version's, or of what this stream does not use.
            _ => Ok(()),
        }
    }

    /// Gives up what is read of a patch that was withdrawn.
    fn withdrawn(&mut self, id: u64) {
        self.contents.remove(&id);
        if let Some(measured) = &mut self.measured {
            measured.withdrawn(id);
        }
    }

    /// What belongs to feedback alone.
    fn measured(&mut self, sequence: u64, kind: u16, payload: &[u8]) -> Result<()> {
        let Some(measured) = &mut self.measured else { return Ok(()) };
        match kind {
            feedback::SIMULATION => measured.announce(feedback::view(payload)?).map(drop),
            feedback::FEEDBACK => {
                let (looked, table) = Looked::view(payload)?;
                measured.adopt(sequence, looked, table)
            }
            _ => Ok(()),
        }
    }

    fn point(&mut self, payload: &[u8]) -> Result<()> {
        self.point.view(payload)?;
        let Point { id, step, queue, content, factor, ref point, ref proteins, .. } = self.point;
        ids::check_public(id)?;
        if let Some(measured) = &mut self.measured {
            measured.patch(id, proteins);
        }
        self.registry.recall(id, content);
        if self.keeps {
            self.contents.insert(id, content);
        }
        let usual = self.layout.queues.get(usize::from(queue)).map(|queue| queue.factor);
        let Some(factor) = factor.or(usual) else {
            return Err(corrupt(format!("patch {id} is of queue {queue}, which is not there: verify the run")));
        };
        self.recovery.add(PointRow { id, step, queue: queue.into(), factor, point }).map(drop)
    }
}

/// Does again what an event did.
fn redo(recovery: &mut Recovery, event: &Event) -> Result<()> {
    let all = event.picks.iter().chain(&event.lost);
    // As many as are told, and those that were lost, are picked one after the other.
    let first = (event.selected as usize).saturating_sub(event.picks.len());
    let picks: Vec<Pick> = all
        .zip(first..)
        .map(|(&Picked { id, queue, rank }, order)| Pick { id, rank, order, queue: queue.into() })
        .collect();
    let Event { number, step, merged, ref gone, .. } = *event;
    recovery.event(&Outcome { number, step, merged: merged as usize, discarded: gone, picks: &picks })?;
    for lost in &event.lost {
        recovery.set_state(lost.id, State::Returned, step)?;
        recovery.withdraw(lost.id, step)?;
    }
    Ok(())
}
