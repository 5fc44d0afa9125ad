//! Whether a mark still holds what it promised its host: that everything before it is the stream's.
//!
//! A host that goes back to an older mark and does something else begins a branch, which withdraws patches behind that
//! mark. A host at a younger mark has sent some of them and would not do so again: they would be missing without a word.
//! What was selected, and events that were told, stand in every branch, so they are no reason.
//! Not here: going on at a mark that holds ([`super::resume`]).

use std::collections::HashMap;

use super::records::{self, Branch, LeftOut, Point, Why, Withdrawn};
use super::writer::SetMark;
use crate::error::{Result, conflict};
use crate::ids;
use crate::store::Recovered;

/// Refuses a mark that a branch has made untrue since.
///
/// # Errors
/// `Conflict` with the branch and a patch that it withdrew.
pub(super) fn check(found: &Recovered, set: &SetMark) -> Result<()> {
    let SetMark { mark, sequence: place, .. } = set;
    // The entry of each patch behind the mark.
    let mut sent: HashMap<u64, u64> = HashMap::new();
    let (mut branch, mut point) = (0, Point::default());
    let mut entries = found.records(mark.after + 1)?;
    while let Some(record) = entries.next()? {
        match record.kind {
            records::POINT => {
                point.view(record.payload)?;
                sent.insert(ids::host(point.id), record.sequence);
            }
            records::LEFT_OUT => drop(sent.insert(LeftOut::view(record.payload)?.id, record.sequence)),
            records::BRANCH => branch = Branch::view(record.payload)?.number,
            records::WITHDRAWN if record.sequence > *place => {
                let Withdrawn { id, why, .. } = Withdrawn::view(record.payload)?;
                let id = ids::host(id);
                let was_sent = match sent.get(&id) {
                    None => !mark.unsent.contains(&id),
                    Some(sequence) => sequence < place && mark.sent.contains(&id),
                };
                if why == Why::Branch && was_sent {
                    return Err(conflict(format!(
                        "the mark {:?} is of what the host did not do again: branch {branch} began since and withdrew \
                         patch {id}, which came before the mark; resume at a mark from before that, or at one set since",
                        mark.name
                    )));
                }
            }
            _ => {}
        }
    }
    Ok(())
}
