//! Samplers made again, of snapshots and of logs, against the one that went on: random streams of calls in every layout.
//!
//! Not here: what single errors are ([`super::recovery_by_hand`]).

use proptest::prelude::*;
use proptest::sample::Index;

use super::super::{
    Added, Alone, Event, HistoryRow, Layout, Outcome, Pick, PointRow, Recovery, Sampler, Snapshot, State, What,
};
use super::layouts::{Call, call, layout};
use super::{Threads, point};
use crate::error::ErrorKind;

/// A point that was new.
#[derive(Debug, Clone)]
pub(super) struct Row {
    id: u64,
    step: i64,
    queue: usize,
    factor: f32,
    x: Vec<f32>,
}

impl Row {
    pub(super) fn view(&self) -> PointRow<'_> {
        PointRow { id: self.id, step: self.step, queue: self.queue, factor: self.factor, point: &self.x }
    }
}

/// What a log holds.
#[derive(Debug, Clone)]
pub(super) enum Entry {
    Added(Row),
    Outright(Row),
    Event(Event),
    State(u64, State, i64),
    Withdrawn(u64, i64),
}

/// A sampler and what it logged.
pub(super) struct Run {
    pub sampler: Sampler,
    pub log: Vec<Entry>,
    grid: (u64, f32),
    withdrawn: u64,
}

impl Run {
    pub(super) fn new(layout: Layout, grid: (u64, f32)) -> Self {
        Self { sampler: Sampler::with_layout(layout).unwrap(), log: Vec::new(), grid, withdrawn: 0 }
    }

    fn row(&self, queue: usize, id: u64, step: i64, factor: Option<f32>) -> Row {
        let layout = self.sampler.layout();
        let queue = queue % layout.queues.len();
        let factor = factor.unwrap_or(layout.queues[queue].factor);
        // An id that comes again after a withdrawal may be another point.
        let x = point(id + 1000 * (self.withdrawn % 2), layout.coordinates(), self.grid.0, self.grid.1);
        Row { id, step, queue, factor, x }
    }

    /// Makes the call, logs what it changed, and gives all that it answered.
    pub(super) fn call(&mut self, call: &Call) -> String {
        let nth = |sampler: &Sampler, at: Index| {
            let s: Vec<u64> = sampler.selected_ids().collect();
            if s.is_empty() { 0 } else { *at.get(&s) }
        };
        match call {
            Call::Add { queue, id, step, factor } => {
                let row = self.row(*queue, *id, *step, *factor);
                let answer = self.sampler.add_to(row.queue, row.id, row.step, &row.x, *factor);
                if answer == Ok(Added::New) {
                    self.log.push(Entry::Added(row));
                }
                format!("{answer:?}")
            }
            Call::Outright { queue, id } => {
                let row = self.row(*queue, *id, 5, None);
                let there = self.sampler.contains(*id);
                let answer = self.sampler.select_outright_in(row.queue, row.id, row.step, &row.x);
                if answer.is_ok() && !there {
                    self.log.push(Entry::Outright(row));
                }
                format!("{answer:?}")
            }
            Call::Select { step, n } => {
                let event = self.sampler.select(*step, *n);
                self.log.push(Entry::Event(event.clone()));
                format!("{event:?}")
            }
            Call::SetState { at, any, to } => {
                let id = if *any { at.index(150) as u64 + 1 } else { nth(&self.sampler, *at) };
                self.set_state(id, *to)
            }
            Call::Return(at) => self.set_state(nth(&self.sampler, *at), State::Returned),
            Call::Withdraw(id) => {
                let answer = self.sampler.withdraw(*id, 78);
                if answer.is_ok() {
                    self.log.push(Entry::Withdrawn(*id, 78));
                    self.withdrawn += 1;
                }
                format!("{answer:?}")
            }
            Call::Weights => format!("{:?}", self.sampler.weights()),
            Call::WeightsAmong { picks, .. } => {
                let ids: Vec<u64> = picks.iter().map(|pick| nth(&self.sampler, *pick)).collect();
                format!("{:?}", self.sampler.weights_among(&ids))
            }
        }
    }

    fn set_state(&mut self, id: u64, to: State) -> String {
        let answer = self.sampler.set_state(id, to, 77);
        if answer == Ok(true) {
            self.log.push(Entry::State(id, to, 77));
        }
        format!("{answer:?}")
    }

    /// The same that goes on with another sampler.
    fn with(&self, sampler: Sampler) -> Self {
        Self { sampler, log: Vec::new(), grid: self.grid, withdrawn: self.withdrawn }
    }

    /// All that can be asked, ranks of history rows included.
    fn all(&mut self) -> String {
        let sampler = &mut self.sampler;
        let counts = [sampler.waiting(), sampler.candidates(), sampler.selected(), sampler.discarded()];
        let points = (1..=150).map(|id| {
            (sampler.stage(id), sampler.queue(id), sampler.selection(id), sampler.point(id).map(<[f32]>::to_vec))
        });
        let points = format!("{:?}", points.collect::<Vec<_>>());
        let queues: Vec<_> = (0..sampler.layout().queues.len())
            .map(|queue| (sampler.candidates_of(queue), sampler.selected_of(queue)))
            .collect();
        let order: Vec<u64> = sampler.selected_ids().collect();
        let (events, dropped, weights) = (sampler.events(), sampler.history_dropped(), sampler.weights());
        let history: Vec<HistoryRow> = sampler.drain_history().collect();
        format!("{counts:?} {queues:?} {order:?} {events} {dropped} {weights:?} {history:?} {points}")
    }
}

/// The points of a log, in the order of adding.
pub(super) fn rows(log: &[Entry]) -> impl Iterator<Item = &Row> {
    log.iter().filter_map(|entry| match entry {
        Entry::Added(row) | Entry::Outright(row) => Some(row),
        _ => None,
    })
}

fn event<'a>(event: &'a Event, discarded: &'a [u64]) -> Outcome<'a> {
    let Event { number, step, merged, ref picks, .. } = *event;
    Outcome { number, step, merged, discarded, picks }
}

/// Outcomes that nearly are `outcome`, told and refused.
fn refuse_others(recovery: &mut Recovery, outcome: &Outcome<'_>) -> Result<(), TestCaseError> {
    let mut wrong =
        vec![Outcome { number: outcome.number + 1, ..*outcome }, Outcome { merged: outcome.merged + 1, ..*outcome }];
    let strange = [outcome.discarded, &[999]].concat();
    wrong.push(Outcome { discarded: &strange, ..*outcome });
    let twice: Vec<u64> = outcome.discarded.iter().take(1).chain(outcome.discarded).copied().collect();
    let edit = |edit: fn(&mut Pick)| {
        let mut picks = outcome.picks.to_vec();
        picks.last_mut().into_iter().for_each(edit);
        picks
    };
    let others = [edit(|pick| pick.order += 1), edit(|pick| pick.queue += 1), edit(|pick| pick.id = 999)];
    if !outcome.discarded.is_empty() {
        wrong.push(Outcome { discarded: &twice, ..*outcome });
    }
    if !outcome.picks.is_empty() {
        wrong.extend(others.iter().map(|picks| Outcome { picks, ..*outcome }));
    }
    for wrong in &wrong {
        prop_assert_eq!(recovery.event(wrong).unwrap_err().kind(), ErrorKind::Corrupt);
    }
    Ok(())
}

/// Tells `recovery` a log.
fn redo(recovery: &mut Recovery, log: &[Entry]) -> Result<(), TestCaseError> {
    for entry in log {
        match entry {
            Entry::Added(row) => prop_assert_eq!(recovery.add(row.view()).unwrap(), Added::New),
            Entry::Outright(row) => drop(recovery.select_outright(row.view()).unwrap()),
            Entry::Event(event) => {
                let discarded: Vec<u64> = event.discarded.iter().map(|discarded| discarded.id).collect();
                let outcome = self::event(event, &discarded);
                refuse_others(recovery, &outcome)?;
                recovery.event(&outcome).unwrap();
            }
            Entry::State(id, to, step) => prop_assert!(recovery.set_state(*id, *to, *step).unwrap()),
            Entry::Withdrawn(id, step) => recovery.withdraw(*id, *step).unwrap(),
        }
    }
    Ok(())
}

/// What no log holds: the ranks of discards and of withdrawn candidates.
fn without_ranks(sampler: &mut Sampler) -> Vec<HistoryRow> {
    let strip = |row: HistoryRow| match row.what {
        What::Discarded | What::Withdrawn => HistoryRow { rank: None, ..row },
        _ => row,
    };
    sampler.drain_history().map(strip).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_sampler_of_a_snapshot_goes_on_bit_for_bit(
        (mut layout, levels, scale) in layout(),
        calls in prop::collection::vec(call(), 1..300),
        cut in any::<Index>(),
        history in prop::sample::select(vec![0, 5, 100_000]),
    ) {
        layout.history = history;
        let (before, after) = calls.split_at(cut.index(calls.len()));
        let mut run = Run::new(layout.clone(), (levels, scale));
        before.iter().for_each(|call| drop(run.call(call)));
        let snapshot = run.sampler.snapshot();
        let bytes = snapshot.to_bytes();
        let points: Vec<Row> = rows(&run.log).cloned().collect();
        prop_assert_eq!(snapshot.points(), points.len());

        let restored = |snapshot| Sampler::restore(layout.clone(), points.iter().map(Row::view), snapshot).unwrap();
        let mut other = run.with(restored(Snapshot::from_bytes(&bytes).unwrap()));
        // It is told again what it remembers, and nothing is lost on the way.
        let mut third = run.with(restored(other.sampler.snapshot()));
        for call in after {
            let said = run.call(call);
            prop_assert_eq!(&said, &other.call(call));
            prop_assert_eq!(&said, &third.call(call));
        }
        let expected = run.all();
        prop_assert_eq!(&expected, &other.all());
        prop_assert_eq!(&expected, &third.all());
        // What it shares with the sampler stood still meanwhile.
        prop_assert!(snapshot.to_bytes() == bytes);
    }

    #[test]
    fn outcomes_that_are_redone_make_the_sampler_that_decided_them(
        (layout, levels, scale) in layout(),
        calls in prop::collection::vec(call(), 1..300),
        cuts in any::<[Index; 2]>(),
    ) {
        let mut cuts = cuts.map(|cut| cut.index(calls.len()));
        cuts.sort_unstable();
        let mut run = Run::new(layout.clone(), (levels, scale));
        calls[..cuts[0]].iter().for_each(|call| drop(run.call(call)));
        let (snapshot, logged) = (run.sampler.snapshot(), run.log.len());
        calls[cuts[0]..cuts[1]].iter().for_each(|call| drop(run.call(call)));

        let mut from_nothing = Recovery::new(layout.clone()).unwrap();
        redo(&mut from_nothing, &run.log)?;
        let mut on_snapshot = Recovery::with_snapshot(layout.clone(), snapshot).unwrap();
        for row in rows(&run.log[..logged]) {
            on_snapshot.add(row.view()).unwrap();
        }
        prop_assert_eq!(on_snapshot.expected(), 0);
        redo(&mut on_snapshot, &run.log[logged..])?;
        let mut others = [
            run.with(from_nothing.finish(&Alone).unwrap()),
            run.with(on_snapshot.finish(&Threads(2)).unwrap()),
        ];

        let history = without_ranks(&mut run.sampler);
        for other in &mut others {
            prop_assert_eq!(&without_ranks(&mut other.sampler), &history);
        }
        for call in &calls[cuts[1]..] {
            let said = run.call(call);
            for other in &mut others {
                prop_assert_eq!(&said, &other.call(call));
            }
        }
        let expected = run.all();
        for other in &mut others {
            prop_assert_eq!(&expected, &other.all());
        }
    }

    #[test]
    fn changed_bytes_of_a_snapshot_are_errors_or_make_a_sampler_that_works(
        (layout, levels, scale) in layout(),
        calls in prop::collection::vec(call(), 1..120),
        after in prop::collection::vec(call(), 1..40),
        changes in prop::collection::vec((any::<Index>(), prop_oneof![any::<u8>(), Just(0), Just(255)]), 1..4),
        end in prop_oneof![3 => Just(None), 1 => any::<Index>().prop_map(Some)],
        wide in any::<bool>(),
    ) {
        let mut run = Run::new(layout.clone(), (levels, scale));
        calls.iter().for_each(|call| drop(run.call(call)));
        let mut bytes = run.sampler.snapshot().to_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            let last = if wide { (at + 8).min(bytes.len()) } else { at + 1 };
            bytes[at..last].fill(byte);
        }
        bytes.truncate(end.map_or(bytes.len(), |end| end.index(bytes.len())));
        let points: Vec<Row> = rows(&run.log).cloned().collect();
        let restored = Snapshot::from_bytes(&bytes)
            .and_then(|snapshot| Sampler::restore(layout.clone(), points.iter().map(Row::view), snapshot));
        match restored {
            Ok(sampler) => {
                let mut other = run.with(sampler);
                after.iter().for_each(|call| drop(other.call(call)));
                other.all();
                other.sampler.snapshot().to_bytes();
            }
            Err(error) => prop_assert!(
                matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Version | ErrorKind::Conflict | ErrorKind::State),
                "{error}"
            ),
        }
    }

    #[test]
    fn any_bytes_are_a_snapshot_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300), known in any::<bool>()) {
        let mut bytes = bytes;
        if known && bytes.len() >= 8 {
            bytes[..8].copy_from_slice(&[1, 0, 0, 0, 1, 0, 0, 0]);
        }
        prop_assert!(Snapshot::from_bytes(&bytes).is_err());
    }
}
