//! Unit tests of the encoders: each against its slow, obvious twin, and cards with one thing wrong at a time.
//!
//! Not here: networks and model files (`tests/encode/`).

use proptest::prelude::*;

use super::card::{Card, Turn};
use super::mean::mean_concentrations;
use super::radial::Radial;
use super::{Model, Normalise};
use crate::error::ErrorKind;
use crate::patch::{Orientation, PatchView, Shape};

const CARD: &str = r#"
format = 1
name = "small"
sha256 = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
trained = true
training = "Three patches."
orientation = "canonical"
latent_dimension = 2
[input]
nx = 5
ny = 5
layout = "chw"
channels = ["A", "B", "C"]
channel_weights = [1, 2.5, 0]
[normalise]
kind = "range"
offset = [0, 0.5, 1]
range = [1, 2, 3]
[points]
mean = [0, 1]
covariance = [[1, 0.5], [0.5, 2]]
reference = [[0, 1], [2, 3], [4, 5]]
[evaluation]
accuracy = 0.85
"#;

fn pseudo_random(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32 - 0.1
    };
    (0..count).map(|_| next()).collect()
}

/// The definition of A.1, one reference pixel and one distance at a time, on an n x n grid of one channel.
fn naive_profile(plane: &[f32], n: i32, centre: [i32; 2], quadrant: [[i32; 2]; 2]) -> Vec<f32> {
    (0..(n + 1) / 2)
        .map(|r| {
            let mut highest = f32::NEG_INFINITY;
            for y in quadrant[1][0]..=quadrant[1][1] {
                for x in quadrant[0][0]..=quadrant[0][1] {
                    let distance = f64::from((x - centre[0]).pow(2) + (y - centre[1]).pow(2)).sqrt();
                    if distance.round() as i32 == r {
                        highest = highest.max(plane[(y * n + x) as usize]);
                    }
                }
            }
            highest
        })
        .collect()
}

/// Profiles of channels that are standardised first.
fn naive_radial(densities: &[f32], n: i32, channels: usize, mean: &[f64], deviation: &[f64]) -> Vec<f32> {
    let (middle, end) = (n / 2, n - 1);
    let mut point = Vec::new();
    for c in 0..channels.min(8) {
        let standard = |density: &f32| (density - mean[c] as f32) * (1.0 / deviation[c]) as f32;
        let plane: Vec<f32> = densities.iter().skip(c).step_by(channels).map(standard).collect();
        point.extend(naive_profile(&plane, n, [middle, middle], [[0, end]; 2]));
        let mut corners = vec![0.0_f64; (n as usize).div_ceil(2)];
        for (cx, x_range) in [(0, [0, middle]), (end, [middle, end])] {
            for (cy, y_range) in [(0, [0, middle]), (end, [middle, end])] {
                let profile = naive_profile(&plane, n, [cx, cy], [x_range, y_range]);
                corners.iter_mut().zip(profile).for_each(|(sum, v)| *sum += f64::from(v));
            }
        }
        point.extend(corners.iter().map(|sum| (sum / 4.0) as f32));
    }
    point
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn radial_matches_naive(channels in 1_usize..12, half in prop_oneof![Just(18_usize), 0_usize..24], seed: u64) {
        let n = 2 * half + 1;
        let shape = Shape::new(n, n, channels)?;
        let (mean, deviation): (Vec<f64>, Vec<f64>) = (0..channels).map(|c| (0.1 * c as f64, 0.3 + c as f64)).unzip();
        let densities = pseudo_random(shape.len(), seed);
        let mut point = vec![0.0; Radial::dim_of(shape)?];
        Radial::new(shape, &mean, &deviation)?.profiles(&densities, &mut point);
        prop_assert_eq!(point, naive_radial(&densities, n as i32, channels, &mean, &deviation));
    }

    #[test]
    fn mean_matches_naive(nx in 1_usize..9, ny in 1_usize..9, channels in 1_usize..40, seed: u64) {
        let densities = pseudo_random(nx * ny * channels, seed);
        let mut point = vec![f32::NAN; channels];
        mean_concentrations(&densities, &mut point);
        for (c, value) in point.iter().enumerate() {
            let sum: f64 = (0..nx * ny).map(|p| f64::from(densities[p * channels + c])).sum();
            prop_assert_eq!(value.to_bits(), ((sum / (nx * ny) as f64) as f32).to_bits());
        }
    }
}

#[test]
fn radial_profiles_are_the_same_in_all_eight_orientations() {
    let shape = Shape::new(37, 37, 9).unwrap();
    let model = Model::open("radial", shape).unwrap();
    assert_eq!(model.dim(), 304);
    let densities = pseudo_random(shape.len(), 7);
    let mut turned = densities.clone();
    let (mut first, mut point) = (vec![0.0; 304], vec![0.0; 304]);
    model.encode(PatchView { shape, densities: &densities, proteins: &[] }, &mut first).unwrap();
    for orientation in Orientation::ALL {
        orientation.densities(shape, &densities, &mut turned).unwrap();
        model.encode(PatchView { shape, densities: &turned, proteins: &[] }, &mut point).unwrap();
        assert_eq!(point, first);
    }
}

#[test]
fn radial_standardises_the_default_channels_as_the_metric_network_does() {
    let shape = Shape::new(37, 37, 14).unwrap();
    let model = Model::open("radial", shape).unwrap();
    let Normalise::Standardise { mean, deviation } = &model.card().normalise else { panic!("{:?}", model.card()) };
    assert!(model.dim() == 304 && mean[7] == 0.4667 && deviation[6] == 0.02, "POPC .. CHOL of the metric card");
    let densities = pseudo_random(shape.len(), 3);
    let mut point = vec![0.0; 304];
    model.encode(PatchView { shape, densities: &densities, proteins: &[] }, &mut point).unwrap();
    assert_eq!(point, naive_radial(&densities, 37, 14, mean, deviation));
}

#[test]
fn points_that_no_sampler_takes_are_refused_by_the_model_s_name() {
    for (name, shape) in [("mean", Shape::new(3, 3, 1025).unwrap()), ("radial", Shape::new(129, 129, 14).unwrap())] {
        let error = Model::open(name, shape).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains(name) && error.message().contains("1024"), "{error}");
    }
}

#[test]
fn radial_refuses_grids_it_is_not_defined_on() {
    for (nx, ny) in [(36, 36), (37, 36), (72, 72), (37, 73)] {
        let error = Model::open("radial", Shape::new(nx, ny, 14).unwrap()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains(&format!("{nx} x {ny}")), "{error}");
    }
}

#[test]
fn mean_takes_any_shape_and_says_what_it_is() {
    let shape = Shape::new(4, 3, 2).unwrap();
    let model = Model::open("mean", shape).unwrap();
    assert_eq!((model.dim(), model.backend(), model.shape()), (2, "builtin", shape));
    assert_eq!((model.card().name.as_str(), model.card().trained), ("mean", false));
    let densities: Vec<f32> = (0..24).map(|i| if i % 2 == 0 { 3.0 } else { i as f32 }).collect();
    let mut point = [0.0; 2];
    model.encode(PatchView { shape, densities: &densities, proteins: &[] }, &mut point).unwrap();
    assert_eq!(point, [3.0, 12.0]);
}

#[test]
fn a_point_that_is_not_finite_is_a_value_error() {
    let shape = Shape::new(37, 37, 1).unwrap();
    for name in ["mean", "radial"] {
        let model = Model::open(name, shape).unwrap();
        let mut densities = pseudo_random(shape.len(), 1);
        densities[18 * 37 + 18] = f32::NAN;
        let mut point = vec![0.0; model.dim()];
        let error = model.encode(PatchView { shape, densities: &densities, proteins: &[] }, &mut point).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Value);
    }
}

#[test]
fn a_shape_that_no_patch_can_have_is_refused() {
    for shape in [Shape { nx: 0, ny: 37, channels: 14 }, Shape { nx: 37, ny: 37, channels: 0 }] {
        for name in ["mean", "radial", "metric"] {
            assert_eq!(Model::open(name, shape).err().unwrap().kind(), ErrorKind::Shape);
        }
    }
}

#[test]
fn a_card_is_read_as_it_is_written() {
    let card = Card::parse(CARD).unwrap();
    assert_eq!(card.shape().unwrap(), Shape::new(5, 5, 3).unwrap());
    assert_eq!(card.orientation, Turn::Canonical);
    assert_eq!(card.normalise, Normalise::Range { offset: vec![0.0, 0.5, 1.0], range: vec![1.0, 2.0, 3.0] });
    assert_eq!(card.points.unwrap().reference.len(), 3);
    assert_eq!(card.evaluation["accuracy"], 0.85);
}

#[test]
fn a_card_with_any_one_thing_wrong_is_refused_by_name() {
    // What is replaced, by what, and what the message has to name.
    let cases = [
        ("format = 1", "format = 2", "format 2"),
        ("format = 1", "", "format"),
        ("name = \"small\"", "name = \"\"", "name"),
        ("trained = true", "trained = \"yes\"", "trained"),
        ("trained = true", "trained = true\nlayers = 3", "layers"),
        ("EEFF\"", "EEF\"", "sha256"),
        ("EEFF\"", "EEFG\"", "sha256"),
        ("latent_dimension = 2", "latent_dimension = 0", "latent_dimension"),
        ("latent_dimension = 2", "latent_dimension = 5000", "latent_dimension"),
        ("latent_dimension = 2", "latent_dimension = 3", "points.mean"),
        ("orientation = \"canonical\"", "orientation = \"upright\"", "upright"),
        ("nx = 5", "nx = 0", "0x5x3"),
        ("nx = 5", "nx = 7", "7 x 5"),
        ("nx = 5\nny = 5", "nx = 4\nny = 4", "4 x 4"),
        ("ny = 5", "ny = -5", "-5"),
        ("layout = \"chw\"", "layout = \"cwh\"", "cwh"),
        ("\"B\", \"C\"", "\"B\", \"B\"", "`B`"),
        ("\"B\", \"C\"", "\"B\", \"\"", "``"),
        ("\"A\", \"B\", \"C\"", "", "5x5x0"),
        ("[1, 2.5, 0]", "[1, 2.5]", "channel_weights has 2"),
        ("[1, 2.5, 0]", "[1, -2.5, 0]", "channel B is -2.5"),
        ("[1, 2.5, 0]", "[1, 2.5, inf]", "channel C is inf"),
        ("kind = \"range\"", "kind = \"standardise\"", "offset"),
        ("kind = \"range\"", "kind = \"log\"", "log"),
        ("[0, 0.5, 1]", "[0, nan, 1]", "offset of channel B is NaN"),
        ("[0, 0.5, 1]", "[0, 1]", "offset has 2"),
        ("[1, 2, 3]", "[1, 0, 3]", "range of channel B is 0"),
        ("[1, 2, 3]", "[1, 2, -3]", "range of channel C is -3"),
        ("[1, 2, 3]", "[1, 1e-40, 3]", "range of channel B"),
        ("[1, 2, 3]", "[1, 1e39, 3]", "range of channel B"),
        ("[1, 2, 3]", "[1, 2, 3, 4]", "range has 4"),
        ("[0.5, 2]]", "[0.5]]", "covariance has 1"),
        ("[0.5, 2]]", "[0.6, 2]]", "covariance"),
        ("[0.5, 2]]", "[0.5, -2]]", "covariance"),
        ("[2, 3]", "[2]", "reference has 1"),
        ("[2, 3]", "[2, nan]", "reference, coordinate 1"),
        ("accuracy = 0.85", "accuracy = nan", "evaluation.accuracy"),
    ];
    for (from, to, named) in cases {
        assert!(CARD.contains(from), "{from}");
        let error = Card::parse(&CARD.replacen(from, to, 1)).err().unwrap_or_else(|| panic!("{to} was accepted"));
        let kind = if to == "format = 2" { ErrorKind::Version } else { ErrorKind::Model };
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(named), "`{to}` gave: {error}");
    }
}

#[test]
fn patches_with_other_channels_are_refused_by_name() {
    let card = Card::parse(CARD).unwrap();
    let names = |list: &[&str]| list.iter().map(|&n| n.to_owned()).collect::<Vec<_>>();
    card.check_channels(&names(&["A", "B", "C"])).unwrap();
    for (other, named) in [(&["A", "C", "B"][..], "`C`"), (&["A", "B"], "nothing"), (&["A", "B", "C", "D"], "`D`")] {
        let error = card.check_channels(&names(other)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Shape);
        assert!(error.message().contains(named), "{error}");
    }
    Model::open("mean", Shape::new(4, 4, 2).unwrap()).unwrap().card().check_channels(&names(&["X", "Y"])).unwrap();
}

#[cfg(not(feature = "fused"))]
#[test]
fn a_build_without_networks_says_so() {
    let error = Model::open("metric", Shape::new(37, 37, 14).unwrap()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("`tract`"), "{error}");
}

#[cfg(feature = "tract")]
#[test]
fn a_panic_inside_the_network_is_a_model_error() {
    let list = [1, 2];
    let error = super::tract::guarded("failed", || Ok(list[list.len()..][0])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Model);
    assert!(error.message().contains("failed: panic, index out of bounds"), "{error}");
}

/// Every normalised value one at a time, in float64.
#[cfg(feature = "tract")]
fn naive_input(card: &Card, densities: &[f32]) -> Vec<f64> {
    let (nx, ny, channels) = (card.input.nx, card.input.ny, card.input.channels.len());
    let mut input = vec![f64::NAN; densities.len()];
    for y in 0..ny {
        for x in 0..nx {
            for c in 0..channels {
                let density = f64::from(densities[(y * nx + x) * channels + c]);
                let value = match &card.normalise {
                    Normalise::Standardise { mean, deviation } => (density - mean[c]) / deviation[c],
                    Normalise::Range { offset, range } => (density - offset[c]) / range[c],
                };
                let place = match card.input.layout {
                    super::Layout::Chw => (c * ny + y) * nx + x,
                    super::Layout::Hwc => (y * nx + x) * channels + c,
                };
                input[place] = value * card.input.channel_weights.as_ref().map_or(1.0, |w| w[c]);
            }
        }
    }
    input
}

#[cfg(feature = "tract")]
proptest! {
    #[test]
    fn normaliser_matches_naive(
        nx in 1_usize..15, ny in 1_usize..15, channels in 1_usize..20, seed: u64, interleaved: bool, range: bool, weighted: bool,
    ) {
        let constants = |seed: u64| -> Vec<f64> {
            pseudo_random(channels, seed).iter().map(|v| f64::from(*v) + 0.7).collect()
        };
        let mut card = Card::parse(CARD)?;
        card.input.nx = nx;
        card.input.ny = ny;
        card.input.channels = (0..channels).map(|c| c.to_string()).collect();
        card.input.layout = if interleaved { super::Layout::Hwc } else { super::Layout::Chw };
        card.input.channel_weights = weighted.then(|| constants(seed ^ 1));
        card.normalise = match (constants(seed ^ 2), constants(seed ^ 3)) {
            (offset, divisor) if range => Normalise::Range { offset, range: divisor },
            (mean, deviation) => Normalise::Standardise { mean, deviation },
        };
        let densities = pseudo_random(nx * ny * channels, seed);
        let mut input = vec![f32::NAN; densities.len()];
        let normaliser = super::normalise::Normaliser::new(&card);
        let single = |constants: &[f64]| constants.iter().map(|&v| v as f32).collect::<Vec<_>>();
        let (offset, factor) = (single(normaliser.constants().0), single(normaliser.constants().1));
        super::normalise::apply((&offset, &factor), card.input.layout, &densities, &mut input);
        prop_assert_eq!(normaliser.first_unsound(&densities), None);
        for (value, naive) in input.iter().zip(naive_input(&card, &densities)) {
            prop_assert!((f64::from(*value) - naive).abs() < 2e-6, "{value} for {naive}");
        }
        let mut unsound = densities;
        let place = seed as usize % unsound.len();
        card.input.channel_weights = None;
        let normaliser = super::normalise::Normaliser::new(&card);
        for density in [f32::NAN, f32::INFINITY, -3e38, 1e8] {
            unsound[place] = density;
            prop_assert_eq!(normaliser.first_unsound(&unsound), Some(place));
        }
    }
}
