//! Networks of the papers in streams: the autoencoder's mean as the point of patches that are made coarser, classifiers.
//!
//! Not here: what a classifier counts and refuses (unit tests of `src/stream`).

use std::fs;
use std::path::{Path, PathBuf};

use patchstream::encode::Model;
use patchstream::error::ErrorKind;
use patchstream::patch::{Field, Meta, PatchView, Samples, Shape, coarsen_37_to_5, coarsen_73_to_37};
use patchstream::stream::{Builder, Selections, Stream};

use crate::models::{Files, fingerprint, metric, vae};
use crate::naive::{naive_fingerprint, naive_vae};
use crate::random_patch;

/// A folder of a test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("encode-streams").join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The path of a model's files in a folder of the test's own.
fn written(test: &str, files: &Files) -> String {
    files.write(&folder(test)).unwrap().to_str().unwrap().into()
}

/// Sends the patches of these seeds, `side` points a side, and selects all of them.
fn select(builder: Builder, side: usize, seeds: std::ops::Range<u64>) -> (Stream, Selections) {
    let count = seeds.clone().count();
    let stream = builder.grid(side, side).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    for seed in seeds {
        let densities = random_patch(seed, side);
        let field = Field::interleaved(Samples::F32(&densities), side, side, 14).unwrap();
        producer.push(&Meta { id: seed + 1, ..Meta::default() }, &field).unwrap();
    }
    let selections = stream.select(0, count).unwrap().unwrap();
    assert_eq!(selections.batch.selections.len(), count);
    (stream, selections)
}

/// A patch of 37 or 73 points a side, made coarser until it has `side`.
fn coarsened(densities: &[f32], side: usize) -> Vec<f32> {
    let shape = |side| Shape::new(side, side, 14).unwrap();
    let mut from = (densities.len() / 14).isqrt();
    let mut densities = densities.to_vec();
    while from > side {
        let to = if from == 73 { 37 } else { 5 };
        let mut out = vec![0.0; shape(to).len()];
        let coarsen = if from == 73 { coarsen_73_to_37 } else { coarsen_37_to_5 };
        assert_eq!(coarsen(shape(from), &densities, &mut out).unwrap(), shape(to));
        (densities, from) = (out, to);
    }
    densities
}

#[test]
fn the_autoencoders_mean_is_the_point_of_patches_made_coarser_to_5_points_a_side() {
    let path = written("vae", &vae::files());
    let small = Shape::new(5, 5, 14).unwrap();
    let own = Model::open(&path, small).unwrap();
    let params = vae::Params::seeded(vae::SEED);
    for side in [37, 73] {
        let (stream, selections) = select(Stream::builder().model(&path), side, 0..8);
        assert_eq!((stream.model().dim(), stream.model().backend()), (15, own.backend()));
        assert_eq!(stream.stats().backend, own.backend());
        let report = stream.model().report();
        assert_eq!(report.prepared, [format!("made coarser, from {side}x{side}x14 to 5x5x14")]);
        for selection in &selections.batch.selections {
            let densities = random_patch(selection.id - 1, side);
            let coarse = coarsened(&densities, 5);
            let mut point = vec![0.0; 15];
            own.encode(PatchView { shape: small, densities: &coarse, proteins: &[] }, &mut point).unwrap();
            assert_eq!(selection.point, point, "the point of the coarse patch, bit for bit");
            for (value, expected) in point.iter().zip(naive_vae(&params, &coarse)) {
                assert!((f64::from(*value) - expected).abs() < 1e-4, "{value} where {expected} was expected");
            }
        }
        let (_, background) = select(Stream::builder().model(&path).background(true), side, 0..8);
        assert_eq!(background.bytes(), selections.bytes());
    }
}

#[test]
fn encoder_and_classifier_each_get_the_patch_that_they_were_made_for() {
    let (vae, classifier) = (written("both", &vae::files()), fingerprint::SMALL.files());
    let params = fingerprint::SMALL.seeded(fingerprint::SEED);
    let path = written("both-classifier", &classifier);
    // By path, by folder and by name it is one classifier.
    let folder = folder("both-classifier");
    for name in [path.as_str(), folder.to_str().unwrap(), "fingerprint"] {
        let (stream, selections) = select(Stream::builder().model(&vae).classifier(name), 73, 0..6);
        let card = stream.classifier().unwrap().card();
        assert_eq!((&card.name, card.classes.as_ref().unwrap().labels.len()), (&classifier.name, 6));
        for selection in &selections.batch.selections {
            assert_eq!((selection.point.len(), selection.probabilities.len()), (15, 6));
            let expected = naive_fingerprint(&params, &coarsened(&random_patch(selection.id - 1, 73), 37));
            for (probability, expected) in selection.probabilities.iter().zip(&expected) {
                assert!((f64::from(*probability) - expected).abs() < 1e-5, "{probability}, {expected}");
            }
            let best = (0..6).max_by(|&a, &b| expected[a].total_cmp(&expected[b])).unwrap();
            let labels = &card.classes.as_ref().unwrap().labels;
            assert_eq!(selection.class_label.as_ref(), Some(&labels[best]));
        }
        let stats = stream.stats();
        assert_eq!((stats.classified, stats.comparable, stats.agreed), (6, 0, 0), "no patch holds a protein");
    }
}

#[test]
fn the_large_classifier_takes_72_points_a_side_and_no_others() {
    let path = written("large", &fingerprint::LARGE.files());
    let (_, selections) = select(Stream::builder().model("mean").classifier(&path), 72, 0..2);
    for selection in &selections.batch.selections {
        assert_eq!(selection.probabilities.len(), 12);
        assert!(selection.class_label.as_ref().is_some_and(|label| label.starts_with("RAS4")), "{selection:?}");
    }
    let error = Stream::builder().model("mean").classifier(&path).open().map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Shape);
    assert!(error.message().starts_with("classifier: model ") && error.message().contains("72x72x14"), "{error}");
}

#[test]
fn a_network_without_its_softmax_passes_for_no_classifier() {
    // The metric network with classes on its card: nine outputs of any size.
    let mut files = metric::files();
    let (labels, states): (Vec<String>, Vec<&str>) = (0..9).map(|i| (format!("\"class {i}\""), "[]")).unzip();
    files.card += &format!("\n[classes]\nlabels = [{}]\nstates = [{}]\n", labels.join(", "), states.join(", "));
    let path = written("logits", &files);
    let error = Stream::builder().model("mean").classifier(&path).open().map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Model);
    for words in ["classifier: the outputs of model metric-37x37x14", "export it with its softmax"] {
        assert!(error.message().contains(words), "{error}");
    }
    assert!(Stream::builder().model(&path).open().is_ok(), "as an encoder it is as good as ever");
}
