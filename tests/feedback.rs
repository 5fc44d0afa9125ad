//! Feedback with the sampler's own weights, on a field whose statistics are known.
//!
//! Patches are normal in a plane of two latent coordinates z, wider in one protein state than in the other, and a
//! simulation of a patch measures g = 1 + |z|^2 / 2, with the noise of its windows. So g of a state is
//! 1 + variance of a coordinate. The sampler picks the far ones first, which is a bias that weights have to take away.
//! Not here: means with weights of the test's own (`src/feedback/tests/`).

use std::collections::HashMap;

use patchstream::dynim::{Config, Sampler};
use patchstream::feedback::{Bins, Feedback, RDF, Sample, Settings, Simulation, Table};

const PATCHES: u64 = 8_000;
const EVENTS: u64 = 40;
const PICKS: usize = 12;
const FRAMES: u64 = 100;
const DENSITY: f64 = 0.5;
/// Standard deviation of a coordinate in each protein state.
const WIDTHS: [f64; 2] = [1.0, 0.85];

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

fn state_of(id: u64) -> u16 {
    (id % 2) as u16
}

/// One campaign: tables with the sampler's weights and with equal ones.
fn campaign(seed: u64) -> (Table, Table) {
    let mut random = Random(seed);
    let mut sampler = Sampler::new(Config { capacity: 2_000, ..Config::new(2) }).unwrap();
    let bins = Bins::new(1, 1.0).unwrap();
    let settings = Settings::new(vec!["RASa".into(), "RASb".into()], vec!["POPC".into()], bins);
    let mut feedback = Feedback::new(settings).unwrap();
    let mut patches = HashMap::new();
    for event in 0..EVENTS {
        for id in event * PATCHES / EVENTS + 1..=(event + 1) * PATCHES / EVENTS {
            let width = WIDTHS[usize::from(state_of(id))];
            let z = [width * random.normal(), width * random.normal()];
            sampler.add(id, event as i64, &z.map(|x| x as f32)).unwrap();
            patches.insert(id, z);
        }
        for pick in sampler.select(event as i64, PICKS).picks {
            let (job, state, densities_nm2) = (pick.id, Some(state_of(pick.id)), vec![DENSITY]);
            feedback.announce(Simulation { job, state, alone: true, references: 1, densities_nm2 }).unwrap();
            // Some jobs fail, and leave their population to those that have results.
            let results = if random.uniform() < 0.15 { 0 } else { 2 };
            for window in 0..results {
                let g = 1.0 + 0.5 * patches[&job].iter().map(|x| x * x).sum::<f64>() + 0.1 * random.normal();
                let sums = [(g.max(0.0) * FRAMES as f64 * DENSITY * bins.area_nm2(0)).round()];
                let sample = Sample { job, observable: RDF, window, frames: FRAMES, shape: &[1, 1], sums: &sums };
                feedback.submit(&sample).unwrap();
            }
        }
    }
    let weighted = feedback.form(|state, jobs| {
        let weights = sampler.weights_where(jobs, |member| state_of(member.id) == state)?;
        Ok(weights.iter().map(|weight| weight.weight).collect())
    });
    (weighted.unwrap(), feedback.form(|_, jobs| Ok(vec![1.0; jobs.len()])).unwrap())
}

#[test]
fn the_sampler_s_weights_take_the_bias_of_its_picks_away() {
    let (mut weighted, mut unweighted) = ([0; 2], [0; 2]);
    let mut lines = String::new();
    for seed in 1..=20 {
        let (with, without) = campaign(seed);
        for state in 0..2 {
            let truth = 1.0 + WIDTHS[state] * WIDTHS[state];
            let off = |table: &Table| (table.g[state] - truth).abs() / table.standard_error[state];
            weighted[state] += usize::from(off(&with) < 2.0);
            unweighted[state] += usize::from(off(&without) > 3.0);
            assert!(with.effective_samples[state] < with.simulations[state] as f64 && with.simulations[state] > 20);
            lines += &format!(
                "seed {seed} state {state}: truth {truth:.3}, weighted {:.3} +- {:.3}, unweighted {:.3} +- {:.3}, {} runs\n",
                with.g[state],
                with.standard_error[state],
                without.g[state],
                without.standard_error[state],
                with.simulations[state]
            );
        }
    }
    println!("{lines}{weighted:?} {unweighted:?}");
    assert!(weighted.iter().all(|&within| within >= 17), "{lines}within two standard errors: {weighted:?} of 20");
    assert!(unweighted.iter().all(|&outside| outside >= 17), "{lines}outside three: {unweighted:?} of 20");
}
