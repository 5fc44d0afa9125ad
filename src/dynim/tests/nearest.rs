//! The index over S against plain loops: every size at which its trees change, on every instruction set.

use crate::dynim::known::Closest;
use crate::dynim::selected::Selected;
use crate::dynim::{Config, Isa, Mode, Sampler};

use super::point;

/// The k smallest squared distances, and the position of the nearest with the smallest id, by the definition.
fn by_definition(s: &[(u64, Vec<f32>)], x: &[f32], k: usize) -> (Vec<f32>, u32, f32) {
    let distance = |y: &[f32]| y.iter().zip(x).fold(0.0_f32, |sum, (y, x)| sum + (y - x) * (y - x));
    let distances: Vec<f32> = s.iter().map(|(_, y)| distance(y)).collect();
    let mut list = distances.clone();
    list.sort_by(f32::total_cmp);
    list.resize(list.len().max(k), f32::INFINITY);
    list.truncate(k);
    let nearest = (0..s.len()).min_by(|&a, &b| distances[a].total_cmp(&distances[b]).then(s[a].0.cmp(&s[b].0)));
    (list, nearest.map_or(u32::MAX, |at| at as u32), nearest.map_or(f32::INFINITY, |at| distances[at]))
}

fn check(dim: usize, sizes: &[usize], levels: u64, scale: f32) {
    for isa in Isa::available() {
        let (mut selected, mut s) = (Selected::new(dim, isa), Vec::new());
        for &size in sizes {
            while s.len() < size {
                // Ids neither rise nor fall with positions.
                let id = (s.len() as u64 * 7919) % 100_003 + 1;
                let x = point(id, dim, levels, scale);
                assert_eq!(selected.push(id, &x), s.len());
                s.push((id, x));
            }
            selected.settle();
            for query in 0..16 {
                // Some queries are points of S, some lie far outside.
                let id = if query % 3 == 0 && size > 0 { s[query * 31 % size].0 } else { 200_000 + query as u64 };
                let mut x = point(id, dim, levels, scale);
                if query % 7 == 1 {
                    x.iter_mut().for_each(|x| *x = *x * 3.0 - scale);
                }
                for k in [1, 10, 16, 17, 40] {
                    let mut list = vec![0.0; k];
                    let Closest { position, distance } = selected.nearest(&x, &mut list);
                    let expected = by_definition(&s, &x, k);
                    let bits = |list: &[f32]| list.iter().map(|d| d.to_bits()).collect::<Vec<_>>();
                    assert_eq!(bits(&list), bits(&expected.0), "{} {dim}-d, |S| = {size}, k = {k}", isa.name());
                    assert_eq!((position, distance.to_bits()), (expected.1, expected.2.to_bits()), "{}", isa.name());
                }
            }
        }
    }
}

/// From nothing over the latest points and the small tree to the large one, which is made anew once.
const SIZES: [usize; 12] = [0, 1, 15, 16, 17, 255, 256, 700, 4095, 4096, 4700, 8300];

#[test]
fn nearest_matches_plain_loops_as_s_grows() {
    for dim in [1, 9, 15] {
        check(dim, &SIZES, 1 << 24, 1e-6);
    }
}

#[test]
fn nearest_matches_plain_loops_where_many_points_are_as_near() {
    for (dim, levels) in [(1, 40), (2, 3), (5, 2)] {
        check(dim, &SIZES, levels, 1.0);
    }
}

#[test]
fn nearest_matches_plain_loops_where_squares_overflow_or_vanish() {
    for scale in [1e-24, 1e15] {
        check(3, &[300, 5000], 1 << 20, scale);
    }
}

/// S is so large that arrivals are put in order of their places first.
#[test]
fn arrivals_in_one_event_get_the_ranks_that_they_get_one_by_one() {
    let (dim, selected, arrivals) = (64, 4300, 200);
    let mut together = Sampler::new(Config { mode: Mode::Batch, ..Config::new(dim) }).unwrap();
    for id in 1..=selected as u64 {
        together.add(id, 0, &point(id, dim, 1 << 20, 1e-3)).unwrap();
    }
    together.select(0, selected);
    let mut alone = together.clone();
    for id in selected as u64 + 1..=(selected + arrivals) as u64 {
        together.add(id, 1, &point(id, dim, 1 << 20, 1e-3)).unwrap();
        alone.add(id, 1, &point(id, dim, 1 << 20, 1e-3)).unwrap();
        assert_eq!(alone.select(1, 0).merged, 1);
    }
    let ranks = |sampler: &mut Sampler| {
        let picks = sampler.select(1, arrivals).picks;
        picks.iter().map(|pick| (pick.id, pick.rank.to_bits())).collect::<Vec<_>>()
    };
    let (together, alone) = (ranks(&mut together), ranks(&mut alone));
    assert_eq!(together.len(), arrivals);
    assert_eq!(together, alone);
}
