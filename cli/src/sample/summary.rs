//! What `sample` says at its end, to people on stdout and to programs in `summary.json`.
//!
//! Not here: the other files ([`super::files`]), how times are taken ([`super::run`]).

use std::fmt::Write as _;

use patchstream::dynim::Weight;
use serde_json::json;

use super::files::NAMES;
use super::options::{Options, Sampler};
use super::points::Ids;
use crate::clock::{Spent, peak_resident_bytes, quantiles};
use crate::summary::{FORMAT, print};

/// What was done so far.
#[derive(Debug, Default)]
pub struct Done {
    /// Of the file: rows, and coordinates of each.
    pub shape: [usize; 2],
    /// Rows that were read and taken in, those selected outright included.
    pub arrived: usize,
    /// Rows that were selected outright.
    pub outright: usize,
    /// Events.
    pub events: u64,
    /// Picks that the events were asked for.
    pub asked: u64,
    /// Picks that they made: fewer where there were no more candidates.
    pub picked: usize,
    /// Points that may still be selected.
    pub candidates: usize,
    /// Points that were discarded.
    pub discarded: usize,
    /// Spent on taking rows in, ranking and discarding.
    pub arrivals: Spent,
    /// Spent on picks.
    pub picks: Spent,
    /// Spent on weights.
    pub weights: Spent,
    /// Spent on all, reading and writing included, up to the summary.
    pub total: Spent,
    /// Wall time of each event, arrivals and picks, in us.
    pub event_us: Vec<f32>,
    /// The name of the instruction set that the sampler uses.
    pub instruction_set: &'static str,
    /// A signal ended it early.
    pub interrupted: bool,
}

/// `summary.json`. Times of events are null if there were none, and so is memory where the system does not tell.
pub fn json(options: &Options, done: &mut Done) -> String {
    let [n, d] = done.shape;
    let seconds = |of: fn(&Spent) -> std::time::Duration| {
        let of = |spent: &Spent| of(spent).as_secs_f64();
        json!({
            "total": of(&done.total),
            "arrivals": of(&done.arrivals),
            "picks": of(&done.picks),
            "weights": of(&done.weights),
        })
    };
    let (wall_seconds, cpu_seconds) = (seconds(|spent| spent.wall), seconds(|spent| spent.cpu));
    let summary = json!({
        "n": n,
        "d": d,
        "arrived": done.arrived,
        "events": done.events,
        "asked": done.asked,
        "picked": done.picked,
        "outright": done.outright,
        "selected": done.outright + done.picked,
        "candidates": done.candidates,
        "discarded": done.discarded,
        "interrupted": done.interrupted,
        "threads": options.threads,
        "instruction_set": done.instruction_set,
        "wall_seconds": wall_seconds,
        "cpu_seconds": cpu_seconds,
        "event_us": quantiles(&mut done.event_us),
        "peak_resident_bytes": peak_resident_bytes(),
        "versions": { "patchstream": env!("CARGO_PKG_VERSION"), "format": FORMAT },
        "options": {
            "points": options.points.to_string_lossy(),
            "ids": options.ids.as_deref().map(|path| path.to_string_lossy()),
            "first": options.first,
            "batch": options.batch,
            "select": options.select,
            "events": options.events,
            "capacity": options.capacity,
            "k": options.k,
            "mode": options.mode.to_string(),
            "sampler": match options.sampler {
                Sampler::Importance => "importance",
                Sampler::Random => "random",
                Sampler::Binned => "binned",
            },
            "bins": options.bins.as_ref().map(ToString::to_string),
            "novelty": options.novelty,
            "seed": options.seed,
            "threads": options.threads,
            "out": options.out.to_string_lossy(),
        },
    });
    format!("{summary:#}\n")
}

/// What was done.
pub fn print_end(options: &Options, done: &Done, weights: &[Weight]) {
    let [n, d] = done.shape;
    let mut text = String::new();
    if done.interrupted {
        let _ = writeln!(
            text,
            "interrupted after {} events, {} of {n} points had arrived: this is what was done",
            done.events, done.arrived
        );
    }
    let _ = writeln!(
        text,
        "points    {n} of {d} coordinates from {}\n\
         run       {} events in {:.2} s: {} selected, {} candidates left, {} discarded",
        options.points.display(),
        done.events,
        done.total.wall.as_secs_f64(),
        done.outright + done.picked,
        done.candidates,
        done.discarded,
    );
    if (done.outright as u64) < options.first {
        let _ = writeln!(text, "outright  {} of the {} asked for: there are no more", done.outright, options.first);
    }
    if (done.picked as u64) < done.asked {
        let _ = writeln!(text, "picks     {} of the {} asked for: there were no more", done.picked, done.asked);
    }
    let heaviest = weights.iter().max_by(|a, b| a.weight.total_cmp(&b.weight).then(b.id.cmp(&a.id)));
    if let Some(Weight { id, weight, .. }) = heaviest {
        let _ = writeln!(text, "weights   the heaviest is point {}: it stands for {weight} points", Ids::outside(*id));
    }
    let _ = writeln!(
        text,
        "time      {:.2} s of CPU: {:.2} for arrivals, {:.2} for picks, {:.2} for weights",
        done.total.cpu.as_secs_f64(),
        done.arrivals.cpu.as_secs_f64(),
        done.picks.cpu.as_secs_f64(),
        done.weights.cpu.as_secs_f64(),
    );
    let _ = writeln!(text, "files     {} in {}", NAMES.join(" "), options.out.display());
    print(&text);
}
