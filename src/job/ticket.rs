//! Names of transports and jobs: `shm:NAME`, `dir:PATH`, and a ticket, which is one of these, `#` and a patch's id.
//!
//! Not here: what names a segment may have ([`crate::shm`]).

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::{Error, Result, argument};
use crate::ids;

/// How jobs travel.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Transport {
    /// `shm:NAME`: shared memory of one machine, by the name of the stream's door.
    Shm(String),
    /// `dir:PATH`: a folder that all machines see.
    Dir(PathBuf),
}

/// A job, named for a scheduler: the same ticket is the same job.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// How to get it.
    pub transport: Transport,
    /// The id of its patch.
    pub id: u64,
}

impl Transport {
    /// The folder at `path`, whose tickets have to be text.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for a path that no ticket can hold.
    pub(crate) fn folder(path: &Path) -> Result<Self> {
        if path.to_str().is_none() {
            return Err(argument(format!(
                "the job folder {path:?} has a name that is no UTF-8, which tickets could not say: name another folder"
            )));
        }
        Ok(Self::Dir(path.to_owned()))
    }

    /// The ticket of a job.
    pub fn ticket(&self, id: u64) -> String {
        format!("{self}#{id}")
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shm(name) => write!(f, "shm:{name}"),
            Self::Dir(path) => write!(f, "dir:{}", path.display()),
        }
    }
}

impl FromStr for Transport {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once(':') {
            Some(("shm", name)) if !name.is_empty() => Ok(Self::Shm(name.to_owned())),
            Some(("dir", path)) if !path.is_empty() => Ok(Self::Dir(path.into())),
            _ => Err(argument(format!("transport {text:?} is unknown: write shm:NAME or dir:PATH"))),
        }
    }
}

impl FromStr for Ticket {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong =
            || argument(format!("{text:?} is no ticket: write shm:NAME#ID or dir:PATH#ID, as a selection tells it"));
        // A path may hold the sign too; the last one is ours.
        let (transport, id) = text.rsplit_once('#').ok_or_else(wrong)?;
        let id = id.bytes().all(|byte| byte.is_ascii_digit()).then(|| id.parse().ok()).flatten().ok_or_else(wrong)?;
        ids::check(id)?;
        Ok(Self { transport: transport.parse()?, id })
    }
}
