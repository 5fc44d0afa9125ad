//! The convergence study of the dynim paper (Figure 6): does DynIm cover a space, and do its weights give the data back?
//!
//! From 10,000 points in the plane, two dense modes and a few rare points, 500 events of two picks draw 1,000, at random
//! and by DynIm, in 25 experiments. Densities are estimated from each sample as it grows, and compared by their
//! Kullback-Leibler divergence with the uniform density and with that of the data. As long as DynIm-vs-uniform lies
//! below weighted-DynIm-vs-true it covers ground; from their crossing on (about 470 in the paper) it refines the modes.
//!
//! `cargo run --release --example convergence [FOLDER]` writes `convergence.csv` and `convergence.svg` to FOLDER (default
//! `target/convergence`) and fails unless DynIm-vs-uniform is below random-vs-uniform at every size in at least 24 of the
//! 25 experiments, and the mean crossing lies in 330 to 540. The same figures each time, on any number of threads.
//! Not here: the data set (`data`), one experiment (`experiment`), densities (`density`), the figure (`plot`).

mod data;
mod density;
mod experiment;
mod plot;

use std::error::Error;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, thread};

use experiment::{Curve, Divergences, SIZES, crossing};
use plot::Line;

const EXPERIMENTS: usize = 25;
/// Experiments that must cover better than chance.
const COVERING: usize = 24;
/// Where the mean crossing must lie.
const CROSSINGS: std::ops::RangeInclusive<f64> = 330.0..=540.0;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::args().nth(1).unwrap_or_else(|| "target/convergence".into()));
    fs::create_dir_all(&folder)?;
    let experiments = all_experiments()?;
    let statistics: Vec<_> = (0..SIZES.len()).map(|at| mean_and_deviation(&experiments, at)).collect();
    fs::write(folder.join("convergence.csv"), table(&statistics))?;

    let crossings: Vec<f64> = experiments.iter().filter_map(|curves| crossing(curves)).collect();
    if crossings.len() < EXPERIMENTS {
        return Err(format!("{} of {EXPERIMENTS} experiments have no crossing", EXPERIMENTS - crossings.len()).into());
    }
    let mean = crossings.iter().sum::<f64>() / crossings.len() as f64;
    let least = crossings.iter().copied().fold(f64::INFINITY, f64::min);
    let most = crossings.iter().copied().fold(0.0, f64::max);
    fs::write(folder.join("convergence.svg"), figure(&statistics, mean))?;

    let covers = |curves: &&Vec<Divergences>| {
        curves.iter().all(|at| at[Curve::DynimUniform as usize] < at[Curve::RandomUniform as usize])
    };
    let covering = experiments.iter().filter(covers).count();
    let means: Vec<Divergences> = statistics.iter().map(|(mean, _)| *mean).collect();
    println!("DynIm-vs-uniform is below random-vs-uniform at every size in {covering} of {EXPERIMENTS} experiments");
    println!(
        "weighted-DynIm-vs-true crosses DynIm-vs-uniform at {mean:.0} points on average ({least:.0} to {most:.0})"
    );
    if let Some(at) = crossing(&means) {
        println!("their mean curves cross at {at:.0} points");
    }
    println!("convergence.csv and convergence.svg are in {}", folder.display());
    if covering < COVERING {
        return Err(format!("{covering} experiments cover better than chance, {COVERING} have to").into());
    }
    if !CROSSINGS.contains(&mean) {
        return Err(format!("the mean crossing {mean:.0} is not in {CROSSINGS:?}").into());
    }
    Ok(())
}

/// Experiment i has the seed i, so it does not matter which thread runs it.
fn all_experiments() -> patchstream::error::Result<Vec<Vec<Divergences>>> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= EXPERIMENTS {
                return done;
            }
            done.push((seed, experiment::run(seed as u64)));
        }
    };
    let mut all: Vec<_> = thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from).min(EXPERIMENTS);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("an experiment does not panic")).collect()
    });
    all.sort_by_key(|&(seed, _)| seed);
    all.into_iter().map(|(_, curves)| curves).collect()
}

/// Over the experiments, of each curve, at one size.
fn mean_and_deviation(experiments: &[Vec<Divergences>], at: usize) -> (Divergences, Divergences) {
    let count = experiments.len() as f64;
    let average =
        |of: &dyn Fn(f64) -> f64, curve| experiments.iter().map(|curves| of(curves[at][curve])).sum::<f64>() / count;
    let mean: Divergences = std::array::from_fn(|curve| average(&|value| value, curve));
    let deviation = std::array::from_fn(|curve| average(&|value| (value - mean[curve]).powi(2), curve).sqrt());
    (mean, deviation)
}

/// A row a size: for each curve its mean and its standard deviation over the experiments.
fn table(statistics: &[(Divergences, Divergences)]) -> String {
    let mut table = String::from("selected");
    for curve in Curve::ALL {
        table += &format!(",{0},{0}_deviation", curve.name());
    }
    for (size, (mean, deviation)) in SIZES.iter().zip(statistics) {
        table += &format!("\n{size}");
        for (mean, deviation) in mean.iter().zip(deviation) {
            table += &format!(",{mean:.6},{deviation:.6}");
        }
    }
    table + "\n"
}

fn figure(statistics: &[(Divergences, Divergences)], crossing: f64) -> String {
    let lines = Curve::ALL.map(|curve| {
        let (label, color, dashed) = match curve {
            Curve::RandomUniform => ("(1) random vs uniform", "#c2410c", true),
            Curve::RandomTrue => ("(2) random vs true", "#c2410c", false),
            Curve::DynimUniform => ("(3) DynIm vs uniform", "#15803d", true),
            Curve::WeightedTrue => ("(4) weighted DynIm vs true", "#15803d", false),
        };
        let of = |values: fn(&(Divergences, Divergences)) -> &Divergences| {
            statistics.iter().map(|at| values(at)[curve as usize]).collect()
        };
        Line { label, color, dashed, mean: of(|(mean, _)| mean), deviation: of(|(_, deviation)| deviation) }
    });
    let title = format!("Convergence of sampling: mean of {EXPERIMENTS} experiments");
    let note = format!("(3) crosses (4) at {crossing:.0}");
    plot::svg(&title, &SIZES.map(|size| size as f64), &lines, crossing, &note)
}
