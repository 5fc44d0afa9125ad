//! The names of the files in a folder, written and read strictly: what another program would write differently is
//! nobody's.
//!
//! | folder | name | what |
//! |---|---|---|
//! | `owner` | `N`, `N.free` | epoch N, and that its owner closed it |
//! | `jobs` | `ORDER-ID.job` | a job; ORDER has 20 digits |
//! | `claims` | `ID.N`, `ID.N.done`, `.failed`, `.free` | attempt N, and its last word |
//! | `inbox` | `ID.N.K.msg` | message K of attempt N |
//! | `results/ID` | `OBSERVABLE.WINDOW.msg` | an accepted sample |
//! | `over` | `ID.done`, `ID.aside` | a job that is over |
//!
//! Not here: what is in the files ([`super::frame`]).

use super::super::windows::check_observable;

/// Above all places in the line, far from where counting on would overflow.
const ORDER_MAX: u64 = 1 << 62;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// It failed; the owner has not put it back into the line yet.
    Failed,
    /// Whoever is next may have the job.
    Free,
    /// The job is complete.
    Done,
}

impl Word {
    pub(super) const ALL: [Self; 3] = [Self::Failed, Self::Free, Self::Done];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Free => "free",
            Self::Done => "done",
        }
    }
}

pub(super) fn ticket(order: u64, id: u64) -> String {
    format!("{order:020}-{id}.job")
}

/// Order and id.
pub(super) fn parse_ticket(name: &str) -> Option<(u64, u64)> {
    let (order, id) = name.strip_suffix(".job")?.split_once('-')?;
    if order.len() != 20 || !order.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((order.parse().ok().filter(|order| *order < ORDER_MAX)?, number(id)?))
}

/// Id and attempt, and the last word if the file is that.
pub(super) fn parse_claim(name: &str) -> Option<(u64, u64, Option<Word>)> {
    let mut parts = name.split('.');
    let (id, attempt) = (number(parts.next()?)?, attempt(parts.next()?)?);
    let word = match parts.next() {
        None => None,
        Some(name) => Some(Word::ALL.into_iter().find(|word| word.name() == name)?),
    };
    parts.next().is_none().then_some((id, attempt, word))
}

/// The owner's epoch, an attempt of its own kind, and whether the file says that it was closed.
pub(super) fn parse_owner(name: &str) -> Option<(u64, bool)> {
    match name.strip_suffix(".free") {
        Some(epoch) => Some((attempt(epoch)?, true)),
        None => Some((attempt(name)?, false)),
    }
}

pub(super) fn message(id: u64, attempt: u64, number: u64) -> String {
    format!("{id}.{attempt}.{number}.msg")
}

/// Id, attempt and number.
pub(super) fn parse_message(name: &str) -> Option<(u64, u64, u64)> {
    let mut parts = name.strip_suffix(".msg")?.split('.');
    let (id, attempt, k) = (number(parts.next()?)?, attempt(parts.next()?)?, number(parts.next()?)?);
    parts.next().is_none().then_some((id, attempt, k))
}

pub(super) fn result(observable: &str, window: u64) -> String {
    format!("{observable}.{window}.msg")
}

/// Observable and window.
pub(super) fn parse_result(name: &str) -> Option<(&str, u64)> {
    let (observable, window) = name.strip_suffix(".msg")?.split_once('.')?;
    let window = if window == "0" { 0 } else { number(window)? };
    check_observable(observable).ok()?;
    Some((observable, window))
}

/// An attempt has 32 bits in messages.
fn attempt(text: &str) -> Option<u64> {
    number(text).filter(|attempt| u32::try_from(*attempt).is_ok())
}

/// A number as it is written here: from 1, no zeroes before it.
fn number(text: &str) -> Option<u64> {
    if text.starts_with('0') || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}
