//! What a recovery refuses, and what a snapshot does not mind.
//!
//! Not here: the same over random streams ([`super::recovery`]).

use super::super::{Alone, Config, Layout, PointRow, QueueConfig, Recovery, Sampler, Snapshot, State};
use crate::error::ErrorKind;

const XS: [f32; 6] = [0.0, 4.0, 1.0, 9.0, 3.0, 7.0];

fn row(id: u64) -> PointRow<'static> {
    PointRow { id, step: 0, queue: 0, factor: 1.0, point: &XS[id as usize - 1..][..1] }
}

fn layout() -> Layout {
    Layout { history: 10, ..Config { capacity: 4, ..Config::new(1) }.into() }
}

/// Six points, of which one is selected and one discarded.
fn sampler() -> Sampler {
    let mut sampler = Sampler::with_layout(layout()).unwrap();
    for id in 1..=6 {
        sampler.add(id, id as i64 / 6, row(id).point).unwrap();
    }
    sampler.select(0, 1);
    sampler
}

fn restore(ids: &[u64], snapshot: Snapshot) -> crate::error::Result<Sampler> {
    Sampler::restore(layout(), ids.iter().map(|&id| row(id)), snapshot)
}

#[test]
fn an_id_that_was_withdrawn_and_came_again_is_there_once() {
    let mut sampler = sampler();
    for id in [2, 2, 6] {
        sampler.withdraw(id, 0).unwrap();
        sampler.add(id, 5, row(id).point).unwrap();
    }
    sampler.withdraw(6, 0).unwrap();
    let mut again = restore(&[1, 2, 3, 4, 5, 6, 2, 2, 6], sampler.snapshot()).unwrap();
    assert_eq!((again.waiting(), again.contains(2), again.contains(6)), (1, true, false));
    assert_eq!(again.select(5, 9), sampler.select(5, 9));
}

#[test]
fn points_that_are_not_those_of_the_snapshot_are_refused() {
    let snapshot = sampler().snapshot();
    assert_eq!(snapshot.points(), 6);
    for ids in [&[1, 2, 3, 4, 6, 5][..], &[1, 2, 3, 4, 5, 5], &[2, 2, 3, 4, 5, 6]] {
        assert_eq!(restore(ids, snapshot.clone()).unwrap_err().kind(), ErrorKind::Corrupt, "{ids:?}");
    }
    // One too few; and one more is added after it.
    assert_eq!(restore(&[1, 2, 3, 4, 5], snapshot.clone()).unwrap_err().kind(), ErrorKind::State);
    assert_eq!(restore(&[1, 2, 3, 4, 5, 6, 6], snapshot).unwrap().waiting(), 1);
}

#[test]
fn while_points_are_expected_nothing_else_is_taken_and_a_bad_one_is_not_counted() {
    let mut recovery = Recovery::with_snapshot(layout(), sampler().snapshot()).unwrap();
    assert_eq!(recovery.expected(), 6);
    assert_eq!(recovery.set_state(1, State::Started, 0).unwrap_err().kind(), ErrorKind::State);
    assert_eq!(recovery.withdraw(1, 0).unwrap_err().kind(), ErrorKind::State);
    assert_eq!(recovery.select_outright(row(1)).unwrap_err().kind(), ErrorKind::State);
    for (bad, kind) in [
        (PointRow { id: 0, ..row(1) }, ErrorKind::Argument),
        (PointRow { queue: 1, ..row(1) }, ErrorKind::Argument),
        (PointRow { factor: 0.0, ..row(1) }, ErrorKind::Value),
        (PointRow { point: &[f32::NAN], ..row(1) }, ErrorKind::Value),
        (PointRow { point: &[], ..row(1) }, ErrorKind::Shape),
    ] {
        assert_eq!(recovery.add(bad).unwrap_err().kind(), kind);
    }
    assert_eq!(recovery.expected(), 6);
    for id in 1..=6 {
        recovery.add(row(id)).unwrap();
    }
    assert_eq!(recovery.finish(&Alone).unwrap().select(1, 9), sampler().select(1, 9));
}

#[test]
fn names_and_history_may_differ_and_nothing_else() {
    let with = |edit: &dyn Fn(&mut Layout, &mut QueueConfig)| {
        let mut layout = layout();
        let mut queue = layout.queues[0].clone();
        edit(&mut layout, &mut queue);
        layout.queues[0] = queue;
        Recovery::with_snapshot(layout, sampler().snapshot()).map(drop).map_err(|error| error.kind())
    };
    assert_eq!(with(&|_, queue| queue.name = "other".to_owned()), Ok(()));
    assert_eq!(with(&|layout, _| layout.history = 0), Ok(()));
    assert_eq!(with(&|layout, _| layout.k += 1), Err(ErrorKind::Conflict));
    assert_eq!(with(&|layout, _| layout.seed += 1), Err(ErrorKind::Conflict));
    assert_eq!(with(&|_, queue| queue.capacity += 1), Err(ErrorKind::Conflict));
}

#[test]
fn a_snapshot_of_another_version_or_with_counts_beyond_any_run_is_refused() {
    let bytes = sampler().snapshot().to_bytes();
    let kind = |bytes: &[u8]| Snapshot::from_bytes(bytes).map(drop).unwrap_err().kind();
    let mut newer = bytes.clone();
    newer[0] = 2;
    assert_eq!(kind(&newer), ErrorKind::Version);
    // The second section begins with the count of events.
    let length = u64::from_le_bytes(bytes[8..16].try_into().unwrap()) as usize;
    let mut events = bytes.clone();
    events[16 + length + 12..][..8].fill(255);
    assert_eq!(kind(&events), ErrorKind::Corrupt);
    assert_eq!(kind(&[&bytes[..], &[0]].concat()), ErrorKind::Corrupt);
    for end in 0..bytes.len() {
        assert_eq!(kind(&bytes[..end]), ErrorKind::Corrupt);
    }
}

#[test]
fn a_smaller_bound_of_history_drops_the_oldest_rows_and_counts_them() {
    let sampler = sampler();
    let smaller = Layout { history: 3, ..layout() };
    let mut again = Sampler::restore(smaller, (1..=6).map(row), sampler.snapshot()).unwrap();
    let rows: Vec<_> = sampler.clone().drain_history().collect();
    assert_eq!(again.history_dropped(), rows.len() as u64 - 3);
    assert!(again.drain_history().eq(rows[rows.len() - 3..].iter().copied()));
}
