//! Tests: the first `.psel` file there was, which every later reader reads. Neither it nor its values are ever edited.
//!
//! Not here: C++ reading the same file (`.ci/schema`).

use std::fmt::Write;

use super::*;
use crate::patch::{Constellation, Protein};

const FIXTURE: &[u8] = include_bytes!("../../tests/fixtures/selections-v1.psel");
const FIXTURE_TEXT: &str = include_str!("../../tests/fixtures/selections-v1.txt");

/// The values of the committed fixture.
pub(super) fn fixture() -> Vec<Message> {
    let protein = |id, state, partner, x_nm, y_nm| Protein { id, state, partner, x_nm, y_nm };
    let first = Selection {
        id: 1,
        rank: f32::INFINITY,
        order: 0,
        event: 1,
        point: vec![0.5, -1.25, 3.0e-8],
        step: 100,
        time_us: 12.5,
        center_nm: [80.0, 159.166_666_666_666_66],
        constellation: Constellation { ras: 2, raf: 1 },
        proteins: vec![protein(7, 4, 1, 0.125, -0.25), protein(8, 7, 0, 1.5, -0.0), protein(9, 0, -1, -14.75, 15.0)],
        label: Some("RAS-RAF, Größe 30 nm, 日本".to_owned()),
        // The file is older than queues and classes: it reads as the first queue, and as no class.
        queue: 0,
        class_label: None,
        probabilities: Vec::new(),
    };
    let second = Selection {
        id: (1 << 48) - 1,
        rank: 0.1,
        order: 1,
        point: vec![-0.0, f32::MAX, f32::MIN_POSITIVE],
        constellation: Constellation { ras: 0, raf: 0 },
        proteins: Vec::new(),
        label: None,
        ..first.clone()
    };
    let batch = |event, step, selections| SelectionBatch {
        event,
        step,
        selections,
        candidates: 35_000,
        selected: 2,
        discarded: u64::MAX,
    };
    vec![
        Message::SelectionBatch(batch(1, 100, vec![first, second])),
        Message::SelectionBatch(batch(2, -1, Vec::new())),
        Message::Weights(Weights {
            event: 2,
            ids: vec![1, (1 << 48) - 1],
            weights: vec![1.0, 35_001.0],
            normalised: vec![2.0 / 35_002.0, 70_002.0 / 35_002.0],
        }),
    ]
}

/// Text as `.ci/flatc/read_fixture.cpp` prints it.
fn text(stream: &[Message]) -> String {
    let mut out = String::new();
    for message in stream {
        match message {
            Message::SelectionBatch(SelectionBatch { event, step, selections, candidates, selected, discarded }) => {
                let counts = format!("candidates {candidates} selected {selected} discarded {discarded}");
                writeln!(out, "batch event {event} step {step} {counts}").unwrap();
                selections.iter().for_each(|selection| write_selection(&mut out, selection));
            }
            Message::Weights(Weights { event, ids, weights, normalised }) => {
                writeln!(out, "weights event {event}").unwrap();
                for ((id, weight), normalised) in ids.iter().zip(weights).zip(normalised) {
                    let (weight, normalised) = (weight.to_bits(), normalised.to_bits());
                    writeln!(out, "  id {id} weight {weight:016x} normalised {normalised:016x}").unwrap();
                }
            }
            other => panic!("the fixture has no {other:?}"),
        }
    }
    out
}

fn write_selection(out: &mut String, s: &Selection) {
    let [x, y] = s.center_nm.map(f64::to_bits);
    let (rank, time, Constellation { ras, raf }) = (s.rank.to_bits(), s.time_us.to_bits(), s.constellation);
    write!(out, "selection id {} rank {rank:08x} order {} event {} step {}", s.id, s.order, s.event, s.step).unwrap();
    write!(out, " time_us {time:016x} center_nm {x:016x} {y:016x} ras {ras} raf {raf} point").unwrap();
    s.point.iter().for_each(|value| write!(out, " {:08x}", value.to_bits()).unwrap());
    writeln!(out, " label {}", s.label.as_deref().unwrap_or("(none)")).unwrap();
    for Protein { id, state, partner, x_nm, y_nm } in &s.proteins {
        let (x, y) = (x_nm.to_bits(), y_nm.to_bits());
        writeln!(out, "  protein id {id} state {state} partner {partner} x_nm {x:016x} y_nm {y:016x}").unwrap();
    }
}

#[test]
fn a_stream_of_one_queue_packs_to_the_bytes_of_the_first_file() {
    let mut packer = Packer::new();
    let mut bytes = Vec::new();
    for message in fixture() {
        bytes.extend_from_slice(match &message {
            Message::SelectionBatch(batch) => packer.selection_batch(batch),
            Message::Weights(weights) => packer.weights(weights),
            other => panic!("the fixture has no {other:?}"),
        });
    }
    assert!(bytes == FIXTURE);
}

#[test]
fn the_first_file_reads_as_ever() {
    let viewed: Vec<_> = messages(FIXTURE).map(|message| message.expect("an intact file")).collect();
    assert_eq!(format!("{viewed:?}"), format!("{:?}", fixture()));
    assert_eq!(text(&viewed), FIXTURE_TEXT);
}
