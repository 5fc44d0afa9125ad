//! A campaign that is killed, interrupted or disturbed, and goes on: it ends with the files of one that nothing disturbed.
//!
//! Not here: what a stream promises of its log (`patchstream`'s own tests).

#[allow(dead_code, reason = "other tests use the rest")]
mod support;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use patchstream::store::{Options, Store};
use support::{Folder, assert_done, assert_refused, contents, patchstream, summary};

/// Files that have to be equal.
const FILES: [&str; 3] = ["selected.csv", "weights.csv", "selections.psel"];

/// 100 frames of two patches, with controls asked for, discards, and something saved every few frames.
fn options(out: &Path) -> Vec<String> {
    let options = "campaign --md none --grid 64 --proteins 2 --steps 300 --every 3 --model mean --capacity 12 --controls 1 --save 7 --out";
    options.split(' ').map(str::to_owned).chain([out.to_str().unwrap().to_owned()]).collect()
}

fn begin(out: &Path, more: &[&str]) -> Child {
    spawn(options(out).into_iter().chain(more.iter().map(|word| (*word).to_owned())))
}

fn go_on(out: &Path) -> Child {
    spawn(["campaign", "--resume", out.to_str().unwrap()].map(str::to_owned))
}

fn spawn(arguments: impl IntoIterator<Item = String>) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_patchstream"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn resume(out: &Path) {
    let output = go_on(out).wait_with_output().unwrap();
    assert_done(&output);
}

fn assert_same(one: &Path, other: &Path) {
    for file in FILES {
        assert!(fs::read(one.join(file)).unwrap() == fs::read(other.join(file)).unwrap(), "{file} differs");
    }
    let [one, other] = [one, other].map(summary);
    let counts = [
        "steps",
        "time_us",
        "interrupted",
        "patches",
        "candidates",
        "selected",
        "discarded",
        "rejected",
        "selected_constellations",
    ];
    for key in counts {
        assert_eq!(one[key], other[key], "{key}");
    }
}

/// A run that nothing disturbs.
fn undisturbed(folder: &Folder) -> std::path::PathBuf {
    let out = folder.join("undisturbed");
    assert_done(&begin(&out, &[]).wait_with_output().unwrap());
    assert!(summary(&out)["discarded"].as_u64().unwrap() > 0, "nothing is discarded");
    out
}

/// Until something is there, or the process has ended.
fn wait_for(path: &Path, child: &mut Child) {
    let end = Instant::now() + Duration::from_secs(120);
    while !path.exists() && child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end, "{} does not come", path.display());
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_campaign_that_is_killed_again_and_again_ends_with_the_same_files() {
    let folder = Folder::new();
    let started = Instant::now();
    let whole = undisturbed(&folder);
    let usual = started.elapsed();
    for more in [&[][..], &["--background"]] {
        let out = folder.join(if more.is_empty() { "inline" } else { "background" });
        let mut child = begin(&out, more);
        wait_for(&out.join("run.toml"), &mut child);
        let (mut random, mut kills) = (7_u64, 0);
        let end = Instant::now() + Duration::from_secs(60);
        while kills < 25 && Instant::now() < end {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            std::thread::sleep(usual.mul_f64((random >> 40) as f64 / (1 << 24) as f64 / 6.0));
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
            child = go_on(&out);
        }
        assert_done(&child.wait_with_output().unwrap());
        resume(&out);
        assert_same(&whole, &out);
        assert_done(&patchstream(&["verify", out.to_str().unwrap()]));
        let replay = patchstream(&["replay", out.to_str().unwrap()]);
        assert_done(&replay);
        assert!(String::from_utf8_lossy(&replay.stdout).starts_with("identical 100 events with 100 picks"));
    }
}

#[test]
fn a_kill_in_the_first_moments_leaves_a_run_or_a_folder_to_begin_in() {
    let folder = Folder::new();
    let whole = undisturbed(&folder);
    for moment in 0..12 {
        let out = folder.join(&format!("moment{moment}"));
        let mut child = begin(&out, &[]);
        std::thread::sleep(Duration::from_millis(moment));
        child.kill().unwrap();
        child.wait().unwrap();
        if out.join("run.toml").exists() {
            resume(&out);
        } else {
            assert_refused(&go_on(&out).wait_with_output().unwrap(), 1, &["is no run"]);
            assert_done(&begin(&out, &[]).wait_with_output().unwrap());
        }
        assert_same(&whole, &out);
    }
}

#[test]
#[cfg(unix)]
fn an_interrupted_campaign_goes_on_from_where_it_was() {
    let folder = Folder::new();
    let whole = undisturbed(&folder);
    let out = folder.join("out");
    let mut child = begin(&out, &[]);
    wait_for(&out.join("host-B"), &mut child);
    // SAFETY: it sends a signal to a process that this test started and has not waited for.
    assert_eq!(unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGINT) }, 0);
    let output = child.wait_with_output().unwrap();
    // A machine that is quick enough has done everything by then.
    if output.status.code() == Some(130) {
        let done = summary(&out)["steps"].as_i64().unwrap();
        assert!(String::from_utf8_lossy(&output.stdout).contains("--resume"));
        let output = go_on(&out).wait_with_output().unwrap();
        assert_done(&output);
        assert!(String::from_utf8_lossy(&output.stdout).contains(&format!("resumed   after step {done} of 300")));
    }
    assert_same(&whole, &out);
}

#[test]
fn a_finished_campaign_is_left_as_it_is() {
    let folder = Folder::new();
    let whole = undisturbed(&folder);
    let before = contents(&whole);
    let output = go_on(&whole).wait_with_output().unwrap();
    assert_done(&output);
    assert!(String::from_utf8_lossy(&output.stdout).contains("nothing is left to do"));
    assert_eq!(contents(&whole), before);
    let again = begin(&whole, &[]).wait_with_output().unwrap();
    assert_refused(&again, 1, &["holds a run already", "--resume"]);
    assert_eq!(contents(&whole), before);
}

#[test]
fn a_run_in_use_is_refused_with_the_pid_of_its_user() {
    let folder = Folder::new();
    let out = folder.join("out");
    let mut child = begin(&out, &["--steps", "1000000000"]);
    wait_for(&out.join("selected.csv.part"), &mut child);
    let pid = child.id().to_string();
    assert_refused(&go_on(&out).wait_with_output().unwrap(), 1, &["in use", &pid]);
    assert!(child.try_wait().unwrap().is_none(), "it was disturbed");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn resume_takes_no_other_option_and_no_other_folder() {
    let folder = Folder::new();
    assert_refused(&patchstream(&["campaign", "--resume", "x", "--steps", "3"]), 2, &["--resume"]);
    let missing = folder.join("missing");
    assert_refused(&go_on(&missing).wait_with_output().unwrap(), 1, &["is no run", "missing"]);
    assert!(!missing.exists());
    let file = folder.join("file");
    fs::write(&file, "x").unwrap();
    assert_refused(&go_on(&file).wait_with_output().unwrap(), 1, &["file"]);
    let other = folder.join("other");
    Store::create(&other, "nx = 37", &Options::default()).unwrap().close().unwrap();
    assert_refused(&go_on(&other).wait_with_output().unwrap(), 1, &["no campaign's"]);
    let newer = folder.join("newer");
    let text = "{\"command\":\"campaign\",\"options\":{\"steps\":3}}";
    Store::create(&newer, text, &Options::default()).unwrap().close().unwrap();
    assert_refused(&go_on(&newer).wait_with_output().unwrap(), 1, &["options differ"]);
}

#[test]
fn damaged_files_of_the_host_are_named_and_the_older_one_is_taken() {
    let folder = Folder::new();
    let whole = undisturbed(&folder);
    let out = folder.join("out");
    let mut child = begin(&out, &[]);
    wait_for(&out.join("host-A"), &mut child);
    child.kill().unwrap();
    child.wait().unwrap();
    if out.join("summary.json").exists() {
        return; // a machine this quick leaves nothing to damage
    }
    let damage = |name: &str| {
        let mut bytes = fs::read(out.join(name)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(out.join(name), bytes).unwrap();
    };
    let good = contents(&out);
    let restore = || good.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());

    damage("host-A");
    damage("host-B");
    assert_refused(&go_on(&out).wait_with_output().unwrap(), 1, &["host-", "damaged"]);
    restore();
    fs::write(out.join("selected.csv.part"), "event").unwrap();
    assert_refused(&go_on(&out).wait_with_output().unwrap(), 1, &["selected.csv.part", "begin a new campaign"]);
    restore();
    fs::write(out.join("summary.json"), "{").unwrap();
    assert_refused(&go_on(&out).wait_with_output().unwrap(), 1, &["summary.json", "damaged"]);
    fs::remove_file(out.join("summary.json")).unwrap();
    damage("host-A");
    resume(&out);
    assert_same(&whole, &out);
}
