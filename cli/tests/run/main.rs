//! The folder of a run as scripts look into it: `log`, `verify`, `replay` and `export`.
//!
//! Not here: runs that a campaign makes.

mod damage;
mod kept;
mod runs;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../support/mod.rs"]
mod support;

use std::fs;

use patchstream::stream::journal::records::Event;
use serde_json::Value;
use support::{Folder, assert_done, assert_refused, contents, patchstream};

use runs::{write_decided, write_run};

fn stdout(arguments: &[&str]) -> String {
    let output = patchstream(arguments);
    assert_done(&output);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_log_is_a_line_for_each_event_mark_and_branch() {
    let folder = Folder::new();
    let run = write_run(&folder.join("run"));
    let text = stdout(&["log", &run]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "event 0 at step 10: 3 came, 0 went, 1 of 1 picked: 1 (inf); 2 candidates, 1 selected, 0 discarded",
            "mark \"half\" at step 10",
            "event 1 at step 20: 1 came, 1 went, 2 of 2 picked: 4 (8), 3 (2.5); 0 candidates, 3 selected, 1 discarded",
            "branch 1 from step 10 on: the host computed something else",
        ]
    );
    let objects: Vec<Value> =
        stdout(&["log", &run, "--json"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), 4);
    assert_eq!(objects[0]["picks"][0]["rank"], Value::Null, "JSON has no infinity");
    assert_eq!((&objects[2]["picks"][1]["id"], &objects[2]["picks"][1]["rank"]), (&3.into(), &2.5.into()));
    assert_eq!((&objects[1]["what"], &objects[1]["mark"]), (&"mark".into(), &"half".into()));
    assert_eq!(objects[3]["branch"], 1);
}

#[test]
fn a_good_run_is_verified_and_not_changed() {
    let folder = Folder::new();
    let run = write_run(&folder.join("run"));
    let before = contents(run.as_ref());
    let text = stdout(&["verify", &run]);
    for words in ["4 taken in", "events    2: 3 picks, 1 discarded", "marks     1, and 1 branches", "nothing is wrong"]
    {
        assert!(text.contains(words), "`{words}` is not in: {text}");
    }
    assert_eq!(contents(run.as_ref()), before);
}

#[test]
fn every_flipped_byte_of_a_log_and_of_checkpoints_is_told() {
    let folder = Folder::new();
    let run = write_run(&folder.join("run"));
    for name in ["log/000001.log", "checkpoint-A", "checkpoint-B", "run.toml"] {
        let path = folder.join("run").join(name);
        let Ok(good) = fs::read(&path) else { panic!("{name} is not there") };
        // All of them would be as many processes.
        for at in (0..good.len()).step_by(good.len().div_ceil(25)) {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            fs::write(&path, &bad).unwrap();
            let output = patchstream(&["verify", &run]);
            let sentence = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "byte {at} of {name}");
            assert!(sentence.contains(name.split('/').next_back().unwrap()), "byte {at} of {name}: {sentence}");
            assert!(!sentence.contains("panicked"), "{sentence}");
        }
        fs::write(&path, &good).unwrap();
    }
    stdout(&["verify", &run]);
}

#[test]
fn entries_that_contradict_those_before_are_told() {
    let folder = Folder::new();
    for (name, words) in [
        ("unknown pick", "patch 9, which is not there"),
        ("second point", "patch 1 is there already"),
        ("event number", "event 5 stands where 0 is expected"),
        ("nan", "coordinate 1 of patch 1 is NaN"),
        ("no options", "entry 1 does not hold the options"),
        ("short", "entry 2"),
    ] {
        let run = runs::write_wrong(&folder.join(name), name);
        let output = patchstream(&["verify", &run]);
        let sentence = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(sentence.contains(words), "{name}: {sentence}");
    }
}

#[test]
fn decisions_made_again_are_those_of_the_log() {
    let folder = Folder::new();
    let run = folder.join("run");
    write_decided(&run, |_| {});
    let run = run.to_str().unwrap();
    assert!(stdout(&["replay", run]).starts_with("identical 8 events with 16 picks, from 80 points"));
    let some = stdout(&["replay", run, "--until", "2"]);
    assert!(some.starts_with("identical 3 events with 6 picks, from 40 points, what comes later left out"), "{some}");
}

#[test]
fn a_decision_that_is_another_one_is_named() {
    let folder = Folder::new();
    type Change = fn(&mut Event);
    let changes: [(&str, Change, &str); 4] = [
        ("rank", |event| event.picks[1].rank *= 1.000_001, "pick 1"),
        ("order", |event| event.picks.swap(0, 1), "pick 0"),
        ("gone", |event| event.gone.truncate(event.gone.len() - 1), "discarded are"),
        ("merged", |event| event.merged += 1, "merged points"),
    ];
    for (name, change, words) in changes {
        let run = folder.join(name);
        write_decided(&run, |event| {
            if event.number == 3 {
                change(event);
            }
        });
        let run = run.to_str().unwrap();
        assert_refused(&patchstream(&["replay", run]), 1, &["event 3 at step 3", words]);
        stdout(&["replay", run, "--until", "2"]);
    }
}

#[test]
fn an_export_holds_what_the_sampler_had() {
    let folder = Folder::new();
    let (run, to) = (folder.join("run"), folder.join("out"));
    let (mut sampler, points) = write_decided(&run, |_| {});
    stdout(&["export", run.to_str().unwrap(), "--to", to.to_str().unwrap()]);

    let items = |name: &str| fs::read(to.join(name)).unwrap();
    let floats: Vec<u8> = points.iter().flat_map(|(_, x)| x).flat_map(|x| x.to_le_bytes()).collect();
    let ids: Vec<u8> = points.iter().flat_map(|(id, _)| id.to_le_bytes()).collect();
    assert_eq!(points.len(), 79);
    for (name, shape, bytes) in [("points.npy", "(79, 3)", floats), ("ids.npy", "(79,)", ids)] {
        let file = items(name);
        assert!(file.ends_with(&bytes) && (file.len() - bytes.len()) % 64 == 0, "{name}");
        assert!(String::from_utf8_lossy(&file[..128]).contains(shape), "{name}");
    }
    let rows = support::rows(&support::read(&to, "selected.csv"), "event,order,id,rank");
    let selected: Vec<u64> = sampler.selected_ids().collect();
    assert_eq!(rows.iter().map(|row| row[2].parse().unwrap()).collect::<Vec<u64>>(), selected);
    let rows = support::rows(&support::read(&to, "weights.csv"), "id,weight,normalised");
    let weights = sampler.weights();
    assert_eq!(rows.len(), weights.len());
    for (row, weight) in rows.iter().zip(weights) {
        assert_eq!(
            (row[0].parse(), row[1].parse(), row[2].parse()),
            (Ok(weight.id), Ok(weight.weight), Ok(weight.normalised))
        );
    }
    let patches = support::read(&to, "patches.csv");
    assert_eq!(patches.lines().count(), 80);
    assert!(patches.contains("\n7,0,0.7") && patches.contains(",\"a, \"\"b\"\"\"\n"), "{patches}");
    for (stage, count) in
        [("candidate", sampler.candidates()), ("discarded", sampler.discarded()), ("selected", selected.len())]
    {
        assert_eq!(patches.matches(&format!(",{stage},")).count(), count, "{stage}");
    }

    let before = contents(&to);
    stdout(&["export", run.to_str().unwrap(), "--to", to.to_str().unwrap()]);
    assert_eq!(contents(&to), before);
    assert_refused(&patchstream(&["export", run.to_str().unwrap()]), 2, &["--to"]);
    let into = [run.to_str().unwrap(), "--to", run.to_str().unwrap()];
    assert_refused(&patchstream(&[&["export"], &into[..]].concat()), 1, &["folder of a run", "--to"]);
    assert!(!run.join("points.npy").exists());
}

#[test]
fn a_folder_that_is_no_run_is_said_to_be_none() {
    let folder = Folder::new();
    fs::write(folder.join("file"), "x").unwrap();
    fs::create_dir_all(folder.join("other")).unwrap();
    fs::write(folder.join("other/thesis.tex"), "x").unwrap();
    fs::create_dir(folder.join("empty")).unwrap();
    for command in ["log", "verify", "replay"] {
        for (name, why) in [
            ("missing", "there is no such folder"),
            ("empty", "an empty folder"),
            ("file", "is a file"),
            ("other", "\"thesis.tex\""),
        ] {
            assert_refused(&patchstream(&[command, folder.join(name).to_str().unwrap()]), 1, &[name, why, "a run"]);
        }
        assert_refused(&patchstream(&[command]), 2, &["RUN"]);
    }
    assert_eq!(fs::read_dir(folder.join("other")).unwrap().count(), 1, "looking leaves nothing behind");
}
