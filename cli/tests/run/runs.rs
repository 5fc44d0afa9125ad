//! Runs, written entry by entry.
//!
//! Not here: what is done with them.

use std::path::Path;

use patchstream::dynim::{self, Layout, Sampler, State};
use patchstream::patch::Meta;
use patchstream::store::bytes::Packer;
use patchstream::store::{Options, Sections, Store};
use patchstream::stream::journal::layout::say;
use patchstream::stream::journal::records::{
    self, Branch, By, Event, Mark, Moved, Picked, Point, PointParts, Why, Withdrawn,
};

/// A run of four patches, two events, a mark and a branch, with two checkpoints. The folder's name.
pub fn write_run(path: &Path) -> String {
    let mut store = Store::create(path, "", &Options::default()).unwrap();
    put(&mut store, records::OPTIONS, |to| {
        to.u8s(b"");
    });
    for (id, x) in [(1, 0.0), (2, 0.5), (3, 2.5)] {
        point(&mut store, id, 10, &[x, 0.0]);
    }
    let pick = |id: u64, rank: f32| Picked { id, queue: 0, rank };
    let first = Event {
        step: 10,
        n: 1,
        merged: 3,
        candidates: 2,
        selected: 1,
        picks: vec![pick(1, f32::INFINITY)],
        ..Event::default()
    };
    put(&mut store, records::EVENT, |to| first.pack(to));
    put(&mut store, records::MARK, |to| {
        Mark { step: 10, after: 5, last_step: 10, sent: Vec::new(), unsent: Vec::new(), name: "half".into() }.pack(to)
    });
    let mut sections = Sections::new();
    sections.add(1, b"first".to_vec()).unwrap();
    store.checkpoint(sections).unwrap();
    point(&mut store, 4, 20, &[8.0, 0.0]);
    let picks = vec![pick(4, 8.0), pick(3, 2.5)];
    let second = Event {
        number: 1,
        step: 20,
        n: 2,
        merged: 1,
        selected: 3,
        discarded: 1,
        picks,
        gone: vec![2],
        ..Event::default()
    };
    put(&mut store, records::EVENT, |to| second.pack(to));
    put(&mut store, records::BRANCH, |to| Branch { number: 1, step: 10, after: 5, told: Vec::new() }.pack(to));
    let mut sections = Sections::new();
    sections.add(1, b"second".to_vec()).unwrap();
    store.checkpoint(sections).unwrap();
    store.close().unwrap();
    path.to_str().unwrap().into()
}

/// A run that no stream writes, though its records are whole.
pub fn write_wrong(path: &Path, what: &str) -> String {
    let mut store = Store::create(path, "", &Options::default()).unwrap();
    if what != "no options" {
        put(&mut store, records::OPTIONS, |to| {
            to.u8s(b"");
        });
    }
    let event =
        |number: u64, id: u64| Event { number, picks: vec![Picked { id, queue: 0, rank: 1.0 }], ..Event::default() };
    match what {
        "short" => put(&mut store, records::EVENT, |to| {
            to.u64(0);
        }),
        "nan" => point(&mut store, 1, 0, &[0.0, f32::NAN]),
        _ => point(&mut store, 1, 0, &[0.0, 0.0]),
    }
    match what {
        "unknown pick" => put(&mut store, records::EVENT, |to| event(0, 9).pack(to)),
        "event number" => put(&mut store, records::EVENT, |to| event(5, 1).pack(to)),
        "second point" => point(&mut store, 1, 0, &[0.0, 0.0]),
        _ => {}
    }
    store.close().unwrap();
    path.to_str().unwrap().into()
}

/// Appends a point.
pub fn point(store: &mut Store, id: u64, step: i64, point: &[f32]) {
    let meta = Meta { id, step, ..Meta::default() };
    let parts = PointParts { id, content: id, queue: 0, meta: &meta, probabilities: &[], point };
    put(store, records::POINT, |to| Point::pack(parts, to));
}

/// Appends an entry.
pub fn put(store: &mut Store, kind: u16, pack: impl FnOnce(&mut Packer)) {
    let mut packer = Packer::new();
    pack(&mut packer);
    store.append(kind, packer.bytes()).unwrap();
}

/// A run of a real sampler: two queues, points of three coordinates, events of every ten of them, a pick that is returned
/// and a patch that is withdrawn. `change` may falsify the events.
pub fn write_decided(path: &Path, change: impl Fn(&mut Event)) -> (Sampler, Vec<(u64, Vec<f32>)>) {
    let queue = |name, capacity| dynim::QueueConfig { capacity, min_random: 2, ..dynim::QueueConfig::new(name) };
    let layout = Layout { seed: 9, queues: vec![queue("one", 12), queue("two, \"2\"", 7)], ..Layout::new(3) };
    let mut sampler = Sampler::with_layout(layout.clone()).unwrap();
    let mut store = Store::create(path, "", &Options::default()).unwrap();
    put(&mut store, records::OPTIONS, |to| {
        to.u8s(say(&layout).as_bytes());
    });
    let (mut random, mut points) = (1_u64, Vec::new());
    for number in 0..8_u64 {
        for id in number * 10 + 1..=number * 10 + 10 {
            let mut x = [0.0; 3];
            for x in &mut x {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *x = (random >> 40) as f32 / 1e6;
            }
            let queue = (id % 2) as usize;
            let factor = (id % 3 == 0).then_some(1.5);
            sampler.add_to(queue, id, number as i64, &x, factor).unwrap();
            let label = (id == 7).then_some("a, \"b\"");
            let meta = Meta { id, step: number as i64, time_us: 0.1 * id as f64, factor, label, ..Meta::default() };
            let parts = PointParts { id, content: id, queue: queue as u16, meta: &meta, probabilities: &[], point: &x };
            put(&mut store, records::POINT, |to| Point::pack(parts, to));
            points.push((id, x.to_vec()));
        }
        let decided = sampler.select(number as i64, 2);
        let picks = decided.picks.iter().map(|pick| Picked { id: pick.id, queue: pick.queue as u16, rank: pick.rank });
        let mut event = Event {
            number,
            step: number as i64,
            n: 2,
            merged: decided.merged as u64,
            candidates: sampler.candidates() as u64,
            selected: sampler.selected() as u64,
            discarded: sampler.discarded() as u64,
            picks: picks.collect(),
            gone: decided.discarded.iter().map(|discarded| discarded.id).collect(),
            ..Event::default()
        };
        change(&mut event);
        put(&mut store, records::EVENT, |to| event.pack(to));
        if number == 4 {
            let (id, step) = (decided.picks[0].id, 4);
            sampler.set_state(id, State::Returned, step).unwrap();
            let moved = Moved { id, step, attempt: 0, to: State::Returned, by: By::Host, reason: String::new() };
            put(&mut store, records::STATE, |to| moved.pack(to));
            sampler.withdraw(id, step).unwrap();
            put(&mut store, records::WITHDRAWN, |to| Withdrawn { id, step, why: Why::Host }.pack(to));
            points.retain(|(other, _)| *other != id);
        }
    }
    store.close().unwrap();
    (sampler, points)
}
