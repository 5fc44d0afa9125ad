//! The plan against its naive twin, on all instruction sets of the processor.
//!
//! Not here: reading and folding networks; that a call allocates nothing (`tests/allocations.rs`).

mod naive;
mod networks;
mod refusals;

use proptest::prelude::*;

use super::compile::compile;
use super::{Isa, Plan};
use crate::encode::chain::{Chain, Layer};
use networks::Random;

/// Bounds that all patches of the tests are within.
fn plan(chain: &Chain, isa: Isa) -> Plan {
    Plan::new(chain, &vec![-1e3; chain.channels], &vec![1e3; chain.channels], isa).expect("a chain that it covers")
}

/// As [`assert_close`], where the outputs' scale is not taken for less than 1: weights are such that outputs are of order
/// 1, and what a small network gives may cancel to almost nothing.
fn assert_same(chain: &Chain, patches: usize, seed: u64) {
    assert_close(chain, patches, seed, 1.0);
}

/// Asserts that a plan gives the same as the naive twin to 1e-5 of the outputs' scale, which is at least `scale`, and the
/// same bits in whatever way it is run.
fn assert_close(chain: &Chain, patches: usize, seed: u64, scale: f64) {
    let mut random = Random(seed);
    let patches: Vec<Vec<f32>> = (0..patches).map(|_| random.patch(chain)).collect();
    let twins: Vec<Vec<f64>> = patches.iter().map(|patch| naive::run(chain, patch)).collect();
    let scale = twins.iter().flatten().fold(scale, |most, value| most.max(value.abs()));
    for isa in Isa::available() {
        let plan = plan(chain, isa);
        let mut scratch = plan.scratch();
        let mut points = vec![f32::NAN; patches.len() * plan.outputs()];
        let views: Vec<&[f32]> = patches.iter().map(|patch| &patch[..]).collect();
        assert_eq!(plan.run_many(&mut scratch, &views, &mut points), Ok(()));
        for ((patch, twin), many) in patches.iter().zip(&twins).zip(points.chunks(plan.outputs())) {
            let mut point = vec![f32::NAN; plan.outputs()];
            assert!(plan.run(&mut scratch, patch, &mut point));
            assert_eq!(point, many, "one patch and many differ on {}", plan.isa());
            for (value, exact) in point.iter().zip(twin) {
                let difference = (f64::from(*value) - exact).abs();
                assert!(difference <= 1e-5 * scale, "{}: {value} where {exact} is right", plan.isa());
            }
        }
    }
}

#[test]
fn networks_of_the_papers_match_naive() {
    for chain in [networks::metric(), networks::classifier(37, 6), networks::classifier(72, 12), networks::vae()] {
        assert_close(&chain, 5, 1, 0.0);
    }
}

#[test]
fn rows_of_every_width_match_naive() {
    for nx in 1..=40 {
        let mut random = Random(nx as u64);
        // Paired, then pixels of 6 and 8 values with stride 2; 16 values with stride 2; any others. The middle row is dead.
        for (inputs, outputs, kernel, stride) in
            [(14, 6, 2, 2), (4, 8, 2, 2), (5, 16, 1, 2), (3, 7, 1, 1), (2, 33, 2, 1)]
        {
            let first = random.conv(inputs, outputs, [1, 1], [2, 1], true);
            let mut layers = vec![first];
            let mut width = nx;
            if width >= kernel {
                layers.push(random.conv(outputs, 16, [1, kernel], [1, stride], false));
                width = (width - kernel) / stride + 1;
                layers.push(random.dense(16 * width * 2, 3, false));
            } else {
                layers.push(random.dense(outputs * width * 2, 3, false));
            }
            assert_same(&Chain { ny: 3, nx, channels: inputs, normalise: None, layers }, 2, nx as u64);
        }
    }
}

#[test]
fn dense_layers_of_every_size_match_naive() {
    for size in (1..=40).chain([63, 64, 65, 127, 128, 129, 300]) {
        let mut random = Random(size as u64);
        // The large one in the middle makes the plan run 16 patches at once.
        let layers = vec![random.dense(size, 260, true), random.dense(260, 260, true), random.dense(260, size, false)];
        assert_same(&Chain { ny: 1, nx: 1, channels: size, normalise: None, layers }, 21, size as u64);
    }
}

#[test]
fn only_pixels_that_reach_the_output_are_computed() {
    let compiled = compile(&networks::metric(), Isa::best()).expect("a chain that it covers");
    let widths: Vec<usize> = compiled.convs.iter().map(|conv| conv.width).collect();
    assert_eq!(widths, [35, 17, 8]);
    let rows = |layer| compiled.steps.iter().filter(|step| step.layer == layer).count();
    assert_eq!([rows(0), rows(1), rows(2)], [35, 17, 8]);

    // Every third row of the first is needed.
    let mut random = Random(1);
    let layers = vec![
        random.conv(2, 2, [1, 1], [1, 1], true),
        random.conv(2, 2, [1, 1], [3, 3], true),
        random.dense(18, 1, false),
    ];
    let chain = Chain { ny: 9, nx: 7, channels: 2, normalise: None, layers };
    let compiled = compile(&chain, Isa::best()).expect("a chain that it covers");
    let first: Vec<usize> = compiled.steps.iter().filter(|step| step.layer == 0).map(|step| step.row).collect();
    assert_eq!(first, [0, 3, 6]);
}

#[test]
fn more_patches_than_lanes_give_the_same_bits_as_one_by_one() {
    for patches in [1, 3, 4, 15, 16, 17, 20, 33] {
        assert_same(&networks::vae(), patches, patches as u64);
    }
}

/// Up to three convolutions, up to three dense layers that end in a vector, and perhaps a softmax.
fn chains() -> impl Strategy<Value = (Chain, u64)> {
    let conv = (1..=20_usize, 1..=4_usize, 1..=4_usize, 1..=3_usize, 1..=3_usize, any::<bool>());
    let dense = (1..=60_usize, any::<bool>());
    let convs = prop::collection::vec(conv, 0..=3);
    let denses = prop::collection::vec(dense, 1..=3);
    let input = (1..=24_usize, 1..=24_usize, 1..=18_usize);
    (input, convs, denses, any::<bool>(), any::<bool>(), any::<u64>()).prop_map(
        |((ny, nx, channels), convs, denses, softmax, normalised, seed)| {
            let mut random = Random(seed);
            let (mut height, mut width, mut inputs) = (ny, nx, channels);
            let mut layers = Vec::new();
            for (outputs, ky, kx, sy, sx, relu) in convs {
                let (ky, kx) = (ky.min(height), kx.min(width));
                layers.push(random.conv(inputs, outputs, [ky, kx], [sy, sx], relu));
                (height, width, inputs) = ((height - ky) / sy + 1, (width - kx) / sx + 1, outputs);
            }
            inputs *= height * width;
            for (outputs, relu) in denses {
                layers.push(random.dense(inputs, outputs, relu));
                inputs = outputs;
            }
            if softmax {
                layers.push(Layer::Softmax);
            }
            let normalise = normalised.then(|| networks::standardise(channels));
            (Chain { ny, nx, channels, normalise, layers }, seed)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn random_chains_match_naive((chain, seed) in chains()) {
        // What is in the middle may be larger than what comes out, and its roundings with it.
        let patch = Random(seed).patch(&chain);
        let inside = (1..chain.layers.len()).map(|layers| {
            let (layers, normalise) = (chain.layers[..layers].to_vec(), chain.normalise.clone());
            naive::run(&Chain { layers, normalise, ..chain }, &patch).into_iter().fold(0.0_f64, |most, v| most.max(v.abs()))
        });
        let scale = inside.fold(1.0, f64::max);
        assert_close(&chain, 2, seed, scale);
    }
}
