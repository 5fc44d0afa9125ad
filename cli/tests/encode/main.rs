//! `patchstream encode` and `patchstream model check` as a script sees them: points against the library's own, summaries.
//!
//! Not here: what they refuse ([`bad`]); the networks' arithmetic (`tests/encode/` of the library).
#![cfg_attr(not(feature = "fused"), allow(dead_code, unused_imports, reason = "only networks need them"))]

mod bad;
mod check;
#[path = "../support/npy.rs"]
#[allow(dead_code, reason = "points and ids are for others")]
mod npy;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "tables are for others")]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use patchstream::encode::Model;
use patchstream::patch::{PatchView, Shape};
use support::{Folder, assert_done, patchstream, summary};

/// A file of the repository's folder of models.
fn model_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(name)
}

/// So many patches, `[(y * nx + x) * channels + c]`, around the densities that lipids have.
fn patches(count: usize, shape: Shape, seed: u64) -> Vec<Vec<f32>> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32
    };
    (0..count).map(|_| (0..shape.len()).map(|i| 0.02 * (i % shape.channels) as f32 + 0.2 * next()).collect()).collect()
}

/// The same patch as planes, `[(c * ny + y) * nx + x]`.
fn planes(patch: &[f32], channels: usize) -> Vec<f32> {
    (0..channels).flat_map(|c| patch.iter().copied().skip(c).step_by(channels)).collect()
}

/// Writes patches of these axes.
fn write(path: PathBuf, patches: &[Vec<f32>], axes: &str) -> PathBuf {
    let items: Vec<u8> = patches.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
    let dictionary = npy::dictionary("<f4", false, &format!("({}, {axes})", patches.len()));
    npy::write(&path, &npy::bytes(1, &dictionary, &items));
    path
}

fn encode(model: &Path, patches: &Path, out: &Path, more: &[&str]) -> Output {
    let [model, patches, out] = [model, patches, out].map(|path| path.to_str().unwrap());
    patchstream(&[&["encode", "--model", model, "--patches", patches, "--out", out], more].concat())
}

/// The points in a file of so many coordinates each.
fn points(path: &Path, count: usize, dim: usize) -> Vec<f32> {
    let file = fs::read(path).unwrap();
    let head = npy::bytes(1, &npy::dictionary("<f4", false, &format!("({count}, {dim})")), &[]);
    assert!(file.starts_with(&head), "{}", String::from_utf8_lossy(&file[..file.len().min(128)]));
    let points: Vec<f32> = file[head.len()..].as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    assert_eq!(points.len(), count * dim);
    points
}

/// What the library makes of the patches.
fn expected(model: &str, patches: &[Vec<f32>], shape: Shape) -> Vec<f32> {
    let model = Model::open(model, shape).unwrap();
    let mut points = vec![0.0; patches.len() * model.dim()];
    for (densities, point) in patches.iter().zip(points.chunks_exact_mut(model.dim())) {
        model.encode(PatchView { shape, densities, proteins: &[] }, point).unwrap();
    }
    points
}

fn lipids() -> Shape {
    Shape::new(37, 37, 14).unwrap()
}

#[test]
#[cfg(feature = "fused")]
fn points_are_the_librarys_in_both_layouts() {
    let folder = Folder::new();
    let patches = patches(9, lipids(), 1);
    let turned: Vec<Vec<f32>> = patches.iter().map(|patch| planes(patch, 14)).collect();
    let chw = write(folder.join("chw.npy"), &turned, "14, 37, 37");
    let hwc = write(folder.join("hwc.npy"), &patches, "37, 37, 14");
    let only = folder.join("only");
    fs::create_dir(&only).unwrap();
    for ending in ["onnx", "toml"] {
        let name = format!("metric-37x37x14.{ending}");
        fs::copy(model_file(&name), only.join(&name)).unwrap();
    }
    let metric = model_file("metric-37x37x14.onnx");
    let fingerprint = model_file("fingerprint-37x37x14.onnx");
    for (model, file, dim) in
        [(metric.as_path(), &chw, 9), (&only, &chw, 9), (Path::new("metric"), &chw, 9), (&fingerprint, &hwc, 6)]
    {
        let out = folder.join("Z.npy");
        assert_done(&encode(model, file, &out, &[]));
        assert_eq!(points(&out, 9, dim), expected(model.to_str().unwrap(), &patches, lipids()), "{}", model.display());
    }
    let out = folder.join("Z.npy");
    for row in points(&out, 9, 6).chunks(6) {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{row:?} are probabilities");
    }
}

#[test]
fn encoders_without_a_network_take_any_shape() {
    let folder = Folder::new();
    let shape = Shape::new(7, 5, 3).unwrap();
    let patches = patches(4, shape, 2);
    let file = write(folder.join("X.npy"), &patches, "5, 7, 3");
    let out = folder.join("Z.npy");
    let output = encode(Path::new("mean"), &file, &out, &[]);
    assert_done(&output);
    assert_eq!(points(&out, 4, 3), expected("mean", &patches, shape));
    assert!(String::from_utf8_lossy(&output.stdout).contains("builtin"));
}

#[test]
#[cfg(feature = "fused")]
fn a_network_without_a_card_gets_the_values_as_they_are() {
    let folder = Folder::new();
    let bare = folder.join("bare.onnx");
    fs::copy(model_file("metric-37x37x14.onnx"), &bare).unwrap();
    let patches = patches(5, lipids(), 3);
    let model = Model::open("metric", lipids()).unwrap();
    let patchstream::encode::Normalise::Standardise { mean, deviation } = &model.card().normalise else {
        panic!("the metric network's densities are standardised")
    };
    let standard = |(i, density): (usize, &f32)| ((f64::from(*density) - mean[i % 14]) / deviation[i % 14]) as f32;
    let inputs: Vec<Vec<f32>> =
        patches.iter().map(|patch| planes(&patch.iter().enumerate().map(standard).collect::<Vec<_>>(), 14)).collect();
    let file = write(folder.join("X.npy"), &inputs, "14, 37, 37");
    let out = folder.join("Z.npy");
    let output = encode(&bare, &file, &out, &["--batch", "2"]);
    assert_done(&output);
    assert!(String::from_utf8_lossy(&output.stdout).contains("without a card"));
    for (point, carded) in points(&out, 5, 9).iter().zip(expected("metric", &patches, lipids())) {
        assert!((point - carded).abs() < 1e-4, "{point} and {carded}");
    }
}

#[test]
fn threads_and_batches_change_no_byte() {
    let folder = Folder::new();
    // Blocks are of 1 MiB and more: these patches make several, the last of which is short.
    let shape = Shape::new(61, 61, 14).unwrap();
    let patches = patches(43, shape, 4);
    let file = write(folder.join("X.npy"), &patches, "61, 61, 14");
    let [base, out] = ["base.npy", "Z.npy"].map(|name| folder.join(name));
    let radial = Path::new("radial");
    assert_done(&encode(radial, &file, &base, &[]));
    assert_eq!(points(&base, 43, 62 * 8), expected("radial", &patches, shape));
    for more in [["--threads", "2"], ["--threads", "64"], ["--batch", "1"], ["--batch", "5"], ["--batch", "1048576"]] {
        for threads in ["1", "3"] {
            assert_done(&encode(radial, &file, &out, &[&["--threads", threads], &more[..]].concat()));
            assert!(fs::read(&out).unwrap() == fs::read(&base).unwrap(), "{more:?}");
        }
    }
}

#[test]
fn the_summary_says_what_ran_and_what_it_cost() {
    let folder = Folder::new();
    let shape = Shape::new(9, 9, 2).unwrap();
    let file = write(folder.join("X.npy"), &patches(100, shape, 5), "9, 9, 2");
    let [out, file_of_summary] = ["Z.npy", "summary.json"].map(|name| folder.join(name));
    let more = ["--summary", file_of_summary.to_str().unwrap(), "--threads", "2", "--batch", "8"];
    let output = encode(Path::new("mean"), &file, &out, &more);
    assert_done(&output);
    let said = summary(&folder.0);
    let number = |key: &str| said[key].as_f64().unwrap_or_else(|| panic!("{key} in {said}"));
    assert_eq!(["patches", "dim", "threads", "batch"].map(number), [100.0, 2.0, 2.0, 8.0]);
    assert_eq!(said["backend"], "builtin");
    assert_eq!(said["patch_shape"], serde_json::json!([9, 9, 2]));
    assert!(0.0 < number("p50_us") && number("p50_us") <= number("p99_us"));
    assert!(0.0 < number("encode_seconds") && 0.0 < number("cpu_seconds"));
    let rate = number("patches") / number("wall_seconds");
    assert!((number("patches_per_second") / rate - 1.0).abs() < 1e-9);
    assert!(number("p99_us") * 100.0 * 1e-6 >= 0.5 * number("encode_seconds"), "quantiles and sums belong together");
    assert!(number("encode_seconds") <= 2.0 * number("wall_seconds"));
    let text = String::from_utf8(output.stdout).unwrap();
    for word in ["backend", "patches/s", "half within", "99 % within", "Z.npy", "summary.json"] {
        assert!(text.contains(word), "`{word}` is not in:\n{text}");
    }
    let mut names: Vec<_> = fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["X.npy", "Z.npy", "summary.json"]);
}

#[test]
fn no_patches_give_no_points() {
    let folder = Folder::new();
    let file = write(folder.join("X.npy"), &[], "5, 5, 14");
    let [out, file_of_summary] = ["Z.npy", "summary.json"].map(|name| folder.join(name));
    assert_done(&encode(Path::new("mean"), &file, &out, &["--summary", file_of_summary.to_str().unwrap()]));
    assert!(points(&out, 0, 14).is_empty());
    let said = summary(&folder.0);
    assert!(said["p50_us"].is_null() && said["patches_per_second"].is_null() && said["patches"] == 0);
}

#[test]
#[cfg(target_os = "linux")]
fn a_large_file_needs_little_memory() {
    let folder = Folder::new();
    let file = folder.join("X.npy");
    // Most of it is a hole, which reads as densities of 0.
    npy::write(&file, &npy::bytes(1, &npy::dictionary("<f4", false, "(2000, 37, 37, 14)"), &[]));
    let head = fs::metadata(&file).unwrap().len();
    fs::File::options().write(true).open(&file).unwrap().set_len(head + 2000 * 4 * lipids().len() as u64).unwrap();
    let [out, file_of_summary] = ["Z.npy", "summary.json"].map(|name| folder.join(name));
    assert_done(&encode(
        Path::new("mean"),
        &file,
        &out,
        &["--threads", "4", "--summary", file_of_summary.to_str().unwrap()],
    ));
    assert!(points(&out, 2000, 14).iter().all(|value| *value == 0.0));
    let peak = summary(&folder.0)["peak_resident_bytes"].as_u64().unwrap();
    assert!(peak < 60 << 20, "{peak} bytes for a file of 153 MB");
}

#[test]
fn the_help_names_every_option() {
    let help = patchstream(&["encode", "--help"]);
    assert_done(&help);
    let help = String::from_utf8(help.stdout).unwrap();
    for option in ["model", "patches", "out", "backend", "threads", "batch", "summary"] {
        assert!(help.contains(&format!("--{option} ")), "{option}");
    }
    assert_done(&patchstream(&["model", "check", "--help"]));
}
