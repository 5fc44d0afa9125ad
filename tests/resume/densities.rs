//! A host that keeps densities and is killed at random moments: afterwards those of each patch that may be selected, or was,
//! are what was pushed, or the patch was withdrawn and counted; and it was told what an undisturbed host was.

use std::path::Path;
use std::time::{Duration, Instant};

use patchstream::dynim::State;
use patchstream::error::ErrorKind;
use patchstream::retain::Format;
use patchstream::stream::{RetentionConfig, StoreConfig, Stream, WhenFull};

use crate::folder::Folder;
use crate::{start, steps};

const STEPS: i64 = 24;
const PATCHES: u64 = 10;
const KILLS: usize = 60;
const LONG: Duration = Duration::from_secs(40);
const GRID: usize = 21;
const LEN: usize = GRID * GRID * 14;

/// All that float16 holds exactly.
fn densities(id: u64) -> Vec<f32> {
    (0..LEN as u64).map(|i| ((id * 7919 + i * 31) % 1009) as f32 / 1024.0).collect()
}

/// The options of a campaign: room enough, or so little that patches are left out or give way.
fn open(folder: &Path, options: u64) -> Stream {
    let store = StoreConfig { checkpoint_events: options % 2 * 5, segment_bytes: 20_000, ..StoreConfig::default() };
    let format = if options % 2 == 1 { Format::Float16 } else { Format::Float32 };
    let place = 32 + format.bytes(LEN) as u64;
    let (bytes, when_full) = match options % 3 {
        0 => (None, WhenFull::Refuse),
        1 => (Some(34 * place), WhenFull::WithdrawOldest),
        _ => (Some(34 * place), WhenFull::Refuse),
    };
    let retention = RetentionConfig { format, bytes, when_full, keep_done: false, ..RetentionConfig::default() };
    let stream = Stream::builder().grid(GRID, GRID).model("mean").capacity(30).slots(8).background(options % 4 > 1);
    stream.run_dir(folder.join("run")).store(store).retention(retention).open().unwrap()
}

/// A host's campaign in `folder`: from its checkpoint, if it has one, to the end.
pub fn host(folder: &Path, options: u64) {
    let stream = open(folder, options);
    let (first, mut told) = steps::go_on(&stream, folder);
    let mut producer = stream.producer("ddft").unwrap();
    for step in first..STEPS {
        for id in (1..=PATCHES).map(|i| step as u64 * PATCHES + i) {
            steps::push(&stream, &mut producer, id, step, GRID, &densities(id));
        }
        let selections = stream.select(step, 3).unwrap().unwrap();
        steps::tell(&mut told, &selections);
        // One of them is done at once, and makes room.
        if let Some(done) = selections.batch.selections.first() {
            for state in [State::Started, State::Done] {
                stream.set_state(done.id, state, step).unwrap();
            }
        }
        if step % 5 == 4 {
            steps::save(&stream, folder, step, &told, LONG);
        }
    }
    let stats = stream.stats();
    assert_eq!((stats.retention.unwrap().lost, stats.store.unwrap().branch), (0, 0));
    stream.close();
    steps::write(folder, "end", &told);
}

/// Looks at a copy of what a kill left: how many patches have their densities.
fn check(folder: &Path, options: u64, what: &str) -> u64 {
    if !folder.join("run/run.toml").exists() {
        return 0;
    }
    let copy = Folder::new("resume-look");
    let copied = std::process::Command::new("cp").arg("-r").arg(folder.join("run")).arg(&copy.0).status().unwrap();
    assert!(copied.success());
    let stream = open(&copy.0, options);
    let stats = stream.stats();
    let retention = stats.retention.unwrap();
    // A kill is no power cut: whatever was in the log was in its place before.
    assert_eq!(retention.lost, 0, "{what}");
    assert!(retention.holding.patches >= stats.candidates + stats.waiting, "{what}");
    let _ = stream.resume(None);
    let mut values = vec![0.0; LEN];
    let mut found = 0;
    for id in 1..=STEPS as u64 * PATCHES {
        match stream.densities(id, &mut values) {
            Ok(()) => {
                assert_eq!(values, densities(id), "patch {id} {what}");
                found += 1;
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unknown, "patch {id} {what}: {error}"),
        }
    }
    assert_eq!(found, retention.holding.patches, "{what}");
    found
}

#[test]
fn densities_are_whole_after_every_kill_and_decisions_are_those_of_an_undisturbed_host() {
    let (mut kills, mut campaigns, mut random, mut found) = (0, 0, 0x0dd0_5678_9abc_def1_u64, 0);
    let mut undisturbed = Vec::new();
    for options in 0..12 {
        let folder = Folder::new(&format!("resume-densities-undisturbed-{options}"));
        let started = Instant::now();
        // A worker's pace decides who finds no room, so then it is not compared.
        let compared = options % 3 == 0 || options % 4 <= 1;
        assert!(start("densities", &folder.0, options).wait().unwrap().success());
        let truth = std::fs::read_to_string(folder.0.join("end.txt")).unwrap();
        undisturbed.push((truth, started.elapsed(), compared));
    }
    let started = Instant::now();
    while kills < KILLS && started.elapsed() < LONG {
        let folder = Folder::new(&format!("resume-densities-{campaigns}"));
        let (truth, takes, compared) = &undisturbed[campaigns as usize % undisturbed.len()];
        loop {
            let mut child = start("densities", &folder.0, campaigns);
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            std::thread::sleep(takes.mul_f64((random >> 40) as f64 / (1 << 24) as f64 * 0.9));
            match child.try_wait().unwrap() {
                Some(status) => assert!(status.success(), "a host failed after {kills} kills of campaign {campaigns}"),
                None => {
                    child.kill().unwrap();
                    kills += usize::from(!child.wait().unwrap().success());
                }
            }
            found += check(&folder.0, campaigns, &format!("after {kills} kills, campaign {campaigns}"));
            if kills >= KILLS || started.elapsed() >= LONG {
                assert!(start("densities", &folder.0, campaigns).wait().unwrap().success());
            }
            if let Ok(end) = std::fs::read_to_string(folder.0.join("end.txt")) {
                assert!(!compared || end == *truth, "campaign {campaigns} after {kills} kills");
                break;
            }
        }
        campaigns += 1;
    }
    assert!(
        kills >= KILLS / 6 && found > 500,
        "{kills} kills, {found} densities: the machine is too slow to say anything"
    );
    println!("{kills} kills, {campaigns} campaigns, densities of {found} patches");
}
