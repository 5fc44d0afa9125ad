//! The import: what is read, what is written, and what is said of it.
//!
//! Not here: the history ([`super::history`]), what it means ([`super::events`]).

use std::fmt::Write as _;

use patchstream::error::{Result, state};
use patchstream::store::{self, Folder};

use super::events::{Lacks, Past};
use super::history;
use super::names::Names;
use super::options::Options;
use super::write::{self, Rows};
use crate::sample::Points;
use crate::summary::print;

/// Makes a run of a history and its points, and says what it lacks.
///
/// # Errors
/// Files that cannot be read or are none, a folder that is taken; then nothing is written.
pub fn run(options: &Options) -> Result<()> {
    if store::look(&options.out)? != Folder::New {
        return Err(state(format!("{} holds a run already: choose another folder with --out", options.out.display())));
    }
    let path = history::find(&options.workspace)?;
    let mut points = Points::open(&options.points)?;
    let names = Names::open(&options.ids, points.rows())?;
    let mut rows = Rows { dim: points.dim(), all: vec![0.0; points.rows() * points.dim()] };
    for point in rows.all.chunks_exact_mut(rows.dim) {
        points.read(point)?;
    }
    let past = Past::read(&path, &names, points.rows())?;
    write::write(&options.out, &past, &names, &rows)?;
    print(&say(&past, &names, rows.dim));
    print(&format!("run       {} from {}\n", options.out.display(), path.display()));
    Ok(())
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
        None => text.push_str("capacity  not known, since nothing was discarded: none\n"),
    }
    text.push_str(
        "lacking   densities and proteins; the macro model's steps and times; the encoder; the number of neighbours, taken \
         to be 10;\n          how many of the first picks were random, and their seed; the states of jobs\n",
    );
    for (count, what) in odd(lacks).into_iter().filter(|(count, _)| *count > 0) {
        let _ = writeln!(text, "          {count} {what}");
    }
    text
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
