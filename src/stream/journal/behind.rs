//! What the log has behind the mark that a host goes back to: patches to be sent again, events and states to be answered.
//!
//! Not here: what the host is told of it ([`super::resume`]).

use std::collections::{HashMap, HashSet, VecDeque};

use super::records::{self, Branch, By, Event, LeftOut, Mark, Moved, Point, Why, Withdrawn};
use crate::dynim::State;
use crate::error::Result;
use crate::ids;
use crate::store::Recovered;
use crate::stream::registry::Pending;

/// What the log has behind a mark.
#[derive(Default)]
pub(super) struct Behind {
    pub(super) pending: HashMap<u64, Pending>,
    content: HashMap<u64, u64>,
    pub(super) gone: HashMap<u64, VecDeque<Option<u64>>>,
    /// Content of those that made room for others, or found none, with the entry that they came by.
    pub(super) made_room: HashMap<u64, (u64, u64)>,
    pub(super) events: Vec<(u64, Event)>,
    pub(super) said: HashMap<u64, VecDeque<State>>,
    /// Entries and ids of what lies behind the mark's last entry, and was sent before the mark.
    pub(super) sent: Vec<(u64, u64)>,
    /// Up to the mark, and to be sent again all the same.
    unsent: HashSet<u64>,
    /// Those of them that made room behind the mark.
    made_room_since: HashSet<u64>,
    /// What the log has of them.
    before: HashMap<u64, Before>,
}

/// A patch up to the mark's last entry, which is to be sent again all the same.
struct Before {
    pending: Pending,
    content: u64,
    made_room: bool,
}

impl Behind {
    /// Reads what follows entry `after`; `mark` and its entry, if the host names one.
    pub(super) fn read(found: &Recovered, after: u64, mark: Option<(&Mark, u64)>) -> Result<Self> {
        let mut behind = Self::default();
        behind.unsent.extend(mark.iter().flat_map(|(mark, _)| &mark.unsent));
        let mut entries = found.records(after + 1)?;
        while let Some(record) = entries.next()? {
            behind.record(record.sequence, record.kind, record.payload)?;
        }
        for (id, sequence) in mark.iter().flat_map(|(mark, sequence)| mark.sent.iter().map(|id| (*id, *sequence))) {
            if let Some(&Pending { sequence: came, .. }) = behind.pending.get(&id)
                && came < sequence
            {
                behind.pending.remove(&id);
                behind.sent.push((came, id));
            }
            if let Some(&(came, _)) = behind.made_room.get(&id)
                && came < sequence
            {
                behind.made_room.remove(&id);
                behind.sent.push((came, id));
            }
        }
        Ok(behind)
    }

    fn record(&mut self, sequence: u64, kind: u16, payload: &[u8]) -> Result<()> {
        match kind {
            records::POINT => {
                let mut point = Point::default();
                point.view(payload)?;
                self.patch(sequence, ids::host(point.id), point.step, point.content);
            }
            records::LEFT_OUT => {
                let LeftOut { id, content, step } = LeftOut::view(payload)?;
                self.patch(sequence, id, step, content);
            }
            records::EVENT => {
                let event = Event::view(payload)?;
                for lost in &event.lost {
                    self.pending.remove(&ids::host(lost.id));
                    self.unsent.remove(&ids::host(lost.id));
                }
                self.events.push((sequence, event));
            }
            records::STATE => {
                let Moved { id, to, by, .. } = Moved::view(payload)?;
                if by == By::Host {
                    self.said.entry(id).or_default().push_back(to);
                }
            }
            records::WITHDRAWN => {
                let Withdrawn { id, why, .. } = Withdrawn::view(payload)?;
                let id = ids::host(id);
                let pending = self.pending.remove(&id);
                if why != Why::Room {
                    self.unsent.remove(&id);
                } else if pending.is_none() && self.unsent.contains(&id) {
                    self.made_room_since.insert(id);
                }
                match (why, pending, self.content.get(&id)) {
                    (Why::Host, _, content) => self.gone.entry(id).or_default().push_back(content.copied()),
                    (Why::Room, Some(pending), Some(content)) => {
                        self.made_room.insert(id, (pending.sequence, *content));
                    }
                    _ => {}
                }
            }
            records::BRANCH => {
                let Branch { after, told, .. } = Branch::view(payload)?;
                self.events.retain(|(sequence, _)| *sequence <= after);
                for id in told {
                    self.pending.remove(&id);
                    self.unsent.remove(&id);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn patch(&mut self, sequence: u64, id: u64, step: i64, content: u64) {
        self.pending.insert(id, Pending { sequence, step, event: usize::MAX });
        self.content.insert(id, content);
    }

    /// Reads an entry up to the mark's last one, all of them in order and after those behind it.
    pub(super) fn before(&mut self, sequence: u64, kind: u16, payload: &[u8]) -> Result<()> {
        if self.unsent.is_empty() {
            return Ok(());
        }
        let (id, step, content) = match kind {
            records::POINT if Point::id_of(payload).is_some_and(|id| self.unsent.contains(&ids::host(id))) => {
                let mut point = Point::default();
                point.view(payload)?;
                (ids::host(point.id), point.step, point.content)
            }
            records::LEFT_OUT => {
                let LeftOut { id, content, step } = LeftOut::view(payload)?;
                (id, step, content)
            }
            records::WITHDRAWN => {
                let Withdrawn { id, why, .. } = Withdrawn::view(payload)?;
                let id = ids::host(id);
                if why != Why::Room {
                    self.before.remove(&id);
                } else if let Some(before) = self.before.get_mut(&id) {
                    before.made_room = true;
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        if self.unsent.contains(&id) {
            let pending = Pending { sequence, step, event: usize::MAX };
            self.before.insert(id, Before { pending, content, made_room: false });
        }
        Ok(())
    }

    /// Adds what lies before; of all that is pending only what `is_there` yet. Finds the event that each patch was there for.
    pub(super) fn assign(&mut self, is_there: impl Fn(u64) -> bool) {
        for (id, Before { pending, content, made_room }) in self.before.drain() {
            if made_room || self.made_room_since.contains(&id) {
                self.made_room.entry(id).or_insert((pending.sequence, content));
            } else {
                self.pending.insert(id, pending);
            }
        }
        // What was withdrawn as the run was opened, since its densities are lost.
        self.pending.retain(|&id, _| is_there(id));
        for pending in self.pending.values_mut() {
            let later = self.events.partition_point(|(sequence, _)| *sequence < pending.sequence);
            let event = (later..self.events.len()).find(|&at| self.events[at].1.step >= pending.step);
            pending.event = event.unwrap_or(usize::MAX);
        }
    }
}
