//! The command as a script sees it: exit codes, sentences, files.
//!
//! Not here: the C++ example that writes the same bytes (`ffi/tests`).

#[allow(dead_code, reason = "other tests use the rest")]
mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use patchstream::patch::Constellation;
use patchstream::wire::{Message, SelectionBatch, Weights, messages};
use serde_json::Value;

use support::{Folder, assert_done, assert_refused, patchstream, read, rows, summary};

/// A campaign of 40 steps on a small membrane, ten frames of two RAS and a RAF, with more options behind.
fn small(out: &Path, more: &[&str]) -> Output {
    let mut arguments =
        vec!["campaign", "--md", "none", "--grid", "64", "--proteins", "2", "--steps", "40", "--every", "4", "--out"];
    arguments.push(out.to_str().unwrap());
    arguments.extend(more);
    patchstream(&arguments)
}

fn psel(out: &Path) -> (Vec<SelectionBatch>, Weights) {
    let bytes = fs::read(out.join("selections.psel")).unwrap();
    let mut all: Vec<Message> = messages(&bytes).map(Result::unwrap).collect();
    let Some(Message::Weights(weights)) = all.pop() else { panic!("the weights come last") };
    let batches = all.into_iter().map(|message| match message {
        Message::SelectionBatch(batch) => batch,
        other => panic!("{other:?} among the selections"),
    });
    (batches.collect(), weights)
}

#[test]
fn one_seed_gives_one_campaign_with_a_background_thread_too() {
    let folder = Folder::new();
    let options = ["--model", "mean", "--proteins", "4", "--capacity", "8", "--select", "2"];
    let more = |extra: &[&'static str]| [&options[..], extra].concat();
    for (name, extra) in
        [("one", &[][..]), ("two", &[]), ("background", &["--background"]), ("other", &["--seed", "2"])]
    {
        assert_done(&small(&folder.join(name), &more(extra)));
    }
    for file in ["selected.csv", "weights.csv"] {
        let one = read(&folder.join("one"), file);
        assert_eq!(read(&folder.join("two"), file), one);
        assert_eq!(read(&folder.join("background"), file), one);
        assert_ne!(read(&folder.join("other"), file), one);
    }
    assert!(summary(&folder.join("one"))["discarded"].as_u64().unwrap() > 0, "the test discards nothing");
}

#[test]
#[cfg(feature = "tract")]
fn the_metric_network_selects_the_same_with_a_background_thread_and_is_said_to_be_untrained() {
    let folder = Folder::new();
    let (inline, background) = (folder.join("inline"), folder.join("background"));
    let output = small(&inline, &["--model", "metric"]);
    assert_done(&output);
    assert_done(&small(&background, &["--background"]));
    for file in ["selected.csv", "weights.csv", "selections.psel"] {
        assert_eq!(fs::read(inline.join(file)).unwrap(), fs::read(background.join(file)).unwrap());
    }
    assert!(String::from_utf8_lossy(&output.stdout).contains("untrained"));
    let model = &summary(&inline)["model"];
    assert_eq!(model["trained"], false);
    assert_eq!(model["sha256"].as_str().map(str::len), Some(64));
    assert!(summary(&inline)["backend"].as_str().unwrap().starts_with("fused-"));
}

#[test]
fn the_summary_says_what_was_done() {
    let folder = Folder::new();
    let out = folder.join("deep/inside");
    assert_done(&small(&out, &["--model", "mean", "--capacity", "5", "--select", "1", "--seed", "7"]));
    let summary = summary(&out);
    let count = |key: &str| summary[key].as_u64().unwrap_or_else(|| panic!("{key}: {}", summary[key]));
    assert_eq!((count("seed"), count("steps"), count("selected"), count("rejected")), (7, 40, 10, 0));
    // Two RAS in each of ten frames; the box is too small for control patches.
    assert_eq!(count("patches"), 20);
    assert_eq!(count("patches"), count("candidates") + count("selected") + count("discarded") + count("rejected"));
    assert_eq!(summary["interrupted"], false);
    assert!(summary["seconds"].as_f64().unwrap() > 0.0);
    for stage in ["push", "wait", "encode", "total", "select", "weights"] {
        let time = |quantile: &str| summary["latency_us"][stage][quantile].as_f64().unwrap();
        assert!(time("p50") > 0.0 && time("p99") >= time("p50"), "{stage}");
    }
    assert_eq!(summary["model"]["name"], "mean");
    assert_eq!(summary["model"]["sha256"], Value::Null);
    assert_eq!(summary["model"]["trained"], false);
    assert_eq!(summary["backend"], "builtin");
    assert_eq!(summary["versions"]["patchstream"], env!("CARGO_PKG_VERSION"));
    assert_eq!(summary["versions"]["format"], 1);
    assert_eq!(summary["options"]["grid"], 64);
    assert_eq!(summary["options"]["md"], "none");
    let mut names: Vec<_> = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let run = ["epochs", "lock", "log", "run.toml"];
    let files = ["selected.csv", "selections.psel", "summary.json", "weights.csv"];
    assert_eq!(names, [&run[..], &files].concat());
}

#[test]
fn the_tables_say_what_the_messages_say() {
    let folder = Folder::new();
    assert_done(&small(&folder.0, &["--model", "mean", "--select", "2", "--controls", "0"]));
    let (batches, weights) = psel(&folder.0);
    assert_eq!(batches.len(), 10);
    let selected: Vec<_> = batches.iter().flat_map(|batch| &batch.selections).collect();
    let table = rows(&read(&folder.0, "selected.csv"), "event,order,id,rank");
    assert_eq!(table.len(), selected.len());
    for (order, (row, selection)) in table.iter().zip(&selected).enumerate() {
        assert_eq!(row[0].parse(), Ok(selection.event));
        assert_eq!((row[1].parse(), selection.order as usize), (Ok(order), order));
        assert_eq!(row[2].parse(), Ok(selection.id));
        assert_eq!(row[3].parse(), Ok(selection.rank));
        // Two RAS and a RAF have the ids 1 to 3 of their frame, and the RAF is nobody's centre.
        assert_eq!(selection.step, (selection.id / 4096 + 1) as i64 * 4);
        assert!((1..=2).contains(&(selection.id % 4096)), "{}", selection.id);
        let center = selection.proteins.first().expect("a protein at the centre");
        assert!(center.x_nm.abs() < 0.5 && center.y_nm.abs() < 0.5 && center.id == selection.id % 4096);
    }
    assert_eq!(table[0][3], "inf");

    let table = rows(&read(&folder.0, "weights.csv"), "id,weight,normalised");
    assert_eq!(weights.ids, selected.iter().map(|selection| selection.id).collect::<Vec<_>>());
    assert_eq!(table.len(), weights.ids.len());
    for (i, row) in table.iter().enumerate() {
        assert_eq!(row[0].parse(), Ok(weights.ids[i]));
        assert_eq!(row[1].parse(), Ok(weights.weights[i]));
        assert_eq!(row[2].parse(), Ok(weights.normalised[i]));
    }
    assert_eq!(weights.weights.iter().sum::<f64>(), 20.0, "each patch is counted once");
}

#[test]
fn control_patches_hold_no_protein_and_are_called_so() {
    let folder = Folder::new();
    assert_done(&small(&folder.0, &["--model", "mean", "--proteins", "0", "--controls", "3", "--select", "4"]));
    let (batches, _) = psel(&folder.0);
    let selected: Vec<_> = batches.iter().flat_map(|batch| &batch.selections).collect();
    assert_eq!(selected.len(), 30);
    for selection in selected {
        assert_eq!(selection.label.as_deref(), Some("control"));
        assert_eq!(selection.constellation, Constellation::default());
        assert!(selection.proteins.is_empty());
    }
}

#[test]
fn more_patches_than_the_ring_has_slots_go_through() {
    let folder = Folder::new();
    let many =
        ["--md", "none", "--grid", "128", "--proteins", "100", "--steps", "4", "--model", "mean", "--select", "3"];
    assert_done(&patchstream(
        &[&["campaign", "--every", "2", "--out", folder.0.to_str().unwrap()], &many[..]].concat(),
    ));
    assert_eq!(summary(&folder.0)["patches"], 200);
    assert_eq!(summary(&folder.0)["selected"], 6);
}

#[test]
fn a_campaign_without_a_frame_is_empty_and_no_error() {
    let folder = Folder::new();
    assert_done(&small(&folder.0, &["--model", "mean", "--every", "41"]));
    assert_eq!(read(&folder.0, "selected.csv"), "event,order,id,rank\n");
    assert_eq!(read(&folder.0, "weights.csv"), "id,weight,normalised\n");
    assert_eq!(summary(&folder.0)["patches"], 0);
    assert_eq!(summary(&folder.0)["latency_us"]["encode"]["p50"], Value::Null);
    let (batches, weights) = psel(&folder.0);
    assert!(batches.is_empty() && weights.ids.is_empty());
}

#[test]
fn a_misspelt_option_is_named_and_another_is_proposed() {
    assert_refused(&patchstream(&["campaign", "--stepz", "10"]), 2, &["--stepz", "--steps"]);
    assert_refused(&patchstream(&["campaign", "--md", "gromacs"]), 2, &["--md", "none"]);
    assert_refused(&patchstream(&["campaign", "--every", "0"]), 2, &["--every"]);
    assert_refused(&patchstream(&["campaign", "--grid", "12"]), 2, &["--grid", "48..=4096"]);
    assert_refused(&patchstream(&["campagne"]), 2, &["campagne"]);
}

#[test]
fn what_cannot_be_computed_is_one_sentence() {
    let folder = Folder::new();
    let file = folder.join("file");
    fs::write(&file, "").unwrap();
    let folder_in_the_way = folder.join("way");
    fs::create_dir_all(folder_in_the_way.join("weights.csv")).unwrap();
    let mean = ["--model", "mean"];
    for (output, words) in [
        (small(&file.join("inside"), &mean), &["inside", "--out"][..]),
        (small(&file, &mean), &["file", "--out"]),
        (small(&folder_in_the_way, &mean), &["weights.csv", "--out"]),
        (small(&folder.join("out"), &["--model", "nowhere/net.onnx"]), &["nowhere/net.onnx"]),
        (small(&folder.join("out"), &["--model", "mean", "--proteins", "1000"]), &["1000"]),
    ] {
        let sentence = assert_refused(&output, 1, words);
        assert_eq!(sentence.trim_end().lines().count(), 1, "{sentence}");
    }
    assert!(!folder.join("out").exists(), "nothing is written before the options are known to make sense");
}

#[test]
fn the_bare_command_and_help_explain_themselves() {
    let bare = patchstream(&[]);
    assert_done(&bare);
    assert!(String::from_utf8_lossy(&bare.stdout).contains("campaign"));
    let help = patchstream(&["campaign", "--help"]);
    assert_done(&help);
    let help = String::from_utf8(help.stdout).unwrap();
    for option in [
        "steps",
        "grid",
        "proteins",
        "seed",
        "out",
        "model",
        "capacity",
        "select",
        "every",
        "background",
        "md",
        "workers",
    ] {
        assert!(help.contains(&format!("--{option}")), "{option}");
    }
    let version = patchstream(&["--version"]);
    assert_eq!(String::from_utf8_lossy(&version.stdout).trim(), concat!("patchstream ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn plain_lines_show_the_progress_where_there_is_no_terminal() {
    let folder = Folder::new();
    let output = small(&folder.0, &["--model", "mean"]);
    let lines = String::from_utf8(output.stderr).unwrap();
    assert_eq!(lines.lines().count(), 10, "{lines}");
    assert!(lines.ends_with("step 40 of 40, 20 patches, 10 selected\n"), "{lines}");
}

#[test]
#[cfg(unix)]
fn signals_end_a_campaign_with_what_was_done_so_far() {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let folder = Folder::new();
        let steps = 1_000_000_000_u64;
        let arguments =
            format!("campaign --md none --grid 64 --proteins 2 --every 1 --model mean --steps {steps} --out");
        let child = Command::new(env!("CARGO_BIN_EXE_patchstream"))
            .args(arguments.split(' '))
            .arg(&folder.0)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It is under way once its first buffer of selections has been written.
        let end = Instant::now() + Duration::from_secs(120);
        while fs::metadata(folder.join("selections.psel.part")).map_or(0, |file| file.len()) == 0 {
            assert!(Instant::now() < end, "the campaign does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        // SAFETY: it sends a signal to a process that this test started and has not waited for.
        assert_eq!(unsafe { libc::kill(child.id() as libc::pid_t, signal) }, 0);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130));
        assert!(String::from_utf8_lossy(&output.stdout).contains("interrupted after step"));

        let summary = summary(&folder.0);
        assert_eq!(summary["interrupted"], true);
        let done = summary["steps"].as_u64().unwrap();
        assert!(0 < done && done < steps);
        let (batches, weights) = psel(&folder.0);
        assert_eq!(batches.len() as u64, done);
        assert_eq!(rows(&read(&folder.0, "selected.csv"), "event,order,id,rank").len() as u64, done);
        assert_eq!(weights.weights.iter().sum::<f64>(), 2.0 * done as f64);
    }
}
