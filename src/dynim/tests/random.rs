//! The generator, and draws.
//!
//! Not here: what samplers draw ([`super::queues`]).

use super::super::random::{Generator, Ids, hash};

#[test]
fn the_generator_is_split_mix_64() {
    // The reference outputs for the seed 1234567, halved to `0 .. 2^63` by `below`.
    let mut generator = Generator::new(1_234_567);
    let expected = [6_457_827_717_110_365_317_u64, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
    for output in expected {
        assert_eq!(generator.below(1 << 63), (output >> 1) as usize);
    }
}

#[test]
fn draws_are_about_equally_often_each() {
    let mut generator = Generator::new(5);
    let mut counts = [0; 7];
    for _ in 0..70_000 {
        counts[generator.below(7)] += 1;
    }
    assert!(counts.iter().all(|count| (9_600..10_400).contains(count)), "{counts:?}");
}

#[test]
fn what_is_drawn_depends_on_the_set_and_not_on_insertions() {
    let draws = |order: &[u64], extra: &[u64]| {
        let mut ids = Ids::default();
        let mut generator = Generator::new(9);
        order.iter().chain(extra).for_each(|&id| ids.insert(id));
        extra.iter().for_each(|&id| assert!(ids.remove(id) && !ids.remove(id)));
        std::iter::from_fn(|| ids.draw(&mut generator)).collect::<Vec<u64>>()
    };
    let drawn = draws(&[1, 2, 3, 4, 5, 6, 7, 8], &[]);
    assert_eq!(draws(&[5, 1, 8, 2, 7, 3, 6, 4], &[100, 0]), drawn);
    assert_ne!(drawn, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert!((1..=8).all(|id| drawn.contains(&id)));
}

#[test]
fn hashes_differ_by_seed_and_by_id() {
    let mut hashes: Vec<u64> = (0..100).flat_map(|seed| (0..100).map(move |id| hash(seed, id))).collect();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 10_000);
}
