//! `patchstream export`: a run as tables and arrays, for whoever analyses it with other tools.
//!
//! `points.npy` (n, d) float32 and `ids.npy` (n,) uint64: all patches that are there, in the order in which they came.
//! `patches.csv`: `id,step,time_us,x_nm,y_nm,queue,stage,label`, the same rows. `selected.csv`: `event,order,id,rank` and
//! `weights.csv`: `id,weight,normalised`, as a campaign writes them; of picks that were returned nothing is in them.
//! Not here: where everything is ([`super::seen`]), the densities that a run keeps ([`super::kept`]).

use std::sync::atomic::Ordering;

use patchstream::dynim::{Sampler, Weight};
use patchstream::error::{Result, state};
use patchstream::store::{self, Folder};
use patchstream::stream::journal::layout::layout;

use super::kept;
use super::options::ExportOptions;
use super::seen::{Seen, Stage};
use crate::draft::{self, Draft};
use crate::npy;
use crate::number::format_g;
use crate::progress::Progress;
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
    let (all, selected) = (seen.patches.len(), seen.selected.len());
    let busy = Progress::busy(format!("weighing {all} patches against {selected} selected ones"));
    let weights = weigh(&seen)?;
    busy.finish();
    // From here on there are files that an end by Ctrl-C is not to leave half written.
    let stop = stop_on_signals()?;
    draft::prepare(&options.to, &[&NAMES[..], &kept::NAMES].concat())?;
    let draft = |at: usize| Draft::create(&options.to, NAMES[at]);
    let (mut points, mut ids, mut selected, mut table, mut patches) =
        (draft(0)?, draft(1)?, draft(2)?, draft(3)?, draft(4)?);
    let there = seen.patches.iter().enumerate().filter(|(_, patch)| patch.stage != Stage::Withdrawn);
    let count = there.clone().count();
    // An empty array has an axis of coordinates too.
    points.write(&npy::header("<f4", &[count, seen.dim.max(1)]))?;
    ids.write(&npy::header("<u8", &[count]))?;
    patches.line(format_args!("id,step,time_us,x_nm,y_nm,queue,stage,label"))?;
    for (row, patch) in there {
        if stop.load(Ordering::Relaxed) {
            return Ok(true);
        }
        for x in seen.point(row) {
            points.write(&x.to_le_bytes())?;
        }
        ids.write(&patch.id.to_le_bytes())?;
        let [time, x, y] = [patch.time_us, patch.center_nm[0], patch.center_nm[1]].map(|value| format_g(value, 17));
        let (id, step, queue, stage) = (patch.id, patch.step, patch.queue, patch.stage.name());
        let label = quoted(patch.label.as_deref().unwrap_or_default());
        patches.line(format_args!("{id},{step},{time},{x},{y},{queue},{stage},{label}"))?;
    }
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
    let kept = kept::write(&found, &seen, &options.run, &options.to)?;
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

/// The weights over everything that is not selected, as a stream's are.
fn weigh(seen: &Seen) -> Result<Vec<Weight>> {
    if seen.dim == 0 {
        return Ok(Vec::new());
    }
    let mut sampler = Sampler::with_layout(layout(&seen.options)?)?;
    for place in &seen.selected {
        let patch = &seen.patches[place.row];
        sampler.select_outright_in(patch.queue, patch.id, patch.step, seen.point(place.row))?;
    }
    for (row, patch) in seen.patches.iter().enumerate() {
        if matches!(patch.stage, Stage::Candidate | Stage::Discarded) {
            sampler.add_to(patch.queue, patch.id, patch.step, seen.point(row), patch.factor)?;
        }
    }
    Ok(sampler.weights())
}

/// A field of a table.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.into() }
}
