//! What `model check` looks at, in order: the model as `auto` opens it, then each back-end by itself.
//!
//! Not here: the measurements ([`super::measure`]), the words ([`super::say`]).

use std::time::{Duration, Instant};

use patchstream::encode::Model;
use patchstream::error::{Error, Result, value};

use super::measure::{Latency, Sample, largest_difference, latency};
use super::open::{Backend, open};
use super::say;

/// The largest difference between back-ends that rounding explains, relative to the output's scale; the networks of the
/// papers stay below a hundredth of it.
const LARGEST_DIFFERENCE: f64 = 1e-4;

/// One back-end and the model in it.
pub struct Row {
    /// What it is called.
    pub backend: &'static str,
    /// On patches of the sample.
    pub latency: Latency,
    /// The largest difference of a coordinate from the first row's, over the sample; 0 in the first row.
    pub difference: f64,
}

/// What was found.
pub struct Found {
    /// As `auto` opens it.
    pub model: Model,
    /// How long that took.
    pub opened: Duration,
    /// What `auto` takes comes first.
    pub rows: Vec<Row>,
    /// Back-ends that cannot run it, and why.
    pub refused: Vec<(&'static str, Error)>,
    /// Patches that were compared.
    pub patches: usize,
    /// The largest coordinate of their points, as an absolute value.
    pub scale: f64,
}

/// Opens a model, measures it and prints what was found.
///
/// # Errors
/// Those of [`open`], and [`ErrorKind::Value`](patchstream::error::ErrorKind::Value) if back-ends differ.
pub fn check(name_or_path: &str) -> Result<()> {
    let found = look(name_or_path)?;
    say::print(name_or_path, &found);
    let worst = found.rows.iter().max_by(|a, b| a.difference.total_cmp(&b.difference));
    match worst {
        Some(row) if row.difference > LARGEST_DIFFERENCE * found.scale => Err(value(format!(
            "{} and {} differ by {:.1e} where points reach {:.1e}, more than rounding explains: do not use its points, \
             and report the model",
            found.rows[0].backend, row.backend, row.difference, found.scale
        ))),
        _ => Ok(()),
    }
}

fn look(name_or_path: &str) -> Result<Found> {
    let started = Instant::now();
    let model = open(name_or_path, Backend::Auto, None)?;
    let opened = started.elapsed();
    let sample = Sample::of(&model);
    let points = sample.points(&model)?;
    let scale = points.iter().fold(0.0_f64, |scale, x| scale.max(f64::from(x.abs())));
    let first = Row { backend: model.backend(), latency: latency(&model, &sample)?, difference: 0.0 };
    let (mut rows, mut refused) = (vec![first], Vec::new());
    for backend in [Backend::Fused, Backend::Tract, Backend::Exported] {
        // Without folding the last two are one.
        if backend == Backend::Exported && model.report().folded.is_empty() {
            continue;
        }
        let other = match open(name_or_path, backend, None) {
            Ok(other) => other,
            Err(error) => {
                refused.push((backend.name(), error));
                continue;
            }
        };
        let name = if backend == Backend::Exported { backend.name() } else { other.backend() };
        // What runs already under that name needs no second look.
        if rows.iter().all(|row| row.backend != name) {
            rows.push(Row {
                backend: name,
                latency: latency(&other, &sample)?,
                difference: largest_difference(&points, &sample.points(&other)?),
            });
        }
    }
    Ok(Found { model, opened, rows, refused, patches: sample.len(), scale })
}
