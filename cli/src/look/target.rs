//! What is to be looked at, as the commands name it.
//!
//! Not here: which names a segment may have ([`patchstream::shm`]).

use std::path::PathBuf;
use std::str::FromStr;

/// A segment with its lanes, or a folder of jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `shm:NAME`, or just `NAME`.
    Segment(String),
    /// `dir:PATH`.
    Folder(PathBuf),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (transport, name) = text.split_once(':').unwrap_or(("shm", text));
        match transport {
            _ if name.is_empty() => Err("the name is missing: write shm:NAME or dir:PATH".into()),
            "dir" => Ok(Self::Folder(name.into())),
            "shm" if name.contains('#') => {
                Err("this is the ticket of a job: leave out the # and what follows it".into())
            }
            "shm" if name.contains('/') => Err(format!("a segment's name has no /: write dir:{name} for a folder")),
            "shm" => Ok(Self::Segment(name.into())),
            other => Err(format!("{other} is no transport: write shm:NAME or dir:PATH")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_and_what_is_none_is_refused_with_advice() {
        assert_eq!("run7".parse(), Ok(Target::Segment("run7".into())));
        assert_eq!("shm:run7.w3".parse(), Ok(Target::Segment("run7.w3".into())));
        assert_eq!("dir:/a:b#1".parse(), Ok(Target::Folder("/a:b#1".into())));
        for (wrong, word) in [
            ("", "missing"),
            ("shm:", "missing"),
            ("dir:", "missing"),
            ("tcp:a", "tcp"),
            ("a/b", "dir:a/b"),
            ("shm:a#7", "ticket"),
        ] {
            let said = wrong.parse::<Target>().unwrap_err();
            assert!(said.contains(word), "{wrong:?}: {said}");
        }
    }
}
