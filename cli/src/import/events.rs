//! What a history says happened, as points and events of a run, in order.
//!
//! `dynim` merges whatever came since at each event, so a point's step is the number of the event that it came before.
//! Rows that contradict what was said before come from a sampler that was restored from an older checkpoint: what was
//! selected stays selected, the first place in S counts, and whatever else is said again changes nothing.
//! Not here: the rows ([`super::history`]), the log that is made of these ([`super::write`]).

use std::collections::HashMap;
use std::path::Path;

use patchstream::error::{Result, conflict};

use super::history::{History, What};
use super::names::Names;

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Happened {
    /// A row of the points came, before the event of this number.
    Came { row: usize, event: u64 },
    /// A row is forgotten, and comes again.
    Withdrawn { row: usize, event: u64 },
    /// An event: the rows that were discarded, and those that were selected, with their ranks.
    Event { merged: u64, gone: Vec<usize>, picks: Vec<(usize, f32)> },
}

/// What the history and the points lack, and what was made of it.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Lacks {
    /// Rows that said that a known point was rejected.
    pub rejected: u64,
    /// Rows that said again what was known.
    pub repeated: u64,
    /// Rows that said that a selected point was discarded, which it was not.
    pub contradicted: u64,
    /// Discarded points that are selected later: they came again.
    pub revived: u64,
    /// Points that were selected or discarded and never added: they came just before.
    pub never_added: u64,
    /// Points of the history that have no row: they are left out.
    pub without_point: u64,
    /// Rows that the history does not speak of: they are left out.
    pub without_history: u64,
    /// Picks without a rank.
    pub without_rank: u64,
}

/// All that happened.
#[derive(Debug, Default)]
pub struct Past {
    pub happened: Vec<Happened>,
    pub lacks: Lacks,
    pub events: u64,
    /// The most candidates that were left when some were discarded, which is the size of dynim's buffer; none if nothing
    /// was discarded.
    pub capacity: Option<u64>,
    /// The first and the last time in the history.
    pub times: Option<(String, String)>,
    pub candidates: u64,
    pub selected: u64,
    pub discarded: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Candidate,
    Selected,
    Discarded,
}

/// A call of dynim's that is being read: its rows follow each other.
#[derive(Default)]
struct Call {
    gone: Vec<usize>,
    picks: Vec<(usize, f32)>,
    /// The candidates that were left after the rows that were read last.
    left: u64,
}

impl Past {
    /// Reads a history.
    ///
    /// # Errors
    /// Those of [`History::next`], and by [`ErrorKind`](patchstream::error::ErrorKind) `Conflict` for a selected point
    /// that has no row: the sampler could not go on without it.
    pub fn read(path: &Path, names: &Names, rows: usize) -> Result<Self> {
        let mut history = History::open(path)?;
        let mut past = Self::default();
        let mut stages: Vec<Option<Stage>> = vec![None; rows];
        let mut nameless: HashMap<String, ()> = HashMap::new();
        let (mut call, mut came) = (Call::default(), 0);
        while let Some(row) = history.next()? {
            past.times = Some((past.times.take().map_or_else(|| row.time.clone(), |(first, _)| first), row.time));
            // A call discards, then selects; whatever else comes is of another call.
            let goes_on = match row.what {
                What::Selected => call.picks.is_empty() || call.left == row.candidates,
                What::Discarded => call.picks.is_empty() && (call.gone.is_empty() || call.left == row.candidates),
                What::Added => false,
                What::Rejected => {
                    past.lacks.rejected += 1;
                    continue;
                }
            };
            if !goes_on {
                past.close(&mut call, &mut came);
            }
            call.left = row.candidates;
            if row.what == What::Discarded {
                past.capacity = past.capacity.max(Some(row.candidates));
            }
            let Some(at) = names.row(&row.id) else {
                if row.what == What::Selected {
                    return Err(conflict(
                        history
                            .wrong(&format!("{:?} was selected and has no row: add its point and id", row.id))
                            .message(),
                    ));
                }
                if nameless.insert(row.id, ()).is_none() {
                    past.lacks.without_point += 1;
                }
                continue;
            };
            let step = past.events;
            let mut come = |happened: &mut Vec<Happened>| {
                happened.push(Happened::Came { row: at, event: step });
                came += 1;
            };
            match (row.what, stages[at]) {
                (What::Rejected, _) => {}
                (What::Added, None) => {
                    come(&mut past.happened);
                    stages[at] = Some(Stage::Candidate);
                }
                (What::Added, Some(_)) => past.lacks.repeated += 1,
                (What::Selected, Some(Stage::Selected)) | (What::Discarded, Some(Stage::Discarded)) => {
                    past.lacks.repeated += 1;
                }
                (What::Discarded, Some(Stage::Selected)) => past.lacks.contradicted += 1,
                (What::Discarded, stage) => {
                    if stage.is_none() {
                        past.lacks.never_added += 1;
                        come(&mut past.happened);
                    }
                    stages[at] = Some(Stage::Discarded);
                    call.gone.push(at);
                }
                (What::Selected, stage) => {
                    match stage {
                        None => {
                            past.lacks.never_added += 1;
                            come(&mut past.happened);
                        }
                        Some(Stage::Discarded) if call.gone.contains(&at) => call.gone.retain(|gone| *gone != at),
                        Some(Stage::Discarded) => {
                            past.lacks.revived += 1;
                            past.happened.push(Happened::Withdrawn { row: at, event: step });
                            past.discarded -= 1;
                            come(&mut past.happened);
                        }
                        _ => {}
                    }
                    stages[at] = Some(Stage::Selected);
                    if !row.rank.is_finite() {
                        past.lacks.without_rank += 1;
                    }
                    call.picks.push((at, if row.rank.is_nan() { f32::INFINITY } else { row.rank }));
                }
            }
        }
        past.close(&mut call, &mut came);
        past.lacks.without_history = stages.iter().filter(|stage| stage.is_none()).count() as u64;
        past.candidates = stages.iter().filter(|stage| **stage == Some(Stage::Candidate)).count() as u64;
        Ok(past)
    }

    /// Ends a call, if one was being read.
    fn close(&mut self, call: &mut Call, came: &mut u64) {
        let Call { gone, picks, .. } = std::mem::take(call);
        if gone.is_empty() && picks.is_empty() {
            return;
        }
        self.events += 1;
        self.discarded += gone.len() as u64;
        self.selected += picks.len() as u64;
        self.happened.push(Happened::Event { merged: std::mem::take(came), gone, picks });
    }
}
