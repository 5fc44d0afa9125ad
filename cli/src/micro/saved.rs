//! What of the rounds goes into the file that a campaign saves: results so far, and how far the files of samples came.
//!
//! The potentials in force are the membrane's.
//! ```text
//! bytes of samples.psel u64, of feedback.psel u64 | rounds: count u64, each round u64, rms before f64, rms after f64,
//! simulations u64, effective samples f64; NaN for an rms that there is not | samples that wait for the end of a round, as
//! samples.psel has them: bytes u64, bytes
//! ```
//! Not here: the rest of that file ([`crate::host`]), samples themselves ([`super::samples`]).

use patchstream::error::Result;
use patchstream::store::bytes::{Packer, Viewer};

use super::rounds::Round;

/// The rounds of a campaign that was saved.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SavedRounds {
    /// Bytes of the files so far.
    pub written: [u64; 2],
    /// What came out of each round.
    pub results: Vec<Round>,
    /// Samples that were taken from the stream and wait for the end of a round, as messages.
    pub came: Vec<u8>,
}

impl SavedRounds {
    /// Appends it.
    pub fn pack(&self, to: &mut Packer) {
        to.u64s(&self.written).count(self.results.len());
        for Round { round, rms_before, rms_after, simulations, effective_samples } in &self.results {
            to.u64(*round).f64(rms_before.unwrap_or(f64::NAN)).f64(rms_after.unwrap_or(f64::NAN));
            to.u64(*simulations).f64(*effective_samples);
        }
        to.count(self.came.len()).u8s(&self.came);
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](patchstream::error::ErrorKind::Corrupt) for bytes that end too early.
    pub fn view(from: &mut Viewer<'_>) -> Result<Self> {
        let written = [from.u64()?, from.u64()?];
        let mut results = Vec::new();
        for _ in 0..from.count(40)? {
            let round = from.u64()?;
            let [rms_before, rms_after] = [from.f64()?, from.f64()?].map(|rms| (!rms.is_nan()).then_some(rms));
            results.push(Round {
                round,
                rms_before,
                rms_after,
                simulations: from.u64()?,
                effective_samples: from.f64()?,
            });
        }
        let count = from.count(1)?;
        Ok(Self { written, results, came: from.take(count)?.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_that_are_packed_are_viewed_and_none_that_are_cut_short() {
        let first = Round { round: 1, rms_before: None, rms_after: Some(0.5), simulations: 7, effective_samples: 6.5 };
        let second = Round { round: 2, rms_before: Some(0.25), ..first.clone() };
        let saved = SavedRounds { written: [3, 4], results: vec![first, second], came: vec![1, 2, 3] };
        let mut to = Packer::new();
        saved.pack(&mut to);
        let bytes = to.into_bytes();
        assert_eq!(SavedRounds::view(&mut Viewer::new("a", &bytes)).unwrap(), saved);
        for cut in 0..bytes.len() {
            assert!(SavedRounds::view(&mut Viewer::new("a", &bytes[..cut])).is_err(), "{cut}");
        }
    }
}
