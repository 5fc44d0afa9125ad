//! What of the rounds goes into the file that a campaign saves: results so far, and what the next one compares with.
//!
//! The potentials in force are the membrane's, samples and tables the run's.
//! ```text
//! bytes of feedback.psel u64 | rounds: count u64, each round u64, rms before f64, rms after f64, rms inverted f64, simulations
//! u64, effective samples f64; NaN for an rms that there is not | jobs that the potentials in force do not know: count u64, each u64, state u16
//! ```
//! Not here: the rest of that file ([`crate::host`]).

use patchstream::error::Result;
use patchstream::store::bytes::{Packer, Viewer};

use super::rounds::Round;

/// The rounds of a campaign that was saved.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SavedRounds {
    /// Bytes of the file of tables so far.
    pub written: u64,
    /// What came out of each round.
    pub results: Vec<Round>,
    /// Jobs that the potentials in force do not know, and the states of their proteins.
    pub unseen: Vec<(u64, u16)>,
}

impl SavedRounds {
    /// Appends it.
    pub fn pack(&self, to: &mut Packer) {
        to.u64(self.written).count(self.results.len());
        for Round { round, rms_before, rms_after, rms_inverted, simulations, effective_samples } in &self.results {
            to.u64(*round);
            for rms in [rms_before, rms_after, rms_inverted] {
                to.f64(rms.unwrap_or(f64::NAN));
            }
            to.u64(*simulations).f64(*effective_samples);
        }
        to.count(self.unseen.len());
        for (job, state) in &self.unseen {
            to.u64(*job).u16(*state);
        }
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](patchstream::error::ErrorKind::Corrupt) for bytes that end too early.
    pub fn view(from: &mut Viewer<'_>) -> Result<Self> {
        let mut saved = Self { written: from.u64()?, ..Self::default() };
        for _ in 0..from.count(48)? {
            let round = from.u64()?;
            let [rms_before, rms_after, rms_inverted] =
                [from.f64()?, from.f64()?, from.f64()?].map(|rms| (!rms.is_nan()).then_some(rms));
            let (simulations, effective_samples) = (from.u64()?, from.f64()?);
            saved.results.push(Round { round, rms_before, rms_after, rms_inverted, simulations, effective_samples });
        }
        for _ in 0..from.count(10)? {
            saved.unseen.push((from.u64()?, from.u16()?));
        }
        Ok(saved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_that_are_packed_are_viewed_and_none_that_are_cut_short() {
        let rms = Some(0.5);
        let first = Round {
            round: 1,
            rms_before: None,
            rms_after: rms,
            rms_inverted: rms,
            simulations: 7,
            effective_samples: 6.5,
        };
        let second = Round { round: 2, rms_before: Some(0.25), rms_inverted: None, ..first.clone() };
        let saved = SavedRounds { written: 3, results: vec![first, second], unseen: vec![(9, 1), (4, 17)] };
        let mut to = Packer::new();
        saved.pack(&mut to);
        let bytes = to.into_bytes();
        assert_eq!(SavedRounds::view(&mut Viewer::new("a", &bytes)).unwrap(), saved);
        for cut in 0..bytes.len() {
            assert!(SavedRounds::view(&mut Viewer::new("a", &bytes[..cut])).is_err(), "{cut}");
        }
    }
}
