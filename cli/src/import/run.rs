//! The import: what is read, what is written, and what is said of it.
//!
//! Not here: the history ([`super::history`]), what it means ([`super::events`]), the run's folder ([`super::write`]).

use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;

use patchstream::dynim::{self, Layout, Mode};
use patchstream::error::{Result, argument, shape, state};
use patchstream::store::{self, Folder};
use patchstream::stream::{Config, journal};

use super::events::{Lacks, Past};
use super::history;
use super::names::Names;
use super::options::Options;
use super::write::{self, Rows, Written};
use crate::sample::Points;
use crate::summary::print;

/// Makes a run of a history and its points, and says what it lacks. Returns whether it was interrupted.
///
/// # Errors
/// Files that cannot be read or are none, a folder that is taken, options that do not fit; then nothing is written.
pub fn run(options: &Options, stop: &AtomicBool) -> Result<bool> {
    let out = options.out.display();
    match store::look(&options.out) {
        Ok(Folder::New) => {}
        Ok(Folder::Run(_)) => {
            return Err(state(format!("{out} holds a run already: choose another folder with --out")));
        }
        Err(error) => return Err(error.context("choose another folder with --out")),
    }
    let config = options.config.as_deref().map(Config::from_file).transpose()?;
    let path = history::find(&options.workspace)?;
    let mut points = Points::open(&options.points)?;
    let names = Names::open(&options.ids, points.rows())?;
    let mut rows = Rows { dim: points.dim(), all: vec![0.0; points.rows() * points.dim()] };
    for point in rows.all.chunks_exact_mut(rows.dim) {
        points.read(point)?;
    }
    let past = Past::read(&path, &names, points.rows())?;
    let (text, layout) = journal::imported("dynim", config.as_ref(), settings(&past, rows.dim))?;
    check(&layout, rows.dim, config.as_ref())?;
    let Some(written) = write::write(&options.out, &text, &past, &names, &rows, stop)? else {
        print("interrupted: nothing was written\n");
        return Ok(true);
    };
    print(&say(&past, &names, rows.dim));
    print(&go_on(options, config.as_ref(), &layout, &written));
    print(&format!("run       {out} from {}\n", path.display()));
    Ok(false)
}

/// The settings of dynim's sampler as far as they are known: ten neighbours, picks from one ranking.
fn settings(past: &Past, dim: usize) -> Layout {
    let usual = dynim::QueueConfig::new("all");
    let least = usual.capacity.max(past.candidates as usize);
    let capacity = past.capacity.map_or(least, |capacity| capacity.max(1) as usize);
    Layout { mode: Mode::Batch, queues: vec![dynim::QueueConfig { capacity, ..usual }], ..Layout::new(dim) }
}

/// Whether a stream with these options can go on with the points.
fn check(layout: &Layout, dim: usize, config: Option<&Config>) -> Result<()> {
    if layout.dim != dim {
        let model = config.map_or("", |config| &config.model);
        return Err(shape(format!(
            "the points have {dim} coordinates, and those of the model {model} have {}: name in --config the encoder that \
             made them",
            layout.dim
        )));
    }
    match &layout.queues[..] {
        [_] => Ok(()),
        several => Err(argument(format!(
            "{} queues in --config, and one history: give one queue, and import the history of each sampler by itself",
            several.len()
        ))),
    }
}

fn say(past: &Past, names: &Names, dim: usize) -> String {
    let Past { events, selected, discarded, candidates, lacks, .. } = past;
    let mut text = format!(
        "imported  {events} events: {selected} selected, {discarded} discarded, {candidates} candidates, in {dim} dimensions\n"
    );
    if let Some((first, last)) = &past.times {
        let _ =
            writeln!(text, "times     {first} to {last}, to a second and without a zone: events are numbered instead");
    }
    let ids = if names.are_ids() { "are those of the history" } else { "count rows from 1; the history's are labels" };
    let _ = writeln!(text, "ids       {ids}");
    match past.capacity {
        Some(capacity) => {
            let _ = writeln!(text, "capacity  {capacity}, the most candidates that were left when some were discarded");
        }
        None => text.push_str("capacity  not known, since nothing was discarded: that of a stream\n"),
    }
    text.push_str(
        "lacking   densities and proteins; the macro model's steps and times; the encoder; the number of neighbours, taken \
         to be 10;\n          how many of the first picks were random, and their seed; the states of jobs, taken to be done\n",
    );
    for (count, what) in odd(lacks).into_iter().filter(|(count, _)| *count > 0) {
        let _ = writeln!(text, "          {count} {what}");
    }
    text
}

/// How a host goes on with the run.
fn go_on(options: &Options, config: Option<&Config>, layout: &Layout, written: &Written) -> String {
    let with = match (&options.config, config) {
        (Some(path), Some(_)) => format!("the options of {}", path.display()),
        _ => format!(
            "any encoder of {} coordinates and the options\n          k = {}, mode = \"batch\", capacity = {}",
            layout.dim, layout.k, layout.queues[0].capacity
        ),
    };
    format!(
        "go on     open a stream with run_dir = {:?}, {with},\n          and resume at the mark {:?}. New patches have ids above \
         {}, new steps are 0 and later\n",
        options.out,
        write::MARK,
        written.last_id
    )
}

/// What does not fit, in words.
fn odd(lacks: &Lacks) -> [(u64, &'static str); 8] {
    [
        (lacks.without_point, "points of the history have no row and are left out: weights do not count them"),
        (lacks.without_history, "rows are not in the history and are left out"),
        (lacks.never_added, "points were decided on and never added: taken to have come just before"),
        (lacks.rejected, "rows of the history say that a known point was rejected: passed over"),
        (lacks.repeated, "rows of the history repeat what was known: passed over"),
        (lacks.revived, "discarded points were selected later: taken to have come again"),
        (lacks.contradicted, "selected points were discarded later: they stay selected"),
        (lacks.without_rank, "picks have no rank: infinity is written"),
    ]
}
