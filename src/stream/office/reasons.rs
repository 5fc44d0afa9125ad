//! Why jobs are where they are, in the words of whoever said so.
//!
//! Not here: where they are ([`crate::job`]), who asks ([`crate::stream::jobs`]).

use std::collections::{HashMap, VecDeque};

/// The most reasons that are kept of jobs that are over, the latest.
pub(super) const ENDED_MAX: usize = 4096;

/// The last reason that was given, by job.
#[derive(Default)]
pub(in crate::stream) struct Reasons {
    given: HashMap<u64, String>,
    /// The jobs that are over and have one, oldest first.
    ended: VecDeque<u64>,
}

impl Reasons {
    pub(in crate::stream) fn get(&self, id: u64) -> Option<&str> {
        self.given.get(&id).map(String::as_str)
    }

    pub(in crate::stream) fn give(&mut self, id: u64, reason: &str) {
        self.given.insert(id, reason.to_owned());
    }

    /// A job is over.
    pub(in crate::stream) fn over(&mut self, id: u64) {
        if self.given.contains_key(&id) && !self.ended.contains(&id) {
            self.ended.push_back(id);
        }
        if self.ended.len() > ENDED_MAX
            && let Some(oldest) = self.ended.pop_front()
        {
            self.given.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_kept_of_all_jobs_that_are_not_over_and_of_the_last_that_are() {
        let mut reasons = Reasons::default();
        let count = 2 * ENDED_MAX as u64;
        for id in 0..count {
            reasons.give(id, "before");
            reasons.give(id, &id.to_string());
            if id % 2 == 0 {
                reasons.over(id);
                reasons.over(id);
                reasons.over(id + 1);
            }
        }
        for id in 0..count {
            let kept = id % 2 == 1 || id >= count - 2 * ENDED_MAX as u64;
            assert_eq!(reasons.get(id), kept.then_some(id.to_string().as_str()), "{id}");
        }
        reasons.give(count, "one more");
        reasons.over(count);
        assert_eq!((reasons.get(0), reasons.get(count)), (None, Some("one more")));
    }
}
