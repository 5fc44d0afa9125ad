//! `patchstream log`: what happened in a run, a line for each event, mark, branch and feedback table.
//!
//! Nothing is changed, and a run may be in use meanwhile.
//! Not here: points and weights ([`super::export`]), whether it is whole ([`super::verify`]).

use std::io::{BufWriter, ErrorKind, IsTerminal, Write};

use patchstream::error::{Result, io};
use patchstream::store;
use patchstream::stream::journal::records::Event;
use serde_json::json;

use super::entry::Entry;
use super::options::LogOptions;
use super::reading::{Read, Reading};

/// Picks that a line for people names.
const MOST_PICKS: usize = 4;

/// Prints the lines.
///
/// # Errors
/// A folder that is no run, a log that is damaged; the lines before that are printed.
pub fn log(options: &LogOptions) -> Result<()> {
    let found = store::read(&options.run)?;
    let terminal = std::io::stdout().is_terminal();
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut reading = if terminal { Reading::without_bar(&found)? } else { Reading::new(&found)? };
    while let Some(Read { entry, .. }) = reading.next()? {
        let line = match entry {
            Entry::Event(event) if options.json => object(&event),
            Entry::Event(event) => sentence(&event),
            Entry::Mark(mark) if options.json => {
                json!({ "what": "mark", "step": mark.step, "mark": mark.name }).to_string()
            }
            Entry::Mark(mark) => format!("mark {:?} at step {}", mark.name, mark.step),
            Entry::Branch(branch) if options.json => {
                json!({ "what": "branch", "branch": branch.number, "step": branch.step }).to_string()
            }
            Entry::Branch(branch) => {
                format!("branch {} from step {} on: the host computed something else", branch.number, branch.step)
            }
            Entry::Feedback(looked, Some(table)) if options.json => json!({
                "what": "feedback",
                "step": looked.step,
                "table": table.version,
                "in_force_from": table.in_force_from,
                "simulations": table.simulations,
            })
            .to_string(),
            Entry::Feedback(looked, Some(table)) => format!(
                "feedback table {} at step {}, in force from step {}: {} simulations",
                table.version,
                looked.step,
                table.in_force_from,
                table.simulations.iter().sum::<u64>()
            ),
            _ => continue,
        };
        match writeln!(out, "{line}") {
            Ok(()) => {}
            // Whoever reads has seen enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(io(format!("cannot write to stdout: {error}"))),
        }
    }
    match out.flush() {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(io(format!("cannot write to stdout: {error}"))),
        _ => Ok(()),
    }
}

fn sentence(event: &Event) -> String {
    let Event { number, step, n, merged, candidates, selected, discarded, .. } = event;
    let mut picks: Vec<String> =
        event.picks.iter().take(MOST_PICKS).map(|pick| format!("{} ({})", pick.id, pick.rank)).collect();
    if event.picks.len() > MOST_PICKS {
        picks.push(format!("{} more", event.picks.len() - MOST_PICKS));
    }
    let picks = if picks.is_empty() { String::new() } else { format!(": {}", picks.join(", ")) };
    let lost = if event.lost.is_empty() { String::new() } else { format!(", {} lost", event.lost.len()) };
    format!(
        "event {number} at step {step}: {merged} came, {} went, {} of {n} picked{picks}{lost}; {candidates} candidates, \
         {selected} selected, {discarded} discarded",
        event.gone.len(),
        event.picks.len(),
    )
}

/// A JSON object on one line. JSON has no infinity: such a rank is null.
fn object(event: &Event) -> String {
    let picks = |picks: &[patchstream::stream::journal::records::Picked]| -> Vec<serde_json::Value> {
        picks.iter().map(|pick| json!({ "id": pick.id, "queue": pick.queue, "rank": pick.rank })).collect()
    };
    json!({
        "what": "event",
        "event": event.number,
        "step": event.step,
        "asked": event.n,
        "merged": event.merged,
        "candidates": event.candidates,
        "selected": event.selected,
        "discarded": event.discarded,
        "picks": picks(&event.picks),
        "lost": picks(&event.lost),
        "discarded_ids": event.gone,
    })
    .to_string()
}
