//! Checkpoints and recovery of a long campaign, whose log is written without a sampler, with made-up decisions.
//!
//! Limit: a plain file of as many bytes as a checkpoint, written and synced in turns with it. A tenth of the published size;
//! `-- --full` has all of it: 35,000 candidates, 120,000 selected, 2,000,000 discarded, 15-d.
//! Not here: densities (`densities.rs`), the store alone (`benches/store.rs`).

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use patchstream::patch::Meta;
use patchstream::store::bytes::Packer;
use patchstream::store::{self, Durability, Options, Store};
use patchstream::stream::journal::records::{self, Event, Mark, Picked, Point, PointParts};

use super::{DIM, LONG, Place, open, processor_s, quantile, row};

/// Where the host goes on: nothing is to be sent again.
const MARK: &str = "all of it";

/// A normal of 12 uniform numbers; the index of the mixture's component comes with it.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 24) as f32
    }

    fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.next()).sum::<f32>() - 6.0
    }

    /// A point of a mixture of 40 Gaussians.
    fn point(&mut self) -> [f32; DIM] {
        let mut centre = Random((self.next() * 40.0) as u64 * 7919 + 5);
        centre.next();
        std::array::from_fn(|_| 3.0 * centre.normal() + 0.7 * self.normal())
    }
}

/// Writes a campaign's run: events of `points / events` arrivals each, with made-up decisions.
fn campaign(path: &Path, candidates: usize, selected: u64, discarded: u64) {
    drop(open(5, Some((path, Durability::None)), false));
    let told = {
        let found = store::read(path).unwrap();
        let mut records = found.records(1).unwrap();
        records.next().unwrap().unwrap().payload.to_vec()
    };
    std::fs::remove_dir_all(path).unwrap();
    let options = Options { durability: Durability::None, ..Options::default() };
    let mut log = Store::create(path, "a campaign of a benchmark", &options).unwrap();
    log.append(records::OPTIONS, &told).unwrap();
    let all = candidates as u64 + selected + discarded;
    let events = selected.div_ceil(100);
    let (mut packer, mut random, mut id) = (Packer::new(), Random(1), 0);
    let mut queue = std::collections::VecDeque::new();
    let (mut picked, mut gone_all) = (0, 0);
    for number in 0..events {
        let step = number as i64;
        let end = all * (number + 1) / events;
        let merged = end - id;
        while id < end {
            id += 1;
            let (meta, point) = (Meta { id, step, ..Meta::default() }, random.point());
            let parts = PointParts { id, content: id, queue: 0, meta: &meta, probabilities: &[], point: &point };
            Point::pack(parts, packer.clear());
            log.append(records::POINT, packer.bytes()).unwrap();
            queue.push_back(id);
        }
        let n = (selected * (number + 1) / events - picked) as usize;
        let picks: Vec<Picked> = queue.drain(..n).map(|id| Picked { id, queue: 0, rank: 1.0 }).collect();
        let over = if number + 1 == events { queue.len() - candidates } else { queue.len().saturating_sub(candidates) };
        let gone: Vec<u64> = queue.drain(..over).collect();
        picked += n as u64;
        gone_all += over as u64;
        let event = Event {
            number,
            step,
            n: n as u64,
            merged,
            candidates: queue.len() as u64,
            selected: picked,
            discarded: gone_all,
            picks,
            gone,
            ..Event::default()
        };
        event.pack(packer.clear());
        log.append(records::EVENT, packer.bytes()).unwrap();
    }
    let step = events as i64;
    let after = log.appended();
    let mark = Mark { step, after, last_step: step - 1, sent: Vec::new(), unsent: Vec::new(), name: MARK.into() };
    mark.pack(packer.clear());
    log.append(records::MARK, packer.bytes()).unwrap();
    log.close().unwrap();
}

/// Checkpoints of a campaign beside plain files, the longest call meanwhile, and the ways back.
pub fn long_campaign(candidates: usize, selected: u64, discarded: u64, rounds: usize) {
    let place = Place::new("campaign");
    campaign(&place.0, candidates, selected, discarded);
    let reopen = || {
        let (started, had) = (Instant::now(), processor_s());
        let stream = open(5, Some((&place.0, Durability::Buffered)), false);
        let took = (started.elapsed().as_secs_f64(), processor_s() - had);
        let stats = stream.stats();
        assert_eq!((stats.candidates, stats.selected, stats.discarded), (candidates as u64, selected, discarded));
        (stream, took)
    };
    let what = format!("{candidates} candidates, {selected} selected, {discarded} discarded");
    let (stream, from_log) = reopen();
    stream.resume(Some(MARK)).unwrap();
    let (mut whole, mut plain, mut pauses, mut ratios) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut work = Vec::new();
    let mut size = 0;
    for round in 0..rounds {
        let (polls, over) = (AtomicBool::new(false), AtomicBool::new(false));
        let took = std::thread::scope(|scope| {
            let waits = scope.spawn(|| {
                let mut longest = 0.0_f64;
                while !over.load(Ordering::Relaxed) {
                    let started = Instant::now();
                    stream.poll(Duration::ZERO).unwrap();
                    longest = longest.max(started.elapsed().as_secs_f64() * 1e3);
                    polls.store(true, Ordering::Relaxed);
                    std::thread::sleep(Duration::from_micros(20));
                }
                longest
            });
            while !polls.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            let (started, had) = (Instant::now(), processor_s());
            assert!(stream.checkpoint(&format!("mark {round}"), 0, LONG).unwrap());
            work.push((processor_s() - had) * 1e3);
            let took = started.elapsed().as_secs_f64() * 1e3;
            over.store(true, Ordering::Relaxed);
            pauses.push(waits.join().unwrap());
            took
        });
        let newest = ["checkpoint-A", "checkpoint-B"].map(|name| std::fs::metadata(place.0.join(name)).ok());
        size = newest.into_iter().flatten().map(|file| file.len()).max().unwrap();
        let content = vec![round as u8; size as usize];
        let started = Instant::now();
        let mut file = std::fs::File::create(place.0.join("plain")).unwrap();
        file.write_all(&content).unwrap();
        file.sync_data().unwrap();
        plain.push(started.elapsed().as_secs_f64() * 1e3);
        drop(file);
        std::fs::remove_file(place.0.join("plain")).unwrap();
        whole.push(took);
        ratios.push(took / plain[round]);
    }
    drop(stream);
    let (stream, recovered) = reopen();
    drop(stream);
    let (ratio, whole, plain) = (quantile(&mut ratios, 0.5), quantile(&mut whole, 0.5), quantile(&mut plain, 0.5));
    row(
        &format!("checkpoint of {what}"),
        &format!(
            "{:.1} MB, {whole:.1} ms ({:.1} of work), {ratio:.2} x a plain file's {plain:.1}",
            size as f64 / 1e6,
            quantile(&mut work, 0.5)
        ),
        "<= 1.5 x",
    );
    let (middle, longest) = (quantile(&mut pauses, 0.5), quantile(&mut pauses, 1.0));
    row("the longest poll during one", &format!("{middle:.2} ms (worst of {rounds}: {longest:.2})"), "<= 5 ms");
    row(
        "the same run opened, with that checkpoint",
        &format!("{:.2} s ({:.2} of work)", recovered.0, recovered.1),
        "<= 2 s",
    );
    row("the same run opened, from its log alone", &format!("{:.2} s ({:.2} of work)", from_log.0, from_log.1), "");
}
