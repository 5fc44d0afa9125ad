//! `patchstream export`: a run as tables and arrays, for whoever analyses it with other tools.
//!
//! `points.npy` (n, d) float32 and `ids.npy` (n,) uint64: all patches that are there, in the order in which they came.
//! `patches.csv`: `id,step,time_us,x_nm,y_nm,queue,stage,label`, the same rows. `selected.csv`: `event,order,id,rank` and
//! `weights.csv`: `id,weight,normalised`, as a campaign writes them; of picks that were returned nothing is in them.
//!
//! The log is read three times: where each patch is, then each point to its file, then each point to be weighed. In memory
//! are about 70 bytes a patch, whatever its dimension, those of S and their points, and the patches that are weighed at a time.
//! Not here: where everything is ([`super::seen`]), the densities that a run keeps ([`super::kept`]).

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use patchstream::dynim::{Sampler, Weight};
use patchstream::error::{Result, state};
use patchstream::store::{self, Folder, Recovered};
use patchstream::stream::journal::layout::layout;
use patchstream::stream::journal::records::Point;

use super::entry::Entry;
use super::kept;
use super::options::ExportOptions;
use super::reading::Reading;
use super::seen::{Seen, Stage};
use super::weighing::{HELD, Weighing};
use crate::draft::{self, Draft};
use crate::npy;
use crate::number::format_g;
use crate::stop_on_signals;
use crate::summary::print;

/// The names of the files; the patches come last, they say that the others are there.
const NAMES: [&str; 5] = ["points.npy", "ids.npy", "selected.csv", "weights.csv", "patches.csv"];

/// Writes the files. Returns whether it was interrupted.
///
/// # Errors
/// A folder that is no run, a log that is damaged, and files that cannot be written; then none is left half written.
pub fn export(options: &ExportOptions) -> Result<bool> {
    if let Ok(Folder::Run(_)) = store::look(&options.to) {
        let to = options.to.display();
        return Err(state(format!(
            "{to} is the folder of a run, which the files do not belong in: choose another with --to"
        )));
    }
    let found = store::read(&options.run)?;
    let seen = Seen::read(&found)?;
    // From here on there are files that an end by Ctrl-C is not to leave half written.
    let stop = stop_on_signals()?;
    draft::prepare(&options.to, &[&NAMES[..], &kept::NAMES].concat())?;
    let draft = |at: usize| Draft::create(&options.to, NAMES[at]);
    let (mut points, mut ids, mut selected, mut table, mut patches) =
        (draft(0)?, draft(1)?, draft(2)?, draft(3)?, draft(4)?);
    let count = seen.patches.iter().filter(|patch| patch.stage != Stage::Withdrawn).count();
    // An empty array has an axis of coordinates too.
    points.write(&npy::header("<f4", &[count, seen.dim.max(1)]))?;
    ids.write(&npy::header("<u8", &[count]))?;
    patches.line(format_args!("id,step,time_us,x_nm,y_nm,queue,stage,label"))?;
    let mut of_selected = Chosen::new(&seen);
    let all = each_point("writing", &found, &seen, &stop, |row, point| {
        of_selected.see(row, point);
        for x in &point.point {
            points.write(&x.to_le_bytes())?;
        }
        ids.write(&point.id.to_le_bytes())?;
        let [time, x, y] = [point.time_us, point.center_nm[0], point.center_nm[1]].map(|value| format_g(value, 17));
        let (id, step, queue, stage) = (point.id, point.step, point.queue, seen.patches[row].stage.name());
        let label = quoted(point.label.as_deref().unwrap_or_default());
        patches.line(format_args!("{id},{step},{time},{x},{y},{queue},{stage},{label}"))
    })?;
    if !all {
        return Ok(true);
    }
    let Some(weights) = weigh(&found, &seen, &of_selected, &stop)? else { return Ok(true) };
    selected.line(format_args!("event,order,id,rank"))?;
    for (order, place) in seen.selected.iter().enumerate() {
        let (id, rank) = (seen.patches[place.row].id, format_g(place.rank.into(), 9));
        selected.line(format_args!("{},{order},{id},{rank}", place.event))?;
    }
    table.line(format_args!("id,weight,normalised"))?;
    for weight in &weights {
        let (raw, normalised) = (format_g(weight.weight, 17), format_g(weight.normalised, 17));
        table.line(format_args!("{},{raw},{normalised}", weight.id))?;
    }
    let Some(kept) = kept::write(&found, &seen, &options.run, &options.to, &stop)? else { return Ok(true) };
    let densities = match (kept.count, kept.torn) {
        (0, 0) => String::new(),
        (count, 0) => format!("; densities of {count} of them"),
        (count, torn) => format!("; densities of {count} of them, {torn} more are torn"),
    };
    let files = [points, ids, selected, table].into_iter().chain(kept.files).collect();
    draft::keep(files, patches)?;
    print(&format!(
        "{count} patches of {} coordinates, {} of them selected{densities}: {} in {}\n",
        seen.dim,
        seen.selected.len(),
        NAMES.join(" "),
        options.to.display()
    ));
    Ok(false)
}

/// Reads the log again, and does something with each patch that is there. `false`: it was interrupted.
fn each_point(
    doing: &'static str,
    found: &Recovered,
    seen: &Seen,
    stop: &AtomicBool,
    mut with: impl FnMut(usize, &Point) -> Result<()>,
) -> Result<bool> {
    let mut reading = Reading::to(doing, found)?;
    let mut rows = 0..seen.patches.len();
    while let Some(read) = reading.next()? {
        if stop.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let Entry::Point = read.entry else { continue };
        // A writer that goes on meanwhile adds to it behind what was found.
        let Some(row) = rows.next() else { break };
        if seen.patches[row].stage != Stage::Withdrawn {
            with(row, read.point)?;
        }
    }
    Ok(true)
}

/// The points of S.
struct Chosen {
    dim: usize,
    /// The place in S of a row.
    places: HashMap<usize, usize>,
    /// `points[place * dim + i]`.
    points: Vec<f32>,
}

impl Chosen {
    fn new(seen: &Seen) -> Self {
        let places: HashMap<usize, usize> = seen.selected.iter().map(|place| place.row).zip(0..).collect();
        Self { dim: seen.dim, points: vec![0.0; seen.dim * places.len()], places }
    }

    fn see(&mut self, row: usize, point: &Point) {
        if let Some(place) = self.places.get(&row) {
            self.points[place * self.dim..][..self.dim].copy_from_slice(&point.point);
        }
    }
}

/// The weights over everything that is not selected, as a stream's are; `None` if it was interrupted.
fn weigh(found: &Recovered, seen: &Seen, of: &Chosen, stop: &AtomicBool) -> Result<Option<Vec<Weight>>> {
    if seen.selected.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let mut sampler = Sampler::with_layout(layout(&seen.options)?)?;
    for (place, point) in seen.selected.iter().zip(of.points.chunks_exact(seen.dim)) {
        let patch = &seen.patches[place.row];
        sampler.select_outright_in(patch.queue.into(), patch.id, 0, point)?;
    }
    let mut weighing = Weighing::new(sampler, HELD);
    let all = each_point("weighing", found, seen, stop, |row, point| match seen.patches[row].stage {
        Stage::Candidate | Stage::Discarded => weighing.add(point),
        Stage::Selected | Stage::Withdrawn => Ok(()),
    })?;
    Ok(all.then(|| weighing.finish()))
}

/// A field of a table.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.into() }
}
