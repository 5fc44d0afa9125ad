//! The states of a pick, and which may follow which.
//!
//! | from \ to | issued | started | interrupted | done | failed | returned |
//! |---|---|---|---|---|---|---|
//! | issued | known | yes | | | yes | if never started |
//! | started | yes | known | yes | yes | yes | |
//! | interrupted | yes | yes | known | | yes | |
//! | done | | | | known | | |
//! | failed | yes | yes | | | known | |
//! | returned | | | | | | known |
//!
//! *issued* again means that the job is back in line: its worker died, or it is tried once more. After the third
//! failure the job is set aside: nothing follows, and its point stays in S.
//! Not here: what returning does to S ([`super::Sampler::set_state`]).

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result, argument};

/// After how many failures a pick is set aside.
pub const FAILURES_MAX: u32 = 3;

/// Where a pick is. The numbers never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// Picked; its job waits to be started.
    Issued = 1,
    /// Its job runs.
    Started = 2,
    /// The batch system ended the job, which can go on.
    Interrupted = 3,
    /// Its job is complete.
    Done = 4,
    /// Its job failed.
    Failed = 5,
    /// It was never started, left S, and is a candidate again.
    Returned = 6,
}

/// A pick and where it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Selection {
    /// The point's id.
    pub id: u64,
    /// The queue it was picked from.
    pub queue: usize,
    /// Its state.
    pub state: State,
    /// Its rank when it was picked, scaled; `None` if it was selected outright.
    pub rank: Option<f32>,
    /// The event of the pick; the last one before it if it was selected outright, -1 if there was none.
    pub event: i64,
    /// Whether it ever was `Started`.
    pub was_started: bool,
    /// How often it went to `Failed`.
    pub failures: u32,
}

impl Selection {
    /// Whether `to` may follow. That a state follows itself is not asked here: it is known.
    pub(super) fn may_become(&self, to: State) -> bool {
        use State::{Done, Failed, Interrupted, Issued, Returned, Started};
        match (self.state, to) {
            (Issued, Returned) => !self.was_started,
            (Failed, Issued | Started) => self.failures < FAILURES_MAX,
            (Issued, Started | Failed)
            | (Started, Issued | Interrupted | Done | Failed)
            | (Interrupted, Issued | Started | Failed) => true,
            _ => false,
        }
    }

    /// Why `to` may not follow, and what to do.
    pub(super) fn refusal(&self, to: State) -> String {
        let Self { id, state, .. } = self;
        let advice = match (state, to) {
            (State::Failed, State::Issued | State::Started) => "it failed three times and is set aside",
            (_, State::Returned) if self.was_started => "its job was started, so it stays in S; set it to failed",
            (State::Returned, _) => "it is a candidate again; wait until it is picked",
            (State::Done, _) => "its job is complete",
            (State::Issued, State::Done | State::Interrupted) => "set it to started first",
            _ => "see the table of states",
        };
        format!("the pick of patch {id} is {state} and cannot become {to}: {advice}")
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Issued => "issued",
            State::Started => "started",
            State::Interrupted => "interrupted",
            State::Done => "done",
            State::Failed => "failed",
            State::Returned => "returned",
        })
    }
}

impl FromStr for State {
    type Err = Error;

    /// Reads what [`Display`](fmt::Display) writes.
    fn from_str(name: &str) -> Result<Self> {
        use State::{Done, Failed, Interrupted, Issued, Returned, Started};
        [Issued, Started, Interrupted, Done, Failed, Returned]
            .into_iter()
            .find(|state| state.to_string() == name)
            .ok_or_else(|| {
                argument(format!(
                    "pick state {name:?} is unknown: write issued, started, interrupted, done, failed or returned"
                ))
            })
    }
}
