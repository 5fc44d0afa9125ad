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

/// The door that a segment called `name` is a lane of by its name, whether it is a producer's, and its seat: `run7.w12`
/// is seat 12 of `run7`, a worker's.
pub fn lane_of(name: &str) -> Option<(&str, bool, u16)> {
    let (door, lane) = name.rsplit_once('.')?;
    let producer = lane.starts_with('p');
    let seat = lane.strip_prefix(if producer { 'p' } else { 'w' })?;
    let plain = !door.is_empty() && seat.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| seat.parse().ok()).flatten().map(|seat| (door, producer, seat))
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

    #[test]
    fn lanes_are_known_by_their_names() {
        assert_eq!(lane_of("run7.w12"), Some(("run7", false, 12)));
        assert_eq!(lane_of("a.b.p0"), Some(("a.b", true, 0)));
        for other in ["run7", "run7.w", "run7.x1", "run7.w-1", "run7.w99999", ".w1", "run7.w+1", "run7.pw1"] {
            assert_eq!(lane_of(other), None, "{other}");
        }
    }
}
