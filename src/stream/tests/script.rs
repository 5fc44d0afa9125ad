//! A host of two lives in which everything happens that a log has entries of: points, events, states, a withdrawal, marks,
//! checkpoints, and a branch, since its second life goes back and computes something else.
//!
//! One density and tiny patches keep the log at a few kilobytes. The truth is what an undisturbed host left; what each
//! part of its log amounts to is decided by a sampler that is told entry after entry.
//! Not here: what goes wrong ([`super::faults`], [`super::damage`]).

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use super::NONE;
use super::journal::{Folder, decided};
use crate::dynim::{self, Sampler, State};
use crate::error::Result;
use crate::patch::{Field, Meta, ProteinKind, Samples};
use crate::store::{Record, Recovered, read};
use crate::stream::journal::records::{self, Event, Moved, Point, Withdrawn};
use crate::stream::{Builder, Config, OnFailure, Producer, SpeciesConfig, StateConfig, StoreConfig, Stream};

/// What a host does.
#[derive(Debug, Clone, Copy)]
pub enum Act {
    /// Patch, step, and what its content follows from.
    Push(u64, i64, u64),
    Poll,
    /// Step and picks.
    Select(i64, usize),
    /// Which of S, and its state.
    Say(usize, State),
    Withdraw(u64),
    Mark(&'static str, i64),
}
use Act::{Mark, Poll, Push, Say, Select, Withdraw};

/// Its first life.
pub const FIRST: &[Act] = &[
    Push(1, 0, 1),
    Push(2, 0, 2),
    Push(3, 0, 3),
    Poll,
    Push(4, 0, 4),
    Select(0, 1),
    Say(0, State::Started),
    Push(11, 1, 11),
    Push(12, 1, 12),
    Push(13, 1, 13),
    Withdraw(13),
    Select(1, 2),
    Mark("a", 1),
    Say(1, State::Returned),
    Push(21, 2, 21),
    Push(22, 2, 22),
    Push(23, 2, 23),
    Select(2, 1),
    Mark("b", 2),
    Push(31, 3, 31),
    Push(32, 3, 32),
    Push(34, 3, 34),
    Select(3, 1),
    Mark("c", 3),
    Push(41, 4, 41),
    Poll,
];

/// Its second life, from the mark "a" on: step 2 is as it was, step 3 is not.
pub const SECOND: &[Act] = &[
    Say(1, State::Returned),
    Push(21, 2, 21),
    Push(22, 2, 22),
    Push(23, 2, 23),
    Select(2, 1),
    Mark("b again", 2),
    Push(31, 3, 31),
    Push(32, 3, 932),
    Push(33, 3, 33),
    Poll,
    Select(3, 1),
    Say(0, State::Done),
    Mark("d", 3),
    Push(41, 4, 941),
    Select(4, 1),
];

/// Both lives, and the mark that each begins at.
pub const LIVES: [(&[Act], Option<&str>); 2] = [(FIRST, None), (SECOND, Some("a"))];

/// A stream that writes a run of little options.
pub fn builder(run: &Path, store: StoreConfig) -> Builder {
    let species = Some(SpeciesConfig { names: vec!["A".into(), "B".into()], inner: 1 });
    let states = vec![StateConfig { name: "R".into(), kind: ProteinKind::Ras }];
    let config = Config { nx: 3, ny: 3, model: "mean".into(), slots: 8, species, states, ..Config::default() };
    Stream::builder().config(config).capacity(4).run_dir(run).run_text("small").store(store)
}

pub fn act(stream: &Stream, producer: &mut Producer, act: Act) -> Result<()> {
    match act {
        Push(id, step, seed) => {
            let densities: Vec<f32> = (0..18).map(|i| ((seed * 7919 + i * 31) % 1009) as f32 / 1009.0).collect();
            let field = Field::interleaved(Samples::F32(&densities), 3, 3, 2)?;
            producer.push(&Meta { id, step, label: None, ..NONE }, &field).map(drop)
        }
        Poll => stream.poll(Duration::from_secs(9)).map(drop),
        Select(step, n) => stream.select(step, n).map(|told| drop(told.unwrap())),
        Say(order, to) => {
            let of_s = |operator: &mut super::Operator| operator.sampler.selections().nth(order).unwrap().id;
            let of_s = || stream.shared_for_tests().operate(of_s);
            let id = if to == State::Returned { *RETURNED.get_or_init(of_s) } else { of_s() };
            stream.set_state(id, to, 0).map(drop)
        }
        Withdraw(id) => stream.withdraw(id, 0),
        Mark(name, step) => {
            assert!(stream.checkpoint(name, step, Duration::from_secs(9))?);
            Ok(())
        }
    }
}

/// The pick that is returned, as the undisturbed host that comes first finds it: said again it is not in S.
static RETURNED: OnceLock<u64> = OnceLock::new();

/// Where in a life a mark is set; the acts behind it are what is done again.
pub fn behind(life: &'static [Act], mark: &str) -> Option<&'static [Act]> {
    let at = life.iter().position(|act| matches!(act, Mark(name, _) if *name == mark));
    at.map(|at| &life[at + 1..])
}

/// What a stream decided: S, and weights.
pub type Decided = (Vec<dynim::Selection>, Vec<f64>);

pub fn decided_by(stream: &Stream) -> Decided {
    (decided(stream).0, stream.weights().unwrap().weights.weights)
}

/// Without the branch, which a host that is killed often may have another number of.
pub fn without_branch((mut picks, weights): Decided) -> Decided {
    picks.iter_mut().for_each(|pick| pick.id = crate::ids::host(pick.id));
    (picks, weights)
}

/// What an undisturbed host leaves.
pub struct Truth {
    pub folder: Folder,
    /// All entries of its log.
    pub entries: Vec<(u16, Vec<u8>)>,
    /// What was decided, by the number of entries.
    pub decided: Vec<Decided>,
    /// How many entries were acknowledged after each act of each life.
    pub acknowledged: [Vec<u64>; 2],
    /// What each life ended with.
    pub ends: Vec<Decided>,
}

impl Truth {
    pub fn new(store: &StoreConfig) -> Self {
        let folder = Folder::new();
        let (mut acknowledged, mut ends) = ([Vec::new(), Vec::new()], Vec::new());
        let mut layout = None;
        for (at, (acts, mark)) in LIVES.into_iter().enumerate() {
            let stream = builder(&folder.0, store.clone()).open().unwrap();
            stream.resume(mark).unwrap();
            let mut producer = stream.producer("ddft").unwrap();
            for &one in acts {
                act(&stream, &mut producer, one).unwrap();
                acknowledged[at].push(stream.stats().store.unwrap().acknowledged);
            }
            ends.push(decided_by(&stream));
            layout = Some(stream.shared_for_tests().operate(|operator| operator.sampler.layout().clone()));
        }
        let entries = entries(&read(&folder.0).unwrap()).unwrap();
        let decided = told(Sampler::with_layout(layout.unwrap()).unwrap(), &entries);
        let truth = Self { folder, entries, decided, acknowledged, ends };
        assert_eq!(truth.decided.last(), truth.ends.last());
        let kinds = [records::OPTIONS, records::POINT, records::EVENT, records::STATE, records::WITHDRAWN];
        for kind in kinds.into_iter().chain([records::MARK, records::BRANCH]) {
            assert!(truth.entries.iter().any(|entry| entry.0 == kind), "no entry of the kind {kind}");
        }
        truth
    }
}

/// All entries of a log.
pub fn entries(found: &Recovered) -> Result<Vec<(u16, Vec<u8>)>> {
    let mut all = Vec::new();
    let mut records = found.records(1)?;
    while let Some(Record { kind, payload, .. }) = records.next()? {
        all.push((kind, payload.to_vec()));
    }
    Ok(all)
}

/// What a sampler decides that is told entry after entry; events have to be those that were told.
fn told(mut sampler: Sampler, entries: &[(u16, Vec<u8>)]) -> Vec<Decided> {
    let mut decided = Vec::new();
    let now = |sampler: &mut Sampler| {
        let weights = sampler.weights().iter().map(|weight| weight.weight).collect();
        (sampler.selections().copied().collect(), weights)
    };
    decided.push(now(&mut sampler));
    let mut point = Point::default();
    for (kind, payload) in entries {
        match *kind {
            records::POINT => {
                point.view(payload).unwrap();
                sampler.add(point.id, point.step, &point.point).unwrap();
            }
            records::EVENT => {
                let then = Event::view(payload).unwrap();
                let event = sampler.select(then.step, then.n as usize);
                let ids = |picks: &[dynim::Pick]| picks.iter().map(|pick| pick.id).collect::<Vec<_>>();
                assert_eq!(ids(&event.picks), then.picks.iter().map(|pick| pick.id).collect::<Vec<_>>());
            }
            records::STATE => {
                let Moved { id, to, step, .. } = Moved::view(payload).unwrap();
                sampler.set_state(id, to, step).unwrap();
            }
            records::WITHDRAWN => {
                let Withdrawn { id, step, .. } = Withdrawn::view(payload).unwrap();
                sampler.withdraw(id, step).unwrap();
            }
            _ => {}
        }
        decided.push(now(&mut sampler));
    }
    decided
}

/// How a run is written here.
pub fn store(durability: crate::store::Durability, on_failure: OnFailure) -> StoreConfig {
    StoreConfig { durability, on_failure, checkpoint_events: 3, ..StoreConfig::default() }
}
