//! Queues, gates, samplers, rank factors and routes by hand.
//!
//! Not here: the same over random streams ([`super::layouts`]).

use super::super::{Binning, Gate, Kind, Layout, QueueConfig, Routes, Sampler, Spaces, Stage, Within};
use super::{picked, point};
use crate::error::ErrorKind;

fn sampler(spaces: Spaces, queues: Vec<QueueConfig>) -> Sampler {
    Sampler::with_layout(Layout { k: 1, spaces, queues, ..Layout::new(1) }).unwrap()
}

fn one(queue: QueueConfig) -> Sampler {
    sampler(Spaces::Joint, vec![queue])
}

fn target(target: f64) -> QueueConfig {
    QueueConfig { target, ..QueueConfig::new(format!("target {target}")) }
}

fn binned(bins: &str, novelty: f64, within: Within) -> Kind {
    Kind::Binned(Binning { bins: bins.parse().unwrap(), novelty, within })
}

#[test]
fn queues_share_the_picks_as_their_targets_say() {
    let mut sampler = sampler(Spaces::Joint, vec![target(1.0), target(2.0), target(1.0)]);
    for id in 1..=300 {
        sampler.add_to(id as usize % 3, id, 0, &[id as f32], None).unwrap();
    }
    let queues: Vec<usize> = sampler.select(0, 8).picks.iter().map(|pick| pick.queue).collect();
    // target * (N + 1) - count: .25 .5 .25, .5 0 .5, -.25 .5 .75, 0 1 0, and so on.
    assert_eq!(queues, [1, 0, 2, 1, 1, 0, 2, 1]);
    sampler.select(0, 92);
    assert_eq!([0, 1, 2].map(|queue| sampler.selected_of(queue)), [25, 50, 25]);
}

#[test]
fn an_empty_queue_gives_its_turn_away_and_catches_up_later() {
    let mut sampler = sampler(Spaces::Joint, vec![target(1.0), target(1.0)]);
    for id in 1..=10 {
        sampler.add_to(1, id, 0, &[id as f32], None).unwrap();
    }
    assert_eq!(sampler.select(0, 4).picks.len(), 4);
    for id in 11..=20 {
        sampler.add_to(0, id, 0, &[id as f32], None).unwrap();
    }
    assert!(sampler.select(0, 4).picks.iter().all(|pick| pick.queue == 0));
    assert_eq!(sampler.candidates_of(1), 6);
}

#[test]
fn a_queue_of_target_nought_comes_last() {
    let mut sampler = sampler(Spaces::Joint, vec![target(0.0), target(1.0)]);
    for id in 1..=4 {
        sampler.add_to(id as usize % 2, id, 0, &[id as f32], None).unwrap();
    }
    let queues: Vec<usize> = sampler.select(0, 9).picks.iter().map(|pick| pick.queue).collect();
    assert_eq!(queues, [1, 1, 0, 0]);
}

#[test]
fn joint_queues_see_each_others_picks_and_separate_ones_do_not() {
    for (spaces, expected) in [(Spaces::Joint, 1.0), (Spaces::Separate, f32::INFINITY)] {
        let mut sampler = sampler(spaces, vec![target(1.0), target(1.0)]);
        sampler.add_to(0, 1, 0, &[0.0], None).unwrap();
        sampler.add_to(1, 2, 0, &[1.0], None).unwrap();
        assert_eq!(picked(&sampler.select(0, 2)), [(1, f32::INFINITY), (2, expected)]);
    }
}

#[test]
fn weights_of_joint_queues_cross_them_and_those_of_one_queue_do_not() {
    let weights = |spaces: Spaces| {
        let mut sampler = sampler(spaces, vec![target(1.0), target(1.0)]);
        sampler.select_outright_in(0, 1, 0, &[0.0]).unwrap();
        sampler.select_outright_in(1, 2, 0, &[10.0]).unwrap();
        // Three of queue 0, all nearer to the other queue's point.
        for id in 3..=5 {
            sampler.add_to(0, id, 0, &[9.0], None).unwrap();
        }
        let raw = |weights: Vec<super::super::Weight>| weights.iter().map(|w| w.weight).collect::<Vec<_>>();
        let normalised: Vec<f64> = sampler.weights().iter().map(|w| w.normalised).collect();
        (raw(sampler.weights()), normalised, raw(sampler.weights_of(0).unwrap()), raw(sampler.weights_of(1).unwrap()))
    };
    assert_eq!(weights(Spaces::Joint), (vec![1.0, 4.0], vec![0.4, 1.6], vec![4.0], vec![1.0]));
    assert_eq!(weights(Spaces::Separate), (vec![4.0, 1.0], vec![1.6, 0.4], vec![4.0], vec![1.0]));
}

#[test]
fn points_of_a_separate_queue_that_q_leaves_out_count_nowhere() {
    let mut sampler = sampler(Spaces::Separate, vec![target(1.0), target(1.0)]);
    sampler.select_outright_in(0, 1, 0, &[0.0]).unwrap();
    sampler.add_to(0, 3, 0, &[1.0], None).unwrap();
    sampler.add_to(1, 4, 0, &[1.0], None).unwrap();
    assert_eq!(sampler.weights_among(&[1]).unwrap()[0].weight, 2.0);
    assert_eq!(sampler.weights_of(1).unwrap(), []);
    assert_eq!(sampler.weights_of(2).unwrap_err().kind(), ErrorKind::Argument);
    let waiting = sampler.weights_where(&[1], |member| member.stage != Stage::Waiting).unwrap();
    assert_eq!(waiting[0].weight, 1.0);
}

#[test]
fn a_gate_binds_the_first_picks_or_all() {
    for (gate, later) in [(Gate::First, 1), (Gate::Each, 0)] {
        let mut sampler = one(QueueConfig { min_candidates: 3, gate, ..target(1.0) });
        let mut picks = |id: u64| {
            sampler.add(id, 0, &[id as f32]).unwrap();
            sampler.select(0, 2).picks.len()
        };
        // One, two, three candidates; then one is left, and one comes.
        assert_eq!([picks(1), picks(2), picks(3)], [0, 0, 2]);
        assert_eq!(picks(4), later * 2);
    }
}

#[test]
fn a_closed_gate_leaves_the_picks_to_the_other_queues() {
    let mut sampler = sampler(Spaces::Joint, vec![QueueConfig { min_candidates: 9, ..target(5.0) }, target(1.0)]);
    for id in 1..=8 {
        sampler.add_to(id as usize % 2, id, 0, &[id as f32], None).unwrap();
    }
    assert!(sampler.select(0, 8).picks.iter().all(|pick| pick.queue == 1));
    assert_eq!(sampler.selected(), 4);
}

#[test]
fn the_first_picks_are_random_and_the_next_by_rank() {
    let run = |seed| {
        let queues = vec![QueueConfig { min_random: 3, ..target(1.0) }];
        let mut sampler = Sampler::with_layout(Layout { k: 1, seed, queues, ..Layout::new(1) }).unwrap();
        (1..=100).for_each(|id| assert!(sampler.add(id, 0, &[id as f32]).is_ok()));
        let first: Vec<u64> = sampler.select(0, 3).picks.iter().map(|pick| pick.id).collect();
        let next = sampler.select(0, 1).picks[0];
        let rank = |id: u64| first.iter().map(|&other| id.abs_diff(other)).min().unwrap();
        let best = (1..=100).max_by_key(|&id| (rank(id), std::cmp::Reverse(id))).unwrap();
        assert_eq!((next.id, next.rank), (best, rank(best) as f32));
        first
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    assert_ne!(run(1), [1, 100, 50]);
}

#[test]
fn a_random_queue_picks_each_candidate_about_equally_often() {
    let mut counts = [0; 10];
    for seed in 0..2000 {
        let queues = vec![QueueConfig { kind: Kind::Random, ..target(1.0) }];
        let mut sampler = Sampler::with_layout(Layout { seed, queues, ..Layout::new(1) }).unwrap();
        (1..=10).for_each(|id| assert!(sampler.add(id, 0, &[id as f32]).is_ok()));
        sampler.select(0, 3).picks.iter().for_each(|pick| counts[pick.id as usize - 1] += 1);
    }
    assert!(counts.iter().all(|count| (500..700).contains(count)), "{counts:?}");
}

#[test]
fn a_random_queue_keeps_a_uniform_sample_of_all_that_arrived() {
    let mut kept = [0; 3];
    for seed in 0..300 {
        let queues = vec![QueueConfig { kind: Kind::Random, capacity: 10, ..target(1.0) }];
        let mut sampler = Sampler::with_layout(Layout { seed, queues, ..Layout::new(1) }).unwrap();
        for id in 1..=60 {
            sampler.add(id, 0, &[0.0]).unwrap();
            // In portions of 1, 2, 3 and so on.
            if [1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 60].contains(&id) {
                sampler.select(0, 0);
            }
        }
        let candidate = |id: &u64| sampler.stage(*id) == Some(Stage::Candidate);
        (1..=60).filter(candidate).for_each(|id| kept[(id as usize - 1) / 20] += 1);
    }
    assert!(kept.iter().all(|count| (900..1100).contains(count)), "{kept:?}");
}

#[test]
fn novelty_one_fills_bins_evenly_and_nought_as_the_candidates_lie() {
    for (novelty, expected) in [(1.0, [5, 5]), (0.0, [9, 1]), (0.5, [7, 3])] {
        let mut sampler =
            one(QueueConfig { kind: binned("1d:dim=0,min=0,max=2,bins=2", novelty, Within::Rank), ..target(1.0) });
        // 900 in the lower bin, 100 in the upper one.
        for id in 1..=1000_u64 {
            let x = id as f32 / 1000.0 + if id % 10 == 0 { 1.0 } else { 0.0 };
            sampler.add(id, 0, &[x - 0.0005]).unwrap();
        }
        let picks = sampler.select(0, 10).picks;
        let upper = picks.iter().filter(|pick| pick.id % 10 == 0).count();
        assert_eq!([10 - upper, upper], expected, "novelty {novelty}");
    }
}

#[test]
fn a_binned_queue_discards_the_lowest_rank_of_all_its_bins() {
    let kind = binned("1d:dim=0,min=0,max=10,bins=5", 1.0, Within::Rank);
    let mut sampler = one(QueueConfig { kind, capacity: 2, ..target(1.0) });
    sampler.select_outright(9, &[0.0]).unwrap();
    for (id, x) in [(1, 1.0), (2, 3.0), (3, 3.5), (4, 9.0), (5, 0.5)] {
        sampler.add(id, 0, &[x]).unwrap();
    }
    let discarded: Vec<(u64, f32)> = sampler.select(0, 0).discarded.iter().map(|d| (d.id, d.rank)).collect();
    assert_eq!(discarded, [(5, 0.5), (1, 1.0), (2, 3.0)]);
}

#[test]
fn bins_may_lie_over_coordinates_that_distances_leave_out() {
    let queues = vec![QueueConfig { kind: binned("1d:dim=1,min=0,max=2,bins=2", 1.0, Within::Rank), ..target(1.0) }];
    let mut sampler = Sampler::with_layout(Layout { k: 1, extra: 1, queues, ..Layout::new(1) }).unwrap();
    for (id, x, bin) in [(1, 0.0, 0.5), (2, 9.0, 0.5), (3, 1.0, 1.5)] {
        sampler.add(id, 0, &[x, bin]).unwrap();
    }
    assert_eq!(picked(&sampler.select(0, 2)), [(1, f32::INFINITY), (3, 1.0)]);
    assert_eq!(sampler.add(4, 0, &[0.0]).unwrap_err().kind(), ErrorKind::Shape);
}

#[test]
fn a_factor_scales_the_rank_and_the_order() {
    let mut sampler = one(QueueConfig { factor: 2.0, ..target(1.0) });
    sampler.select_outright(9, &[0.0]).unwrap();
    sampler.add_to(0, 1, 0, &[3.0], None).unwrap();
    sampler.add_to(0, 2, 0, &[4.0], Some(1.0)).unwrap();
    assert_eq!(picked(&sampler.select(0, 2)), [(1, 6.0), (2, 1.0)]);
}

#[test]
fn a_factor_comes_back_with_a_returned_pick() {
    let mut sampler = one(target(1.0));
    sampler.select_outright(9, &[0.0]).unwrap();
    sampler.add_to(0, 1, 0, &[3.0], Some(5.0)).unwrap();
    assert_eq!(picked(&sampler.select(0, 1)), [(1, 15.0)]);
    sampler.set_state(1, super::super::State::Returned, 0).unwrap();
    assert_eq!(picked(&sampler.select(0, 1)), [(1, 15.0)]);
}

#[test]
fn factors_and_queues_out_of_range_are_refused() {
    let mut sampler = one(target(1.0));
    for factor in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert_eq!(sampler.add_to(0, 1, 0, &[0.0], Some(factor)).unwrap_err().kind(), ErrorKind::Value);
    }
    assert_eq!(sampler.add_to(1, 1, 0, &[0.0], None).unwrap_err().kind(), ErrorKind::Argument);
    assert_eq!(sampler.select_outright_in(1, 1, 0, &[0.0]).unwrap_err().kind(), ErrorKind::Argument);
    assert!(!sampler.contains(1));
}

#[test]
fn a_known_point_of_another_queue_is_a_conflict() {
    let mut sampler = sampler(Spaces::Joint, vec![target(1.0), target(1.0)]);
    sampler.add_to(0, 1, 0, &[0.0], None).unwrap();
    assert_eq!(sampler.add_to(1, 1, 0, &[0.0], None).unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(sampler.queue(1), Some(0));
}

#[test]
fn layouts_out_of_range_are_refused() {
    let with = |queue: QueueConfig| Layout { queues: vec![queue], ..Layout::new(2) };
    let bins = |novelty| binned("1d:dim=1,min=0,max=2,bins=2", novelty, Within::Rank);
    let good = || target(1.0);
    assert!(Sampler::with_layout(with(QueueConfig { kind: bins(1.0), ..good() })).is_ok());
    for (bad, part) in [
        (Layout { queues: Vec::new(), ..Layout::new(2) }, "0 queues"),
        (Layout { queues: vec![good(); 1025], ..Layout::new(2) }, "1025 queues"),
        (Layout { extra: usize::MAX, ..Layout::new(2) }, "extra"),
        (Layout { k: 0, ..Layout::new(2) }, "k 0"),
        (Layout { dim: 1, ..with(QueueConfig { kind: bins(1.0), ..good() }) }, "coordinate 1"),
        (with(QueueConfig { capacity: 0, ..good() }), "capacity 0"),
        (with(QueueConfig { capacity: 3, min_candidates: 4, ..good() }), "min_candidates 4"),
        (with(target(0.0)), "add up to 0"),
        (with(target(-1.0)), "target -1"),
        (with(target(f64::NAN)), "target NaN"),
        (Layout { queues: vec![target(1e308), target(1e308)], ..Layout::new(2) }, "add up to inf"),
        (with(QueueConfig { factor: 0.0, ..good() }), "factor 0"),
        (with(QueueConfig { kind: bins(1.5), ..good() }), "novelty 1.5"),
        (with(QueueConfig { kind: bins(f64::NAN), ..good() }), "novelty NaN"),
    ] {
        let error = Sampler::with_layout(bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument);
        assert!(error.message().contains(part), "{error}");
    }
}

#[test]
fn many_candidates_of_all_kinds_match_naive() {
    let queue = |kind| QueueConfig { kind, capacity: 400, ..target(1.0) };
    let bins = "1d:dim=0,min=0,max=18,bins=7";
    let queues = vec![
        queue(Kind::Importance),
        queue(Kind::Random),
        queue(binned(bins, 0.5, Within::Rank)),
        queue(binned(bins, 0.5, Within::Random)),
    ];
    let layout = Layout { k: 4, queues, ..Layout::new(3) };
    let mut sampler = Sampler::with_layout(layout.clone()).unwrap();
    let mut naive = super::super::naive::Naive::new(layout);
    for step in 0..3 {
        for id in step * 1000 + 1..=(step + 1) * 1000 {
            let x = point(id, 3, 50, 0.37);
            sampler.add_to(id as usize % 4, id, step as i64, &x, None).unwrap();
            naive.add(id as usize % 4, id, step as i64, &x, None);
        }
        assert_eq!(sampler.select(step as i64, 12), naive.select(step as i64, 12));
    }
    assert_eq!(sampler.weights(), naive.weights());
}

#[test]
fn routes_send_a_constellation_to_its_queue() {
    let routes: Routes = "0:0=0 1:0=1 1:1=2 *=3".parse().unwrap();
    assert_eq!(routes, Routes::metric());
    assert_eq!((routes.queues(), routes.to_string().parse::<Routes>().unwrap()), (4, routes.clone()));
    let queues = [(0, 0), (1, 0), (1, 1), (0, 1), (2, 0)].map(|constellation| routes.queue(constellation).unwrap());
    assert_eq!(queues, [0, 1, 2, 3, 3]);
    let only: Routes = "1:0=4".parse().unwrap();
    assert_eq!((only.queue((1, 0)).unwrap(), only.queue((1, 1)).unwrap_err().kind()), (4, ErrorKind::Unknown));
    for bad in ["1:0", "1=0", "a:0=1", "1:0=b", "1:0=-1", "*=1 *=2", "1:0=1 1:0=2", "1:0=1024", "*:0=1"] {
        assert_eq!(bad.parse::<Routes>().unwrap_err().kind(), ErrorKind::Argument, "{bad}");
    }
}
