//! Whole networks: the shipped one, and files of real exporters with what their framework made of a patch.
//!
//! Not here: single operators.

use std::fs;
use std::path::PathBuf;

use super::*;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_shipped_network_becomes_four_layers() {
    let bytes = fs::read(root().join("models/metric-37x37x14.onnx")).unwrap();
    let folded = fold_and_compare(&bytes, &chw([1, 14, 37, 37]));
    assert_eq!(
        shape_of(&folded),
        ["conv 14>6 k1 s1 relu", "conv 6>16 k3 s2 relu", "conv 16>16 k3 s2 relu", "dense 1024>9"]
    );
    assert_eq!(operators_of(&folded.onnx), ["Conv", "Relu", "Conv", "Relu", "Conv", "Relu", "Reshape", "Gemm"]);
    let notes = [
        "read 4 batch normalisations as affines, a factor and a summand a channel",
        "joined 1 pair of linear layers with nothing between them",
        "folded 1 transposition into the dense layers after",
        "folded 1 affine into the layers before",
        "folded 3 affines into the layers after",
    ];
    assert_eq!(folded.notes, notes);
}

#[test]
fn decoding_and_encoding_a_file_loses_nothing_of_size() {
    for entry in fs::read_dir(root().join("tests/fixtures/networks")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "onnx") {
            let bytes = fs::read(&path).unwrap();
            let model = proto::Model::decode(&bytes[..]).unwrap();
            let again = model.encode_to_vec();
            assert!(proto::Model::decode(&again[..]).unwrap() == model);
            // Lists of numbers may be written in two ways, and exporters write empty names of domains too.
            assert!(again.len().abs_diff(bytes.len()) < bytes.len() / 50, "{path:?}");
        }
    }
}

/// The input of a fixture: the formula that the scripts beside the files use.
fn values(count: usize, patch: u64) -> Vec<f64> {
    let value = |i: u64| {
        let mut h = (i + 1_000_003 * patch + 1).wrapping_mul(2_654_435_761) & 0xffff_ffff;
        h ^= h >> 15;
        h = h.wrapping_mul(2_246_822_519) & 0xffff_ffff;
        h ^= h >> 13;
        (h >> 8) as f64 / f64::from(1 << 23) - 1.0
    };
    (0..count as u64).map(value).collect()
}

/// Folds a fixture and holds it against what its framework computed; its layers in short.
fn fixture(name: &str, dims: [usize; 4], layout: Layout) -> Vec<String> {
    let folder = root().join("tests/fixtures/networks");
    let bytes = fs::read(folder.join(format!("{name}.onnx"))).unwrap();
    let output = fs::read(folder.join(format!("{name}.output"))).unwrap();
    let points: Vec<f64> = output.chunks(4).map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap()))).collect();
    let spec = spec(dims, layout);
    let folded = fold_and_compare(&bytes, &spec);
    let chain = folded.chain.as_ref().unwrap_or_else(|reason| panic!("{name}: {reason}; {:?}", folded.notes));
    for (patch, point) in points.chunks(points.len() / 2).enumerate() {
        let input = Array::new(&dims, values(dims.iter().product(), patch as u64));
        assert_close(&run_chain(chain, &densities(&input, &spec)), point, 2e-6, name);
    }
    shape_of(&folded)
}

/// The same network from an exporter with channels first and one with channels last.
fn fixtures(names: &[&str], network: &str, [ny, nx, channels]: [usize; 3], layers: &[&str]) {
    for name in names {
        let (dims, layout) = match name.starts_with("torch") {
            true => ([1, channels, ny, nx], Layout::Chw),
            false => ([1, ny, nx, channels], Layout::Hwc),
        };
        assert_eq!(fixture(&format!("{name}_{network}"), dims, layout), layers, "{name}");
    }
}

const EXPORTERS: [&str; 5] = ["torch_torchscript", "torch_dynamo", "keras", "tf2onnx", "jax"];

#[test]
fn metric_networks_of_all_exporters_become_four_layers() {
    let layers = ["conv 14>6 k1 s1 relu", "conv 6>8 k3 s2 relu", "conv 8>8 k3 s2 relu", "dense 512>9"];
    fixtures(&EXPORTERS, "metric", [37, 37, 14], &layers);
}

#[test]
fn classifiers_of_all_exporters_end_in_a_softmax() {
    let layers = [
        "conv 14>6 k1 s1 relu",
        "conv 6>8 k3 s2 relu",
        "conv 8>8 k3 s2 relu",
        "dense 128>24 relu",
        "dense 24>6",
        "softmax",
    ];
    fixtures(&EXPORTERS, "classifier", [19, 19, 14], &layers);
}

#[test]
fn vaes_of_all_exporters_become_eight_layers() {
    let layers = [
        "conv 14>14 k1 s1 relu",
        "dense 350>16 relu",
        "dense 16>14 relu",
        "dense 14>12 relu",
        "dense 12>10 relu",
        "dense 10>8 relu",
        "dense 8>6 relu",
        "dense 6>5",
    ];
    fixtures(&EXPORTERS, "vae", [5, 5, 14], &layers);
}
