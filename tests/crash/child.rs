//! The roles that this program plays when it is started again: producers and worker.
//!
//! Not here: the owner ([`super::host`]), what the other side then checks.

use std::ops::RangeInclusive;
use std::path::Path;
use std::time::{Duration, Instant};

use patchstream::dynim::State;
use patchstream::error::{ErrorKind, Result};
use patchstream::job::Job;
use patchstream::patch::{Field, Meta, Samples};
use patchstream::ring::Wait;
use patchstream::stream::{OnFull, Producer, Pushed};

use super::{PATCHES, STEPS, WINDOWS, host, parse};

/// Roles end by themselves if nobody does it for them.
const LONG: Duration = Duration::from_secs(300);

/// What producers that are several compute for each patch, so that they are also killed within a step.
const PACE: Duration = Duration::from_millis(3);

/// Not a test of its own: it does nothing unless it was started by one.
#[test]
fn role_of_a_child() {
    let Ok(role) = std::env::var("PATCHSTREAM_TEST_ROLE") else { return };
    let (transport, number, folder) = parse(&std::env::var("PATCHSTREAM_TEST_SEGMENT").unwrap());
    match role.as_str() {
        "producer" => produce(&transport, "ddft", 1..=PATCHES, Duration::ZERO, &folder),
        "left" => produce(&transport, "left", 1..=PATCHES / 2, PACE, &folder),
        "right" => produce(&transport, "right", PATCHES / 2 + 1..=PATCHES, PACE, &folder),
        "worker" => work(&transport),
        "owner" => host::own(&transport, number, &folder, None),
        "owner of two" => host::own(&transport, number, &folder, Some(2)),
        other => panic!("no role {other}"),
    }
}

/// Pushes patches of a step: these of it.
pub fn push(producer: &mut Producer, step: i64, patches: RangeInclusive<u64>) -> Result<()> {
    for id in patches.map(|i| step as u64 * PATCHES + i) {
        let densities: Vec<f32> = (0..5 * 5 * 14).map(|i| ((id * 7919 + i * 31) % 1009) as f32 / 1009.0).collect();
        let field = Field::interleaved(Samples::F32(&densities), 5, 5, 14)?;
        let meta = Meta { id, step, center_nm: [id as f64, 0.0], ..Meta::default() };
        let pushed = producer.push(&meta, &field)?;
        assert!(matches!(pushed, Pushed::Accepted | Pushed::Known), "{pushed:?}");
    }
    Ok(())
}

/// A producer as a campaign has it: it begins where the owner's own file says, and begins anew when the owner is gone.
fn produce(transport: &str, label: &str, patches: RangeInclusive<u64>, pace: Duration, folder: &Path) {
    let started = Instant::now();
    while started.elapsed() < LONG {
        let sent = Producer::attach(transport, label, Duration::from_secs(10)).and_then(|mut producer| {
            producer.on_full(OnFull::Block(Duration::from_secs(60)))?;
            for step in host::saved(folder).next..STEPS {
                for patch in patches.clone() {
                    push(&mut producer, step, patch..=patch)?;
                    std::thread::sleep(pace);
                }
                producer.end_step(step)?;
            }
            loop {
                producer.end_step(STEPS)?;
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        if let Err(error) = &sent as &Result<()> {
            let comes = [ErrorKind::Fenced, ErrorKind::Unknown, ErrorKind::State];
            assert!(comes.contains(&error.kind()), "{error}");
        }
    }
}

/// A worker as a campaign has it: it takes jobs, brings the windows of each that are not known, and goes on when it is told
/// that its owner is gone.
fn work(transport: &str) {
    let started = Instant::now();
    let wait = Wait { timeout: Duration::from_secs(5), spin: Duration::ZERO, stop: None };
    while started.elapsed() < LONG {
        let Ok(Some(mut job)) = Job::next(transport, &wait) else {
            std::thread::sleep(Duration::from_millis(2));
            continue;
        };
        let sum: f64 = job.densities().iter().map(|value| f64::from(*value)).sum();
        let mut simulate = || -> Result<()> {
            job.set(State::Started, None, &wait)?;
            for window in 0..WINDOWS {
                job.submit("rdf", window, 1, &[2], &[sum, window as f64], &wait)?;
                std::thread::sleep(Duration::from_micros(300));
            }
            job.set(State::Done, None, &wait).map(drop)
        };
        if let Err(error) = simulate() {
            assert_eq!(error.kind(), ErrorKind::Fenced, "{error}");
        }
    }
}
