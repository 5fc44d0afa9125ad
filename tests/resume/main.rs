//! A host that is killed at random moments, again and again, and starts from its own checkpoint each time: in the end it
//! was told, byte for byte, what a host was told that nobody killed.
//!
//! This test program starts itself again as the host. Not here: hosts that compute something else (`src/stream/tests/`).

mod densities;
#[path = "../support/folder.rs"]
mod folder;
mod steps;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use folder::Folder;
use patchstream::stream::{StoreConfig, Stream};

const STEPS: i64 = 60;
const PATCHES: u64 = 8;
const KILLS: usize = 200;
/// Nothing takes as long as this; the kills take a few seconds.
const LONG: Duration = Duration::from_secs(600);

/// A host's campaign in `folder`: from its checkpoint, if it has one, to the end.
fn host(folder: &Path, options: u64) {
    let store = StoreConfig { checkpoint_events: options % 3 * 4, segment_bytes: 20_000, ..StoreConfig::default() };
    let stream = Stream::builder().grid(5, 5).model("mean").capacity(40).slots(8).background(options % 2 == 1);
    let stream = stream.run_dir(folder.join("run")).store(store).open().unwrap();
    let (first, mut told) = steps::go_on(&stream, folder);
    let mut producer = stream.producer("ddft").unwrap();
    for step in first..STEPS {
        for id in (1..=PATCHES).map(|i| step as u64 * PATCHES + i) {
            let densities: Vec<f32> = (0..5 * 5 * 14).map(|i| ((id * 7919 + i * 31) % 1009) as f32 / 1009.0).collect();
            steps::push(&stream, &mut producer, id, step, 5, &densities);
        }
        let selections = stream.select(step, 2).unwrap().unwrap();
        steps::tell(&mut told, &selections);
        if step % 7 == 6 {
            steps::save(&stream, folder, step, &told, LONG);
        }
    }
    let weights = stream.weights().unwrap();
    for (id, weight) in weights.weights.ids.iter().zip(&weights.weights.weights) {
        writeln!(told, "{id} {weight}").unwrap();
    }
    stream.close();
    steps::write(folder, "end", &told);
}

/// Not a test of its own: what the tests start.
#[test]
fn host_of_the_tests() {
    if let Ok(folder) = std::env::var("PATCHSTREAM_TEST_HOST") {
        let options = std::env::var("PATCHSTREAM_TEST_OPTIONS").unwrap().parse().unwrap();
        match std::env::var("PATCHSTREAM_TEST_CAMPAIGN").unwrap().as_str() {
            "densities" => densities::host(Path::new(&folder), options),
            _ => host(Path::new(&folder), options),
        }
    }
}

fn start(campaign: &str, folder: &Path, options: u64) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "host_of_the_tests", "--nocapture"]);
    command
        .env("PATCHSTREAM_TEST_CAMPAIGN", campaign)
        .env("PATCHSTREAM_TEST_HOST", folder)
        .env("PATCHSTREAM_TEST_OPTIONS", options.to_string());
    command.stdout(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_host_that_is_killed_200_times_is_told_what_an_undisturbed_one_is() {
    let undisturbed = Folder::new("resume-undisturbed");
    let started = Instant::now();
    assert!(start("plain", &undisturbed.0, 0).wait().unwrap().success());
    let takes = started.elapsed();
    let truth = std::fs::read_to_string(undisturbed.0.join("end.txt")).unwrap();
    assert!(truth.lines().count() > STEPS as usize);
    let (mut kills, mut campaigns, mut random) = (0, 0, 0x1234_5678_9abc_def1_u64);
    let started = Instant::now();
    while kills < KILLS {
        let folder = Folder::new(&format!("resume-{campaigns}"));
        loop {
            assert!(started.elapsed() < LONG, "{kills} kills in {LONG:?}: hosts hang, or the machine does");
            let mut child = start("plain", &folder.0, campaigns);
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let alive = takes.mul_f64((random >> 40) as f64 / (1 << 24) as f64 * 0.8);
            std::thread::sleep(alive);
            match child.try_wait().unwrap() {
                Some(status) => assert!(status.success(), "a host failed after {kills} kills"),
                None => {
                    child.kill().unwrap();
                    kills += usize::from(!child.wait().unwrap().success());
                }
            }
            if let Ok(end) = std::fs::read_to_string(folder.0.join("end.txt")) {
                assert_eq!(end, truth, "campaign {campaigns} after {kills} kills");
                break;
            }
            if kills == KILLS {
                assert!(start("plain", &folder.0, campaigns).wait().unwrap().success());
                assert_eq!(std::fs::read_to_string(folder.0.join("end.txt")).unwrap(), truth);
                break;
            }
        }
        campaigns += 1;
    }
    assert_eq!(kills, KILLS);
    // Past the harness, which keeps what a test prints that passes.
    let line = format!("resume: {kills} kills in {campaigns} campaigns, each of which takes {takes:.2?} without one\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
