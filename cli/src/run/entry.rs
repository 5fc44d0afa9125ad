//! One entry of a run's log, as one of the things that a stream writes there.
//!
//! Not here: how an entry lies in its bytes (`patchstream::stream::journal`), nor in files (`patchstream::store`).

use patchstream::error::{Result, corrupt};
use patchstream::feedback::Table;
use patchstream::store::Record;
use patchstream::stream::journal::feedback::{self, Looked};
use patchstream::stream::journal::records::{self, Branch, Event, Given, LeftOut, Mark, Moved, Point, Withdrawn};

/// An entry. A point is read into the reader's own, since there are many.
#[derive(Debug)]
pub enum Entry<'a> {
    Options(&'a str),
    Point,
    LeftOut(LeftOut),
    Event(Event),
    Moved(Moved),
    Withdrawn(Withdrawn),
    Mark(Mark),
    Branch(Branch),
    Sample,
    Given,
    Taken,
    Simulation,
    /// A feedback table, if the look at what was measured led to one.
    Feedback(Looked, Option<Table>),
    /// Of a kind that this version does not know.
    Other,
}

impl<'a> Entry<'a> {
    /// Reads one; if it is a point, it is in `point` afterwards.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](patchstream::error::ErrorKind::Corrupt) with the entry's number for bytes that are none.
    pub fn view(record: &Record<'a>, point: &mut Point) -> Result<Self> {
        let bytes = record.payload;
        let entry = match record.kind {
            records::OPTIONS => records::options(bytes).map(Entry::Options),
            records::POINT => point.view(bytes).map(|()| Entry::Point),
            records::LEFT_OUT => LeftOut::view(bytes).map(Entry::LeftOut),
            records::EVENT => Event::view(bytes).map(Entry::Event),
            records::STATE => Moved::view(bytes).map(Entry::Moved),
            records::WITHDRAWN => Withdrawn::view(bytes).map(Entry::Withdrawn),
            records::MARK => Mark::view(bytes).map(Entry::Mark),
            records::BRANCH => Branch::view(bytes).map(Entry::Branch),
            records::SAMPLE => records::sample(bytes).map(|_| Entry::Sample),
            records::GIVEN => Given::view(bytes).map(|_| Entry::Given),
            records::TAKEN => records::taken(bytes).map(|_| Entry::Taken),
            feedback::SIMULATION => feedback::view(bytes).map(|_| Entry::Simulation),
            feedback::FEEDBACK => Looked::view(bytes).map(|(looked, table)| Entry::Feedback(looked, table)),
            _ => Ok(Entry::Other),
        };
        let entry = entry.map_err(|error| error.context(format!("entry {}", record.sequence)))?;
        match (record.sequence, &entry) {
            (1, Entry::Options(_)) => Ok(entry),
            (1, _) => Err(corrupt("entry 1 does not hold the options: this is no run of a stream, or a damaged one")),
            _ => Ok(entry),
        }
    }
}
