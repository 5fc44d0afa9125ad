//! The sampler against its naive twin, and what the definitions say about it by hand.

use proptest::prelude::*;
use proptest::sample::Index;

mod bins;
mod history;
mod known;
mod layouts;
mod nearest;
mod picks;
mod queues;
mod random;
mod recovery;
mod recovery_by_hand;
mod snapshot;
mod weights;

use super::naive::Naive;
use super::{Added, Alone, Config, Event, Hands, Isa, Mode, Sampler};
use crate::error::ErrorKind;
use crate::ids;

/// What a host may call.
#[derive(Debug, Clone)]
enum Call {
    Add { id: u64, step: i64, other_point: bool },
    Select { step: i64, n: usize },
    Weights,
    WeightsAmong(Vec<Index>),
}

fn config() -> impl Strategy<Value = Config> {
    let mode = prop_oneof![Just(Mode::Sequential), Just(Mode::Batch)];
    (1..=20_usize, 1..=12_usize, prop_oneof![1..=40_usize, Just(1000)], mode)
        .prop_map(|(dim, k, capacity, mode)| Config { dim, k, capacity, mode })
}

fn call() -> impl Strategy<Value = Call> {
    let add = (1..=150_u64, 0..8_i64, prop::bool::weighted(0.05));
    prop_oneof![
        40 => add.prop_map(|(id, step, other_point)| Call::Add { id, step, other_point }),
        3 => (-1..8_i64, 0..12_usize).prop_map(|(step, n)| Call::Select { step, n }),
        1 => (7..9_i64, 0..60_usize).prop_map(|(step, n)| Call::Select { step, n }),
        1 => Just(Call::Weights),
        1 => prop::collection::vec(any::<Index>(), 0..8).prop_map(Call::WeightsAmong),
    ]
}

/// A point that depends on nothing else; on a grid of `levels` values a coordinate, so that few levels make many ties.
fn point(id: u64, dim: usize, levels: u64, scale: f32) -> Vec<f32> {
    // SplitMix64 (Steele, Lea and Flood 2014), as a hash.
    let hash = |x: u64| {
        let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    };
    (0..dim as u64).map(|d| (hash(hash(id) + d) % levels) as f32 * scale).collect()
}

/// The parts of an event that are floats, as bits, so that equality is of bits.
fn bits(event: &Event) -> Vec<u32> {
    let discarded = event.discarded.iter().map(|discarded| discarded.rank.to_bits());
    discarded.chain(event.picks.iter().map(|pick| pick.rank.to_bits())).collect()
}

fn counts(sampler: &Sampler) -> [usize; 4] {
    [sampler.waiting(), sampler.candidates(), sampler.selected(), sampler.discarded()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn sampler_matches_naive(
        config in config(),
        calls in prop::collection::vec(call(), 1..300),
        // Integers tie; 0.37 and 1e-3 round; 1e19 overflows the squares, which then tie at infinity.
        (levels, scale) in prop_oneof![Just((2, 1.0)), Just((5, 0.37)), Just((5, 1e19)), Just((100_000, 1e-3))],
    ) {
        let mut sampler = Sampler::new(config).unwrap();
        let mut naive = Naive::new(config);
        for call in calls {
            match call {
                Call::Add { id, step, other_point } => {
                    let x = point(if other_point { id + 1000 } else { id }, config.dim, levels, scale);
                    let there = naive.point(id).map(<[f32]>::to_vec);
                    match (sampler.add(id, step, &x), there) {
                        (Ok(Added::New), None) => naive.add(0, id, step, &x, None),
                        (Ok(Added::Known), Some(there)) => prop_assert_eq!(there, x),
                        (Err(error), Some(there)) => {
                            prop_assert_eq!(error.kind(), ErrorKind::Conflict);
                            prop_assert_ne!(there, x);
                        }
                        (answer, there) => prop_assert!(false, "{answer:?} with {there:?} there"),
                    }
                    prop_assert_eq!(sampler.point(id), naive.point(id));
                }
                Call::Select { step, n } => {
                    let (event, expected) = (sampler.select(step, n), naive.select(step, n));
                    prop_assert_eq!(&event, &expected);
                    prop_assert_eq!(bits(&event), bits(&expected));
                }
                Call::Weights => prop_assert_eq!(sampler.weights(), naive.weights()),
                Call::WeightsAmong(picks) => {
                    let s = naive.selected_ids();
                    let mut q: Vec<u64> = picks.iter().filter(|_| !s.is_empty()).map(|pick| *pick.get(s)).collect();
                    let mut seen = std::collections::HashSet::new();
                    q.retain(|id| seen.insert(*id));
                    prop_assert_eq!(sampler.weights_among(&q).unwrap(), naive.weights_where(&q, |_| true));
                }
            }
            prop_assert_eq!(counts(&sampler), naive.counts());
        }
        prop_assert!(sampler.selected_ids().eq(naive.selected_ids().iter().copied()));
        prop_assert_eq!(sampler.weights(), naive.weights());
    }

    #[test]
    fn order_of_adding_does_not_matter(
        config in config(),
        ids in Just((1..=120_u64).collect::<Vec<_>>()).prop_shuffle(),
        n in 0..40_usize,
    ) {
        let run = |ids: &mut dyn Iterator<Item = u64>| {
            let mut sampler = Sampler::new(config).unwrap();
            for id in ids {
                sampler.add(id, (id % 5) as i64, &point(id, config.dim, 3, 0.37)).unwrap();
            }
            let events: Vec<Event> = (0..5).map(|step| sampler.select(step, n)).collect();
            (events, sampler.weights())
        };
        prop_assert_eq!(run(&mut (1..=120)), run(&mut ids.into_iter()));
    }

    #[test]
    fn arrivals_ranked_and_cut_as_they_come_end_the_same(config in config(), arrivals in 1..60_u64, n in 0..20_usize) {
        let mut late = Sampler::new(config).unwrap();
        for id in 1..=30 {
            late.add(id, 0, &point(id, config.dim, 3, 0.37)).unwrap();
        }
        late.select(0, 12);
        let mut early = late.clone();
        let mut discarded = Vec::new();
        for id in 31..31 + arrivals {
            let x = point(id, config.dim, 3, 0.37);
            late.add(id, 1, &x).unwrap();
            early.add(id, 1, &x).unwrap();
            discarded.append(&mut early.select(1, 0).discarded);
        }
        let (at_once, last) = (late.select(1, n), early.select(1, n));
        prop_assert_eq!(at_once.picks, last.picks);
        prop_assert_eq!(last.discarded.len(), 0);
        // The lowest first; S did not change meanwhile, so neither did any rank.
        discarded.sort_by(|a, b| a.rank.total_cmp(&b.rank).then(b.id.cmp(&a.id)));
        prop_assert_eq!(at_once.discarded, discarded);
        prop_assert_eq!(late.weights(), early.weights());
    }
}

#[test]
fn many_points_match_naive_across_chunks() {
    for mode in [Mode::Sequential, Mode::Batch] {
        let config = Config { dim: 3, k: 4, capacity: 1100, mode };
        let (mut sampler, mut naive) = (Sampler::new(config).unwrap(), Naive::new(config));
        for step in 0..3 {
            for id in step * 1000 + 1..=(step + 1) * 1000 {
                let x = point(id, 3, 50, 0.37);
                assert_eq!(sampler.add(id, step as i64, &x).unwrap(), Added::New);
                naive.add(0, id, step as i64, &x, None);
            }
            assert_eq!(sampler.select(step as i64, 9), naive.select(step as i64, 9));
        }
        assert!(sampler.discarded() > 1024);
        assert_eq!(sampler.weights(), naive.weights());
    }
}

/// A one-dimensional sampler with a point a coordinate, ids from 1, at step 0.
fn line(k: usize, mode: Mode, xs: &[f32]) -> Sampler {
    let mut sampler = Sampler::new(Config { k, mode, ..Config::new(1) }).unwrap();
    for (id, &x) in (1..).zip(xs) {
        sampler.add(id, 0, &[x]).unwrap();
    }
    sampler
}

fn picked(event: &Event) -> Vec<(u64, f32)> {
    event.picks.iter().map(|pick| (pick.id, pick.rank)).collect()
}

#[test]
fn sequential_picks_see_each_other() {
    let mut sampler = line(1, Mode::Sequential, &[0.0, 10.0, 9.0, 5.0]);
    assert_eq!(picked(&sampler.select(0, 3)), [(1, f32::INFINITY), (2, 10.0), (4, 5.0)]);
}

#[test]
fn batch_picks_come_from_one_ranking() {
    let mut sampler = line(1, Mode::Batch, &[0.0, 10.0, 9.0, 5.0]);
    assert_eq!(picked(&sampler.select(0, 1)), [(1, f32::INFINITY)]);
    assert_eq!(picked(&sampler.select(0, 2)), [(2, 10.0), (3, 9.0)]);
    assert_eq!(picked(&sampler.select(0, 9)), [(4, 4.0)]);
}

#[test]
fn rank_is_the_mean_of_distances_and_not_of_squares() {
    let mut sampler = line(2, Mode::Batch, &[0.0, 2.0, 50.0]);
    sampler.select(0, 3);
    sampler.add(9, 1, &[8.0]).unwrap();
    // To 2 and to 0; 50 is the third.
    assert_eq!(picked(&sampler.select(1, 1)), [(9, 7.0)]);
}

#[test]
fn a_distance_that_overflows_counts_as_infinite() {
    let mut sampler = line(2, Mode::Sequential, &[0.0, 3e38, 1.0, 1.5]);
    // After two picks the other ranks are means of infinity and 1 or 1.5, so the smaller id goes first.
    assert_eq!(picked(&sampler.select(0, 3)), [1, 2, 3].map(|id| (id, f32::INFINITY)));
}

#[test]
fn a_weight_tie_goes_to_the_smaller_id_whatever_the_order_of_picks() {
    let mut sampler = line(1, Mode::Sequential, &[]);
    sampler.add(8, 0, &[0.0]).unwrap();
    sampler.select(0, 1);
    sampler.add(5, 1, &[2.0]).unwrap();
    sampler.select(1, 1);
    sampler.add(1, 9, &[1.0]).unwrap();
    let weights: Vec<_> = sampler.weights().iter().map(|w| (w.id, w.weight, w.normalised)).collect();
    assert_eq!(weights, [(8, 1.0, 2.0 / 3.0), (5, 2.0, 4.0 / 3.0)]);
}

#[test]
fn weights_among_counts_selected_points_it_leaves_out_nowhere() {
    let mut sampler = line(1, Mode::Sequential, &[0.0, 10.0, 4.0]);
    sampler.select(0, 3);
    sampler.add(7, 1, &[9.0]).unwrap();
    let weights = sampler.weights_among(&[3]).unwrap();
    assert_eq!((weights[0].id, weights[0].weight, weights[0].normalised), (3, 2.0, 1.0));
    assert_eq!(sampler.weights_among(&[]).unwrap(), []);
}

#[test]
fn weights_among_refuses_what_is_not_selected_and_what_stands_twice() {
    let mut sampler = line(1, Mode::Sequential, &[0.0, 10.0]);
    sampler.select(0, 1);
    assert_eq!(sampler.weights_among(&[1, 2]).unwrap_err().kind(), ErrorKind::Unknown);
    assert_eq!(sampler.weights_among(&[77]).unwrap_err().kind(), ErrorKind::Unknown);
    assert_eq!(sampler.weights_among(&[1, 1]).unwrap_err().kind(), ErrorKind::Argument);
}

#[test]
fn a_point_waits_for_an_event_at_its_step() {
    let mut sampler = line(1, Mode::Sequential, &[]);
    sampler.add(1, 5, &[0.0]).unwrap();
    assert_eq!((sampler.select(4, 1).merged, sampler.waiting()), (0, 1));
    assert_eq!((sampler.select(5, 0).merged, sampler.candidates()), (1, 1));
    sampler.add(2, -3, &[1.0]).unwrap();
    let event = sampler.select(6, 9);
    assert_eq!((event.number, event.step, event.merged, event.picks.len()), (2, 6, 1, 2));
    assert_eq!(sampler.events(), 3);
}

#[test]
fn an_empty_sampler_answers_with_nothing() {
    let mut sampler = line(1, Mode::Sequential, &[]);
    let event = sampler.select(i64::MAX, usize::MAX);
    assert_eq!((event.merged, event.picks.len(), event.discarded.len()), (0, 0, 0));
    assert_eq!(sampler.weights(), []);
    assert!(!sampler.contains(1) && sampler.point(1).is_none());
}

#[test]
fn bad_points_are_refused_and_change_nothing() {
    let mut sampler = Sampler::new(Config::new(2)).unwrap();
    let kind = |sampler: &mut Sampler, id, x: &[f32]| sampler.add(id, 0, x).unwrap_err().kind();
    for id in [0, ids::public(1, 0), ids::public(ids::BRANCH_MAX, 0)] {
        assert_eq!(kind(&mut sampler, id, &[0.0, 0.0]), ErrorKind::Argument);
    }
    for x in [&[][..], &[1.0], &[1.0; 3]] {
        assert_eq!(kind(&mut sampler, 1, x), ErrorKind::Shape);
    }
    for x in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert_eq!(kind(&mut sampler, 1, &[0.0, x]), ErrorKind::Value);
    }
    assert!(!sampler.contains(1));
    assert_eq!(sampler.add(1, 0, &[0.0, f32::MAX]).unwrap(), Added::New);
    // Equal as numbers, other bits.
    assert_eq!(kind(&mut sampler, 1, &[-0.0, f32::MAX]), ErrorKind::Conflict);
    assert_eq!(sampler.point(1), Some(&[0.0, f32::MAX][..]));
}

#[test]
fn a_known_point_stays_known_in_every_stage() {
    let config = Config { capacity: 2, ..Config::new(1) };
    let mut sampler = Sampler::new(config).unwrap();
    for (id, x) in [(1, 0.0), (2, 1.0), (3, 2.0)] {
        sampler.add(id, 0, &[x]).unwrap();
    }
    sampler.select(0, 1);
    sampler.add(4, 1, &[3.0]).unwrap();
    assert_eq!(counts(&sampler), [1; 4]);
    for (id, x) in [(1, 0.0), (2, 1.0), (3, 2.0), (4, 3.0)] {
        // The step is not part of the content; the first one stands.
        assert_eq!(sampler.add(id, 99, &[x]).unwrap(), Added::Known);
        assert_eq!(sampler.add(id, 0, &[x + 9.0]).unwrap_err().kind(), ErrorKind::Conflict);
    }
    assert_eq!(counts(&sampler), [1; 4]);
    assert_eq!(sampler.select(1, 0).merged, 1);
}

#[test]
fn settings_out_of_range_are_refused() {
    let good = Config::new(9);
    assert_eq!((good.k, good.capacity, good.mode), (10, 35_000, Mode::Sequential));
    for bad in [
        Config { dim: 0, ..good },
        Config { dim: 1025, ..good },
        Config { k: 0, ..good },
        Config { k: usize::MAX, ..good },
        Config { capacity: 0, ..good },
    ] {
        assert_eq!(Sampler::new(bad).unwrap_err().kind(), ErrorKind::Argument);
    }
    assert!(Sampler::new(Config { dim: 1024, capacity: usize::MAX, ..good }).is_ok());
}

#[test]
fn a_mode_reads_what_it_writes() {
    for mode in [Mode::Sequential, Mode::Batch] {
        assert_eq!(mode.to_string().parse::<Mode>().unwrap(), mode);
    }
    assert_eq!("Batch".parse::<Mode>().unwrap_err().kind(), ErrorKind::Argument);
}

/// The arrivals of an event shared among threads, in whatever order they come to it.
struct Threads(usize);

impl Hands for Threads {
    fn share(&self, parts: usize, work: &(dyn Fn(usize) + Sync)) {
        let next = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..self.0 {
                scope.spawn(|| {
                    loop {
                        let part = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        if part >= parts {
                            break;
                        }
                        work(part);
                    }
                });
            }
        });
    }
}

/// Many events, S beyond all its trees: every instruction set and any number of threads give the same bits.
#[test]
fn long_run_is_the_same_on_every_instruction_set_and_any_number_of_threads() {
    let run = |isa: Isa, hands: &dyn Hands| {
        let config = Config { capacity: 150, ..Config::new(9) };
        let mut sampler = Sampler::with_instruction_set(config, isa).unwrap();
        let mut said = Vec::new();
        for step in 0..60_u64 {
            for id in step * 100 + 1..=step * 100 + 100 {
                sampler.add(id, step as i64, &point(id, 9, 1 << 24, 1e-6)).unwrap();
            }
            let mut event = sampler.arrive(step as i64, hands);
            sampler.pick(&mut event, 75);
            said.extend(event.discarded.iter().map(|d| (d.id, d.rank.to_bits())));
            said.extend(event.picks.iter().map(|p| (p.id, p.rank.to_bits())));
        }
        said.extend(sampler.weights().iter().map(|w| (w.id, w.weight as u32)));
        (said, sampler.selected())
    };
    let (expected, selected) = run(Isa::available().pop().unwrap(), &Alone);
    assert_eq!(selected, 4500);
    for isa in Isa::available() {
        assert!(run(isa, &Alone).0 == expected, "{}", isa.name());
    }
    assert!(run(Isa::best(), &Threads(3)).0 == expected, "three threads");
}
