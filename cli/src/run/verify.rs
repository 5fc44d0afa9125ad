//! `patchstream verify`: every record of the log, what each says, both checkpoints, and the densities that the run keeps.
//!
//! Nothing is changed, and a run may be in use meanwhile; the end of its log may then be seen half written.
//! Not here: whether its decisions are right ([`super::replay`]).

use std::collections::HashSet;
use std::fmt::Write as _;

use patchstream::error::{ErrorKind, Result, corrupt};
use patchstream::ids;
use patchstream::retain::RunDensities;
use patchstream::store::{self, Behind, Cut, Recovered};

use super::entry::Entry;
use super::options::VerifyOptions;
use super::reading::{Read, Reading};
use super::seen::{Seen, Stage};
use crate::summary::print;

/// What becomes of a run whose log is damaged.
const REFUSED: &str = "no stream goes on with the run";

/// Reads all of a run and says what is there.
///
/// # Errors
/// All that is wrong, each with its file and byte, and what a stream that goes on does about it.
pub fn verify(options: &VerifyOptions) -> Result<()> {
    let found = store::read(&options.run).map_err(|error| match error.kind() {
        ErrorKind::Corrupt => error.context(REFUSED),
        _ => error,
    })?;
    let mut text = format!("run       {}, created by {}\n", found.description.run, found.description.writer);
    // Whoever may not look at the lock verifies all the same.
    let writer = store::writer(&options.run).ok().flatten();
    if let Some(pid) = writer {
        let _ = writeln!(text, "in use    by process {pid}, which may be writing the end of the log");
    }
    let mut wrong = Vec::new();
    let counts = entries(&found);
    let whole = counts.is_ok();
    match counts {
        Ok(counts) => {
            let _ = writeln!(text, "log       {} entries, all good; {} writers", found.last, found.epoch);
            text.push_str(&counts.say());
        }
        Err(error) => wrong.push(error.context(REFUSED).message().to_owned()),
    }
    let goes_on = match &found.checkpoint {
        Some(checkpoint) => {
            let (serial, sequence) = (checkpoint.serial, checkpoint.sequence);
            let _ = writeln!(text, "last      checkpoint {serial} holds entries up to {sequence}");
            format!("from checkpoint {serial}, which holds entries up to {sequence}")
        }
        None => {
            text.push_str("last      no checkpoint\n");
            "from the log alone".into()
        }
    };
    for error in &found.skipped {
        wrong.push(format!("{error}; a stream goes on {goes_on}, and nothing is lost"));
    }
    for cut in &found.cut {
        wrong.push(end(&found, cut, writer)?);
    }
    if whole {
        wrong.extend(densities(&found, options, &mut text).unwrap_or_else(|error| Some(error.to_string())));
    } else {
        text.push_str("densities not looked at: the log has to tell whose they are\n");
    }
    print(&text);
    if wrong.is_empty() {
        print("good      nothing is wrong\n");
        return Ok(());
    }
    Err(corrupt(wrong.join("\nerror: ")))
}

/// What is wrong with the end of the log.
fn end(found: &Recovered, cut: &Cut, writer: Option<u32>) -> Result<String> {
    let Cut { offset, bytes, why, .. } = cut;
    let (file, kept) = (cut.file.display(), cut.kept());
    let what =
        format!("{file} ends with {bytes} bytes from byte {offset} on that are no entry {} ({why})", found.last + 1);
    Ok(match (found.behind(cut)?, writer) {
        (Some(Behind { offset, first, last }), _) => format!(
            "{what}, and from byte {offset} on entries {first} to {last} are whole: this is damage, take the file from a \
             copy. A stream that goes on loses them, and keeps the bytes in {}",
            kept.display()
        ),
        (None, Some(pid)) => {
            format!(
                "{what}: process {pid} may be writing there at this moment, so verify the run again when that has ended"
            )
        }
        (None, None) => format!(
            "{what}: a write that was cut short, which was not acknowledged, or damage. A stream that goes on does so \
             behind entry {}, and keeps the bytes in {}",
            found.last,
            kept.display()
        ),
    })
}

/// Reads the densities of everything that may be selected or is; what is wrong with them.
fn densities(found: &Recovered, options: &VerifyOptions, text: &mut String) -> Result<Option<String>> {
    let Some(mut kept) = RunDensities::open(&options.run, found.description.run.0)? else { return Ok(None) };
    let seen = Seen::read(found)?;
    let (mut values, mut whole, mut missing, mut torn) = (vec![0.0; kept.values()], 0_u64, 0_u64, Vec::new());
    for patch in seen.patches.iter().filter(|patch| matches!(patch.stage, Stage::Candidate | Stage::Selected)) {
        match kept.read(patch.id, patch.content, &mut values) {
            Ok(true) => whole += 1,
            Ok(false) => missing += 1,
            Err(error) if error.kind() == ErrorKind::Corrupt => torn.push(error.to_string()),
            Err(error) => return Err(error),
        }
    }
    let _ =
        writeln!(text, "densities {whole} patches that may be selected or are, {missing} without, {} torn", torn.len());
    let more = if torn.len() > 1 { format!(", and {} more are torn", torn.len() - 1) } else { String::new() };
    Ok(torn.into_iter().next().map(|first| first + &more))
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
    simulations: u64,
    tables: u64,
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
        if self.simulations + self.tables > 0 {
            let _ = writeln!(text, "feedback  {} simulations announced, {} tables", self.simulations, self.tables);
        }
        if self.others > 0 {
            let _ = writeln!(text, "others    {} entries of kinds that this version does not know", self.others);
        }
        text
    }
}

/// Reads every entry, and asserts that what it speaks of was there before it.
fn entries(found: &Recovered) -> Result<Counts> {
    let mut counts = Counts::default();
    // By public ids, and by the host's.
    let (mut known, mut left_out) = (HashSet::new(), HashSet::new());
    let mut reading = Reading::new(found)?;
    while let Some(Read { sequence, entry, point }) = reading.next()? {
        let wrong = |why: String| corrupt(format!("entry {sequence}: {why}: take the log from a copy"));
        match entry {
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
            Entry::Taken | Entry::Feedback(_, None) => {}
            Entry::Simulation => counts.simulations += 1,
            Entry::Feedback(_, Some(table)) => {
                if let Err(error) = table.check() {
                    return Err(wrong(error.to_string()));
                }
                counts.tables += 1;
            }
            Entry::Other => counts.others += 1,
        }
    }
    Ok(counts)
}
