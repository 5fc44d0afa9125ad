//! What came back, as files: `samples.psel` and `feedback.psel`, size-prefixed flatbuffers.
//!
//! `samples.psel` has an `RdfSample` `simulation` for each simulation, as its patch was selected: state of the protein that
//! distances are taken from (-1: none), 1 if it is the only one, then the mean density of each lipid, nm^-2; and its windows
//! `rdf`, by job and window, as they went into a table. `feedback.psel` has each table.
//! Whatever was written is read again by a campaign that goes on.
//! Not here: what is made of them ([`super::rounds`]).

use std::fs;
use std::path::Path;

use patchstream::error::{Result, corrupt, io};
use patchstream::feedback::{Simulation, Table};
use patchstream::wire::{Message, Packer, RdfSample, messages};

use crate::draft::{self, Draft};

/// The names of the files.
pub const NAMES: [&str; 2] = ["samples.psel", "feedback.psel"];
/// The observable that says what is simulated.
const SIMULATION: &str = "simulation";

/// The two files, which are under way.
pub struct Samples {
    samples: Draft,
    tables: Draft,
    packer: Packer,
}

/// What was in them.
pub enum Entry {
    Simulation(Simulation),
    Sample(RdfSample),
}

impl Samples {
    /// Starts the files, in a folder that is there.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if it cannot be written to.
    pub fn create(folder: &Path) -> Result<Self> {
        draft::prepare(folder, &NAMES)?;
        let [samples, tables] = NAMES.map(|name| Draft::lasting(folder, name));
        Ok(Self { samples: samples?, tables: tables?, packer: Packer::new() })
    }

    /// Goes on with files of which so many bytes were [`written`](Self::written), and says what is in those.
    ///
    /// # Errors
    /// By [`ErrorKind`](patchstream::error::ErrorKind): `Corrupt` if they are not there or damaged, `Io`.
    pub fn go_on(folder: &Path, written: [u64; 2]) -> Result<(Self, Vec<Entry>, Vec<Table>)> {
        let mut samples = Draft::go_on(folder, NAMES[0], written[0])?;
        let mut tables = Draft::go_on(folder, NAMES[1], written[1])?;
        samples.sync()?;
        tables.sync()?;
        let entries = read(folder, NAMES[0], |message| match message {
            Message::RdfSample(sample) if sample.observable == SIMULATION => simulation(&sample).map(Entry::Simulation),
            Message::RdfSample(sample) => Some(Entry::Sample(sample)),
            _ => None,
        })?;
        let old = read(folder, NAMES[1], |message| match message {
            Message::FeedbackTable(table) => Some(table),
            _ => None,
        })?;
        Ok((Self { samples, tables, packer: Packer::new() }, entries, old))
    }

    /// Brings what was added to the disk, and says how many bytes of each that are.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if the disk is full or fails.
    pub fn written(&mut self) -> Result<[u64; 2]> {
        Ok([self.samples.sync()?, self.tables.sync()?])
    }

    /// Adds what is simulated.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if the disk is full or fails.
    pub fn simulation(&mut self, simulation: &Simulation) -> Result<()> {
        let state = simulation.state.map_or(-1.0, f64::from);
        let sums: Vec<f64> = [state, f64::from(u8::from(simulation.alone))]
            .into_iter()
            .chain(simulation.densities_nm2.clone())
            .collect();
        self.sample(&RdfSample {
            job: simulation.job,
            attempt: 0,
            observable: SIMULATION.into(),
            window: 0,
            frames: 1,
            shape: vec![sums.len() as u32],
            sums,
        })
    }

    /// Adds a window.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if the disk is full or fails.
    pub fn sample(&mut self, sample: &RdfSample) -> Result<()> {
        // Whichever attempt it was of, it is the same.
        self.samples.write(self.packer.sample(&RdfSample { attempt: 0, ..sample.clone() }))
    }

    /// Adds a table.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if the disk is full or fails.
    pub fn table(&mut self, table: &Table) -> Result<()> {
        self.tables.write(self.packer.feedback_table(table))
    }

    /// The files, which are whole.
    pub fn into_drafts(self) -> [Draft; 2] {
        [self.samples, self.tables]
    }
}

fn simulation(sample: &RdfSample) -> Option<Simulation> {
    let [state, alone, densities @ ..] = &sample.sums[..] else { return None };
    Some(Simulation {
        job: sample.job,
        state: (*state >= 0.0).then_some(*state as u16),
        alone: *alone > 0.0,
        references: 1,
        densities_nm2: densities.to_vec(),
    })
}

/// Samples that were packed one after the other.
///
/// # Errors
/// [`ErrorKind::Corrupt`](patchstream::error::ErrorKind::Corrupt) for bytes that are none.
pub fn all(bytes: &[u8]) -> Result<Vec<RdfSample>> {
    let damaged = || corrupt("what was saved of samples is damaged: begin a new campaign");
    let sample = |message| match message {
        Ok(Message::RdfSample(sample)) => Ok(sample),
        _ => Err(damaged()),
    };
    messages(bytes).map(sample).collect()
}

/// All messages of a file, each of which has to be one that `take` takes.
fn read<T>(folder: &Path, name: &str, mut take: impl FnMut(Message) -> Option<T>) -> Result<Vec<T>> {
    let path = folder.join(format!("{name}.part"));
    let bytes = fs::read(&path).map_err(|error| io(format!("cannot read {}: {error}", path.display())))?;
    let damaged = || corrupt(format!("{} is damaged: put it back as it was, or begin a new campaign", path.display()));
    messages(&bytes).map(|message| take(message.map_err(|_| damaged())?).ok_or_else(damaged)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_on_after_what_counts_and_damage_is_an_error() {
        let folder = std::env::temp_dir().join(format!("patchstream-samples-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let simulation =
            |job, state| Simulation { job, state, alone: true, references: 1, densities_nm2: vec![0.5; 14] };
        let (shape, sums, observable) = (vec![1, 2], vec![3.0, 4.0], "rdf".to_owned());
        let sample = RdfSample { job: 7, attempt: 3, observable, window: 1, frames: 9, shape, sums };
        let mut files = Samples::create(&folder).unwrap();
        files.simulation(&simulation(7, Some(4))).unwrap();
        files.simulation(&simulation(8, None)).unwrap();
        files.sample(&sample).unwrap();
        let written = files.written().unwrap();
        files.simulation(&simulation(9, None)).unwrap();
        drop(files);

        let (_, entries, tables) = Samples::go_on(&folder, written).unwrap();
        assert!(tables.is_empty());
        let [Entry::Simulation(first), Entry::Simulation(second), Entry::Sample(third)] = &entries[..] else {
            panic!("{} entries", entries.len())
        };
        assert_eq!((first, second), (&simulation(7, Some(4)), &simulation(8, None)));
        assert_eq!(*third, RdfSample { attempt: 0, ..sample.clone() });

        let refused = |written| Samples::go_on(&folder, written).err().unwrap().to_string();
        assert!(refused([written[0] - 1, 0]).contains("samples.psel.part is damaged"));
        assert!(refused([written[0] + 1000, 0]).contains("bytes that were written before"));
        assert_eq!(all(Packer::new().sample(&sample)).unwrap(), [sample]);
        assert!(all(&[1, 2, 3]).is_err());
        fs::remove_dir_all(&folder).unwrap();
    }
}
