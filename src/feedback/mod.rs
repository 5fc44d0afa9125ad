//! Feedback: what micro simulations measured, weighted, and given back to the macro model as potentials.
//!
//! A pure state machine: no file, no thread, no clock. The same samples give the same tables, bit for bit, in whatever
//! order the simulations report.
//!
//! - counting: [`RdfCounter`] counts pairs of one frame of a micro simulation, from positions alone.
//! - samples: a [`Sample`] is the raw sum of an observable over one window of one simulation. [`Collected`] keeps the
//!   raw sums of each simulation, so that a mean is always formed with the weights of today ("Machine-learning-based
//!   dynamic-importance sampling for adaptive multiscale simulations", "Self-healing through in situ feedback").
//! - means: with weight w of a simulation, its measured rate y (sum over frames) and what it would be without any
//!   structure x: mean = sum w y / sum w x. For g(r) x = references * density * area of the bin, else 1.
//! - potentials: [`Inversion`] turns g(r) into what the macro model has to be told so that it has that g(r).
//! - [`Feedback`] holds all of it for the RDFs of one system, and says when a new [`Table`] is due.
//!
//! Units: nm, kT, nm^-2; distances are in the plane of the membrane. Layouts: `sums[lipid * bins + bin]`,
//! `g[(state * lipids + lipid) * bins + bin]`.
//!
//! Files: `rdf` and `cells` (counting), `bins` (radii, areas), `sample`, `collected` and `raw` (what came), `mean` (weighted
//! means), `table` and `prior` (g from counts), `radial` and `invert` (potentials), `publish` and `feedback` (versions).
//! Not here: the weights ([`crate::dynim`]), bytes of a table ([`crate::wire`]), who measures and who is told
//! ([`crate::stream`]).

mod bins;
mod cells;
mod collected;
#[allow(clippy::module_inception, reason = "the noun that the folder is about")]
mod feedback;
mod invert;
mod mean;
mod prior;
mod publish;
mod radial;
mod raw;
mod rdf;
mod sample;
mod table;

#[cfg(test)]
mod tests;

pub use bins::Bins;
pub use collected::{Collected, Counts};
pub use feedback::{Feedback, Settings};
pub use invert::{Bulk, Inversion, Mixing, Prepared};
pub use mean::Mean;
pub use prior::Prior;
pub use publish::{Change, Due, When};
pub use radial::Convolution;
pub use rdf::{Frame, NOT_COUNTED, RdfCounter};
pub use sample::{RDF, Sample, Simulation, Submitted};
pub use table::Table;
