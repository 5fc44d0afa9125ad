//! What a campaign says at its start and end, to people on stdout and to programs in `summary.json`.
//!
//! Not here: the bar ([`super::progress`]), the other files ([`super::output`]).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use patchstream::encode::Model;
use patchstream::patch::{Constellation, Protein, ProteinKind, ProteinStates};
use patchstream::stream::{Stage, Stats, Stream};
use patchstream::wire;
use serde_json::{Value, json};

use super::micro::{self, Ended};
use super::options::Options;
use super::output::NAMES;

/// The version of the files' format.
pub const FORMAT: u32 = 1;
/// Constellations that the summary for people lists.
const MOST_KINDS: usize = 6;

/// What was done so far.
#[derive(Default)]
pub struct Done {
    /// Steps of the macro model.
    pub steps: i64,
    /// Its time in us.
    pub time_us: f64,
    /// Patches that events have taken in.
    pub patches: u64,
    /// Patches sent.
    pub sent: u64,
    /// Control patches among them.
    pub controls: u64,
    /// Patches that could not be taken in.
    pub rejected: u64,
    /// Patches selected.
    pub selected: u64,
    /// How many patches of each constellation were selected.
    pub constellations: BTreeMap<Constellation, u64>,
    /// Wall time in s, from the first look at the options to the weights; what a kill undid is not in it.
    pub seconds: f64,
    /// A signal ended it early.
    pub interrupted: bool,
}

impl Done {
    /// Counts what an event did.
    pub fn count(&mut self, batch: &wire::SelectionBatch) {
        self.patches = batch.candidates + batch.selected + batch.discarded;
        self.selected = batch.selected;
        for selection in &batch.selections {
            *self.constellations.entry(selection.constellation).or_default() += 1;
        }
    }
}

/// `summary.json`. Latencies are in us, null for a stage that nothing went through; `sha256` is null for an encoder
/// without a file. Nothing speaks of a classifier unless there is one, nor of micro simulations.
pub fn json(options: &Options, done: &Done, stats: &Stats, stream: &Stream, ended: Option<&Ended>) -> String {
    let mut latency = serde_json::Map::new();
    let classified = stream.classifier().is_some();
    for (stage, time) in Stage::ALL.iter().zip(stats.latency).filter(|(s, _)| classified || **s != Stage::Classify) {
        let of = |value: f64| if time.count > 0 { json!(value) } else { Value::Null };
        latency.insert(stage.name().into(), json!({ "p50": of(time.p50_us), "p99": of(time.p99_us) }));
    }
    let constellations: BTreeMap<String, u64> =
        done.constellations.iter().map(|(constellation, &count)| (constellation.to_string(), count)).collect();
    let mut summary = json!({
        "seed": options.seed,
        "steps": done.steps,
        "time_us": done.time_us,
        "interrupted": done.interrupted,
        "patches": done.sent,
        "candidates": stats.candidates,
        "selected": stats.selected,
        "discarded": stats.discarded,
        "rejected": done.rejected,
        "selected_constellations": constellations,
        "seconds": done.seconds,
        "latency_us": latency,
        "model": identity(stream.model()),
        "backend": stats.backend,
        "versions": { "patchstream": env!("CARGO_PKG_VERSION"), "format": FORMAT },
        "options": {
            "steps": options.steps,
            "grid": options.grid,
            "proteins": options.proteins,
            "controls": options.controls,
            "seed": options.seed,
            "every": options.every,
            "select": options.select,
            "capacity": options.capacity,
            "model": options.model,
            "background": options.background,
            "save": options.save,
            "md": options.micro.md.name(),
            "out": options.out.to_string_lossy(),
        },
    });
    if let Some(model) = stream.classifier() {
        let mut classifier = identity(model);
        classifier["backend"] = stats.classifier_backend.into();
        classifier["classified"] = stats.classified.into();
        classifier["comparable"] = stats.comparable.into();
        classifier["agreed"] = stats.agreed.into();
        summary["classifier"] = classifier;
        summary["options"]["classifier"] = json!(options.classifier);
    }
    if let Some(ended) = ended {
        micro::tell(ended, &options.micro, &mut summary);
    }
    format!("{summary:#}\n")
}

/// Which model it was.
fn identity(model: &Model) -> Value {
    let card = model.card();
    let sha256 = if card.sha256.is_empty() { Value::Null } else { json!(card.sha256) };
    json!({ "name": card.name, "sha256": sha256, "trained": card.trained })
}

/// What is about to run.
pub fn print_start(options: &Options, proteins: &[Protein], box_nm: f64, stream: &Stream) {
    let states = ProteinStates::default();
    let count = |kind| proteins.iter().filter(|protein| states.kind(protein.state) == Some(kind)).count();
    let model = stream.model();
    let card = model.card();
    let training = match (model.backend(), card.trained) {
        ("builtin", _) => "nothing in it to train",
        (_, true) => "trained",
        (_, false) => "untrained: the selection shows the machinery, not the membrane",
    };
    print(&format!(
        "membrane  {0} x {0} points, {box_nm:.0} nm, {1} RAS, {2} RAF, seed {3}\n\
         encoder   {4} ({5}), {6} dimensions,\n          {training}\n",
        options.grid,
        count(ProteinKind::Ras),
        count(ProteinKind::Raf),
        options.seed,
        card.name,
        model.backend(),
        model.dim(),
    ));
    if let Some(classifier) = stream.classifier() {
        let training = if classifier.card().trained { "trained" } else { "untrained: its classes mean little" };
        let (name, backend, classes) = (&classifier.card().name, classifier.backend(), classifier.dim());
        print(&format!("classes   {name} ({backend}), {classes} classes,\n          {training}\n"));
    }
}

/// What was done.
pub fn print_end(options: &Options, done: &Done, stats: &Stats, weights: &wire::Weights, ended: Option<&Ended>) {
    let mut text = String::new();
    if done.interrupted {
        let _ = writeln!(
            text,
            "interrupted after step {} of {}: this is what was done; go on with patchstream campaign --resume {}",
            done.steps,
            options.steps,
            options.out.display()
        );
    }
    let _ = writeln!(
        text,
        "run       {} steps, {:.3} us of membrane, in {:.1} s\n\
         patches   {}, {} of them controls: {} selected, {} candidates left, {} discarded, {} rejected",
        done.steps,
        done.time_us,
        done.seconds,
        done.sent,
        done.controls,
        stats.selected,
        stats.candidates,
        stats.discarded,
        done.rejected,
    );
    let mut kinds: Vec<_> = done.constellations.iter().collect();
    kinds.sort_by_key(|&(_, &count)| std::cmp::Reverse(count));
    let others = kinds.split_off(kinds.len().min(MOST_KINDS));
    let mut kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} with {kind}")).collect();
    if !others.is_empty() {
        let count: u64 = others.iter().map(|(_, count)| *count).sum();
        kinds.push(format!("{count} of {} other kinds", others.len()));
    }
    if !kinds.is_empty() {
        let _ = writeln!(text, "selected  {}", kinds.join("; "));
    }
    if !stats.classifier_backend.is_empty() {
        let _ = writeln!(
            text,
            "classes   {} patches classified: {} of {} with a known state agree with it",
            stats.classified, stats.agreed, stats.comparable
        );
    }
    let heaviest = weights.ids.iter().zip(&weights.weights).max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(a.0)));
    if let Some((id, weight)) = heaviest {
        let _ = writeln!(text, "weights   the heaviest is patch {id}: it stands for {weight} patches");
    }
    let _ = writeln!(text, "latency   {:<10}{:>12}{:>13}", "us", "half within", "99 % within");
    for (stage, time) in Stage::ALL.iter().zip(stats.latency) {
        if time.count > 0 {
            let _ = writeln!(text, "          {:<10}{:>12.1}{:>13.1}", stage.name(), time.p50_us, time.p99_us);
        }
    }
    let mut files = NAMES.join(" ");
    if let Some(ended) = ended {
        text += &micro::say(ended);
        let _ = write!(files, " {}", micro::NAME);
    }
    let _ = writeln!(text, "files     {files} in {}", options.out.display());
    print(&text);
}

/// A stdout that nobody reads is no reason to stop.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
