//! Models from outside: the shipped network against a naive one in float64, and files with everything wrong.
//!
//! Here: how a network is called. `seeded` holds the networks of the papers to their slow twins in `naive`, `agreement`
//! real exports to what their frameworks made of a patch, in every back-end; `streams` runs networks in streams; `files`
//! and `refused` have the tests of model files with something wrong.
//! Not here: the encoders without a network and the card's fields (unit tests of `src/encode`).
#![cfg(feature = "fused")]

use patchstream::encode::Model;
use patchstream::error::ErrorKind;
use patchstream::patch::{PatchView, Shape};

mod agreement;
#[cfg(feature = "tract")]
mod files;
#[path = "../../models/mod.rs"]
mod models;
mod naive;
mod patches;
#[cfg(feature = "tract")]
mod refused;
mod seeded;
mod streams;

use models::card::sha256;
use patches::random_patch;

const ONNX: &[u8] = include_bytes!("../../models/metric-37x37x14.onnx");

fn shape() -> Shape {
    Shape::new(37, 37, 14).unwrap()
}

fn view(densities: &[f32]) -> PatchView<'_> {
    PatchView { shape: shape(), densities, proteins: &[] }
}

#[test]
fn metric_says_what_it_is() {
    let model = Model::open("metric", shape()).unwrap();
    assert_eq!((model.dim(), model.shape()), (9, shape()));
    assert!(model.backend().starts_with("fused-"), "{}", model.backend());
    let card = model.card();
    assert_eq!((card.name.as_str(), card.trained, card.sha256.as_str()), ("metric-37x37x14", false, &*sha256(ONNX)));
    card.check_channels(patchstream::patch::Species::default().names()).unwrap();
}

#[test]
fn many_threads_give_the_points_of_one() {
    let model = Model::open("metric", shape()).unwrap();
    let patches: Vec<Vec<f32>> = (0..6).map(|seed| random_patch(seed, 37)).collect();
    let views: Vec<PatchView> = patches.iter().map(|p| view(p)).collect();
    let mut expected = vec![0.0; 6 * 9];
    model.encode_many(&views, &mut expected).unwrap();
    std::thread::scope(|scope| {
        for t in 0..4 {
            let (model, views, expected) = (model.clone(), &views, &expected);
            scope.spawn(move || {
                for i in (0..6).map(|i| (i + t) % 6) {
                    let mut point = [0.0; 9];
                    model.encode(views[i], &mut point).unwrap();
                    assert_eq!(point, expected[i * 9..][..9]);
                }
            });
        }
    });
}

#[test]
fn wrong_sizes_are_shape_errors() {
    for other in [(72, 72, 14), (37, 37, 13), (36, 37, 14)] {
        let other = Shape::new(other.0, other.1, other.2).unwrap();
        let error = Model::open("metric", other).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Shape);
        assert!(error.message().contains("37x37x14") && error.message().contains(&other.to_string()), "{error}");
    }
    let model = Model::open("metric", shape()).unwrap();
    let densities = random_patch(1, 37);
    let small = Shape::new(5, 5, 14).unwrap();
    let mut point = [0.0; 9];
    let kinds = [
        model.encode(PatchView { shape: small, densities: &densities[..350], proteins: &[] }, &mut point),
        model.encode(view(&densities[1..]), &mut point),
        model.encode(view(&densities), &mut point[1..]),
        model.encode_many(&[view(&densities)], &mut [0.0; 18]),
        model.encode_many(&[view(&densities), view(&densities[2..])], &mut [0.0; 18]),
    ]
    .map(|result| result.unwrap_err().kind());
    assert_eq!(kinds, [ErrorKind::Shape; 5]);
}

#[test]
fn densities_that_no_network_should_see_are_an_error_and_the_next_patch_goes_through() {
    let model = Model::open("metric", shape()).unwrap();
    let good = random_patch(1, 37);
    let (mut before, mut after) = ([0.0; 9], [0.0; 9]);
    model.encode(view(&good), &mut before).unwrap();
    for density in [f32::NAN, f32::NEG_INFINITY, 3e38, 1e6] {
        let mut wild = good.clone();
        wild[(5 * 37 + 4) * 14 + 6] = density;
        let error = model.encode_many(&[view(&good), view(&wild)], &mut [0.0; 18]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Value);
        assert!(error.message().starts_with("patch 1 of 2"), "{error}");
        assert!(error.message().contains("PAP6 at pixel (4, 5)"), "{error}");
    }
    model.encode(view(&good), &mut after).unwrap();
    assert_eq!(before, after);
}
