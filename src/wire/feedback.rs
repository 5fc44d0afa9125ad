//! Feedback tables: packing and viewing; samples as feedback takes them.
//!
//! Layout of the grids: `value[(state * lipids + lipid) * bins + bin]`; nm, kT. A table is one message: 18 states, 14 lipids
//! and 600 bins are 1.2 MB a grid.
//! Not here: the verifier's limits ([`super::view`]), what the values mean ([`crate::feedback`]).

use flatbuffers::{ForwardsUOffset, Vector, WIPOffset};

use super::fb;
use super::job::RdfSample;
use super::pack::Packer;
use crate::error::{Result, value};
use crate::feedback::{Sample, Table};

impl Packer {
    /// Packs a feedback table, size-prefixed.
    ///
    /// # Panics
    /// If it takes more than 2 GiB.
    pub fn feedback_table(&mut self, table: &Table) -> &[u8] {
        self.builder.reset();
        let states = self.names(&table.states);
        let lipids = self.names(&table.lipids);
        let r_nm = self.builder.create_vector(&table.r_nm);
        let g = self.builder.create_vector(&table.g);
        let standard_error = self.builder.create_vector(&table.standard_error);
        let potential_kt = table.potential_kt.as_ref().map(|potential| self.builder.create_vector(potential));
        let has_potential =
            (table.has_potential != implied(table)).then(|| self.builder.create_vector(&table.has_potential));
        let simulations = self.builder.create_vector(&table.simulations);
        let effective_samples = self.builder.create_vector(&table.effective_samples);
        let body = fb::FeedbackTable::create(
            &mut self.builder,
            &fb::FeedbackTableArgs {
                version: table.version,
                in_force_from: table.in_force_from,
                states: Some(states),
                lipids: Some(lipids),
                r_nm: Some(r_nm),
                g: Some(g),
                standard_error: Some(standard_error),
                potential_kt,
                simulations: Some(simulations),
                effective_samples: Some(effective_samples),
                has_potential,
            },
        );
        self.finish(fb::Body::FeedbackTable, body.as_union_value());
        self.builder.finished_data()
    }

    fn names(&mut self, names: &[String]) -> WIPOffset<Vector<'static, ForwardsUOffset<&'static str>>> {
        let names: Vec<_> = names.iter().map(|name| self.builder.create_string(name)).collect();
        self.builder.create_vector(&names)
    }
}

impl RdfSample {
    /// What feedback takes of it.
    pub fn sample(&self) -> Sample<'_> {
        let Self { job, observable, window, frames, shape, sums, .. } = self;
        Sample { job: *job, observable, window: *window, frames: *frames, shape, sums }
    }
}

/// A verified table as plain values.
///
/// # Errors
/// [`ErrorKind::Value`](crate::error::ErrorKind::Value) if its lists do not fit each other.
pub(super) fn view(table: fb::FeedbackTable) -> Result<Table> {
    let names = |names: Vector<'_, ForwardsUOffset<&str>>| names.iter().map(str::to_owned).collect();
    let mut viewed = Table {
        version: table.version(),
        in_force_from: table.in_force_from(),
        states: names(table.states()),
        lipids: names(table.lipids()),
        r_nm: table.r_nm().iter().collect(),
        g: table.g().iter().collect(),
        standard_error: table.standard_error().iter().collect(),
        potential_kt: table.potential_kt().map(|potential| potential.iter().collect()),
        has_potential: Vec::new(),
        simulations: table.simulations().iter().collect(),
        effective_samples: table.effective_samples().iter().collect(),
    };
    viewed.has_potential = table.has_potential().map_or_else(|| implied(&viewed), |has| has.iter().collect());
    viewed.check().map_err(|error| value(error.message()))?;
    Ok(viewed)
}

/// What a message means that does not say whether lipids have a potential: they have one in states that were simulated, and
/// wherever it is not 0.
fn implied(table: &Table) -> Vec<bool> {
    let (Some(potential), bins @ 1..) = (&table.potential_kt, table.r_nm.len()) else { return Vec::new() };
    let was_simulated = |row: usize| {
        let state = row.checked_div(table.lipids.len()).unwrap_or(0);
        table.simulations.get(state).is_some_and(|&count| count > 0)
    };
    let rows = potential.chunks_exact(bins).enumerate();
    rows.map(|(row, values)| was_simulated(row) || values.iter().any(|&value| value != 0.0)).collect()
}
