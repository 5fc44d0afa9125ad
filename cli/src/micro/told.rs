//! What a summary says of micro simulations, to programs and to people.
//!
//! Not here: the rest of it ([`crate::summary`]).

use std::fmt::Write as _;

use patchstream::job::JobCounts;
use serde_json::{Value, json};

use super::closed::Ended;
use super::options::MicroOptions;

/// Adds it to `summary.json`: `feedback`, `jobs`, `cpu` and options.
pub fn tell(ended: &Ended, options: &MicroOptions, summary: &mut Value) {
    let JobCounts { in_line, held, done, set_aside, deaths, .. } = ended.jobs;
    let (all, library) = ended.cpu_seconds;
    summary["feedback"] = json!(ended.results);
    summary["jobs"] = json!({ "done": done, "set_aside": set_aside, "left": in_line + held, "deaths": deaths });
    summary["cpu"] = json!({ "seconds": all, "patchstream_seconds": library, "patchstream_share": share(ended) });
    let told = summary["options"].as_object_mut().into_iter();
    told.for_each(|told| {
        told.insert("workers".into(), json!(options.workers));
        told.insert("feedback_every".into(), json!(options.feedback_every));
        told.insert("feedback_growth".into(), json!(options.feedback_growth));
        told.insert("asynchronous".into(), json!(options.asynchronous));
        told.insert("md_equilibration".into(), json!(options.md_equilibration));
        told.insert("md_steps".into(), json!(options.md_steps));
    });
}

/// The same in lines.
pub fn say(ended: &Ended) -> String {
    let JobCounts { in_line, held, done, set_aside, deaths, .. } = ended.jobs;
    let mut text = String::new();
    let _ = writeln!(
        text,
        "jobs      {done} simulated, {set_aside} set aside, {} left; {deaths} times a worker died with one",
        in_line + held
    );
    if !ended.results.is_empty() {
        let _ = writeln!(
            text,
            "feedback  {:<10}{:>12}{:>13}{:>13}{:>13}{:>12}",
            "round", "rms before", "rms after", "inverted", "simulations", "worth"
        );
    }
    let rms = |rms: Option<f64>| rms.map_or("-".into(), |rms| format!("{rms:.4}"));
    for result in &ended.results {
        let _ = writeln!(
            text,
            "          {:<10}{:>12}{:>13}{:>13}{:>13}{:>12.1}",
            result.round,
            rms(result.rms_before),
            rms(result.rms_after),
            rms(result.rms_inverted),
            result.simulations,
            result.effective_samples
        );
    }
    let _ = writeln!(
        text,
        "cpu       {:.1} s in all processes, {:.2} % of it in patchstream",
        ended.cpu_seconds.0,
        100.0 * share(ended)
    );
    text
}

/// The library's part of all CPU time.
fn share(ended: &Ended) -> f64 {
    let (all, library) = ended.cpu_seconds;
    if all > 0.0 { library / all } else { 0.0 }
}
