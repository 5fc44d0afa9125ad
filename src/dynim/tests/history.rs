//! The history: which rows come, what is kept of them, and how they read.
//!
//! Not here: rows against the naive twin ([`super::layouts`]).

use super::super::{HISTORY_HEAD, Layout, QueueConfig, Sampler, State};

fn sampler(history: usize) -> Sampler {
    let queues = vec![QueueConfig { capacity: 2, ..QueueConfig::new("all") }];
    Sampler::with_layout(Layout { history, queues, ..Layout::new(1) }).unwrap()
}

fn lines(sampler: &mut Sampler) -> Vec<String> {
    sampler.drain_history().map(|row| row.to_string()).collect()
}

#[test]
fn every_step_of_a_point_is_a_row() {
    let mut sampler = sampler(100);
    sampler.select_outright(9, &[0.0]).unwrap();
    for (id, x) in [(1, 0.1), (2, 3.0), (3, 4.0)] {
        sampler.add(id, 6, &[x]).unwrap();
    }
    sampler.select(7, 1);
    sampler.set_state(3, State::Returned, 8).unwrap();
    sampler.withdraw(2, 8).unwrap();
    sampler.withdraw(1, 9).unwrap();
    assert_eq!(HISTORY_HEAD, "event,step,id,what,rank");
    assert_eq!(
        lines(&mut sampler),
        [
            "-1,0,9,selected,",
            "-1,6,1,added,",
            "-1,6,2,added,",
            "-1,6,3,added,",
            "0,7,1,discarded,0.1",
            "0,7,3,selected,4",
            "0,8,3,returned,4",
            "0,8,2,withdrawn,3",
            "0,9,1,withdrawn,",
        ]
    );
    assert_eq!(lines(&mut sampler), [""; 0]);
}

#[test]
fn a_rank_reads_back_as_the_same_float() {
    let mut sampler = sampler(100);
    sampler.select_outright(9, &[0.0]).unwrap();
    sampler.add(1, 0, &[0.1 + 0.2]).unwrap();
    let rank = sampler.select(0, 1).picks[0].rank;
    let last = lines(&mut sampler).pop().unwrap();
    assert_eq!(last.rsplit(',').next().unwrap().parse::<f32>().unwrap().to_bits(), rank.to_bits());
    let mut empty = self::sampler(100);
    empty.add(1, 0, &[0.5]).unwrap();
    empty.select(0, 1);
    assert_eq!(lines(&mut empty)[1], "0,0,1,selected,inf");
}

#[test]
fn beyond_its_bound_the_oldest_rows_are_dropped_and_counted() {
    let mut sampler = sampler(3);
    for id in 1..=5 {
        sampler.add(id, 0, &[id as f32]).unwrap();
    }
    assert_eq!(sampler.history_dropped(), 2);
    assert_eq!(sampler.drain_history().map(|row| row.id).collect::<Vec<_>>(), [3, 4, 5]);
    sampler.add(6, 0, &[6.0]).unwrap();
    assert_eq!(lines(&mut sampler).len(), 1);
    assert_eq!(sampler.history_dropped(), 2);
}

#[test]
fn without_a_bound_no_row_is_kept() {
    let mut sampler = Sampler::with_layout(Layout::new(1)).unwrap();
    sampler.add(1, 0, &[0.0]).unwrap();
    assert_eq!(lines(&mut sampler).len(), 0);
    assert_eq!(sampler.history_dropped(), 0);
}
