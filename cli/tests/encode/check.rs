//! What `model check` says about models of each kind.
//!
//! Not here: models that cannot be opened ([`super::bad`]).

#[cfg(feature = "fused")]
use std::fs;

use crate::support::{assert_refused, patchstream};
#[cfg(feature = "fused")]
use crate::{
    model_file,
    support::{Folder, assert_done},
};

#[cfg(feature = "fused")]
fn check(model: &str) -> String {
    let output = patchstream(&["model", "check", model]);
    assert_done(&output);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
#[cfg(feature = "fused")]
fn a_model_is_described_and_measured() {
    let path = model_file("metric-37x37x14.onnx");
    for name in [path.to_str().unwrap(), "metric"] {
        let text = check(name);
        for word in [
            "metric-37x37x14, not trained",
            "8c08b1aee2671d62",
            "(14, 37, 37), axes c, y, x",
            "POPC PAPC",
            "float32 (9,)",
            "folded ",
            "runs ",
            "latency ",
            "half within",
            "tract ",
            "difference ",
        ] {
            assert!(text.contains(word), "`{word}` is not in:\n{text}");
        }
    }
}

#[test]
#[cfg(feature = "fused")]
fn a_classifier_has_its_classes_named() {
    let text = check(model_file("fingerprint-37x37x14.onnx").to_str().unwrap());
    assert!(text.contains("classes: RAS4b alpha, RAS4b beta, RAS4b beta', RAS4b-RAF ma"), "{text}");
    assert!(text.contains("(37, 37, 14), axes y, x, c") && text.contains("float32 (6,)"), "{text}");
}

#[test]
#[cfg(feature = "fused")]
fn a_network_without_a_card_is_looked_at_as_it_is() {
    let folder = Folder::new();
    let bare = folder.join("bare.onnx");
    fs::copy(model_file("metric-37x37x14.onnx"), &bare).unwrap();
    let text = check(bare.to_str().unwrap());
    assert!(text.contains("none beside it") && text.contains("float32 (14, 37, 37)\n"), "{text}");
}

#[test]
fn encoders_without_a_network_have_nothing_to_check() {
    for name in ["mean", "radial"] {
        assert_refused(&patchstream(&["model", "check", name]), 1, &[name, "no network"]);
    }
}
