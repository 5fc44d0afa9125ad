//! The operator's ends of its producers' rings, in this process and in others, and what is checked of a patch that another
//! process wrote.
//!
//! Nothing from another process is believed: what it checked is checked again, on the operator's own copy. What becomes of
//! its patches stands in the numbers of its lane, for it to read.
//! Not here: who comes and goes ([`super::door`]), what happens to a patch that was found sound ([`super::operator`]), the
//! peer's side ([`super::remote`]).

use super::local::content_of;
use super::registry::Taken;
use super::stream::Shared;
use crate::error::{ErrorKind, Result, corrupt, state, value};
use crate::ids;
use crate::lane;
use crate::patch::{Constellation, Meta, check_densities, check_meta};
use crate::ring::{Consumer, Record};

/// The numbers of a producer's lane: patches taken in, known, refused.
pub(super) const TAKEN: usize = 0;
pub(super) const KNOWN: usize = 1;
pub(super) const REFUSED: usize = 2;
/// The last patch that was refused, and why by the number of its kind, for watchers.
pub(super) const LAST_REFUSED: usize = 3;
pub(super) const LAST_KIND: usize = 4;
/// Why the lane was given up: 0, or one of the next two.
pub(super) const GIVEN_UP: usize = 5;
pub(super) const LABEL_TAKEN: u64 = 1;
pub(super) const BROKEN: u64 = 2;
/// The last patch that was refused and why in one word, which cannot be of two refusals: the id, the kind above it.
pub(super) const LAST: usize = 6;

/// Id and kind as one word. What is no id, which no honest producer sends, loses its top bits.
fn refusal(id: u64, kind: ErrorKind) -> u64 {
    id & ids::MAX | u64::from(kind.number()) << KIND_SHIFT
}

/// Id and kind that such a word says; `None` for 0, or for one that something else wrote.
pub(super) fn refusal_of(word: u64) -> Option<(u64, ErrorKind)> {
    let kind = ErrorKind::from_number(u32::try_from(word >> KIND_SHIFT).ok()?)?;
    Some((word & ids::MAX, kind))
}

/// Above an id.
const KIND_SHIFT: u32 = ids::MAX.count_ones();

/// A producer, seen from the operator.
pub(super) struct Lane {
    pub(super) name: String,
    pub(super) source: Source,
    /// Steps up to this one had ended when the ring was last emptied: nothing new may come for them.
    ended: i64,
    /// Something wrote what no producer writes: nothing more is read of it.
    pub(super) broken: bool,
}

/// Where a producer's ring lies.
pub(super) enum Source {
    /// In this process's memory.
    Local(Consumer),
    /// In memory that another process may write at any moment.
    Remote(Box<lane::Lane>),
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Taken,
    Known,
    Refused(ErrorKind),
}

/// What is not believed of a lane's records.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doubt {
    ended: i64,
}

impl Lane {
    pub(super) fn local(name: &str, ring: Consumer) -> Self {
        Self { name: name.into(), source: Source::Local(ring), ended: i64::MIN, broken: false }
    }

    pub(super) fn remote(lane: lane::Lane) -> Self {
        let name = lane.label().into();
        Self { name, source: Source::Remote(Box::new(lane)), ended: i64::MIN, broken: false }
    }

    /// Whether nothing more can come but what is in the ring.
    pub(super) fn is_gone(&mut self) -> bool {
        match &mut self.source {
            Source::Local(ring) => ring.is_closed(),
            Source::Remote(lane) => self.broken || lane.from.is_closed() || !lane.lives(),
        }
    }

    /// As [`is_gone`](Self::is_gone), looked at now.
    pub(super) fn is_gone_now(&mut self) -> bool {
        match &mut self.source {
            Source::Local(ring) => ring.is_closed(),
            Source::Remote(lane) => self.broken || lane.from.is_closed() || !lane.lives_now(),
        }
    }

    /// Whether the producer is gone without having closed, and may have had more to send for steps up to `step`.
    pub(super) fn is_cut_short(&mut self, step: i64) -> bool {
        let has_ended = self.ended_step() >= step;
        match &mut self.source {
            Source::Local(_) => false,
            Source::Remote(lane) => self.broken || !has_ended && !lane.from.is_closed() && !lane.lives(),
        }
    }

    /// Up to which step all has come of a producer that is gone: any, if it said itself that nothing more comes; `None`
    /// if it is broken.
    pub(super) fn came_up_to(&self) -> Option<i64> {
        match &self.source {
            Source::Local(_) => Some(i64::MAX),
            Source::Remote(_) if self.broken => None,
            Source::Remote(lane) if lane.from.is_closed() => Some(i64::MAX),
            Source::Remote(lane) => Some(lane.from.ended_step()),
        }
    }

    /// Whether it is another process's.
    pub(super) fn is_remote(&self) -> bool {
        matches!(self.source, Source::Remote(_))
    }

    /// Whether the producer holds up an event of `step`.
    pub(super) fn holds_up(&mut self, step: i64) -> bool {
        self.ended_step() < step && !self.is_gone()
    }

    /// The last step that the producer has ended.
    pub(super) fn ended_step(&self) -> i64 {
        match &self.source {
            Source::Local(ring) => ring.ended_step(),
            Source::Remote(lane) => lane.from.ended_step(),
        }
    }

    /// The ring was emptied of what was there when `step` had ended.
    pub(super) fn emptied(&mut self, step: i64) {
        self.ended = step;
    }

    /// How many records were committed, and how many taken.
    pub(super) fn committed(&mut self) -> u64 {
        match &mut self.source {
            Source::Local(ring) => ring.refresh(),
            Source::Remote(lane) => lane.from.refresh(),
        }
    }

    pub(super) fn position(&self) -> u64 {
        match &self.source {
            Source::Local(ring) => ring.position(),
            Source::Remote(lane) => lane.from.position(),
        }
    }

    pub(super) fn has_work(&mut self) -> bool {
        !self.broken && (self.committed() != self.position() || self.has_lost_trust())
    }

    /// Whether its ring cannot be true, as of the last look at it, which [`peek`](Self::peek) has still to tell.
    fn has_lost_trust(&self) -> bool {
        match &self.source {
            Source::Local(ring) => ring.has_lost_trust(),
            Source::Remote(lane) => lane.from.has_lost_trust(),
        }
    }

    /// As [`has_lost_trust`](Self::has_lost_trust), looked at now.
    pub(super) fn is_untrue(&mut self) -> bool {
        self.committed();
        !self.broken && self.has_lost_trust()
    }

    /// The oldest record.
    pub(super) fn peek(&mut self) -> Result<Option<Record<'_>>> {
        match &mut self.source {
            Source::Local(ring) => ring.peek(),
            Source::Remote(_) if self.broken => Ok(None),
            Source::Remote(lane) => lane.from.peek(),
        }
    }

    pub(super) fn advance(&mut self) {
        match &mut self.source {
            Source::Local(ring) => ring.advance(),
            Source::Remote(lane) => lane.from.advance(),
        }
    }

    /// What has to be checked of its records: nothing where this process wrote them.
    pub(super) fn doubt(&self) -> Option<Doubt> {
        match &self.source {
            Source::Local(_) => None,
            Source::Remote(_) => Some(Doubt { ended: self.ended }),
        }
    }

    /// A record could not be read at all. The ring of this process goes on behind it; another's lane is given up.
    pub(super) fn unreadable(&mut self) {
        match &self.source {
            Source::Local(_) => self.advance(),
            Source::Remote(lane) => {
                lane.stats().set(GIVEN_UP, BROKEN);
                self.broken = true;
            }
        }
    }

    /// Tells the producer what became of a record.
    pub(super) fn tell(&self, id: u64, outcome: Outcome) {
        let Source::Remote(lane) = &self.source else { return };
        let stats = lane.stats();
        match outcome {
            Outcome::Taken => stats.add(TAKEN, 1),
            Outcome::Known => stats.add(KNOWN, 1),
            Outcome::Refused(kind) => {
                stats.set(LAST_REFUSED, id);
                stats.set(LAST_KIND, kind.number().into());
                stats.set(LAST, refusal(id, kind));
                stats.add(REFUSED, 1);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn overwrite_header_for_tests(&mut self) {
        if let Source::Local(ring) = &mut self.source {
            ring.overwrite_header_for_tests();
        }
    }
}

impl Doubt {
    /// Checks a patch that another process committed, as its producer should have; `meta` was read of a copy. Takes its
    /// id, and says what it was.
    pub(super) fn admit(
        self,
        shared: &Shared,
        record: &Record<'_>,
        metadata: &[u8],
        meta: &Meta<'_>,
        constellation: Constellation,
    ) -> Result<Taken> {
        let header = &record.header;
        if (meta.id, meta.step) != (header.id, header.step) {
            return Err(corrupt(format!(
                "its header says patch {} of step {}, its metadata patch {} of step {}",
                header.id, header.step, meta.id, meta.step
            )));
        }
        check_meta(meta, &shared.states, shared.size_nm)?;
        if constellation != Constellation::of(meta.proteins, &shared.states) {
            return Err(value("its constellation is not that of its proteins"));
        }
        check_densities(record.tensor, shared.shape)?;
        let content = match shared.untrusted {
            true => content_of(record.tensor_bytes(), metadata),
            false => header.content,
        };
        if content != header.content {
            return Err(corrupt("its content does not have the hash that its header says"));
        }
        if meta.step <= self.ended && !shared.registry.contains(meta.id) {
            return Err(state(format!("it is of step {}, but its producer had ended step {}", meta.step, self.ended)));
        }
        shared.registry.take(meta.id, content, meta.step)
    }
}
