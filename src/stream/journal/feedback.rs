//! Entries of feedback in the log: simulations that were announced, and tables.
//!
//! ```text
//! SIMULATION 13  job u64 | state i64, -1 without a protein | references u32 | alone u8 | the rest: densities in nm^-2, f64s
//! FEEDBACK   14  step i64 | asked u8 | the rest: a message of `patchstream.fbs`, FeedbackTable; none if it was looked at
//!                whether g had moved far enough, and it had not
//! ```
//! Not here: the other entries ([`super::records`]).

use crate::error::Result;
use crate::feedback::{Simulation, Table};
use crate::store::bytes::{Packer, Viewer};
use crate::wire::{self, Message};

/// A pick was announced as a simulation.
pub const SIMULATION: u16 = 13;
/// A feedback table, or a look that led to none.
pub const FEEDBACK: u16 = 14;

/// When somebody looked at what was measured, and whose wish it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looked {
    /// The step.
    pub step: i64,
    /// The host asked for the table; otherwise it was due.
    pub asked: bool,
}

impl Looked {
    /// Writes it, with the packed table if there is one.
    pub fn pack(&self, table: &[u8], packer: &mut Packer) {
        packer.i64(self.step).bool(self.asked).u8s(table);
    }

    /// Reads it.
    ///
    /// # Errors
    /// `Corrupt` if it is none.
    pub fn view(payload: &[u8]) -> Result<(Self, Option<Table>)> {
        let mut from = Viewer::new("a feedback table in the log", payload);
        let looked = Self { step: from.i64()?, asked: from.bool()? };
        let message = from.take(from.left())?;
        if message.is_empty() {
            return Ok((looked, None));
        }
        match wire::one(message) {
            Ok(Message::FeedbackTable(table)) => Ok((looked, Some(table))),
            Ok(_) => Err(from.wrong("it is another message")),
            Err(error) => Err(from.wrong(error)),
        }
    }
}

/// Writes a simulation.
pub fn pack(simulation: &Simulation, packer: &mut Packer) {
    let state = simulation.state.map_or(-1, i64::from);
    packer.u64(simulation.job).i64(state).u32(simulation.references).bool(simulation.alone);
    packer.f64s(&simulation.densities_nm2);
}

/// Reads a simulation.
///
/// # Errors
/// `Corrupt` if it is none.
pub fn view(payload: &[u8]) -> Result<Simulation> {
    let mut from = Viewer::new("a simulation in the log", payload);
    let (job, state, references, alone) = (from.u64()?, from.i64()?, from.u32()?, from.bool()?);
    let state = match state {
        -1 => None,
        state => Some(u16::try_from(state).map_err(|_| from.wrong(format!("it is of the state {state}")))?),
    };
    let mut densities_nm2 = Vec::new();
    from.f64s(from.left() / 8, &mut densities_nm2)?;
    from.end()?;
    Ok(Simulation { job, state, alone, references, densities_nm2 })
}
