//! Model files that are missing, cut short, damaged, or not what their card says; small networks of our own.
//!
//! Not here: a card's own fields (unit tests of `src/encode`).

use std::fs;
use std::path::{Path, PathBuf};

use patchstream::encode::Model;
use patchstream::error::{ErrorKind, Result};
use patchstream::patch::{Orientation, PatchView, Protein, Shape};
use prost::Message;
use tract_onnx::pb;

use crate::models::card::sha256;
use crate::models::metric;
use crate::models::params::SplitMix64;
use crate::{ONNX, random_patch, shape, view};

const CARD: &str = include_str!("../../models/metric-37x37x14.toml");

/// A folder that a test may fill, empty at first.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("encode").join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn open(path: &Path) -> Result<Model> {
    Model::open(path.to_str().unwrap(), shape())
}

/// Opens `onnx` from a file with `card` beside it.
fn open_files(folder: &Path, onnx: &[u8], card: &str, shape: Shape) -> Result<Model> {
    let path = folder.join("net.onnx");
    fs::write(&path, onnx).unwrap();
    fs::write(path.with_extension("toml"), card).unwrap();
    Model::open(path.to_str().unwrap(), shape)
}

/// Opens `onnx` with the metric network's card, its sha256 made to fit, so that the network itself is looked at.
fn open_as_metric(folder: &Path, onnx: &[u8]) -> Result<Model> {
    open_files(folder, onnx, &metric::card(&sha256(onnx)), shape())
}

#[test]
fn a_model_opens_by_its_path_and_by_a_folder_that_holds_one() {
    let folder = folder("paths");
    let densities = random_patch(3, 37);
    let points =
        [open_files(&folder, ONNX, CARD, shape()), open(&folder), Model::open("metric", shape())].map(|model| {
            let mut point = [0.0; 9];
            model.unwrap().encode(view(&densities), &mut point).unwrap();
            point
        });
    assert_eq!(points[0], points[1]);
    assert_eq!(points[0], points[2]);
}

#[test]
fn files_that_are_missing_or_too_many_are_named() {
    let folder = folder("missing");
    let expect = |path: &Path, kind: ErrorKind, named: &str| {
        let error = open(path).err().unwrap();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(named), "{error}");
    };
    expect(Path::new("metrik"), ErrorKind::Io, "metrik");
    expect(&folder, ErrorKind::Argument, "holds 0 .onnx");
    expect(&folder.join("a.onnx"), ErrorKind::Io, "a.onnx");
    fs::write(folder.join("a.onnx"), ONNX).unwrap();
    expect(&folder.join("a.onnx"), ErrorKind::Io, "a.toml");
    fs::write(folder.join("a.toml"), [0xff, 0xfe]).unwrap();
    expect(&folder, ErrorKind::Model, "UTF-8");
    fs::write(folder.join("a.toml"), CARD).unwrap();
    expect(&folder.join("a.toml"), ErrorKind::Argument, "a.toml");
    fs::create_dir(folder.join("b.onnx")).unwrap();
    expect(&folder, ErrorKind::Argument, "holds 2 .onnx");
    fs::remove_file(folder.join("a.toml")).unwrap();
    fs::create_dir(folder.join("a.toml")).unwrap();
    expect(&folder.join("a.onnx"), ErrorKind::Model, "not a plain file");
}

#[test]
fn a_network_cut_short_is_a_model_error() {
    let folder = folder("short");
    for length in (0..ONNX.len()).step_by(ONNX.len() / 40).chain(ONNX.len() - 30..ONNX.len()) {
        let error = open_files(&folder, &ONNX[..length], CARD, shape()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Model, "{length}: {error}");
        assert!(error.message().contains("net.onnx") && error.message().contains("sha256"), "{error}");
    }
    // The same with a card that was made for the cut file. Its last field, 4 bytes, may be left out of an ONNX file.
    for length in (0..ONNX.len() - 4).step_by(ONNX.len() / 40).chain(ONNX.len() - 30..ONNX.len() - 4) {
        let error = open_as_metric(&folder, &ONNX[..length]).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Model, "{length}: {error}");
        assert!(error.message().contains("net.onnx") && error.message().contains("ONNX"), "{error}");
    }
}

#[test]
fn random_and_damaged_bytes_are_a_model_error_or_a_model() {
    let folder = folder("damaged");
    let mut random = SplitMix64(5);
    for length in [1, 7, 100, 5000] {
        let bytes: Vec<u8> = (0..length).map(|_| random.bits() as u8).collect();
        assert_eq!(open_as_metric(&folder, &bytes).err().unwrap().kind(), ErrorKind::Model);
    }
    // Most bytes are params, so the damage goes where they are not: the last tenth holds the nodes of the graph.
    let structure: Vec<usize> = (0..ONNX.len()).filter(|i| ONNX[*i..].len() < 900 || ONNX[..*i].len() < 1200).collect();
    let mut refused = 0;
    for _ in 0..150 {
        let mut bytes = ONNX.to_vec();
        for _ in 0..1 + random.bits() % 3 {
            bytes[structure[random.bits() as usize % structure.len()]] = random.bits() as u8;
        }
        if let Err(error) = open_as_metric(&folder, &bytes) {
            assert_eq!(error.kind(), ErrorKind::Model, "{error}");
            refused += 1;
        }
    }
    assert!(refused > 50, "only {refused} of 150 damaged files were refused: the damage misses the graph");
}

/// The card of a network that takes 3 x 2 points of 4 channels and gives `latent` values.
fn small_card(onnx: &[u8], layout: &str, latent: usize, orientation: &str, side: [usize; 2]) -> String {
    format!(
        "format = 1\nname = \"small\"\nsha256 = \"{}\"\ntrained = false\ntraining = \"none\"\norientation = \"{orientation}\"\n\
         latent_dimension = {latent}\n[input]\nnx = {}\nny = {}\nlayout = \"{layout}\"\nchannels = [\"A\", \"B\", \"C\", \"D\"]\n\
         [normalise]\nkind = \"range\"\noffset = [0, 1, 2, 3]\nrange = [1, 2, 4, 8]\n",
        sha256(onnx),
        side[0],
        side[1]
    )
}

/// The metric network's file with its graph changed.
fn edited(edit: impl FnOnce(&mut pb::GraphProto)) -> Vec<u8> {
    let mut model = pb::ModelProto::decode(ONNX).unwrap();
    edit(model.graph.as_mut().unwrap());
    model.encode_to_vec()
}

fn dims(graph: &mut pb::GraphProto) -> &mut Vec<pb::tensor_shape_proto::Dimension> {
    let Some(pb::type_proto::Value::TensorType(t)) = &mut graph.input[0].r#type.as_mut().unwrap().value else {
        panic!("the input is a tensor");
    };
    &mut t.shape.as_mut().unwrap().dim
}

/// A network that only flattens its input, so that its point is what the normaliser made, then applies `last` to it.
fn flatten(declared: &[usize], last: Option<&str>) -> Vec<u8> {
    edited(|graph| {
        graph.node.retain(|n| n.op_type == "Flatten");
        graph.node[0].input = vec!["patch".into()];
        graph.node[0].output = vec!["point".into()];
        if let Some(op) = last {
            graph.node[0].output = vec!["flat".into()];
            graph.node.push(pb::NodeProto {
                op_type: op.into(),
                input: vec!["flat".into()],
                output: vec!["point".into()],
                ..Default::default()
            });
        }
        graph.initializer.clear();
        graph.output[0].r#type = None;
        let value = |d: &usize| Some(pb::tensor_shape_proto::dimension::Value::DimValue(*d as i64));
        let dimension = |d| pb::tensor_shape_proto::Dimension { value: value(d), ..Default::default() };
        *dims(graph) = declared.iter().map(dimension).collect();
    })
}

#[test]
fn a_point_that_overflows_is_a_value_error() {
    let folder = folder("overflow");
    let onnx = flatten(&[1, 4, 2, 3], Some("Exp"));
    let shape = Shape::new(3, 2, 4).unwrap();
    let model = open_files(&folder, &onnx, &small_card(&onnx, "chw", 24, "as_cut", [3, 2]), shape).unwrap();
    let mut point = [0.0; 24];
    for (density, sound) in [(1.0, true), (1000.0, false), (2.0, true)] {
        let result = model.encode(PatchView { shape, densities: &[density; 24], proteins: &[] }, &mut point);
        assert_eq!(result.map_err(|e| e.kind()), if sound { Ok(()) } else { Err(ErrorKind::Value) });
    }
}

#[test]
fn both_layouts_reach_the_network_as_the_card_says() {
    let folder = folder("layouts");
    let shape = Shape::new(3, 2, 4).unwrap();
    // Density 100 y + 10 x + c: normalised (100 y + 10 x) / 2^c.
    let densities: Vec<f32> = (0..24).map(|i| (i / 12 * 100 + i / 4 % 3 * 10 + i % 4) as f32).collect();
    let expected = |c: usize, y: usize, x: usize| (100 * y + 10 * x) as f32 / (1 << c) as f32;
    for (layout, declared) in [("chw", [1, 4, 2, 3]), ("hwc", [1, 2, 3, 4])] {
        let onnx = flatten(&declared, None);
        let card = small_card(&onnx, layout, 24, "as_cut", [3, 2]);
        let model = open_files(&folder, &onnx, &card, shape).unwrap();
        let mut point = [0.0; 24];
        model.encode(PatchView { shape, densities: &densities, proteins: &[] }, &mut point).unwrap();
        for (i, value) in point.into_iter().enumerate() {
            let (c, y, x) = if layout == "chw" { (i / 6, i / 3 % 2, i % 3) } else { (i % 4, i / 12, i / 4 % 3) };
            assert_eq!(value, expected(c, y, x), "{layout} {i}");
        }
    }
}

#[test]
fn a_canonical_model_gives_all_eight_orientations_one_point() {
    let folder = folder("canonical");
    let shape = Shape::new(5, 5, 4).unwrap();
    let onnx = flatten(&[1, 4, 5, 5], None);
    let model = open_files(&folder, &onnx, &small_card(&onnx, "chw", 100, "canonical", [5, 5]), shape).unwrap();
    let as_cut = open_files(&folder, &onnx, &small_card(&onnx, "chw", 100, "as_cut", [5, 5]), shape).unwrap();
    let densities: Vec<f32> = (0..100).map(|i| (i * i % 37) as f32).collect();
    let protein = |id, x_nm, y_nm| Protein { id, state: 0, partner: -1, x_nm, y_nm };
    let (mut points, mut unturned) = (Vec::new(), Vec::new());
    for orientation in Orientation::ALL {
        let mut proteins = [protein(1, 0.0, 0.0), protein(2, 3.0, -7.0)];
        orientation.proteins(&mut proteins);
        let mut turned = vec![0.0; 100];
        orientation.densities(shape, &densities, &mut turned).unwrap();
        let patch = PatchView { shape, densities: &turned, proteins: &proteins };
        let mut point = vec![0.0; 100];
        model.encode(patch, &mut point).unwrap();
        points.push(point.clone());
        as_cut.encode(patch, &mut point).unwrap();
        unturned.push(point);
    }
    assert!(points.iter().all(|p| *p == points[0]));
    assert!(unturned[1..].iter().all(|p| *p != unturned[0]));
}

#[test]
fn networks_that_are_not_what_their_card_says_are_refused() {
    let folder = folder("mismatch");
    let refused = |onnx: &[u8], card: &str, named: &str| {
        let error = open_files(&folder, onnx, card, shape()).err().unwrap_or_else(|| panic!("{named}: accepted"));
        assert_eq!(error.kind(), ErrorKind::Model, "{error}");
        assert!(error.message().contains(named) && error.message().contains("net.onnx"), "{named}: {error}");
    };
    refused(ONNX, &CARD.replace("latent_dimension = 9", "latent_dimension = 8"), "9 values");
    refused(ONNX, &CARD.replace("\"chw\"", "\"hwc\""), "input");
    refused(ONNX, &CARD.replace("sha256 = \"", "sha256 = \"0").replace("\"\ntrained", "\"\n trained"), "sha256");
    refused(ONNX, &metric::card(&"0".repeat(64)), "sha256");

    let fitting = |onnx: &[u8]| metric::card(&sha256(onnx));
    let edits: [(Vec<u8>, &str); 7] = [
        (edited(|g| g.input.push(pb::ValueInfoProto { name: "more".into(), ..g.input[0].clone() })), "2 inputs"),
        (edited(|g| g.output.push(g.output[0].clone())), "2 outputs"),
        (
            edited(|g| {
                dims(g).pop();
            }),
            "input",
        ),
        (
            edited(|g| g.initializer[0].raw_data[..4].copy_from_slice(&f32::NAN.to_le_bytes())),
            "`depthwise` are not all finite",
        ),
        (
            edited(|g| {
                g.initializer.iter_mut().for_each(|t| t.raw_data.as_chunks_mut().0.fill(1e37_f32.to_le_bytes()))
            }),
            "output 0 is",
        ),
        (edited(|g| g.initializer[0].dims[0] = 1 << 40), "`depthwise` are 84 values"),
        (edited(|g| g.node[3].op_type = "Unheard".into()), "network cannot be built"),
    ];
    for (onnx, named) in edits {
        refused(&onnx, &fitting(&onnx), named);
    }
}
