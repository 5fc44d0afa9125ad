//! The history that LLNL's `dynim` writes, `TYPE-NAME.history.csv`, row by row.
//!
//! ```text
//! tstamp, event, id, rank, nselected, ndiscarded, ncandidates, ncached
//! 2021-03-04 05:06:07, added, patch_17, nan, 0, 0, 0, 1
//! ```
//! Events are `added`, `discarded`, `selected` and `rejected:REASON`. The counts are those after the call that wrote the
//! row, the same in all its rows. An id may hold commas.
//! Not here: what is made of it ([`super::events`]), `dynim`'s checkpoints, which are pickles and never read.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use patchstream::error::{Result, argument, corrupt, io};

/// Bytes that a line may have.
const LINE_MAX: u64 = 1 << 16;
/// The first line, without blanks.
const HEAD: &str = "tstamp,event,id,rank,nselected,ndiscarded,ncandidates,ncached";

/// What happened to a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Added,
    Discarded,
    Selected,
    /// It was there already; nothing changed.
    Rejected,
}

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// When, to a second: local time without a zone.
    pub time: String,
    pub what: What,
    /// What dynim's user called the point.
    pub id: String,
    /// Its rank; not a number for one that has none.
    pub rank: f32,
    /// Candidates after the call.
    pub candidates: u64,
}

/// A history that is read line by line.
#[derive(Debug)]
pub struct History {
    path: PathBuf,
    lines: BufReader<File>,
    line: u64,
    text: String,
}

/// The history of a workspace, or the file itself.
///
/// # Errors
/// By [`ErrorKind`](patchstream::error::ErrorKind): `Io` if there is none, `Argument` if there are several.
pub fn find(workspace: &Path) -> Result<PathBuf> {
    let failed = |error: std::io::Error| io(format!("cannot read {}: {error}", workspace.display()));
    if !std::fs::metadata(workspace).map_err(failed)?.is_dir() {
        return Ok(workspace.into());
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(workspace).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.to_string_lossy().ends_with(".history.csv") {
            found.push(path);
        }
    }
    found.sort();
    match &found[..] {
        [one] => Ok(one.clone()),
        [] => Err(io(format!(
            "{} holds no file that ends in .history.csv: name dynim's workspace, or its history itself",
            workspace.display()
        ))),
        several => {
            let names: Vec<_> = several.iter().map(|path| path.display().to_string()).collect();
            Err(argument(format!(
                "{} holds the histories of several samplers: name one of {}",
                workspace.display(),
                names.join(", ")
            )))
        }
    }
}

impl History {
    /// Opens a history and reads its head.
    ///
    /// # Errors
    /// By [`ErrorKind`](patchstream::error::ErrorKind): `Io` if it cannot be read, `Corrupt` if it is none.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| io(format!("cannot read {}: {error}", path.display())))?;
        let lines = BufReader::with_capacity(1 << 20, file);
        let mut history = Self { path: path.into(), lines, line: 0, text: String::new() };
        let head = if history.read()? { history.text.replace([' ', '\t', '\r', '\n'], "") } else { String::new() };
        if head != HEAD {
            return Err(corrupt(format!(
                "{} does not begin with the line {HEAD:?}: name the history that dynim wrote",
                path.display()
            )));
        }
        Ok(history)
    }

    /// The next row; none after the last.
    ///
    /// # Errors
    /// By [`ErrorKind`](patchstream::error::ErrorKind): `Io` if it cannot be read, `Corrupt` for a line that is no row.
    pub fn next(&mut self) -> Result<Option<Row>> {
        loop {
            if !self.read()? {
                return Ok(None);
            }
            if !self.text.trim().is_empty() {
                return match row(&self.text) {
                    Ok(row) => Ok(Some(row)),
                    Err(why) => Err(self.wrong(&why)),
                };
            }
        }
    }

    /// An error about the line that was read last.
    pub fn wrong(&self, why: &str) -> patchstream::error::Error {
        corrupt(format!("{}, line {}: {why}", self.path.display(), self.line))
    }

    fn read(&mut self) -> Result<bool> {
        self.text.clear();
        self.line += 1;
        let read = (&mut self.lines).take(LINE_MAX).read_line(&mut self.text);
        let read =
            read.map_err(|error| io(format!("cannot read {}, line {}: {error}", self.path.display(), self.line)))?;
        if read as u64 == LINE_MAX {
            return Err(self.wrong(&format!("it has {LINE_MAX} bytes or more, as no line of a history has")));
        }
        Ok(read > 0)
    }
}

/// Two fields from the left, five from the right, and what is between them is the id.
fn row(text: &str) -> Result<Row, String> {
    let fields = "a row has the fields tstamp, event, id, rank, nselected, ndiscarded, ncandidates, ncached";
    let mut left = text.splitn(3, ',');
    let (time, what) = (left.next().unwrap_or_default(), left.next().ok_or(fields)?);
    let mut right = left.next().ok_or(fields)?.rsplitn(6, ',');
    let mut number = || right.next().map(str::trim).ok_or(fields);
    let (cached, candidates, discarded, selected) = (number()?, number()?, number()?, number()?);
    let rank = number()?;
    let id = right.next().ok_or(fields)?.trim();
    let what = match what.trim() {
        "added" => What::Added,
        "discarded" => What::Discarded,
        "selected" => What::Selected,
        other if other.starts_with("rejected") => What::Rejected,
        other => {
            return Err(format!("{other:?} is no event of dynim's: added, discarded, selected and rejected:.. are"));
        }
    };
    if id.is_empty() {
        return Err("the id is empty".into());
    }
    let count = |text: &str| text.parse::<u64>().map_err(|_| format!("{text:?} stands where a count is expected"));
    for text in [cached, discarded, selected] {
        count(text)?;
    }
    // A candidate that was never ranked has the rank None.
    let rank = match rank {
        "None" => f32::NAN,
        text => text.parse().map_err(|_| format!("{text:?} stands where a rank is expected"))?,
    };
    Ok(Row { time: time.trim().into(), what, id: id.into(), rank, candidates: count(candidates)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_as_dynim_writes_them() {
        let read = row("2021-03-04 05:06:07, selected, patch, 17, 0.25, 3, 2, 1, 0 \n").unwrap();
        let id = "patch, 17".to_owned();
        let time = "2021-03-04 05:06:07".to_owned();
        assert_eq!(read, Row { time, what: What::Selected, id, rank: 0.25, candidates: 1 });
        assert_eq!(row("t, rejected:add_cands:already_cached, a, -1, 0, 0, 0, 1").unwrap().what, What::Rejected);
        assert!(row("t, added, a, None, 0, 0, 0, 1").unwrap().rank.is_nan());
        for (bad, word) in [
            ("", "fields"),
            ("t, added", "fields"),
            ("t, added, a, 1, 0, 0, 0", "fields"),
            ("t, added, , 1, 0, 0, 0, 0", "empty"),
            ("t, eaten, a, 1, 0, 0, 0, 0", "eaten"),
            ("t, added, a, x, 0, 0, 0, 0", "rank"),
            ("t, added, a, 1, -1, 0, 0, 0", "count"),
            ("t, added, a, 1, 0, 0, 99999999999999999999, 0", "count"),
        ] {
            let why = row(bad).unwrap_err();
            assert!(why.contains(word), "{bad}: {why}");
        }
    }
}
