//! Weights of many points against counting from nothing, as S grows and shrinks between them.
//!
//! Not here: small streams of every kind, which the naive twin holds ([`super`]).

use super::point;
use crate::dynim::{Config, Isa, Layout, QueueConfig, Sampler, Spaces, Stage, State};

/// By the definition: every unselected point is counted at the nearest of `q`, a tie at the smaller id.
fn by_definition(sampler: &Sampler, ids: &[u64], q: &[u64]) -> Vec<f64> {
    let separate = sampler.layout().spaces == Spaces::Separate;
    let square = |a: &[f32], b: &[f32]| a.iter().zip(b).fold(0.0_f32, |sum, (a, b)| sum + (a - b) * (a - b));
    let mut weights = vec![1.0; q.len()];
    let q: Vec<(u64, &[f32], usize)> =
        q.iter().map(|&id| (id, sampler.point(id).unwrap(), sampler.queue(id).unwrap())).collect();
    for &id in ids.iter().filter(|&&id| sampler.stage(id) != Some(Stage::Selected)) {
        let Some(x) = sampler.point(id) else { continue };
        let queue = sampler.queue(id).unwrap();
        let near = q.iter().enumerate().filter(|(_, y)| !separate || y.2 == queue);
        let nearest =
            near.map(|(at, y)| (square(y.1, x), y.0, at)).min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        nearest.into_iter().for_each(|(_, _, at)| weights[at] += 1.0);
    }
    weights
}

#[test]
fn weights_of_many_points_are_those_counted_from_nothing() {
    for (spaces, isa) in [Spaces::Joint, Spaces::Separate].into_iter().zip(Isa::available().into_iter().cycle()) {
        let queue = |name| QueueConfig { capacity: 400, ..QueueConfig::new(name) };
        let layout = Layout { spaces, queues: vec![queue("one"), queue("two")], ..Layout::new(3) };
        let mut sampler = Sampler::with_instruction_set(layout, isa).unwrap();
        let mut ids: Vec<u64> = Vec::new();
        for event in 0..9_u64 {
            for _ in 0..200 {
                let id = (ids.len() as u64 * 7919) % 100_003 + 1;
                sampler.add_to((id % 2) as usize, id, 0, &point(id, 3, 40, 0.5), None).unwrap();
                ids.push(id);
            }
            // Fresh points of less than a leaf, of some leaves, of several groups of leaves; in two calls of three.
            sampler.select(0, [3, 40, 290][event as usize % 3]);
            if event == 5 {
                let returned: Vec<u64> = sampler.selected_ids().skip(7).step_by(50).collect();
                returned.into_iter().for_each(|id| assert!(sampler.set_state(id, State::Returned, 0).unwrap()));
                let gone = ids.iter().position(|&id| sampler.selection(id).is_none()).unwrap();
                sampler.withdraw(ids.swap_remove(gone), 0).unwrap();
                // Its row is taken by another point.
                sampler.add_to(0, 200_000, 0, &[100.0; 3], None).unwrap();
                ids.push(200_000);
            }
            if event % 3 != 1 {
                let all: Vec<u64> = sampler.selected_ids().collect();
                let weights: Vec<f64> = sampler.weights().iter().map(|weight| weight.weight).collect();
                assert_eq!(weights, by_definition(&sampler, &ids, &all), "{spaces:?}, event {event}");
                let some: Vec<u64> = all.iter().copied().filter(|id| id % 3 == 0).rev().collect();
                let weights: Vec<f64> =
                    sampler.weights_among(&some).unwrap().iter().map(|weight| weight.weight).collect();
                assert_eq!(weights, by_definition(&sampler, &ids, &some), "{spaces:?}, event {event}, some");
            }
        }
        assert!(sampler.selected() > 700);
    }
}

#[test]
fn weights_after_thousands_of_picks_are_those_counted_from_nothing() {
    let mut sampler = Sampler::new(Config::new(2)).unwrap();
    let mut ids = Vec::new();
    for (arrivals, picks) in [(3000, 1100), (1000, 1500)] {
        for _ in 0..arrivals {
            let id = (ids.len() as u64 * 7919) % 100_003 + 1;
            sampler.add(id, 0, &point(id, 2, 300, 0.5)).unwrap();
            ids.push(id);
        }
        sampler.select(0, picks);
    }
    let all: Vec<u64> = sampler.selected_ids().collect();
    let weights: Vec<f64> = sampler.weights().iter().map(|weight| weight.weight).collect();
    assert_eq!(weights, by_definition(&sampler, &ids, &all));
}
