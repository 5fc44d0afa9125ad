//! Hosts that go back to a mark at any moment, against a naive twin of the rules: random programs of them. Densities are
//! kept in the run, and now and then some are spoilt between two processes.
//!
//! The twin keeps lists and looks at all of them. It has the sampler's decisions from a sampler of its own, which is told
//! to forget what the rules say.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::journal::{Folder, builder, decided, killed};
use super::recall::{damage, read};
use super::{patch, push};
use crate::dynim::{self, Sampler, Stage};
use crate::error::ErrorKind;
use crate::ids;
use crate::stream::{Pushed, RetentionConfig, Stream};

/// A line of the twin's log.
#[derive(Debug, Clone, PartialEq)]
enum Line {
    Patch { host: u64, public: u64, step: i64, seed: u64 },
    Event { step: i64, n: usize, ids: Vec<u64> },
    Withdrawn { public: u64 },
    Lost { public: u64 },
    Branch { after: usize, told: Vec<u64> },
}

/// The rules, one by one.
struct Naive {
    sampler: Sampler,
    log: Vec<Line>,
    /// Content by the host's id, and its public id.
    known: BTreeMap<u64, (u64, u64)>,
    branch: u64,
    /// Behind the mark and not sent again: the host's id, its step, and its place in the log.
    pending: BTreeMap<u64, (i64, usize)>,
    told: Vec<u64>,
    /// What its host has sent since it went back, or behind the mark's last entry and before the mark.
    sent: Vec<u64>,
    /// Content of patches whose densities were lost, by the host's id.
    lost: BTreeMap<u64, u64>,
    /// Places of events that are to be replayed.
    events: Vec<usize>,
    agrees: bool,
    after: usize,
    last_step: i64,
    encode: fn(u64) -> Vec<f32>,
}

impl Naive {
    fn back_to(&mut self, mark: &Mark) {
        let Mark { after, place, sent, unsent, last_step, .. } = mark.clone();
        (self.pending, self.events, self.told) = (BTreeMap::new(), Vec::new(), Vec::new());
        // An id that a branch has freed stays free, whichever mark its host goes back to.
        for line in &self.log {
            match line {
                Line::Patch { host, .. } => self.told.retain(|told| told != host),
                Line::Branch { told, .. } => self.told.extend(told),
                _ => {}
            }
        }
        for (at, line) in self.log.iter().enumerate() {
            match line {
                Line::Patch { host, step, .. } if at >= after || unsent.contains(host) => {
                    self.pending.insert(*host, (*step, at));
                }
                Line::Event { .. } if at >= after => self.events.push(at),
                Line::Withdrawn { public } | Line::Lost { public } => drop(self.pending.remove(&ids::host(*public))),
                Line::Branch { after: kept, told } if at >= after => {
                    self.events.retain(|at| at < kept);
                    self.pending.retain(|host, _| !told.contains(host));
                }
                _ => {}
            }
        }
        let was_sent = |host: &u64, (_, at): &mut (i64, usize)| (after..place).contains(at) && sent.contains(host);
        self.sent = self.pending.extract_if(.., was_sent).map(|(host, _)| host).collect();
        (self.agrees, self.after, self.last_step) = (true, after, last_step);
    }

    /// Whether a patch that came before the mark, and that its host would not send again, was withdrawn since.
    fn has_left(&self, mark: &Mark) -> bool {
        let later = self.log.iter().enumerate().skip(mark.place);
        later.into_iter().any(|(at, line)| match line {
            Line::Withdrawn { public } => {
                let of = |line: &Line| matches!(line, Line::Patch { public: sent, .. } if sent == public);
                let sent = self.log[..at].iter().rposition(of).unwrap();
                let host = ids::host(*public);
                let before = sent < mark.after && !mark.unsent.contains(&host);
                before || (mark.after..mark.place).contains(&sent) && mark.sent.contains(&host)
            }
            _ => false,
        })
    }

    fn differ(&mut self) {
        if !self.agrees {
            return;
        }
        (self.agrees, self.branch) = (false, self.branch + 1);
        let mut pending: Vec<_> =
            std::mem::take(&mut self.pending).into_iter().map(|(host, (_, at))| (at, host)).collect();
        pending.sort_unstable();
        let selected: Vec<u64> = self.sampler.selected_ids().collect();
        let is_told = |host: &u64| selected.contains(&self.known[host].1);
        let (told, other): (Vec<u64>, Vec<u64>) = pending.into_iter().map(|(_, host)| host).partition(is_told);
        self.log.push(Line::Branch { after: self.after, told: told.clone() });
        self.told.extend(told);
        for host in other {
            let (_, public) = self.known.remove(&host).unwrap();
            self.sampler.withdraw(public, 0).unwrap();
            self.log.push(Line::Withdrawn { public });
        }
        self.events.clear();
    }

    /// `None`: a conflict.
    fn push(&mut self, host: u64, step: i64, seed: u64) -> Option<Pushed> {
        self.sent.push(host);
        let due = |naive: &Self| {
            let steps = naive.events.iter().filter_map(|at| match &naive.log[*at] {
                Line::Event { step, .. } => Some(*step),
                _ => None,
            });
            naive.agrees && steps.max().is_some_and(|last| step <= last)
        };
        match self.known.get(&host) {
            Some((known, _)) if *known == seed => {
                self.pending.remove(&host);
                self.told.retain(|told| *told != host);
                return Some(Pushed::Known);
            }
            Some(_) if self.pending.contains_key(&host) => {
                self.differ();
                return self.push(host, step, seed);
            }
            Some(_) if self.told.contains(&host) => {
                if due(self) {
                    self.differ();
                }
                self.told.retain(|told| *told != host);
            }
            Some(_) => return None,
            None if due(self) && self.lost.get(&host) != Some(&seed) => self.differ(),
            None => {}
        }
        self.lost.remove(&host);
        let public = ids::public(self.branch, host);
        self.known.insert(host, (seed, public));
        self.sampler.add(public, step, &(self.encode)(seed)).unwrap();
        self.log.push(Line::Patch { host, public, step, seed });
        Some(Pushed::Accepted)
    }

    /// Public ids of patches that are not selected, from which the densities of some are spoilt.
    fn unselected(&self) -> Vec<u64> {
        let is_wanted = |id: &u64| matches!(self.sampler.stage(*id), Some(Stage::Waiting | Stage::Candidate));
        self.known.values().map(|(_, public)| *public).filter(is_wanted).collect()
    }

    /// What is withdrawn as the run is opened again.
    fn lose(&mut self, public: u64) {
        let (seed, _) = self.known.remove(&ids::host(public)).unwrap();
        self.lost.insert(ids::host(public), seed);
        self.sampler.withdraw(public, 0).unwrap();
        self.log.push(Line::Lost { public });
    }

    /// Ids, and whether they come from the log.
    fn select(&mut self, step: i64, n: usize) -> (Vec<u64>, bool) {
        let next = self.events.first().map(|at| (*at, self.log[*at].clone()));
        let missing = |place: usize| self.pending.values().any(|(of, at)| *of <= step && *at < place);
        match next {
            Some((at, Line::Event { step: then, n: of, ids })) if then == step && of == n && !missing(at) => {
                self.events.remove(0);
                (self.after, self.last_step) = (at + 1, step);
                return (ids, true);
            }
            Some(_) => self.differ(),
            None if missing(usize::MAX) => self.differ(),
            None => {}
        }
        self.last_step = step;
        let event = self.sampler.select(step, n);
        let ids: Vec<u64> = event.picks.iter().map(|pick| pick.id).collect();
        self.log.push(Line::Event { step, n, ids: ids.clone() });
        (ids, false)
    }
}

/// A mark as the twin has it, and the host's own memory of that moment.
#[derive(Debug, Clone)]
struct Mark {
    name: String,
    after: usize,
    place: usize,
    sent: Vec<u64>,
    unsent: Vec<u64>,
    last_step: i64,
    next: i64,
}

/// What a host does.
#[derive(Debug, Clone)]
enum Act {
    /// A step: so many patches, of which those from this one on have other content than usual; so many picks.
    Step {
        patches: u64,
        other_from: Option<u64>,
        n: usize,
    },
    /// Sends a part of a step, and no event.
    Part {
        patches: u64,
        other_from: Option<u64>,
    },
    Mark,
    /// Its process ends, and it goes on at one of its marks, or at the start.
    /// Densities of every fourth patch that is not selected, from one on, may be spoilt meanwhile.
    Restart {
        mark: usize,
        killed: bool,
        damaged: Option<u64>,
    },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let step = (1..5_u64, proptest::option::weighted(0.15, 0..5_u64), 0..3_usize)
        .prop_map(|(patches, other_from, n)| Act::Step { patches, other_from, n });
    let usual = Just(Act::Step { patches: 3, other_from: None, n: 1 });
    let restart = (0..6_usize, any::<bool>(), proptest::option::weighted(0.3, 0..4_u64))
        .prop_map(|(mark, killed, damaged)| Act::Restart { mark, killed, damaged });
    let part = (1..4_u64, proptest::option::weighted(0.3, 0..4_u64))
        .prop_map(|(patches, other_from)| Act::Part { patches, other_from });
    let any = prop_oneof![1 => step, 6 => usual, 2 => part, 2 => Just(Act::Mark), 2 => restart];
    proptest::collection::vec(any, 1..40)
}

fn points(seed: u64) -> Vec<f32> {
    let stream = super::builder().open().unwrap();
    let field = patch(seed);
    let shape = stream.model().shape();
    let mut point = vec![0.0; stream.model().dim()];
    let view = crate::patch::PatchView { shape, densities: &field, proteins: &[] };
    stream.model().encode(view, &mut point).unwrap();
    point
}

fn check(acts: &[Act]) -> Result<(), TestCaseError> {
    let mut folder = Folder::new();
    let open = |folder: &Folder| -> Stream { builder(&folder.0).retention(RetentionConfig::default()).open().unwrap() };
    let mut stream = open(&folder);
    let mut producer = Some(stream.producer("ddft").unwrap());
    let layout = stream.shared_for_tests().operate(|operator| operator.sampler.layout().clone());
    let mut naive = Naive {
        sampler: Sampler::with_layout(layout).unwrap(),
        log: Vec::new(),
        known: BTreeMap::new(),
        branch: 0,
        pending: BTreeMap::new(),
        told: Vec::new(),
        sent: Vec::new(),
        lost: BTreeMap::new(),
        events: Vec::new(),
        agrees: false,
        after: 0,
        last_step: i64::MIN,
        encode: points,
    };
    let (mut marks, mut next): (Vec<Mark>, i64) = (Vec::new(), 0);
    let (none, name) = (Vec::new(), String::new());
    let start = Mark { name, after: 0, place: 0, sent: none.clone(), unsent: none, last_step: i64::MIN, next: 0 };
    for (turn, act) in acts.iter().enumerate() {
        match act {
            Act::Step { patches, other_from, .. } | Act::Part { patches, other_from } => {
                let other_from = other_from.unwrap_or(u64::MAX);
                let n = if let Act::Step { n, .. } = act { Some(*n) } else { None };
                for i in 0..*patches {
                    let id = next as u64 * 10 + i + 1;
                    let seed = if i >= other_from { id + 10_000 * (turn as u64 + 1) } else { id };
                    let expected = naive.push(id, next, seed);
                    let found = push(producer.as_mut().unwrap(), id, next, &patch(seed));
                    match expected {
                        None => prop_assert_eq!(found.unwrap_err().kind(), ErrorKind::Conflict),
                        Some(expected) => prop_assert_eq!(found.unwrap(), expected, "patch {} at turn {}", id, turn),
                    }
                    stream.poll(Duration::from_secs(9)).unwrap();
                }
                if let Some(n) = n {
                    let (ids, replayed) = naive.select(next, n);
                    let selections = stream.select(next, n).unwrap().unwrap();
                    let found: Vec<u64> = selections.batch.selections.iter().map(|one| one.id).collect();
                    prop_assert_eq!((found, selections.replayed), (ids, replayed), "event of step {}", next);
                    next += 1;
                }
            }
            Act::Mark => {
                let name = format!("mark {turn}");
                prop_assert!(stream.checkpoint(&name, next, Duration::ZERO).unwrap());
                let replaying = naive.agrees && !naive.events.is_empty();
                let after = if replaying { naive.after } else { naive.log.len() };
                let unsent = if replaying { Vec::new() } else { naive.pending.keys().copied().collect() };
                let sent = naive.sent.clone();
                let place = naive.log.len();
                marks.push(Mark { name, after, place, sent, unsent, last_step: naive.last_step, next });
            }
            Act::Restart { mark, killed: kill, damaged } => {
                if *kill {
                    folder = killed(&folder);
                }
                drop(producer.take());
                stream.close();
                let used = !naive.log.is_empty() || !marks.is_empty();
                let spoilt = |id: &u64| damaged.is_some_and(|of| id % 4 == of);
                let spoilt: Vec<u64> = naive.unselected().into_iter().filter(spoilt).collect();
                damage(&folder, &spoilt);
                stream = open(&folder);
                prop_assert_eq!(stream.stats().retention.unwrap().lost, spoilt.len() as u64);
                spoilt.into_iter().for_each(|public| naive.lose(public));
                let mut mark = marks.get(*mark).cloned();
                if let Some(left) = mark.take_if(|mark| naive.has_left(mark)) {
                    let refused = stream.resume(Some(&left.name)).unwrap_err();
                    prop_assert_eq!(refused.kind(), ErrorKind::Conflict, "{}", refused);
                }
                let name = mark.as_ref().map(|mark| mark.name.as_str());
                let resumed = stream.resume(name).unwrap();
                if used {
                    naive.back_to(mark.as_ref().unwrap_or(&start));
                    let (patches, events) = (naive.pending.len() as u64, naive.events.len() as u64);
                    prop_assert_eq!((resumed.patches, resumed.events, resumed.branch), (patches, events, naive.branch));
                }
                next = mark.map_or(0, |mark| mark.next);
                producer = Some(stream.producer("ddft").unwrap());
            }
        }
        let selected: Vec<dynim::Selection> = naive.sampler.selections().copied().collect();
        prop_assert_eq!(decided(&stream).0, selected, "after turn {}", turn);
        let weights: Vec<f64> = naive.sampler.weights().iter().map(|weight| weight.weight).collect();
        prop_assert_eq!(stream.weights().unwrap().weights.weights, weights);
        for (seed, public) in naive.known.values() {
            if !matches!(naive.sampler.stage(*public), None | Some(Stage::Discarded)) {
                prop_assert_eq!(read(&stream, *public).unwrap(), patch(*seed), "patch {} after turn {}", public, turn);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn hosts_that_go_back_match_the_naive_rules(acts in acts()) {
        check(&acts)?;
    }
}
