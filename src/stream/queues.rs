//! `[[queues]]` of a configuration: what each queue does, and which constellations go to it.
//!
//! ```toml
//! [[queues]]
//! name = "complexes"
//! target = 3                         # three picks of this queue to one of the other
//! constellations = ["1:1", "2:1"]    # RAS:RAF
//! [[queues]]
//! name = "rest"
//! sampler = "binned"
//! bins = "1d:dim=0,min=-5,max=7,bins=20"
//! novelty = 0.5
//! constellations = ["*"]             # all that no other queue names
//! ```
//! Not here: what the settings mean ([`dynim::QueueConfig`]), the way of a patch to its queue ([`super::route`]).

use serde::Deserialize;

use crate::dynim::{self, Binning, Gate, Kind, Routes, Within};
use crate::error::{Error, Result, argument};

/// One of `[[queues]]`: a queue, and what goes to it. The keys of the file are `name`, `sampler` (`"importance"`,
/// `"random"` or `"binned"`), `capacity`, `target`, `min_candidates`, `gate` (`"first"` or `"each"`), `min_random`,
/// `factor`, of a binned one `bins` ([`dynim::Bins`] in words), `novelty` and `within` (`"rank"` or `"random"`), and
/// `constellations`. What is left out is as in [`dynim::QueueConfig::new`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Entry")]
pub struct QueueConfig {
    /// What the queue does.
    pub queue: dynim::QueueConfig,
    /// `RAS:RAF`, as in `"1:0"`, each, or `"*"` for all that no queue names. One queue alone that names none takes all;
    /// with a function that routes ([`Builder::route`](super::Builder::route)) none are named.
    pub constellations: Vec<String>,
}

/// The keys of one queue in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    #[serde(default)]
    sampler: Sampler,
    capacity: Option<usize>,
    target: Option<f64>,
    min_candidates: Option<usize>,
    gate: Option<Gate>,
    min_random: Option<usize>,
    factor: Option<f32>,
    bins: Option<String>,
    novelty: Option<f64>,
    within: Option<Within>,
    #[serde(default)]
    constellations: Vec<String>,
}

/// The kinds of samplers, as a file names them.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Sampler {
    #[default]
    Importance,
    Random,
    Binned,
}

impl TryFrom<Entry> for QueueConfig {
    type Error = Error;

    fn try_from(entry: Entry) -> Result<Self> {
        let kind = entry.kind().map_err(|error| error.context(format!("queue {:?}", entry.name)))?;
        let usual = dynim::QueueConfig::new(entry.name);
        let queue = dynim::QueueConfig {
            kind,
            capacity: entry.capacity.unwrap_or(usual.capacity),
            target: entry.target.unwrap_or(usual.target),
            min_candidates: entry.min_candidates.unwrap_or(usual.min_candidates),
            gate: entry.gate.unwrap_or(usual.gate),
            min_random: entry.min_random.unwrap_or(usual.min_random),
            factor: entry.factor.unwrap_or(usual.factor),
            name: usual.name,
        };
        Ok(Self { queue, constellations: entry.constellations })
    }
}

impl Entry {
    fn kind(&self) -> Result<Kind> {
        match (self.sampler, &self.bins, self.novelty) {
            (Sampler::Binned, Some(bins), Some(novelty)) => {
                Ok(Kind::Binned(Binning { bins: bins.parse()?, novelty, within: self.within.unwrap_or_default() }))
            }
            (Sampler::Binned, ..) => Err(argument("a binned sampler needs bins and novelty: give it both")),
            (Sampler::Importance, None, None) if self.within.is_none() => Ok(Kind::Importance),
            (Sampler::Random, None, None) if self.within.is_none() => Ok(Kind::Random),
            _ => Err(argument("bins, novelty and within go with sampler = \"binned\": leave them out, or ask for it")),
        }
    }
}

/// Which constellation goes to which of `queues`. There is at least one.
///
/// # Errors
/// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for a word that is no constellation, one that two queues
/// name, and a queue that nothing would go to.
pub(super) fn routes(queues: &[QueueConfig]) -> Result<Routes> {
    let mut rules: Vec<(dynim::Constellation, usize)> = Vec::new();
    let mut rest = None;
    for (at, QueueConfig { queue, constellations }) in queues.iter().enumerate() {
        if constellations.is_empty() && queues.len() > 1 {
            return Err(argument(format!(
                "nothing goes to queue {:?}: name its constellations, as in [\"1:0\", \"1:1\"], or [\"*\"] for all that \
                 no other queue names",
                queue.name
            )));
        }
        for word in constellations {
            if word == "*" {
                if let Some(other) = rest.replace(at) {
                    return Err(argument(format!(
                        "queues {:?} and {:?} both take \"*\": one queue can take what no other names",
                        queues[other].queue.name, queue.name
                    )));
                }
                continue;
            }
            let counts = word.split_once(':').and_then(|(ras, raf)| Some((number(ras)?, number(raf)?)));
            let constellation = counts.ok_or_else(|| {
                argument(format!(
                    "queue {:?}: {word:?} is no constellation: write RAS:RAF, as in \"1:0\", or \"*\" for all that no \
                     queue names",
                    queue.name
                ))
            })?;
            if let Some((_, other)) = rules.iter().find(|(known, _)| *known == constellation) {
                let (other, own) = (&queues[*other].queue.name, &queue.name);
                return Err(argument(format!("queues {other:?} and {own:?} both take {word}: name it once")));
            }
            rules.push((constellation, at));
        }
    }
    let one_alone = rules.is_empty() && queues.len() == 1;
    Routes::new(&rules, if one_alone { Some(0) } else { rest })
}

/// A count of proteins in digits alone, as a patch can have it.
fn number(digits: &str) -> Option<u32> {
    digits.parse::<u16>().ok().filter(|_| !digits.starts_with('+')).map(u32::from)
}
