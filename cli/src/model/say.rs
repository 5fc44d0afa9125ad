//! What `model check` tells people, on stdout.
//!
//! Not here: what was looked at ([`super::check`]).

use std::fmt::Write as _;

use patchstream::encode::{Card, Layout, Model, Normalise, Turn};

use super::check::Found;
use super::measure::{BATCH, Latency};
use super::open::axes;
use crate::npy::Shape;
use crate::summary;

/// Prints what was found of the model that the command named.
pub fn print(name: &str, found: &Found) {
    let mut text = String::new();
    let model = &found.model;
    let _ = writeln!(text, "model      {name}, opened in {:.1} ms", found.opened.as_secs_f64() * 1e3);
    if model.is_bare() {
        let _ = writeln!(text, "card       none beside it: values are taken as they are, without normalisation");
    } else {
        card(&mut text, model.card());
    }
    ends(&mut text, model);
    list(&mut text, "folded", &model.report().folded, "nothing");
    let _ = writeln!(text, "runs       {}: {}", model.backend(), model.report().chosen);
    for (backend, error) in &found.refused {
        let _ = writeln!(text, "           {backend} cannot: {error}");
    }
    rows(&mut text, found);
    summary::print(&text);
}

fn card(text: &mut String, card: &Card) {
    let trained = if card.trained { "trained" } else { "not trained" };
    let _ = writeln!(text, "card       {}, {trained}", card.name);
    let _ = writeln!(text, "           {}", card.training);
    if !card.sha256.is_empty() {
        let _ = writeln!(text, "           sha256 {}, as the file has it", card.sha256);
    }
    let kind = match card.normalise {
        Normalise::Standardise { .. } => "less the mean, by the deviation of each channel",
        Normalise::Range { .. } => "less the offset, by the range of each channel",
    };
    let weighted = if card.input.channel_weights.is_some() { ", times its weight" } else { "" };
    let turn = match card.orientation {
        Turn::AsCut => "patches are taken as they are cut",
        Turn::Canonical => "patches are turned to their canonical orientation first",
    };
    let _ = writeln!(text, "           {kind}{weighted}; {turn}");
    if let Some(classes) = &card.classes {
        let _ = writeln!(text, "           classes: {}", classes.labels.join(", "));
    }
    for (name, figure) in &card.evaluation {
        let _ = writeln!(text, "           {name} {figure}");
    }
}

/// What goes in and what comes out.
fn ends(text: &mut String, model: &Model) {
    let named = match (model.is_bare(), model.card().input.layout) {
        (true, _) => "",
        (_, Layout::Chw) => ", axes c, y, x",
        (_, Layout::Hwc) => ", axes y, x, c",
    };
    let _ = writeln!(text, "input      float32 {}{named}", Shape(&axes(model)));
    if !model.is_bare() && !model.card().input.channels.is_empty() {
        let _ = writeln!(text, "           {}", model.card().input.channels.join(" "));
    }
    let _ = writeln!(text, "output     float32 {}", Shape(&[model.dim()]));
}

fn list(text: &mut String, what: &str, lines: &[String], none: &str) {
    let _ = writeln!(text, "{what:<10} {}", lines.first().map_or(none, String::as_str));
    for line in lines.iter().skip(1) {
        let _ = writeln!(text, "           {line}");
    }
}

/// Latencies, and differences if there are two back-ends.
fn rows(text: &mut String, found: &Found) {
    let heads = ["fastest", "half within", "99 % within", &format!("{BATCH} in one call")];
    let _ = writeln!(text, "latency    {:<16}{}", "us a patch", heads.map(|head| format!("{head:>16}")).concat());
    for row in &found.rows {
        let Latency { fastest, p50, p99, batched } = row.latency;
        let times = [fastest, p50, p99, batched].map(|time| format!("{time:>16.1}")).concat();
        let _ = writeln!(text, "           {:<16}{times}", row.backend);
    }
    let first = found.rows[0].backend;
    for row in &found.rows[1..] {
        let _ = writeln!(
            text,
            "difference {first} and {}: at most {:.1e} on {} random patches, whose points reach {:.3}",
            row.backend, row.difference, found.patches, found.scale
        );
    }
    if found.rows.len() < 2 {
        let _ = writeln!(text, "difference none: {first} alone can run it");
    }
}
