//! What a line of jobs is asked, answers, remembers and counts.
//!
//! Not here: the line itself ([`super::line`]).

use super::windows::Windows;
use crate::dynim::{FAILURES_MAX, State};

/// Which job a worker wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// The first in line.
    Oldest,
    /// The one of this id.
    Job(u64),
}

/// What a word of a worker or host changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moved {
    /// Nothing: it was said before.
    Known,
    /// Its state; who has it keeps it.
    Kept,
    /// It is in line again.
    Back,
    /// It is done.
    Over,
    /// It failed for the third time.
    SetAside,
    /// Its pick was returned.
    Out,
}

/// What is known of a job.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Past {
    /// How often it was given out.
    pub(crate) attempt: u32,
    /// How often it failed.
    pub(crate) failures: u32,
    /// What was said of it last.
    pub(crate) state: State,
    /// Who has it.
    pub(crate) holder: Option<String>,
    /// Its accepted windows; none of a job that is over.
    pub(crate) accepted: Windows,
}

impl Past {
    /// Whether the job is neither over nor out.
    pub(crate) fn is_open(&self) -> bool {
        self.failures < FAILURES_MAX && !matches!(self.state, State::Done | State::Returned)
    }
}

/// What a line counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobCounts {
    /// Jobs that wait to be taken.
    pub in_line: u64,
    /// Jobs that a worker has.
    pub held: u64,
    /// Jobs that are done.
    pub done: u64,
    /// Jobs that failed three times and are not given out any more.
    pub set_aside: u64,
    /// How often a job was given out.
    pub given: u64,
    /// Workers that died with a job.
    pub deaths: u64,
    /// Samples accepted.
    pub accepted: u64,
    /// Samples of windows that were accepted before.
    pub known: u64,
    /// Messages of workers that were refused: of an attempt that is over, or damaged.
    pub refused: u64,
}
