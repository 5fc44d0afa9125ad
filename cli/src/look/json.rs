//! `patchstream inspect --json` of a segment: one object, whose keys scripts rely on.
//!
//! Not here: the text for people ([`super::inspect`]).

use patchstream::lane::{self, CAME_TO, Role, Thing};
use patchstream::shm::{Look, PartLook};
use patchstream::stream::{WATCHED, WATCHED_OF_PRODUCER};
use serde_json::{Value, json};

use super::inspect::{kind, standing};

/// A segment as a JSON object and a line's end.
pub fn segment(look: &Look) -> String {
    let seen = &look.seen;
    let about = seen.about.as_ref();
    let object = json!({
        "name": seen.name,
        "state": standing(seen.standing),
        "why": seen.why,
        "owner_pid": seen.owner,
        "age_seconds": seen.age.map(|age| age.as_secs_f64()),
        "bytes": seen.bytes,
        "kind": about.map(kind),
        "epoch": about.map(|about| about.epoch),
        "made_by": about.map(|about| json!({
            "pid": about.maker.pid,
            "uid": about.maker.uid,
            "start_ticks": about.maker.start_ticks,
            "boot_id": format!("{:032x}", about.maker.boot_id),
        })),
        "says": lane::text(look).and_then(Result::ok),
        "parts": look.parts.iter().map(part).collect::<Vec<Value>>(),
        "numbers": numbers(look).into_iter().map(|(name, value)| (name, value.into())).collect::<serde_json::Map<_, _>>(),
    });
    format!("{object:#}\n")
}

fn part(part: &PartLook) -> Value {
    let ring = part.ring.as_ref().map(|ring| match ring {
        Err(error) => json!({ "error": error.message() }),
        Ok(ring) => {
            let (geometry, counts) = (ring.geometry, ring.counts);
            json!({
                "slots": geometry.slots(),
                "slot_bytes": geometry.slot_bytes(),
                "tensor_len": geometry.tensor_len(),
                "metadata_bytes": geometry.metadata_bytes(),
                "payload_crc": geometry.payload_crc(),
                "fill": ring.fill(),
                "committed": counts.committed,
                "taken": counts.taken,
                "ended_step": ring.ended_step,
                "full": counts.full,
                "dropped": counts.dropped,
                "refused": counts.corrupt,
                "writer_closed": counts.producer_closed,
                "reader_closed": counts.consumer_closed,
                "writer_pid": part.writer,
                "reader_pid": part.reader,
            })
        }
    });
    json!({ "bytes": part.bytes, "ring": ring })
}

/// The numbers for watchers, by name: all of a door and of a producer's lane, of other segments those that somebody has
/// set. Which door a lane belongs to its name says.
pub fn numbers(look: &Look) -> Vec<(String, u64)> {
    let thing = look.seen.about.as_ref().and_then(Thing::of);
    let names: &[&str] = match thing {
        Some(Thing::Door) => &WATCHED,
        Some(Thing::Lane(Role::Producer)) => &WATCHED_OF_PRODUCER,
        Some(Thing::Lane(Role::Worker)) | None => &[],
    };
    let named = names.iter().zip(look.stats).map(|(name, value)| ((*name).to_owned(), value));
    let is_said = |at: usize| at != CAME_TO || !matches!(thing, Some(Thing::Lane(_)));
    let others = look.stats.iter().enumerate().skip(names.len()).filter(|(at, value)| **value != 0 && is_said(*at));
    named.chain(others.map(|(at, value)| (format!("number_{at}"), *value))).collect()
}
