//! What a run costs a stream: the latency that `buffered` adds to a patch, throughput with group commit, bytes on disk a
//! patch, checkpoints and recovery of a long campaign. One table, each row with its budget.
//!
//! Limits: a write into the page cache, a sync of this disk; a plain file of as many bytes as a checkpoint is written and
//! synced beside each, and every variant takes turns with what it is compared with. Runs lie in the folder for temporary
//! files; name another disk by `TMPDIR`. The campaign has a tenth of the published size (35,000 candidates, 120,000
//! selected, 2,000,000 discarded, 15-d); `-- --full` has all of it, `-- --test` is small and only asserts.
//! Not here: the store alone (`benches/store.rs`), decisions (`benches/dynim_budgets.rs`).

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use patchstream::patch::{Field, Meta, Samples};
use patchstream::store::bytes::Packer;
use patchstream::store::{self, Durability, Options, Store};
use patchstream::stream::journal::records::{self, Event, Picked, Point, PointParts};
use patchstream::stream::{Config, Polled, Producer, Pushed, SpeciesConfig, StoreConfig, Stream};

/// Species, and so coordinates of the built-in encoder `mean`.
const DIM: usize = 15;
const LONG: Duration = Duration::from_secs(3600);

/// A folder that goes with the benchmark.
struct Place(PathBuf);

impl Place {
    fn new(what: &str) -> Self {
        let path = std::env::temp_dir().join(format!("patchstream-bench-run-{}-{what}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A stream of patches of `grid` x `grid` x 15, with a run or without.
fn open(grid: usize, run: Option<(&Path, Durability)>, background: bool) -> Stream {
    let species = Some(SpeciesConfig { names: (0..DIM).map(|i| format!("S{i}")).collect(), inner: 8 });
    let config = Config { nx: grid, ny: grid, model: "mean".into(), species, background, ..Config::default() };
    let builder = Stream::builder().config(config);
    let builder = match run {
        None => builder,
        Some((path, durability)) => builder.run_dir(path).store(StoreConfig { durability, ..StoreConfig::default() }),
    };
    builder.open().unwrap()
}

/// Seconds of a processor that this thread has had: a wait, for the disk or another process, is none of them.
fn processor_s() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1e9
}

fn row(what: &str, measured: &str, budget: &str) {
    println!("{what:<64} | {measured:<58} | {budget}");
}

fn quantile(times: &mut [f64], share: f64) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[((times.len() - 1) as f64 * share) as usize]
}

fn push(producer: &mut Producer, id: u64, values: &[f32], grid: usize) -> Pushed {
    let field = Field::interleaved(Samples::F32(values), grid, grid, DIM).unwrap();
    producer.push(&Meta { id, ..Meta::default() }, &field).unwrap()
}

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
    log.close().unwrap();
}

/// Checkpoints of a campaign beside plain files, the longest call meanwhile, and the ways back.
fn long_campaign(candidates: usize, selected: u64, discarded: u64, rounds: usize) {
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
    stream.resume(None).unwrap();
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

fn main() {
    let given = |name: &str| std::env::args().any(|argument| argument == name);
    let (test, full) = (given("--test"), given("--full"));
    row("what", "measured", "budget");
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
    let divide = if full { 1 } else { 10 };
    match test {
        true => long_campaign(100, 300, 2000, 2),
        false => long_campaign(35_000 / divide as usize, 120_000 / divide, 2_000_000 / divide, 9),
    }
}
