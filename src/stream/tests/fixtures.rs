//! Runs that earlier builds wrote open for ever: `tests/fixtures/runs/v1-*`, which `tests/fixtures/runs/README.md` lists.
//!
//! A fixture is never edited. Of what format 1 gained since, another one is written: the ignored tests write them, each into
//! a folder that is not there. Not here: the files alone (`src/store/tests/fixtures.rs`).

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::journal::{Folder, copy_all, decided};
use super::patch;
use crate::dynim::State;
use crate::feedback::{Simulation, Table};
use crate::patch::{Field, Meta, Protein, Samples};
use crate::store::bytes::Packer;
use crate::store::{self, Options, Sections, Store};
use crate::stream::journal::feedback::{self, Looked};
use crate::stream::journal::records::{
    self, Branch, By, Event, Given, LeftOut, Mark, Moved, Picked, Point, PointParts, Why, Withdrawn,
};
use crate::stream::{Builder, Producer, Pushed, Resumed, Selections, Stream};
use crate::wire::{self, RdfSample};

const LONG: Duration = Duration::from_secs(60);
/// Patches of a step.
const PATCHES: u64 = 6;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/runs").join(name)
}

/// A copy that may be gone on with.
fn copied(name: &str) -> Folder {
    let folder = Folder::new();
    copy_all(&fixture(name), &folder.0);
    folder
}

/// Kind and payload.
type Entry = (u16, Vec<u8>);

fn packed(kind: u16, pack: &dyn Fn(&mut Packer)) -> Entry {
    let mut packer = Packer::new();
    pack(&mut packer);
    (kind, packer.into_bytes())
}

/// An entry of each kind, with everything that it may hold.
fn entries() -> Vec<Entry> {
    let pick = |id: u64, rank: f32| Picked { id, queue: 3, rank };
    let proteins = [
        Protein { id: 7, state: 3, partner: 8, x_nm: -0.5, y_nm: 1.25 },
        Protein { id: 8, state: -1, partner: -1, x_nm: 2.0, y_nm: -14.75 },
    ];
    let plain = Meta { id: 1, step: -3, time_us: 0.5, center_nm: [1.0, -2.5], ..Meta::default() };
    let whole = Meta { id: 2, proteins: &proteins, label: Some("é, \"x\""), factor: Some(1.5), ..plain };
    let point = [1.0_f32, -0.0, 3.5e-39, f32::MAX];
    let parts = |meta, probabilities| PointParts {
        id: 1 << 50 | 2,
        content: u64::MAX,
        queue: 2,
        meta,
        probabilities,
        point: &point,
    };
    let (picks, lost) = (vec![pick(1, f32::INFINITY), pick(2, 0.125)], vec![pick(3, 2.5)]);
    let event = Event {
        number: 4,
        step: -5,
        n: 6,
        merged: 7,
        candidates: 8,
        selected: 9,
        discarded: 10,
        picks,
        lost,
        gone: vec![11, 1 << 48 | 12],
    };
    let states = [State::Issued, State::Started, State::Interrupted, State::Done, State::Failed, State::Returned];
    let moved = |to| Moved {
        id: 5,
        step: 6,
        attempt: 7,
        to,
        by: match to {
            State::Done => By::Worker,
            State::Failed => By::Aside,
            _ => By::Host,
        },
        reason: "node lost".into(),
    };
    let mark =
        Mark { step: 1, after: 2, last_step: i64::MIN, sent: vec![1], unsent: vec![2, 3], name: "frame 7".into() };
    let (shape, sums) = (vec![1, 2], vec![3.0, 4.5e300]);
    let sample = RdfSample { job: 7, attempt: 2, observable: "rdf".into(), window: 5, frames: 9, shape, sums };
    let simulation = Simulation { job: 7, state: Some(3), alone: true, references: 2, densities_nm2: vec![0.25, 1.5] };
    let table = wire::Packer::new().feedback_table(&table()).to_vec();
    let mut all = vec![
        packed(records::OPTIONS, &|to| _ = to.u8s(b"dim = 4\nmodel = any\n")),
        packed(records::POINT, &|to| Point::pack(parts(&plain, &[]), to)),
        packed(records::POINT, &|to| Point::pack(parts(&whole, &[0.25, 0.75]), to)),
        packed(records::LEFT_OUT, &|to| LeftOut { id: 1, content: 2, step: -3 }.pack(to)),
        packed(records::EVENT, &|to| event.pack(to)),
        packed(records::EVENT, &|to| Event::default().pack(to)),
        packed(records::MARK, &|to| mark.pack(to)),
        packed(records::BRANCH, &|to| Branch { number: 1, step: 2, after: 3, told: vec![4] }.pack(to)),
        packed(records::POINT, &|to| Point::pack(PointParts { queue: 0, ..parts(&plain, &[]) }, to)),
        packed(records::SAMPLE, &|to| _ = to.u8s(wire::Packer::new().sample(&sample))),
        packed(records::GIVEN, &|to| Given { id: 1, attempt: 2, who: "node 5".into() }.pack(to)),
        packed(records::TAKEN, &|to| _ = to.u64(77)),
        packed(feedback::SIMULATION, &|to| feedback::pack(&simulation, to)),
        packed(feedback::SIMULATION, &|to| feedback::pack(&Simulation { state: None, ..simulation.clone() }, to)),
        packed(feedback::FEEDBACK, &|to| Looked { step: -4, asked: true }.pack(&table, to)),
        packed(feedback::FEEDBACK, &|to| Looked { step: 9, asked: false }.pack(&[], to)),
        // A later version's.
        packed(60_000, &|to| _ = to.u8s(b"anything")),
    ];
    all.extend(states.map(|to| packed(records::STATE, &|packer| moved(to).pack(packer))));
    let why = [Why::Host, Why::Branch, Why::Room, Why::Lost];
    all.extend(why.map(|why| packed(records::WITHDRAWN, &|to| Withdrawn { id: 1, step: 2, why }.pack(to))));
    all
}

fn table() -> Table {
    Table {
        version: 2,
        in_force_from: 40,
        states: vec!["RAS4a alpha".into()],
        lipids: vec!["POPC".into(), "PAPS".into()],
        r_nm: vec![0.05],
        g: vec![1.25, 0.5],
        standard_error: vec![0.125, f64::INFINITY],
        potential_kt: Some(vec![-0.25, 0.75]),
        has_potential: vec![true; 2],
        simulations: vec![9],
        effective_samples: vec![8.5],
    }
}

/// What entries may say that those of [`entries`] do not.
fn more_entries() -> Vec<Entry> {
    let potential_kt = Some(vec![0.0, -0.5]);
    let table = Table { potential_kt, has_potential: vec![false, true], ..table() };
    let table = wire::Packer::new().feedback_table(&table).to_vec();
    vec![
        packed(records::OPTIONS, &|to| _ = to.u8s(b"dim = 4\nmodel = any\nretention = run\n")),
        packed(feedback::FEEDBACK, &|to| Looked { step: 5, asked: true }.pack(&table, to)),
    ]
}

fn written() -> [(&'static str, Vec<Entry>); 2] {
    [("v1-entries", entries()), ("v1-entries-more", more_entries())]
}

#[test]
#[ignore = "writes a fixture"]
fn write_the_entries() {
    // Fixtures are never edited.
    for (name, entries) in written().into_iter().filter(|(name, _)| !fixture(name).exists()) {
        let mut store = Store::create(&fixture(name), "an entry of each kind", &Options::default()).unwrap();
        for (kind, payload) in entries {
            store.append(kind, &payload).unwrap();
        }
        store.checkpoint(Sections::new()).unwrap();
        store.close().unwrap();
    }
}

#[test]
fn an_entry_of_each_kind_is_as_format_1_has_it() {
    let kinds: BTreeSet<u16> = written().into_iter().flat_map(|(name, entries)| check(name, entries)).collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 60_000]);
}

/// The kinds of the entries of a fixture, which are those.
fn check(name: &str, entries: Vec<Entry>) -> BTreeSet<u16> {
    let found = store::read(&fixture(name)).unwrap();
    let mut read = found.records(1).unwrap();
    let mut kinds = BTreeSet::new();
    for (kind, payload) in entries {
        let record = read.next().unwrap().unwrap();
        assert_eq!(record.kind, kind, "entry {}", record.sequence);
        match kind {
            // Messages are equal if what they say is.
            records::SAMPLE => assert_eq!(records::sample(record.payload).unwrap(), records::sample(&payload).unwrap()),
            feedback::FEEDBACK => assert_eq!(Looked::view(record.payload).unwrap(), Looked::view(&payload).unwrap()),
            _ => assert_eq!(record.payload, payload, "entry {}", record.sequence),
        }
        kinds.insert(kind);
    }
    assert_eq!(read.next().unwrap(), None);
    kinds
}

fn builder(run: &Path) -> Builder {
    // A patch of no queue is left out.
    let route = |meta: &Meta<'_>, _| usize::from(meta.id % 10 == 6) * 9;
    Stream::builder().grid(5, 5).model("mean").capacity(7).slots(8).route(route).run_dir(run)
}

/// A step of the host whose runs are kept: patches with everything, one that is left out, and an event.
fn step(stream: &Stream, producer: &mut Producer, step: i64, plus: f32) -> (Vec<Pushed>, Selections) {
    let proteins = [Protein { id: 7, state: 0, partner: -1, x_nm: -0.5, y_nm: 1.25 }];
    let pushed = (1..=PATCHES).map(|at| {
        let id = step as u64 * 10 + at;
        let densities: Vec<f32> = patch(id).iter().map(|x| x + plus).collect();
        let field = Field::interleaved(Samples::F32(&densities), 5, 5, 14).unwrap();
        let (factor, label) = ((at == 3).then_some(1.5), (at == 2).then_some("control, \"x\""));
        let (proteins, time_us) = (&proteins[..usize::from(at % 2 == 0)], 0.1 * step as f64);
        let meta = Meta { id, step, time_us, center_nm: [id as f64, -1.5], proteins, label, factor };
        producer.push(&meta, &field).unwrap()
    });
    (pushed.collect(), stream.select(step, 2).unwrap().unwrap())
}

/// Everything that a stream decides, as text.
fn text(stream: &Stream) -> String {
    let mut text = String::new();
    for pick in decided(stream).0 {
        let rank = pick.rank.map_or(0, f32::to_bits);
        writeln!(text, "{} {rank:08x} {} {} {} {}", pick.id, pick.event, pick.state, pick.was_started, pick.failures)
            .unwrap();
    }
    let weights = stream.weights().unwrap().weights;
    for (id, weight) in weights.ids.iter().zip(&weights.weights) {
        writeln!(text, "weight {id} {weight}").unwrap();
    }
    let stats = stream.stats();
    writeln!(
        text,
        "{} candidates {} discarded branch {}",
        stats.candidates,
        stats.discarded,
        stats.store.unwrap().branch
    )
    .unwrap();
    text
}

#[test]
#[ignore = "writes a fixture"]
fn write_the_stream() {
    let path = fixture("v1-stream");
    assert!(!path.exists(), "fixtures are never edited");
    let stream = builder(&path).open().unwrap();
    let mut producer = stream.producer("macro").unwrap();
    for at in 0..6 {
        let (_, selections) = step(&stream, &mut producer, at, 0.0);
        let [one, other] = [0, 1].map(|pick| selections.batch.selections[pick].id);
        let states = match at {
            0 => vec![(one, State::Started), (one, State::Done), (other, State::Returned)],
            1 => vec![(one, State::Started), (one, State::Interrupted), (other, State::Failed)],
            _ => Vec::new(),
        };
        for (id, to) in states {
            assert!(stream.set_state(id, to, at).unwrap());
        }
        if at == 2 {
            let candidate = (1..30).find(|id| stream.withdraw(*id, at).is_ok());
            assert!(candidate.is_some());
        }
        if at % 2 == 1 {
            assert!(stream.checkpoint(&format!("step {at}"), at, LONG).unwrap());
        }
    }
    drop(producer);
    stream.close();
    let stream = builder(&path).open().unwrap();
    stream.resume(Some("step 3")).unwrap();
    let mut producer = stream.producer("macro").unwrap();
    for at in 4..7 {
        step(&stream, &mut producer, at, 0.25);
        if at == 5 {
            assert!(stream.checkpoint("other step 5", at, LONG).unwrap());
        }
    }
    let text = text(&stream);
    drop(producer);
    stream.close();
    std::fs::write(path.with_extension("txt"), text).unwrap();
    // A write that was in flight.
    let last = path.join("log/000002.log");
    let bytes = std::fs::read(&last).unwrap();
    std::fs::write(&last, [&bytes[..], &bytes[64..75]].concat()).unwrap();
}

#[test]
fn stream_of_format_1_is_gone_on_with() {
    let expected = std::fs::read_to_string(fixture("v1-stream.txt")).unwrap();
    let folder = copied("v1-stream");
    let stream = builder(&folder.0).open().unwrap();
    assert_eq!(text(&stream), expected);
    // Its host goes back, and does the same again.
    let resumed = stream.resume(Some("other step 5")).unwrap();
    assert_eq!(resumed, Resumed { branch: 1, step: 5, patches: PATCHES, events: 1, selections: 2 });
    let mut producer = stream.producer("macro").unwrap();
    let (pushed, selections) = step(&stream, &mut producer, 6, 0.25);
    assert_eq!(pushed, [Pushed::Known; PATCHES as usize]);
    assert!(selections.replayed && selections.batch.selections.len() == 2);
    assert_eq!(text(&stream), expected);
    let (pushed, selections) = step(&stream, &mut producer, 7, 0.25);
    assert!(
        pushed[0] == Pushed::Accepted && !selections.replayed && selections.batch.event == 9,
        "{pushed:?} {selections:?}"
    );
}

#[test]
fn run_that_was_imported_in_format_1_is_gone_on_with() {
    let folder = copied("v1-imported");
    let stream =
        Stream::builder().model("mean").mode(crate::dynim::Mode::Batch).capacity(5).run_dir(&folder.0).open().unwrap();
    let resumed = stream.resume(None).unwrap();
    assert_eq!((resumed.branch, resumed.patches, resumed.events), (0, 0, 0));
    let selections = stream.select(0, 1).unwrap().unwrap();
    assert_eq!((selections.batch.event, selections.batch.selections[0].id), (3, 11));
    assert_eq!(stream.weights().unwrap().weights.ids, [1, 9, 6, 11]);
}
