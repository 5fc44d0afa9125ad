//! `patchstream sample` as a script sees it: its files against a slow twin, its defaults, its counts.
//!
//! Not here: input that it refuses ([`bad`]).

mod bad;
mod naive;
#[path = "../support/npy.rs"]
mod npy;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../support/mod.rs"]
mod support;
mod terminal;

use std::fs;
use std::path::Path;
use std::process::Output;

use naive::{Case, Tables};
use npy::{write_ids, write_points};
use support::{Folder, assert_done, patchstream, read, rows, summary};

/// Random numbers by SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Points in a cube; of a `lattice` those on its few nodes, so that ranks tie and points coincide.
    fn points(&mut self, n: usize, dim: usize, lattice: bool) -> Vec<Vec<f32>> {
        let x = |bits: u64| if lattice { (bits % 3) as f32 } else { (bits >> 40) as f32 / (1 << 24) as f32 };
        (0..n).map(|_| (0..dim).map(|_| x(self.next())).collect()).collect()
    }
}

fn sample(points: &Path, out: &Path, more: &[&str]) -> Output {
    let mut arguments = vec!["sample", "--points", points.to_str().unwrap(), "--out", out.to_str().unwrap()];
    arguments.extend(more);
    patchstream(&arguments)
}

fn row_numbers(n: usize) -> Vec<u64> {
    (0..n as u64).collect()
}

/// What the four tables say.
fn tables(out: &Path) -> Tables {
    let rank = |field: &str| (!field.is_empty()).then(|| field.parse().unwrap());
    let table = |name: &str, head: &str| rows(&read(out, name), head);
    let selected = table("selected.csv", "event,order,id,rank").into_iter();
    let discarded = table("discarded.csv", "event,id,rank").into_iter();
    let weights = table("weights.csv", "id,weight,normalised").into_iter();
    let history = table("history.csv", "event,step,id,what,rank").into_iter();
    let number = |field: &str| field.parse::<i64>().unwrap();
    let id = |field: &str| field.parse::<u64>().unwrap();
    Tables {
        selected: selected.map(|r| (number(&r[0]), r[1].parse().unwrap(), id(&r[2]), rank(&r[3]))).collect(),
        discarded: discarded.map(|r| (number(&r[0]), id(&r[1]), rank(&r[2]).unwrap())).collect(),
        weights: weights.map(|r| (id(&r[0]), r[1].parse().unwrap(), r[2].parse().unwrap())).collect(),
        history: history.map(|r| (number(&r[0]), number(&r[1]), id(&r[2]), r[3].clone(), rank(&r[4]))).collect(),
    }
}

/// Runs a case on points with these ids and compares all that it writes with the twin's.
fn check(points: &[Vec<f32>], ids: Option<&[u64]>, case: &Case) {
    let folder = Folder::new();
    let file = write_points(folder.join("points.npy"), points);
    let [first, batch, select, events, capacity, k] =
        [case.first, case.batch, case.select, case.events, case.capacity, case.k].map(|n| n.to_string());
    let mode = if case.sequential { "sequential" } else { "batch" };
    let mut options = vec!["--first", &first, "--batch", &batch, "--select", &select, "--events", &events];
    options.extend(["--capacity", &capacity, "--k", &k, "--mode", mode]);
    let given = ids.map(|ids| write_ids(folder.join("ids.npy"), &ids.iter().map(|&id| id as i64).collect::<Vec<_>>()));
    if let Some(path) = &given {
        options.extend(["--ids", path.to_str().unwrap()]);
    }
    let out = folder.join("out");
    assert_done(&sample(&file, &out, &options));

    let expected = naive::sample(points, ids.unwrap_or(&row_numbers(points.len())), case);
    assert_eq!(tables(&out), expected, "{case:?}");
    let summary = summary(&out);
    let count = |key: &str| summary[key].as_u64().unwrap() as usize;
    assert_eq!([count("n"), count("d"), count("arrived")], [points.len(), points[0].len(), points.len()]);
    assert_eq!([count("selected"), count("discarded")], [expected.selected.len(), expected.discarded.len()]);
    assert_eq!(count("candidates"), points.len() - expected.selected.len() - expected.discarded.len());
    let arrivals = points.len() - case.first;
    let batch = if case.batch == 0 { arrivals } else { case.batch };
    assert_eq!(count("events"), arrivals.div_ceil(batch).max(case.events));
}

#[test]
fn files_match_naive_in_both_modes() {
    let mut random = Random(1);
    let case = Case { first: 0, batch: 0, select: 1, events: 0, capacity: 35_000, k: 10, sequential: true };
    let cases = [
        Case { select: 40, ..case },
        Case { batch: 7, select: 2, events: 30, ..case },
        Case { first: 11, batch: 10, select: 3, capacity: 20, k: 4, ..case },
        Case { first: 3, batch: 64, select: 1, events: 12, capacity: 1, k: 1, ..case },
        Case { first: 20, batch: 1, select: 0, capacity: 5, ..case },
    ];
    for lattice in [false, true] {
        for (dim, case) in [9, 2, 3, 17, 1].into_iter().zip(&cases) {
            let points = random.points(90, dim, lattice);
            check(&points, None, case);
            check(&points, None, &Case { sequential: false, ..case.clone() });
        }
    }
}

#[test]
fn ids_of_a_file_name_the_points_and_decide_ties() {
    let points = Random(2).points(60, 2, true);
    let mut ids: Vec<u64> = (0..60).map(|row| (59 - row) * 1000).collect();
    ids[7] = (1 << 48) - 2;
    let case = Case { first: 2, batch: 20, select: 4, events: 5, capacity: 15, k: 3, sequential: true };
    check(&points, Some(&ids), &case);

    // The same ids as uint64.
    let folder = Folder::new();
    let file = write_points(folder.join("points.npy"), &points);
    let items: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
    npy::write(&folder.join("ids.npy"), &npy::bytes(1, &npy::dictionary("<u8", false, "(60,)"), &items));
    let given = folder.join("ids.npy");
    assert_done(&sample(&file, &folder.join("out"), &["--ids", given.to_str().unwrap(), "--select", "60"]));
    let all = Case { first: 0, batch: 0, select: 60, events: 0, capacity: 35_000, k: 10, sequential: true };
    assert_eq!(tables(&folder.join("out")), naive::sample(&points, &ids, &all));
}

#[test]
fn without_options_one_event_selects_one_point() {
    let folder = Folder::new();
    let points = Random(3).points(50, 3, false);
    let file = write_points(folder.join("points.npy"), &points);
    let out = folder.join("deep/inside");
    let output = sample(&file, &out, &[]);
    assert_done(&output);
    assert_eq!(read(&out, "selected.csv"), "event,order,id,rank\n0,0,0,inf\n");
    assert_eq!(read(&out, "discarded.csv"), "event,id,rank\n");
    assert_eq!(read(&out, "weights.csv"), "id,weight,normalised\n0,50,1\n");
    assert_eq!(read(&out, "history.csv").lines().count(), 1 + 50 + 1);
    let summary = summary(&out);
    let options = &summary["options"];
    let defaults = ["first", "batch", "select", "events", "capacity", "k", "seed", "threads"];
    assert_eq!(defaults.map(|name| options[name].as_u64().unwrap()), [0, 0, 1, 0, 35_000, 10, 0, 1]);
    assert_eq!([&options["mode"], &options["sampler"]], ["sequential", "importance"]);
    assert_eq!(summary["threads"], 1);
    assert!(["avx512", "avx2", "portable"].contains(&summary["instruction_set"].as_str().unwrap()));
    for clock in ["wall_seconds", "cpu_seconds"] {
        let time = |part: &str| summary[clock][part].as_f64().unwrap();
        let parts = time("arrivals") + time("picks") + time("weights");
        assert!(0.0 < parts && parts <= time("total"), "{summary}");
    }
    let event = |quantile: &str| summary["event_us"][quantile].as_f64().unwrap();
    assert!(0.0 < event("p50") && event("p50") <= event("p99"));
    if cfg!(target_os = "linux") {
        assert!(summary["peak_resident_bytes"].as_u64().unwrap() > 100_000);
    }
    let mut names: Vec<_> = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["discarded.csv", "history.csv", "selected.csv", "summary.json", "weights.csv"]);
}

#[test]
fn selecting_more_than_there_are_gives_all_and_says_how_many() {
    let folder = Folder::new();
    let points = Random(4).points(10, 2, false);
    let file = write_points(folder.join("points.npy"), &points);
    let out = folder.join("out");
    let output = sample(&file, &out, &["--first", "4", "--batch", "3", "--select", "5", "--events", "4"]);
    assert_done(&output);
    assert_eq!(rows(&read(&out, "selected.csv"), "event,order,id,rank").len(), 10);
    let counts = ["asked", "picked", "outright", "selected", "events", "candidates"];
    assert_eq!(counts.map(|key| summary(&out)[key].as_u64().unwrap()), [20, 6, 4, 10, 4, 0]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("6 of the 20 asked for"));

    let output = sample(&file, &out, &["--first", "11"]);
    assert_done(&output);
    let counts = ["asked", "picked", "outright", "selected", "events"];
    assert_eq!(counts.map(|key| summary(&out)[key].as_u64().unwrap()), [0, 0, 10, 10, 0]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("10 of the 11 asked for"));
    assert!(read(&out, "selected.csv").contains("\n-1,9,9,\n"));
    assert!(summary(&out)["event_us"]["p50"].is_null());
}

#[test]
fn a_file_without_points_gives_files_without_rows() {
    let folder = Folder::new();
    let file = folder.join("points.npy");
    npy::write(&file, &npy::bytes(1, &npy::dictionary("<f4", false, "(0, 3)"), &[]));
    let out = folder.join("out");
    assert_done(&sample(&file, &out, &["--events", "2"]));
    assert_eq!(tables(&out), Tables::default());
    assert_eq!((summary(&out)["n"].as_u64(), summary(&out)["events"].as_u64()), (Some(0), Some(2)));
}

#[test]
fn each_version_of_the_format_and_float64_are_the_same_points() {
    let folder = Folder::new();
    let points = Random(5).points(40, 4, false);
    let options = ["--batch", "9", "--select", "3", "--first", "1"];
    let expected = folder.join("expected");
    assert_done(&sample(&write_points(folder.join("points.npy"), &points), &expected, &options));
    let flat = || points.iter().flatten();
    let single: Vec<u8> = flat().flat_map(|x| x.to_le_bytes()).collect();
    let double: Vec<u8> = flat().flat_map(|&x| f64::from(x).to_le_bytes()).collect();
    for (version, descr, items) in [(2, "<f4", &single), (3, "<f4", &single), (1, "<f8", &double)] {
        let (file, out) = (folder.join("other.npy"), folder.join("out"));
        npy::write(&file, &npy::bytes(version, &npy::dictionary(descr, false, "(40, 4)"), items));
        assert_done(&sample(&file, &out, &options));
        assert_eq!(tables(&out), tables(&expected), "version {version}, {descr}");
    }
}

#[test]
fn threads_seed_and_repetition_change_no_table() {
    let folder = Folder::new();
    let file = write_points(folder.join("points.npy"), &Random(6).points(2500, 5, false));
    let options = ["--batch", "100", "--select", "4", "--capacity", "300"];
    let base = folder.join("base");
    assert_done(&sample(&file, &base, &options));
    let out = folder.join("out");
    // All into one folder, where each run replaces the files of the one before.
    for more in [["--threads", "2"], ["--threads", "7"], ["--seed", "9"], ["--sampler", "importance"]] {
        assert_done(&sample(&file, &out, &[&options[..], &more].concat()));
        for name in ["selected.csv", "discarded.csv", "weights.csv", "history.csv"] {
            assert!(read(&out, name) == read(&base, name), "{name} with {more:?}");
        }
    }
    assert_done(&sample(&file, &out, &["--threads", "2"]));
    assert_eq!(summary(&out)["threads"], 2);
}

#[test]
fn the_help_names_every_option() {
    let help = patchstream(&["sample", "--help"]);
    assert_done(&help);
    let help = String::from_utf8(help.stdout).unwrap();
    for option in [
        "points", "ids", "first", "batch", "select", "events", "capacity", "k", "mode", "sampler", "seed", "threads",
        "out",
    ] {
        assert!(help.contains(&format!("--{option} ")), "{option}");
    }
}

#[test]
fn binned_sampling_of_novelty_one_is_flat_over_the_bins_and_random_depends_on_the_seed_alone() {
    let folder = Folder::new();
    // Nine of ten points are in the first of four bins.
    let mut random = Random(9);
    let crowd = |x: f32, i: usize| if i.is_multiple_of(10) { x } else { x / 4.0 };
    let points: Vec<Vec<f32>> =
        random.points(400, 1, false).iter().enumerate().map(|(i, x)| vec![crowd(x[0], i)]).collect();
    let file = write_points(folder.join("points.npy"), &points);
    let selected = |name: &str, more: &[&str]| -> Vec<u64> {
        let out = folder.join(name);
        let output = sample(&file, &out, &[&["--select", "20"], more].concat());
        assert_done(&output);
        rows(&read(&out, "selected.csv"), "event,order,id,rank").iter().map(|row| row[2].parse().unwrap()).collect()
    };
    let bins = ["--sampler", "binned", "--novelty", "1", "--bins", "1d:dim=0,min=0,max=1,bins=4"];
    let mut counts = [0; 4];
    for id in selected("binned", &bins) {
        counts[(points[id as usize][0] * 4.0) as usize] += 1;
    }
    assert_eq!(counts, [5; 4]);

    let draw = |name: &str, seed: &str, threads: &str| {
        selected(name, &["--sampler", "random", "--seed", seed, "--threads", threads])
    };
    let one = draw("one", "1", "1");
    assert_eq!(draw("again", "1", "3"), one);
    assert_ne!(draw("two", "2", "1"), one);
    for more in [&["--sampler", "binned"][..], &["--novelty", "1"], &["--bins", "1d:dim=0,min=0,max=1,bins=0"]] {
        assert!(!sample(&file, &folder.join("bad"), more).status.success(), "{more:?}");
    }
}
