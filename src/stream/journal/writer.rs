//! Writing a stream's run: each thing that is acknowledged or told goes into the log before it is.
//!
//! A failed write is kept: the stream hears of it when it is about to tell something.
//! Not here: reading it back ([`super::recover`]).

use super::feedback::{self, Looked};
use super::options::{OnFailure, StoreConfig, StoreStats};
use super::records::{self, Branch, Event, Given, LeftOut, Mark, Moved, Point, PointParts, Why, Withdrawn};
use crate::error::{Error, Result, argument};
use crate::feedback::Simulation;
use crate::store::bytes::Packer;
use crate::store::{Durability, PAYLOAD_MAX, PendingCheckpoint, Recovered, Sections, Store};

/// A stream that always has something to do acknowledges after so many entries.
const GROUP: u64 = 256;
/// The same where that takes a sync, which lasts as long as hundreds of patches.
const SYNCED_GROUP: u64 = 4096;

/// A mark that the run has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::stream) struct SetMark {
    pub(in crate::stream) mark: Mark,
    pub(in crate::stream) sequence: u64,
    /// The entry of the last sample that the host had taken; 0 for none.
    pub(in crate::stream) taken: u64,
}

/// The run of a stream.
pub(in crate::stream) struct Journal {
    /// None once it goes on from memory.
    store: Option<Store>,
    /// What the run was when it was opened; none of a new one, and once its host said where it is.
    pub(in crate::stream) found: Option<Recovered>,
    /// Its marks in the order of the log, until its host has said which one it goes on at: nobody asks for them later, and
    /// none that is set from then on is kept. A mark takes 112 bytes, its name, and 8 for each id of its lists, which are
    /// empty but of those set while a host sent again what it had sent: 3.5 MB for one every ten minutes in half a year.
    pub(in crate::stream) marks: Vec<SetMark>,
    pub(in crate::stream) branch: u64,
    /// The last entry when the stream was opened.
    pub(in crate::stream) begun: u64,
    /// The run was made of another program's past, which the first mark is the end of.
    pub(in crate::stream) imported: bool,
    /// What the log is to say of the stream, since it leaves that open.
    pub(in crate::stream) untold_options: Option<String>,
    /// The entry of the last sample that the host has taken, and what the log says of that.
    pub(in crate::stream) taken: u64,
    pub(in crate::stream) told_taken: u64,
    /// The most bytes of an entry.
    pub(in crate::stream) entry_max: usize,
    /// The run's number.
    run: u128,
    packer: Packer,
    /// How many entries wait at most to be acknowledged, as long as there is something to do.
    group: u64,
    on_failure: OnFailure,
    checkpoint_events: u64,
    /// Events since the last checkpoint.
    events: u64,
    failed: Option<Error>,
    /// A failure that the log does not know yet.
    untold: Option<String>,
    stats: StoreStats,
}

impl Journal {
    pub(in crate::stream) fn new(store: Store, config: &StoreConfig) -> Self {
        Self {
            run: store.description().run.0,
            store: Some(store),
            found: None,
            marks: Vec::new(),
            branch: 0,
            begun: 0,
            imported: false,
            untold_options: None,
            taken: 0,
            told_taken: 0,
            entry_max: PAYLOAD_MAX,
            packer: Packer::new(),
            group: if config.durability == Durability::Batch { SYNCED_GROUP } else { GROUP },
            on_failure: config.on_failure,
            checkpoint_events: config.checkpoint_events,
            events: 0,
            failed: None,
            untold: None,
            stats: StoreStats::default(),
        }
    }

    pub(in crate::stream) fn stats(&self) -> StoreStats {
        let Some(store) = &self.store else { return StoreStats { branch: self.branch, ..self.stats } };
        StoreStats {
            appended: store.appended(),
            acknowledged: store.acknowledged(),
            durable: store.durable(),
            branch: self.branch,
            lost: self.stats.lost,
        }
    }

    /// The run's number.
    pub(in crate::stream) fn run(&self) -> u128 {
        self.run
    }

    /// The last entry.
    pub(in crate::stream) fn appended(&self) -> u64 {
        self.stats().appended
    }

    /// Whether so much is not acknowledged yet that it is time to.
    pub(in crate::stream) fn is_behind(&self) -> bool {
        self.store.as_ref().is_some_and(|store| store.appended() - store.acknowledged() >= self.group)
    }

    /// Refuses what would not fit into an entry, before anything of it is done: a log that lacks an entry is not written any
    /// more.
    ///
    /// # Errors
    /// `Argument` with the most that there is room for.
    pub(in crate::stream) fn has_room(&self, bytes: usize, what: impl FnOnce() -> String, advice: &str) -> Result<()> {
        check_entry(bytes, self.entry_max, what, advice)
    }

    /// Why nothing may be told any more.
    pub(in crate::stream) fn failure(&self) -> Option<&Error> {
        self.failed.as_ref()
    }

    /// What the host's log is to hear of a failure, once.
    pub(in crate::stream) fn untold(&mut self) -> Option<String> {
        self.untold.take()
    }

    /// Begins a new log with the options. A run that cannot even be begun is an error, whatever a failure is to mean later.
    pub(in crate::stream) fn begin(&mut self, options: &str) -> Result<()> {
        let Some(store) = &mut self.store else { return Ok(()) };
        self.begun = store.append(records::OPTIONS, options.as_bytes())?;
        store.commit()
    }

    /// Adds the options that a run goes on with, where they are others than those that it has.
    pub(in crate::stream) fn options(&mut self, text: &str) {
        self.packer.clear().u8s(text.as_bytes());
        self.append(records::OPTIONS);
    }

    pub(in crate::stream) fn point(&mut self, parts: PointParts<'_>) {
        Point::pack(parts, self.packer.clear());
        self.append(records::POINT);
    }

    pub(in crate::stream) fn left_out(&mut self, left: LeftOut) {
        left.pack(self.packer.clear());
        self.append(records::LEFT_OUT);
    }

    pub(in crate::stream) fn event(&mut self, event: &Event) {
        event.pack(self.packer.clear());
        self.append(records::EVENT);
        self.events += 1;
    }

    pub(in crate::stream) fn state(&mut self, moved: &Moved) {
        moved.pack(self.packer.clear());
        self.append(records::STATE);
    }

    pub(in crate::stream) fn given(&mut self, given: &Given) {
        given.pack(self.packer.clear());
        self.append(records::GIVEN);
    }

    /// A sample that was accepted, as the message that it is; its entry.
    pub(in crate::stream) fn sample(&mut self, message: &[u8]) -> u64 {
        self.packer.clear().u8s(message);
        self.append(records::SAMPLE);
        self.appended()
    }

    pub(in crate::stream) fn withdrawn(&mut self, id: u64, step: i64, why: Why) {
        Withdrawn { id, step, why }.pack(self.packer.clear());
        self.append(records::WITHDRAWN);
    }

    pub(in crate::stream) fn begin_branch(&mut self, branch: &Branch) {
        branch.pack(self.packer.clear());
        self.append(records::BRANCH);
        self.branch = branch.number;
    }

    pub(in crate::stream) fn simulation(&mut self, simulation: &Simulation) {
        feedback::pack(simulation, self.packer.clear());
        self.append(feedback::SIMULATION);
    }

    /// Writes a table down, packed, or that there was no need of one; the entry.
    pub(in crate::stream) fn feedback(&mut self, looked: Looked, table: &[u8]) -> u64 {
        looked.pack(table, self.packer.clear());
        self.append(feedback::FEEDBACK);
        self.appended()
    }

    /// Sets a mark; its `after` is the entry itself if it is `None`.
    pub(in crate::stream) fn mark(&mut self, mut mark: Mark, after: Option<u64>) {
        if self.taken != self.told_taken {
            self.packer.clear().u64(self.taken);
            self.append(records::TAKEN);
            self.told_taken = self.taken;
        }
        let sequence = self.appended() + 1;
        mark.after = after.unwrap_or(sequence);
        mark.pack(self.packer.clear());
        self.append(records::MARK);
    }

    /// Brings everything as far as the durability says: then it may be told.
    pub(in crate::stream) fn commit(&mut self) -> Result<()> {
        if let Some(store) = &mut self.store
            && let Err(error) = store.commit()
        {
            self.fail(error);
        }
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Whether it is time for a checkpoint that nobody asked for.
    pub(in crate::stream) fn is_due(&self) -> bool {
        self.store.is_some() && self.checkpoint_events > 0 && self.events >= self.checkpoint_events
    }

    /// A checkpoint of everything so far, without its sections; `None` if it goes on from memory.
    pub(in crate::stream) fn begin_checkpoint(&mut self) -> Result<Option<PendingCheckpoint>> {
        self.commit()?;
        self.events = 0;
        let Some(store) = &mut self.store else { return Ok(None) };
        let begun = store.begin_checkpoint(Sections::new());
        match begun {
            Ok(pending) => Ok(Some(pending)),
            // Another one is being written.
            Err(error) if store.check().is_ok() => Err(error),
            Err(error) => {
                self.fail(error);
                self.commit().map(|()| None)
            }
        }
    }

    /// Writes what is left and lets the run go.
    pub(in crate::stream) fn close(&mut self) {
        self.stats = self.stats();
        if let Some(Err(error)) = self.store.take().map(Store::close) {
            self.untold = Some(format!("the end of the run was not written: {error}"));
        }
    }

    fn append(&mut self, kind: u16) {
        match &mut self.store {
            None => self.stats.lost += 1,
            Some(store) => {
                if let Err(error) = store.append(kind, self.packer.bytes()) {
                    self.stats.lost += 1;
                    self.fail(error);
                }
            }
        }
    }

    fn fail(&mut self, error: Error) {
        if self.failed.is_some() || self.store.is_none() {
            return;
        }
        match self.on_failure {
            OnFailure::Stop => {
                self.untold = Some(format!("the run cannot be written any more, and the stream stops: {error}"));
                self.failed = Some(error);
            }
            OnFailure::GoOn => {
                self.untold = Some(format!(
                    "the run cannot be written any more, the stream goes on from memory, and nothing from here on \
                     survives: {error}"
                ));
                self.stats = self.stats();
                // What was appended and is not as safe as the durability says may be there or not: nobody is told that it is.
                self.stats.lost += self.stats.appended - self.stats.acknowledged;
                self.store = None;
            }
        }
    }
}

/// As [`Journal::has_room`], before there is one.
pub(in crate::stream) fn check_entry(
    bytes: usize,
    most: usize,
    what: impl FnOnce() -> String,
    advice: &str,
) -> Result<()> {
    if bytes <= most {
        return Ok(());
    }
    let what = what();
    Err(argument(format!("{what} takes {bytes} bytes, and an entry of the run's log has room for {most}: {advice}")))
}
