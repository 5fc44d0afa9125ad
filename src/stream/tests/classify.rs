//! The classifier beside the encoder: what selections tell of it, what is counted, what is refused.
//!
//! Not here: model files (`tests/encode/`).

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::encode::{Model, Normalise};
use crate::patch::{PatchView, ProteinKind, ProteinStates, Shape, Species};
use crate::stream::classify::{Classifier, most_likely};
use crate::wire::{self, Message};

/// Grid points a side of the patches here.
const SIDE: usize = 37;
const RASB: i32 = 1;
const MRASA: i32 = 4;
const MRAFA: i32 = 7;
/// A state of RAS4A, which no class of the built-in classifier stands for.
const RASA_4A: i32 = 9;

/// The classifier on its own.
static MODEL: LazyLock<Model> = LazyLock::new(|| Model::open("fingerprint", shape()).unwrap());

fn shape() -> Shape {
    Shape::new(SIDE, SIDE, 14).unwrap()
}

/// Patches of 37 x 37 points, encoded by their means and classified.
fn classifying() -> Builder {
    builder().grid(SIDE, SIDE).slots(64).classifier("fingerprint")
}

/// Densities within the range that the classifier was made for, another mixture for each id.
fn lipids(id: u64) -> Vec<f32> {
    let Normalise::Standardise { mean, deviation } = &MODEL.card().normalise else { panic!("it standardises") };
    let value = |i: usize| {
        let (c, random) = (i % 14, ((id * 7919 + (i % 14) as u64 * 131 + (i / 97) as u64 * 17) % 101) as f64 / 50.0);
        (mean[c] + (random - 1.0) * 2.0 * deviation[c]) as f32
    };
    (0..SIDE * SIDE * 14).map(value).collect()
}

fn protein(state: i32, partner: i32) -> Protein {
    Protein { id: 1, state, partner, x_nm: 0.0, y_nm: 0.0 }
}

/// The kinds of patches that there are, and whether their class is known.
fn kinds() -> [(Vec<Protein>, bool); 7] {
    [
        (vec![], false),
        (vec![protein(RASB, -1)], true),
        (vec![protein(MRASA, 1), protein(MRAFA, 0)], true),
        (vec![protein(MRAFA, 1), protein(MRASA, 0)], true),
        (vec![protein(MRASA, -1), protein(MRAFA, -1)], false),
        (vec![protein(RASB, -1), protein(RASB, -1)], false),
        (vec![protein(RASA_4A, -1)], false),
    ]
}

fn send(producer: &mut Producer, id: u64, proteins: &[Protein], densities: &[f32]) -> Result<Pushed> {
    let field = Field::interleaved(Samples::F32(densities), SIDE, SIDE, 14)?;
    producer.push(&Meta { id, proteins, ..NONE }, &field)
}

/// Pushes a patch of each kind, with the ids from 1, and selects all of them.
fn select_all(builder: Builder) -> (Stream, Selections) {
    let stream = builder.open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    for (id, (proteins, _)) in (1..).zip(kinds()) {
        send(&mut producer, id, &proteins, &lipids(id)).unwrap();
    }
    let selections = stream.select(0, 9).unwrap().unwrap();
    (stream, selections)
}

#[test]
fn each_selection_tells_its_probabilities_and_its_class_in_the_message_too() {
    let (_, selections) = select_all(classifying());
    let (_, background) = select_all(classifying().background(true));
    assert_eq!(background.bytes(), selections.bytes());
    let messages: Vec<_> = wire::messages(selections.bytes()).map(Result::unwrap).collect();
    assert_eq!(messages, [Message::SelectionBatch(selections.batch.clone())]);

    let labels = &MODEL.card().classes.as_ref().unwrap().labels;
    let mut seen = Vec::new();
    for selection in &selections.batch.selections {
        let mut expected = vec![0.0; 6];
        let densities = lipids(selection.id);
        MODEL.encode(PatchView { shape: shape(), densities: &densities, proteins: &[] }, &mut expected).unwrap();
        assert_eq!(selection.probabilities, expected);
        assert!((expected.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        let highest = expected.iter().copied().fold(f32::MIN, f32::max);
        let class = expected.iter().position(|&probability| probability == highest).unwrap();
        assert_eq!(selection.class_label.as_ref(), Some(&labels[class]));
        seen.push(class);
    }
    seen.sort_unstable();
    seen.dedup();
    assert!(seen.len() > 1, "one class for all patches proves little");
}

#[test]
fn a_classifier_changes_no_decision_and_without_one_nothing_is_told() {
    let (with, told) = select_all(classifying());
    let (without, untold) = select_all(builder().grid(SIDE, SIDE));
    let mut batch = told.batch.clone();
    for selection in &mut batch.selections {
        assert!(selection.class_label.take().is_some());
        selection.probabilities.clear();
    }
    assert_eq!(batch, untold.batch);
    assert_eq!(wire::Packer::new().selection_batch(&batch), untold.bytes());
    assert_eq!(with.weights().unwrap(), without.weights().unwrap());
    let (with, without) = (with.stats(), without.stats());
    assert!(with.classifier_backend.starts_with("fused-") && with.backend == "builtin", "{with:?}");
    assert_eq!((without.classified, without.comparable, without.agreed), (0, 0, 0));
    assert_eq!((without.backend, without.classifier_backend), ("builtin", ""));
    assert_eq!(with.latency[Stage::Classify as usize].count, 7);
    assert_eq!(without.latency[Stage::Classify as usize].count, 0);
}

#[test]
fn agreement_is_counted_where_one_ras_or_one_complex_has_a_known_class() {
    let labels = MODEL.card().classes.as_ref().unwrap().labels.clone();
    let mut agreed_once = false;
    for first in (1..).step_by(10).take(6) {
        let stream = classifying().open().unwrap();
        let mut producer = stream.producer("ddft").unwrap();
        for (id, (proteins, _)) in (first..).zip(kinds()) {
            send(&mut producer, id, &proteins, &lipids(id)).unwrap();
        }
        let selections = stream.select(0, 9).unwrap().unwrap().batch.selections;
        let agrees = |selection: &&wire::Selection| {
            let (proteins, known) = &kinds()[(selection.id - first) as usize];
            let ras = proteins.iter().map(|protein| protein.state).find(|&state| state == RASB || state == MRASA);
            // Classes 1 and 3 stand for RASb and mRASa.
            let class = ras.map(|state| &labels[if state == RASB { 1 } else { 3 }]);
            *known && class.is_some() && selection.class_label.as_ref() == class
        };
        let agreed = selections.iter().filter(agrees).count() as u64;
        let stats = stream.stats();
        assert_eq!((stats.classified, stats.comparable, stats.agreed), (7, 3, agreed));
        agreed_once |= agreed > 0;
    }
    assert!(agreed_once, "no patch agrees: the test proves little");
}

#[test]
fn a_patch_that_the_classifier_refuses_is_left_out_counted_and_logged_and_the_next_goes_through() {
    for background in [false, true] {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let heard = lines.clone();
        let log = move |level, line: &str| heard.lock().push((level, line.to_string()));
        let stream = classifying().background(background).log(log).open().unwrap();
        let mut producer = stream.producer("ddft").unwrap();
        // The encoder, which has no params, would take it.
        let mut wild = lipids(1);
        wild[14 * 40 + 6] = 1e30;
        send(&mut producer, 1, &[protein(RASB, -1)], &wild).unwrap();
        send(&mut producer, 2, &[protein(RASB, -1)], &lipids(2)).unwrap();
        let selections = stream.select(0, 9).unwrap().unwrap().batch.selections;
        assert_eq!(selections.iter().map(|selection| selection.id).collect::<Vec<_>>(), [2]);
        assert_eq!(selections[0].probabilities.len(), 6);
        let stats = stream.stats();
        assert_eq!((stats.rejected.model, stats.rejected.total(), stats.encoded), (1, 1, 1));
        assert_eq!((stats.classified, stats.comparable), (1, 1));
        assert_eq!(send(&mut producer, 1, &[protein(RASB, -1)], &wild).unwrap(), Pushed::Known);
        let lines = lines.lock();
        let warnings: Vec<_> = lines.iter().filter(|(level, _)| *level == LogLevel::Warning).collect();
        assert_eq!(warnings.len(), 1, "{lines:?}");
        assert!(warnings[0].1.contains("patch 1 of producer ddft is left out: classifier: density"), "{lines:?}");
        for words in ["classifier fingerprint-37x37x14: patches are run by the fused plan", "its classes mean little"] {
            assert!(lines.iter().any(|(level, line)| *level == LogLevel::Info && line.contains(words)), "{lines:?}");
        }
    }
}

#[test]
fn a_pick_that_is_returned_and_picked_again_has_its_class_still() {
    let (stream, first) = select_all(classifying());
    let before = &first.batch.selections[2];
    assert!(stream.set_state(before.id, crate::dynim::State::Returned, 1).unwrap());
    let again = stream.select(1, 1).unwrap().unwrap().batch.selections.remove(0);
    assert_eq!(
        (again.id, &again.class_label, &again.probabilities),
        (before.id, &before.class_label, &before.probabilities)
    );
    assert_eq!(stream.stats().classified, 7, "it was classified once");
}

#[test]
fn what_is_no_classifier_for_the_patches_is_an_error_that_says_why() {
    let refused = |builder: Builder| builder.open().map(|_| ()).unwrap_err();
    for (name, kind, words) in [
        ("mean", ErrorKind::Model, "model mean is no classifier: its card has no [classes]"),
        ("metric", ErrorKind::Model, "model metric-37x37x14 is no classifier"),
        ("no/such.onnx", ErrorKind::Io, "no model at no/such.onnx"),
    ] {
        let error = refused(classifying().classifier(name));
        assert!(error.kind() == kind && error.message().starts_with("classifier: "), "{error}");
        assert!(error.message().contains(words), "{error}");
    }
    let error = refused(classifying().grid(5, 5));
    assert!(error.kind() == ErrorKind::Shape && error.message().contains("it takes patches of 37x37x14"), "{error}");
    let mut names = Species::default().names().to_vec();
    names.swap(0, 1);
    let species = Some(SpeciesConfig { names, inner: 8 });
    let config = Config { species, classifier: Some("fingerprint".into()), model: "mean".into(), ..Config::default() };
    let error = refused(Stream::builder().config(config));
    assert!(error.kind() == ErrorKind::Shape && error.message().contains("`PAPC`"), "{error}");
}

#[test]
fn a_configuration_file_names_the_classifier_and_states_that_it_cannot_compare_are_logged() {
    let path = std::env::temp_dir().join(format!("patchstream-classifier-{}.toml", std::process::id()));
    let text = "model = \"mean\"\nclassifier = \"fingerprint\"\n[[states]]\nname = \"RASa\"\nkind = \"raf\"\n\
                [[states]]\nname = \"mRASa\"\nkind = \"ras\"\n";
    std::fs::write(&path, text).unwrap();
    let config = Config::from_file(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let heard = lines.clone();
    let log = move |level, line: &str| heard.lock().push((level, line.to_string()));
    let stream = Stream::builder().config(config).log(log).open().unwrap();
    assert_eq!(stream.classifier().unwrap().card().name, "fingerprint-37x37x14");
    let mut producer = stream.producer("ddft").unwrap();
    send(&mut producer, 1, &[protein(0, -1)], &lipids(1)).unwrap();
    send(&mut producer, 2, &[protein(1, -1)], &lipids(2)).unwrap();
    stream.poll(LONG).unwrap();
    assert_eq!((stream.stats().classified, stream.stats().comparable), (2, 1), "a RAF alone is of no class");
    let lines = lines.lock();
    let warning = lines.iter().find(|(level, _)| *level == LogLevel::Warning).map(|(_, line)| line.as_str());
    assert!(warning.unwrap().contains("RASa, RASb, RASc, mRASb, zRASa, which no RAS"), "{lines:?}");
}

/// The class that is known of a patch, by counting and looking names up.
fn naive_known(labels: &[Vec<String>], proteins: &[Protein], states: &ProteinStates) -> Option<usize> {
    let of = |kind| (0..proteins.len()).filter(move |&i| states.kind(proteins[i].state) == Some(kind));
    let (ras, raf): (Vec<usize>, Vec<usize>) = (of(ProteinKind::Ras).collect(), of(ProteinKind::Raf).collect());
    let bonded = |i: usize, j: usize| proteins[i].partner == j as i32 && proteins[j].partner == i as i32;
    let single = ras.len() == 1 && (raf.is_empty() || raf.len() == 1 && bonded(ras[0], raf[0]));
    let name = states.name(proteins[*ras.first().filter(|_| single)?].state)?;
    labels.iter().position(|names| names.iter().any(|other| other == name))
}

proptest! {
    #[test]
    fn known_class_matches_naive(drawn in prop::collection::vec((0_i32..18, any::<bool>()), 0..5)) {
        static CLASSIFIER: LazyLock<Classifier> = LazyLock::new(|| {
            let (species, states) = (Species::default(), ProteinStates::default());
            Classifier::open("fingerprint", shape(), species.names(), &states).unwrap()
        });
        let names = &CLASSIFIER.model().card().classes.as_ref().unwrap().states;
        let mut proteins: Vec<Protein> = drawn.iter().map(|&(state, _)| protein(state, -1)).collect();
        for at in (1..proteins.len()).step_by(2).filter(|&at| drawn[at].1) {
            (proteins[at].partner, proteins[at - 1].partner) = (at as i32 - 1, at as i32);
        }
        let expected = naive_known(names, &proteins, &ProteinStates::default());
        prop_assert_eq!(CLASSIFIER.known(&proteins), expected);
    }

    #[test]
    fn most_likely_class_is_the_first_of_the_highest(small in prop::collection::vec(0_u8..4, 1..9)) {
        let probabilities: Vec<f32> = small.iter().map(|&value| f32::from(value) / 8.0).collect();
        let best = most_likely(&probabilities);
        prop_assert!(probabilities[..best].iter().all(|&other| other < probabilities[best]));
        prop_assert!(probabilities[best..].iter().all(|&other| other <= probabilities[best]));
    }
}
