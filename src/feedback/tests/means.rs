//! Weighted means and their error bars, against definitions and against what many repetitions show.
//!
//! Not here: weights of the sampler (`tests/feedback.rs`).

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;

fn close(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

/// Mean, error between simulations, error between blocks, of one value; `windows` of each: frames and sum.
fn naive(all: &[(f64, Vec<(u64, f64)>)]) -> (f64, f64, f64) {
    let all: Vec<_> = all.iter().filter(|(w, _)| *w > 0.0).collect();
    let frames = |windows: &[(u64, f64)]| windows.iter().map(|w| w.0 as f64).sum::<f64>();
    let rate = |windows: &[(u64, f64)]| windows.iter().map(|w| w.1).sum::<f64>() / frames(windows);
    let (n, w) = (all.len() as f64, all.iter().map(|(w, _)| w).sum::<f64>());
    let mean = all.iter().map(|(w, windows)| w * rate(windows)).sum::<f64>() / w;
    let squares = all.iter().map(|(w, windows)| (w * (rate(windows) - mean)).powi(2)).sum::<f64>();
    let between = if all.len() < 2 { f64::INFINITY } else { (n / (n - 1.0) * squares).sqrt() / w };
    let blocks = all.iter().map(|(w, windows)| {
        let spread: f64 = windows.iter().map(|x| x.0 as f64 * (x.1 / x.0 as f64 - rate(windows)).powi(2)).sum();
        if windows.len() < 2 { f64::INFINITY } else { w * w * spread / ((windows.len() - 1) as f64 * frames(windows)) }
    });
    (mean, between, blocks.sum::<f64>().sqrt() / w)
}

proptest! {
    #[test]
    fn means_match_naive(
        all in vec((prop_oneof![Just(0.0), 0.5..100.0_f64], vec((1..20_u64, 0.0..1e6_f64), 1..5)), 1..8),
        whole in any::<bool>(),
    ) {
        prop_assume!(all.iter().any(|(w, _)| *w > 0.0));
        let all: Vec<(f64, Vec<(u64, f64)>)> = all
            .into_iter()
            .map(|(w, windows)| (w, windows.into_iter().map(|(f, x)| (f, if whole { x.floor() } else { x })).collect()))
            .collect();
        let mut collected = Collected::new(1, 1, true);
        for (job, (_, windows)) in (1..).zip(&all) {
            collected.announce(simulation(job, 1)).unwrap();
            for (window, (frames, sum)) in (0..).zip(windows) {
                let (shape, sums) = ([2, 1], [0.0, *sum]);
                let sample = Sample { observable: "x", ..rdf(job, window, *frames, &shape, &sums) };
                collected.submit(&sample).unwrap();
            }
        }
        // In another order than that of the jobs.
        let jobs: Vec<u64> = (1..=all.len() as u64).rev().collect();
        let weights: Vec<f64> = all.iter().rev().map(|(w, _)| *w).collect();
        let mean = collected.mean("x", &jobs, &weights).unwrap();
        let (value, between, blocks) = naive(&all);
        prop_assert!(close(mean.values[1], value) && mean.values[0] == 0.0, "{:?} {}", mean, value);
        let near = |a: f64, b: f64| a == b || (a - b).abs() <= 1e-5 * b + 1e-6 * value;
        prop_assert!(near(mean.between[1], between), "{:?} {}", mean, between);
        prop_assert!(near(mean.blocks[1], blocks), "{:?} {}", mean, blocks);
        let (sum, squares) = (weights.iter().sum::<f64>(), weights.iter().map(|w| w * w).sum::<f64>());
        prop_assert!(close(mean.effective, sum * sum / squares));
        prop_assert_eq!(mean.simulations, weights.iter().filter(|w| **w > 0.0).count() as u64);
        // The order of the caller does not show.
        let (forth, w): (Vec<u64>, Vec<f64>) = (1..).zip(all.iter().map(|(w, _)| *w)).unzip();
        prop_assert_eq!(format!("{:?}", collected.mean("x", &forth, &w).unwrap()), format!("{:?}", mean));
    }
}

#[test]
fn bad_weights_are_refused() {
    let mut collected = Collected::new(1, 1, false);
    for job in [1, 2, 3] {
        collected.announce(simulation(job, 1)).unwrap();
    }
    for job in [1, 2] {
        collected.submit(&rdf(job, 0, 1, &[1, 1], &[4.0])).unwrap();
    }
    let kind = |jobs: &[u64], weights: &[f64]| collected.mean(RDF, jobs, weights).unwrap_err().kind();
    assert_eq!(kind(&[1, 3], &[1.0, 1.0]), ErrorKind::Unknown);
    assert_eq!(kind(&[1, 9], &[1.0, 1.0]), ErrorKind::Unknown);
    assert_eq!(kind(&[1, 2], &[1.0]), ErrorKind::Argument);
    assert_eq!(kind(&[1, 1], &[1.0, 1.0]), ErrorKind::Argument);
    assert_eq!(kind(&[1, 2], &[0.0, 0.0]), ErrorKind::Argument);
    assert_eq!(kind(&[], &[]), ErrorKind::Argument);
    for weight in [-1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(kind(&[1, 2], &[1.0, weight]), ErrorKind::Value);
    }
    assert_eq!(collected.mean("other", &[1], &[1.0]).unwrap_err().kind(), ErrorKind::Unknown);
    assert_eq!(collected.mean(RDF, &[1, 2], &[0.25, 0.75]).unwrap().values, [4.0]);
}

/// Of 400 repetitions, an honest error bar covers the truth in about 68 % within one and 95 % within two.
#[test]
fn error_bars_say_how_far_the_mean_is_off() {
    let mut random = Random(3);
    for by_blocks in [false, true] {
        let (mut one, mut two) = (0, 0);
        for _ in 0..400 {
            let mut collected = Collected::new(1, 1, true);
            let (jobs, weights): (Vec<u64>, Vec<f64>) = (1..=40).map(|job| (job, 1.0 + 3.0 * random.uniform())).unzip();
            for &job in &jobs {
                collected.announce(simulation(job, 1)).unwrap();
                // Blocks know nothing of differences between simulations, so there are none.
                let own = if by_blocks { 0.0 } else { random.normal() };
                for window in 0..8 {
                    let sum = 50.0 * (10.0 + own + random.normal());
                    collected.submit(&rdf(job, window, 50, &[1, 1], &[sum])).unwrap();
                }
            }
            let mean = collected.mean(RDF, &jobs, &weights).unwrap();
            let error = if by_blocks { mean.blocks[0] } else { mean.between[0] };
            let off = (mean.values[0] - 10.0).abs() / error;
            one += usize::from(off < 1.0);
            two += usize::from(off < 2.0);
        }
        // Three standard deviations of the binomial distribution on either side.
        assert!((245..=301).contains(&one) && (365..=395).contains(&two), "{one} {two} of 400, blocks {by_blocks}");
    }
}

#[test]
fn spreads_cost_memory_only_where_they_are_wanted() {
    let bytes = |blocks| {
        let mut collected = Collected::new(14, 600, blocks);
        collected.announce(simulation(1, 14)).unwrap();
        for window in 0..5 {
            collected.submit(&rdf(1, window, 10, &[14, 600], &[7.0; 8400])).unwrap();
        }
        collected.bytes()
    };
    assert!((16_800..17_000).contains(&bytes(false)), "{}", bytes(false));
    assert!((50_400..50_600).contains(&bytes(true)), "{}", bytes(true));
}
