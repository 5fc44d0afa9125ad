//! The lipid species of a system: what each channel of a patch's densities is.
//!
//! Channels are in order, the inner leaflet's first. Which species there are is configuration; the default is the
//! 14 channels of the RAS/RAF membrane campaigns.
//! Not here: protein states ([`super::ProteinStates`]).

use crate::error::{Result, argument, unknown};

/// The channels of a patch by name, inner leaflet first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Species {
    /// One name a channel, in order; unique, not empty.
    names: Vec<String>,
    /// How many of them, from the front, are in the inner leaflet, `0 ..= names.len()`.
    inner: usize,
}

/// Inner leaflet, then outer; a name of the outer leaflet ends in `_outer`, so that each names one channel.
const DEFAULT_INNER: [&str; 8] = ["POPC", "PAPC", "POPE", "DIPE", "DPSM", "PAPS", "PAP6", "CHOL"];
const DEFAULT_OUTER: [&str; 6] = ["POPC_outer", "PAPC_outer", "POPE_outer", "DIPE_outer", "DPSM_outer", "CHOL_outer"];

impl Species {
    /// Channels called `names`, of which the first `inner` are in the inner leaflet.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) if there is no name, one is empty or twice there, or
    /// `inner` is more than there are.
    pub fn new(names: Vec<String>, inner: usize) -> Result<Self> {
        check_names("species", names.iter())?;
        if inner > names.len() {
            return Err(argument(format!(
                "{inner} of {} species cannot be in the inner leaflet: count the inner ones among the names",
                names.len()
            )));
        }
        Ok(Self { names, inner })
    }

    /// The number of channels, at least 1.
    #[allow(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The names, one a channel, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many channels, from the front, are of the inner leaflet, `0 ..= len()`.
    pub fn inner(&self) -> usize {
        self.inner
    }

    /// The channel called `name`.
    ///
    /// # Errors
    /// [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) if there is none.
    pub fn index(&self, name: &str) -> Result<usize> {
        self.names
            .iter()
            .position(|known| known == name)
            .ok_or_else(|| unknown(format!("no species is called `{name}`: use one of {}", self.names.join(", "))))
    }
}

impl Default for Species {
    /// The 14 lipid channels: POPC PAPC POPE DIPE DPSM PAPS PAP6 CHOL of the inner leaflet, then POPC_outer PAPC_outer
    /// POPE_outer DIPE_outer DPSM_outer CHOL_outer.
    fn default() -> Self {
        let names = DEFAULT_INNER.iter().chain(&DEFAULT_OUTER).map(|name| (*name).to_string()).collect();
        Self { names, inner: DEFAULT_INNER.len() }
    }
}

/// Refuses a list of names, called `what` in the message, that is empty, or has an empty or a repeated one.
pub(super) fn check_names<'a>(what: &str, names: impl Iterator<Item = &'a String> + Clone) -> Result<()> {
    if names.clone().next().is_none() {
        return Err(argument(format!("the list of {what} is empty: name at least one")));
    }
    for (i, name) in names.clone().enumerate() {
        if name.is_empty() {
            return Err(argument(format!("{what} {i} has an empty name: name it")));
        }
        if let Some(before) = names.clone().take(i).position(|other| other == name) {
            return Err(argument(format!("{what} {before} and {i} are both called `{name}`: names must be unique")));
        }
    }
    Ok(())
}
