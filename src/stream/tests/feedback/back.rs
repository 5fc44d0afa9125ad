//! Hosts that publish, go back to a mark at any moment and do the same or something else, against a naive list of tables.
//!
//! Not here: which patches are withdrawn and which events answered (`rollback`).

use std::sync::Arc;

use proptest::prelude::*;

use super::super::journal::{Folder, killed};
use super::*;
use crate::feedback::Table;

/// A table that was told: for the round that the host asked in, in force from the next one.
struct Told {
    round: i64,
    /// The branch can still ask for it.
    is_asked: bool,
    table: Arc<Table>,
}

/// What the rules say, one by one.
#[derive(Default)]
struct Naive {
    told: Vec<Told>,
    /// The rounds of the branch, each with what decided its patches.
    rounds: Vec<u64>,
}

impl Naive {
    /// What a host that does `round` with these patches is answered; `None`: a new table.
    fn answer(&mut self, round: i64, salt: u64) -> Option<Arc<Table>> {
        if self.rounds.get(round as usize) != Some(&salt) {
            self.rounds.truncate(round as usize);
            self.rounds.push(salt);
            // What was asked for from here on belongs to what the host does not do any more.
            self.told.iter_mut().filter(|told| told.round >= round).for_each(|told| told.is_asked = false);
        }
        self.told.iter().find(|told| told.is_asked && told.round == round).map(|told| told.table.clone())
    }

    fn in_force(&self, step: i64) -> Option<&Arc<Table>> {
        self.told.iter().rev().map(|told| &told.table).find(|table| table.in_force_from <= step)
    }
}

/// Ten patches, an event, what two picks measure, a table. Who does something else names other patches.
fn round(stream: &Stream, producer: &mut Producer, round: i64, salt: u64) -> Arc<Table> {
    for id in (1..=10).map(|at| round as u64 * 20 + salt * 10 + at) {
        push(producer, id, round, density(id));
        stream.poll(Duration::from_secs(60)).unwrap();
    }
    for selection in &stream.select(round, 2).unwrap().unwrap().batch.selections {
        submit(stream, selection.id, salt);
    }
    stream.publish_feedback(round, round + 1).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn hosts_that_publish_and_go_back_match_the_naive_rules(
        lives in prop::collection::vec((0..3_usize, prop::collection::vec(0..2_u64, 1..4)), 1..5)
    ) {
        let mut folder = Folder::new();
        let (mut naive, mut marks) = (Naive::default(), 0_i64);
        for (back, salts) in lives {
            let stream = super::super::builder().feedback(options()).run_dir(&folder.0).open().unwrap();
            // A mark is set after every second round.
            let from = (marks - back as i64 * 2).max(0);
            stream.resume((from > 0).then(|| format!("round {from}")).as_deref()).unwrap();
            let mut producer = stream.producer("ddft").unwrap();
            for (at, salt) in (from..).zip(salts) {
                let given = stream.feedback(at).unwrap();
                let in_force = naive.in_force(at).cloned();
                prop_assert!(given.is_none() || given == in_force, "at {at} {given:?} is given");
                prop_assert!(at > from || given == in_force, "given again at {at}");
                let expected = naive.answer(at, salt);
                // A branch withdraws what lies before marks behind it.
                marks = marks.min(naive.rounds.len() as i64 / 2 * 2);
                let table = round(&stream, &mut producer, at, salt);
                match expected {
                    Some(expected) => prop_assert_eq!(&table, &expected, "round {}", at),
                    None => {
                        let version = naive.told.iter().map(|told| told.table.version).max().unwrap_or(0) + 1;
                        prop_assert_eq!((table.version, table.in_force_from), (version, at + 1));
                        naive.told.push(Told { round: at, is_asked: true, table });
                    }
                }
                if (at + 1) % 2 == 0 {
                    stream.checkpoint(&format!("round {}", at + 1), at, Duration::ZERO).unwrap();
                    marks = marks.max(at + 1);
                }
            }
            drop(producer);
            // As a kill leaves it.
            folder = killed(&folder);
        }
    }
}
