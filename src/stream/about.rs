//! What the owner of a stream tells its peers: how patches look, and how a producer's ring is to be divided. A TOML text
//! at the stream's door, of which a peer reads what it knows.
//!
//! Not here: where the text lies ([`crate::lane`]).

use std::fmt::Write;

use serde::Deserialize;

use super::config::StateConfig;
use crate::error::{Result, corrupt, version};
use crate::patch::{ProteinKind, ProteinStates, Shape, Species};

/// The version of the text. Keys may be added without another one.
const VERSION: u32 = 1;

/// What peers have to know.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct About {
    version: u32,
    nx: usize,
    ny: usize,
    channels: usize,
    pub(super) size_nm: f64,
    /// Slots of a producer's ring.
    pub(super) slots: usize,
    /// The channels' names, inner leaflet first, and how many of them are of that.
    names: Vec<String>,
    inner: usize,
    states: Vec<StateConfig>,
}

impl About {
    pub(super) fn new(shape: Shape, size_nm: f64, slots: usize, species: &Species, states: &ProteinStates) -> Self {
        let state = |at: usize| {
            let kind = states.kind(at as i32).unwrap_or(ProteinKind::Ras);
            StateConfig { name: states.name(at as i32).unwrap_or_default().into(), kind }
        };
        let names = species.names().to_vec();
        let states = (0..states.len()).map(state).collect();
        let (nx, ny, channels, inner) = (shape.nx, shape.ny, shape.channels, species.inner());
        Self { version: VERSION, nx, ny, channels, size_nm, slots, names, inner, states }
    }

    /// The text.
    pub(super) fn text(&self) -> String {
        let Self { version, nx, ny, channels, size_nm, slots, names, inner, states } = self;
        let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
        let mut text = format!(
            "version = {version}\nnx = {nx}\nny = {ny}\nchannels = {channels}\nsize_nm = {size_nm:?}\nslots = {slots}\n\
             inner = {inner}\nnames = [{}]\n",
            names.join(", ")
        );
        for state in states {
            let kind = match state.kind {
                ProteinKind::Ras => "ras",
                ProteinKind::Raf => "raf",
            };
            // Writing into a string does not fail.
            let _ = write!(text, "[[states]]\nname = {}\nkind = \"{kind}\"\n", quoted(&state.name));
        }
        text
    }

    /// Reads a text.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt),
    /// [`ErrorKind::Version`](crate::error::ErrorKind::Version).
    pub(super) fn read(text: &str) -> Result<Self> {
        let about: Self = toml::from_str(text)
            .map_err(|error| corrupt(format!("what the stream says of its patches: {}", error.to_string().trim())))?;
        if about.version != VERSION {
            return Err(version(format!(
                "the stream's door is of version {}, this build reads {VERSION}: build both sides with one version",
                about.version
            )));
        }
        Ok(about)
    }

    /// The shape of a patch.
    pub(super) fn shape(&self) -> Result<Shape> {
        Shape::new(self.nx, self.ny, self.channels)
    }

    /// The protein states.
    pub(super) fn protein_states(&self) -> Result<ProteinStates> {
        ProteinStates::new(self.states.iter().map(|state| (state.name.clone(), state.kind)).collect())
    }
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                // Writing into a string does not fail.
                let _ = write!(quoted, "\\U{:08X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_as_it_was_written_whatever_the_names() {
        let names = vec!["POPC".into(), "a \"b\" \\ \n \u{7f} \u{1} \u{e4}".into()];
        let species = Species::new(names, 1).unwrap();
        let states = ProteinStates::new(vec![("x\t\"".into(), ProteinKind::Raf)]).unwrap();
        let about = About::new(Shape::new(5, 7, 2).unwrap(), 30.0, 8, &species, &states);
        assert_eq!(About::read(&about.text()).unwrap(), about);
        assert_eq!(about.protein_states().unwrap(), states);
        let later = about.text().replace("version = 1\n", "version = 1\nnew_key = 7\n");
        assert_eq!(About::read(&later).unwrap(), about);
        let other = About::read(&about.text().replace("version = 1", "version = 2")).unwrap_err();
        assert_eq!(other.kind(), crate::error::ErrorKind::Version);
        assert_eq!(About::read("nx = 3").unwrap_err().kind(), crate::error::ErrorKind::Corrupt);
    }
}
