//! Which ids are taken, and by what content: a known id is found in constant time. After a host went back to a mark, also
//! what it still has to send again.
//!
//! Not here: the range that ids lie in ([`crate::ids`]), what follows of a difference ([`super::journal`]).

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use parking_lot::Mutex;

use crate::error::{Result, conflict};
use crate::ids;

/// What became of an id that a patch asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is the patch's.
    New,
    /// The same patch was there already.
    Known,
    /// The host computed something else than what it told before it went back to a mark: a branch begins, then ask again.
    Differs,
}

/// Ids of all patches that were accepted, with the hash of their content. Shared by all producers of a stream.
#[derive(Default)]
pub(super) struct Registry(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    content: HashMap<u64, u64>,
    /// Public ids of those that are of a later branch than 0.
    branched: HashMap<u64, u64>,
    /// Content of patches that were withdrawn since their densities are lost: they may come again, and then it is no
    /// difference.
    lost: HashMap<u64, u64>,
    /// The host's ids of selected patches that a branch began without, whichever mark its host goes back to later: other
    /// content may take them.
    told: HashSet<u64>,
    branch: u64,
    back: Option<Box<Back>>,
}

/// A patch that is in the log behind the mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pending {
    /// Its place in the log.
    pub(super) sequence: u64,
    /// Its step.
    pub(super) step: i64,
    /// Which of the events that are to be replayed cannot be before it is there; `usize::MAX` for none.
    pub(super) event: usize,
}

/// What a host that went back to a mark has to send again.
#[derive(Default)]
pub(super) struct Back {
    /// By the host's id: to be sent again.
    pub(super) pending: HashMap<u64, Pending>,
    /// Content of patches that were withdrawn behind the mark, oldest first; `None` if they came before it.
    pub(super) gone: HashMap<u64, VecDeque<Option<u64>>>,
    /// Entry and content of patches behind the mark that found no room, or made it for others: sent again they are known.
    pub(super) made_room: HashMap<u64, (u64, u64)>,
    /// Steps of the events that are to be replayed.
    pub(super) events: Vec<i64>,
    /// How many of them have been.
    pub(super) replayed: usize,
    /// How many patches each still waits for, and those behind the last one by step.
    pub(super) missing: Vec<usize>,
    pub(super) tail: BTreeMap<i64, usize>,
    /// Sequence, if it has one yet, and id of what the host sent again or anew since the last replayed event, or behind it
    /// and before the mark.
    pub(super) sent: Vec<(u64, u64)>,
    /// The host did not compute anything else so far.
    pub(super) agrees: bool,
}

impl Back {
    /// Counts what is pending; `events` are all in order.
    pub(super) fn begin(mut self) -> Self {
        self.missing = vec![0; self.events.len()];
        if self.events.is_empty() {
            self.sent.clear();
        }
        let Self { pending, missing, tail, .. } = &mut self;
        for pending in pending.values() {
            match missing.get_mut(pending.event) {
                Some(missing) => *missing += 1,
                None => *tail.entry(pending.step).or_default() += 1,
            }
        }
        self.agrees = true;
        self
    }

    /// The highest step among the events that are still to be replayed; steps of events never fall, but after a branch.
    fn last_step(&self) -> Option<i64> {
        self.events[self.replayed..].iter().max().copied()
    }

    /// A mark has to tell what was sent, as long as it lies before events that are to be replayed.
    fn note_sent(&mut self, sequence: u64, id: u64) {
        if self.replayed < self.events.len() {
            self.sent.push((sequence, id));
        }
    }

    /// Whether this patch found no room, or made it: once for each that the log has.
    fn has_made_room(&mut self, id: u64, content: u64) -> bool {
        self.made_room.get(&id).is_some_and(|(_, of)| *of == content) && self.made_room.remove(&id).is_some()
    }

    fn tick_off(&mut self, id: u64) {
        if let Some(sequence) = self.await_no_more(id) {
            self.note_sent(sequence, id);
        }
    }

    /// Nobody waits for this patch any more. Its place in the log, if somebody did.
    fn await_no_more(&mut self, id: u64) -> Option<u64> {
        let Pending { sequence, step, event } = self.pending.remove(&id)?;
        if let Some(missing) = self.missing.get_mut(event) {
            *missing -= 1;
        } else if let Some(count) = self.tail.get_mut(&step) {
            *count -= 1;
            if *count == 0 {
                self.tail.remove(&step);
            }
        }
        Some(sequence)
    }
}

impl Inner {
    fn public(&self, id: u64) -> u64 {
        if self.branched.is_empty() { id } else { self.branched.get(&id).copied().unwrap_or(id) }
    }

    fn remove(&mut self, id: u64) -> Option<u64> {
        self.branched.remove(&id);
        self.told.remove(&id);
        self.content.remove(&id)
    }

    /// Frees the host's id of a patch; what it was, and its content, if it was still that patch's.
    fn withdraw(&mut self, public: u64) -> Option<(u64, u64)> {
        let id = ids::host(public);
        let content = if self.public(id) == public { self.remove(id) } else { None };
        content.map(|content| (id, content))
    }
}

impl Registry {
    /// Takes `id` for `content`.
    pub(super) fn take(&self, id: u64, content: u64, step: i64) -> Result<Taken> {
        let Inner { content: known, branched, lost, told, branch, back } = &mut *self.0.lock();
        if let Some(back) = back
            && let Some(gone) = back.gone.get(&id)
            && gone.contains(&Some(content))
        {
            return Ok(Taken::Known);
        }
        let due = back.as_ref().is_some_and(|back| back.agrees && back.last_step().is_some_and(|last| step <= last));
        match known.entry(id) {
            Entry::Vacant(_) if back.as_mut().is_some_and(|back| back.agrees && back.has_made_room(id, content)) => {
                return Ok(Taken::Known);
            }
            Entry::Vacant(_) if due && lost.get(&id) != Some(&content) => return Ok(Taken::Differs),
            Entry::Vacant(place) => {
                lost.remove(&id);
                place.insert(content);
            }
            Entry::Occupied(known) if *known.get() == content => {
                told.remove(&id);
                if let Some(back) = back {
                    back.tick_off(id);
                }
                return Ok(Taken::Known);
            }
            Entry::Occupied(mut known) => {
                let agrees = back.as_ref().filter(|back| back.agrees);
                if agrees.is_some_and(|back| back.pending.contains_key(&id) || (due && told.contains(&id))) {
                    return Ok(Taken::Differs);
                }
                if !told.remove(&id) {
                    return Err(conflict(format!(
                        "patch {id} is known with other content: give every patch an id of its own, the same one only \
                         to the same densities, step, time, place and proteins"
                    )));
                }
                known.insert(content);
            }
        }
        if let Some(back) = back.as_mut().filter(|back| back.agrees) {
            back.note_sent(u64::MAX, id);
        }
        match *branch {
            0 => None,
            branch => branched.insert(id, ids::public(branch, id)),
        };
        Ok(Taken::New)
    }

    /// Whether `id` is taken.
    pub(super) fn contains(&self, id: u64) -> bool {
        let inner = self.0.lock();
        inner.content.contains_key(&id) || inner.back.as_ref().is_some_and(|back| back.gone.contains_key(&id))
    }

    /// The public id of a host's patch.
    pub(super) fn public(&self, id: u64) -> u64 {
        self.0.lock().public(id)
    }

    /// Frees the host's id `id`, whose patch was not committed or taken in after all.
    pub(super) fn free(&self, id: u64) {
        self.0.lock().remove(id);
    }

    /// Frees the host's id of a patch that was withdrawn.
    pub(super) fn withdraw(&self, public: u64) {
        self.0.lock().withdraw(public);
    }

    /// Frees the host's id of a patch that made room for another. Sent again by a host that has yet to, it is known.
    pub(super) fn make_room(&self, public: u64) {
        let mut inner = self.0.lock();
        if let (Some((id, content)), Some(back)) = (inner.withdraw(public), &mut inner.back)
            && let Some(sequence) = back.await_no_more(id)
        {
            back.made_room.insert(id, (sequence, content));
        }
    }

    /// Frees the host's id of a patch that was withdrawn since its densities are lost. It may come again.
    pub(super) fn lose(&self, public: u64) {
        let mut inner = self.0.lock();
        if let Some((id, content)) = inner.withdraw(public) {
            inner.lost.insert(id, content);
            if let Some(back) = &mut inner.back {
                back.await_no_more(id);
            }
        }
    }
}

/// What a run that is opened again has, and where its host is.
impl Registry {
    /// A patch that the log has.
    pub(super) fn recall(&self, public: u64, content: u64) {
        let mut inner = self.0.lock();
        let id = ids::host(public);
        inner.content.insert(id, content);
        inner.lost.remove(&id);
        if !inner.told.is_empty() {
            inner.told.remove(&id);
        }
        if public != id {
            inner.branched.insert(id, public);
        }
    }

    /// What was selected stays, though a branch began without it.
    pub(super) fn keep_told(&self, ids: &[u64]) {
        self.0.lock().told.extend(ids);
    }

    /// Another branch.
    pub(super) fn set_branch(&self, branch: u64) {
        self.0.lock().branch = branch;
    }

    pub(super) fn branch(&self) -> u64 {
        self.0.lock().branch
    }

    /// The host goes back.
    pub(super) fn go_back(&self, back: Back) {
        self.0.lock().back = Some(Box::new(back.begin()));
    }

    /// Runs `with` on what the host has to send again, if it went back.
    pub(super) fn with_back<T>(&self, with: impl FnOnce(&mut Back) -> T) -> Option<T> {
        self.0.lock().back.as_mut().map(|back| with(back))
    }

    /// Whether everything that the next event to be replayed knew was sent again; if there is none, whether nothing of
    /// `step` or earlier is missing.
    pub(super) fn is_complete(&self, step: i64) -> bool {
        let complete = self.with_back(|back| match back.missing.get(back.replayed) {
            Some(&missing) => missing == 0,
            None => !back.agrees || back.tail.range(..=step).next().is_none(),
        });
        complete.unwrap_or(true)
    }

    /// The next event was replayed, which is at `sequence`.
    pub(super) fn replayed(&self, sequence: u64) {
        self.with_back(|back| {
            back.replayed += 1;
            let over = back.replayed == back.events.len();
            back.sent.retain(|(of, _)| *of > sequence && !over);
        });
    }

    /// Whether events are still to be replayed.
    pub(super) fn replays(&self) -> bool {
        self.with_back(|back| back.replayed < back.events.len()).unwrap_or(false)
    }

    /// What a mark has to tell of a host that went back: the host's ids of what it sent behind entry `after`, and of what
    /// it is still to send up to there; `None`: up to the last. What lies behind is to be sent again anyway.
    pub(super) fn sent_and_unsent(&self, after: Option<u64>) -> (Vec<u64>, Vec<u64>) {
        let Inner { content, back, .. } = &*self.0.lock();
        let Some(back) = back else { return Default::default() };
        let is_before = |sequence: u64| after.is_none_or(|after| sequence <= after);
        let pending = back.pending.iter().filter(|(_, pending)| is_before(pending.sequence)).map(|(id, _)| *id);
        // One that has come since, and found room, is known without.
        let made_room =
            back.made_room.iter().filter(|(id, (sequence, _))| is_before(*sequence) && !content.contains_key(id));
        let mut unsent: Vec<u64> = pending.chain(made_room.map(|(id, _)| *id)).collect();
        unsent.sort_unstable();
        (back.sent.iter().map(|(_, id)| *id).collect(), unsent)
    }

    /// The public ids of what was not sent again yet.
    pub(super) fn unsent(&self) -> HashSet<u64> {
        let inner = self.0.lock();
        let back = inner.back.iter();
        back.flat_map(|back| back.pending.keys()).map(|&id| inner.public(id)).collect()
    }

    /// The host computed something else: the host's ids of what was not sent again, in the order of the log. Nothing is
    /// to be replayed any more.
    pub(super) fn differ(&self) -> Vec<u64> {
        let pending = self.with_back(|back| {
            let mut pending: Vec<_> = std::mem::take(&mut back.pending).into_iter().collect();
            pending.sort_unstable_by_key(|(_, pending)| pending.sequence);
            *back = Back { gone: std::mem::take(&mut back.gone), ..Back::default() };
            pending.into_iter().map(|(id, _)| id).collect()
        });
        pending.unwrap_or_default()
    }

    /// The host withdraws again what it withdrew before it went back. `false`: that is not so.
    pub(super) fn withdrawn_again(&self, id: u64) -> bool {
        let again = self.with_back(|back| {
            let Some(gone) = back.gone.get_mut(&id) else { return false };
            gone.pop_front();
            if gone.is_empty() {
                back.gone.remove(&id);
            }
            true
        });
        again.unwrap_or(false)
    }
}
