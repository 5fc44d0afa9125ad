//! Self-healing, seen as the paper's Figure 3 shows it: an error in the potentials goes, and picks become novel again.
//!
//! A stream, its workers as threads, and a membrane with one RASa, so that all simulations are of one state. Points are radial
//! profiles: they show what the potentials do at once, while the mean densities of a patch drift for as long as the membrane
//! takes to settle, with or without a feedback.
//! Not here: campaigns as processes (`cli/tests`).

use std::sync::Arc;
use std::thread;

use patchstream::feedback::Table;

use super::*;
use crate::heal;
use crate::micro::{PlanOptions, WorkerOptions, feedback, transport, work};

/// RASa, the only state here, and cholesterol of the inner leaflet, which it pushes away.
const STATE: u16 = 0;
const CHOL: usize = 7;
/// Steps of the membrane between two picks.
const EVERY: i64 = 20;

/// Own potentials but one, which attracts where it should repel.
fn planted(ddft: &Ddft) -> Vec<f64> {
    let mut potential = ddft.potential(STATE).unwrap();
    for kt in &mut potential[CHOL * Ddft::BINS..][..Ddft::BINS] {
        *kt *= -6.0;
    }
    potential
}

/// Runs the membrane, and picks a patch each `EVERY` steps; the ranks of the picks.
fn pick(host: &mut Host, stream: &Stream, step: &mut i64, picks: usize) -> Vec<f64> {
    let mut ranks = Vec::new();
    while ranks.len() < picks {
        (0..EVERY).for_each(|_| host.ddft.step().unwrap());
        *step += EVERY;
        host.send_frame(stream, *step, (*step / EVERY) as u64, 0).unwrap();
        host.producer.end_step(*step).unwrap();
        while stream.poll(POLL).unwrap() == Polled::Again {}
        let picked = stream.select(*step, 1).unwrap();
        ranks.extend(picked.iter().flat_map(|told| &told.batch.selections).map(|pick| f64::from(pick.rank)));
    }
    ranks
}

/// Waits for all simulations, at most five minutes.
fn simulated(stream: &Stream) {
    for _ in 0..150_000 {
        stream.poll(POLL).unwrap();
        let counts = stream.jobs().unwrap().counts;
        if counts.in_line + counts.held == 0 {
            return;
        }
        thread::sleep(POLL);
    }
    panic!("the simulations do not end: {:?}", stream.jobs());
}

fn mean_and_deviation(ranks: &[f64]) -> (f64, f64) {
    let mean = ranks.iter().sum::<f64>() / ranks.len() as f64;
    let square = ranks.iter().map(|rank| (rank - mean).powi(2)).sum::<f64>();
    (mean, (square / (ranks.len() - 1) as f64).sqrt())
}

/// How far g of cholesterol is off in the membrane: root mean square, relative to what was measured.
fn off(ddft: &Ddft, table: &Table) -> f64 {
    let settings = heal::settings(PATCH_NM).unwrap();
    let prepared = settings.inversion.as_ref().unwrap().prepare(Ddft::CHANNELS, settings.bins).unwrap();
    let row = Ddft::CHANNELS * Ddft::BINS;
    let truth = prepared.target(&table.g[usize::from(STATE) * row..][..row]).unwrap();
    let g = ddft.equilibrium_g(STATE).unwrap();
    let bins = CHOL * Ddft::BINS + 8..(CHOL + 1) * Ddft::BINS;
    let (sum, all) =
        bins.fold((0.0, 0.0), |(sum, all), at| (sum + (g[at] - truth[at]).powi(2), all + truth[at].powi(2)));
    (sum / all).sqrt()
}

/// What became of the picks and of the membrane.
struct Shown {
    /// Mean rank of the later half of the picks with the planted error, and its standard deviation.
    before: (f64, f64),
    /// Mean rank of the first picks after the feedback, or at that time.
    after: f64,
    /// How far g of cholesterol was off, and is.
    off: Option<(f64, f64)>,
}

/// A membrane that is told what was measured, or the same one that is not.
fn show(told: bool) -> Shown {
    let name = std::env::temp_dir().join(format!("patchstream-planted-{}", std::process::id()));
    let transport = transport(&name);
    let config = Config {
        model: "radial".to_owned(),
        nx: 37,
        ny: 37,
        transport: told.then(|| transport.clone()),
        feedback: told.then(|| feedback().unwrap()),
        ..Config::default()
    };
    let stream = Stream::builder().config(config).open().unwrap();
    let mut ddft = Ddft::open(64, 1, 5).unwrap();
    ddft.set_potential(STATE, &planted(&ddft)).unwrap();
    let mut host = Host::new(ddft, stream.producer("ddft").unwrap(), 37);
    let stop = Arc::new(AtomicBool::new(false));
    let note = format!(
        "--equilibration 500 --windows 1 --window 2500 --every 20 --bins {} --cutoff {}",
        Ddft::BINS,
        Ddft::CUTOFF_NM
    );
    let options = WorkerOptions { transport, plan: PlanOptions::told(&note).unwrap(), parent: 0 };
    let start = |()| {
        let (options, stop) = (options.clone(), Arc::clone(&stop));
        thread::spawn(move || work(&options, &stop))
    };
    let workers: Vec<_> = [(), ()].into_iter().filter(|()| told).map(start).collect();
    // The membrane settles with the wrong potentials, and is explored.
    let mut step = 600;
    (0..step).for_each(|_| host.ddft.step().unwrap());
    let before = pick(&mut host, &stream, &mut step, 24);
    let known = (step / EVERY + 1) as u64 * IDS_OF_FRAME; // ids up to here go into the table
    let wrong = told.then(|| {
        simulated(&stream);
        let wrong = off(&host.ddft, &stream.draft_feedback(|_| true).unwrap());
        let table = stream.publish_feedback(step, step + 1).unwrap();
        heal::heal(&mut host.ddft, &table).unwrap();
        wrong
    });
    // It settles with the new ones.
    (0..600).for_each(|_| host.ddft.step().unwrap());
    step += 600;
    let after = mean_and_deviation(&pick(&mut host, &stream, &mut step, 6)).0;
    let off = wrong.map(|wrong| {
        pick(&mut host, &stream, &mut step, 6);
        simulated(&stream);
        (wrong, off(&host.ddft, &stream.draft_feedback(|job| job > known).unwrap()))
    });
    stop.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.join().unwrap().unwrap();
    }
    Shown { before: mean_and_deviation(&before[12..]), after, off }
}

#[test]
fn a_planted_error_is_healed_and_the_first_picks_after_it_are_novel() {
    let Shown { before: (mean, deviation), after, off } = show(true);
    let (wrong, healed) = off.unwrap();
    assert!(wrong > 0.5 && healed < 0.1, "g of cholesterol is off by {wrong}, then by {healed}");
    assert!(after >= mean + 3.0 * deviation, "ranks are {mean} +- {deviation} before, {after} after");
    // It is the feedback that does it, and not the time that has passed.
    let Shown { before, after: later, .. } = show(false);
    assert_eq!(before, (mean, deviation), "another membrane");
    assert!(later < mean + 3.0 * deviation, "ranks are {mean} +- {deviation}, then {later} without a feedback");
}
