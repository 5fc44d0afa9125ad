//! Input that `sample` refuses, each with one sentence, and a run that is interrupted.
//!
//! Not here: what it does with good input.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::npy::{bytes, dictionary, write, write_ids, write_points};
use crate::support::{Folder, assert_done, assert_refused, patchstream, read, summary};
use crate::{Random, sample, tables};

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

#[test]
fn files_that_hold_no_points_are_refused_with_one_sentence() {
    let folder = Folder::new();
    let six = floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let array =
        |descr: &str, fortran: bool, shape: &str, items: &[u8]| bytes(1, &dictionary(descr, fortran, shape), items);
    let good = array("<f4", false, "(3, 2)", &six);
    let double: Vec<u8> = [1.0, 2.0, 3.0, -1e39, 5.0, 6.0].iter().flat_map(|x: &f64| x.to_le_bytes()).collect();
    let mut long = good.clone();
    long.push(0);
    let mut version = good.clone();
    version[6] = 4;
    let mut huge = good.clone();
    huge[8..10].copy_from_slice(&u16::MAX.to_le_bytes());
    for (file, words) in [
        (vec![], &["no .npy"][..]),
        (b"0.5 0.25\n1.5 2.5\n".to_vec(), &["no .npy", "numpy.save"]),
        (good[..7].to_vec(), &["no .npy"]),
        (good[..9].to_vec(), &["within its header"]),
        (good[..40].to_vec(), &["within its header"]),
        (good[..good.len() - 1].to_vec(), &["cut short", "(3, 2)", "23"]),
        (long, &["1 bytes behind"]),
        (version, &["version 4"]),
        (huge, &["within its header"]),
        (bytes(2, &" ".repeat(70_000), &six), &["70004", "65536"]),
        (bytes(1, "{'descr': '<f4'}", &six), &["header", "{'descr': '<f4'}"]),
        (array("<f4", true, "(3, 2)", &six), &["Fortran order", "ascontiguousarray"]),
        (array(">f4", false, "(3, 2)", &six), &["'>f4'".trim_matches('\''), "little endian"]),
        (array("<f2", false, "(3, 2)", &six[..12]), &["<f2", "float32 or float64"]),
        (array("<i4", false, "(3, 2)", &six), &["<i4", "astype"]),
        (bytes(1, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,), }", &six), &["('a', '<f4')"]),
        (array("<f4", false, "(6,)", &six), &["(6,)", "(n, d)"]),
        (array("<f4", false, "(1, 3, 2)", &six), &["(1, 3, 2)", "(n, d)"]),
        (array("<f4", false, "()", &six[..4]), &["()", "(n, d)"]),
        (array("<f4", false, "(6, 0)", &[]), &["(6, 0)", "coordinates"]),
        (array("<f4", false, "(0, 100000)", &[]), &["(0, 100000)", "coordinates"]),
        (array("<f4", false, "(18446744073709551615, 2)", &six), &["cut short"]),
        (array("<f4", false, "(3, 2)", &floats(&[1.0, 2.0, 3.0, 4.0, 5.0, f32::NAN])), &["row 2", "column 1", "NaN"]),
        (
            array("<f4", false, "(3, 2)", &floats(&[1.0, 2.0, f32::INFINITY, 4.0, 5.0, 6.0])),
            &["row 1", "column 0", "inf"],
        ),
        (array("<f8", false, "(3, 2)", &double), &["row 1", "column 1", "-1e39", "float32"]),
    ] {
        let path = folder.join("points.npy");
        write(&path, &file);
        let output = sample(&path, &folder.join("out"), &[]);
        let sentence = assert_refused(&output, 1, &[words, &["points.npy"]].concat());
        assert_eq!(sentence.trim_end().lines().count(), 1, "{sentence}");
        assert!(!folder.join("out").exists(), "nothing is written before the points are known to be good");
    }
    for (path, word) in [(folder.join("missing.npy"), "missing.npy"), (folder.0.clone(), "folder")] {
        assert_refused(&sample(&path, &folder.join("out"), &[]), 1, &[word]);
    }
}

#[test]
fn ids_that_do_not_fit_are_refused_with_one_sentence() {
    let folder = Folder::new();
    let points = write_points(folder.join("points.npy"), &Random(1).points(4, 2, false));
    let refused = |words: &[&str]| {
        let ids = folder.join("ids.npy");
        let output = sample(&points, &folder.join("out"), &["--ids", ids.to_str().unwrap()]);
        assert_refused(&output, 1, &[words, &["ids.npy"]].concat());
        assert!(!folder.join("out").exists());
    };
    refused(&["cannot read"]);
    for (ids, words) in [
        (&[5, 6, 7][..], &["(3,)", "4 points"][..]),
        (&[5, 6, 7, 8, 9], &["(5,)", "4 points"]),
        (&[5, -6, 7, 8], &["row 1", "-6"]),
        (&[5, 6, 7, (1 << 48) - 1], &["row 3", "281474976710655", "281474976710654"]),
        (&[5, 6, 7, 6], &["rows 1 and 3", "id 6"]),
    ] {
        write_ids(folder.join("ids.npy"), ids);
        refused(words);
    }
    write(&folder.join("ids.npy"), &bytes(1, &dictionary("<i4", false, "(4,)"), &[0; 16]));
    refused(&["<i4", "int64 or uint64"]);
    write(&folder.join("ids.npy"), &bytes(1, &dictionary("<u8", false, "(4,)"), &[255; 32]));
    refused(&["row 0", "18446744073709551615"]);
}

#[test]
fn options_that_make_no_sense_are_named() {
    let folder = Folder::new();
    let points = write_points(folder.join("points.npy"), &Random(1).points(4, 2, false));
    for (option, values) in [
        ("--k", &["0", "1025", "-1"][..]),
        ("--capacity", &["0", "x"]),
        ("--threads", &["0", "65"]),
        ("--mode", &["serial"]),
        ("--sampler", &["farthest"]),
        ("--batch", &["-1", "1.5"]),
        ("--select", &["99999999999999999999"]),
        ("--kk", &["1"]),
    ] {
        for value in values {
            let option_and_value = format!("{option}={value}");
            let output = sample(&points, &folder.join("out"), &[&option_and_value]);
            assert_refused(&output, 2, &[option]);
        }
    }
    assert_refused(&patchstream(&["sample"]), 2, &["--points", "--out"]);
    assert!(!folder.join("out").exists());
}

#[test]
fn a_run_that_fails_leaves_an_earlier_one_as_it_is() {
    let folder = Folder::new();
    let out = folder.join("out");
    let points = write_points(folder.join("points.npy"), &Random(1).points(4, 2, false));
    assert_done(&sample(&points, &out, &[]));
    let (before, said) = (tables(&out), read(&out, "summary.json"));
    let bad = write_points(folder.join("bad.npy"), &[vec![1.0], vec![f32::NAN]]);
    assert_refused(&sample(&bad, &out, &[]), 1, &["bad.npy"]);
    assert_eq!((tables(&out), read(&out, "summary.json")), (before, said));
    assert_eq!(fs::read_dir(&out).unwrap().count(), 5);

    let file = folder.join("file");
    write(&file, &[]);
    assert_refused(&sample(&points, &file.join("inside"), &[]), 1, &["inside", "another folder"]);
    let way = folder.join("way");
    fs::create_dir_all(way.join("history.csv")).unwrap();
    assert_refused(&sample(&points, &way, &[]), 1, &["history.csv", "another output folder"]);
}

#[test]
#[cfg(unix)]
fn a_signal_ends_a_run_with_what_was_done_so_far() {
    let folder = Folder::new();
    let points = write_points(folder.join("points.npy"), &Random(1).points(200, 2, false));
    let arguments = "sample --batch 1 --select 0 --capacity 7 --first 3 --events 1000000000000 --points";
    let child = Command::new(env!("CARGO_BIN_EXE_patchstream"))
        .args(arguments.split(' '))
        .arg(&points)
        .arg("--out")
        .arg(&folder.0)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It is under way once the first buffer of its history has been written.
    let end = Instant::now() + Duration::from_secs(120);
    while fs::metadata(folder.join("discarded.csv.part")).is_err() {
        assert!(Instant::now() < end, "the run does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(200));
    // SAFETY: it sends a signal to a process that this test started and has not waited for.
    assert_eq!(unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGINT) }, 0);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&output.stdout).contains("interrupted after"));
    let summary = summary(&folder.0);
    assert_eq!(summary["interrupted"], true);
    let count = |key: &str| summary[key].as_u64().unwrap();
    assert_eq!(count("arrived"), count("selected") + count("candidates") + count("discarded"));
    let tables = tables(&folder.0);
    assert_eq!(tables.discarded.len() as u64, count("discarded"));
    assert_eq!(tables.weights.iter().map(|row| row.1).sum::<f64>(), count("arrived") as f64);
    assert!(!folder.join("discarded.csv.part").exists());
}
