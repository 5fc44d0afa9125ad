//! Samples: what is taken, what is known, what is refused.
//!
//! Not here: means of them.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;

fn collected(jobs: &[u64]) -> Collected {
    let mut collected = Collected::new(1, 3, true);
    jobs.iter().for_each(|&job| assert_eq!(collected.announce(simulation(job, 1)).unwrap(), Submitted::Accepted));
    collected
}

proptest! {
    /// Sums cross 2^16 and 2^32, and are not always whole: kept exactly all the same.
    #[test]
    fn raw_sums_are_exact_in_any_order_of_jobs(
        samples in vec((1..4_u64, prop_oneof![0..4_u64, Just(u64::MAX), any::<u64>()], 1..9_u64, 0..3_usize,
                        [0..70_000_u64, 0..70_000, 0..5]), 1..40),
        other in any::<u64>(),
    ) {
        let sums = |sample: &(u64, u64, u64, usize, [u64; 3])| -> Vec<f64> {
            let scale = [1.0, 65_536.0, 0.5][sample.3];
            sample.4.iter().map(|&sum| scale * sum as f64).collect()
        };
        let mut here = collected(&[1, 2, 3]);
        let mut first = std::collections::BTreeMap::new();
        for sample in &samples {
            let known = first.contains_key(&(sample.0, sample.1));
            first.entry((sample.0, sample.1)).or_insert(*sample);
            let answer = here.submit(&rdf(sample.0, sample.1, sample.2, &[1, 3], &sums(sample))).unwrap();
            prop_assert_eq!(answer == Submitted::Known, known);
        }
        for job in 1..4 {
            let of_job: Vec<_> = first.values().filter(|sample| sample.0 == job).collect();
            let frames: u64 = of_job.iter().map(|sample| sample.2).sum();
            let mut expected = vec![0.0; 3];
            of_job.iter().for_each(|sample| expected.iter_mut().zip(sums(sample)).for_each(|(e, s)| *e += s));
            prop_assert_eq!(here.sums(RDF, job), (!of_job.is_empty()).then_some((frames, expected)));
        }
        prop_assert_eq!(here.counts().accepted, first.len() as u64);
        prop_assert_eq!(here.counts().known, (samples.len() - first.len()) as u64);
        // The same windows with the jobs in another order.
        let mut there = collected(&[3, 1, 2]);
        let mut order: Vec<_> = first.values().collect();
        order.sort_by_key(|sample| (sample.0.wrapping_mul(other | 1), sample.1));
        order.iter().for_each(|sample| {
            there.submit(&rdf(sample.0, sample.1, sample.2, &[1, 3], &sums(sample))).unwrap();
        });
        (1..4).for_each(|job| assert_eq!(here.sums(RDF, job), there.sums(RDF, job)));
    }
}

#[test]
fn the_first_of_a_window_wins() {
    let mut collected = collected(&[5]);
    assert_eq!(collected.submit(&rdf(5, 2, 10, &[1, 3], &[1.0, 2.0, 3.0])).unwrap(), Submitted::Accepted);
    assert_eq!(collected.submit(&rdf(5, 2, 99, &[1, 3], &[9.0, 9.0, 9.0])).unwrap(), Submitted::Known);
    assert_eq!(collected.sums(RDF, 5), Some((10, vec![1.0, 2.0, 3.0])));
    let other = Sample { observable: "contacts", ..rdf(5, 2, 10, &[2], &[-0.25, 8.0]) };
    assert_eq!(collected.submit(&other).unwrap(), Submitted::Accepted);
    assert_eq!(collected.sums("contacts", 5), Some((10, vec![-0.25, 8.0])));
    assert_eq!(collected.shape("contacts"), Some(&[2][..]));
    assert_eq!(collected.counts(), Counts { accepted: 2, known: 1, refused: 0 });
    assert_eq!((collected.jobs(RDF, |_| true), collected.jobs(RDF, |s| !s.alone)), (vec![5], vec![]));
}

#[test]
fn bad_samples_are_refused_counted_and_change_nothing() {
    let mut collected = collected(&[5, 6]);
    let good = rdf(5, 0, 10, &[1, 3], &[1.0, 2.0, 3.0]);
    collected.submit(&good).unwrap();
    collected.submit(&Sample { observable: "contacts", ..rdf(6, 0, 1, &[2], &[1e308, 0.0]) }).unwrap();
    let before = collected.clone();
    let long = "x".repeat(257);
    let bad = [
        (ErrorKind::Unknown, Sample { job: 7, ..good }),
        (ErrorKind::Shape, rdf(5, 1, 1, &[3, 1], &[1.0, 2.0, 3.0])),
        (ErrorKind::Shape, rdf(6, 1, 1, &[1, 2], &[1.0, 2.0])),
        (ErrorKind::Shape, rdf(5, 1, 1, &[1, 3], &[1.0, 2.0])),
        (ErrorKind::Shape, rdf(5, 1, 1, &[], &[])),
        (ErrorKind::Shape, rdf(5, 1, 1, &[0, 3], &[])),
        (ErrorKind::Shape, rdf(5, 1, 1, &[u32::MAX; 4], &[1.0])),
        (ErrorKind::Value, rdf(5, 1, 0, &[1, 3], &[1.0, 2.0, 3.0])),
        (ErrorKind::Value, rdf(5, 1, u64::MAX, &[1, 3], &[1.0, 2.0, 3.0])),
        (ErrorKind::Value, rdf(5, 1, 1 << 53, &[1, 3], &[1.0, 2.0, 3.0])),
        (ErrorKind::Value, rdf(5, 1, 1, &[1, 3], &[1.0, f64::NAN, 3.0])),
        (ErrorKind::Value, rdf(5, 1, 1, &[1, 3], &[1.0, f64::INFINITY, 3.0])),
        (ErrorKind::Value, rdf(5, 1, 1, &[1, 3], &[1.0, -1.0, 3.0])),
        (ErrorKind::Argument, Sample { observable: "", ..good }),
        (ErrorKind::Argument, Sample { observable: &long, ..good }),
        (ErrorKind::Shape, Sample { observable: "contacts", ..rdf(5, 0, 1, &[1], &[1.0]) }),
        (ErrorKind::Value, Sample { observable: "contacts", ..rdf(6, 1, 1, &[2], &[1e308, 0.0]) }),
    ];
    for (at, (kind, sample)) in bad.iter().enumerate() {
        assert_eq!(collected.submit(sample).unwrap_err().kind(), *kind, "{sample:?}");
        assert_eq!(collected.counts().refused, at as u64 + 1);
    }
    for (observable, job) in [(RDF, 5), (RDF, 6), ("contacts", 5), ("contacts", 6)] {
        assert_eq!(collected.sums(observable, job), before.sums(observable, job));
    }
    assert_eq!(collected.submit(&rdf(5, 1, 1, &[1, 3], &[1.0, 2.0, 3.0])).unwrap(), Submitted::Accepted);
}

#[test]
fn a_simulation_is_announced_once_and_as_it_is() {
    let mut collected = collected(&[5]);
    assert_eq!(collected.announce(simulation(5, 1)).unwrap(), Submitted::Known);
    let refused = |simulation: Simulation| collected.clone().announce(simulation).unwrap_err().kind();
    assert_eq!(refused(Simulation { alone: false, ..simulation(5, 1) }), ErrorKind::Conflict);
    assert_eq!(refused(simulation(6, 2)), ErrorKind::Shape);
    assert_eq!(refused(simulation(0, 1)), ErrorKind::Argument);
    assert_eq!(refused(Simulation { references: 0, ..simulation(6, 1) }), ErrorKind::Argument);
    for density in [-1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(refused(Simulation { densities_nm2: vec![density], ..simulation(6, 1) }), ErrorKind::Value);
    }
    let empty = Simulation { state: None, references: 0, ..simulation(6, 1) };
    assert_eq!(collected.announce(empty).unwrap(), Submitted::Accepted);
}
