//! Time of a pick, an arrival, an event and the weights: 9 coordinates, k = 10, capacity 35,000, sequential.
//!
//! Each answer is first held against plain loops over the definition. A sampler is grown once a benchmark and cloned
//! for each measurement, outside the time, so that S stays of the size in the id.
//! Not here: the time from a patch to its candidate (`benches/end_to_end.rs`).

use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use patchstream::dynim::{Config, Mode, Sampler};

const DIM: usize = 9;
const K: usize = 10;
const CAPACITY: usize = 35_000;

/// Pseudo-random points in a cube, by SplitMix64 (Steele, Lea and Flood 2014).
struct Points(u64);

impl Points {
    fn next(&mut self) -> [f32; DIM] {
        std::array::from_fn(|_| {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            ((x ^ (x >> 31)) >> 40) as f32 / (1 << 24) as f32
        })
    }
}

/// A sampler with `selected` points in S and `candidates` besides; the points by id, from 1.
fn grown(points: &mut Points, selected: usize, candidates: usize) -> (Sampler, HashMap<u64, [f32; DIM]>) {
    let mut sampler = Sampler::new(config(Mode::Sequential)).unwrap();
    let mut by_id = HashMap::new();
    let mut add = |sampler: &mut Sampler, count| {
        for _ in 0..count {
            let id = by_id.len() as u64 + 1;
            by_id.insert(id, points.next());
            sampler.add(id, 0, &by_id[&id]).unwrap();
        }
    };
    add(&mut sampler, selected);
    sampler.select(0, selected);
    add(&mut sampler, candidates);
    sampler.select(0, 0);
    assert_eq!((sampler.selected(), sampler.candidates()), (selected, candidates));
    (sampler, by_id)
}

fn config(mode: Mode) -> Config {
    Config { dim: DIM, k: K, capacity: CAPACITY, mode }
}

fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + (a - b) * (a - b))
}

/// The rank by definition.
fn rank(x: &[f32], s: &[[f32; DIM]]) -> f32 {
    let mut distances: Vec<f32> = s.iter().map(|point| squared_distance(x, point)).collect();
    let k = K.min(distances.len());
    distances.select_nth_unstable_by(k - 1, f32::total_cmp);
    distances.truncate(k);
    distances.sort_unstable_by(f32::total_cmp);
    distances.iter().fold(0.0, |sum, distance| sum + distance.sqrt()) / k as f32
}

fn selected_points(sampler: &Sampler, by_id: &HashMap<u64, [f32; DIM]>) -> Vec<[f32; DIM]> {
    sampler.selected_ids().map(|id| by_id[&id]).collect()
}

/// Adds up the time of `batch(clone, count)` until `iterations` were done, at most `most` a clone.
fn on_clones(base: &Sampler, iterations: u64, most: u64, mut batch: impl FnMut(&mut Sampler, usize)) -> Duration {
    let (mut left, mut total) = (iterations, Duration::ZERO);
    while left > 0 {
        let count = left.min(most);
        let mut sampler = base.clone();
        let start = Instant::now();
        batch(&mut sampler, count as usize);
        total += start.elapsed();
        left -= count;
    }
    total
}

fn pick(criterion: &mut Criterion) {
    let (base, by_id) = grown(&mut Points(1), 20_000, CAPACITY);
    let s = selected_points(&base, &by_id);
    let first = base.clone().select(0, 1).picks[0];
    assert_eq!(first.rank.to_bits(), rank(&by_id[&first.id], &s).to_bits());
    // Ids beyond the first 20,000 are the candidates. One in twenty is enough to find a pick that is not the top.
    for id in (20_001..=by_id.len() as u64).step_by(20) {
        let other = rank(&by_id[&id], &s);
        assert!(other < first.rank || other == first.rank && id >= first.id, "{id} of rank {other} is above {first:?}");
    }

    criterion.bench_function("dynim/pick/sequential/35000x20000x9", |bencher| {
        bencher.iter_custom(|iterations| {
            on_clones(&base, iterations, 1_000, |sampler, count| {
                assert_eq!(black_box(sampler.select(0, count)).picks.len(), count);
            })
        });
    });
}

fn arrival(criterion: &mut Criterion) {
    let mut points = Points(2);
    let (base, by_id) = grown(&mut points, 20_000, 0);
    let s = selected_points(&base, &by_id);
    let arrivals: Vec<[f32; DIM]> = (0..1_000).map(|_| points.next()).collect();
    let first = by_id.len() as u64 + 1;
    let add = |sampler: &mut Sampler, count: usize| {
        for (id, x) in (first..).zip(&arrivals[..count]) {
            sampler.add(id, 1, x).unwrap();
        }
    };
    // A pick tells its rank, so a sampler with one arrival tells that of the arrival.
    for (id, x) in (first..).zip(&arrivals).take(50) {
        let mut sampler = base.clone();
        sampler.add(id, 1, x).unwrap();
        assert_eq!(sampler.select(1, 1).picks[0].rank.to_bits(), rank(x, &s).to_bits());
    }

    criterion.bench_function("dynim/arrival/exact/20000x9", |bencher| {
        bencher.iter_custom(|iterations| {
            on_clones(&base, iterations, arrivals.len() as u64, |sampler, count| {
                add(sampler, count);
                assert_eq!(black_box(sampler.select(1, 0)).merged, count);
            })
        });
    });
}

fn event(criterion: &mut Criterion) {
    let mut points = Points(3);
    let (mut base, mut by_id) = grown(&mut points, 1_000, CAPACITY);
    for _ in 0..1_000 {
        let id = by_id.len() as u64 + 1;
        by_id.insert(id, points.next());
        base.add(id, 1, &by_id[&id]).unwrap();
    }
    let s = selected_points(&base, &by_id);
    let mut ranking: Vec<(f32, u64)> = by_id.iter().map(|(&id, x)| (rank(x, &s), id)).collect();
    ranking.retain(|&(_, id)| base.selected_ids().all(|selected| selected != id));
    ranking.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let event = base.clone().select(1, 100);
    assert_eq!((event.merged, event.picks.len()), (1_000, 100));
    assert_eq!((event.picks[0].rank, event.picks[0].id), ranking[0]);
    let discarded: Vec<_> = event.discarded.iter().rev().map(|discarded| (discarded.rank, discarded.id)).collect();
    assert_eq!(discarded, ranking[CAPACITY..]);

    criterion.bench_function("dynim/event/1000_arrivals_100_picks/35000x1000x9", |bencher| {
        bencher.iter_custom(|iterations| {
            on_clones(&base, iterations, 1, |sampler, _| {
                black_box(sampler.select(1, 100));
            })
        });
    });
}

fn weights(criterion: &mut Criterion) {
    let (sampler, by_id) = grown(&mut Points(4), 1_000, CAPACITY);
    let mut q: Vec<u64> = sampler.selected_ids().collect();
    q.sort_unstable();
    let mut counts: HashMap<u64, f64> = q.iter().map(|&id| (id, 1.0)).collect();
    for x in by_id.iter().filter(|(id, _)| q.binary_search(id).is_err()).map(|(_, x)| x) {
        let distance = |id: &u64| squared_distance(x, &by_id[id]);
        // The first of equals is the smaller id.
        let distances = q.iter().map(|id| (distance(id), *id));
        let nearest = distances.reduce(|best, next| if next.0 < best.0 { next } else { best }).unwrap();
        *counts.get_mut(&nearest.1).unwrap() += 1.0;
    }
    for weight in sampler.clone().weights() {
        assert_eq!(weight.weight, counts[&weight.id]);
    }

    // The first call looks at all that S gained since each point came; the next one finds it known.
    criterion.bench_function("dynim/weights/first/35000x1000x9", |bencher| {
        bencher.iter_custom(|iterations| {
            on_clones(&sampler, iterations, 1, |sampler, _| {
                black_box(sampler.weights());
            })
        });
    });
}

criterion_group! {
    name = dynim;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = pick, arrival, event, weights
}
criterion_main!(dynim);
