//! How a stream writes its run down: options, counts, and what has to be equal to go on with a run.
//!
//! Not here: the files ([`crate::store`]).

use std::fmt::Write;

use serde::Deserialize;

use crate::dynim::Layout;
use crate::encode::Model;
use crate::error::{Error, conflict};
use crate::patch::{ProteinStates, Shape, Species};
use crate::store::Durability;

/// `[store]`: how a run is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// What an acknowledged patch, and whatever was told, survives: `none`, an orderly end alone; `buffered`, any end of
    /// the process; `batch` and `record`, a power cut too. A stream that never rests acknowledges after every 256 entries,
    /// with `batch`, which syncs for that, after every 4,096.
    pub durability: Durability,
    /// The log goes on in a new file after so many bytes.
    pub segment_bytes: u64,
    /// A checkpoint after every so many events, beside those that the host asks for; 0: only those.
    pub checkpoint_events: u64,
    /// What a stream does whose log cannot be written any more.
    pub on_failure: OnFailure,
}

/// What a stream does whose log cannot be written any more: a full disk, or another process took the run over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Every call is an error from then on.
    #[default]
    Stop,
    /// It goes on from memory, says so in the log, and counts what was not written. Nothing of that survives. A run that
    /// cannot even be begun is an error of opening all the same.
    GoOn,
}

impl Default for StoreConfig {
    fn default() -> Self {
        let usual = crate::store::Options::default();
        let (durability, segment_bytes) = (usual.durability, usual.segment_bytes);
        Self { durability, segment_bytes, checkpoint_events: 0, on_failure: OnFailure::default() }
    }
}

impl StoreConfig {
    pub(in crate::stream) fn options(&self) -> crate::store::Options {
        let (durability, segment_bytes) = (self.durability, self.segment_bytes);
        crate::store::Options { durability, segment_bytes, ..crate::store::Options::default() }
    }
}

/// How far a run is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreStats {
    /// The last entry of the log that was made.
    pub appended: u64,
    /// The last entry that is as safe as the durability says: everything up to it is acknowledged.
    pub acknowledged: u64,
    /// The last entry that survives a power cut.
    pub durable: u64,
    /// How often a host that came back computed something else.
    pub branch: u64,
    /// Entries that are not in the log for sure, since the stream goes on from memory; since it was opened.
    pub lost: u64,
}

/// What has to be equal to go on, as lines.
pub(in crate::stream) fn told(
    shape: Shape,
    size_nm: f64,
    model: &Model,
    classifier: Option<&Model>,
    layout: &Layout,
    species: &Species,
    states: &ProteinStates,
) -> String {
    let mut text = String::new();
    let mut line = |key: &str, value: String| {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{key} = {}", value.replace('\n', " "));
    };
    line("nx", shape.nx.to_string());
    line("ny", shape.ny.to_string());
    line("species", format!("{:?}", species.names()));
    line("size_nm", format!("{size_nm:?}"));
    let names = (0..states.len()).map(|at| (states.name(at as i32), states.kind(at as i32)));
    line("states", format!("{:?}", names.collect::<Vec<_>>()));
    let made = |model: &Model| format!("{} {}", model.card().name, model.card().sha256);
    line("model", made(model));
    line("classifier", classifier.map_or("none".into(), made));
    text.push_str(&super::layout::say(layout));
    text
}

/// The first line that is not equal.
pub(in crate::stream) fn difference(then: &str, now: &str) -> Option<Error> {
    if then == now {
        return None;
    }
    let (mut before, mut after) = (then.lines(), now.lines());
    loop {
        let (then, now) = (before.next(), after.next());
        if then != now {
            let [then, now] = [then, now].map(|line| line.unwrap_or("nothing"));
            return Some(conflict(format!(
                "the run was made with {then}, the stream is opened with {now}: open it with the same, or begin a new run"
            )));
        }
        then?;
    }
}
