//! A campaign of several processes, each killed in turn at random moments and started again: producers, workers, and the
//! owner that selects. In the end it was told, byte for byte, what a campaign was told that nobody disturbed; no job and no
//! sample is lost or counted twice.
//!
//! This test program starts itself again in the roles. Not here: a host alone (`tests/resume`), workers alone (`tests/job`).

mod child;
#[path = "../support/folder.rs"]
mod folder;
mod host;
#[allow(dead_code, reason = "other programs use the rest")]
#[path = "../support/role.rs"]
mod role;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use folder::Folder;
use patchstream::dynim::State;
use patchstream::store;
use patchstream::stream::journal::records;
use role::Role;

const STEPS: i64 = 24;
const PATCHES: u64 = 6;
const PICKS: usize = 2;
const WINDOWS: u64 = 4;
/// Hosts that take longer hang: all of it takes half a minute on two idle cores.
const LONG: Duration = Duration::from_secs(400);

/// The processes of a campaign: who owns it, who sends patches, who simulates.
struct Campaign {
    /// Roles in the order in which they are killed. They end before their folder goes.
    roles: Vec<(&'static str, Role)>,
    folder: Folder,
    /// What roles are told: transport, number of the campaign, folder.
    told: String,
}

impl Campaign {
    fn start(kind: &str, number: u64, roles: &[&'static str]) -> Self {
        let folder = Folder::new(&format!("crash-{kind}-{number}"));
        let transport = match kind {
            "dir" => format!("dir:{}", folder.0.join("jobs").display()),
            _ => format!("shm:crash-{}-{kind}-{number}", std::process::id()),
        };
        let told = format!("{transport} {number} {}", folder.0.display());
        let roles = roles.iter().map(|role| (*role, Role::start(role, &told))).collect();
        Self { roles, folder, told }
    }

    /// What was told in the end; none as long as it goes on.
    fn end(&self) -> Option<String> {
        std::fs::read_to_string(self.folder.0.join("end.txt")).ok()
    }

    /// Kills the one whose turn it is, and starts it again; the next one may come before the last has gone. The role.
    fn kill(&mut self, turn: u32) -> &'static str {
        let at = turn as usize % self.roles.len();
        let role = self.roles[at].0;
        let (_, mut old) = std::mem::replace(&mut self.roles[at], (role, Role::start(role, &self.told)));
        assert!(!old.has_failed(), "the {role} failed");
        old.kill();
        role
    }

    fn wait_for_end(&mut self, most: Duration) -> String {
        let started = Instant::now();
        loop {
            if let Some(end) = self.end() {
                return end;
            }
            self.roles.iter_mut().for_each(|(role, process)| assert!(!process.has_failed(), "the {role} failed"));
            assert!(started.elapsed() < most, "the campaign does not end: {}", self.told);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What the log says of jobs and samples: each once.
    fn check_log(&self) {
        let found = store::read(&self.folder.0.join("run")).unwrap();
        let (mut picked, mut done, mut attempts) = (HashSet::new(), HashSet::new(), HashMap::new());
        let mut windows = HashSet::new();
        let mut entries = found.records(1).unwrap();
        while let Some(record) = entries.next().unwrap() {
            match record.kind {
                records::EVENT => {
                    let event = records::Event::view(record.payload).unwrap();
                    event.picks.iter().for_each(|pick| assert!(picked.insert(pick.id), "{} is picked twice", pick.id));
                }
                records::STATE => {
                    let moved = records::Moved::view(record.payload).unwrap();
                    assert!(!done.contains(&moved.id), "job {} is {} after it was done", moved.id, moved.to);
                    if moved.to == State::Done {
                        done.insert(moved.id);
                    }
                }
                records::GIVEN => {
                    let given = records::Given::view(record.payload).unwrap();
                    let last = attempts.insert(given.id, given.attempt).unwrap_or(0);
                    assert!(given.attempt > last, "job {}: attempt {} after {last}", given.id, given.attempt);
                    assert!(!done.contains(&given.id), "job {} is given out after it was done", given.id);
                }
                records::SAMPLE => {
                    let sample = records::sample(record.payload).unwrap();
                    let is_new = windows.insert((sample.job, sample.window));
                    assert!(is_new, "window {} of job {} counts twice", sample.window, sample.job);
                }
                _ => {}
            }
        }
        assert_eq!(picked.len(), STEPS as usize * PICKS);
        assert_eq!(done, picked, "jobs are lost");
        assert_eq!(windows.len() as u64, picked.len() as u64 * WINDOWS);
    }
}

/// Kills the processes of campaigns in turn until `most` of each role were.
fn kill_in_turn(kind: &str, roles: &[&'static str], most: u32, long: Duration) {
    let started = Instant::now();
    let mut undisturbed = Campaign::start(kind, 0, roles);
    let truth = undisturbed.wait_for_end(long);
    undisturbed.check_log();
    let takes = started.elapsed();
    // On a machine that is busy there are as many kills, of less work each.
    let pause = takes.min(Duration::from_secs(1));
    drop(undisturbed);
    assert_eq!(
        truth.lines().filter(|line| line.starts_with("sample")).count() as u64,
        STEPS as u64 * PICKS as u64 * WINDOWS
    );
    let mut kills: HashMap<&str, u32> = HashMap::new();
    let (mut campaigns, mut killed, mut random) = (0, 0, 0x1234_5678_9abc_def1_u64);
    let all = most * roles.len() as u32;
    let started = Instant::now();
    while killed < all {
        assert!(started.elapsed() < long, "{kills:?} killed in {long:?}");
        campaigns += 1;
        let mut campaign = Campaign::start(kind, campaigns, roles);
        while campaign.end().is_none() && killed < all {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // So that an owner lives for about half a campaign.
            std::thread::sleep(pause.mul_f64((random >> 40) as f64 / (1 << 24) as f64 * 0.4));
            *kills.entry(campaign.kill(killed)).or_default() += 1;
            killed += 1;
        }
        let end = campaign.wait_for_end(Duration::from_secs(120));
        assert_eq!(end, truth, "campaign {campaigns} after {kills:?}");
        campaign.check_log();
    }
    println!(
        "{kind}: {kills:?} killed in {campaigns} campaigns, {:?}; undisturbed one takes {takes:?}",
        started.elapsed()
    );
    for role in roles {
        assert_eq!(kills.get(role), Some(&most), "{role}s");
    }
}

#[test]
fn producers_workers_and_owners_that_are_killed_100_times_each_lose_and_double_nothing() {
    kill_in_turn("shm", &["producer", "worker", "owner"], 100, LONG);
}

#[test]
fn two_producers_and_an_owner_that_waits_for_both_are_killed_20_times_each_and_decide_as_if_undisturbed() {
    kill_in_turn("two", &["left", "right", "worker", "owner of two"], 20, LONG / 3);
}

#[test]
fn workers_and_owners_of_a_folder_that_are_killed_lose_and_double_nothing() {
    kill_in_turn("dir", &["worker", "owner"], 20, LONG / 3);
}

/// What a role is told: transport, number of the campaign, folder.
fn parse(told: &str) -> (String, u64, PathBuf) {
    let mut parts = told.splitn(3, ' ');
    let mut next = || parts.next().unwrap().to_owned();
    (next(), next().parse().unwrap(), Path::new(&next()).to_owned())
}
