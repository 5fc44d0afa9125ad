//! A patch's whole way, as a host runs it inline: push (convert, check, hash, commit), poll (encode), event (rank).
//!
//! Limit: one read and one write of the patch (76,664 bytes) for each of push and encode, the encoder's arithmetic, and
//! the distances of one point to all selected. The selected stay 20,000, and the capacity is large enough that no
//! event discards: a full queue costs a pass over it more, which `dynim/event` shows. A network dominates: `encode/metric/one`
//! is measured on its own. Not here: the way from another process (`ffi/benches/from_cpp.rs`).

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group};
use patchstream::dynim::Mode;
use patchstream::encode::Model;
use patchstream::patch::{Field, Meta, PatchView, Samples, Shape};
use patchstream::stream::{Polled, Producer, Pushed, Stream};

const SHAPE: Shape = Shape { nx: 37, ny: 37, channels: 14 };

/// A patch whose points differ: noise around a mean of its own.
fn fill(densities: &mut [f32], id: u64) {
    let mut state = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32
    };
    let means: Vec<f32> = (0..SHAPE.channels).map(|_| 0.05 + 0.4 * draw()).collect();
    for pixel in densities.chunks_exact_mut(SHAPE.channels) {
        pixel.iter_mut().zip(&means).for_each(|(value, mean)| *value = mean * (0.5 + draw()));
    }
}

fn push(producer: &mut Producer, densities: &[f32], id: u64) -> Pushed {
    let meta = Meta { id, center_nm: [15.0; 2], ..Meta::default() };
    let field = Field::interleaved(Samples::F32(densities), SHAPE.nx, SHAPE.ny, SHAPE.channels).unwrap();
    producer.push(&meta, &field).unwrap()
}

/// A stream that has selected `selected` patches.
fn prepared(model: &str, selected: usize) -> (Stream, Producer, u64) {
    let stream = Stream::builder().model(model).mode(Mode::Batch).capacity(1 << 30).open().unwrap();
    let mut producer = stream.producer("bench").unwrap();
    let mut densities = vec![0.0; SHAPE.len()];
    let mut id = 0;
    while (id as usize) < selected {
        id += 1;
        fill(&mut densities, id);
        while push(&mut producer, &densities, id) == Pushed::Full {
            while stream.poll(Duration::MAX).unwrap() == Polled::Again {}
        }
    }
    let selections = stream.select(0, selected).unwrap().unwrap();
    assert_eq!(selections.batch.selections.len(), selected);
    (stream, producer, id)
}

fn commit_to_candidate(c: &mut Criterion) {
    let mut group = c.benchmark_group("end_to_end/push_to_ranked");
    let models: &[(&str, usize)] =
        if cfg!(feature = "fused") { &[("mean", 20_000), ("metric", 20_000)] } else { &[("mean", 20_000)] };
    for &(model, selected) in models {
        let (stream, mut producer, mut id) = prepared(model, selected);
        let mut densities = vec![0.0; SHAPE.len()];

        // The answer first: the point that is ranked is the one that the encoder gives.
        id += 1;
        fill(&mut densities, id);
        push(&mut producer, &densities, id);
        let selections = stream.select(0, 1).unwrap().unwrap();
        let mut point = vec![0.0; stream.model().dim()];
        Model::open(model, SHAPE)
            .unwrap()
            .encode(PatchView { shape: SHAPE, densities: &densities, proteins: &[] }, &mut point)
            .unwrap();
        assert_eq!((selections.batch.selections[0].id, &selections.batch.selections[0].point), (id, &point));

        group.bench_function(BenchmarkId::new(model, selected), |b| {
            b.iter_custom(|iterations| {
                let mut spent = Duration::ZERO;
                for _ in 0..iterations {
                    id += 1;
                    fill(&mut densities, id);
                    let started = std::time::Instant::now();
                    push(&mut producer, &densities, id);
                    stream.poll(Duration::MAX).unwrap();
                    stream.select(0, 0).unwrap();
                    spent += started.elapsed();
                }
                spent
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(5));
    targets = commit_to_candidate
}

fn main() {
    benches();
    Criterion::default().configure_from_args().final_summary();
}
