//! Campaigns with the networks of the papers: the classifier beside the encoder, the autoencoder as the encoder.
//!
//! Not here: what a classifier counts and refuses (`src/stream` of the library), the networks' arithmetic (`tests/encode/`).
#![cfg(feature = "fused")]

#[path = "../../models/mod.rs"]
#[allow(dead_code, reason = "one of its models is written here")]
mod models;
#[allow(dead_code, reason = "tables are for others")]
mod support;

use std::fs;
use std::path::Path;
use std::process::Output;

use patchstream::patch::ProteinStates;
use patchstream::wire::{Message, Selection, messages};
use serde_json::Value;

use support::{Folder, assert_done, assert_refused, patchstream, read, summary};

/// A campaign of ten frames of four RAS and two RAF, all of whose patches are selected, with more options behind.
fn small(out: &Path, more: &[&str]) -> Output {
    let options = ["--md", "none", "--grid", "96", "--proteins", "4", "--steps", "40", "--every", "4", "--select", "9"];
    patchstream(&[&["campaign", "--out", out.to_str().unwrap()], &options[..], more].concat())
}

fn selections(out: &Path) -> Vec<Selection> {
    let bytes = fs::read(out.join("selections.psel")).unwrap();
    let batches = messages(&bytes).filter_map(|message| match message.unwrap() {
        Message::SelectionBatch(batch) => Some(batch.selections),
        _ => None,
    });
    batches.flatten().collect()
}

#[test]
fn a_classifier_says_what_state_the_lipids_speak_for_and_changes_no_selection() {
    let folder = Folder::new();
    let [with, background, without] = ["with", "background", "without"].map(|name| folder.join(name));
    let output = small(&with, &["--classifier", "fingerprint"]);
    assert_done(&output);
    assert_done(&small(&background, &["--classifier", "fingerprint", "--background"]));
    assert_done(&small(&without, &[]));
    for file in ["selected.csv", "weights.csv"] {
        assert_eq!(read(&with, file), read(&without, file));
        assert_eq!(read(&with, file), read(&background, file));
    }
    let bytes = |out: &Path| fs::read(out.join("selections.psel")).unwrap();
    assert!(bytes(&with) == bytes(&background) && bytes(&with).len() > bytes(&without).len());
    assert!(selections(&without).iter().all(|s| s.class_label.is_none() && s.probabilities.is_empty()));
    assert!(!read(&without, "summary.json").contains("classif"));

    // Counted again from the messages, which tell of every patch.
    let all = selections(&with);
    let summary = summary(&with);
    assert_eq!(summary["patches"], all.len());
    let names = ["RASa", "RASb", "RASc", "mRASa", "mRASb", "zRASa"];
    let labels = ["alpha", "beta", "beta'", "ma", "mb", "za"];
    let states = ProteinStates::default();
    let (mut comparable, mut agreed) = (0, 0);
    for selection in &all {
        assert_eq!(selection.probabilities.len(), 6);
        let (first, label) = (&selection.proteins[0], selection.class_label.as_ref().unwrap());
        let single = selection.constellation.ras == 1 && selection.constellation.raf == 0;
        let complex = selection.proteins.len() == 2 && first.partner == 1;
        // The RAS comes first, or its RAF where that is as near to the centre pixel.
        let ras =
            selection.proteins.iter().find_map(|p| names.iter().position(|name| states.name(p.state) == Some(name)));
        if let Some(class) = ras.filter(|_| single || complex) {
            comparable += 1;
            agreed += u64::from(label.ends_with(&format!(" {}", labels[class])));
        }
    }
    let classifier = &summary["classifier"];
    assert_eq!(classifier["classified"], all.len());
    assert_eq!((&classifier["comparable"], &classifier["agreed"]), (&comparable.into(), &agreed.into()));
    assert!(comparable > 0, "no patch can be compared: the test proves little");
    assert_eq!((&classifier["name"], &classifier["trained"]), (&"fingerprint-37x37x14".into(), &false.into()));
    assert_eq!(classifier["sha256"].as_str().map(str::len), Some(64));
    assert!(classifier["backend"].as_str().unwrap().starts_with("fused-"));
    assert_eq!(summary["options"]["classifier"], "fingerprint");
    assert!(summary["latency_us"]["classify"]["p50"].as_f64().unwrap() > 0.0);
    let said = String::from_utf8(output.stdout).unwrap();
    let line = format!("{} patches classified: {agreed} of {comparable} with a known state agree", all.len());
    for words in ["classes   fingerprint-37x37x14 (fused-", "6 classes", "untrained: its classes", &line, "classify"] {
        assert!(said.contains(words), "`{words}` is not in:\n{said}");
    }
}

#[test]
fn the_autoencoders_points_of_coarser_patches_are_selected_by() {
    let folder = Folder::new();
    let model = models::vae::files().write(&folder.0).unwrap();
    let (inline, background) = (folder.join("inline"), folder.join("background"));
    let options = ["--model", model.to_str().unwrap()];
    assert_done(&small(&inline, &options));
    // A folder that holds the model alone, apart from what the campaigns make.
    assert_done(&small(&background, &["--background", "--model", folder.0.to_str().unwrap()]));
    assert_eq!(read(&inline, "selected.csv"), read(&background, "selected.csv"));
    let summary = summary(&inline);
    assert_eq!((&summary["model"]["name"], &summary["rejected"]), (&"vae-5x5x14".into(), &0.into()));
    assert!(summary["backend"].as_str().unwrap().starts_with("fused-"));
    let all = selections(&inline);
    assert_eq!(summary["patches"], all.len());
    assert!(all.iter().all(|selection| selection.point.len() == 15));
    assert!(all.windows(2).any(|pair| pair[0].point != pair[1].point));
}

#[test]
fn what_is_no_classifier_is_one_sentence_and_nothing_is_written() {
    let folder = Folder::new();
    let out = folder.join("out");
    let vae = models::vae::files().write(&folder.0).unwrap();
    for (name, words) in [
        ("mean", &["model mean is no classifier", "[classes]"][..]),
        (vae.to_str().unwrap(), &["model vae-5x5x14 is no classifier"]),
        ("nowhere/net.onnx", &["classifier: no model at nowhere/net.onnx"]),
    ] {
        let sentence = assert_refused(&small(&out, &["--classifier", name]), 1, words);
        assert_eq!(sentence.trim_end().lines().count(), 1, "{sentence}");
    }
    assert!(!out.exists());
    let help = patchstream(&["campaign", "--help"]);
    assert!(String::from_utf8(help.stdout).unwrap().contains("--classifier"));
    let given = small(&out, &["--model", "mean"]);
    assert_done(&given);
    assert_eq!(summary(&out)["classifier"], Value::Null);
}
