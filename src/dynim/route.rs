//! From a constellation to a queue.
//!
//! A constellation is the number of RAS and of RAF in a patch. Hosts that route by something else pass the queue they
//! worked out to [`Sampler::add_to`](super::Sampler::add_to) themselves.
//! Not here: what the queues do ([`super::Layout`]).

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result, argument, unknown};

/// The number of RAS and the number of RAF in a patch.
pub type Constellation = (u32, u32);

/// Which constellation goes to which queue.
///
/// ```
/// use patchstream::dynim::Routes;
///
/// let routes: Routes = "0:0=0 1:0=1 1:1=2 *=3".parse()?; // the four types of the metric paper
/// assert_eq!((routes.queue((1, 0))?, routes.queue((2, 1))?), (1, 3));
/// # Ok::<(), patchstream::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Routes {
    rules: Vec<(Constellation, usize)>,
    otherwise: Option<usize>,
}

impl Routes {
    /// Sends each constellation of `rules` to its queue, and any other one to `otherwise`, or nowhere.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) if a constellation stands twice.
    pub fn new(rules: &[(Constellation, usize)], otherwise: Option<usize>) -> Result<Self> {
        for (at, ((ras, raf), _)) in rules.iter().enumerate() {
            if rules[..at].iter().any(|(other, _)| *other == (*ras, *raf)) {
                return Err(argument(format!("constellation {ras}:{raf} is routed twice: name it once")));
            }
        }
        Ok(Self { rules: rules.to_vec(), otherwise })
    }

    /// The four types of the metric paper: (0, 0) to queue 0, (1, 0) to 1, (1, 1) to 2, everything else to 3.
    pub fn metric() -> Self {
        Self { rules: vec![((0, 0), 0), ((1, 0), 1), ((1, 1), 2)], otherwise: Some(3) }
    }

    /// The queue of a constellation.
    ///
    /// # Errors
    /// [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) if there is no rule for it.
    pub fn queue(&self, constellation: Constellation) -> Result<usize> {
        let rule = self.rules.iter().find(|(other, _)| *other == constellation).map(|(_, queue)| *queue);
        rule.or(self.otherwise).ok_or_else(|| {
            let (ras, raf) = constellation;
            unknown(format!("no queue takes the constellation {ras}:{raf}: add a rule for it, or one for *"))
        })
    }

    /// The queues that are named, one more than the largest: as many the sampler must have.
    pub fn queues(&self) -> usize {
        self.rules.iter().map(|(_, queue)| queue + 1).chain(self.otherwise.map(|queue| queue + 1)).max().unwrap_or(0)
    }
}

impl FromStr for Routes {
    type Err = Error;

    /// Reads rules `RAS:RAF=QUEUE` with blanks between, and `*=QUEUE` for all others.
    fn from_str(text: &str) -> Result<Self> {
        let (mut rules, mut otherwise) = (Vec::new(), None);
        for rule in text.split_whitespace() {
            let bad = || argument(format!("route {rule:?} is no rule: write RAS:RAF=QUEUE, as in 1:0=2, or *=QUEUE"));
            let (from, queue) = rule.split_once('=').ok_or_else(bad)?;
            let queue: usize = queue.parse().ok().filter(|&queue| queue < super::QUEUES_MAX).ok_or_else(bad)?;
            if from == "*" {
                if otherwise.replace(queue).is_some() {
                    return Err(argument(format!("routes {text:?} have two rules for *: name it once")));
                }
            } else {
                let (ras, raf) = from.split_once(':').ok_or_else(bad)?;
                rules.push(((ras.parse().map_err(|_| bad())?, raf.parse().map_err(|_| bad())?), queue));
            }
        }
        Self::new(&rules, otherwise)
    }
}

impl fmt::Display for Routes {
    /// What [`FromStr`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rules: Vec<String> =
            self.rules.iter().map(|((ras, raf), queue)| format!("{ras}:{raf}={queue}")).collect();
        rules.extend(self.otherwise.map(|queue| format!("*={queue}")));
        f.write_str(&rules.join(" "))
    }
}
