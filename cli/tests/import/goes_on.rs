//! An imported run that a stream goes on with: it decides as one stream decides that saw everything.
//!
//! The history is written as dynim would have, from what a stream decided. Not here: histories that contradict themselves.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use patchstream::dynim::{Mode, State};
use patchstream::error::ErrorKind;
use patchstream::patch::{Field, Meta, Samples};
use patchstream::stream::{Builder, Producer, Pushed, Selections, Stream};
use serde_json::Value;

use super::support::{Folder, assert_done, assert_refused, patchstream};

const PATCHES: u64 = 10;
/// Steps that dynim decided, and that there are.
const HALF: i64 = 6;
const STEPS: i64 = 12;

fn builder(mode: Mode) -> Builder {
    Stream::builder().grid(5, 5).model("mean").capacity(12).mode(mode)
}

/// Sends patches and selects: step `at` of all, which the host calls `step`.
fn step(stream: &Stream, producer: &mut Producer, at: i64, step: i64) -> Selections {
    for id in (1..=PATCHES).map(|i| at as u64 * PATCHES + i) {
        let densities: Vec<f32> = (0..5 * 5 * 14).map(|i| ((id * 7919 + i * 31) % 1009) as f32 / 1009.0).collect();
        let field = Field::interleaved(Samples::F32(&densities), 5, 5, 14).unwrap();
        let meta = Meta { id, step, ..Meta::default() };
        while producer.push(&meta, &field).unwrap() == Pushed::Full {
            stream.poll(Duration::from_millis(1)).unwrap();
        }
    }
    stream.select(step, 2).unwrap().unwrap()
}

/// A pick: id, order, the bits of its rank, point.
type Pick = (u64, u32, u32, Vec<f32>);
/// An event: its number, candidates, selected, discarded, picks.
type Decided = (u64, [u64; 3], Vec<Pick>);

/// What was decided, but for the host's own steps.
fn decided(selections: &Selections) -> Decided {
    let batch = &selections.batch;
    let picks = batch.selections.iter().map(|one| (one.id, one.order, one.rank.to_bits(), one.point.clone()));
    (batch.event, [batch.candidates, batch.selected, batch.discarded], picks.collect())
}

/// What a stream decided that saw all, and the first half of it as dynim's user has it.
struct Past {
    folder: Folder,
    later: Vec<Decided>,
    weights: Vec<u8>,
}

impl Past {
    fn new(mode: Mode) -> Self {
        let folder = Folder::new();
        let run = folder.join("dynim");
        let stream = builder(mode).run_dir(&run).open().unwrap();
        let mut producer = stream.producer("macro").unwrap();
        for at in 0..HALF {
            step(&stream, &mut producer, at, at);
        }
        let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
        assert_done(&patchstream(&["export", &path("dynim"), "--to", &path("saved")]));
        let log = patchstream(&["log", &path("dynim"), "--json"]);
        fs::create_dir(folder.join("workspace")).unwrap();
        fs::write(folder.join("workspace/Sampler.history.csv"), history(&log.stdout)).unwrap();
        let later = (HALF..STEPS).map(|at| decided(&step(&stream, &mut producer, at, at))).collect();
        let weights = stream.weights().unwrap().bytes().to_vec();
        Self { folder, later, weights }
    }

    fn import(&self, more: &[&str]) -> PathBuf {
        let path = |name: &str| self.folder.join(name).to_str().unwrap().to_owned();
        let (workspace, points, ids) = (path("workspace"), path("saved/points.npy"), path("saved/ids.npy"));
        let out = self.folder.join(&format!("run-{}", more.len()));
        let to = out.to_str().unwrap();
        let given = ["import-dynim", &workspace, "--points", &points, "--ids", &ids, "--out", to];
        let output = patchstream(&[&given, more].concat());
        assert_done(&output);
        let text = String::from_utf8(output.stdout).unwrap();
        for words in ["\"imported\"", "New patches have ids above 60", to] {
            assert!(text.contains(words), "`{words}` is not in: {text}");
        }
        out
    }

    /// Goes on with an imported run, and is killed once.
    fn goes_on(&self, run: &Path, mode: Mode, mark: Option<&str>) {
        let middle = STEPS - HALF - 3;
        for (from, to) in [(0, middle), (middle, STEPS - HALF)] {
            let stream = builder(mode).run_dir(run).open().unwrap();
            let resumed = if from == 0 { stream.resume(mark) } else { stream.resume(Some("half")) }.unwrap();
            assert_eq!((resumed.patches, resumed.events, resumed.branch), (0, 0, 0));
            let mut producer = stream.producer("macro").unwrap();
            for at in from..to {
                assert_eq!(decided(&step(&stream, &mut producer, HALF + at, at)), self.later[at as usize], "step {at}");
            }
            if from == 0 {
                assert!(stream.checkpoint("half", middle, Duration::from_secs(60)).unwrap());
            } else {
                assert_eq!(stream.weights().unwrap().bytes(), self.weights);
                // dynim's user ran these.
                assert_eq!(stream.pick(1).unwrap().state, State::Done);
            }
        }
        let run = run.to_str().unwrap();
        for command in ["verify", "replay"] {
            assert_done(&patchstream(&[command, run]));
        }
    }
}

/// The history that dynim would have written of these events.
fn history(log: &[u8]) -> String {
    let mut text = String::from("tstamp, event, id, rank, nselected, ndiscarded, ncandidates, ncached\n");
    for line in std::str::from_utf8(log).unwrap().lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let [number, candidates, selected, discarded] =
            ["event", "candidates", "selected", "discarded"].map(|key| event[key].as_u64().unwrap());
        let mut row = |what: &str, id: &Value, rank: &str, candidates: u64| {
            writeln!(text, "t{number}, {what}, {id}, {rank}, {selected}, {discarded}, {candidates}, 0 ").unwrap();
        };
        for id in number * PATCHES + 1..=number * PATCHES + PATCHES {
            row("added", &id.into(), "None", candidates);
        }
        let picks = event["picks"].as_array().unwrap();
        for id in event["discarded_ids"].as_array().unwrap() {
            row("discarded", id, "0.5", candidates + picks.len() as u64);
        }
        for pick in picks {
            row(
                "selected",
                &pick["id"],
                &pick["rank"].as_f64().map_or("inf".into(), |rank| rank.to_string()),
                candidates,
            );
        }
    }
    text
}

#[test]
fn a_stream_goes_on_with_an_imported_run_as_one_that_saw_everything() {
    let past = Past::new(Mode::Batch);
    let run = past.import(&[]);
    // Nothing of it is the stream's, but the coordinates of its points and the sampler's settings.
    for (other, line) in [(builder(Mode::Sequential), "mode = Batch"), (builder(Mode::Batch).k(3), "k = 10")] {
        let refused = other.run_dir(&run).open().map(drop).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Conflict);
        assert!(refused.message().contains(line), "{refused}");
    }
    let refused = builder(Mode::Batch).model("radial").run_dir(&run).open().map(drop).unwrap_err();
    assert!(refused.message().contains("dim = 14"), "{refused}");
    // Looked at with other patches, and left before it said that it goes on.
    drop(builder(Mode::Batch).grid(7, 7).run_dir(&run).open().unwrap());
    past.goes_on(&run, Mode::Batch, Some("imported"));
    // By now it is of these patches.
    let refused = builder(Mode::Batch).grid(7, 7).run_dir(&run).open().map(drop).unwrap_err();
    assert!(refused.message().contains("nx = 5"), "{refused}");
}

#[test]
fn an_import_with_a_stream_s_options_is_that_stream_s_run() {
    let past = Past::new(Mode::Sequential);
    let config = past.folder.join("stream.toml");
    fs::write(&config, "nx = 5\nny = 5\nmodel = \"mean\"\ncapacity = 12\n").unwrap();
    let run = past.import(&["--config", config.to_str().unwrap()]);
    let refused = builder(Mode::Sequential).grid(7, 7).run_dir(&run).open().map(drop).unwrap_err();
    assert!(refused.message().contains("nx = 5"), "{refused}");
    past.goes_on(&run, Mode::Sequential, None);
}

#[test]
fn options_that_do_not_fit_the_points_are_refused_and_nothing_is_written() {
    let past = Past::new(Mode::Batch);
    let path = |name: &str| past.folder.join(name).to_str().unwrap().to_owned();
    let (workspace, points, ids) = (path("workspace"), path("saved/points.npy"), path("saved/ids.npy"));
    let (config, out) = (path("stream.toml"), path("out"));
    for (text, words) in [
        ("nx = 5\nny = 5\nmodel = \"radial\"\n", &["14 coordinates", "radial"][..]),
        ("model = \"absent.onnx\"\n", &["absent.onnx"]),
        ("mode = \"both\"\n", &["stream.toml", "both"]),
        (
            "model = \"mean\"\n[[queues]]\nname = \"a\"\nconstellations = [\"1:0\"]\n[[queues]]\nname = \"b\"\nconstellations = [\"*\"]\n",
            &["2 queues"],
        ),
    ] {
        fs::write(&config, text).unwrap();
        let given =
            ["import-dynim", &workspace, "--points", &points, "--ids", &ids, "--out", &out, "--config", &config];
        assert_refused(&patchstream(&given), 1, words);
        assert!(!past.folder.join("out").exists() && !past.folder.join(".out.import").exists());
    }
}
