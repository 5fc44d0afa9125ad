//! Reading all of a log, entry by entry, with a bar on a terminal where that takes long.
//!
//! One entry is held at a time, whatever the length of the log. Not here: what an entry is ([`super::entry`]).

use std::time::{Duration, Instant};

use patchstream::error::Result;
use patchstream::store::{Record, Records, Recovered};
use patchstream::stream::journal::records::Point;

use super::entry::Entry;
use crate::progress::Progress;

/// Whatever is done sooner needs no bar.
const LONG: Duration = Duration::from_millis(500);
/// Entries between two looks at the clock.
const LOOK: u64 = 4096;

/// A log that is being read.
pub struct Reading {
    records: Records,
    point: Point,
    /// None where there is to be no bar.
    progress: Option<Progress>,
    /// What the bar says.
    doing: &'static str,
    started: Instant,
}

/// An entry.
pub struct Read<'a> {
    /// Its place in the log.
    pub sequence: u64,
    pub entry: Entry<'a>,
    /// The point, if the entry is one.
    pub point: &'a mut Point,
}

impl Reading {
    /// The whole log of a run.
    pub fn new(found: &Recovered) -> Result<Self> {
        let progress = Some(Progress::new("entry", found.last as i64));
        let (point, started) = (Point::default(), Instant::now());
        Ok(Self { records: found.records(1)?, point, progress, doing: "reading", started })
    }

    /// The same for who does more than read.
    pub fn to(doing: &'static str, found: &Recovered) -> Result<Self> {
        Ok(Self { doing, ..Self::new(found)? })
    }

    /// The same for who prints while it reads.
    pub fn without_bar(found: &Recovered) -> Result<Self> {
        Ok(Self { progress: None, ..Self::new(found)? })
    }

    /// The next entry; none after the last.
    ///
    /// # Errors
    /// Those of [`Records::next`] and of [`Entry::view`].
    pub fn next(&mut self) -> Result<Option<Read<'_>>> {
        let Self { records, point, progress, doing, started } = self;
        let Some(record) = records.next()? else {
            progress.iter().for_each(Progress::finish);
            return Ok(None);
        };
        let Record { sequence, .. } = record;
        if let Some(progress) = progress
            && sequence.is_multiple_of(LOOK)
            && started.elapsed() > LONG
        {
            progress.bar_at(sequence as i64, doing);
        }
        let entry = Entry::view(&record, point)?;
        Ok(Some(Read { sequence, entry, point }))
    }
}
