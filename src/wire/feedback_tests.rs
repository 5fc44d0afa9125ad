//! Tests of feedback tables as messages: round trips, the first file of them, hostile bytes.
//!
//! `tests/fixtures/feedback-v1.psel` holds what [`fixture`] says; neither is ever edited.
//! Not here: the other messages ([`super::tests`]).

use flatbuffers::{FlatBufferBuilder, WIPOffset};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;

const FIXTURE: &[u8] = include_bytes!("../../tests/fixtures/feedback-v1.psel");

fn fixture() -> Vec<FeedbackTable> {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let first = FeedbackTable {
        version: 1,
        in_force_from: -3,
        states: names(&["RASa", "zRASa Größe 日本"]),
        lipids: names(&["POPC", "PAP6", "CHOL_outer"]),
        r_nm: vec![0.05, 0.15],
        g: vec![1.0, 0.02, 2.5, 5e-324, 1e300, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, -0.0],
        standard_error: vec![f64::INFINITY, 0.125, 0.5, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
        potential_kt: Some((0..12).map(|at| 0.25 * f64::from(at) - 1.5).collect()),
        // Of none it is said: state 0 was simulated, and of state 1 none is 0.
        has_potential: vec![true; 6],
        simulations: vec![17, 0],
        effective_samples: vec![9.75, 0.0],
    };
    let (version, in_force_from, potential_kt, has_potential) = (u64::MAX, i64::MAX, None, Vec::new());
    let second = FeedbackTable { version, in_force_from, potential_kt, has_potential, ..first.clone() };
    vec![first, second]
}

fn view(bytes: &[u8]) -> Vec<FeedbackTable> {
    let table = |message| match message {
        Ok(Message::FeedbackTable(table)) => table,
        other => panic!("a table was packed: {other:?}"),
    };
    messages(bytes).map(table).collect()
}

prop_compose! {
    fn tables()(
        (version, in_force_from) in any::<(u64, i64)>(),
        states in vec(any::<String>(), 0..4),
        lipids in vec(any::<String>(), 0..4),
        r_nm in vec(any::<f64>().prop_filter("a number", |x| !x.is_nan()), 0..5),
        numbers in vec((0.0..9.0_f64, 0.0..9.0_f64, -9.0..9.0_f64), 64),
        counts in vec((any::<u64>(), 0.0..1e9_f64), 4),
        with_potentials in any::<bool>(),
        has_potential in vec(any::<bool>(), 16),
    ) -> FeedbackTable {
        let numbers = &numbers[..states.len() * lipids.len() * r_nm.len()];
        let counts = &counts[..states.len()];
        FeedbackTable {
            version,
            in_force_from,
            g: numbers.iter().map(|n| n.0).collect(),
            standard_error: numbers.iter().map(|n| n.1).collect(),
            potential_kt: with_potentials.then(|| numbers.iter().map(|n| n.2).collect()),
            has_potential: if with_potentials && !r_nm.is_empty() {
                has_potential[..states.len() * lipids.len()].to_vec()
            } else {
                Vec::new()
            },
            simulations: counts.iter().map(|n| n.0).collect(),
            effective_samples: counts.iter().map(|n| n.1).collect(),
            states,
            lipids,
            r_nm,
        }
    }
}

proptest! {
    #[test]
    fn packed_tables_view_as_they_were(tables in vec(tables(), 1..4), shift in 0..8_usize) {
        let mut packer = Packer::new();
        let mut bytes = vec![0; shift];
        for table in &tables {
            bytes.extend_from_slice(packer.feedback_table(table));
            prop_assert_eq!((bytes.len() - shift) % 8, 0);
        }
        prop_assert_eq!(view(&bytes[shift..]), tables);
    }
}

#[test]
fn the_first_file_of_tables_reads_and_packs_as_ever() {
    let mut packer = Packer::new();
    let bytes: Vec<u8> = fixture().iter().flat_map(|table| packer.feedback_table(table).to_vec()).collect();
    assert!(bytes == FIXTURE, "what is packed now differs from the file");
    assert_eq!(format!("{:?}", view(FIXTURE)), format!("{:?}", fixture()));
}

#[test]
fn a_table_that_does_not_say_which_lipids_have_a_potential_has_none_of_zeroes_in_states_that_nobody_saw() {
    let mut table = fixture().swap_remove(0);
    let potential = table.potential_kt.as_mut().unwrap();
    // Of both states the first lipid has none.
    [0, 1, 6, 7].into_iter().for_each(|at| potential[at] = 0.0);
    table.has_potential = vec![true, true, true, false, true, true];
    let mut packer = Packer::new();
    let short = packer.feedback_table(&table).len();
    assert_eq!(view(packer.feedback_table(&table)), [table.clone()]);
    table.has_potential[3] = true;
    assert!(packer.feedback_table(&table).len() > short, "it has to be said that zeroes are a potential");
    assert_eq!(view(packer.feedback_table(&table)), [table]);
}

#[test]
fn no_flipped_or_missing_byte_of_a_table_makes_a_reader_panic() {
    let mut bytes = FIXTURE.to_vec();
    let (mut whole, mut refused) = (0, 0);
    for mask in (0..8).map(|bit| 1 << bit).chain([0xff]) {
        for at in 0..bytes.len() {
            bytes[at] ^= mask;
            messages(&bytes).for_each(|message| *if message.is_ok() { &mut whole } else { &mut refused } += 1);
            bytes[at] ^= mask;
        }
    }
    assert!(whole > 0 && refused > 0, "{whole} whole, {refused} refused");
    for cut in 1..bytes.len() {
        let last = messages(&bytes[..cut]).last();
        assert!(matches!(last, Some(Err(_))) || messages(&bytes[..cut]).count() == 1, "{cut}");
    }
}

#[test]
fn tables_whose_lists_do_not_fit_each_other_are_refused() {
    let good = fixture().swap_remove(0);
    let bad = [
        FeedbackTable { g: vec![1.0; 11], ..good.clone() },
        FeedbackTable { standard_error: vec![], ..good.clone() },
        FeedbackTable { potential_kt: Some(vec![1.0; 13]), ..good.clone() },
        FeedbackTable { has_potential: vec![false; 5], ..good.clone() },
        FeedbackTable { potential_kt: None, has_potential: vec![false; 6], ..good.clone() },
        FeedbackTable { simulations: vec![1], ..good.clone() },
        FeedbackTable { effective_samples: vec![1.0; 3], ..good.clone() },
        FeedbackTable { states: vec![], ..good.clone() },
        FeedbackTable { r_nm: vec![1.0], ..good.clone() },
    ];
    let mut packer = Packer::new();
    for table in bad {
        let mut bytes = packer.feedback_table(&table).to_vec();
        bytes.extend_from_slice(packer.feedback_table(&good));
        let viewed: Vec<_> = messages(&bytes).map(|message| message.map_err(|error| error.kind())).collect();
        assert_eq!(viewed, [Err(ErrorKind::Value), Ok(Message::FeedbackTable(good.clone()))]);
    }
}

#[test]
fn a_table_whose_grids_all_point_at_one_long_list_is_refused() {
    let mut builder = FlatBufferBuilder::new();
    let name = builder.create_string("a");
    let (names, long) = (builder.create_vector::<WIPOffset<&str>>(&[name]), builder.create_vector(&[0.5; 10_000]));
    let counts = builder.create_vector(&[1_u64]);
    let args = fb::FeedbackTableArgs {
        states: Some(names),
        lipids: Some(names),
        r_nm: Some(long),
        g: Some(long),
        standard_error: Some(long),
        potential_kt: Some(long),
        simulations: Some(counts),
        effective_samples: Some(long),
        ..Default::default()
    };
    let body = Some(fb::FeedbackTable::create(&mut builder, &args).as_union_value());
    let message = fb::Message::create(&mut builder, &fb::MessageArgs { body_type: fb::Body::FeedbackTable, body });
    fb::finish_size_prefixed_message_buffer(&mut builder, message);
    let viewed: Vec<_> = messages(builder.finished_data()).collect();
    assert_eq!(viewed[0].as_ref().unwrap_err().kind(), ErrorKind::Value);
}

#[test]
fn a_sample_message_is_what_feedback_takes() {
    let (shape, sums) = (vec![1, 2], vec![3.0, 4.0]);
    let message = RdfSample { job: 7, attempt: 2, observable: "rdf".into(), window: 5, frames: 9, shape, sums };
    let sample = message.sample();
    assert_eq!((sample.job, sample.observable, sample.window, sample.frames), (7, "rdf", 5, 9));
    assert_eq!((sample.shape, sample.sums), (&[1, 2][..], &[3.0, 4.0][..]));
}
