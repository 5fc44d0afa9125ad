//! The forms in which exporters write the same thing, old and new: each ends at the same node.
//!
//! Not here: whole networks of exporters (`networks`).

use super::make::{Net, float, int, ints};
use super::*;

/// Folds a convolution of `x` to 3 channels, what `build` makes of it, a flatten and a dense layer to 2 values: the
/// operators that are left, and the layers.
fn folded(opset: i64, build: impl Fn(&mut Net, &str) -> String) -> (String, String) {
    let mut net = Net::new(&[1, 2, 3, 3], 20);
    net.model.opset_import[0].version = opset;
    let a = net.conv("x", [3, 2, 2], &[]);
    let a = build(&mut net, &a);
    let a = net.node("Flatten", &[&a], &[]);
    let out = net.dense(&a, 12, 2);
    let folded = fold_and_compare(&net.bytes(&out), &chw([1, 2, 3, 3]));
    (operators_of(&folded.onnx).join(" "), shape_of(&folded).join(", "))
}

#[test]
fn a_relu_under_other_names_is_a_relu() {
    let zero = |net: &mut Net| net.floats(&[], &[0.0]);
    type Build<'a> = &'a dyn Fn(&mut Net, &str) -> String;
    let forms: [(i64, Build); 7] = [
        (17, &|net, x| net.node("Relu", &[x], &[])),
        (7, &|net, x| net.node("Clip", &[x], &[float("min", 0.0)])),
        (7, &|net, x| net.node("Clip", &[x], &[float("min", 0.0), float("max", f32::MAX)])),
        (17, &|net, x| {
            let low = zero(net);
            net.node("Clip", &[x, &low], &[])
        }),
        (17, &|net, x| {
            let (low, high) = (zero(net), net.floats(&[], &[f64::INFINITY]));
            net.node("Clip", &[x, &low, &high], &[])
        }),
        (17, &|net, x| {
            let low = zero(net);
            net.node("Max", &[&low, x], &[])
        }),
        (17, &|net, x| {
            let low = net.floats(&[3, 1, 1], &[0.0; 3]);
            net.node("Max", &[x, &low], &[])
        }),
    ];
    for (opset, build) in forms {
        assert_eq!(folded(opset, build).1, "conv 2>3 k2 s1 relu, dense 12>2");
    }
}

#[test]
fn nodes_that_do_nothing_are_left_out() {
    let (operators, _) = folded(17, |net, x| {
        let a = net.node("Identity", &[x], &[]);
        let a = net.node("Dropout", &[&a], &[]);
        let a = net.node("Cast", &[&a], &[int("to", 1)]);
        let a = net.node("Clip", &[&a], &[]);
        let a = net.node("Transpose", &[&a], &[ints("perm", &[0, 1, 2, 3])]);
        let low = net.floats(&[], &[f64::NEG_INFINITY]);
        let a = net.node("Max", &[&a, &low], &[]);
        let shape = net.integers(&[0, 3, -1, 2]);
        let a = net.node("Reshape", &[&a, &shape], &[]);
        let one = net.floats(&[], &[1.0]);
        net.node("Relu", &[&a], &[]);
        net.node("Mul", &[&a, &one], &[])
    });
    // The first layer's values go straight to the last one: nothing reads the relu.
    assert_eq!(operators, "Conv Reshape Gemm");
}

#[test]
fn sums_and_products_with_constants_are_one_factor_and_summand() {
    let (operators, chain) = folded(17, |net, x| {
        let p = [net.positive(&[3, 1, 1]), net.positive(&[1, 3, 1, 1]), net.positive(&[]), net.positive(&[1])];
        let a = net.node("Div", &[x, &p[0]], &[]);
        let a = net.node("Sub", &[&p[1], &a], &[]);
        let a = net.node("Mul", &[&a, &p[2]], &[]);
        let a = net.node("Sub", &[&a, &p[3]], &[]);
        let a = net.node("Neg", &[&a], &[]);
        net.node("Relu", &[&a], &[])
    });
    assert_eq!((&*operators, &*chain), ("Conv Relu Reshape Gemm", "conv 2>3 k2 s1 relu, dense 12>2"));
}

#[test]
fn what_follows_a_flattened_grid_folds_before_it_too() {
    let mut net = Net::new(&[1, 2, 3, 3], 26);
    let a = net.conv("x", [3, 2, 2], &[]);
    let a = net.node("Flatten", &[&a], &[]);
    let half = net.floats(&[1], &[0.5]);
    let a = net.node("Mul", &[&a, &half], &[]);
    let a = net.node("Relu", &[&a], &[]);
    let a = net.norm(&a, 12);
    let out = net.dense(&a, 12, 2);
    let folded = fold_and_compare(&net.bytes(&out), &chw([1, 2, 3, 3]));
    assert_eq!(operators_of(&folded.onnx), ["Conv", "Relu", "Reshape", "Gemm"]);
    assert_eq!(shape_of(&folded), ["conv 2>3 k2 s1 relu", "dense 12>2"]);
}

#[test]
fn a_normalisation_in_its_parts_is_computed_and_folded() {
    // variance + epsilon, root, one over it, times gamma; (x - mean) times that, plus beta: as XLA's users write it.
    let (operators, chain) = folded(17, |net, x| {
        let [gamma, beta, mean, variance] = [0; 4].map(|_| net.positive(&[3]));
        let epsilon = net.floats(&[], &[1e-3]);
        let a = net.node("Add", &[&variance, &epsilon], &[]);
        let a = net.node("Sqrt", &[&a], &[]);
        let a = net.node("Reciprocal", &[&a], &[]);
        let a = net.node("Mul", &[&a, &gamma], &[]);
        let shape = net.integers(&[1, -1, 1, 1]);
        let axes = net.integers(&[1, 2]);
        let scale = net.node("Reshape", &[&a, &shape], &[]);
        let [mean, beta] = [mean, beta].map(|p| net.node("Unsqueeze", &[&p, &axes], &[]));
        let a = net.node("Sub", &[x, &mean], &[]);
        let a = net.node("Mul", &[&a, &scale], &[]);
        net.node("Add", &[&a, &beta], &[])
    });
    assert_eq!((&*operators, &*chain), ("Conv Reshape Gemm", "conv 2>3 k2 s1, dense 12>2"));
}

#[test]
fn all_ways_to_a_vector_are_reshapes() {
    for form in 0..5 {
        let mut net = Net::new(&[1, 3, 2, 2], 21);
        let old = form == 3;
        net.model.opset_import[0].version = if old { 11 } else { 18 };
        let a = net.conv("x", [4, 3, 2], &[]);
        let v = match form {
            0 => net.node("Flatten", &[&a], &[int("axis", -3)]),
            1 => {
                let axes = net.integers(&[-1, 2]);
                net.node("Squeeze", &[&a, &axes], &[])
            }
            2 => {
                // What a batch of unknown size makes exporters write.
                let shape = net.node("Shape", &[&a], &[]);
                let zero = net.integers(&[0]);
                let batch = net.node("Gather", &[&shape, &zero], &[int("axis", 0)]);
                let rest = net.integers(&[-1]);
                let shape = net.node("Concat", &[&batch, &rest], &[int("axis", 0)]);
                net.node("Reshape", &[&a, &shape], &[])
            }
            3 => {
                let all = net.node("Squeeze", &[&a], &[ints("axes", &[0, 2, 3])]);
                net.node("Unsqueeze", &[&all], &[ints("axes", &[0])])
            }
            _ => {
                let turned = net.node("Transpose", &[&a], &[ints("perm", &[0, 2, 3, 1])]);
                net.node("Flatten", &[&turned], &[])
            }
        };
        let out = net.dense(&v, 4, 2);
        let folded = fold_and_compare(&net.bytes(&out), &chw([1, 3, 2, 2]));
        assert_eq!(shape_of(&folded), ["conv 3>4 k2 s1", "dense 4>2"], "{form}");
    }
}

#[test]
fn all_ways_to_a_dense_layer_are_one() {
    for form in 0..7 {
        let mut net = Net::new(&[1, 4, 1, 1], 22);
        let x = net.node("Flatten", &["x"], &[]);
        let (wide, tall) = (net.random(&[3, 4]), net.random(&[4, 3]));
        let (bias, row) = (net.random(&[3]), net.random(&[1, 3]));
        let out = match form {
            0 => net.node("Gemm", &[&x, &wide, &bias], &[int("transB", 1), float("alpha", 0.5), float("beta", -2.0)]),
            1 => net.node("Gemm", &[&x, &tall, &row], &[]),
            2 => net.node("Gemm", &[&x, &tall], &[]),
            3 => {
                let a = net.node("MatMul", &[&x, &tall], &[]);
                net.node("Add", &[&a, &bias], &[])
            }
            4 => {
                let a = net.node("MatMul", &[&x, &tall], &[]);
                net.node("Add", &[&row, &a], &[])
            }
            5 => net.node("Einsum", &[&x, &wide], &[text("equation", "bi, oi -> bo")]),
            _ => {
                let shape = net.integers(&[4]);
                let vector = net.node("Reshape", &[&x, &shape], &[]);
                net.node("MatMul", &[&vector, &tall], &[])
            }
        };
        let folded = fold_and_compare(&net.bytes(&out), &chw([1, 4, 1, 1]));
        assert_eq!(shape_of(&folded), ["dense 4>3"], "{form}");
    }
}

#[test]
fn a_matrix_on_the_channels_is_a_pointwise_convolution() {
    for (equation, layout) in [
        ("", Layout::Hwc),
        ("nyxc,dc->nyxd", Layout::Hwc),
        ("ncyx,cd->ndyx", Layout::Chw),
        ("ncyx,dc->nyxd", Layout::Chw),
    ] {
        let dims = if layout == Layout::Hwc { [1, 2, 3, 4] } else { [1, 4, 2, 3] };
        let mut net = Net::new(&dims, 23);
        let (wide, tall) = (net.random(&[2, 4]), net.random(&[4, 2]));
        let matrix = if equation.contains(",dc") { wide } else { tall };
        let a = match equation {
            "" => net.node("MatMul", &["x", &matrix], &[]),
            _ => net.node("Einsum", &["x", &matrix], &[text("equation", equation)]),
        };
        let a = net.node("Relu", &[&a], &[]);
        let a = net.node("Flatten", &[&a], &[]);
        let out = net.dense(&a, 12, 2);
        let folded = fold_and_compare(&net.bytes(&out), &spec(dims, layout));
        assert_eq!(shape_of(&folded), ["conv 4>2 k1 s1 relu", "dense 12>2"]);
    }
}

#[test]
fn a_softmax_in_its_parts_is_a_softmax() {
    for parts in [false, true] {
        let mut net = Net::new(&[1, 5, 1, 1], 24);
        let x = net.node("Flatten", &["x"], &[]);
        let x = net.dense(&x, 5, 3);
        let axes = net.integers(&[1]);
        let shape = net.integers(&[1, 3]);
        let out = if parts {
            let max = net.node("ReduceMax", &[&x, &axes], &[int("keepdims", 0)]);
            let column = net.node("Unsqueeze", &[&max, &axes], &[]);
            let row = net.node("Expand", &[&column, &shape], &[]);
            let a = net.node("Sub", &[&x, &row], &[]);
            let e = net.node("Exp", &[&a], &[]);
            let sum = net.node("ReduceSum", &[&e, &axes], &[int("keepdims", 1)]);
            net.node("Div", &[&e, &sum], &[])
        } else {
            net.node("Softmax", &[&x], &[int("axis", -1)])
        };
        let folded = fold_and_compare(&net.bytes(&out), &chw([1, 5, 1, 1]));
        assert_eq!(operators_of(&folded.onnx), ["Reshape", "Gemm", "Softmax"]);
        assert_eq!(shape_of(&folded), ["dense 5>3", "softmax"]);
    }
}

#[test]
fn padding_by_name_is_counted_out() {
    for (kernel, stride, operators) in
        [(1, 2, "Conv Relu Conv Reshape Gemm"), (3, 2, "Conv Relu Mul Add Conv Reshape Gemm")]
    {
        let mut net = Net::new(&[1, 3, 7, 6], 25);
        let a = net.conv("x", [3, 3, 1], &[text("auto_pad", "VALID")]);
        let a = net.node("Relu", &[&a], &[]);
        let a = net.norm(&a, 3);
        let a = net.conv(&a, [2, 3, kernel], &[ints("strides", &[stride; 2]), text("auto_pad", "SAME_UPPER")]);
        let a = net.node("Flatten", &[&a], &[]);
        let out = net.dense(&a, 24, 2);
        let folded = fold_and_compare(&net.bytes(&out), &chw([1, 3, 7, 6]));
        assert_eq!(operators_of(&folded.onnx).join(" "), operators);
        assert_eq!(folded.chain.is_ok(), kernel == 1);
    }
}

fn text(name: &str, value: &str) -> proto::Attribute {
    proto::Attribute { name: name.into(), kind: 3, s: Some(value.into()), ..Default::default() }
}

#[test]
fn an_attribute_without_its_value_is_a_nought() {
    let mut net = Net::new(&[1, 2, 2, 2], 3);
    net.model.opset_import[0].version = 9;
    let a = net.conv("x", [3, 2, 1], &[]);
    let min = proto::Attribute { name: "min".into(), kind: 1, ..Default::default() };
    let a = net.node("Clip", &[&a], &[min]);
    let a = net.node("Flatten", &[&a], &[]);
    let out = net.dense(&a, 12, 3);
    let folded = fold(&net.bytes(&out), &chw([1, 2, 2, 2]), None).unwrap();
    assert_eq!(shape_of(&folded), ["conv 2>3 k1 s1 relu", "dense 12>3"]);
}
