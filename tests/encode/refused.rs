//! Networks that no patch can be encoded with: what is said of them names the file, the node and the reason.
//!
//! Each is the shipped network with one thing changed and a card that fits, so that the network itself is looked at.
//! Not here: files that are cut short or damaged ([`crate::files`]), cards ([`crate::files`], unit tests of `src/encode`).

use std::fs;
use std::path::{Path, PathBuf};

use patchstream::encode::{BackendChoice, Model, OpenOptions};
use patchstream::error::{Error, ErrorKind};
use patchstream::patch::{PatchView, Shape};
use prost::Message;
use tract_onnx::pb;

use crate::models::card::sha256;
use crate::models::metric;
use crate::{ONNX, shape};

/// The back-ends that a network may be given to.
const CHOICES: [BackendChoice; 4] =
    [BackendChoice::Auto, BackendChoice::Fused, BackendChoice::Tract, BackendChoice::AsExported];

fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("encode-refused").join(name);
    fs::create_dir_all(&path).unwrap();
    path
}

/// The shipped network with its graph changed.
fn edited(edit: impl FnOnce(&mut pb::GraphProto)) -> Vec<u8> {
    let mut model = pb::ModelProto::decode(ONNX).unwrap();
    edit(model.graph.as_mut().unwrap());
    model.encode_to_vec()
}

/// What opening a network with a card says, in a back-end.
fn error_of(name: &str, onnx: &[u8], card: &str, backend: BackendChoice) -> Error {
    let path = folder(name).join("net.onnx");
    fs::write(&path, onnx).unwrap();
    fs::write(path.with_extension("toml"), card).unwrap();
    let options = OpenOptions { backend, ..OpenOptions::default() };
    let error = Model::open_with(path.to_str().unwrap(), Some(shape()), &options).err();
    let error = error.unwrap_or_else(|| panic!("{name}: accepted by {backend:?}"));
    assert!(error.message().contains("net.onnx"), "{name}: the file is not named: {error}");
    error
}

/// Asserts that a network is refused in every back-end, in words that hold all of `said`.
fn refused(name: &str, onnx: &[u8], said: &[&str]) {
    for backend in CHOICES {
        let error = error_of(name, onnx, &metric::card(&sha256(onnx)), backend);
        let kinds = [ErrorKind::Model, ErrorKind::Unsupported];
        assert!(kinds.contains(&error.kind()), "{name}, {backend:?}: {:?} {error}", error.kind());
        for words in said {
            assert!(error.message().contains(words), "{name}, {backend:?}: no `{words}` in: {error}");
        }
    }
}

fn node(op: &str, inputs: &[&str], outputs: &[&str]) -> pb::NodeProto {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    pb::NodeProto {
        name: outputs[outputs.len() - 1].into(),
        op_type: op.into(),
        input: owned(inputs),
        output: owned(outputs),
        ..Default::default()
    }
}

fn tensor(name: &str, dims: &[i64], value: f32) -> pb::TensorProto {
    let count = dims.iter().product::<i64>() as usize;
    let raw_data = value.to_le_bytes().repeat(count);
    pb::TensorProto { name: name.into(), dims: dims.to_vec(), data_type: 1, raw_data, ..Default::default() }
}

fn numbers(name: &str, values: &[i64]) -> pb::TensorProto {
    let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    pb::TensorProto { name: name.into(), dims: vec![values.len() as i64], data_type: 7, raw_data, ..Default::default() }
}

#[test]
fn a_graph_without_an_output_is_refused() {
    refused("no_output", &edited(|g| g.output.clear()), &["1 inputs and 0 outputs where one of each is needed"]);
    let missing = edited(|g| g.output[0].name = "nowhere".into());
    refused("missing_output", &missing, &["its output `nowhere` is given by no node"]);
}

#[test]
fn a_recurrent_network_is_refused() {
    // Rows of the patch as a sequence of 37 vectors of 518, 9 hidden values; the point is the last of them.
    let onnx = edited(|g| {
        g.initializer = vec![
            numbers("sequence_shape", &[37, 1, 518]),
            numbers("point_shape", &[1, 9]),
            tensor("w", &[1, 36, 518], 0.01),
            tensor("r", &[1, 36, 9], 0.01),
        ];
        let mut lstm = node("LSTM", &["sequence", "w", "r"], &["", "hidden"]);
        lstm.attribute.push(pb::AttributeProto { name: "hidden_size".into(), r#type: 2, i: 9, ..Default::default() });
        g.node = vec![
            node("Reshape", &["patch", "sequence_shape"], &["sequence"]),
            lstm,
            node("Reshape", &["hidden", "point_shape"], &["point"]),
        ];
    });
    refused("recurrent", &onnx, &["node `hidden` (LSTM) is recurrent"]);
}

#[test]
fn a_network_that_draws_random_numbers_is_refused() {
    // A variational autoencoder that was exported with its sampling: the mean, and noise besides.
    let onnx = edited(|g| {
        let last = g.node.last_mut().unwrap();
        last.output = vec!["mean".into()];
        g.node.push(node("RandomNormalLike", &["mean"], &["noise"]));
        g.node.push(node("Add", &["mean", "noise"], &["point"]));
    });
    refused("random", &onnx, &["node `noise` (RandomNormalLike) draws random numbers"]);
    // The same inside a branch.
    let onnx = edited(|g| {
        let branch = pb::GraphProto { node: vec![node("RandomNormal", &[], &["noise"])], ..Default::default() };
        let mut fork = node("If", &["patch"], &["unread"]);
        fork.attribute.push(pb::AttributeProto { r#type: 5, g: Some(branch), ..Default::default() });
        g.node.push(fork);
    });
    refused("random_branch", &onnx, &["node `noise` (RandomNormal) draws random numbers"]);
}

#[test]
fn an_output_that_is_not_a_vector_is_refused() {
    // What the last convolution gives, 16 grids of 8 x 8 pixels.
    let onnx = edited(|g| {
        let last = g.node.iter().rposition(|node| node.op_type == "Conv").unwrap();
        g.node.truncate(last + 1);
        g.output[0].name = g.node[last].output[0].clone();
        g.output[0].r#type = None;
    });
    refused("grid", &onnx, &["[1, 16, 8, 8]", "vector"]);
}

#[test]
fn a_node_that_no_back_end_knows_is_named() {
    let onnx = edited(|g| g.node.iter_mut().filter(|n| n.name == "norm1").for_each(|n| n.op_type = "Unheard".into()));
    refused("unheard", &onnx, &["norm1", "Unheard"]);
}

#[test]
fn a_deviation_of_zero_is_refused_by_the_channels_name() {
    let card = metric::card(&sha256(ONNX));
    let start = card.find("deviation = [").unwrap();
    let line = card[start..].lines().next().unwrap();
    let of = |deviations: String| card.replace(line, &format!("deviation = [{deviations}]"));
    let all = of(vec!["0"; 14].join(", "));
    let one = of((0..14).map(|c| if c == 6 { "0.0" } else { "0.1" }).collect::<Vec<_>>().join(", "));
    for (card, channel) in [(all, "POPC"), (one, "PAP6")] {
        for backend in CHOICES {
            let error = error_of("deviation", ONNX, &card, backend);
            assert_eq!(error.kind(), ErrorKind::Model, "{error}");
            let said = format!("deviation of channel {channel} is 0, which nothing can be divided by");
            assert!(error.message().contains(&said), "{error}");
        }
    }
}

#[test]
fn patches_of_another_shape_are_refused_with_both_shapes() {
    let path = folder("shape").join("net.onnx");
    fs::write(&path, ONNX).unwrap();
    fs::write(path.with_extension("toml"), metric::card(&sha256(ONNX))).unwrap();
    for backend in CHOICES {
        let options = OpenOptions { backend, ..OpenOptions::default() };
        let open = |shape| Model::open_with(path.to_str().unwrap(), Some(shape), &options);
        let error = open(Shape::new(36, 37, 14).unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Shape, "{error}");
        for said in ["net.onnx", "36x37x14", "37x37x14"] {
            assert!(error.message().contains(said), "no `{said}` in: {error}");
        }
        let model = open(shape()).unwrap();
        let other = Shape::new(37, 37, 13).unwrap();
        let densities = vec![0.3; other.len()];
        let patch = PatchView { shape: other, densities: &densities, proteins: &[] };
        let error = model.encode(patch, &mut [0.0; 9]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Shape, "{error}");
        for said in ["37x37x13", "37x37x14", "metric-37x37x14"] {
            assert!(error.message().contains(said), "no `{said}` in: {error}");
        }
    }
}
