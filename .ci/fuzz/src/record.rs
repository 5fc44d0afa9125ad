//! Entries of a stream's log, options, and snapshots of a sampler whose bytes are anything.
//!
//! The first byte says what the rest is. What can be read can be written again, and then reads the same; a snapshot that
//! can be read is told the points that it was taken of, and the sampler that comes of it, if one does, works.
#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use patchstream::dynim::{Layout, PointRow, QueueConfig, Sampler, Snapshot, State};
use patchstream::error::Result;
use patchstream::store::bytes::Packer;
use patchstream::stream::journal::feedback::{self, Looked};
use patchstream::stream::journal::layout::layout;
use patchstream::stream::journal::records::{
    Branch, Event, Given, LeftOut, Mark, Moved, Point, PointParts, Withdrawn, options, sample, taken,
};

/// Reads, writes and reads again.
fn twice<T: Debug>(input: &[u8], view: impl Fn(&[u8]) -> Result<T>, pack: impl Fn(&T, &mut Packer)) {
    let Ok(first) = view(input) else { return };
    let mut packer = Packer::new();
    pack(&first, &mut packer);
    let again = view(packer.bytes()).expect("what was packed can be read");
    assert_eq!(format!("{again:?}"), format!("{first:?}"));
}

fn point(bytes: &[u8]) -> Result<Point> {
    let mut point = Point::default();
    point.view(bytes)?;
    Ok(point)
}

fn pack_point(point: &Point, packer: &mut Packer) {
    let Point { id, content, queue, probabilities, point: coordinates, .. } = point;
    let (id, content, queue, meta) = (*id, *content, *queue, &point.meta());
    Point::pack(PointParts { id, content, queue, meta, probabilities, point: coordinates }, packer);
}

const POINTS: u64 = 12;

fn coordinates(id: u64) -> [f32; 2] {
    [(id * 7 % 11) as f32, (id * 5 % 13) as f32]
}

/// A sampler after a little of everything, and its layout.
fn sampler() -> (Layout, Sampler) {
    let queue = QueueConfig { capacity: 4, ..QueueConfig::new("all") };
    let layout = Layout { queues: vec![queue], history: 8, ..Layout::new(2) };
    let mut sampler = Sampler::with_layout(layout.clone()).expect("a good layout");
    for id in 1..=POINTS {
        sampler.add(id, id as i64 / 5, &coordinates(id)).expect("a good point");
        if id % 5 == 4 {
            let picks = sampler.select(id as i64 / 5, 2).picks;
            sampler.set_state(picks[0].id, State::Started, 0).expect("it was issued");
        }
    }
    sampler.weights();
    (layout, sampler)
}

/// Bytes of a good snapshot with damage: places and values, or a new length; or the input as it is.
fn snapshot(input: &[u8]) {
    thread_local! {
        static GOOD: (Layout, Vec<u8>) = {
            let (layout, sampler) = sampler();
            (layout, sampler.snapshot().to_bytes())
        };
    }
    let Some((how, damage)) = input.split_first() else { return };
    let (layout, mut bytes) = GOOD.with(Clone::clone);
    if how & 1 == 1 {
        bytes = damage.to_vec();
    } else {
        for act in damage.chunks(3) {
            let [low, high, value] = std::array::from_fn(|i| act.get(i).copied().unwrap_or(0));
            let at = (usize::from(low) | usize::from(high) << 8) % bytes.len();
            bytes[at] = value;
        }
    }
    let Ok(snapshot) = Snapshot::from_bytes(&bytes) else { return };
    let again = Snapshot::from_bytes(&snapshot.to_bytes()).expect("what was written can be read");
    assert_eq!(format!("{again:?}"), format!("{snapshot:?}"));
    let points: Vec<[f32; 2]> = (1..=POINTS).map(coordinates).collect();
    let rows = points.iter().zip(1..).map(|(point, id)| PointRow { id, step: 0, queue: 0, factor: 1.0, point });
    let Ok(mut sampler) = Sampler::restore(layout, rows, snapshot) else { return };
    let _ = sampler.add(99, i64::MAX, &[1.0, 2.0]);
    let event = sampler.select(i64::MAX, 3);
    for pick in &event.picks {
        let _ = sampler.set_state(pick.id, State::Returned, 0);
    }
    std::hint::black_box((sampler.weights().len(), sampler.snapshot().to_bytes(), sampler.drain_history().len()));
}

fuzz_target!(|input: &[u8]| {
    let Some((kind, rest)) = input.split_first() else { return };
    match kind % 13 {
        0 => twice(rest, point, pack_point),
        1 => twice(rest, LeftOut::view, LeftOut::pack),
        2 => twice(rest, Event::view, Event::pack),
        3 => twice(rest, Moved::view, Moved::pack),
        4 => twice(rest, Withdrawn::view, Withdrawn::pack),
        5 => twice(rest, Mark::view, Mark::pack),
        6 => twice(rest, Branch::view, Branch::pack),
        7 => twice(rest, Given::view, Given::pack),
        8 => drop(std::hint::black_box(options(rest).map(layout))),
        9 => drop(std::hint::black_box((sample(rest), taken(rest), feedback::view(rest), Looked::view(rest)))),
        _ => snapshot(rest),
    }
});
