//! What one patch of 37 x 37 x 14 costs in each built-in encoder, on one core, from a warm cache.
//!
//! Each benchmark first asserts that the point is right. Run with `cargo bench --bench encode`.
//! Not here: the whole way from push to candidate (`benches/end_to_end.rs`).

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use patchstream::encode::Model;
use patchstream::patch::{PatchView, Shape};

/// Densities that rise by 0.01 a pixel along x and by 0.001 a channel, around 0.3 nm^-2.
fn ramp(shape: Shape) -> Vec<f32> {
    let density = |i: usize| 0.3 + 0.01 * ((i / shape.channels % shape.nx) as f32 - 18.0);
    (0..shape.len()).map(|i| density(i) + 0.001 * (i % shape.channels) as f32).collect()
}

fn encode(c: &mut Criterion) {
    let shape = Shape::new(37, 37, 14).expect("a shape that patches have");
    let densities = ramp(shape);
    let patch = PatchView { shape, densities: &densities, proteins: &[] };
    let names: &[&str] = if cfg!(feature = "fused") { &["metric", "mean", "radial"] } else { &["mean", "radial"] };
    for &name in names {
        let model = Model::open(name, shape).expect("a built-in model");
        let mut point = vec![0.0; model.dim()];
        model.encode(patch, &mut point).expect("a sound patch");
        // What the ramp's point must be, as (coordinate, value).
        let expected: &[(usize, f32)] = match name {
            "mean" => &[(0, 0.3), (13, 0.313)],
            // The centre; its right-most pixel; a corner: the mean of two left and two right ones; the next channel's
            // centre. Standardised: 0.3, 0.48 and 0.3 by 0.2333 and 0.060, 0.301 by 0.1250 and 0.043.
            "radial" => &[(0, 1.11167), (18, 4.11167), (19, 1.11167), (38, 4.09302)],
            _ => METRIC_POINT,
        };
        for &(j, value) in expected {
            assert!((point[j] - value).abs() < 1e-4, "{name}: coordinate {j} is {}, not {value}", point[j]);
        }
        c.bench_function(&format!("encode/{name}/one"), |b| {
            b.iter(|| model.encode(black_box(patch), black_box(&mut point)).expect("a sound patch"));
        });
    }
}

/// The metric network's point for the ramp, with the seeded params; `tests/encode/` holds that network to a naive one.
const METRIC_POINT: &[(usize, f32)] = &[(0, -1.25916), (1, -3.68043), (4, -4.64551), (8, -0.55297)];

criterion_group!(benches, encode);
criterion_main!(benches);
