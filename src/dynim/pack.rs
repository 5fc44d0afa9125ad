//! The bytes of a snapshot: a version, then sections, little-endian, in this order.
//!
//! | section | content |
//! |---|---|
//! | 1, settings | dim, extra, k u64; mode, spaces u8; seed, history u64; list of queues: name, kind u8 and what it is told, capacity u64, target f64, min_candidates u64, gate u8, min_random u64, factor f32 |
//! | 2, counters | events, points, digest u64; list of queues: seed, random_left u64, opened u8; list of spaces: weighed u64 |
//! | 3, selected | list of ids u64, in the order of S |
//! | 4, picks | list of: id u64, queue u32, state u8, was_started u8, failures u32, event i64, rank |
//! | 5, waiting | list of: step i64, id u64 |
//! | 6, candidates | list of ids u64 |
//! | 7, withdrawn | list of u32: how many points were added before each withdrawn one |
//! | 8, nearest | list of positions in S u32, of each point that is not in S, in the order of adding |
//! | 9, history | dropped u64; list of: event, step i64, id u64, what u8, rank |
//!
//! A rank is a u8, 1 if there is one, and its f32, which is 0 otherwise. Kinds of queues: 0 importance, 1 random, 2 binned
//! and then bins as a text, novelty f64, within u8. What: 1 added, 2 discarded, 3 selected, 4 withdrawn, 16 + state.
//! Not here: sums that tell of changed bytes, which the file has that keeps them.

use std::borrow::Cow;

use super::Mode;
use super::fields::{Fields, Out, Reader, Writer, open_table, rows, table, table_bytes};
use super::history::{HistoryRow, What};
use super::layout::{Binning, Gate, Kind, Layout, QueueConfig, Spaces, Within};
use super::queue::Memory;
use super::snapshot::{Lists, Rows, Snapshot};
use super::state::{Selection, State};
use crate::error::{Result, corrupt, version};

/// The version of this layout.
const VERSION: u32 = 1;
/// Bytes of a pick.
const PICK: usize = 31;
/// Bytes of a row of the history.
const ROW: usize = 30;

/// A snapshot as bytes, of which the length is known before they are made. It holds what tells the length, and little else.
pub struct Packed<'a> {
    snapshot: &'a Snapshot,
    lists: Cow<'a, Lists>,
    /// Version, settings and counters.
    head: Vec<u8>,
    /// How many points are not in S.
    unselected: usize,
}

impl Packed<'_> {
    /// How many bytes there are.
    pub fn length(&self) -> usize {
        let Snapshot { order, picks, history, .. } = self.snapshot;
        let Lists { waiting, candidates, withdrawn, .. } = &*self.lists;
        let tables = [
            (order.len(), 8),
            (picks.len(), PICK),
            (waiting.len(), 16),
            (candidates.len(), 8),
            (withdrawn.len(), 4),
            (self.unselected, 4),
            (history.len(), ROW),
        ];
        let tables = tables.into_iter().map(|(elements, size)| table_bytes(elements, size));
        self.head.len() + tables.sum::<usize>() + size_of::<u64>()
    }

    /// Gives them to `out`, in pieces of some 64 KiB.
    ///
    /// # Errors
    /// The first error of `out`, and nothing more is made.
    pub fn write(&self, mut out: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let out: &mut Out<'_> = &mut out;
        let Snapshot { order, picks, history, history_dropped, .. } = self.snapshot;
        let Lists { waiting, candidates, withdrawn, .. } = &*self.lists;
        out(&self.head)?;
        table(out, 3, order, |id| id.to_le_bytes())?;
        table(out, 4, picks, pack_pick)?;
        table(out, 5, waiting, |(step, id)| Fields::<16>::new().put(step.to_le_bytes()).put(id.to_le_bytes()).done())?;
        table(out, 6, candidates, |id| id.to_le_bytes())?;
        table(out, 7, withdrawn, |row| row.to_le_bytes())?;
        open_table(out, 8, self.unselected, 4)?;
        self.snapshot.closest(|positions| rows(out, positions, |position| position.to_le_bytes()))?;
        let mut last = Writer::default();
        last.u32(9);
        last.size(2 * size_of::<u64>() + history.len() * ROW);
        last.u64(*history_dropped);
        last.size(history.len());
        out(&last.0)?;
        rows(out, history, pack_row)
    }
}

impl Snapshot {
    /// Its bytes, to be made.
    pub fn packed(&self) -> Packed<'_> {
        let lists = self.lists();
        let mut head = Writer::default();
        head.u32(VERSION);
        head.section(1, |w| write_layout(w, &self.layout));
        head.section(2, |w| {
            w.u64(self.events);
            w.size(self.points);
            w.u64(lists.digest);
            w.list(&self.queues, |w, queue| {
                w.u64(queue.seed);
                w.size(queue.random_left);
                w.u8(queue.opened.into());
            });
            w.list(&self.weighed, |w, &weighed| w.size(weighed));
        });
        Packed { snapshot: self, head: head.0, unselected: self.unselected(&lists), lists }
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let packed = self.packed();
        let mut bytes = Vec::with_capacity(packed.length());
        let written = packed.write(|piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        });
        debug_assert!(written.is_ok() && bytes.len() == packed.length());
        bytes
    }

    /// The snapshot whose bytes those are.
    ///
    /// # Errors
    /// `Version` if a newer build wrote them; `Corrupt` if they are not the bytes of a snapshot. What fits in itself and
    /// not to its points is found when a [`Recovery`](super::Recovery) has those.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut all = Reader(bytes);
        let found = all.u32()?;
        if found != VERSION {
            return Err(version(format!(
                "the snapshot has format {found}, this build reads {VERSION}: open it with the build that wrote it"
            )));
        }
        let layout = whole(all.section(1)?, read_layout)?;
        layout.check().map_err(|error| corrupt(format!("the snapshot's settings are none: {error}")))?;
        let mut lists = Lists::default();
        let (events, points, queues, weighed) = whole(all.section(2)?, |r| {
            let (events, points) = (r.count()?, r.size()?);
            lists.digest = r.u64()?;
            let queues = r.list(17, |r| Ok(Memory { seed: r.u64()?, random_left: r.size()?, opened: r.flag()? }))?;
            Ok((events, points, queues, r.list(8, Reader::size)?))
        })?;
        let order = whole(all.section(3)?, |r| r.list(8, Reader::u64))?;
        let picks = whole(all.section(4)?, |r| r.list(PICK, read_pick))?;
        lists.waiting = whole(all.section(5)?, |r| r.list(16, |r| Ok((r.i64()?, r.u64()?))))?;
        lists.candidates = whole(all.section(6)?, |r| r.list(8, Reader::u64))?;
        lists.withdrawn = whole(all.section(7)?, |r| r.list(4, Reader::u32))?;
        let closest = whole(all.section(8)?, |r| r.list(4, Reader::u32))?;
        let (history_dropped, history) = whole(all.section(9)?, |r| Ok((r.count()?, r.list(ROW, read_row)?)))?;
        all.end()?;
        // Every point is somewhere in these lists, so that no more room is made than bytes were read.
        if points > closest.len() + order.len() + lists.withdrawn.len() {
            return Err(corrupt(format!("the snapshot says {points} points and lists fewer: verify the run")));
        }
        let rows = Rows::Listed(lists, closest);
        Ok(Self { layout, events, queues, weighed, order, picks, history, history_dropped, points, rows })
    }
}

/// What `read` makes of a section, all of it.
fn whole<'a, T>(mut section: Reader<'a>, read: impl FnOnce(&mut Reader<'a>) -> Result<T>) -> Result<T> {
    let read = read(&mut section)?;
    section.end()?;
    Ok(read)
}

fn write_layout(w: &mut Writer, layout: &Layout) {
    [layout.dim, layout.extra, layout.k].into_iter().for_each(|x| w.size(x));
    w.u8(match layout.mode {
        Mode::Sequential => 0,
        Mode::Batch => 1,
    });
    w.u8(match layout.spaces {
        Spaces::Joint => 0,
        Spaces::Separate => 1,
    });
    w.u64(layout.seed);
    w.size(layout.history);
    w.list(&layout.queues, |w, queue| {
        w.text(&queue.name);
        match &queue.kind {
            Kind::Importance => w.u8(0),
            Kind::Random => w.u8(1),
            Kind::Binned(binning) => {
                w.u8(2);
                w.text(&binning.bins.to_string());
                w.f64(binning.novelty);
                w.u8(match binning.within {
                    Within::Rank => 0,
                    Within::Random => 1,
                });
            }
        }
        w.size(queue.capacity);
        w.f64(queue.target);
        w.size(queue.min_candidates);
        w.u8(match queue.gate {
            Gate::First => 0,
            Gate::Each => 1,
        });
        w.size(queue.min_random);
        w.f32(queue.factor);
    });
}

fn read_layout(r: &mut Reader<'_>) -> Result<Layout> {
    Ok(Layout {
        dim: r.size()?,
        extra: r.size()?,
        k: r.size()?,
        mode: if r.flag()? { Mode::Batch } else { Mode::Sequential },
        spaces: if r.flag()? { Spaces::Separate } else { Spaces::Joint },
        seed: r.u64()?,
        history: r.size()?,
        queues: r.list(46, |r| {
            Ok(QueueConfig {
                name: r.text()?.to_owned(),
                kind: match r.u8()? {
                    0 => Kind::Importance,
                    1 => Kind::Random,
                    2 => Kind::Binned(Binning {
                        bins: r.text()?.parse().map_err(|error| corrupt(format!("bins of the snapshot: {error}")))?,
                        novelty: r.f64()?,
                        within: if r.flag()? { Within::Random } else { Within::Rank },
                    }),
                    other => return Err(unknown("kind of queue", other)),
                },
                capacity: r.size()?,
                target: r.f64()?,
                min_candidates: r.size()?,
                gate: if r.flag()? { Gate::Each } else { Gate::First },
                min_random: r.size()?,
                factor: r.f32()?,
            })
        })?,
    })
}

fn pack_pick(pick: &Selection) -> [u8; PICK] {
    let fields = Fields::new().put(pick.id.to_le_bytes()).put((pick.queue as u32).to_le_bytes());
    let fields = fields.put([pick.state as u8, pick.was_started.into()]);
    let fields = fields.put(pick.failures.to_le_bytes()).put(pick.event.to_le_bytes());
    fields.put(pack_rank(pick.rank)).done()
}

fn read_pick(r: &mut Reader<'_>) -> Result<Selection> {
    let (id, queue) = (r.u64()?, r.u32()? as usize);
    let state = state_of(r.u8()?)?;
    let (was_started, failures, event) = (r.flag()?, r.u32()?, r.i64()?);
    Ok(Selection { id, queue, state, rank: read_rank(r)?, event, was_started, failures })
}

fn pack_row(row: &HistoryRow) -> [u8; ROW] {
    let what = match row.what {
        What::Added => 1,
        What::Discarded => 2,
        What::Selected => 3,
        What::Withdrawn => 4,
        What::Became(state) => 16 + state as u8,
    };
    let fields = Fields::new().put(row.event.to_le_bytes()).put(row.step.to_le_bytes()).put(row.id.to_le_bytes());
    fields.put([what]).put(pack_rank(row.rank)).done()
}

fn read_row(r: &mut Reader<'_>) -> Result<HistoryRow> {
    let (event, step, id) = (r.i64()?, r.i64()?, r.u64()?);
    let what = match r.u8()? {
        1 => What::Added,
        2 => What::Discarded,
        3 => What::Selected,
        4 => What::Withdrawn,
        other => What::Became(state_of(other.wrapping_sub(16))?),
    };
    Ok(HistoryRow { event, step, id, what, rank: read_rank(r)? })
}

fn pack_rank(rank: Option<f32>) -> [u8; 5] {
    Fields::new().put([rank.is_some().into()]).put(rank.unwrap_or(0.0).to_le_bytes()).done()
}

fn read_rank(r: &mut Reader<'_>) -> Result<Option<f32>> {
    let (there, rank) = (r.flag()?, r.f32()?);
    Ok(there.then_some(rank))
}

fn state_of(number: u8) -> Result<State> {
    use State::{Done, Failed, Interrupted, Issued, Returned, Started};
    let all = [Issued, Started, Interrupted, Done, Failed, Returned];
    all.into_iter().find(|state| *state as u8 == number).ok_or_else(|| unknown("state", number))
}

fn unknown(what: &str, number: u8) -> crate::error::Error {
    corrupt(format!("the snapshot has {what} {number}, which is none: verify the run"))
}
