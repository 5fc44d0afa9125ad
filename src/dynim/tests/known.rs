//! The points by id, and their index, against a plain map.
//!
//! Not here: what the sampler does with them.

use std::collections::HashMap;

use proptest::prelude::*;

use super::super::Stage;
use super::super::index::Index;
use super::super::known::Known;

proptest! {
    #[test]
    fn index_matches_naive(calls in prop::collection::vec((1..80_u64, any::<bool>()), 1..400)) {
        let (mut index, mut naive) = (Index::default(), HashMap::new());
        let id_at = |row: u32| u64::from(row) * 31;
        for (at, add) in calls {
            let (id, row) = (at * 31, at as u32);
            if !add {
                prop_assert_eq!(index.remove(id, id_at), naive.remove(&id));
            } else if let std::collections::hash_map::Entry::Vacant(entry) = naive.entry(id) {
                entry.insert(row);
                index.insert(id, row, id_at);
            }
            for at in 1..80 {
                prop_assert_eq!(index.find(at * 31, id_at), naive.get(&(at * 31)).copied());
            }
        }
    }

    #[test]
    fn known_matches_naive(calls in prop::collection::vec((1..60_u64, 0..4_u8), 1..400)) {
        let (mut known, mut naive) = (Known::new(2), HashMap::<u64, (f32, Stage)>::new());
        for (at, (id, what)) in calls.into_iter().enumerate() {
            let x = at as f32;
            match (what, naive.contains_key(&id)) {
                (0 | 1, false) => {
                    known.insert(id, 7, x + 1.0, Stage::Waiting, &[x, -x]).unwrap();
                    naive.insert(id, (x, Stage::Waiting));
                }
                (2, true) => {
                    let row = known.get(id).unwrap().at;
                    known.advance(row, Stage::Candidate);
                    naive.get_mut(&id).unwrap().1 = Stage::Candidate;
                }
                (3, _) => {
                    known.remove(id);
                    naive.remove(&id);
                }
                _ => {}
            }
            let row = known.get(id).map(|row| (row.point.to_vec(), row.stage, row.queue, known.factor(row.at)));
            prop_assert_eq!(row, naive.get(&id).map(|&(x, stage)| (vec![x, -x], stage, 7, x + 1.0)));
            let mut ids: Vec<u64> = known.unselected().map(|(row, _)| row.id).collect();
            ids.sort_unstable();
            let mut expected: Vec<u64> = naive.keys().copied().collect();
            expected.sort_unstable();
            prop_assert_eq!(ids, expected);
            for stage in [Stage::Waiting, Stage::Candidate] {
                prop_assert_eq!(known.count(stage), naive.values().filter(|(_, other)| *other == stage).count());
            }
        }
    }
}
