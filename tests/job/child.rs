//! The roles that this program plays when it is started again.
//!
//! Not here: what the other side then checks.

use patchstream::dynim::State;

pub use super::role::Role as Other;
use super::role::{played, say, until_input_ends};
use super::*;

/// Not a test of its own: it does nothing unless it was started by one.
#[test]
fn role_of_a_child() {
    let Some((role, name)) = played() else { return };
    match role.as_str() {
        "worker" => work(&name),
        "holder" => {
            let job = next(&name);
            say(&format!("HOLDS {} {}", job.id(), job.attempt()));
            until_input_ends();
        }
        "idle" => {
            let before = resident();
            let job = Job::next(&format!("shm:{name}"), &wait(100)).unwrap();
            say(&format!("MEMORY {}", resident() - before));
            assert!(job.is_none());
            let cpu = cpu_us();
            let started = Instant::now();
            while started.elapsed() < Duration::from_secs(3) {
                assert!(Job::next(&format!("shm:{name}"), &wait(1000)).unwrap().is_none());
            }
            say(&format!("CPU {} of {}", cpu_us() - cpu, started.elapsed().as_micros()));
        }
        "owner" => {
            let stream = builder(&name).open().unwrap();
            issue(&stream, 1..=3);
            say("OPEN");
            loop {
                stream.poll(Duration::from_millis(1)).unwrap();
                std::thread::sleep(Duration::from_micros(200));
            }
        }
        other => panic!("no role {other}"),
    }
}

/// A worker as a campaign has it: it takes jobs, brings eight windows of each, and ends when it is killed.
fn work(name: &str) {
    say("UP");
    loop {
        let Ok(Some(mut job)) = Job::next(&format!("shm:{name}"), &wait(5000)) else { continue };
        assert_eq!(job.densities(), densities(job.id()));
        let _ = job.set(State::Started, None, &wait(5000));
        for window in 0..8 {
            let sums = [job.id() as f64, window as f64];
            if job.submit("rdf", window, 1, &[2], &sums, &wait(5000)).is_err() {
                break;
            }
            std::thread::sleep(Duration::from_micros(300));
        }
        let _ = job.set(State::Done, None, &wait(5000));
    }
}

/// Bytes of memory that this process has in use, its program's own pages aside.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let of = |key: &str| {
        let line = status.lines().find(|line| line.starts_with(key)).unwrap();
        1024 * line.split_whitespace().nth(1).unwrap().parse::<i64>().unwrap()
    };
    of("RssAnon:") + of("RssShmem:")
}

/// Processor time of this process in microseconds, which other processes do not add to.
fn cpu_us() -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes `time` only.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) }, 0);
    time.tv_sec * 1_000_000 + time.tv_nsec / 1000
}
