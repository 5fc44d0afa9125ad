//! Runs, written entry by entry.
//!
//! Not here: what is done with them.

use std::path::Path;

use patchstream::patch::Meta;
use patchstream::store::bytes::Packer;
use patchstream::store::{Options, Sections, Store};
use patchstream::stream::journal::records::{self, Branch, Event, Mark, Picked, Point, PointParts};

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
    put(&mut store, records::MARK, |to| Mark { step: 10, name: "half".into() }.pack(to));
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
    put(&mut store, records::BRANCH, |to| Branch { number: 1, step: 10 }.pack(to));
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
