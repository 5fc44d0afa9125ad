//! `patchstream ls`: a line for each segment, lanes below the door that they lead to.
//!
//! Not here: everything about one of them ([`super::inspect`]).

use patchstream::error::{ErrorKind, Result, unknown};
use patchstream::lane::{Role, lane_of};
use patchstream::shm::{self, Seen, Standing};

use super::inspect::standing;
use super::options::ListOptions;
use super::target::Target;
use super::units::{age, size, table};
use crate::summary;

/// Prints what the options name.
///
/// # Errors
/// [`ErrorKind::Unknown`] for a name under which nothing is, and those of looking.
pub fn list(options: &ListOptions) -> Result<()> {
    if options.targets.is_empty() {
        return segments(None);
    }
    for target in &options.targets {
        match target {
            Target::Segment(name) => segments(Some(name))?,
            Target::Folder(path) => super::folder::list(path)?,
        }
    }
    Ok(())
}

/// The segments that a name stands for, a door's lanes among them, or all; each below the door that it is a lane of.
pub fn those_of(name: Option<&str>) -> Result<Vec<Seen>> {
    let mut all = shm::list()?;
    let doors: Vec<String> = all.iter().map(|seen| seen.name.clone()).collect();
    let place = |seen: &Seen| match lane_of(&seen.name) {
        Some((door, role, seat)) if doors.iter().any(|name| name == door) => {
            (door.to_owned(), Some((role == Role::Producer, seat)))
        }
        _ => (seen.name.clone(), None),
    };
    if let Some(name) = name {
        all.retain(|seen| seen.name == name || lane_of(&seen.name).is_some_and(|(door, ..)| door == name));
        if all.is_empty() {
            return Err(unknown(format!(
                "there is no segment {name} of yours: `patchstream ls` shows those there are"
            )));
        }
    }
    all.sort_by_key(place);
    Ok(all)
}

fn segments(name: Option<&str>) -> Result<()> {
    let all = those_of(name)?;
    if all.is_empty() {
        summary::print("no segments of yours\n");
        return Ok(());
    }
    let mut rows = vec![["NAME", "OWNER", "STATE", "AGE", "SIZE", "RINGS"].map(String::from).to_vec()];
    let mut door = String::new();
    for seen in &all {
        let below = lane_of(&seen.name).is_some_and(|(of, ..)| of == door);
        if !below {
            door.clone_from(&seen.name);
        }
        let indent = if below { "  " } else { "" };
        let owner = match seen.owner {
            None => "-".into(),
            Some(0) => "hidden".into(),
            Some(pid) => pid.to_string(),
        };
        rows.push(vec![
            format!("{indent}{}", seen.name),
            owner,
            standing(seen.standing).into(),
            seen.age.map_or("-".into(), age),
            size(seen.bytes),
            rings(seen)?,
        ]);
    }
    summary::print(&table(&rows));
    Ok(())
}

/// How full each ring is: `3/8, 0/4`.
fn rings(seen: &Seen) -> Result<String> {
    if seen.about.is_none() || !matches!(seen.standing, Standing::Owned | Standing::Left) {
        return Ok("-".into());
    }
    let look = match shm::look(&seen.name) {
        // It ended between the two looks.
        Err(error) if error.kind() == ErrorKind::Unknown => return Ok("-".into()),
        answer => answer?,
    };
    let fills: Vec<String> = look
        .parts
        .iter()
        .filter_map(|part| part.ring.as_ref())
        .map(|ring| match ring {
            Ok(ring) => match ring.fill() {
                Some(fill) => format!("{fill}/{}", ring.geometry.slots()),
                None => format!("?/{}", ring.geometry.slots()),
            },
            Err(_) => "broken".into(),
        })
        .collect();
    Ok(if fills.is_empty() { "-".into() } else { fills.join(", ") })
}
