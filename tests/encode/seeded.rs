//! The networks of the papers with seeded params: each in every back-end against its naive twin, and the committed files.
//!
//! Not here: what a model does with bad input.

use std::fs;
use std::path::Path;

use patchstream::encode::{BackendChoice, Model, OpenOptions};
use patchstream::patch::{PatchView, ProteinKind, ProteinStates, Shape, Species};

use crate::models::{self, Files, fingerprint, metric, vae};
use crate::naive::{naive_fingerprint, naive_metric, naive_vae};
use crate::{random_patch, shape};

#[test]
fn committed_files_are_what_the_generator_writes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    for Files { name, onnx, card } in models::committed() {
        let file = folder.join(format!("{name}.onnx"));
        assert!(fs::read(&file).unwrap() == onnx, "{name}: run `cargo run --example make_models`");
        let text = fs::read_to_string(file.with_extension("toml")).unwrap();
        assert_eq!(text, card, "run `cargo run --example make_models`");
    }
}

/// Opens a seeded model from files of its own.
fn open(files: &Files, backend: BackendChoice) -> Model {
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("encode-seeded").join(format!("{}-{backend:?}", files.name));
    fs::create_dir_all(&folder).unwrap();
    let path = files.write(&folder).unwrap();
    Model::open_with(path.to_str().unwrap(), None, &OpenOptions { backend, ..OpenOptions::default() }).unwrap()
}

/// Holds a model to its twin in every back-end that is built in; the one of choice is the plan.
fn check_all(files: &Files, spread: f64, naive: impl Fn(&[f32]) -> Vec<f64>) {
    let model = open(files, BackendChoice::Auto);
    assert!(model.backend().starts_with("fused-"), "{}: {}", model.backend(), model.report().chosen);
    check(&model, spread, &naive);
    if cfg!(feature = "tract") {
        for backend in [BackendChoice::Tract, BackendChoice::AsExported] {
            let model = open(files, backend);
            assert_eq!(model.backend(), "tract");
            check(&model, spread, &naive);
        }
    }
}

/// Holds a model to its twin on random patches: within 1e-5 of the output's scale. Each coordinate has to vary by
/// `spread` and more, or the test would prove little.
fn check(model: &Model, spread: f64, naive: impl Fn(&[f32]) -> Vec<f64>) {
    let shape = model.shape();
    let dim = model.dim();
    let (mut low, mut high, mut error) = (vec![f64::MAX; dim], vec![f64::MIN; dim], vec![0.0_f64; dim]);
    for seed in 0..10 {
        let densities = random_patch(seed, shape.nx);
        let mut point = vec![0.0; dim];
        model.encode(PatchView { shape, densities: &densities, proteins: &[] }, &mut point).unwrap();
        for (j, (value, expected)) in point.iter().zip(naive(&densities)).enumerate() {
            low[j] = low[j].min(expected);
            high[j] = high[j].max(expected);
            error[j] = error[j].max((f64::from(*value) - expected).abs());
        }
    }
    let scale = low.iter().chain(&high).fold(0.0_f64, |scale, value| scale.max(value.abs()));
    assert!((0.5..50.0).contains(&scale), "points within {scale}");
    for j in 0..dim {
        assert!(high[j] - low[j] >= spread, "coordinate {j} is {} .. {}", low[j], high[j]);
        assert!(error[j] <= 1e-5 * scale, "coordinate {j}: error {} at scale {scale}", error[j]);
    }
}

#[test]
fn metric_matches_naive() {
    let params = metric::Params::seeded(metric::SEED);
    check_all(&metric::files(), 0.5, |densities| naive_metric(&params, densities));
    check(&Model::open("metric", shape()).unwrap(), 0.5, |densities| naive_metric(&params, densities));
}

#[test]
fn both_classifiers_match_naive() {
    for size in [fingerprint::SMALL, fingerprint::LARGE] {
        let params = size.seeded(fingerprint::SEED);
        check_all(&size.files(), 0.02, |densities| naive_fingerprint(&params, densities));
    }
}

#[test]
fn the_autoencoder_matches_naive() {
    let params = vae::Params::seeded(vae::SEED);
    let count = params.conv.len() + params.dense.iter().map(|layer| layer.params.len()).sum::<usize>();
    assert_eq!(count, 14 * 14 + 569_550);
    check_all(&vae::files(), 0.1, |densities| naive_vae(&params, densities));
}

#[test]
fn seeded_cards_say_what_the_models_are() {
    let names = Species::default();
    let states = ProteinStates::default();
    for (files, side, classes) in [
        (fingerprint::SMALL.files(), 37, Some(6)),
        (fingerprint::LARGE.files(), 72, Some(12)),
        (vae::files(), 5, None),
        (metric::files(), 37, None),
    ] {
        let model = open(&files, BackendChoice::Auto);
        assert_eq!(model.shape(), Shape::new(side, side, 14).unwrap());
        let card = model.card();
        assert!(!card.trained && card.name == files.name, "{}", files.name);
        card.check_channels(names.names()).unwrap();
        assert_eq!(card.classes.as_ref().map(|classes| classes.labels.len()), classes);
        for state in card.classes.iter().flat_map(|classes| classes.states.iter().flatten()) {
            assert_eq!(states.kind(states.index(state).unwrap()), Some(ProteinKind::Ras));
        }
    }
}
