//! Bytes of a snapshot against a plain walk over all points, one by one.
//!
//! Not here: what is made of them again (`recovery.rs`).

use std::sync::Arc;

use crate::dynim::known::CHUNK;
use crate::dynim::snapshot::{Lists, Rows, digest};
use crate::dynim::{Config, Layout, Sampler, Snapshot, Stage};
use crate::error::{Result, io};

/// Where each point is, looked up one by one.
fn naive(frozen: &Snapshot) -> Snapshot {
    let Rows::Frozen(chunks, waiting, _) = &frozen.rows else { unreachable!("it is a sampler's") };
    let (mut lists, mut closest) = (Lists::default(), Vec::new());
    for row in 0..frozen.points {
        let (heads, at) = (&chunks[row / CHUNK], row % CHUNK);
        let Some(stage) = heads.stages[at] else {
            lists.withdrawn.push(row as u32);
            continue;
        };
        let id = heads.ids[at];
        lists.digest = digest(lists.digest, id);
        if stage == Stage::Candidate {
            lists.candidates.push(id);
        }
        if stage != Stage::Selected {
            closest.push(heads.closest[at].position);
        }
    }
    let id_at = |row: u32| chunks[row as usize / CHUNK].ids[row as usize % CHUNK];
    lists.waiting = waiting.iter().map(|&(step, row)| (step, id_at(row))).collect();
    Snapshot { rows: Rows::Listed(lists, closest), ..frozen.clone() }
}

#[test]
fn packed_snapshot_of_many_chunks_matches_naive() {
    let layout = Layout { history: 3000, ..Config { capacity: 3000, ..Config::new(2) }.into() };
    let mut sampler = Sampler::with_layout(layout).unwrap();
    let check = |sampler: &Sampler| {
        let frozen = sampler.snapshot();
        let bytes = frozen.to_bytes();
        assert!(bytes == naive(&frozen).to_bytes(), "{} points", frozen.points());
        assert_eq!(bytes.len(), frozen.packed().length());
        let read = Snapshot::from_bytes(&bytes).unwrap();
        assert!(read.to_bytes() == bytes);
    };
    check(&sampler);
    for id in 1..=20_000_u64 {
        let x = (id * 7919 % 10_007) as f32;
        sampler.add(id, id as i64 / 1000, &[x, x.sqrt()]).unwrap();
        if id % 5000 == 0 {
            check(&sampler);
            sampler.select(id as i64 / 1000 - 1, 40);
            check(&sampler);
        }
    }
    for id in [1, 777, 4096, 19_999, 20_000] {
        if sampler.stage(id) != Some(Stage::Selected) {
            sampler.withdraw(id, 30).unwrap();
        }
    }
    check(&sampler);
    // A full last chunk.
    for id in 20_001..=20_480 {
        sampler.add(id, 31, &[id as f32, 0.5]).unwrap();
    }
    check(&sampler);
}

#[test]
fn packing_ends_at_the_first_error() {
    let mut sampler = Sampler::new(Config::new(1)).unwrap();
    for id in 1..=100 {
        sampler.add(id, 0, &[id as f32]).unwrap();
    }
    let (snapshot, mut given) = (Arc::new(sampler.snapshot()), 0);
    let mut until = |left: usize| -> Result<()> {
        let mut left = left;
        snapshot.packed().write(|_| {
            given += 1;
            left = left.checked_sub(1).ok_or_else(|| io("no room"))?;
            Ok(())
        })
    };
    assert_eq!(until(3).unwrap_err(), io("no room"));
    until(1000).unwrap();
    assert!(given >= 4 + 9, "{given}");
}
