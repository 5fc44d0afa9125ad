//! Input that `encode` and `model check` refuse, each with one sentence and without a file, and a run that is interrupted.
//!
//! Not here: what they do with good input.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use patchstream::patch::Shape;

use crate::npy::{bytes, dictionary};
use crate::support::{Folder, assert_refused, patchstream};
use crate::{encode, model_file, npy, patches, write};

/// The names in a folder.
fn names(folder: &Folder) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn assert_one_sentence(sentence: &str) {
    assert_eq!(sentence.trim_end().lines().count(), 1, "{sentence}");
}

#[test]
fn files_that_hold_no_patches_are_refused_with_one_sentence() {
    let folder = Folder::new();
    let floats = |values: &[f32]| -> Vec<u8> { values.iter().flat_map(|value| value.to_le_bytes()).collect() };
    let eight = floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    let array =
        |descr: &str, fortran: bool, shape: &str, items: &[u8]| bytes(1, &dictionary(descr, fortran, shape), items);
    let good = array("<f4", false, "(2, 2, 2, 1)", &eight);
    let with = |at: usize, value: f32| {
        let mut items = eight.clone();
        items[4 * at..][..4].copy_from_slice(&value.to_le_bytes());
        array("<f4", false, "(2, 2, 2, 1)", &items)
    };
    for (file, words) in [
        (b"1 2 3\n".to_vec(), &["no .npy", "numpy.save"][..]),
        (good[..40].to_vec(), &["within its header"]),
        (good[..good.len() - 1].to_vec(), &["cut short", "(2, 2, 2, 1)"]),
        ([&good[..], &[0]].concat(), &["1 bytes behind"]),
        (array("<f8", false, "(1, 2, 2, 1)", &eight), &["<f8", "float32", "astype"]),
        (array(">f4", false, "(2, 2, 2, 1)", &eight), &[">f4", "little endian"]),
        (array("<f4", true, "(2, 2, 2, 1)", &eight), &["Fortran order", "ascontiguousarray"]),
        (array("<f4", false, "(8,)", &eight), &["(8,)", "(n, c, y, x)"]),
        (array("<f4", false, "()", &eight[..4]), &["()", "(n, c, y, x)"]),
        (array("<f4", false, "(2, 2, 0, 1)", &[]), &["(2, 2, 0, 1)"]),
        (array("<f4", false, "(2, 4)", &eight), &["mean", "(n, y, x, c)"]),
        (array("<f4", false, "(1, 1, 1, 1, 8)", &eight), &["mean", "(n, y, x, c)"]),
        (array("<f4", false, "(18446744073709551615, 2, 2, 2)", &eight), &["cut short"]),
        (with(5, f32::NAN), &["patch 1 holds NaN", "(0, 1, 0)"]),
        (with(3, f32::NEG_INFINITY), &["patch 0 holds -inf", "(1, 1, 0)"]),
        (with(6, f32::INFINITY), &["patch 1 holds inf"]),
    ] {
        let path = folder.join("X.npy");
        npy::write(&path, &file);
        for more in [&[][..], &["--threads", "3", "--batch", "1"]] {
            let output = encode(Path::new("mean"), &path, &folder.join("Z.npy"), more);
            assert_one_sentence(&assert_refused(&output, 1, words));
            assert_eq!(names(&folder), ["X.npy"]);
        }
    }
    for (path, word) in [(folder.join("missing.npy"), "missing.npy"), (folder.0.clone(), "folder")] {
        assert_refused(&encode(Path::new("mean"), &path, &folder.join("Z.npy"), &[]), 1, &[word]);
    }
}

#[test]
#[cfg(feature = "fused")]
fn patches_that_the_model_does_not_take_are_refused_with_its_shape() {
    let folder = Folder::new();
    let small = write(folder.join("small.npy"), &patches(2, Shape::new(5, 5, 14).unwrap(), 1), "14, 5, 5");
    let turned = write(folder.join("turned.npy"), &patches(2, Shape::new(37, 37, 14).unwrap(), 1), "37, 37, 14");
    let out = folder.join("Z.npy");
    let metric = model_file("metric-37x37x14.onnx");
    let bare = folder.join("bare.onnx");
    fs::copy(&metric, &bare).unwrap();
    for model in [&metric, &bare] {
        for (file, shape) in [(&small, "(2, 14, 5, 5)"), (&turned, "(2, 37, 37, 14)")] {
            let output = encode(model, file, &out, &[]);
            assert_one_sentence(&assert_refused(&output, 1, &[shape, "(n, 14, 37, 37)"]));
        }
    }
    // A density that is a number, but none that the network should see, is found by the encoder.
    let mut wild = patches(40, Shape::new(37, 37, 14).unwrap(), 2);
    wild[33][(2 * 37 + 1) * 14 + 6] = 1e9;
    wild[37][0] = f32::NAN;
    let planes: Vec<Vec<f32>> = wild.iter().map(|patch| crate::planes(patch, 14)).collect();
    let file = write(folder.join("wild.npy"), &planes, "14, 37, 37");
    for more in [&[][..], &["--threads", "4", "--batch", "3"], &["--batch", "1"]] {
        let sentence = assert_refused(&encode(&metric, &file, &out, more), 1, &["patch 33", "PAP6 at pixel (1, 2)"]);
        assert_one_sentence(&sentence);
    }
    assert!(!out.exists());
}

#[test]
fn the_earliest_bad_patch_is_named_on_any_number_of_threads() {
    let folder = Folder::new();
    let shape = Shape::new(97, 97, 9).unwrap();
    let mut many = patches(40, shape, 3);
    for bad in [11, 12, 25, 39] {
        many[bad][shape.len() - 1] = f32::NAN;
    }
    let file = write(folder.join("X.npy"), &many, "97, 97, 9");
    for threads in ["1", "2", "5", "40"] {
        let output = encode(Path::new("mean"), &file, &folder.join("Z.npy"), &["--batch", "1", "--threads", threads]);
        assert_refused(&output, 1, &["patch 11 holds NaN, at (96, 96, 8)"]);
        assert_eq!(names(&folder), ["X.npy"]);
    }
}

#[test]
fn models_and_backends_that_cannot_run_are_named() {
    let folder = Folder::new();
    let file = write(folder.join("X.npy"), &patches(2, Shape::new(5, 5, 2).unwrap(), 1), "5, 5, 2");
    let out = folder.join("Z.npy");
    let garbage = folder.join("garbage.onnx");
    npy::write(&garbage, b"no network at all");
    let missing = folder.join("missing.onnx");
    for (model, words) in [
        (missing.as_path(), &["missing.onnx"][..]),
        (&garbage, &["garbage.onnx"]),
        (Path::new("metrik"), &["metrik"]),
        (&file, &["X.npy", ".onnx"]),
    ] {
        assert_one_sentence(&assert_refused(&encode(model, &file, &out, &[]), 1, words));
        assert_one_sentence(&assert_refused(&patchstream(&["model", "check", model.to_str().unwrap()]), 1, words));
    }
    let gpu = encode(Path::new("mean"), &file, &out, &["--backend", "gpu"]);
    assert_one_sentence(&assert_refused(&gpu, 1, &["GPU", "built in", "auto"]));
    assert_eq!(names(&folder), ["X.npy", "garbage.onnx"]);
}

#[test]
fn options_that_make_no_sense_are_named() {
    let folder = Folder::new();
    let file = write(folder.join("X.npy"), &patches(2, Shape::new(5, 5, 2).unwrap(), 1), "5, 5, 2");
    for (option, values) in [
        ("--threads", &["0", "65", "-1", "two"][..]),
        ("--batch", &["0", "1048577", "1.5"]),
        ("--backend", &["cuda", ""]),
        ("--layout", &["chw"]),
    ] {
        for value in values {
            let output = encode(Path::new("mean"), &file, &folder.join("Z.npy"), &[&format!("{option}={value}")]);
            assert_refused(&output, 2, &[option]);
        }
    }
    assert_refused(&patchstream(&["encode"]), 2, &["--model", "--patches", "--out"]);
    assert_refused(&patchstream(&["model", "check"]), 2, &["MODEL"]);
    assert_eq!(names(&folder), ["X.npy"]);
}

#[test]
fn files_that_cannot_be_written_are_refused_before_the_run() {
    let folder = Folder::new();
    let file = write(folder.join("X.npy"), &patches(2, Shape::new(5, 5, 2).unwrap(), 1), "5, 5, 2");
    let x = file.to_str().unwrap();
    fs::create_dir(folder.join("way")).unwrap();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let out = path("Z.npy");
    for (out, summary, words) in [
        (&path("no/Z.npy"), None, &["no/Z.npy"][..]),
        (&path("way"), None, &["way", "folder"]),
        (&"/dev/null".to_owned(), None, &["/dev/null", "device"]),
        (&path("X.npy/Z.npy"), None, &["X.npy/Z.npy"]),
        (&out, Some(path("no/S.json")), &["no/S.json"]),
        (&out, Some(path("way")), &["way", "folder"]),
        (&out, Some(out.clone()), &["--summary", "twice"]),
        (&x.to_owned(), None, &["--patches", "twice"]),
        (&path("way/../X.npy"), None, &["--patches", "twice"]),
        (&out, Some(x.to_owned()), &["--patches", "twice"]),
    ] {
        let more: Vec<&str> = summary.iter().flat_map(|summary| ["--summary", summary]).collect();
        let output = encode(Path::new("mean"), &file, Path::new(out), &more);
        assert_one_sentence(&assert_refused(&output, 1, words));
        assert_eq!(names(&folder), ["X.npy", "way"]);
    }
}

#[test]
fn a_run_that_fails_leaves_earlier_points_as_they_are() {
    let folder = Folder::new();
    let mut two = patches(2, Shape::new(5, 5, 2).unwrap(), 1);
    let out = folder.join("Z.npy");
    let file = write(folder.join("X.npy"), &two, "5, 5, 2");
    assert!(encode(Path::new("mean"), &file, &out, &[]).status.success());
    let before = fs::read(&out).unwrap();
    two[1][7] = f32::NAN;
    write(file.clone(), &two, "5, 5, 2");
    assert_refused(&encode(Path::new("mean"), &file, &out, &[]), 1, &["patch 1"]);
    assert_eq!(fs::read(&out).unwrap(), before);
    assert_eq!(names(&folder), ["X.npy", "Z.npy"]);
}

#[test]
#[cfg(unix)]
fn a_signal_leaves_no_file() {
    let folder = Folder::new();
    let file = folder.join("X.npy");
    // A file without end, nearly all of which is a hole.
    npy::write(&file, &bytes(1, &dictionary("<f4", false, "(20000000, 37, 37, 14)"), &[]));
    let head = fs::metadata(&file).unwrap().len();
    let length = head + 20_000_000 * 4 * 37 * 37 * 14;
    fs::File::options().write(true).open(&file).unwrap().set_len(length).unwrap();
    let [out, summary] = ["Z.npy", "S.json"].map(|name| folder.join(name));
    let child = Command::new(env!("CARGO_BIN_EXE_patchstream"))
        .args(["encode", "--model", "mean", "--threads", "2", "--patches"])
        .arg(&file)
        .arg("--out")
        .arg(&out)
        .arg("--summary")
        .arg(&summary)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It is under way once it has written a block of points.
    let end = Instant::now() + Duration::from_secs(120);
    while fs::metadata(folder.join("Z.npy.part")).map_or(0, |about| about.len()) < 500 {
        assert!(Instant::now() < end, "the run does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    // SAFETY: it sends a signal to a process that this test started and has not waited for.
    assert_eq!(unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGINT) }, 0);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("interrupted after") && text.contains("of 20000000 patches"), "{text}");
    assert_eq!(names(&folder), ["X.npy"]);
}
