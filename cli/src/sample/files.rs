//! The files of `sample`, in one folder.
//!
//! `selected.csv`: `event,order,id,rank`, in the order of S. `discarded.csv`: `event,id,rank`, of each event the lowest
//! first. `weights.csv`: `id,weight,normalised`, in the order of S. `history.csv`: `event,step,id,what,rank`, what is
//! `added`, `discarded` or `selected`; an event's step is its number. `summary.json`.
//! Events count from 0; what was selected outright has event and step -1 and an empty rank. 9 digits give back a rank's
//! float32, 17 a weight's float64.
//! Not here: how a file gets its name when it is whole ([`crate::draft`]), what the summary says ([`super::summary`]).

use std::path::{Path, PathBuf};

use patchstream::dynim::{Event, HISTORY_HEAD, HistoryRow, Weight, What};
use patchstream::error::Result;

use super::points::Ids;
use crate::draft::{self, Draft};
use crate::number::format_g;

/// The names of the files; the summary comes last, it says that the others are there.
pub const NAMES: [&str; 5] = ["selected.csv", "discarded.csv", "weights.csv", "history.csv", "summary.json"];

/// The files of a run that is under way. They take the sampler's ids and write the people's.
pub struct Files {
    folder: PathBuf,
    selected: Draft,
    discarded: Draft,
    history: Draft,
}

impl Files {
    /// Makes the folder and starts the files.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if it cannot be made or written to.
    pub fn create(folder: &Path) -> Result<Self> {
        draft::prepare(folder, &NAMES)?;
        Ok(Self {
            folder: folder.into(),
            selected: table(folder, NAMES[0], "event,order,id,rank")?,
            discarded: table(folder, NAMES[1], "event,id,rank")?,
            history: table(folder, NAMES[3], HISTORY_HEAD)?,
        })
    }

    /// Adds a point that was selected outright.
    pub fn outright(&mut self, id: u64, order: usize) -> Result<()> {
        let id = Ids::outside(id);
        self.selected.line(format_args!("-1,{order},{id},"))
    }

    /// Adds what the sampler wrote down.
    pub fn history(&mut self, rows: impl Iterator<Item = HistoryRow>) -> Result<()> {
        for HistoryRow { event, step, id, what, rank } in rows {
            // A point arrives for the event that is to come, whose number is its step.
            let event = if what == What::Added { step } else { event };
            let rank = rank.map_or_else(String::new, |rank| format_g(rank.into(), 9));
            self.history.line(format_args!("{event},{step},{},{what},{rank}", Ids::outside(id)))?;
        }
        Ok(())
    }

    /// Adds what an event did.
    pub fn event(&mut self, event: &Event) -> Result<()> {
        let number = event.number;
        for discarded in &event.discarded {
            let (id, rank) = (Ids::outside(discarded.id), format_g(discarded.rank.into(), 9));
            self.discarded.line(format_args!("{number},{id},{rank}"))?;
        }
        for pick in &event.picks {
            let (id, rank) = (Ids::outside(pick.id), format_g(pick.rank.into(), 9));
            self.selected.line(format_args!("{number},{},{id},{rank}", pick.order))?;
        }
        Ok(())
    }

    /// Adds the weights and the summary, and gives all files their names.
    pub fn finish(self, weights: &[Weight], summary: &str) -> Result<()> {
        let mut weighed = table(&self.folder, NAMES[2], "id,weight,normalised")?;
        for Weight { id, weight, normalised } in weights {
            let (weight, normalised) = (format_g(*weight, 17), format_g(*normalised, 17));
            weighed.line(format_args!("{},{weight},{normalised}", Ids::outside(*id)))?;
        }
        let mut last = Draft::create(&self.folder, NAMES[4])?;
        last.write(summary.as_bytes())?;
        draft::keep(vec![self.selected, self.discarded, weighed, self.history], last)
    }
}

fn table(folder: &Path, name: &str, head: &str) -> Result<Draft> {
    let mut table = Draft::create(folder, name)?;
    table.line(format_args!("{head}"))?;
    Ok(table)
}
