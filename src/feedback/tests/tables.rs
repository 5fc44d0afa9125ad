//! Tables: g from counts, priors, versions, when one is due.
//!
//! Not here: bytes of a table.

use std::sync::Arc;

use super::*;
use crate::error::ErrorKind;

const SHAPE: [u32; 2] = [2, 4];

fn settings() -> Settings {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Settings::new(names(&["RASa", "RASb"]), names(&["POPC", "CHOL"]), Bins::new(4, 2.0).unwrap())
}

fn equal(_: u16, jobs: &[u64]) -> crate::error::Result<Vec<f64>> {
    Ok(vec![1.0; jobs.len()])
}

/// Feedback in which `jobs` have each reported `window`.
fn reported(settings: Settings, jobs: &[u64], window: u64, sums: &[f64; 8]) -> Feedback {
    let mut feedback = Feedback::new(settings).unwrap();
    for &job in jobs {
        feedback.announce(simulation(job, 2)).unwrap();
        feedback.submit(&rdf(job, window, 10, &SHAPE, sums)).unwrap();
    }
    feedback
}

/// A gas has g = 1 whatever the size of bins, with its error bar; a lipid that a simulation lacks spoils nothing.
#[test]
fn a_gas_has_g_of_one() {
    let bins = Bins::new(12, 6.0).unwrap();
    let mut feedback = Feedback::new(Settings { bins, ..settings() }).unwrap();
    let mut random = Random(5);
    for job in 1..=20 {
        let lipids = [400, if job % 4 == 0 { 0 } else { 150 }];
        let (species, references) =
            ([vec![NOT_COUNTED; 3], vec![0; lipids[0]], vec![1; lipids[1]]].concat(), [0, 1, 2]);
        let mut counter = RdfCounter::new(2, bins).unwrap();
        for _ in 0..20 {
            let positions: Vec<f64> =
                species.iter().flat_map(|_| [30.0 * random.uniform(), 25.0 * random.uniform()]).collect();
            let (box_nm, stride) = ([30.0, 25.0], 2);
            let frame = Frame {
                box_nm,
                positions: &positions,
                stride,
                species: &species,
                references: &references,
                wrap: false,
            };
            counter.count(&frame).unwrap();
        }
        let densities_nm2 = lipids.iter().map(|&count| f64::from(count as u32) / 750.0).collect();
        feedback.announce(Simulation { references: 3, densities_nm2, ..simulation(job, 2) }).unwrap();
        feedback.submit(&rdf(job, 0, counter.frames(), &[2, 12], &counter.sums())).unwrap();
    }
    let table = feedback.form(|_, jobs| Ok(jobs.iter().map(|job| 1.0 + (job % 3) as f64).collect())).unwrap();
    let mut outside = 0;
    for lipid in 0..2 {
        for (g, error) in table.g_of(0, lipid).iter().zip(table.standard_error_of(0, lipid)) {
            assert!((g - 1.0).abs() < 5.0 * error && *error < 0.2, "{g} +- {error}");
            outside += usize::from((g - 1.0).abs() > 2.0 * error);
        }
    }
    assert!(outside <= 5, "{outside} of 24 are outside two standard errors");
    assert_eq!((table.simulations[0], table.simulations[1]), (20, 0));
    assert!(table.effective_samples[0] > 15.0 && table.effective_samples[0] < 20.0);
    assert!(table.g_of(1, 0).iter().all(|g| *g == 1.0));
    assert!(table.standard_error_of(1, 0).iter().all(|error| error.is_infinite()));
    assert!(table.g_of(2, 0).is_empty() && table.g_of(0, 2).is_empty() && table.potential_of(0, 0).is_empty());
}

#[test]
fn means_are_formed_with_todays_weights() {
    let mut feedback = reported(settings(), &[1], 0, &[8.0; 8]);
    feedback.announce(simulation(2, 2)).unwrap();
    feedback.submit(&rdf(2, 0, 10, &SHAPE, &[2.0; 8])).unwrap();
    let g = |first: f64| feedback.form(|_, _| Ok(vec![first, 1.0])).unwrap().g[0];
    let area = Bins::new(4, 2.0).unwrap().area_nm2(0);
    assert!((g(1.0) - 0.5 / area).abs() < 1e-12);
    assert!((g(2.0) - 0.6 / area).abs() < 1e-12);
    assert!((g(0.0) - 0.2 / area).abs() < 1e-12);
    assert_eq!(g(1.0), g(1.0));
}

#[test]
fn crowded_patches_and_those_without_protein_do_not_count() {
    let mut feedback = reported(settings(), &[3], 0, &[8.0; 8]);
    for (job, state, alone) in [(1, Some(0), false), (2, None, true), (4, Some(1), true)] {
        feedback.announce(Simulation { state, alone, ..simulation(job, 2) }).unwrap();
        feedback.submit(&rdf(job, 0, 10, &SHAPE, &[100.0; 8])).unwrap();
    }
    assert_eq!((feedback.jobs(0), feedback.jobs(1)), (vec![3], vec![4]));
    let mut asked = Vec::new();
    let mut noted = |state, jobs: &[u64]| {
        asked.push((state, jobs.to_vec()));
        equal(state, jobs)
    };
    feedback.form(&mut noted).unwrap();
    assert_eq!(asked, [(0, vec![3]), (1, vec![4])]);
    let mut crowded = Feedback::new(Settings { crowded: true, ..settings() }).unwrap();
    crowded.announce(Simulation { alone: false, ..simulation(1, 2) }).unwrap();
    crowded.submit(&rdf(1, 0, 10, &SHAPE, &[1.0; 8])).unwrap();
    assert_eq!(crowded.jobs(0), [1]);
    let kind = |jobs: Vec<u64>| {
        let choose = |state| if state == 0 { (jobs.clone(), vec![1.0; jobs.len()]) } else { (vec![], vec![]) };
        feedback.form_over(|state| Ok(choose(state))).map(|_| ()).map_err(|error| error.kind())
    };
    assert_eq!((kind(vec![4]), kind(vec![2])), (Err(ErrorKind::Argument), Err(ErrorKind::Argument)));
    assert_eq!((kind(vec![77]), kind(vec![1, 3])), (Err(ErrorKind::Unknown), Ok(())));
    assert_eq!(feedback.form(|_, _| Ok(vec![])).unwrap_err().kind(), ErrorKind::Argument);
    assert_eq!(feedback.form(|_, _| Ok(vec![f64::NAN])).unwrap_err().kind(), ErrorKind::Value);
    let unknown = feedback.announce(Simulation { state: Some(2), ..simulation(9, 2) });
    assert_eq!(unknown.unwrap_err().kind(), ErrorKind::Unknown);
}

#[test]
fn one_simulation_has_the_error_bar_of_its_blocks_and_no_bin_is_surer_than_a_count() {
    let mut feedback = reported(settings(), &[1], 0, &[0.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0]);
    assert!(feedback.form(equal).unwrap().standard_error[1].is_infinite());
    feedback.submit(&rdf(1, 1, 10, &SHAPE, &[0.0, 12.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0])).unwrap();
    let (table, bins) = (feedback.form(equal).unwrap(), Bins::new(4, 2.0).unwrap());
    // Rates 0.8 and 1.2: the standard error of their mean is 0.2. Where both agree a count in 20 frames is 0.05.
    assert!((table.standard_error[1] * bins.area_nm2(1) - 0.2).abs() < 1e-6, "{}", table.standard_error[1]);
    assert!((table.standard_error[0] * bins.area_nm2(0) - 0.05).abs() < 1e-12);
    assert!((table.standard_error[2] * bins.area_nm2(2) - 0.05).abs() < 1e-12);
}

#[test]
fn a_prior_counts_as_much_as_it_is_worth() {
    let prior = Prior { g: vec![2.0; 16], standard_error: vec![0.5; 16], strength: 3.0 };
    let inversion = Some(Inversion { smoothing_nm: 0.0, switch_nm: 0.0, ..Inversion::new(Mixing::Plain) });
    let with = Settings { prior: Some(prior.clone()), inversion, ..settings() };
    let feedback = reported(with.clone(), &[1, 2], 0, &[8.0; 8]);
    let (table, bins) = (feedback.form(equal).unwrap(), Bins::new(4, 2.0).unwrap());
    let measured = 0.8 / bins.area_nm2(1);
    assert!((table.g[1] - (0.4 * measured + 0.6 * 2.0)).abs() < 1e-12);
    let error = 0.05 / bins.area_nm2(1);
    assert!((table.standard_error[1] - (0.4 * error).hypot(0.3)).abs() < 1e-6);
    assert_eq!((table.g_of(1, 0)[0], table.standard_error_of(1, 1)[3]), (2.0, 0.5));
    assert_eq!(table.potential_of(1, 0)[0], -(2.0_f64.ln()));
    for bad in [
        Prior { g: vec![2.0; 15], ..prior.clone() },
        Prior { standard_error: vec![-1.0; 16], ..prior.clone() },
        Prior { g: vec![f64::NAN; 16], ..prior.clone() },
        Prior { strength: 0.0, ..prior.clone() },
    ] {
        assert!(Feedback::new(Settings { prior: Some(bad), ..settings() }).is_err());
    }
    // Without a prior a state of which nothing is known has no potential.
    let without = reported(Settings { prior: None, ..with }, &[1], 0, &[8.0; 8]).form(equal).unwrap();
    assert!(without.potential_of(1, 0).iter().all(|u| *u == 0.0) && without.potential_of(0, 0)[0] != 0.0);
}

#[test]
fn a_published_table_has_a_version_and_is_in_force_from_its_step() {
    let mut feedback = reported(settings(), &[1, 2], 0, &[8.0; 8]);
    let publish = |feedback: &mut Feedback, step, from| {
        let draft = feedback.form(equal).unwrap();
        feedback.publish(draft, step, from)
    };
    assert!(feedback.in_force(i64::MAX).is_none() && feedback.last().is_none());
    let first = publish(&mut feedback, 100, 120).unwrap();
    let kept = (*first).clone();
    feedback.submit(&rdf(1, 1, 10, &SHAPE, &[80.0; 8])).unwrap();
    assert_eq!(publish(&mut feedback, 200, 199).unwrap_err().kind(), ErrorKind::State);
    assert_eq!(publish(&mut feedback, 110, 120).unwrap_err().kind(), ErrorKind::State);
    let second = publish(&mut feedback, 200, 200).unwrap();
    assert_eq!((first.version, second.version, second.in_force_from), (1, 2, 200));
    assert_eq!(*first, kept);
    assert_ne!(first.g, second.g);
    let version = |feedback: &Feedback, step| feedback.in_force(step).map(|table| table.version);
    let steps = [119, 120, 199, 200, 5000];
    assert_eq!(steps.map(|step| version(&feedback, step)), [None, Some(1), Some(1), Some(2), Some(2)]);
    feedback.forget_before(199);
    assert_eq!(version(&feedback, 150), Some(1));
    feedback.forget_before(200);
    assert_eq!(steps.map(|step| version(&feedback, step)), [None, None, None, Some(2), Some(2)]);
    // A later life of the run takes them in as they were.
    let mut again = reported(settings(), &[1], 0, &[8.0; 8]);
    assert_eq!(again.adopt((*second).clone(), 200).unwrap_err().kind(), ErrorKind::Conflict);
    again.adopt((*first).clone(), 100).unwrap();
    assert_eq!(again.adopt((*first).clone(), 100).unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(
        again.adopt(Table { in_force_from: 120, ..(*second).clone() }, 200).unwrap_err().kind(),
        ErrorKind::State
    );
    let other = Table { lipids: vec!["POPC".into(), "DPSM".into()], ..(*second).clone() };
    assert_eq!(again.adopt(other, 200).unwrap_err().kind(), ErrorKind::Shape);
    let torn = Table { g: vec![1.0; 3], ..(*second).clone() };
    assert_eq!(again.adopt(torn, 200).unwrap_err().kind(), ErrorKind::Shape);
    assert_eq!(again.adopt((*second).clone(), 200).unwrap(), second);
    assert_eq!(again.last().map(Arc::as_ref), feedback.last().map(Arc::as_ref));
}

#[test]
fn a_table_is_due_by_samples_by_steps_or_by_change() {
    let due = |when: When, samples: u64, step| {
        let mut feedback = Feedback::new(Settings { when, ..settings() }).unwrap();
        feedback.announce(simulation(1, 2)).unwrap();
        for window in 0..samples {
            feedback.submit(&rdf(1, window, 10, &SHAPE, &[8.0; 8])).unwrap();
            feedback.submit(&rdf(1, window, 10, &SHAPE, &[8.0; 8])).unwrap();
            let other = Sample { observable: "x", ..rdf(1, window, 10, &SHAPE, &[8.0; 8]) };
            feedback.submit(&other).unwrap();
        }
        feedback.due(step)
    };
    let by_samples = When { samples: Some(3), ..When::default() };
    assert_eq!([2, 3, 4].map(|n| due(by_samples, n, 0)), [Due::No, Due::Yes, Due::Yes]);
    let by_steps = When { steps: Some(500), ..When::default() };
    assert_eq!([499, 500].map(|step| due(by_steps, 1, step)), [Due::No, Due::Yes]);
    assert_eq!((due(by_steps, 0, 500), due(When::default(), 9, 9)), (Due::No, Due::No));
    let change = |standard_errors, look_every| Some(Change { standard_errors, look_every });
    let by_change = When { change: change(2.0, 2), ..When::default() };
    assert_eq!([1, 2].map(|n| due(by_change, n, 0)), [Due::No, Due::IfChanged]);
    for bad in [
        When { samples: Some(0), ..When::default() },
        When { steps: Some(0), ..When::default() },
        When { change: change(0.0, 1), ..When::default() },
        When { change: change(f64::NAN, 1), ..When::default() },
        When { change: change(1.0, 0), ..When::default() },
    ] {
        assert!(Feedback::new(Settings { when: bad, ..settings() }).is_err(), "{bad:?}");
    }
}

#[test]
fn what_has_not_moved_beyond_its_error_bar_is_not_published() {
    let change = Some(Change { standard_errors: 2.0, look_every: 2 });
    let mut feedback = Feedback::new(Settings { when: When { change, ..When::default() }, ..settings() }).unwrap();
    let mut window = 0;
    let mut look = |feedback: &mut Feedback, rate: f64| {
        for job in 1..=4 {
            feedback.announce(simulation(job, 2)).unwrap();
            let sums: [f64; 8] =
                std::array::from_fn(|bin| 1000.0 * rate + 20.0 * ((job as usize * 5 + bin) % 7) as f64);
            feedback.submit(&rdf(job, window, 1000, &SHAPE, &sums)).unwrap();
        }
        window += 1;
        assert_eq!(feedback.due(window as i64), Due::IfChanged);
        let draft = feedback.form(equal).unwrap();
        let changed = feedback.changed(&draft);
        assert_eq!(feedback.due(window as i64), Due::No);
        if changed {
            feedback.publish(draft, window as i64, window as i64).unwrap();
        }
        changed
    };
    let looks: Vec<bool> = [1.0, 1.0, 1.01, 3.0, 3.0].into_iter().map(|rate| look(&mut feedback, rate)).collect();
    assert_eq!(looks[..4], [true, false, false, true]);
}

#[test]
fn the_distance_of_two_g_is_over_the_states_and_radii_that_are_named() {
    let feedback = reported(settings(), &[1, 2, 3], 0, &[8.0; 8]);
    let table = feedback.form(equal).unwrap();
    let mut other = table.g.clone();
    other[1] += 0.3; // r = 0.75 nm of the first lipid
    other[3] += 9.0; // r = 1.75 nm
    other[8] += 9.0; // the state without simulations
    let rms = |least, r_nm| table.rms_from(&other, least, r_nm).unwrap();
    assert!((rms(3, 0.7..=1.5).unwrap() - (0.09_f64 / 4.0).sqrt()).abs() < 1e-12);
    assert_eq!((rms(4, 0.7..=1.5), rms(3, 3.0..=4.0), rms(3, 0.2..=0.3)), (None, None, Some(0.0)));
    assert_eq!(table.rms_from(&other[1..], 3, 0.0..=2.0).unwrap_err().kind(), ErrorKind::Shape);
}

/// Two states of two lipids whose g = 1 is the tail, the last two of four bins.
fn with_tails(prior: Option<Prior>) -> Settings {
    let inversion = Inversion { smoothing_nm: 0.0, switch_nm: 1.0, bulk: Bulk::Tail, ..Inversion::new(Mixing::Plain) };
    Settings { inversion: Some(inversion), prior, ..settings() }
}

#[test]
fn a_lipid_that_cannot_be_inverted_stops_no_other_potential() {
    // The second lipid was never seen beyond 1 nm.
    let mut feedback = reported(with_tails(None), &[1], 0, &[8.0, 16.0, 40.0, 56.0, 5.0, 5.0, 0.0, 0.0]);
    let table = feedback.form(equal).unwrap();
    assert_eq!((&table.has_potential[..], &table.simulations[..]), (&[true, false, false, false][..], &[1, 0][..]));
    assert!(table.potential_of(0, 0).iter().any(|kt| *kt != 0.0) && table.potential_of(0, 1).is_empty());
    assert!(table.potential_of(1, 0).is_empty() && table.g_of(0, 1)[0] > 0.0);
    assert!(table.potential_kt.as_ref().unwrap()[4..].iter().all(|kt| *kt == 0.0));
    assert!(feedback.publish(table, 1, 1).is_ok());
    // Once it is seen there, it has one.
    feedback.submit(&rdf(1, 1, 10, &SHAPE, &[8.0; 8])).unwrap();
    let table = feedback.form(equal).unwrap();
    assert_eq!(table.has_potential, [true, true, false, false]);
    assert_eq!(table.potential_of(0, 1).len(), 4);
}

#[test]
fn counts_beyond_all_numbers_are_of_no_use_and_stop_no_table() {
    let feedback = reported(with_tails(None), &[1], 0, &[8.0, 8.0, 8.0, 8.0, 1e308, 1e308, 1e308, 1e308]);
    let table = feedback.form(equal).unwrap();
    assert!(table.g_of(0, 1).iter().all(|g| g.is_finite()));
    let mut feedback = reported(with_tails(None), &[], 0, &[0.0; 8]);
    feedback.announce(Simulation { densities_nm2: vec![1.0, 1e-300], ..simulation(1, 2) }).unwrap();
    feedback.submit(&rdf(1, 0, 1, &SHAPE, &[8.0, 8.0, 8.0, 8.0, 1e20, 1e20, 1e20, 1e20])).unwrap();
    let table = feedback.form(equal).unwrap();
    assert_eq!((table.g_of(0, 1), table.has_potential[1]), (&[1.0; 4][..], false));
    assert!(table.standard_error_of(0, 1).iter().all(|error| error.is_infinite()) && table.g_of(0, 0)[0] > 0.0);
}

/// A prior of another run that saw the first state alone: of the other one its table says g = 1 with an infinite error.
#[test]
fn a_prior_says_nothing_of_what_its_run_never_saw() {
    let before = reported(settings(), &[1, 2], 0, &[8.0; 8]).form(equal).unwrap();
    let of = |state: u16, jobs: &[u64]| {
        let prior = Prior { g: before.g.clone(), standard_error: before.standard_error.clone(), strength: 10.0 };
        let mut feedback = Feedback::new(with_tails(Some(prior))).unwrap();
        for &job in jobs {
            feedback.announce(Simulation { state: Some(state), ..simulation(job, 2) }).unwrap();
            feedback.submit(&rdf(job, 0, 10, &SHAPE, &[24.0; 8])).unwrap();
        }
        feedback.form(equal).unwrap()
    };
    let nothing = of(1, &[]);
    assert_eq!((nothing.g_of(0, 1), nothing.g_of(1, 1)), (before.g_of(0, 1), &[1.0; 4][..]));
    assert!(nothing.standard_error_of(1, 0).iter().all(|error| error.is_infinite()));
    assert_eq!(nothing.has_potential, [true, true, false, false]);
    let three = reported(settings(), &[7, 8, 9], 0, &[24.0; 8]).form(equal).unwrap();
    let seen = of(1, &[7, 8, 9]);
    assert_eq!((seen.g_of(1, 0), seen.standard_error_of(1, 0)), (three.g_of(0, 0), three.standard_error_of(0, 0)));
    // Of the state that it did see it counts as ten simulations.
    let joined = of(0, &[7, 8, 9]).g_of(0, 0)[0];
    assert!((joined - (3.0 * three.g[0] + 10.0 * before.g[0]) / 13.0).abs() < 1e-12);
    let bad = Prior { g: vec![1.0; 16], standard_error: vec![f64::NAN; 16], strength: 1.0 };
    assert_eq!(Feedback::new(with_tails(Some(bad))).unwrap_err().kind(), ErrorKind::Value);
}
