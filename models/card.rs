//! Writes the cards of seeded models, which have the same species, and say that nothing was trained.
//!
//! Not here: what a card's fields mean (`src/encode/card.rs`).

use sha2::{Digest, Sha256};

use super::params::{AREA_PER_LIPID_NM2, SPECIES};

/// What differs between the cards.
pub struct Card<'a> {
    /// A sentence for who reads the file.
    pub what: &'a str,
    pub name: &'a str,
    pub sha256: &'a str,
    /// What the model's answers are worth.
    pub meaning: &'a str,
    pub latent_dimension: usize,
    /// Grid points a side.
    pub side: usize,
    /// `chw` or `hwc`.
    pub layout: &'a str,
    pub kind: Kind,
    /// Label, and name of the protein state, of each class; none unless it is a classifier.
    pub classes: &'a [(String, String)],
}

/// How densities are normalised.
#[derive(Clone, Copy)]
pub enum Kind {
    /// To mean 0 and deviation 1.
    Standardise,
    /// Two deviations below the mean become 0, two above it 1.
    Range,
}

impl Card<'_> {
    /// The text of the file.
    pub fn text(&self) -> String {
        let Self { what, name, sha256, meaning, latent_dimension, side, layout, .. } = self;
        let names = list(SPECIES.iter().map(|(name, _, _)| format!("\"{name}\"")));
        let mean = |fraction: f64| fraction / AREA_PER_LIPID_NM2;
        let normalise = match self.kind {
            Kind::Standardise => {
                let means = list(SPECIES.iter().map(|(_, f, _)| format!("{:.4}", mean(*f))));
                let deviations = list(SPECIES.iter().map(|(_, _, deviation)| format!("{deviation:.3}")));
                format!(
                    "# Nominal, from the DDFT example: a species' fraction in its leaflet over 0.60 nm^2 a lipid, and the deviation of its\n\
                     # density in one field. In nm^-2.\n\
                     [normalise]\nkind = \"standardise\"\nmean = [{means}]\ndeviation = [{deviations}]\n"
                )
            }
            Kind::Range => {
                let offsets =
                    list(SPECIES.iter().map(|(_, f, deviation)| format!("{:.4}", mean(*f) - 2.0 * deviation)));
                let ranges = list(SPECIES.iter().map(|(_, _, deviation)| format!("{:.3}", 4.0 * deviation)));
                format!(
                    "# Nominal, from the DDFT example: a species' mean density less twice its deviation in one field, and four times that\n\
                     # deviation. In nm^-2.\n\
                     [normalise]\nkind = \"range\"\noffset = [{offsets}]\nrange = [{ranges}]\n"
                )
            }
        };
        let mut text = format!(
            r#"# {what}
# Written by examples/make_models.rs together with the .onnx beside it.
format = 1
name = "{name}"
sha256 = "{sha256}"
trained = false
training = "None: kernels are seeded Glorot draws, biases and batch statistics seeded draws of a plausible size. It shows the whole path at its real cost; {meaning}."
orientation = "as_cut"
latent_dimension = {latent_dimension}

[input]
nx = {side}
ny = {side}
layout = "{layout}"
channels = [{names}]

{normalise}"#
        );
        if !self.classes.is_empty() {
            let labels = list(self.classes.iter().map(|(label, _)| format!("\"{label}\"")));
            let states = list(self.classes.iter().map(|(_, state)| format!("[\"{state}\"]")));
            text += &format!(
                "\n# Fingerprint paper, table 1. Of a complex the state is that of its RAS.\n\
                 [classes]\nlabels = [{labels}]\nstates = [{states}]\n"
            );
        }
        text
    }
}

/// The sha256 of `bytes`, 64 hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

fn list(values: impl Iterator<Item = String>) -> String {
    values.collect::<Vec<_>>().join(", ")
}
