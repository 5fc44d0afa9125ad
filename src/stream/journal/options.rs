//! How a stream writes its run down: options, counts, and what has to be equal to go on with a run.
//!
//! Not here: the files ([`crate::store`]).

use serde::Deserialize;

use crate::dynim::Layout;
use crate::encode::Model;
use crate::error::{Error, Result, conflict};
use crate::patch::{ProteinStates, Shape, Species};
use crate::store::Durability;
use crate::stream::classify::Classifier;
use crate::stream::config::Config;
use crate::stream::feedback::FeedbackConfig;

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

/// The lines of what has to be equal to go on, before those of the sampler.
const KEYS: [&str; 7] = ["nx", "ny", "species", "size_nm", "states", "model", "classifier"];
/// What a line says of which nothing is known; whoever goes on with the run first decides it.
const ANY: &str = "any";
/// The first word of the options of a run that was made of another program's past.
const IMPORTED: &str = "imported = ";
/// Where densities are kept: the last line, since another place needs no other run.
const RETENTION: &str = "retention = ";

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
    let names = (0..states.len()).map(|at| (states.name(at as i32), states.kind(at as i32)));
    let made = |model: &Model| format!("{} {}", model.card().name, model.card().sha256);
    let values = [
        shape.nx.to_string(),
        shape.ny.to_string(),
        format!("{:?}", species.names()),
        format!("{size_nm:?}"),
        format!("{:?}", names.collect::<Vec<_>>()),
        made(model),
        classifier.map_or("none".into(), made),
    ];
    lines(values) + &super::layout::say(layout)
}

fn lines(values: [String; 7]) -> String {
    let line = |(key, value): (&str, String)| format!("{key} = {}\n", value.replace('\n', " "));
    KEYS.into_iter().zip(values).map(line).collect()
}

/// The options of a run that is made of the past of another program, `from`, and the sampler's settings in them. With a
/// configuration, those of a stream that is opened with it. Without one nothing is told but the settings: then
/// any stream with these goes on with the run whose points have as many coordinates, and from then on it is that stream's.
///
/// # Errors
/// Those of the options of `config`, and of opening its models.
pub fn imported(from: &str, config: Option<&Config>, settings: Layout) -> Result<(String, Layout)> {
    let (text, layout) = match config {
        None => (lines([(); 7].map(|()| ANY.into())) + &super::layout::say(&settings), settings),
        Some(config) => {
            let (shape, species, states) = (config.shape()?, config.species()?, config.states()?);
            let model = Model::open_with_states(&config.model, shape, states.clone())?;
            model.card().check_channels(species.names())?;
            let classifier = config.classifier.as_ref();
            let classifier =
                classifier.map(|name| Classifier::open(name, shape, species.names(), &states)).transpose()?;
            let layout = config.layout(model.dim())?;
            let second = classifier.as_ref().map(|classifier| classifier.model());
            let feedback = config.feedback.as_ref().map_or_else(String::new, FeedbackConfig::told);
            (told(shape, config.size_nm, &model, second, &layout, &species, &states) + &feedback, layout)
        }
    };
    Ok((format!("{IMPORTED}{}\n{text}{}", from.replace('\n', " "), place("none")), layout))
}

/// Whether a run was made of another program's past: its host begins behind that.
pub fn is_imported(options: &str) -> bool {
    options.starts_with(IMPORTED)
}

/// Whether the options of a run leave open what its stream is.
pub fn is_open(options: &str) -> bool {
    options.lines().any(|line| line.split_once(" = ").is_some_and(|(_, value)| value == ANY))
}

/// Where densities are kept, as a line: `none`, `memory`, `file` or `run`.
pub(in crate::stream) fn place(name: &str) -> String {
    format!("{RETENTION}{name}\n")
}

/// Where the densities of a run are kept, if its options say so.
pub(in crate::stream) fn place_in(options: &str) -> Option<&str> {
    options.lines().find_map(|line| line.strip_prefix(RETENTION))
}

/// The first line that is not equal, of those that have to be.
pub(in crate::stream) fn difference(then: &str, now: &str) -> Option<Error> {
    let compared = |line: &&str| !line.starts_with(IMPORTED) && !line.starts_with(RETENTION);
    let (mut before, mut after) = (then.lines().filter(compared), now.lines().filter(compared));
    loop {
        let (line, now) = (before.next(), after.next());
        if line.is_none() && is_open(then) && now.is_some_and(|now| now.starts_with("feedback ")) {
            // Who leaves open what the stream is does not know of its feedback, which comes last.
            return None;
        }
        let [of, by] = [line, now].map(|line| line.and_then(|line| line.split_once(" = ")));
        let open = of.zip(by).is_some_and(|(of, by)| of.0 == by.0 && of.1 == ANY);
        if line != now && !open {
            let [then, now] = [line, now].map(|line| line.unwrap_or("nothing"));
            return Some(conflict(format!(
                "the run was made with {then}, the stream is opened with {now}: open it with the same, or begin a new run"
            )));
        }
        line?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_imported_run_leaves_open_any_stream_decides_and_nothing_else() {
        let (text, layout) = imported("a\nb", None, Layout::new(9)).unwrap();
        assert_eq!(layout, Layout::new(9));
        assert!(is_imported(&text) && is_open(&text), "{text}");
        let config = Config { model: "mean".into(), nx: 5, ny: 5, ..Config::default() };
        let (whole, layout) = imported("dynim", Some(&config), Layout::new(9)).unwrap();
        assert_eq!(layout.dim, 14);
        assert!(is_imported(&whole) && !is_open(&whole), "{whole}");
        let now = whole.split_once('\n').unwrap().1;
        assert!(difference(&whole, now).is_none());
        assert!(difference(&whole, &now.replace("nx = 5", "nx = 7")).unwrap().message().contains("nx = 7"));
        // Its points have other coordinates.
        assert!(difference(&text, now).unwrap().message().contains("dim = 9"));
        let (text, _) = imported("dynim", None, layout).unwrap();
        assert!(difference(&text, now).is_none());
        assert!(difference(&text, &format!("{now}feedback bins = 60\n")).is_none());
        assert!(difference(&whole, &format!("{now}feedback bins = 60\n")).is_some());
        assert!(difference(&text, &now.replace("nx", "mx")).is_some());
        assert!(difference(&text, now.rsplit_once("queue").unwrap().0).is_some());
    }

    #[test]
    fn what_was_imported_goes_on_with_feedback_too() {
        let feedback = FeedbackConfig::default();
        let config =
            Config { model: "mean".into(), nx: 5, ny: 5, feedback: Some(feedback.clone()), ..Config::default() };
        let plain = Config { feedback: None, ..config.clone() };
        let (with, layout) = imported("dynim", Some(&config), Layout::new(14)).unwrap();
        let (without, _) = imported("dynim", Some(&plain), Layout::new(14)).unwrap();
        let (open, _) = imported("dynim", None, layout).unwrap();
        let plain = without.split_once('\n').unwrap().1;
        let now = format!("{plain}{}", feedback.told());
        assert!(difference(&with, &now).is_none() && difference(&open, &now).is_none());
        assert!(difference(&with, plain).is_some(), "it was told of feedback");
        assert!(difference(&without, &now).is_some(), "it was told of no feedback");
        assert!(difference(&open, plain).is_none());
        assert!(difference(&open, &format!("{plain}more = 1\n")).is_some());
    }
}
