//! What encoding costs on one core, each figure beside tract's on the same patch in the same run.
//!
//! First each answer is held to float64 arithmetic. `cargo bench --bench encode`; `-- --test` only asserts. Wall times in
//! microseconds, the fastest of 400 short runs and the one in the middle.
//! Not here: the whole way from push to candidate (`benches/end_to_end.rs`).

use std::hint::black_box;

use patchstream::encode::Model;
use patchstream::patch::{PatchView, Shape};

#[cfg(feature = "fused")]
#[path = "../../models/mod.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod models;
#[cfg(feature = "fused")]
#[path = "../../tests/encode/naive.rs"]
mod naive;
#[cfg(feature = "fused")]
mod networks;
#[cfg(feature = "fused")]
#[path = "../../tests/encode/patches.rs"]
mod patches;
#[cfg_attr(not(feature = "fused"), allow(dead_code, reason = "networks use more of it"))]
mod timing;

use timing::{Call, Effort, in_turn};

fn main() {
    let effort = if std::env::args().any(|argument| argument == "--test") { Effort::Once } else { Effort::Full };
    without_networks(effort);
    #[cfg(feature = "fused")]
    networks::all(effort);
}

/// Densities that rise by 0.01 a pixel along x and by 0.001 a channel, around 0.3 nm^-2.
fn ramp(shape: Shape) -> Vec<f32> {
    let density = |i: usize| 0.3 + 0.01 * ((i / shape.channels % shape.nx) as f32 - 18.0);
    (0..shape.len()).map(|i| density(i) + 0.001 * (i % shape.channels) as f32).collect()
}

/// The encoders that have no network, and a read of the patch.
fn without_networks(effort: Effort) {
    let shape = Shape::new(37, 37, 14).expect("a shape that patches have");
    let densities = ramp(shape);
    let patch = PatchView { shape, densities: &densities, proteins: &[] };
    let models = ["mean", "radial"].map(|name| Model::open(name, shape).expect("a built-in model"));
    // What the ramp's point must be, as (coordinate, value). Of `radial` the centre; its right-most pixel; a corner: the
    // mean of two left and two right ones; the next channel's centre. Standardised: 0.3, 0.48 and 0.3 by 0.2333 and 0.060,
    // 0.301 by 0.1250 and 0.043.
    let expected: [&[(usize, f32)]; 2] =
        [&[(0, 0.3), (13, 0.313)], &[(0, 1.11167), (18, 4.11167), (19, 1.11167), (38, 4.09302)]];
    let words = vec![1_u64; densities.len() / 2];
    let mut calls: Vec<Call<'_>> = Vec::new();
    for (model, expected) in models.iter().zip(expected) {
        let mut point = vec![0.0; model.dim()];
        model.encode(patch, &mut point).expect("a sound patch");
        for &(j, value) in expected {
            assert!((point[j] - value).abs() < 1e-4, "{}: coordinate {j} is {}", model.card().name, point[j]);
        }
        calls.push(Box::new(move || model.encode(black_box(patch), black_box(&mut point)).expect("a sound patch")));
    }
    calls.push(Box::new(|| _ = black_box(timing::read(&words))));
    println!("37x37x14, one patch in L2                       fastest   median  us");
    for (name, time) in ["mean", "radial", "a plain read of the patch"].iter().zip(in_turn(effort, calls)) {
        println!("  {name:44} {:8.2} {:8.2}", time.fastest, time.median);
    }
}
