//! The algebra: each pass on a small model that holds what it is for, against the twin.
//!
//! Not here: where a pass must not act (`refusals`).

use proptest::prelude::*;

use super::make::{Net, Random, int, ints};
use super::*;

/// Operators of the folded model, and what the chain looks like.
fn both(bytes: &[u8], spec: &InputSpec) -> (String, String) {
    let folded = fold_and_compare(bytes, spec);
    (operators_of(&folded.onnx).join(" "), shape_of(&folded).join(", "))
}

#[test]
fn a_depthwise_layer_with_multiplier_and_a_pointwise_one_are_joined() {
    let mut net = Net::new(&[1, 4, 3, 2], 1);
    let deep = net.conv("x", [12, 1, 1], &[int("group", 4)]);
    let point = net.conv(&deep, [3, 12, 1], &[]);
    let flat = net.node("Flatten", &[&point], &[]);
    let out = net.dense(&flat, 18, 2);
    assert_eq!(both(&net.bytes(&out), &chw([1, 4, 3, 2])).1, "conv 4>3 k1 s1, dense 18>2");
}

#[test]
fn a_pointwise_layer_joins_the_kernel_before_or_after_it() {
    for (first, second, strides) in [(1, 3, [1, 2]), (3, 1, [2, 1]), (3, 1, [2, 2]), (1, 1, [1, 3])] {
        let mut net = Net::new(&[1, 3, 9, 8], 2);
        let a = net.conv("x", [6, 3, first], &[ints("strides", &[strides[0]; 2])]);
        let b = net.conv(&a, [2, 6, second], &[ints("strides", &[strides[1]; 2])]);
        let relu = net.node("Relu", &[&b], &[]);
        let flat = net.node("Flatten", &[&relu], &[]);
        let after = |n: usize, k: usize, s: i64| (n - k) / s as usize + 1;
        let size = |n: usize| after(after(n, first, strides[0]), second, strides[1]);
        let out = net.dense(&flat, 2 * size(9) * size(8), 2);
        let (operators, chain) = both(&net.bytes(&out), &chw([1, 3, 9, 8]));
        assert_eq!(operators, "Conv Relu Reshape Gemm");
        assert!(chain.starts_with(&format!("conv 3>2 k{} s{}", first.max(second), strides[0] * strides[1])), "{chain}");
    }
}

#[test]
fn a_joined_layer_keeps_the_dilation_of_the_kernel() {
    for dilated in [0, 1] {
        let mut net = Net::new(&[1, 3, 6, 6], 12);
        let layer = |net: &mut Net, x: &str, own, outputs, is_dilated: bool| match is_dilated {
            true => net.conv(x, [outputs, own, 2], &[ints("dilations", &[3, 2])]),
            false => net.conv(x, [outputs, own, 1], &[]),
        };
        let a = layer(&mut net, "x", 3, 4, dilated == 0);
        let b = layer(&mut net, &a, 4, 2, dilated == 1);
        let folded = fold_and_compare(&net.bytes(&b), &chw([1, 3, 6, 6]));
        assert_eq!(operators_of(&folded.onnx), ["Conv"]);
        assert!(folded.chain.unwrap_err().contains("dilated"));
    }
}

#[test]
fn dense_layers_with_nothing_between_are_joined() {
    let mut net = Net::new(&[1, 2, 1, 2], 3);
    let flat = net.node("Flatten", &["x"], &[]);
    let a = net.dense(&flat, 4, 9);
    let b = net.dense(&a, 9, 3);
    assert_eq!(both(&net.bytes(&b), &chw([1, 2, 1, 2])).1, "dense 4>3");
}

#[test]
fn normalisations_fold_backward_and_past_a_relu_forward() {
    let mut net = Net::new(&[1, 3, 6, 6], 4);
    let a = net.conv("x", [4, 3, 3], &[int("group", 1)]);
    let a = net.norm(&a, 4);
    let a = net.node("Relu", &[&a], &[]);
    let a = net.norm(&a, 4);
    let b = net.conv(&a, [4, 2, 3], &[int("group", 2)]);
    let b = net.node("Relu", &[&b], &[]);
    let b = net.norm(&b, 4);
    let flat = net.node("Flatten", &[&b], &[]);
    let c = net.dense(&flat, 16, 5);
    let c = net.norm(&c, 5);
    let (operators, chain) = both(&net.bytes(&c), &chw([1, 3, 6, 6]));
    assert_eq!(operators, "Conv Relu Conv Relu Reshape Gemm");
    assert_eq!(chain, "conv 3>4 k3 s1 relu, conv 4>4 k3 s1 relu, dense 16>5");
}

#[test]
fn a_padded_convolution_takes_what_comes_after_it_and_factors_before_it() {
    let mut net = Net::new(&[1, 3, 5, 5], 5);
    let factor = net.positive(&[3, 1, 1]);
    let x = net.node("Mul", &["x", &factor], &[]);
    let a = net.conv(&x, [4, 3, 3], &[ints("pads", &[1, 0, 2, 1])]);
    let a = net.norm(&a, 4);
    let folded = fold_and_compare(&net.bytes(&a), &chw([1, 3, 5, 5]));
    assert_eq!(operators_of(&folded.onnx), ["Conv"]);
}

#[test]
fn a_normalisation_after_the_last_relu_is_a_layer_of_its_own() {
    let mut net = Net::new(&[1, 3, 2, 2], 6);
    let a = net.conv("x", [4, 3, 2], &[]);
    let a = net.node("Relu", &[&a], &[]);
    let a = net.norm(&a, 4);
    let out = net.node("Flatten", &[&a], &[]);
    assert_eq!(both(&net.bytes(&out), &chw([1, 3, 2, 2])).1, "conv 3>4 k2 s1 relu, dense 4>4");
}

#[test]
fn transpositions_cancel_past_what_lies_between_them() {
    let mut net = Net::new(&[1, 5, 4, 3], 7);
    let to_chw = |net: &mut Net, x: &str| net.node("Transpose", &[x], &[ints("perm", &[0, 3, 1, 2])]);
    let to_hwc = |net: &mut Net, x: &str| net.node("Transpose", &[x], &[ints("perm", &[0, 2, 3, 1])]);
    let a = to_chw(&mut net, "x");
    let a = net.conv(&a, [6, 3, 2], &[]);
    let a = to_hwc(&mut net, &a);
    let shift = net.random(&[6]);
    let a = net.node("Add", &[&a, &shift], &[]);
    let a = net.node("Relu", &[&a], &[]);
    let factor = net.random(&[1, 1, 6]);
    let a = net.node("Mul", &[&factor, &a], &[]);
    let a = to_chw(&mut net, &a);
    let a = net.conv(&a, [2, 6, 2], &[]);
    let a = to_hwc(&mut net, &a);
    let a = net.node("Flatten", &[&a], &[]);
    let out = net.dense(&a, 12, 3);
    let (operators, chain) = both(&net.bytes(&out), &spec([1, 5, 4, 3], Layout::Hwc));
    assert_eq!(operators, "Transpose Conv Relu Conv Reshape Gemm");
    assert_eq!(chain, "conv 3>6 k2 s1 relu, conv 6>2 k2 s1, dense 12>3");
}

#[test]
fn a_dense_layer_on_a_grid_with_channels_last_reads_it_in_our_order() {
    let mut net = Net::new(&[1, 2, 3, 4], 8);
    let shift = net.random(&[4]);
    let x = net.node("Add", &["x", &shift], &[]);
    let flat = net.node("Flatten", &[&x], &[]);
    let out = net.dense(&flat, 24, 3);
    assert_eq!(both(&net.bytes(&out), &spec([1, 2, 3, 4], Layout::Hwc)), ("Reshape Gemm".into(), "dense 24>3".into()));
}

#[test]
fn the_normalisation_of_the_input_folds_into_the_first_layer() {
    for (layout, dims) in [(Layout::Chw, [1, 3, 6, 5]), (Layout::Hwc, [1, 6, 5, 3])] {
        for dense in [false, true] {
            let mut net = Net::new(&dims, 9);
            let mut x = "x".to_string();
            if dense {
                x = net.node("Flatten", &[&x], &[]);
                x = net.dense(&x, 90, 4);
            } else {
                if layout == Layout::Hwc {
                    x = net.node("Transpose", &[&x], &[ints("perm", &[0, 3, 1, 2])]);
                }
                x = net.conv(&x, [4, 3, 3], &[ints("strides", &[4, 3])]);
                x = net.node("Flatten", &[&x], &[]);
            }
            let bytes = net.bytes(&x);
            let spec = spec(dims, layout);
            let (offset, factor) = ([0.5, -0.25, 1.5], [2.0, 10.0, 0.125]);
            let folded = fold(&bytes, &spec, Some((&offset, &factor))).unwrap();
            assert!(folded.normalise_folded);
            assert!(folded.notes.iter().any(|n| n.contains("normalisation of the densities")), "{:?}", folded.notes);
            let input = random_array(&dims, 3);
            let axis = if layout == Layout::Chw { 1 } else { 3 };
            let normalised = Array::from_fn(&dims, |i| (input.at(i) - offset[i[axis]]) * factor[i[axis]]);
            let expected = run(&proto::Model::decode(&bytes[..]).unwrap(), &normalised).values;
            let found = run(&proto::Model::decode(&folded.onnx[..]).unwrap(), &input).values;
            assert_close(&found, &expected, ROUNDED, "folded model");
            if let Ok(chain) = &folded.chain {
                assert_eq!(chain.normalise, None);
                assert_close(&run_chain(chain, &densities(&input, &spec)), &expected, EXACT, "chain");
            } else {
                assert!(!dense, "{:?}", folded.chain);
            }
        }
    }
}

#[test]
fn nothing_to_fold_leaves_the_bytes_as_they_are() {
    let mut net = Net::new(&[1, 3, 1, 1], 10);
    let a = net.conv("x", [4, 3, 1], &[]);
    let bytes = net.bytes(&a);
    let folded = fold_and_compare(&bytes, &chw([1, 3, 1, 1]));
    assert!(folded.onnx == bytes && folded.notes.is_empty());
    assert_eq!(shape_of(&folded), ["conv 3>4 k1 s1"]);
}

/// A random network of what exporters write, with channels first or last. Grids end in a vector.
fn random_network(seed: u64, dims: [usize; 4], layout: Layout) -> Vec<u8> {
    let mut dice = Random(seed ^ 0x5eed);
    let mut roll = move |n: usize| ((dice.next() + 1.0) / 2.0 * n as f64) as usize % n;
    let mut net = Net::new(&dims, seed);
    let spec = spec(dims, layout);
    let (mut c, mut y, mut x) = (spec.channels, spec.ny, spec.nx);
    let mut last = layout == Layout::Hwc;
    let mut v = "x".to_string();
    for _ in 0..2 + roll(4) {
        if last && roll(4) > 0 {
            v = net.node("Transpose", &[&v], &[ints("perm", &[0, 3, 1, 2])]);
            last = false;
        }
        let kernel = [1, 1, 2, 3][roll(4)].min(y).min(x);
        let stride = 1 + roll(2);
        let outputs = [2, 3, 2 * c][roll(3)];
        match (last, roll(3)) {
            (true, _) => {
                let weights = net.random(&[c, outputs]);
                v = net.node("MatMul", &[&v, &weights], &[]);
                c = outputs;
            }
            (false, 0) => {
                v = net.conv(&v, [2 * c, 1, 1], &[int("group", c as i64)]);
                c *= 2;
            }
            (false, _) => {
                v = net.conv(&v, [outputs, c, kernel], &[ints("strides", &[stride as i64; 2])]);
                (c, y, x) = (outputs, (y - kernel) / stride + 1, (x - kernel) / stride + 1);
            }
        }
        if !last && roll(4) == 0 {
            v = net.node("Transpose", &[&v], &[ints("perm", &[0, 2, 3, 1])]);
            last = true;
        }
        for _ in 0..roll(4) {
            let shape = if last { vec![c] } else { vec![c, 1, 1] };
            let p = net.positive(&shape);
            v = match roll(6) {
                0 => net.node("Add", &[&v, &p], &[]),
                1 => net.node("Mul", &[&p, &v], &[]),
                2 => net.node("Sub", &[&p, &v], &[]),
                3 => net.node("Div", &[&v, &p], &[]),
                4 if !last => net.norm(&v, c),
                _ => net.node("Relu", &[&v], &[]),
            };
        }
    }
    v = net.node("Flatten", &[&v], &[]);
    v = net.dense(&v, c * y * x, 4);
    if roll(2) == 0 {
        v = net.node("Softmax", &[&v], &[int("axis", 1)]);
    }
    net.bytes(&v)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn folded_random_networks_match_naive(seed: u64, y in 1_usize..9, x in 1_usize..9, c in 1_usize..4, last: bool) {
        let (dims, layout) = if last { ([1, y, x, c], Layout::Hwc) } else { ([1, c, y, x], Layout::Chw) };
        // Some of these networks cancel most of what they add up: a wrong fold is off by the whole scale.
        let folded = fold_and_compare_within(&random_network(seed, dims, layout), &spec(dims, layout), 1e-9, 1e-2);
        prop_assert!(folded.chain.is_ok(), "{:?}", folded.chain);
    }
}
