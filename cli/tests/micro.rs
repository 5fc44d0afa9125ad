//! The closed loop as a script sees it: rounds of feedback, whatever becomes of workers and of the campaign itself.
//!
//! Not here: LAMMPS as the workers' code (`ffi/tests`), campaigns without simulations (`campaign.rs`, `resume.rs`).
#![cfg(target_os = "linux")]

#[allow(dead_code, reason = "other tests use the rest")]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Folder, assert_done, assert_refused, patchstream, summary};

/// Files that have to be equal.
const FILES: [&str; 4] = ["selected.csv", "weights.csv", "selections.psel", "feedback.psel"];
/// Bytes of one table.
const TABLE: u64 = 360_000;

/// Three rounds of six simulations each of one RAS, 120 steps long, and no simulation after the last.
fn begin(out: &Path, more: &[&str]) -> Child {
    let options = "campaign --grid 48 --proteins 1 --controls 0 --steps 54 --every 3 --model mean --capacity 9 --save 4 \
                   --feedback-every 18 --feedback-growth 1 --md-equilibration 40 --md-steps 80 --out";
    let arguments = options.split_whitespace().chain([out.to_str().unwrap()]).chain(more.iter().copied());
    spawn(arguments)
}

fn go_on(out: &Path) -> Child {
    spawn(["campaign", "--resume", out.to_str().unwrap()])
}

fn spawn<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_patchstream"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(child: Child) -> Output {
    let output = child.wait_with_output().unwrap();
    assert_done(&output);
    output
}

/// A campaign of one worker that nothing disturbs.
fn undisturbed(folder: &Folder) -> PathBuf {
    let out = folder.join("undisturbed");
    end(begin(&out, &["--workers", "1"]));
    out
}

fn assert_same(one: &Path, other: &Path) {
    for file in FILES {
        assert!(fs::read(one.join(file)).unwrap() == fs::read(other.join(file)).unwrap(), "{file} differs");
    }
    let [one, other] = [one, other].map(summary);
    for key in ["steps", "patches", "selected", "feedback"] {
        assert_eq!(one[key], other[key], "{key}");
    }
}

/// The living workers of a campaign.
fn workers_of(pid: u32) -> Vec<i32> {
    let numbers = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers.filter(|&number: &i32| parent(number) == Some(pid)).collect()
}

/// The parent of a process that runs.
fn parent(pid: i32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    if fields.next() == Some("Z") {
        return None;
    }
    fields.next()?.parse().ok()
}

/// Clock ticks that a process has computed for.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |parts| parts.1).split_whitespace().skip(11);
    fields.take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
}

fn kill(pid: i32, signal: i32) {
    // SAFETY: it sends a signal to a process that this test has started, or that one has.
    unsafe { libc::kill(pid, signal) };
}

/// Until `there` is, or the process has ended.
fn wait_until(child: &mut Child, mut there: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !there() && child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end, "it does not come");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// How much of a file was written.
fn bytes(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |about| about.len())
}

#[test]
fn any_number_of_workers_gives_the_same_files() {
    let folder = Folder::new();
    let one = undisturbed(&folder);
    let three = folder.join("three");
    let output = end(begin(&three, &["--workers", "3", "--background"]));
    assert_same(&one, &three);

    let summary = summary(&one);
    let rounds = summary["feedback"].as_array().unwrap();
    assert_eq!(rounds.len(), 3);
    for (at, round) in rounds.iter().enumerate() {
        let number = |key: &str| round[key].as_f64().unwrap_or_else(|| panic!("{key}: {round}"));
        assert_eq!((number("round"), number("simulations")), (at as f64 + 1.0, 6.0 * (at as f64 + 1.0)));
        assert!(number("rms_after") < number("rms_before"), "{round}");
        assert!((1.0..=number("simulations")).contains(&number("effective_samples")), "{round}");
    }
    assert_eq!(summary["jobs"]["done"], 18);
    assert_eq!(summary["options"]["md"], "builtin");
    assert!(summary["cpu"]["patchstream_share"].as_f64().is_some_and(|share| share > 0.0 && share < 1.0));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("rms before") && said.contains("% of it in patchstream"), "{said}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("round 3: 18 simulations"));
}

/// One state, and simulations enough to tell by how much the membrane is off: 8, 24 and 72 of them.
#[test]
fn each_of_three_rounds_brings_the_membrane_nearer_to_simulations_that_it_does_not_know() {
    let folder = Folder::new();
    let out = folder.join("out");
    let options = "campaign --grid 48 --proteins 1 --controls 0 --steps 312 --every 3 --model mean --feedback-every 24 \
                   --feedback-growth 3 --md-equilibration 400 --md-steps 1200 --out";
    end(spawn(options.split_whitespace().chain([out.to_str().unwrap()])));
    let summary = summary(&out);
    let rounds = summary["feedback"].as_array().unwrap();
    let of = |key: &str| rounds.iter().map(|round| round[key].as_f64().unwrap()).collect::<Vec<f64>>();
    assert_eq!(of("simulations"), [8.0, 32.0, 104.0]);
    let (before, after, inverted) = (of("rms_before"), of("rms_after"), of("rms_inverted"));
    assert!(before[1] < before[0] && before[2] < before[1], "{before:?}");
    assert!(after.iter().chain(&inverted).all(|&rms| rms < 0.02), "{after:?} {inverted:?}");
}

#[test]
fn a_worker_that_is_killed_is_started_again_and_changes_nothing() {
    let folder = Folder::new();
    let whole = undisturbed(&folder);
    let out = folder.join("out");
    let mut child = begin(&out, &[]);
    let pid = child.id();
    let mut killed = Vec::new();
    for round in 0..3 {
        // Each time something more has come back.
        wait_until(&mut child, || {
            bytes(&out.join("feedback.psel.part")) >= round * TABLE && !workers_of(pid).is_empty()
        });
        if let Some(worker) = workers_of(pid).into_iter().find(|worker| !killed.contains(worker)) {
            kill(worker, libc::SIGKILL);
            killed.push(worker);
        }
    }
    let output = end(child);
    assert_same(&whole, &out);
    assert!(String::from_utf8_lossy(&output.stderr).contains("by signal 9: it is started again"));
}

#[test]
fn a_worker_that_is_started_by_hand_changes_nothing_whatever_its_options() {
    let folder = Folder::new();
    let whole = undisturbed(&folder);
    let out = folder.join("out");
    let mut child = begin(&out, &["--workers", "1"]);
    let pid = child.id();
    // The transport is the word after `worker`.
    let mut transport = None;
    wait_until(&mut child, || {
        let line = |worker: &i32| fs::read_to_string(format!("/proc/{worker}/cmdline")).ok();
        let found = workers_of(pid).iter().find_map(line);
        transport = found.and_then(|line| Some(line.split('\0').find(|word| word.starts_with("shm:"))?.to_owned()));
        transport.is_some()
    });
    // The campaign's own holds still until the other one has worked.
    let own = workers_of(pid);
    own.iter().for_each(|worker| kill(*worker, libc::SIGSTOP));
    let other = "--seed 9 --equilibration 10 --windows 2 --window 60 --bins 30";
    let mut by_hand = spawn(["worker", transport.as_deref().unwrap_or("shm:none")].into_iter().chain(other.split(' ')));
    let until = Instant::now() + Duration::from_secs(60);
    while ticks(by_hand.id()) < 6 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    own.iter().for_each(|worker| kill(*worker, libc::SIGCONT));
    end(child);
    kill(by_hand.id() as i32, libc::SIGTERM);
    by_hand.wait().unwrap();
    // The log says who was given a job.
    let log = fs::read_dir(out.join("log")).unwrap().flat_map(|file| fs::read(file.unwrap().path()).unwrap());
    let (log, who) = (log.collect::<Vec<u8>>(), format!("process {} (", by_hand.id()));
    assert!(log.windows(who.len()).any(|bytes| bytes == who.as_bytes()), "it was given no job");
    assert_same(&whole, &out);
}

#[test]
fn a_campaign_that_is_killed_leaves_no_worker_and_goes_on_to_the_same_files() {
    let folder = Folder::new();
    let started = Instant::now();
    let whole = undisturbed(&folder);
    let usual = started.elapsed();
    let out = folder.join("out");
    let mut child = begin(&out, &[]);
    wait_until(&mut child, || out.join("run.toml").exists());
    let mut random = 5_u64;
    for turn in 0..8 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(usual.mul_f64((random >> 40) as f64 / (1 << 24) as f64 / 4.0));
        let workers = workers_of(child.id());
        child.kill().unwrap();
        if turn % 2 == 1 {
            // The whole group.
            workers.iter().for_each(|worker| kill(*worker, libc::SIGKILL));
        }
        child.wait().unwrap();
        child = go_on(&out);
        let end = Instant::now() + Duration::from_secs(60);
        while workers.iter().any(|worker| parent(*worker).is_some()) {
            assert!(Instant::now() < end, "a worker stays when its campaign is gone");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    end(child);
    end(go_on(&out));
    assert_same(&whole, &out);
    assert_done(&patchstream(&["verify", out.to_str().unwrap()]));
}

#[test]
fn an_interrupted_campaign_ends_its_workers_and_goes_on_from_where_it_was() {
    let folder = Folder::new();
    let whole = undisturbed(&folder);
    let out = folder.join("out");
    let mut child = begin(&out, &[]);
    for rounds in 0..2 {
        wait_until(&mut child, || {
            out.join("run.toml").exists() && bytes(&out.join("feedback.psel.part")) >= rounds * TABLE
        });
        let workers = workers_of(child.id());
        kill(child.id() as i32, libc::SIGINT);
        let output = child.wait_with_output().unwrap();
        assert!(workers.iter().all(|worker| parent(*worker).is_none()), "a worker stays");
        // A machine that is quick enough has done everything by then.
        if output.status.code() == Some(130) {
            assert!(String::from_utf8_lossy(&output.stdout).contains("--resume"));
        }
        child = go_on(&out);
    }
    end(child);
    assert_same(&whole, &out);
}

#[test]
fn an_asynchronous_campaign_waits_for_nothing_and_has_its_rounds() {
    let folder = Folder::new();
    let out = folder.join("out");
    end(begin(&out, &["--asynchronous"]));
    let summary = summary(&out);
    assert_eq!(summary["feedback"].as_array().map(Vec::len), Some(3));
    let jobs = |key: &str| summary["jobs"][key].as_u64().unwrap();
    assert_eq!(jobs("done") + jobs("left"), 18);
}

#[test]
fn without_simulations_nothing_is_said_of_them() {
    let folder = Folder::new();
    let out = folder.join("out");
    end(begin(&out, &["--md", "none"]));
    for key in ["feedback", "jobs", "cpu"] {
        assert_eq!(summary(&out)[key], Value::Null, "{key}");
    }
    assert!(!out.join("feedback.psel").exists());
}

#[test]
fn workers_that_cannot_work_end_the_campaign_with_a_sentence() {
    let folder = Folder::new();
    let output =
        begin(&folder.join("false"), &["--md", "lammps", "--lammps", "/bin/false"]).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("workers in a row ended") && said.contains("with code 1"), "{said}");

    let refuse = |more: &[&str]| begin(&folder.join("refused"), more).wait_with_output().unwrap();
    assert_refused(&refuse(&["--md", "lammps", "--lammps", "nowhere/at_all"]), 1, &["nowhere/at_all", "README"]);
    assert_refused(&refuse(&["--md", "gromacs"]), 2, &["gromacs", "builtin", "lammps", "none"]);
    assert_refused(&refuse(&["--workers", "0"]), 2, &["--workers"]);
    assert_refused(&refuse(&["--md-steps", "41"]), 2, &["--md-steps", "multiple of 80"]);
    assert_refused(&refuse(&["--feedback-evry", "4"]), 2, &["--feedback-evry", "--feedback-every"]);
    assert!(!folder.join("refused").exists());
}

#[test]
fn a_worker_refuses_what_is_no_transport_and_ends_without_its_parent() {
    assert_refused(&patchstream(&["worker", "nowhere"]), 1, &["shm:NAME"]);
    assert_refused(&patchstream(&["worker", "shm:a", "--window", "7", "--every", "2"]), 1, &["--window 7"]);
    // Nobody is there, and this test is not the process that it is to end with.
    let name = format!("shm:nobody-{}", std::process::id());
    assert_done(&patchstream(&["worker", &name, "--parent", "4000000000"]));
}
