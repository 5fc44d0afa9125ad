//! Rounds of feedback: what simulations measured becomes potentials of the membrane.
//!
//! A round ends at a step. The stream publishes a table of all samples so far with the weights of that moment; its potentials
//! are in force from the next step on. How far the membrane's own g(r) was from what was measured is told from simulations
//! that the potentials in force do not know; how far it is afterwards, from the same ones, and from all that went in.
//! `feedback.psel`: the table of each round, as size-prefixed flatbuffers. nm, kT.
//! Not here: when a round ends ([`super::closed`]), samples and tables (`patchstream::stream`), what the membrane is told
//! ([`crate::heal`]).

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use patchstream::error::{Result, state};
use patchstream::feedback::{Prepared, Table};
use patchstream::stream::Stream;
use patchstream::wire::{Packer, Selection};
use serde::Serialize;

use super::cpu::Cpu;
use super::saved::SavedRounds;
use crate::bridge::Ddft;
use crate::campaign::PATCH_NM;
use crate::draft::{self, Draft};
use crate::heal;

/// The name of the file.
pub const NAME: &str = "feedback.psel";

/// What came out of a round.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Round {
    /// From 1.
    pub round: u64,
    /// Root mean square of g of the membrane - g of the simulations, over the protein states with at least 5 of them, 14
    /// lipids and 0.8 nm <= r <= 6 nm, of simulations that the potential in force does not know; `None` without any.
    pub rms_before: Option<f64>,
    /// The same, of the same simulations, with the new potential, which was made of these and of all before them: it differs
    /// from zero by the noise that more simulations take away from these, and by what the inversion leaves.
    pub rms_after: Option<f64>,
    /// What the inversion leaves: the same with the new potential and all simulations that it was made of.
    pub rms_inverted: Option<f64>,
    /// Simulations that the table was made of.
    pub simulations: u64,
    /// How many of equal weight they are worth, state by state.
    pub effective_samples: f64,
}

/// The rounds of a campaign.
pub struct Rounds {
    /// How potentials are made of g(r).
    prepared: Prepared,
    tables: Draft,
    /// Jobs that the potentials in force do not know, and the states of their proteins.
    unseen: BTreeMap<u64, u16>,
    results: Vec<Round>,
}

impl Rounds {
    /// None so far, or those that were saved, in a folder that is there.
    ///
    /// # Errors
    /// By [`ErrorKind`](patchstream::error::ErrorKind): `Corrupt` if the file of those that were saved is not there, `Io`.
    pub fn open(folder: &Path, saved: Option<&SavedRounds>) -> Result<Self> {
        draft::prepare(folder, &[NAME])?;
        let tables = match saved {
            None => Draft::lasting(folder, NAME)?,
            Some(saved) => Draft::go_on(folder, NAME, saved.written)?,
        };
        let settings = heal::settings(PATCH_NM)?;
        let inversion = settings.inversion.as_ref().ok_or_else(|| state("the membrane has no inversion"))?;
        let prepared = inversion.prepare(settings.lipids.len(), settings.bins)?;
        let SavedRounds { results, unseen, .. } = saved.cloned().unwrap_or_default();
        Ok(Self { prepared, tables, unseen: unseen.into_iter().collect(), results })
    }

    /// What is to be saved of them.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if the disk is full or fails.
    pub fn saved(&mut self) -> Result<SavedRounds> {
        let unseen = self.unseen.iter().map(|(job, state)| (*job, *state)).collect();
        Ok(SavedRounds { written: self.tables.sync()?, results: self.results.clone(), unseen })
    }

    /// What came out of them.
    pub fn results(&self) -> &[Round] {
        &self.results
    }

    /// A patch was selected.
    pub fn announce(&mut self, selection: &Selection) {
        let state = selection.proteins.first().and_then(|protein| u16::try_from(protein.state).ok());
        self.unseen.extend(state.map(|state| (selection.id, state)));
    }

    /// Ends a round at `step`: the membrane gets new potentials.
    ///
    /// # Errors
    /// Those of the stream, of the membrane and of the disk.
    pub fn close(&mut self, step: i64, stream: &Stream, ddft: &mut Ddft, cpu: &mut Cpu) -> Result<()> {
        // The stream asks of each job that has results.
        let measured = RefCell::new(BTreeSet::new());
        let fresh = stream.draft_feedback(|job| {
            measured.borrow_mut().insert(job);
            self.unseen.contains_key(&job)
        })?;
        let rms_before = cpu.model(|| heal::rms(ddft, &self.prepared, &fresh))?;
        let table = stream.publish_feedback(step, step + 1)?;
        self.tables.write(Packer::new().feedback_table(&table))?;
        cpu.model(|| heal::heal(ddft, &table))?;
        let rms_after = cpu.model(|| heal::rms(ddft, &self.prepared, &fresh))?;
        let rms_inverted = cpu.model(|| heal::rms(ddft, &self.prepared, &table))?;
        let measured = measured.into_inner();
        self.unseen.retain(|job, state| !(measured.contains(job) && is_known(&table, *state)));
        self.results.push(Round {
            round: self.results.len() as u64 + 1,
            rms_before,
            rms_after,
            rms_inverted,
            simulations: table.simulations.iter().sum(),
            effective_samples: table.effective_samples.iter().sum(),
        });
        Ok(())
    }

    /// The file, which is whole.
    pub fn into_draft(self) -> Draft {
        self.tables
    }
}

/// Whether the potentials of a state were replaced by those of the table.
fn is_known(table: &Table, state: u16) -> bool {
    table.simulations.get(usize::from(state)).is_some_and(|&count| count >= heal::LEAST)
}
