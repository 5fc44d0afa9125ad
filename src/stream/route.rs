//! From a patch to its queue: the only queue, a table of constellations, or a function of the host's.
//!
//! Not here: the table's file ([`super::queues`]), what the queues do ([`crate::dynim`]).

use std::cell::Cell;
use std::sync::Arc;

use super::config::Config;
use super::queues::routes;
use crate::dynim::Routes;
use crate::error::{Result, argument, state};
use crate::patch::{Constellation, Meta};

/// A host's function from a patch to the number of its queue; [`Builder::route`](super::Builder::route) says when it is
/// called.
pub type Route = Arc<dyn Fn(&Meta<'_>, Constellation) -> usize + Send + Sync>;

/// The way to a queue.
pub(super) enum Router {
    /// There is one queue, and it takes all.
    One,
    /// By constellation.
    Table(Routes),
    /// By the host's function; there are so many queues.
    Function(Route, usize),
}

thread_local! {
    /// Whether a host's function is being asked by this thread, which holds a stream's lock meanwhile.
    static ASKING: Cell<bool> = const { Cell::new(false) };
}

/// Refuses a call from inside a host's function, which would wait for itself for ever.
pub(super) fn check_not_asking() -> Result<()> {
    if !ASKING.get() {
        return Ok(());
    }
    Err(state("the function that routes patches has called a stream, which waits for its answer: answer first"))
}

impl Router {
    /// The way that `config`, or the host's function, says.
    ///
    /// # Errors
    /// Those of [`routes`], and [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for both a function and
    /// constellations.
    pub(super) fn new(config: &Config, function: Option<Route>) -> Result<Self> {
        let Some(function) = function else {
            return match &config.queues[..] {
                [] => Ok(Self::One),
                queues => Ok(Self::Table(routes(queues)?)),
            };
        };
        match config.queues.iter().find(|queue| !queue.constellations.is_empty()) {
            None => Ok(Self::Function(function, config.queues.len().max(1))),
            Some(queue) => Err(argument(format!(
                "a function routes the patches, and queue {:?} names constellations: use one of the two",
                queue.queue.name
            ))),
        }
    }

    /// The queue of a patch.
    ///
    /// # Errors
    /// [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) if none takes its constellation,
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) if the function answers a number that is none.
    pub(super) fn queue(&self, meta: &Meta<'_>, constellation: Constellation) -> Result<usize> {
        match self {
            Self::One => Ok(0),
            Self::Table(routes) => routes.queue((constellation.ras.into(), constellation.raf.into())),
            Self::Function(function, queues) => {
                let asking = Asking::begin();
                let queue = function(meta, constellation);
                drop(asking);
                if queue < *queues {
                    return Ok(queue);
                }
                Err(argument(format!(
                    "the function that routes patches answers queue {queue}, and there are {queues}, counted from 0"
                )))
            }
        }
    }
}

/// Marks this thread while the host's function is asked, a panic of it included.
struct Asking;

impl Asking {
    fn begin() -> Self {
        ASKING.set(true);
        Self
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        ASKING.set(false);
    }
}
