//! A patch's whole way, as a host runs it inline: push (convert, check, hash, commit), poll (encode), event (rank); and the
//! way of one that another process pushes, until it is told that its patch is a ranked candidate.
//!
//! Limit: one read and one write of the patch (76,664 bytes) for each of push and encode, the encoder's arithmetic, and
//! the distances of one point to all selected. The selected stay 20,000, and the capacity is large enough that no
//! event discards: a full queue costs a pass over it more, which `dynim/event` shows. A network dominates: `encode/metric/one`
//! is measured on its own.

use std::process::Command;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group};
use patchstream::dynim::Mode;
use patchstream::encode::Model;
use patchstream::patch::{Field, Meta, PatchView, Samples, Shape};
use patchstream::stream::{Builder, Polled, Producer, Pushed, Stream};

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
fn prepared(builder: Builder, model: &str, selected: usize) -> (Stream, Producer, u64) {
    let stream = builder.model(model).mode(Mode::Batch).capacity(1 << 30).open().unwrap();
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
        let (stream, mut producer, mut id) = prepared(Stream::builder(), model, selected);
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

/// The transport, for this program when it is started again as the other process.
const TRANSPORT: &str = "PATCHSTREAM_BENCH_TRANSPORT";

/// A patch's way from another process: it pushes one after the other, each when the last one is a candidate, and says what
/// that took: the median from the commit until it is told that the patch is a candidate, and of the push before.
fn produce(transport: &str) {
    let count: u64 = std::env::var("PATCHSTREAM_BENCH_COUNT").unwrap().parse().unwrap();
    let mut producer = Producer::attach(transport, "bench", Duration::from_secs(60)).unwrap();
    let mut densities = vec![0.0; SHAPE.len()];
    let (mut pushes, mut ways) = (Vec::new(), Vec::new());
    for at in 1..=count {
        let id = 1_000_000 + at;
        fill(&mut densities, id);
        let started = Instant::now();
        assert_eq!(push(&mut producer, &densities, id), Pushed::Accepted);
        let committed = Instant::now();
        while producer.answers().unwrap().taken < at {
            std::hint::spin_loop();
        }
        ways.push(committed.elapsed());
        pushes.push(committed - started);
    }
    let [pushes, ways] = [pushes, ways].map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    });
    println!(
        "end_to_end/other_process: commit to ranked candidate, told: p50 {ways:.1?}; the push before it: {pushes:.1?}"
    );
}

/// Runs the other process against a stream that spins, with 20,000 selected.
fn from_another_process() {
    let short = std::env::args().any(|argument| argument == "--test");
    let (selected, count) = if short { (100, 20) } else { (20_000, 5000) };
    let model = if cfg!(feature = "fused") { "metric" } else { "mean" };
    let transport = format!("shm:bench-{}", std::process::id());
    let (stream, local, id) = prepared(Stream::builder().transport(&transport), model, selected);
    drop(local);
    let mut other = Command::new(std::env::current_exe().unwrap())
        .env(TRANSPORT, &transport)
        .env("PATCHSTREAM_BENCH_COUNT", count.to_string())
        .spawn()
        .unwrap();
    loop {
        for _ in 0..10_000 {
            stream.poll(Duration::ZERO).unwrap();
        }
        if let Some(status) = other.try_wait().unwrap() {
            assert!(status.success());
            break;
        }
    }
    let stats = stream.stats();
    assert_eq!((stats.encoded, stats.rejected.total()), (id + count, 0));
}

fn main() {
    if let Ok(transport) = std::env::var(TRANSPORT) {
        return produce(&transport);
    }
    from_another_process();
    benches();
    Criterion::default().configure_from_args().final_summary();
}
