//! The states that a protein can be in, and the constellation of a patch: how many RAS and RAF it holds.
//!
//! Which states there are is configuration; the default is the 18 of the RAS/RAF campaigns.
//! Not here: where proteins are ([`super::Protein`]), which queue a constellation goes to ([`crate::dynim`]).

use std::fmt;

use super::species::check_names;
use super::types::Protein;
use crate::error::{Result, unknown};

/// What a protein is, whatever state it is in. Configuration files write `ras` and `raf`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProteinKind {
    /// RAS, alone or as the RAS of a RAS-RAF complex.
    Ras,
    /// RAF, the partner of a RAS in a complex.
    Raf,
}

/// The protein states of a system, in order: a [`Protein::state`] is an index into this list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProteinStates {
    /// Name, unique and not empty, and kind of each state.
    states: Vec<(String, ProteinKind)>,
}

/// The states of one RAS isoform; the default list has them for RAS4B, then for RAS4A.
const ONE_ISOFORM: [(&str, ProteinKind); 9] = [
    ("RASa", ProteinKind::Ras),
    ("RASb", ProteinKind::Ras),
    ("RASc", ProteinKind::Ras),
    ("zRASa", ProteinKind::Ras),
    ("mRASa", ProteinKind::Ras),
    ("mRASb", ProteinKind::Ras),
    ("zRAFa", ProteinKind::Raf),
    ("mRAFa", ProteinKind::Raf),
    ("mRAFb", ProteinKind::Raf),
];

impl ProteinStates {
    /// The states `states`, each a name and a kind, in order.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) if there is none, or a name is empty or twice there.
    pub fn new(states: Vec<(String, ProteinKind)>) -> Result<Self> {
        check_names("protein states", states.iter().map(|(name, _)| name))?;
        Ok(Self { states })
    }

    /// The number of states, at least 1.
    #[allow(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// The state called `name`, as [`Protein::state`] has it.
    ///
    /// # Errors
    /// [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) if there is none.
    pub fn index(&self, name: &str) -> Result<i32> {
        let known = self.states.iter().position(|(known, _)| known == name);
        known.and_then(|i| i32::try_from(i).ok()).ok_or_else(|| {
            let names: Vec<&str> = self.states.iter().map(|(known, _)| known.as_str()).collect();
            unknown(format!("no protein state is called `{name}`: use one of {}", names.join(", ")))
        })
    }

    /// The name of `state`, `None` outside `0 .. len()`.
    pub fn name(&self, state: i32) -> Option<&str> {
        self.get(state).map(|(name, _)| name.as_str())
    }

    /// The kind of `state`, `None` outside `0 .. len()`.
    pub fn kind(&self, state: i32) -> Option<ProteinKind> {
        self.get(state).map(|(_, kind)| *kind)
    }

    fn get(&self, state: i32) -> Option<&(String, ProteinKind)> {
        self.states.get(usize::try_from(state).ok()?)
    }
}

impl Default for ProteinStates {
    /// RASa RASb RASc zRASa mRASa mRASb zRAFa mRAFa mRAFb (0 to 8, RAS4B), then the same nine with `_4A` behind their
    /// names (9 to 17, RAS4A).
    fn default() -> Self {
        let states = ["", "_4A"]
            .iter()
            .flat_map(|isoform| ONE_ISOFORM.iter().map(move |(name, kind)| (format!("{name}{isoform}"), *kind)))
            .collect();
        Self { states }
    }
}

/// How many RAS and how many RAF are in a patch. It routes the patch to a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Constellation {
    /// Proteins of kind [`ProteinKind::Ras`].
    pub ras: u16,
    /// Proteins of kind [`ProteinKind::Raf`].
    pub raf: u16,
}

impl Constellation {
    /// The constellation of `proteins`. One whose state is not in `states` counts as neither; counts stop at 65,535.
    pub fn of(proteins: &[Protein], states: &ProteinStates) -> Self {
        let mut this = Self::default();
        for protein in proteins {
            match states.kind(protein.state) {
                Some(ProteinKind::Ras) => this.ras = this.ras.saturating_add(1),
                Some(ProteinKind::Raf) => this.raf = this.raf.saturating_add(1),
                None => {}
            }
        }
        this
    }
}

impl fmt::Display for Constellation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} RAS, {} RAF", self.ras, self.raf)
    }
}
