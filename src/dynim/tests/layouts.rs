//! Samplers of all kinds of layouts against the naive twin, over random streams of calls.
//!
//! Not here: what single rules say by hand ([`super::queues`], [`super::picks`]), samplers made again
//! ([`super::recovery`]).

use proptest::prelude::*;
use proptest::sample::Index;

use super::super::naive::Naive;
use super::super::{
    Added, Binning, Event, Gate, HistoryRow, Kind, Layout, Mode, QueueConfig, Sampler, Spaces, Stage, State, Within,
};
use super::{bits, point};
use crate::error::ErrorKind;

/// What a host may call.
#[derive(Debug, Clone)]
pub(super) enum Call {
    Add {
        queue: usize,
        id: u64,
        step: i64,
        factor: Option<f32>,
    },
    Outright {
        queue: usize,
        id: u64,
    },
    Select {
        step: i64,
        n: usize,
    },
    /// Of the selected or, if `any`, of any id.
    SetState {
        at: Index,
        any: bool,
        to: State,
    },
    /// A return of a pick that may be one.
    Return(Index),
    Withdraw(u64),
    Weights,
    WeightsAmong {
        picks: Vec<Index>,
        candidates_only: bool,
    },
}

fn state() -> impl Strategy<Value = State> {
    use State::{Done, Failed, Interrupted, Issued, Returned, Started};
    prop::sample::select(vec![Issued, Started, Started, Interrupted, Done, Failed, Failed, Returned])
}

pub(super) fn call() -> impl Strategy<Value = Call> {
    let factor = prop_oneof![4 => Just(None), 1 => prop::sample::select(vec![0.5, 1.0, 1.7, 3.0]).prop_map(Some)];
    let among = (prop::collection::vec(any::<Index>(), 0..8), any::<bool>());
    prop_oneof![
        60 => (0..3_usize, 1..=150_u64, 0..8_i64, factor)
            .prop_map(|(queue, id, step, factor)| Call::Add { queue, id, step, factor }),
        2 => (0..3_usize, 1..=150_u64).prop_map(|(queue, id)| Call::Outright { queue, id }),
        4 => (-1..8_i64, 0..12_usize).prop_map(|(step, n)| Call::Select { step, n }),
        1 => (7..9_i64, 0..60_usize).prop_map(|(step, n)| Call::Select { step, n }),
        4 => (any::<Index>(), prop::bool::weighted(0.2), state())
            .prop_map(|(at, any, to)| Call::SetState { at, any, to }),
        3 => any::<Index>().prop_map(Call::Return),
        4 => (1..=150_u64).prop_map(Call::Withdraw),
        1 => Just(Call::Weights),
        1 => among.prop_map(|(picks, candidates_only)| Call::WeightsAmong { picks, candidates_only }),
    ]
}

/// Bins over a point of `coordinates`, on a grid from 0 to `width`.
fn bins(coordinates: usize, width: f32) -> impl Strategy<Value = String> {
    let last = coordinates - 1;
    let box3 = format!("cartesian3:x=0,y={},z={last},min=0/0/0,max={width}/1/{width},bins=3x2x2,periodic=y", last / 2);
    prop_oneof![
        (1..7_usize).prop_map(move |bins| format!("1d:dim={last},min=0,max={width},bins={bins}")),
        Just(format!("1d:dim=0,min=0,max={},bins=5,periodic", width / 3.0)),
        Just(format!("spherical2:theta=0,phi={last},rings=1/4/2")),
        Just(format!("spherical3:theta=0,phi={last},r=0,bins=2x3,min=0,max={width},shells=2,degrees")),
        Just(box3),
    ]
}

fn kind(coordinates: usize, width: f32) -> impl Strategy<Value = Kind> {
    let within = prop::sample::select(vec![Within::Rank, Within::Rank, Within::Random]);
    let novelty = prop::sample::select(vec![0.0, 0.3, 0.5, 1.0]);
    let binning = (bins(coordinates, width), novelty, within).prop_map(|(bins, novelty, within)| Binning {
        bins: bins.parse().unwrap(),
        novelty,
        within,
    });
    prop_oneof![3 => Just(Kind::Importance), 2 => Just(Kind::Random), 4 => binning.prop_map(Kind::Binned)]
}

fn queue(coordinates: usize, width: f32) -> impl Strategy<Value = QueueConfig> {
    let capacity = prop_oneof![1..=30_usize, Just(1000)];
    let gate = prop::sample::select(vec![Gate::First, Gate::Each]);
    let min_random = prop_oneof![3 => Just(0), 1 => 1..6_usize];
    let target = prop::sample::select(vec![1.0, 1.0, 0.1, 0.7, 5.0]);
    let factor = prop::sample::select(vec![1.0, 1.0, 0.3, 2.0]);
    (kind(coordinates, width), capacity, target, 0..8_usize, gate, min_random, factor).prop_map(
        |(kind, capacity, target, min, gate, min_random, factor)| QueueConfig {
            kind,
            capacity,
            target,
            min_candidates: min.min(capacity),
            gate,
            min_random,
            factor,
            ..QueueConfig::new("some")
        },
    )
}

/// A layout, and the grid that its points lie on.
pub(super) fn layout() -> impl Strategy<Value = (Layout, u64, f32)> {
    // Integers tie; 0.37 and 1e-3 round; 1e19 overflows the squares, which then tie at infinity.
    let grid = prop_oneof![Just((2, 1.0)), Just((5, 0.37)), Just((5, 1e19)), Just((100_000, 1e-3))];
    (1..6_usize, 0..3_usize, grid).prop_flat_map(|(dim, extra, (levels, scale))| {
        let width = levels as f32 * scale;
        let mode = prop::sample::select(vec![Mode::Sequential, Mode::Batch]);
        let spaces = prop::sample::select(vec![Spaces::Joint, Spaces::Separate]);
        let queues = prop::collection::vec(queue(dim + extra, width), 1..4);
        (1..=12_usize, mode, spaces, any::<u64>(), queues).prop_map(move |(k, mode, spaces, seed, queues)| {
            (Layout { dim, extra, k, mode, spaces, seed, history: 100_000, queues }, levels, scale)
        })
    })
}

fn counts(sampler: &Sampler) -> [usize; 4] {
    [sampler.waiting(), sampler.candidates(), sampler.selected(), sampler.discarded()]
}

/// The float of a row as bits, so that equality is of bits.
fn row_bits(row: &HistoryRow) -> Option<u32> {
    row.rank.map(f32::to_bits)
}

/// The `at`-th id in S, if there is one.
fn nth(naive: &Naive, at: Index) -> Option<u64> {
    let s = naive.selected_ids();
    if s.is_empty() { None } else { Some(*at.get(s)) }
}

fn set_state(sampler: &mut Sampler, naive: &mut Naive, id: u64, to: State) -> Result<(), TestCaseError> {
    let was_picked = naive.state(id).is_some();
    match (sampler.set_state(id, to, 77), naive.set_state(id, to, 77)) {
        (Ok(changed), Some(expected)) => prop_assert_eq!(changed, expected),
        (Err(error), None) => {
            prop_assert_eq!(error.kind(), if was_picked { ErrorKind::State } else { ErrorKind::Unknown });
        }
        (answer, expected) => prop_assert!(false, "{answer:?} and {expected:?}"),
    }
    Ok(())
}

fn step(
    sampler: &mut Sampler,
    naive: &mut Naive,
    call: &Call,
    x: impl Fn(u64) -> Vec<f32>,
) -> Result<(), TestCaseError> {
    let queues = sampler.layout().queues.len();
    match call {
        Call::Add { queue, id, step, factor } => {
            let (queue, x) = (queue % queues, x(*id));
            match (sampler.add_to(queue, *id, *step, &x, *factor), naive.queue(*id)) {
                (Ok(Added::New), None) => naive.add(queue, *id, *step, &x, *factor),
                (Ok(Added::Known), Some(there)) => prop_assert_eq!(there, queue),
                (Err(error), Some(there)) => {
                    prop_assert_eq!(error.kind(), ErrorKind::Conflict);
                    prop_assert_ne!(there, queue);
                }
                (answer, there) => prop_assert!(false, "{answer:?} with {there:?} there"),
            }
        }
        Call::Outright { queue, id } => {
            let (queue, x) = (queue % queues, x(*id));
            match (sampler.select_outright_in(queue, *id, 5, &x), naive.stage(*id)) {
                (Ok(order), None) => prop_assert_eq!(order, naive.select_outright(queue, *id, 5, &x)),
                (Ok(order), Some(stage)) => {
                    prop_assert_eq!((stage, naive.selected_ids()[order]), (Stage::Selected, *id));
                }
                (Err(error), there) => {
                    prop_assert!(there.is_some());
                    prop_assert!(matches!(error.kind(), ErrorKind::State | ErrorKind::Conflict));
                }
            }
        }
        Call::Select { step, n } => {
            let (event, expected) = (sampler.select(*step, *n), naive.select(*step, *n));
            prop_assert_eq!(&event, &expected);
            prop_assert_eq!(bits(&event), bits(&expected));
        }
        Call::SetState { at, any, to } => {
            let id = if *any { Some(at.index(150) as u64 + 1) } else { nth(naive, *at) };
            id.map_or(Ok(()), |id| set_state(sampler, naive, id, *to))?;
        }
        Call::Return(at) => nth(naive, *at).map_or(Ok(()), |id| set_state(sampler, naive, id, State::Returned))?,
        Call::Withdraw(id) => {
            let there = naive.stage(*id);
            let answer = sampler.withdraw(*id, 78).map_err(|error| error.kind());
            prop_assert_eq!(answer.is_ok(), naive.withdraw(*id, 78));
            prop_assert_eq!(answer == Err(ErrorKind::State), there == Some(Stage::Selected));
            prop_assert_eq!(answer == Err(ErrorKind::Unknown), there.is_none());
        }
        Call::Weights => {
            prop_assert_eq!(sampler.weights(), naive.weights());
            for queue in 0..queues {
                prop_assert_eq!(sampler.weights_of(queue).unwrap(), naive.weights_of(queue));
            }
        }
        Call::WeightsAmong { picks, candidates_only } => {
            let mut seen = std::collections::HashSet::new();
            let mut q: Vec<u64> = picks.iter().filter_map(|pick| nth(naive, *pick)).collect();
            q.retain(|id| seen.insert(*id));
            let population = |member: super::super::Member| !candidates_only || member.stage == Stage::Candidate;
            prop_assert_eq!(sampler.weights_where(&q, population).unwrap(), naive.weights_where(&q, population));
            // Sets and populations by the last digit to base 3; nothing of the last set is weighed.
            let of = |set: u64| q.iter().copied().filter(|id| id % 3 == set).collect::<Vec<_>>();
            let set_of = |member: super::super::Member| population(member).then_some(member.id as usize % 3);
            let expected: Vec<_> =
                (0..2).map(|set| naive.weights_where(&of(set), |m| set_of(m) == Some(set as usize))).collect();
            prop_assert_eq!(sampler.weights_by(&[of(0), of(1)], set_of).unwrap(), expected);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn samplers_of_any_layout_match_naive(
        (layout, levels, scale) in layout(),
        calls in prop::collection::vec(call(), 1..300),
    ) {
        let mut sampler = Sampler::with_layout(layout.clone()).unwrap();
        let mut naive = Naive::new(layout.clone());
        for call in &calls {
            step(&mut sampler, &mut naive, call, |id| point(id, layout.coordinates(), levels, scale))?;
            prop_assert_eq!(counts(&sampler), naive.counts());
        }
        prop_assert!(sampler.selected_ids().eq(naive.selected_ids().iter().copied()));
        prop_assert_eq!(sampler.weights(), naive.weights());
        for id in 1..=150 {
            prop_assert_eq!(sampler.stage(id), naive.stage(id));
            prop_assert_eq!(sampler.queue(id), naive.queue(id));
            prop_assert_eq!(sampler.selection(id).map(|pick| pick.state), naive.state(id));
        }
        let history: Vec<HistoryRow> = sampler.drain_history().collect();
        prop_assert!(history.iter().map(row_bits).eq(naive.history.iter().map(row_bits)));
        prop_assert_eq!(history, naive.history);
    }

    #[test]
    fn in_any_layout_the_order_of_adding_does_not_matter(
        (layout, levels, scale) in layout(),
        ids in Just((1..=120_u64).collect::<Vec<_>>()).prop_shuffle(),
        n in 0..40_usize,
    ) {
        let run = |ids: &mut dyn Iterator<Item = u64>| {
            let mut sampler = Sampler::with_layout(layout.clone()).unwrap();
            for id in ids {
                let queue = id as usize % layout.queues.len();
                let x = point(id, layout.coordinates(), levels, scale);
                let factor = if id % 4 == 0 { Some(1.5) } else { None };
                sampler.add_to(queue, id, (id % 5) as i64, &x, factor).unwrap();
            }
            let mut events: Vec<Event> = (0..4).map(|step| sampler.select(step, n)).collect();
            if let Some(pick) = events[0].picks.first() {
                sampler.set_state(pick.id, State::Returned, 4).unwrap();
            }
            events.push(sampler.select(4, n));
            (events, sampler.weights())
        };
        prop_assert_eq!(run(&mut (1..=120)), run(&mut ids.into_iter()));
    }

    #[test]
    fn a_sampler_that_was_told_and_withdrew_everything_else_goes_on_as_if_it_never_had(
        (mut layout, levels, scale) in layout(),
        n in 0..20_usize,
    ) {
        // With room for all: discards that the withdrawn ones caused would stand.
        layout.queues.iter_mut().for_each(|queue| queue.capacity = 1000);
        let x = |id| point(id, layout.coordinates(), levels, scale);
        let mut clean = Sampler::with_layout(layout.clone()).unwrap();
        let mut other = clean.clone();
        let queues = layout.queues.len();
        for id in 1..=100 {
            if id % 3 == 0 {
                clean.add_to(id as usize % queues, id, 0, &x(id), None).unwrap();
            }
            other.add_to(id as usize % queues, id, (id % 2) as i64, &x(id), Some(2.0)).unwrap();
        }
        clean.select(0, 0);
        other.select(0, 0);
        for id in 1..=100 {
            other.withdraw(id, 0).unwrap();
            if id % 3 == 0 {
                prop_assert_eq!(other.add_to(id as usize % queues, id, 0, &x(id), None).unwrap(), Added::New);
            }
        }
        prop_assert_eq!(clean.select(1, n).picks, other.select(1, n).picks);
        prop_assert_eq!(clean.weights(), other.weights());
        prop_assert_eq!(counts(&clean), counts(&other));
    }
}
