//! `patchstream verify`: every record of the log, what each says, and both checkpoints.
//!
//! Nothing is changed, and a run may be in use meanwhile; the end of its log may then be seen half written.
//! Not here: whether its decisions are right ([`super::replay`]).

use std::collections::HashSet;
use std::fmt::Write as _;

use patchstream::error::{Result, corrupt};
use patchstream::ids;
use patchstream::store::{self, Recovered};
use patchstream::stream::journal::records::Point;

use super::entry::Entry;
use super::options::VerifyOptions;
use crate::summary::print;

/// Reads all of a run and says what is there.
///
/// # Errors
/// The first thing that is wrong, with its place, or one sentence for all checkpoints and ends that are.
pub fn verify(options: &VerifyOptions) -> Result<()> {
    let found = store::read(&options.run)?;
    let counts = entries(&found)?;
    let mut text = format!("run       {}, created by {}\n", found.description.run, found.description.writer);
    let _ = writeln!(text, "log       {} entries, all good; {} writers", found.last, found.epoch);
    text.push_str(&counts.say());
    match &found.checkpoint {
        Some(checkpoint) => {
            let (serial, sequence) = (checkpoint.serial, checkpoint.sequence);
            let _ = writeln!(text, "last      checkpoint {serial} holds entries up to {sequence}");
        }
        None => text.push_str("last      no checkpoint\n"),
    }
    let wrong: Vec<String> = (found.skipped.iter().map(ToString::to_string))
        .chain(found.cut.iter().map(|cut| {
            format!(
                "{} ends with {} bytes from byte {} on that are no entry ({}): a write that was cut short, which was \
                 not acknowledged and is cut off when the run goes on, or damage",
                cut.file.display(),
                cut.bytes,
                cut.offset,
                cut.why
            )
        }))
        .collect();
    print(&text);
    if wrong.is_empty() {
        print("good      nothing is wrong\n");
        return Ok(());
    }
    Err(corrupt(wrong.join("; ")))
}

/// What a log has.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    points: u64,
    left_out: u64,
    events: u64,
    picks: u64,
    discarded: u64,
    states: u64,
    withdrawn: u64,
    marks: u64,
    branches: u64,
    samples: u64,
    given: u64,
    others: u64,
}

impl Counts {
    fn say(&self) -> String {
        let Self { points, left_out, events, picks, discarded, states, withdrawn, marks, branches, .. } = self;
        let mut text = format!(
            "patches   {points} taken in, {left_out} left out, {withdrawn} withdrawn\n\
             events    {events}: {picks} picks, {discarded} discarded\n\
             marks     {marks}, and {branches} branches\n\
             jobs      {} given out, {states} changes of state, {} samples\n",
            self.given, self.samples
        );
        if self.others > 0 {
            let _ = writeln!(text, "others    {} entries of kinds that this version does not know", self.others);
        }
        text
    }
}

/// Reads every entry, and asserts that what it speaks of was there before it.
fn entries(found: &Recovered) -> Result<Counts> {
    let mut counts = Counts::default();
    let mut point = Point::default();
    // By public ids, and by the host's.
    let (mut known, mut left_out) = (HashSet::new(), HashSet::new());
    let mut records = found.records(1)?;
    while let Some(record) = records.next()? {
        let wrong = |why: String| corrupt(format!("entry {}: {why}: take the log from a copy", record.sequence));
        match Entry::view(&record, &mut point)? {
            Entry::Options(_) => {}
            Entry::Point => {
                counts.points += 1;
                if let Some(at) = point.point.iter().position(|x| !x.is_finite()) {
                    return Err(wrong(format!("coordinate {at} of patch {} is {}", point.id, point.point[at])));
                }
                if !known.insert(point.id) {
                    return Err(wrong(format!("patch {} is there already", point.id)));
                }
            }
            Entry::LeftOut(left) => {
                counts.left_out += 1;
                left_out.insert(left.id);
            }
            Entry::Event(event) => {
                // Numbers count up from 0, and none is used twice.
                if event.number != counts.events {
                    return Err(wrong(format!("event {} stands where {} is expected", event.number, counts.events)));
                }
                counts.events += 1;
                counts.picks += event.picks.len() as u64;
                counts.discarded += event.gone.len() as u64;
                let mut spoken_of = event.picks.iter().chain(&event.lost).map(|pick| pick.id).chain(event.gone);
                if let Some(id) = spoken_of.find(|id| !known.contains(id)) {
                    return Err(wrong(format!("event {} speaks of patch {id}, which is not there", event.number)));
                }
                for lost in &event.lost {
                    known.remove(&lost.id);
                }
            }
            Entry::Moved(moved) if !known.contains(&moved.id) => {
                return Err(wrong(format!("the state of patch {}, which is not there", moved.id)));
            }
            Entry::Withdrawn(gone) if !(left_out.remove(&ids::host(gone.id)) || known.remove(&gone.id)) => {
                return Err(wrong(format!("patch {} is withdrawn, which is not there", gone.id)));
            }
            Entry::Moved(_) => counts.states += 1,
            Entry::Withdrawn(_) => counts.withdrawn += 1,
            Entry::Mark(_) => counts.marks += 1,
            Entry::Branch(_) => counts.branches += 1,
            Entry::Sample => counts.samples += 1,
            Entry::Given => counts.given += 1,
            Entry::Other => counts.others += 1,
        }
    }
    Ok(counts)
}
