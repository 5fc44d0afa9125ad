//! A patch and what belongs to it: its proteins, its place in time and space, its densities.
//!
//! Units: nm, us; densities nm^-2 with layout `densities[(y * nx + x) * channels + c]`, float32.
//! Not here: checking one that came from outside ([`super::check_meta`], [`super::check_densities`]).

use super::shape::Shape;

/// One protein of a patch. The C interface reads lists of them in place.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Protein {
    /// The host's id for it, the same in every patch and step.
    pub id: u64,
    /// Its state: an index into [`super::ProteinStates`].
    pub state: i32,
    /// Index, in the same list of proteins, of the one it is bonded with in a complex; -1 if none. Mutual.
    pub partner: i32,
    /// Position along x in nm, relative to the patch's centre pixel.
    pub x_nm: f64,
    /// Position along y in nm, relative to the patch's centre pixel.
    pub y_nm: f64,
}

/// All of a patch but its densities, borrowed. The default has no id, which every patch needs.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Meta<'a> {
    /// The patch's id, `1 ..= ids::MAX`, unique over all producers.
    pub id: u64,
    /// The macro model's step that it was cut at. Steps order patches.
    pub step: i64,
    /// The macro model's time in us. It describes, and orders nothing.
    pub time_us: f64,
    /// Where in the macro model the centre pixel is, x and y in nm.
    pub center_nm: [f64; 2],
    /// The proteins inside the window, nearest first where the library cut the patch.
    pub proteins: &'a [Protein],
    /// A name for people, at most 256 bytes. Never a key.
    pub label: Option<&'a str>,
    /// What the patch's rank is multiplied by, positive and finite; `None`: its queue's factor.
    pub factor: Option<f32>,
}

/// What an encoder looks at, borrowed: the densities, and the proteins for those that orient the patch.
#[derive(Debug, Clone, Copy)]
pub struct PatchView<'a> {
    /// The shape of `densities`.
    pub shape: Shape,
    /// `shape.len()` values in nm^-2, `[(y * nx + x) * channels + c]`. Slightly negative ones occur.
    pub densities: &'a [f32],
    /// The proteins inside the window.
    pub proteins: &'a [Protein],
}

/// A patch that owns its data.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    /// The patch's id, `1 ..= ids::MAX`, unique over all producers.
    pub id: u64,
    /// The macro model's step that it was cut at.
    pub step: i64,
    /// The macro model's time in us.
    pub time_us: f64,
    /// Where in the macro model the centre pixel is, x and y in nm.
    pub center_nm: [f64; 2],
    /// The shape of `densities`.
    pub shape: Shape,
    /// `shape.len()` values in nm^-2, `[(y * nx + x) * channels + c]`.
    pub densities: Vec<f32>,
    /// The proteins inside the window.
    pub proteins: Vec<Protein>,
    /// A name for people, at most 256 bytes.
    pub label: Option<String>,
}

impl Patch {
    /// All but the densities; no factor of its own.
    pub fn meta(&self) -> Meta<'_> {
        Meta {
            id: self.id,
            step: self.step,
            time_us: self.time_us,
            center_nm: self.center_nm,
            proteins: &self.proteins,
            label: self.label.as_deref(),
            factor: None,
        }
    }

    /// What an encoder looks at.
    pub fn view(&self) -> PatchView<'_> {
        PatchView { shape: self.shape, densities: &self.densities, proteins: &self.proteins }
    }
}
