//! What the plan refuses: densities that are not sound, and chains that it does not cover.

use super::networks::{self, Random};
use super::{Isa, Plan, plan};
use crate::encode::chain::{Chain, Layer};

/// A small network with dead pixels: of 10 x 10 pixels 9 x 9 reach the output.
fn small() -> Chain {
    let mut random = Random(5);
    let layers = vec![
        random.conv(14, 6, [1, 1], [1, 1], true),
        random.conv(6, 16, [3, 3], [2, 2], true),
        random.dense(256, 3, false),
    ];
    Chain { ny: 10, nx: 10, channels: 14, normalise: None, layers }
}

#[test]
fn a_density_that_is_not_sound_is_refused_wherever_it_is() {
    let chain = small();
    for isa in Isa::available() {
        let plan = plan(&chain, isa);
        let mut scratch = plan.scratch();
        let mut patch = Random(6).patch(&chain);
        let (mut right, mut point) = ([0.0; 3], [7.0; 3]);
        assert!(plan.run(&mut scratch, &patch, &mut right));
        for at in 0..patch.len() {
            for bad in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1001.0, -1001.0, f32::MAX] {
                let sound = std::mem::replace(&mut patch[at], bad);
                assert!(!plan.run(&mut scratch, &patch, &mut point), "{bad} at {at} on {}", plan.isa());
                patch[at] = sound;
            }
        }
        assert_eq!(point, [7.0; 3], "a refused patch has written its point");
        assert!(plan.run(&mut scratch, &patch, &mut point));
        assert_eq!(point, right, "a refused patch has left something behind");
    }
}

#[test]
fn a_network_without_convolutions_refuses_as_well() {
    let chain = Chain { ny: 3, nx: 3, channels: 5, normalise: None, layers: vec![Random(1).dense(45, 2, true)] };
    for isa in Isa::available() {
        let plan = plan(&chain, isa);
        let mut scratch = plan.scratch();
        for at in 0..45 {
            let mut patch = Random(6).patch(&chain);
            patch[at] = f32::NAN;
            assert!(!plan.run(&mut scratch, &patch, &mut [0.0; 2]), "at {at} on {}", plan.isa());
        }
    }
}

#[test]
fn bounds_are_those_of_each_channel() {
    // Bounds that are not around 0, so that only looking at each density can tell.
    let low: Vec<f32> = (0..14).map(|c| 0.1 + c as f32).collect();
    let high: Vec<f32> = low.iter().map(|low| low + 0.5).collect();
    let chain = small();
    for isa in Isa::available() {
        let plan = Plan::new(&chain, &low, &high, isa).expect("a chain that it covers");
        let mut scratch = plan.scratch();
        let mut run = |patch: &[f32]| plan.run(&mut scratch, patch, &mut [0.0; 3]);
        for bounds in [&low, &high] {
            let mut patch: Vec<f32> = (0..1400).map(|i| bounds[i % 14]).collect();
            assert!(run(&patch), "densities on the bounds on {}", plan.isa());
            for at in 0..1400 {
                let sound = patch[at];
                patch[at] = if bounds[0] == low[0] { sound.next_down() } else { sound.next_up() };
                assert!(!run(&patch), "beyond the bound at {at} on {}", plan.isa());
                patch[at] = sound;
            }
        }
    }
}

#[test]
fn infinite_bounds_let_all_finite_densities_pass_and_no_others() {
    let chain = small();
    for isa in Isa::available() {
        let plan = Plan::new(&chain, &[f32::NEG_INFINITY; 14], &[f32::INFINITY; 14], isa).expect("it covers that");
        let mut scratch = plan.scratch();
        for (density, sound) in [(f32::MAX, true), (f32::MIN, true), (f32::INFINITY, false), (f32::NAN, false)] {
            let mut patch = Random(6).patch(&chain);
            patch[77] = density;
            assert_eq!(plan.run(&mut scratch, &patch, &mut [0.0; 3]), sound, "{density} on {}", plan.isa());
        }
    }
}

#[test]
fn the_first_unsound_patch_of_many_is_named_and_those_before_it_are_done() {
    for chain in [small(), networks::vae()] {
        for isa in Isa::available() {
            let plan = plan(&chain, isa);
            let (mut scratch, n) = (plan.scratch(), plan.outputs());
            let patches: Vec<Vec<f32>> = (0..20).map(|seed| Random(seed).patch(&chain)).collect();
            let mut right = vec![0.0; 20 * n];
            let views: Vec<&[f32]> = patches.iter().map(|patch| &patch[..]).collect();
            assert_eq!(plan.run_many(&mut scratch, &views, &mut right), Ok(()));
            for bad in [0, 1, 5, 15, 16, 19] {
                let mut patches = patches.clone();
                patches[bad][3] = f32::NAN;
                let views: Vec<&[f32]> = patches.iter().map(|patch| &patch[..]).collect();
                let mut points = vec![7.0; 20 * n];
                assert_eq!(plan.run_many(&mut scratch, &views, &mut points), Err(bad));
                assert_eq!(points[..bad * n], right[..bad * n]);
                assert!(points[bad * n..].iter().all(|value| *value == 7.0), "points after patch {bad} were written");
            }
        }
    }
}

/// Why a plan of these layers on 4 x 4 x 2 densities is refused.
fn reason(layers: Vec<Layer>) -> String {
    let chain = Chain { ny: 4, nx: 4, channels: 2, normalise: None, layers };
    Plan::new(&chain, &[-1.0; 2], &[1.0; 2], Isa::best()).expect_err("a chain that it does not cover")
}

#[test]
fn chains_that_contradict_themselves_are_refused_with_the_layer() {
    let mut random = Random(7);
    let conv = |random: &mut Random, inputs, kernel, stride| random.conv(inputs, 3, kernel, stride, true);
    assert!(reason(Vec::new()).contains("no layers"));
    assert!(reason(vec![Layer::Softmax]).contains("no layers"));
    assert!(reason(vec![Layer::Softmax, random.dense(32, 2, true)]).contains("layer 0 is a softmax"));
    assert!(reason(vec![conv(&mut random, 3, [1, 1], [1, 1])]).contains("takes 3 channels and gets 2"));
    assert!(reason(vec![conv(&mut random, 2, [5, 1], [1, 1])]).contains("on 4 x 4 pixels"));
    assert!(reason(vec![conv(&mut random, 2, [1, 1], [1, 0])]).contains("stride [1, 0]"));
    assert!(reason(vec![conv(&mut random, 2, [2, 2], [1, 1])]).contains("a grid of 3 x 3"));
    assert!(reason(vec![random.dense(33, 2, true)]).contains("takes 33 values and gets 32"));
    let dense = random.dense(32, 2, true);
    assert!(reason(vec![dense.clone(), conv(&mut random, 2, [2, 2], [1, 1])]).contains("a kernel of [2, 2]"));
    let short = Layer::Dense { inputs: 32, outputs: 2, weights: vec![0.0; 63], bias: vec![0.0; 2], relu: true };
    assert!(reason(vec![short]).contains("63 weights"));
    let large = Layer::Dense { inputs: 32, outputs: 1, weights: vec![1e39; 32], bias: vec![0.0], relu: true };
    assert!(reason(vec![large]).contains("no float32"));
    let huge = Layer::Conv {
        inputs: usize::MAX,
        outputs: usize::MAX,
        kernel: [usize::MAX, 2],
        stride: [1, 1],
        weights: Vec::new(),
        bias: Vec::new(),
        relu: false,
    };
    assert!(reason(vec![huge]).contains("0 weights"));
    assert!(reason(vec![random.conv(2, 2, [1, 1], [1, 1], true); 65]).contains("more than 64"));
}

#[test]
fn inputs_that_contradict_the_channels_are_refused() {
    let dense = vec![Random(1).dense(32, 2, true)];
    let chain = |normalise, layers| Chain { ny: 4, nx: 4, channels: 2, normalise, layers };
    let new = |chain: &Chain, low: &[f32]| Plan::new(chain, low, &[1.0; 2], Isa::best()).err();
    assert!(new(&chain(None, dense.clone()), &[-1.0; 2]).is_none());
    assert!(new(&chain(None, dense.clone()), &[-1.0; 3]).is_some_and(|why| why.contains("3 low")));
    assert!(new(&chain(None, dense.clone()), &[-1.0, f32::NAN]).is_some_and(|why| why.contains("NaN")));
    let three = Some((vec![0.0; 3], vec![1.0; 3]));
    assert!(new(&chain(three, dense), &[-1.0; 2]).is_some_and(|why| why.contains("3 offsets")));
    let two = Some((vec![0.0; 2], vec![1.0; 2]));
    let short = vec![Layer::Dense { inputs: 32, outputs: 2, weights: vec![0.0; 7], bias: vec![0.0; 2], relu: true }];
    assert!(new(&chain(two.clone(), short), &[-1.0; 2]).is_some_and(|why| why.contains("7 weights")));
    assert!(new(&chain(two, vec![Layer::Softmax]), &[-1.0; 2]).is_some_and(|why| why.contains("normalisation")));
    let empty = Chain { ny: 0, nx: 4, channels: 2, normalise: None, layers: Vec::new() };
    assert!(new(&empty, &[-1.0; 2]).is_some_and(|why| why.contains("0 x 4 x 2")));
}

#[test]
fn a_convolution_of_one_pixel_after_a_dense_layer_is_covered() {
    let mut random = Random(7);
    let layers = vec![random.dense(32, 5, true), random.conv(5, 4, [1, 1], [1, 1], true), Layer::Softmax];
    super::assert_same(&Chain { ny: 4, nx: 4, channels: 2, normalise: None, layers }, 2, 1);
}

#[test]
fn what_overflows_in_one_patch_does_not_reach_the_next() {
    let large = Layer::Dense { inputs: 4, outputs: 300, weights: vec![1e38; 1200], bias: vec![0.5; 300], relu: true };
    let layers = vec![large, Random(1).dense(300, 300, false)];
    let chain = Chain { ny: 1, nx: 1, channels: 4, normalise: None, layers };
    let (zeros, large) = ([0.0; 4], [1e3; 4]);
    for isa in Isa::available() {
        let plan = plan(&chain, isa);
        let (mut right, mut points) = (vec![0.0; 300], vec![0.0; 600]);
        assert!(plan.run(&mut plan.scratch(), &zeros, &mut right));
        let mut scratch = plan.scratch();
        for _ in 0..2 {
            assert_eq!(plan.run_many(&mut scratch, &[&large, &large], &mut points), Ok(()));
            assert!(points.iter().any(|value| !value.is_finite()), "nothing overflowed");
            assert_eq!(plan.run_many(&mut scratch, &[&zeros, &zeros], &mut points), Ok(()));
            assert_eq!(points, [&right[..], &right].concat());
            assert!(plan.run(&mut scratch, &large, &mut points[..300]));
            assert!(plan.run(&mut scratch, &zeros, &mut points[..300]));
            assert_eq!(points[..300], right);
        }
    }
}

#[test]
fn what_is_no_number_on_the_way_is_none_at_the_end() {
    // 3e38 x and 1e38 x overflow at x = 5; their difference is no number, and a relu must not make 0 of it.
    let dense = |inputs, weights: &[f64], relu| Layer::Dense {
        inputs,
        outputs: weights.len() / inputs,
        weights: weights.to_vec(),
        bias: vec![0.0; weights.len() / inputs],
        relu,
    };
    let layers = vec![
        dense(1, &[3e38, 1e38], true),
        dense(2, &[1e-38, -1e-38, -1e-38, 1e-38], true),
        dense(2, &[1.0, -1.0], false),
    ];
    let chain = Chain { ny: 1, nx: 1, channels: 1, normalise: None, layers };
    for isa in Isa::available() {
        let plan = plan(&chain, isa);
        let mut point = [0.0];
        assert!(plan.run(&mut plan.scratch(), &[5.0], &mut point));
        assert!(!point[0].is_finite(), "{} on {}", point[0], plan.isa());
    }
}

#[test]
fn a_normalisation_that_would_cancel_is_refused() {
    let chain = |factor: f64| Chain { normalise: Some((vec![1.0; 14], vec![factor; 14])), ..small() };
    assert!(Plan::new(&chain(100.0), &[-1.0; 14], &[1.0; 14], Isa::best()).is_ok());
    let error = Plan::new(&chain(1000.0), &[-1.0; 14], &[1.0; 14], Isa::best()).err().unwrap();
    assert!(error.contains("1000"), "{error}");
}
