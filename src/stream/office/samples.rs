//! Accepted samples on their way to the host: those of a run's log first, then those that came since.
//!
//! Not here: which are accepted ([`crate::job`]).

use crate::error::Result;
use crate::stream::jobs::no_transport;
use crate::stream::operator::Operator;
use crate::wire::RdfSample;

impl Operator {
    pub(in crate::stream) fn take_samples(&mut self, most: usize) -> Result<Vec<RdfSample>> {
        self.committed()?;
        let jobs = self.jobs.as_mut().ok_or_else(no_transport)?;
        let (store, mut taken, mut last) = (&mut jobs.store, Vec::new(), None);
        while taken.len() < most
            && let Some(earlier) = &mut store.earlier
        {
            match earlier.next() {
                Ok(Some((entry, sample))) => {
                    last = Some(entry);
                    taken.push(sample);
                }
                Ok(None) => store.earlier = None,
                Err(error) if taken.is_empty() => return Err(error),
                // Told by the next call, once these are taken.
                Err(_) => break,
            }
        }
        if let (Some(lost), true, true) = (&jobs.lost, taken.is_empty(), store.samples.is_empty()) {
            return Err(lost.clone());
        }
        let more = if store.earlier.is_some() { 0 } else { (most - taken.len()).min(store.samples.len()) };
        for (entry, sample) in store.samples.drain(..more) {
            store.sample_bytes -= bytes_of(&sample);
            last = Some(entry);
            taken.push(sample);
        }
        if let (Some(journal), Some(last)) = (&mut self.journal, last) {
            journal.taken = last;
        }
        Ok(taken)
    }
}

/// Bytes of a sample's sums.
pub(super) fn bytes_of(sample: &RdfSample) -> u64 {
    8 * sample.sums.len() as u64
}
