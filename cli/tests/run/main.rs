//! The folder of a run as scripts look into it: `log` and `verify`.
//!
//! Not here: runs that a campaign makes.

mod runs;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../support/mod.rs"]
mod support;

use std::fs;

use serde_json::Value;
use support::{Folder, assert_done, assert_refused, patchstream};

use runs::write_run;

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
    let before = contents(&run);
    let text = stdout(&["verify", &run]);
    for words in ["4 taken in", "events    2: 3 picks, 1 discarded", "marks     1, and 1 branches", "nothing is wrong"]
    {
        assert!(text.contains(words), "`{words}` is not in: {text}");
    }
    assert_eq!(contents(&run), before);
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
fn a_folder_that_is_no_run_is_said_to_be_none() {
    let folder = Folder::new();
    fs::write(folder.join("file"), "x").unwrap();
    fs::create_dir_all(folder.join("other")).unwrap();
    fs::write(folder.join("other/thesis.tex"), "x").unwrap();
    for command in ["log", "verify"] {
        for name in ["missing", "file", "other"] {
            assert_refused(&patchstream(&[command, folder.join(name).to_str().unwrap()]), 1, &[name]);
        }
        assert_refused(&patchstream(&[command]), 2, &["RUN"]);
    }
    assert_eq!(fs::read_dir(folder.join("other")).unwrap().count(), 1, "looking leaves nothing behind");
}

/// Every file with its bytes.
fn contents(run: &str) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![std::path::PathBuf::from(run)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                all.push((path.display().to_string(), fs::read(&path).unwrap()));
            }
        }
    }
    all.sort();
    all
}
