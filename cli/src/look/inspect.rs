//! `patchstream inspect`: everything that can be seen of a segment from outside.
//!
//! Not here: the same as JSON ([`super::json`]).

use std::fmt::Write as _;

use patchstream::error::{Error, Result};
use patchstream::lane::{self, Thing};
use patchstream::ring::Glance;
use patchstream::shm::{self, About, Look, PartLook, Standing};

use super::json;
use super::options::InspectOptions;
use super::target::Target;
use super::units::{age, printable, size};
use crate::summary;

/// Looks at what the options name and prints it.
///
/// # Errors
/// [`ErrorKind::Unknown`](patchstream::error::ErrorKind::Unknown) if there is nothing of that name, and those of looking.
pub fn inspect(options: &InspectOptions) -> Result<()> {
    match &options.target {
        Target::Segment(name) => {
            let look = shm::look(name)?;
            summary::print(&if options.json { json::segment(&look) } else { text(&look) });
            Ok(())
        }
        Target::Folder(path) => super::folder::inspect(path, options.json),
    }
}

/// A standing in a word or two, the same in all commands and in JSON.
pub fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Owned => "owned",
        Standing::BeingMade => "being made",
        Standing::Left => "left",
        Standing::OtherVersion => "other version",
        Standing::Broken => "broken",
        Standing::Foreign => "foreign",
        Standing::LockOnly => "lock only",
    }
}

/// What a segment is: a door, a lane, or what its owner calls it: four letters where they are, otherwise a number.
pub fn kind(about: &About) -> String {
    if let Some(thing) = Thing::of(about) {
        return thing.name().into();
    }
    let letters = about.kind.to_le_bytes();
    if letters.iter().all(u8::is_ascii_alphanumeric) {
        return letters.iter().map(|letter| char::from(*letter)).collect();
    }
    about.kind.to_string()
}

fn text(look: &Look) -> String {
    let mut text = String::new();
    let seen = &look.seen;
    let lives = match seen.owner {
        None => "no living owner".into(),
        Some(0) => "owned by a process of another container, which lives".into(),
        Some(pid) => format!("owned by process {pid}, which lives"),
    };
    let _ = writeln!(text, "segment    {}", seen.name);
    let _ = writeln!(text, "state      {}: {lives}", standing(seen.standing));
    if let Some(why) = &seen.why {
        let _ = writeln!(text, "           {}", printable(why));
    }
    if let Some(time) = seen.age {
        let _ = writeln!(text, "age        {}", age(time));
    }
    let _ = writeln!(text, "size       {} ({} bytes)", size(seen.bytes), seen.bytes);
    if let Some(about) = &seen.about {
        let maker = about.maker;
        let before = if maker.was_before_this_boot() { ", before this machine was started" } else { "" };
        let _ = writeln!(text, "made by    {maker} of user {}{before}; epoch {}", maker.uid, about.epoch);
        let _ = writeln!(text, "kind       {}", kind(about));
    }
    match lane::text(look) {
        None => {}
        Some(Ok(said)) if said.is_empty() => {
            let _ = writeln!(text, "says       nothing");
        }
        Some(Ok(said)) => {
            for (at, line) in said.lines().enumerate() {
                let _ = writeln!(text, "{:<10} {}", if at == 0 { "says" } else { "" }, printable(line));
            }
        }
        Some(Err(error)) => {
            let _ = writeln!(text, "says       {}", printable(error.message()));
        }
    }
    for (number, part) in look.parts.iter().enumerate() {
        let head = format!("part {number}");
        match &part.ring {
            None => {
                let _ = writeln!(text, "{head:<10} {}, no ring", size(part.bytes as u64));
            }
            Some(ring) => ring_text(&mut text, &head, part, ring),
        }
    }
    for (at, (name, value)) in json::numbers(look).iter().enumerate() {
        let _ = writeln!(text, "{:<10} {value:>12} {}", if at == 0 { "numbers" } else { "" }, name.replace('_', " "));
    }
    text
}

fn ring_text(text: &mut String, head: &str, part: &PartLook, ring: &Result<Glance, Error>) {
    let ring = match ring {
        Ok(ring) => ring,
        Err(error) => {
            let _ = writeln!(text, "{head:<10} a ring that cannot be read: {}", printable(error.message()));
            return;
        }
    };
    let (geometry, counts) = (ring.geometry, ring.counts);
    let crc = if geometry.payload_crc() { ", with a checksum of each record" } else { "" };
    let _ = writeln!(
        text,
        "{head:<10} ring of {} slots, {} each: tensors of up to {} float32, {} bytes of metadata{crc}",
        geometry.slots(),
        size(geometry.slot_bytes() as u64),
        geometry.tensor_len(),
        geometry.metadata_bytes()
    );
    let fill = match ring.fill() {
        Some(fill) => format!("{fill} of {} slots filled", geometry.slots()),
        None => "indices that cannot both be true: something overwrote them".into(),
    };
    let _ = writeln!(text, "           {fill}; committed (head) {}, taken (tail) {}", counts.committed, counts.taken);
    let step = ring.ended_step.map_or("no step ended".into(), |step| format!("ended step {step}"));
    let _ = writeln!(
        text,
        "           {step}; full {}, dropped {}, refused {}",
        counts.full, counts.dropped, counts.corrupt
    );
    let end = |pid: Option<u32>, closed: bool| {
        let who = match pid {
            None => "nobody".into(),
            Some(0) => "a process of another container".into(),
            Some(pid) => format!("process {pid}"),
        };
        if closed { format!("{who}, closed") } else { who }
    };
    let (writer, reader) = (end(part.writer, counts.producer_closed), end(part.reader, counts.consumer_closed));
    let _ = writeln!(text, "           writer: {writer}; reader: {reader}");
}
