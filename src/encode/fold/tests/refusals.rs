//! What must not be folded since it would not be exact, what is no chain, and what is no model.
//!
//! Not here: damaged bytes (`hostile`).

use super::make::{Net, float, int, ints};
use super::*;
use crate::error::ErrorKind;

/// Folds a model that is no chain: its operators afterwards, and the reason.
fn refused(bytes: &[u8], spec: &InputSpec) -> (String, String) {
    let folded = fold_and_compare(bytes, spec);
    (operators_of(&folded.onnx).join(" "), folded.chain.unwrap_err())
}

#[test]
fn a_normalisation_stays_before_a_padded_convolution() {
    let mut net = Net::new(&[1, 3, 5, 5], 1);
    let a = net.conv("x", [4, 3, 3], &[]);
    let a = net.node("Relu", &[&a], &[]);
    let a = net.norm(&a, 4);
    let a = net.conv(&a, [2, 4, 3], &[ints("pads", &[1; 4])]);
    let (operators, reason) = refused(&net.bytes(&a), &chw([1, 3, 5, 5]));
    assert_eq!(operators, "Conv Relu Mul Add Conv");
    assert!(reason.contains("conv_3") && reason.contains("(Conv)") && reason.contains("[1, 1, 1, 1]"), "{reason}");
}

#[test]
fn a_padded_convolution_joins_no_layer_with_a_bias_before_it() {
    let mut net = Net::new(&[1, 3, 5, 5], 2);
    let a = net.conv("x", [4, 3, 1], &[]);
    let a = net.conv(&a, [2, 4, 3], &[ints("pads", &[1; 4])]);
    assert_eq!(refused(&net.bytes(&a), &chw([1, 3, 5, 5])).0, "Conv Conv");
}

#[test]
fn layers_are_not_joined_where_that_costs_more() {
    let mut net = Net::new(&[1, 8, 2, 2], 3);
    let a = net.conv("x", [1, 8, 1], &[]);
    let a = net.conv(&a, [8, 1, 1], &[]);
    let a = net.node("Flatten", &[&a], &[]);
    let a = net.dense(&a, 32, 1);
    let out = net.dense(&a, 1, 32);
    let folded = fold_and_compare(&net.bytes(&out), &chw([1, 8, 2, 2]));
    assert_eq!(shape_of(&folded), ["conv 8>1 k1 s1", "conv 1>8 k1 s1", "dense 32>1", "dense 1>32"]);
}

#[test]
fn a_convolution_takes_nothing_that_differs_from_pixel_to_pixel() {
    let mut net = Net::new(&[1, 3, 2, 2], 4);
    let shift = net.random(&[2, 2]);
    let x = net.node("Add", &["x", &shift], &[]);
    let a = net.conv(&x, [4, 3, 2], &[]);
    let (operators, reason) = refused(&net.bytes(&a), &chw([1, 3, 2, 2]));
    assert_eq!(operators, "Add Conv");
    assert!(reason.contains("pixel to pixel"), "{reason}");
}

#[test]
fn a_value_that_two_nodes_read_is_left_alone() {
    let mut net = Net::new(&[1, 3, 4, 4], 5);
    let a = net.conv("x", [3, 3, 1], &[]);
    let a = net.node("Relu", &[&a], &[]);
    let a = net.norm(&a, 3);
    let b = net.conv(&a, [3, 3, 1], &[]);
    let sum = net.node("Add", &[&a, &b], &[]);
    let out = net.conv(&sum, [2, 3, 4], &[]);
    let (operators, reason) = refused(&net.bytes(&out), &chw([1, 3, 4, 4]));
    assert_eq!(operators, "Conv Relu Mul Add Conv Add Conv");
    assert!(reason.contains("read by 2 nodes"), "{reason}");
}

#[test]
fn the_normalisation_of_the_input_stays_where_it_would_not_be_exact() {
    let mut net = Net::new(&[1, 2, 4, 4], 6);
    let padded = net.conv("x", [2, 2, 3], &[ints("pads", &[0, 0, 1, 0])]);
    let padded = net.bytes(&padded);
    let mut net = Net::new(&[1, 2, 4, 4], 6);
    let plain = net.conv("x", [2, 2, 4], &[]);
    let plain = net.bytes(&plain);
    let spec = chw([1, 2, 4, 4]);
    // Offsets of 1,000 deviations would cancel in float32.
    for (bytes, offset, factor) in [(&padded, [1.0, 2.0], [1.0, 1.0]), (&plain, [0.0, 1.0], [1.0, 1000.0])] {
        let folded = fold(bytes, &spec, Some((&offset, &factor))).unwrap();
        assert!(!folded.normalise_folded);
        assert!(folded.onnx == **bytes);
        if let Ok(chain) = folded.chain {
            assert_eq!(chain.normalise, Some((offset.to_vec(), factor.to_vec())));
        }
    }
    assert!(fold(&plain, &spec, Some((&[0.0, 1.0], &[1.0, 100.0]))).unwrap().normalise_folded);
}

#[test]
fn large_summands_on_the_densities_stay_before_the_first_layer() {
    for (deviation, layers) in [(0.01, 3), (0.001, 4)] {
        let mut net = Net::new(&[1, 4, 6, 6], 3);
        let (mean, deviation) = (net.floats(&[1, 4, 1, 1], &[1.0; 4]), net.floats(&[1, 4, 1, 1], &[deviation; 4]));
        let x = net.node("Sub", &["x", &mean], &[]);
        let x = net.node("Div", &[&x, &deviation], &[]);
        let a = net.conv(&x, [5, 4, 1], &[]);
        let a = net.node("Relu", &[&a], &[]);
        let a = net.node("Flatten", &[&a], &[]);
        let out = net.dense(&a, 180, 3);
        let folded = fold_and_compare(&net.bytes(&out), &chw([1, 4, 6, 6]));
        assert_eq!(shape_of(&folded).len(), layers - 1, "{:?}", shape_of(&folded));
    }
}

#[test]
fn factors_of_very_many_values_are_no_layer() {
    let mut net = Net::new(&[1, 1, 1, 1], 3);
    let a = net.node("Flatten", &["x"], &[]);
    let a = net.dense(&a, 1, 2000);
    let a = net.node("Relu", &[&a], &[]);
    let factors = net.random(&[1, 2000]);
    let out = net.node("Mul", &[&a, &factors], &[]);
    let (_, reason) = refused(&net.bytes(&out), &chw([1, 1, 1, 1]));
    assert!(reason.contains("2000"), "{reason}");
}

#[test]
fn strides_that_no_grid_has_are_not_joined() {
    let mut net = Net::new(&[1, 2, 3, 3], 3);
    let stride = ints("strides", &[1 << 20, 1 << 20]);
    let out = (0..4).fold("x".to_owned(), |x, _| net.conv(&x, [2, 2, 1], std::slice::from_ref(&stride)));
    let folded = fold_and_compare(&net.bytes(&out), &chw([1, 2, 3, 3]));
    assert_eq!(shape_of(&folded).len(), 4, "{:?}", folded.notes);
}

#[test]
fn a_padding_that_nobody_knows_is_refused() {
    let mut net = Net::new(&[1, 2, 3, 3], 3);
    let pad = proto::Attribute { name: "auto_pad".into(), s: Some(b"SOME".to_vec()), kind: 3, ..Default::default() };
    let out = net.conv("x", [2, 2, 1], &[pad]);
    let error = fold(&net.bytes(&out), &chw([1, 2, 3, 3]), None).unwrap_err();
    assert!(error.message().contains("SOME"), "{error}");
}

#[test]
fn operators_that_only_look_alike_are_named() {
    type Build<'a> = &'a dyn Fn(&mut Net, &str) -> String;
    let cases: [(&str, Build); 7] = [
        ("(Clip)", &|net, x| net.node("Clip", &[x], &[float("min", 0.0), float("max", 6.0)])),
        ("(Max)", &|net, x| {
            let one = net.floats(&[], &[1.0]);
            net.node("Max", &[x, &one], &[])
        }),
        ("(Sigmoid)", &|net, x| net.node("Sigmoid", &[x], &[])),
        ("(ReduceMean)", &|net, x| net.node("ReduceMean", &[x], &[ints("axes", &[2, 3])])),
        ("(Div)", &|net, x| {
            let one = net.floats(&[], &[1.0]);
            net.node("Div", &[&one, x], &[])
        }),
        ("(Softmax)", &|net, x| net.node("Softmax", &[x], &[int("axis", 1)])),
        ("(Conv)", &|net, x| net.conv(x, [2, 3, 2], &[ints("dilations", &[2, 1])])),
    ];
    for (named, build) in cases {
        let mut net = Net::new(&[1, 3, 4, 4], 7);
        let a = net.conv("x", [3, 3, 2], &[]);
        let a = net.norm(&a, 3);
        let out = build(&mut net, &a);
        let (operators, reason) = refused(&net.bytes(&out), &chw([1, 3, 4, 4]));
        assert!(operators.starts_with("Conv ") && !operators.contains("Batch"), "{operators}");
        assert!(reason.contains(named), "{reason}");
    }
}

#[test]
fn a_dropout_that_trains_stays() {
    for trains in [0, 1] {
        let mut net = Net::new(&[1, 4, 1, 1], 19);
        let a = net.conv("x", [4, 4, 1], &[]);
        let flag = net.param(proto::Tensor { data_type: 9, raw_data: vec![trains], ..Default::default() });
        let out = net.node("Dropout", &[&a, "", &flag], &[]);
        let folded = fold(&net.bytes(&out), &chw([1, 4, 1, 1]), None).unwrap();
        match folded.chain {
            Ok(_) => assert_eq!(trains, 0),
            Err(reason) => assert!(trains == 1 && reason.contains("(Dropout)"), "{reason}"),
        }
    }
}

#[test]
fn only_one_number_for_all_is_left_out_of_a_softmax() {
    let mut net = Net::new(&[1, 4, 1, 1], 18);
    let x = net.node("Flatten", &["x"], &[]);
    let [a, b] = [0; 2].map(|_| net.dense(&x, 4, 3));
    let difference = net.node("Sub", &[&a, &b], &[]);
    let e = net.node("Exp", &[&difference], &[]);
    let axes = net.integers(&[1]);
    let sum = net.node("ReduceSum", &[&e, &axes], &[]);
    let out = net.node("Div", &[&e, &sum], &[]);
    let (operators, _) = refused(&net.bytes(&out), &chw([1, 4, 1, 1]));
    assert_eq!(operators, "Reshape Gemm Gemm Sub Softmax");
}

#[test]
fn what_comes_out_has_to_be_a_vector() {
    let mut net = Net::new(&[1, 3, 4, 4], 8);
    let a = net.conv("x", [3, 3, 2], &[]);
    assert!(refused(&net.bytes(&a), &chw([1, 3, 4, 4])).1.contains("no vector"));
    let x = Net::new(&[1, 3, 4, 4], 8).bytes("x");
    assert!(fold(&x, &chw([1, 3, 4, 4]), None).unwrap().chain.unwrap_err().contains("no layer"));
}

#[test]
fn a_grid_that_no_layer_gives_is_no_chain() {
    for from_input in [true, false] {
        let mut net = Net::new(&[1, 4, 2, 2], 15);
        let mut a = "x".to_string();
        if !from_input {
            a = net.node("Flatten", &[&a], &[]);
            a = net.dense(&a, 16, 16);
        }
        let shape = net.integers(&[1, 2, 2, 4]);
        let a = net.node("Reshape", &[&a, &shape], &[]);
        let out = net.conv(&a, [3, 2, 2], &[ints("strides", &[1, 3])]);
        let (_, reason) = refused(&net.bytes(&out), &chw([1, 4, 2, 2]));
        assert!(reason.contains("as it comes"), "{reason}");
    }
    let mut net = Net::new(&[1, 4, 1, 1], 16);
    let a = net.conv("x", [4, 4, 1], &[]);
    let shape = net.integers(&[2, 2]);
    let out = net.node("Reshape", &[&a, &shape], &[]);
    assert!(refused(&net.bytes(&out), &chw([1, 4, 1, 1])).1.contains("[2, 2]: it is no vector"));
}

#[test]
fn a_large_tensor_that_many_nodes_name_is_read_a_few_times_only() {
    let mut net = Net::new(&[1, 1000, 1, 1], 17);
    let mut a = net.node("Flatten", &["x"], &[]);
    let matrix = net.floats(&[1000, 1000], &[0.001; 1_000_000]);
    for _ in 0..20 {
        a = net.node("MatMul", &[&a, &matrix], &[]);
        a = net.node("Relu", &[&a], &[]);
    }
    let folded = fold(&net.bytes(&a), &chw([1, 1000, 1, 1]), None).unwrap();
    // Nine copies of a million, then no more.
    let reason = folded.chain.unwrap_err();
    assert!(reason.contains("`relu_18` (Relu)"), "{reason}");
}

#[test]
fn nodes_that_are_not_understood_are_left_as_they_are() {
    let mut net = Net::new(&[1, 3, 1, 1], 9);
    let [gamma, beta, mean, variance] = [0; 4].map(|_| net.positive(&[3]));
    let inputs: [&str; 5] = ["x", &gamma, &beta, &mean, &variance];
    let a = net.node("BatchNormalization", &inputs, &[int("training_mode", 1)]);
    let a = net.node("Cast", &[&a], &[int("to", 11)]);
    let out = net.node("InstanceNormalization", &[&a, &gamma, &gamma], &[]);
    net.graph().node.last_mut().unwrap().domain = String::new();
    let bytes = net.bytes(&out);
    let folded = fold(&bytes, &chw([1, 3, 1, 1]), None).unwrap();
    assert!(folded.onnx == bytes);
    assert!(folded.chain.unwrap_err().contains("(BatchNormalization)"));
}

#[test]
fn what_is_not_computed_with_passes_through_beside_what_is_folded() {
    let mut net = Net::new(&[1, 3, 1, 1], 14);
    let a = net.conv("x", [3, 3, 1], &[]);
    let a = net.norm(&a, 3);
    let half = proto::Tensor { dims: vec![1], data_type: 10, raw_data: vec![0, 60], ..Default::default() };
    let names = [net.param(half.clone()), net.param(proto::Tensor { data_type: 2, raw_data: vec![7], ..half.clone() })];
    let out = net.node("QuantizeLinear", &[&a, &names[0], &names[1]], &[int("axis", 1)]);
    let bytes = net.bytes(&out);
    let folded = fold(&bytes, &chw([1, 3, 1, 1]), None).unwrap();
    assert_eq!(operators_of(&folded.onnx), ["Conv", "QuantizeLinear"]);
    assert!(folded.chain.unwrap_err().contains("(QuantizeLinear)"));
    let (before, after) = (net.model.graph.unwrap(), proto::Model::decode(&folded.onnx[..]).unwrap().graph.unwrap());
    assert_eq!(after.node[1], proto::Node { input: after.node[1].input.clone(), ..before.node[2].clone() });
    for name in names {
        let tensor = |graph: &proto::Graph| graph.initializer.iter().find(|t| t.name == name).cloned().unwrap();
        assert_eq!(tensor(&after), tensor(&before));
    }
}

#[test]
fn files_beyond_folding_come_back_as_they_were() {
    type Edit<'a> = &'a dyn Fn(&mut proto::Model);
    let edits: [(&str, Edit); 5] = [
        ("version 6", &|m| m.opset_import[0].version = 6),
        ("version 0", &|m| m.opset_import.clear()),
        ("operators of its own", &|m| {
            m.functions = vec![proto::Function { name: Some("f".into()), ..Default::default() }]
        }),
        ("quantised", &|m| {
            m.graph.as_mut().unwrap().quantization_annotation = vec![proto::TensorAnnotation::default()]
        }),
        ("graphs of its own", &|m| {
            let then = proto::Attribute { name: "then".into(), g: Some(proto::Graph::default()), ..Default::default() };
            m.graph.as_mut().unwrap().node[0].attribute.push(then);
        }),
    ];
    for (named, edit) in edits {
        let mut net = Net::new(&[1, 3, 1, 1], 10);
        let a = net.conv("x", [3, 3, 1], &[]);
        let out = net.norm(&a, 3);
        edit(&mut net.model);
        let bytes = net.bytes(&out);
        let folded = fold(&bytes, &chw([1, 3, 1, 1]), None).unwrap();
        assert!(folded.onnx == bytes && folded.notes.is_empty());
        assert!(folded.chain.as_ref().unwrap_err().contains(named), "{:?}", folded.chain);
    }
}

#[test]
fn params_beyond_float32_are_not_folded() {
    let mut net = Net::new(&[1, 3, 1, 1], 11);
    let a = net.conv("x", [3, 3, 1], &[]);
    let large = net.floats(&[3, 1, 1], &[3e38; 3]);
    let a = net.node("Mul", &[&a, &large], &[]);
    let a = net.node("Mul", &[&a, &large], &[]);
    let bytes = net.bytes(&a);
    let folded = fold(&bytes, &chw([1, 3, 1, 1]), None).unwrap();
    assert!(folded.onnx == bytes && folded.chain.unwrap_err().contains("too large"));
}

#[test]
fn models_that_no_back_end_can_run_are_errors_by_name() {
    type Edit<'a> = &'a dyn Fn(&mut proto::Graph);
    let edits: [(&str, Edit); 14] = [
        ("2 inputs", &|g| g.input.push(proto::ValueInfo { name: "y".into(), ..Default::default() })),
        ("0 inputs", &|g| g.input.clear()),
        ("2 outputs", &|g| g.output.push(proto::ValueInfo { name: "x".into(), ..Default::default() })),
        ("0 outputs", &|g| g.output.clear()),
        ("given by no node", &|g| g.output[0].name = "z".into()),
        ("nothing before it", &|g| g.node.swap(0, 1)),
        ("twice", &|g| g.node[1].output[0] = "x".into()),
        ("`param_0` are not all finite", &|g| g.initializer[0].raw_data[..4].copy_from_slice(&f32::NAN.to_le_bytes())),
        ("`param_1` are 4 values", &|g| g.initializer[1].raw_data.extend([0; 4])),
        ("another file", &|g| g.initializer[0].data_location = Some(1)),
        ("conv_0` (Conv)", &|g| g.initializer[0].dims = vec![9, 1, 1, 1]),
        ("(BatchNormalization) has params of shape [2]", &|g| {
            g.initializer[2].dims = vec![2];
            g.initializer[2].raw_data.truncate(8);
        }),
        ("strides", &|g| g.node[0].attribute = vec![ints("strides", &[1, 0])]),
        ("pads", &|g| g.node[0].attribute = vec![ints("pads", &[-1, 0, 0, 0])]),
    ];
    for (named, edit) in edits {
        let mut net = Net::new(&[1, 3, 2, 2], 12);
        let a = net.conv("x", [3, 3, 1], &[]);
        let out = net.norm(&a, 3);
        net.bytes(&out);
        edit(net.graph());
        let error =
            fold(&net.model.encode_to_vec(), &chw([1, 3, 2, 2]), None).err().unwrap_or_else(|| panic!("{named}"));
        assert_eq!(error.kind(), ErrorKind::Model);
        assert!(error.message().contains(named), "{named}: {error}");
    }
}

#[test]
fn an_input_that_is_not_what_the_card_says_is_an_error() {
    let mut net = Net::new(&[8, 3, 2, 2], 13);
    let out = net.conv("x", [3, 3, 1], &[]);
    let bytes = net.bytes(&out);
    // The size of the batch is the caller's.
    assert!(fold(&bytes, &chw([1, 3, 2, 2]), None).is_ok());
    for dims in [[1, 4, 2, 2], [1, 3, 2, 3]] {
        let error = fold(&bytes, &chw(dims), None).unwrap_err();
        assert!(error.message().contains("[8, 3, 2, 2]"), "{error}");
    }
    let input = net.graph().input[0].r#type.as_mut().unwrap();
    let Some(proto::Kind::Tensor(tensor)) = &mut input.value else { panic!() };
    tensor.elem_type = 11;
    assert!(fold(&net.bytes(&out), &chw([1, 3, 2, 2]), None).unwrap_err().message().contains("float32"));
}
