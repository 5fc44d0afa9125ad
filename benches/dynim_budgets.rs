//! The sampler's budgets: S grown by the sampler itself on three kinds of points, then arrivals, events and picks, each
//! beside the obvious way in the same run. `-- --full` replays a published campaign (2,061,900 arrivals, 119,686 picks,
//! capacity 35,000, 15-d) besides, and makes its sampler again of a snapshot; `-- --test` is small and only asserts.
//!
//! Limits: an exact scan of S reads 4 d |S| bytes and computes 3 d |S| operations an arrival; a full pass reads as much of
//! the candidates a pick. Kinds: a mixture of 40 Gaussians that drift, a 4-dimensional manifold folded into d dimensions,
//! uniform noise (the worst case: no index helps). Not here: criterion's statistics (`benches/dynim.rs`).

use std::hint::black_box;
use std::time::Instant;

use patchstream::dynim::{Added, Config, PointRow, Sampler, Snapshot, Stage};

/// SplitMix64 (Steele, Lea and Flood 2014), and normals by Box and Muller.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().max(f64::MIN_POSITIVE).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Mixture,
    Manifold,
    Uniform,
}

/// A point of a kind; `time` from 0 to 1 is how far the mixture has drifted.
fn point(kind: Kind, random: &mut Random, dim: usize, time: f64) -> Vec<f32> {
    match kind {
        Kind::Uniform => (0..dim).map(|_| random.uniform() as f32).collect(),
        Kind::Mixture => {
            let mut centre = Random((random.uniform() * 40.0) as u64 * 7919 + 5);
            let coordinate = |_| 3.0 * centre.normal() + 1.5 * time * centre.normal() + 0.7 * random.normal();
            (0..dim).map(coordinate).map(|x| x as f32).collect()
        }
        Kind::Manifold => {
            let place: [f64; 4] = std::array::from_fn(|_| 2.0 * random.uniform() - 1.0);
            let mut fold = Random(99);
            let coordinate = |_| {
                let phase = std::f64::consts::TAU * fold.uniform();
                let along: f64 = place.iter().map(|z| 1.5 * fold.normal() * z).sum();
                2.0 * (along + phase).sin() + 0.3 * along
            };
            (0..dim).map(coordinate).map(|x| x as f32).collect()
        }
    }
}

/// Rank by definition: all distances, the k smallest in ascending order, the mean of their roots.
fn rank(x: &[f32], s: &[Vec<f32>], k: usize) -> f32 {
    let square = |y: &[f32]| y.iter().zip(x).fold(0.0_f32, |sum, (y, x)| sum + (y - x) * (y - x));
    let mut distances: Vec<f32> = s.iter().map(|y| square(y)).collect();
    let k = k.min(distances.len());
    distances.select_nth_unstable_by(k - 1, f32::total_cmp);
    distances.truncate(k);
    distances.sort_unstable_by(f32::total_cmp);
    distances.iter().fold(0.0, |sum, distance| sum + distance.sqrt()) / k as f32
}

struct Run {
    kind: Kind,
    dim: usize,
    random: Random,
    sampler: Sampler,
    next: u64,
    points: Vec<Vec<f32>>,
}

impl Run {
    fn new(kind: Kind, dim: usize) -> Self {
        let sampler = Sampler::new(Config::new(dim)).unwrap();
        Self { kind, dim, random: Random(1), sampler, next: 1, points: Vec::new() }
    }

    fn make(&mut self, count: usize, time: f64) {
        let Self { kind, dim, random, points, .. } = self;
        points.clear();
        points.extend((0..count).map(|_| point(*kind, random, *dim, time)));
    }

    /// Adds the points that were made and holds an event with `picks` picks; microseconds.
    fn event(&mut self, picks: usize) -> f64 {
        let started = Instant::now();
        for x in &self.points {
            self.sampler.add(self.next, 0, x).unwrap();
            self.next += 1;
        }
        black_box(self.sampler.select(0, picks));
        started.elapsed().as_secs_f64() * 1e6
    }

    /// Grows S to `selected` by events of 500 arrivals and `picks` picks; the median event in microseconds.
    fn grow(&mut self, selected: usize, picks: usize) -> f64 {
        let mut events = Vec::new();
        while self.sampler.selected() < selected {
            self.make(500, self.sampler.selected() as f64 / selected as f64);
            events.push(self.event(picks.min(selected - self.sampler.selected())));
        }
        median(events)
    }

    /// The answer first: what is picked next has its rank by definition, and no other candidate of hundreds a higher one.
    fn check(&self, s: &[Vec<f32>]) {
        let picked = self.sampler.clone().select(0, 1).picks[0];
        let by_definition = |id: u64| rank(self.sampler.point(id).unwrap(), s, 10);
        assert_eq!(picked.rank, by_definition(picked.id));
        let candidates = (1..self.next).rev().filter(|&id| self.sampler.stage(id) == Some(Stage::Candidate));
        for id in candidates.take(300) {
            let other = by_definition(id);
            assert!(other < picked.rank || other == picked.rank && id >= picked.id, "{id} comes before {}", picked.id);
        }
    }

    /// What an event of so many arrivals and picks takes in plain loops, from a part of them; microseconds.
    fn obvious(&mut self, arrivals: usize, picks: usize) -> f64 {
        let s = self.s();
        self.make(20, 1.0);
        let started = Instant::now();
        for x in &self.points {
            black_box(rank(x, &s, 10));
        }
        let arrival = started.elapsed().as_secs_f64() * 1e6 / 20.0;
        self.make(35_000, 1.0);
        let started = Instant::now();
        for x in &self.points {
            black_box(x.iter().zip(&s[0]).fold(0.0_f32, |sum, (y, x)| sum + (y - x) * (y - x)));
        }
        arrival * arrivals as f64 + started.elapsed().as_secs_f64() * 1e6 * picks as f64
    }

    fn s(&self) -> Vec<Vec<f32>> {
        self.sampler.selected_ids().map(|id| self.sampler.point(id).unwrap().to_vec()).collect()
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

fn line(what: &str, measured: f64, unit: &str, budget: &str, obvious: Option<f64>) {
    let ratio = obvious
        .map_or(String::new(), |obvious| format!("  {obvious:9.1} the obvious way, {:.0} x", obvious / measured));
    println!("{what:<64} {measured:9.2} {unit}  {budget:<14}{ratio}");
}

/// Arrivals one by one and in batches, and picks, at one size of S.
fn at_size(kind: Kind, dim: usize, selected: usize, picks: usize, arrival_budget: &str, pick_budget: &str) {
    let mut run = Run::new(kind, dim);
    run.grow(selected, picks);
    let s = run.s();
    let label = |what: &str| format!("{what}, {selected} selected, {dim}-d, {kind:?}");

    run.check(&s);

    run.make(50, 1.0);
    let singles: Vec<Vec<f32>> = run.points.clone();
    let started = Instant::now();
    for x in &singles {
        black_box(rank(x, &s, 10));
    }
    let scan = started.elapsed().as_secs_f64() * 1e6 / singles.len() as f64;

    // A queue that is never full, so that an event without picks is the arrival alone.
    let mut alone = Sampler::new(Config { capacity: usize::MAX, ..Config::new(dim) }).unwrap();
    for (id, x) in (1..).zip(&s) {
        alone.add(id, 0, x).unwrap();
    }
    alone.select(0, s.len());
    let mut next = s.len() as u64;
    let mut time = |batch: usize, count: usize, run: &mut Run| {
        let mut total = 0.0;
        for _ in 0..count / batch {
            run.make(batch, 1.0);
            let started = Instant::now();
            for x in &run.points {
                next += 1;
                alone.add(next, 0, x).unwrap();
            }
            black_box(alone.select(0, 0));
            total += started.elapsed().as_secs_f64() * 1e6;
        }
        total / count as f64
    };
    time(500, 500, &mut run);
    let (single, batch) = (time(1, 1000, &mut run), time(500, 2000, &mut run));
    line(&label("arrival, one an event, mean"), single, "us", arrival_budget, Some(scan));
    line(&label("arrival, 500 an event, mean"), batch, "us", "<= 0.7 x one", None);

    // The distance of every candidate to the last pick, plain loops, is the least that a pick costs without bounds.
    let candidates: Vec<Vec<f32>> = (0..35_000).map(|_| point(kind, &mut run.random, dim, 1.0)).collect();
    let pass = Instant::now();
    for x in &candidates {
        black_box(x.iter().zip(&s[0]).fold(0.0_f32, |sum, (y, x)| sum + (y - x) * (y - x)));
    }
    let pass = pass.elapsed().as_secs_f64() * 1e6;
    let picks = (0..300).map(|_| {
        let started = Instant::now();
        black_box(run.sampler.select(0, 1));
        started.elapsed().as_secs_f64() * 1e6
    });
    line(&label("pick, an event of its own, p50"), median(picks.collect()), "us", pick_budget, Some(pass));
}

fn campaign(kind: Kind, budget: &str) {
    let (arrivals, picks, per_event) = (2_061_900, 119_686, 1000);
    let mut run = Run::new(kind, 15);
    let events = arrivals / per_event;
    let mut total = 0.0;
    for event in 0..events {
        run.make(per_event, event as f64 / events as f64);
        let due = (picks * (event + 1) / events).saturating_sub(run.sampler.selected());
        total += run.event(due);
    }
    assert_eq!(run.sampler.selected(), picks);
    line(&format!("campaign, 2,061,000 arrivals, 119,686 picks, 15-d, {kind:?}"), total / 1e6, "s ", budget, None);

    let weigh = |run: &mut Run, what: &str, budget: &str| {
        let points = run.sampler.selected() + run.sampler.candidates() + run.sampler.discarded();
        let started = Instant::now();
        let weights = black_box(run.sampler.weights());
        let took = started.elapsed().as_secs_f64() * 1e3;
        assert_eq!(weights.iter().map(|weight| weight.weight).sum::<f64>(), points as f64);
        line(&format!("weights, {points} points, 15-d, {kind:?}, {what}"), took, "ms", budget, None);
    };
    weigh(&mut run, "the first", "");
    run.sampler.select(0, 1000);
    weigh(&mut run, "1,000 picks later", "<= 300");
    line("peak memory so far", memory("VmHWM:") / 1e6, "MB", "", None);
    again(&mut run, ["<= 5", "<= 1.5"]);
}

/// The pause of a snapshot, its bytes, and making the sampler again of them and of its points.
fn again(run: &mut Run, budgets: [&str; 2]) {
    let label = |what: &str| {
        let counts = [run.sampler.selected(), run.sampler.candidates(), run.sampler.discarded()];
        format!("{what}, {}+{}+{} points, {:?}", counts[0], counts[1], counts[2], run.kind)
    };
    let pauses = (0..9).map(|_| {
        let started = Instant::now();
        let snapshot = black_box(run.sampler.snapshot());
        let took = started.elapsed().as_secs_f64() * 1e3;
        drop(snapshot);
        took
    });
    line(&label("snapshot, p50"), median(pauses.collect()), "ms", budgets[0], None);
    let snapshot = run.sampler.snapshot();
    let started = Instant::now();
    let bytes = snapshot.to_bytes();
    line(&label("its bytes, off the stream"), started.elapsed().as_secs_f64() * 1e3, "ms", "", None);
    line(&label("their size"), bytes.len() as f64 / 1e6, "MB", "", None);

    let points: Vec<f32> = (1..run.next).flat_map(|id| run.sampler.point(id).unwrap()).copied().collect();
    let rows = (1..run.next).zip(points.chunks_exact(run.dim)).map(|(id, point)| PointRow {
        id,
        step: 0,
        queue: 0,
        factor: 1.0,
        point,
    });
    let started = Instant::now();
    let snapshot = Snapshot::from_bytes(&bytes).unwrap();
    let mut other = Sampler::restore(run.sampler.layout().clone(), rows, snapshot).unwrap();
    line(&label("the sampler again"), started.elapsed().as_secs_f64(), "s ", budgets[1], None);
    for picks in [0, 300] {
        assert_eq!(other.select(0, picks), run.sampler.select(0, picks));
    }
    assert_eq!(other.weights(), run.sampler.weights());
}

/// What discarded points cost: memory, the duplicate check, the longest single call.
fn discarded() {
    let dim = 15;
    let mut run = Run::new(Kind::Manifold, dim);
    run.make(35_000, 0.0);
    run.event(0);
    let before = memory("VmRSS:");
    let mut longest = 0.0_f64;
    for (event, size) in [(0, 20_000), (1, 1_980_000)] {
        for _ in 0..size / 1000 {
            run.make(1000, 0.0);
            for x in &run.points {
                let started = Instant::now();
                run.sampler.add(run.next, 0, x).unwrap();
                longest = longest.max(started.elapsed().as_secs_f64() * 1e3);
                run.next += 1;
            }
            run.sampler.select(0, 0);
        }
        let ids: Vec<u64> = (0..20_000).map(|_| 1 + (run.random.uniform() * (run.next - 1) as f64) as u64).collect();
        let known: Vec<Vec<f32>> = ids.iter().map(|&id| run.sampler.point(id).unwrap().to_vec()).collect();
        let started = Instant::now();
        for (&id, x) in ids.iter().zip(&known) {
            assert_eq!(run.sampler.add(id, 0, x).unwrap(), Added::Known);
        }
        let took = started.elapsed().as_secs_f64() * 1e6 / ids.len() as f64;
        let budget = if event == 0 { "" } else { "independent" };
        line(&format!("duplicate check, {} discarded", run.sampler.discarded()), took, "us", budget, None);
    }
    let bytes = (memory("VmRSS:") - before) / run.sampler.discarded() as f64;
    line(&format!("memory of a discarded point, {dim}-d"), bytes, "B ", &format!("<= {}", 4 * dim + 32), None);
    line("the longest of 2,000,000 adds", longest, "ms", "", None);
}

/// A line of `/proc/self/status`, in bytes; 0 where there is none.
fn memory(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).map_or(0.0, |kib: f64| kib * 1024.0)
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let test = arguments.iter().any(|argument| argument == "--test");
    println!("instruction set: {}", Sampler::new(Config::new(1)).unwrap().isa().name());
    if test {
        at_size(Kind::Mixture, 9, 1000, 16, "", "");
        let mut run = Run::new(Kind::Mixture, 9);
        run.grow(1000, 16);
        again(&mut run, [""; 2]);
        return;
    }
    discarded();
    let mut run = Run::new(Kind::Mixture, 9);
    run.grow(12_500, 16);
    let event = run.grow(13_500, 16) / 1e3;
    run.check(&run.s());
    let obvious = run.obvious(500, 16) / 1e3;
    line("event, 500 arrivals, 16 picks, 13,000 selected, 9-d, p50", event, "ms", "<= 2.5", Some(obvious));
    for kind in [Kind::Mixture, Kind::Manifold, Kind::Uniform] {
        at_size(kind, 9, 20_000, 25, "<= 4", "<= 1.5");
    }
    for (kind, budget) in [(Kind::Mixture, "<= 14"), (Kind::Manifold, "<= 75"), (Kind::Uniform, "")] {
        at_size(kind, 15, 120_000, 120, budget, "");
    }
    if arguments.iter().any(|argument| argument == "--full") {
        campaign(Kind::Mixture, "<= 15");
        campaign(Kind::Manifold, "<= 60");
    }
}
