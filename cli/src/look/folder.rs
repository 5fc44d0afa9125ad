//! The same three commands for a folder of jobs: its owner, its jobs, and what may go.
//!
//! Not here: segments ([`super::list`], [`super::inspect`], [`super::sweep`]), the folder itself
//! ([`patchstream::job::dir`]).

use std::fmt::Write as _;
use std::path::Path;

use patchstream::error::Result;
use patchstream::job::dir::{Claimed, JobLook, Look, Word, clean, look};
use serde_json::{Value, json};

use super::units::{age, printable, table};
use crate::summary;

/// Prints a folder's owner and a line for each job under way.
///
/// # Errors
/// Those of looking: a folder that is none, or cannot be read.
pub fn list(path: &Path) -> Result<()> {
    let look = look(path)?;
    let owner = match &look.owner {
        None => "nobody has owned it yet".into(),
        Some(owner) => owner_text(owner),
    };
    summary::print(&format!("{}\n{}", printable(&format!("dir:{}: {owner}", look.path.display())), jobs(&look)));
    Ok(())
}

/// Prints everything that can be seen of a folder.
///
/// # Errors
/// Those of [`list`].
pub fn inspect(path: &Path, as_json: bool) -> Result<()> {
    let look = look(path)?;
    summary::print(&if as_json { format!("{:#}\n", object(&look)) } else { text(&look) });
    Ok(())
}

/// Removes what processes left that are gone, and says so.
///
/// # Errors
/// Those of [`list`], and of removing.
pub fn sweep(path: &Path, dry: bool) -> Result<()> {
    let cleaned = clean(path, dry)?;
    let did = if dry { "would remove" } else { "removed" };
    summary::print(&format!(
        "{did} {}, {} from dir:{}; left {}\n",
        count(cleaned.temporaries, "unfinished file"),
        count(cleaned.claims, "superseded claim"),
        printable(&path.display().to_string()),
        match cleaned.left {
            0 => "nothing unfinished".into(),
            left => format!("{} that somebody may still be writing", count(left, "file")),
        }
    ));
    Ok(())
}

fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// Where a job is, in a word or two.
fn place(job: &JobLook) -> &'static str {
    match &job.claimed {
        None => "in line",
        Some(claim) => match (claim.word, claim.is_dead) {
            (Some(Word::Free), _) => "in line",
            (Some(Word::Failed), _) => "failed",
            (Some(Word::Done), _) => "done",
            (None, true) => "left",
            (None, false) => "held",
        },
    }
}

fn who(claim: &Claimed) -> String {
    claim.who.as_ref().map_or("an unreadable claim".into(), ToString::to_string)
}

fn owner_text(owner: &Claimed) -> String {
    let state = match (owner.word, owner.is_dead) {
        (Some(_), _) => "closed by its owner",
        (None, true) => "left by its owner, which is gone",
        (None, false) => "owned",
    };
    format!("{state}, {}, epoch {}, last sign {} ago", who(owner), owner.attempt, age(owner.age))
}

fn jobs(look: &Look) -> String {
    if look.jobs.is_empty() {
        return "no jobs under way\n".into();
    }
    let mut rows =
        vec![["JOB", "STATE", "ATTEMPT", "HOLDER", "LAST SIGN", "FAILURES", "MESSAGES"].map(String::from).to_vec()];
    for job in &look.jobs {
        let claim = job.claimed.as_ref();
        let held = claim.filter(|claim| claim.word.is_none());
        rows.push(vec![
            job.id.to_string(),
            place(job).into(),
            claim.map_or("-".into(), |claim| claim.attempt.to_string()),
            held.map_or("-".into(), who),
            held.map_or("-".into(), |claim| age(claim.age)),
            job.failures.to_string(),
            job.messages.to_string(),
        ]);
    }
    table(&rows)
}

fn text(look: &Look) -> String {
    let mut text = String::new();
    let options = &look.options;
    let _ = writeln!(text, "folder     {}", printable(&look.path.display().to_string()));
    let owner = look.owner.as_ref().map_or("nobody has owned it yet".into(), owner_text);
    let _ = writeln!(text, "state      {}", printable(&owner));
    let synced = if options.sync { "on the disk before they are seen" } else { "left to the system to write" };
    let _ = writeln!(
        text,
        "options    lease {}, looked at every {} s, files are {synced}",
        age(options.lease),
        options.poll.as_secs_f64()
    );
    let _ = writeln!(text, "waiting    {} for the owner", count(look.messages, "message"));
    let _ = writeln!(text, "unfinished {}", count(look.temporaries, "file"));
    for (head, files) in [("bad", &look.bad), ("foreign", &look.foreign)] {
        for (at, file) in files.iter().enumerate() {
            let _ = writeln!(text, "{:<10} {}", if at == 0 { head } else { "" }, printable(file));
        }
    }
    text + &jobs(look)
}

fn object(look: &Look) -> Value {
    let options = &look.options;
    json!({
        "path": look.path.display().to_string(),
        "owner": look.owner.as_ref().map(claim_object),
        "options": {
            "lease_seconds": options.lease.as_secs_f64(),
            "poll_seconds": options.poll.as_secs_f64(),
            "settle_seconds": options.settle.as_secs_f64(),
            "sync": options.sync,
            "pending_max": options.pending_max,
        },
        "jobs": look.jobs.iter().map(|job| json!({
            "id": job.id,
            "order": job.order,
            "state": place(job),
            "claim": job.claimed.as_ref().map(claim_object),
            "failures": job.failures,
            "messages": job.messages,
        })).collect::<Vec<Value>>(),
        "messages": look.messages,
        "bad": look.bad,
        "foreign": look.foreign,
        "unfinished": look.temporaries,
    })
}

fn claim_object(claim: &Claimed) -> Value {
    json!({
        "attempt": claim.attempt,
        "host": claim.who.as_ref().map(|who| &who.host),
        "pid": claim.who.as_ref().map(|who| who.pid),
        "uid": claim.who.as_ref().map(|who| who.uid),
        "word": claim.word.map(Word::name),
        "age_seconds": claim.age.as_secs_f64(),
        "dead": claim.is_dead,
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn a_folder_whose_name_is_no_text_is_shown_as_well_as_can_be() {
        let look = Look {
            path: Path::new(OsStr::from_bytes(b"/a\xff")).to_owned(),
            options: patchstream::job::dir::Options::default(),
            owner: None,
            jobs: Vec::new(),
            messages: 0,
            bad: Vec::new(),
            foreign: Vec::new(),
            temporaries: 0,
        };
        assert_eq!(object(&look)["path"], "/a\u{fffd}");
    }
}
