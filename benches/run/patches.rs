//! What a run costs each patch: latency, throughput with group commit, bytes on disk.
//!
//! Limits: a write into the page cache, a sync of this disk; every variant takes turns with what it is compared with.
//! Not here: campaigns (`campaign.rs`).

use std::time::{Duration, Instant};

use patchstream::store::Durability;
use patchstream::stream::Polled;

use super::{DIM, LONG, Place, Pushed, open, push, quantile, row};

/// A patch pushed and polled, in turns without a run, with one that is not written at once, and with one that is.
fn latency(count: u64) {
    let places = [Place::new("none"), Place::new("buffered")];
    let kinds =
        [None, Some((places[0].0.as_path(), Durability::None)), Some((places[1].0.as_path(), Durability::Buffered))];
    let streams = kinds.map(|kind| open(5, kind, false));
    let mut producers = [0, 1, 2].map(|at| streams[at].producer("bench").unwrap());
    let mut times = [const { Vec::new() }; 3];
    let values = vec![0.5; 25 * DIM];
    for id in 1..=count {
        for turn in 0..3 {
            let at = (id as usize + turn) % 3;
            let started = Instant::now();
            assert_eq!(push(&mut producers[at], id, &values, 5), Pushed::Accepted);
            assert_eq!(streams[at].poll(Duration::ZERO).unwrap(), Polled::Idle);
            times[at].push(started.elapsed().as_secs_f64() * 1e6);
        }
    }
    for at in [1, 2] {
        let stats = streams[at].stats().store.unwrap();
        // Options come first.
        assert_eq!((stats.acknowledged, stats.lost), (count + 1, 0));
    }
    let [without, none, buffered] = times.map(|mut times| [0.5, 0.99].map(|share| quantile(&mut times, share)));
    row(
        "a patch 5x5x15 pushed and polled, p50 (p99): without a run",
        &format!("{:.2} us ({:.2})", without[0], without[1]),
        "",
    );
    for (name, [p50, p99], budget) in [("none", none, ""), ("buffered", buffered, "<= 1.5 us more")] {
        let (more, share) = (p50 - without[0], p50 - none[0]);
        row(
            &format!("the same, durability {name}"),
            &format!("{p50:.2} us ({p99:.2}), {more:+.2} us; {share:+.2} over none"),
            budget,
        );
    }
}

/// Patches a second that were acknowledged at the end of `span`, offered at `rate` or as they go.
fn throughput(durability: Durability, rate: Option<f64>, span: Duration) -> f64 {
    let place = Place::new("throughput");
    let stream = open(37, Some((&place.0, durability)), true);
    let mut producer = stream.producer("bench").unwrap();
    let values = vec![0.5; 37 * 37 * DIM];
    let (started, mut id) = (Instant::now(), 0_u64);
    while started.elapsed() < span {
        let due = rate.map_or(u64::MAX, |rate| (started.elapsed().as_secs_f64() * rate) as u64);
        if id >= due || push(&mut producer, id + 1, &values, 37) == Pushed::Full {
            std::thread::sleep(Duration::from_micros(50));
        } else {
            id += 1;
        }
    }
    let acknowledged = stream.stats().store.unwrap().acknowledged.saturating_sub(1);
    let throughput = acknowledged as f64 / started.elapsed().as_secs_f64();
    stream.poll(LONG).unwrap();
    assert_eq!(stream.stats().store.unwrap().acknowledged, id + 1);
    throughput
}

fn group_commit(span: Duration, rounds: usize) {
    for (name, rate, budget) in
        [("5,000 a second offered", Some(5000.0), ">= 0.90"), ("as many as go", None, "(beside it)")]
    {
        let (mut none, mut ratios) = (Vec::new(), [Vec::new(), Vec::new()]);
        for _ in 0..rounds {
            let base = throughput(Durability::None, rate, span);
            none.push(base);
            for (durability, ratios) in [Durability::Buffered, Durability::Batch].into_iter().zip(&mut ratios) {
                ratios.push(throughput(durability, rate, span) / base);
            }
        }
        let [buffered, batch] = ratios.map(|mut ratios| quantile(&mut ratios, 0.5));
        row(
            &format!("patches 37x37x15 acknowledged with a worker, {name}"),
            &format!("buffered {buffered:.2}, batch {batch:.2} of none's {:.0} a second", quantile(&mut none, 0.5)),
            budget,
        );
    }
}

/// Bytes of a log for each patch, without what the run begins with; patches are polled `group` at a time.
fn bytes(group: u64, count: u64) -> f64 {
    let place = Place::new("bytes");
    let stream = open(5, Some((&place.0, Durability::Buffered)), false);
    let mut producer = stream.producer("bench").unwrap();
    let length = || std::fs::metadata(place.0.join("log/000001.log")).unwrap().len();
    let before = length();
    let values = vec![0.5; 25 * DIM];
    for id in 1..=count {
        assert_eq!(push(&mut producer, id, &values, 5), Pushed::Accepted);
        if id % group == 0 {
            stream.poll(LONG).unwrap();
        }
    }
    stream.poll(LONG).unwrap();
    (length() - before) as f64 / count as f64
}

/// Each of these, small for a test.
pub fn per_patch(test: bool) {
    latency(if test { 300 } else { 30_000 });
    group_commit(Duration::from_millis(if test { 30 } else { 2000 }), if test { 1 } else { 5 });
    for (what, group) in [("polled after each", 1), ("polled 16 at a time", 16)] {
        let bytes = bytes(group, if test { 64 } else { 4096 });
        row(
            &format!("bytes on disk, a patch without proteins, d = {DIM}, {what}"),
            &format!("{bytes:.1}, 4 d + {:.1}", bytes - 4.0 * DIM as f64),
            "<= 4 d + 64",
        );
        assert!(bytes < 4.0 * DIM as f64 + 80.0);
    }
}
