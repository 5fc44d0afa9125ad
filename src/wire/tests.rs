//! Tests of packing and viewing: round trips and hostile bytes.
//!
//! Not here: files of earlier versions ([`super::fixture`]).

use flatbuffers::{FlatBufferBuilder, WIPOffset};
use proptest::collection::vec;
use proptest::num::{f32 as f32s, f64 as f64s};
use proptest::prelude::*;

use super::fixture::fixture;
use super::*;
use crate::error::ErrorKind;
use crate::patch::{Constellation, Protein};

fn float32() -> impl Strategy<Value = f32> {
    f32s::POSITIVE | f32s::NEGATIVE | f32s::NORMAL | f32s::SUBNORMAL | f32s::ZERO | f32s::INFINITE
}

fn float64() -> impl Strategy<Value = f64> {
    f64s::POSITIVE | f64s::NEGATIVE | f64s::NORMAL | f64s::SUBNORMAL | f64s::ZERO | f64s::INFINITE
}

fn proteins() -> impl Strategy<Value = Vec<Protein>> {
    let protein = (any::<u64>(), any::<i32>(), any::<i32>(), float64(), float64())
        .prop_map(|(id, state, partner, x_nm, y_nm)| Protein { id, state, partner, x_nm, y_nm });
    vec(protein, 0..6)
}

prop_compose! {
    fn patch_metas()(
        (id, step, time_us) in (any::<u64>(), any::<i64>(), float64()),
        center_nm in [float64(), float64()],
        (ras, raf) in any::<(u16, u16)>(),
        proteins in proteins(),
        (label, factor) in (any::<Option<String>>(), proptest::option::of(float32())),
    ) -> PatchMeta {
        PatchMeta { id, step, time_us, center_nm, constellation: Constellation { ras, raf }, proteins, label, factor }
    }
}

prop_compose! {
    fn selections()(
        meta in patch_metas(),
        rank in float32(),
        (order, event, queue) in any::<(u32, u64, u16)>(),
        point in vec(float32(), 0..20),
        (class_label, probabilities) in (any::<Option<String>>(), vec(float32(), 0..14)),
    ) -> Selection {
        let PatchMeta { id, step, time_us, center_nm, constellation, proteins, label, .. } = meta;
        Selection {
            id,
            rank,
            order,
            event,
            point,
            step,
            time_us,
            center_nm,
            constellation,
            proteins,
            label,
            queue,
            class_label,
            probabilities,
        }
    }
}

prop_compose! {
    fn batches()(
        (event, step, candidates, selected, discarded) in any::<(u64, i64, u64, u64, u64)>(),
        selections in vec(selections(), 0..5),
    ) -> SelectionBatch {
        SelectionBatch { event, step, selections, candidates, selected, discarded }
    }
}

prop_compose! {
    fn weights()(event: u64, all in vec((any::<u64>(), float64(), float64()), 0..9)) -> Weights {
        Weights {
            event,
            ids: all.iter().map(|w| w.0).collect(),
            weights: all.iter().map(|w| w.1).collect(),
            normalised: all.iter().map(|w| w.2).collect(),
        }
    }
}

fn streams() -> impl Strategy<Value = Vec<Message>> {
    let message = prop_oneof![
        selections().prop_map(Message::Selection),
        batches().prop_map(Message::SelectionBatch),
        weights().prop_map(Message::Weights),
    ];
    vec(message, 0..5)
}

fn pack(packer: &mut Packer, stream: &[Message]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in stream {
        bytes.extend_from_slice(match message {
            Message::Selection(selection) => packer.selection(selection),
            Message::SelectionBatch(batch) => packer.selection_batch(batch),
            Message::Weights(weights) => packer.weights(weights),
            _ => unreachable!("streams() makes none"),
        });
        assert_eq!(bytes.len() % 8, 0);
    }
    bytes
}

fn view(bytes: &[u8]) -> Vec<Message> {
    messages(bytes).map(|message| message.expect("an intact stream")).collect()
}

fn kinds(bytes: &[u8]) -> Vec<Option<ErrorKind>> {
    messages(bytes).map(|message| message.err().map(|error| error.kind())).collect()
}

proptest! {
    #[test]
    fn several_messages_hold_what_one_does(batch in batches(), all in weights(), count in 1usize..4, bytes in 0usize..2000) {
        let mut packer = Packer::new();
        packer.limits.selections = count;
        packer.limits.bytes = bytes;
        packer.limits.weights = count;
        let packed = packer.selection_batch(&batch).to_vec();
        let (parts, mut at) = (view(&packed), 0);
        let mut selections = Vec::new();
        for part in &parts {
            let Message::SelectionBatch(part) = part else { panic!("a batch was packed") };
            let length = 4 + u32::from_le_bytes(packed[at..at + 4].try_into().unwrap()) as usize;
            prop_assert!(part.selections.len() <= 1 || length <= bytes + 256, "{} bytes, limit {}", length, bytes);
            at += length;
            prop_assert!(part.selections.len() <= count);
            prop_assert!(parts.len() == 1 || !part.selections.is_empty());
            prop_assert_eq!((part.event, part.step), (batch.event, batch.step));
            selections.extend_from_slice(&part.selections);
        }
        prop_assert_eq!(selections, batch.selections);
        let mut joined = Weights { event: all.event, ids: vec![], weights: vec![], normalised: vec![] };
        for part in view(packer.weights(&all)) {
            let Message::Weights(part) = part else { panic!("weights were packed") };
            prop_assert!(part.ids.len() <= count && part.event == all.event);
            joined.ids.extend(part.ids);
            joined.weights.extend(part.weights);
            joined.normalised.extend(part.normalised);
        }
        prop_assert_eq!(joined, all);
    }

    /// Compared as text, since -0.0 equals 0.0.
    #[test]
    fn a_packed_stream_views_as_it_was(stream in streams()) {
        let bytes = pack(&mut Packer::new(), &stream);
        prop_assert_eq!(format!("{:?}", view(&bytes)), format!("{stream:?}"));
    }

    #[test]
    fn a_packed_patch_views_as_it_was(patch in patch_metas()) {
        let mut packer = Packer::new();
        let bytes = packer.patch_meta(&patch.meta(), patch.constellation);
        prop_assert_eq!(bytes.len() % 8, 0);
        let view = patch_meta(bytes).unwrap();
        let mut proteins = vec![Protein { id: 1, state: 0, partner: -1, x_nm: 0.0, y_nm: 0.0 }];
        prop_assert_eq!(format!("{:?}", view.meta(&mut proteins)), format!("{:?}", patch.meta()));
        prop_assert_eq!(format!("{:?}", view.to_owned()), format!("{patch:?}"));
    }

    #[test]
    fn a_used_packer_packs_the_same_bytes_as_a_new_one(before in streams(), stream in streams()) {
        let mut used = Packer::new();
        pack(&mut used, &before);
        prop_assert_eq!(pack(&mut used, &stream), pack(&mut Packer::new(), &stream));
    }

    #[test]
    fn the_address_of_the_bytes_does_not_matter(stream in streams(), patch in patch_metas()) {
        let bytes = pack(&mut Packer::new(), &stream);
        let mut packer = Packer::new();
        let patch_bytes = packer.patch_meta(&patch.meta(), patch.constellation);
        let mut room = vec![0; bytes.len().max(patch_bytes.len()) + 8];
        for shift in 0..8 {
            room[shift..][..bytes.len()].copy_from_slice(&bytes);
            prop_assert_eq!(view(&room[shift..][..bytes.len()]), &stream[..]);
            room[shift..][..patch_bytes.len()].copy_from_slice(patch_bytes);
            prop_assert_eq!(&patch_meta(&room[shift..][..patch_bytes.len()]).unwrap().to_owned(), &patch);
        }
    }

    #[test]
    fn a_truncated_stream_gives_what_is_whole_and_one_error(stream in streams()) {
        let mut packer = Packer::new();
        let mut ends = vec![0];
        let mut bytes = Vec::new();
        for message in &stream {
            bytes.extend(pack(&mut packer, std::slice::from_ref(message)));
            ends.push(bytes.len());
        }
        for cut in 0..bytes.len() {
            let whole = ends.iter().filter(|&&end| end <= cut).count() - 1;
            let mut expected: Vec<_> = stream[..whole].iter().cloned().map(Ok).collect();
            let viewed: Vec<_> = messages(&bytes[..cut]).map(|message| message.map_err(|error| error.kind())).collect();
            if !ends.contains(&cut) {
                expected.push(Err(ErrorKind::Value));
            }
            prop_assert_eq!(viewed, expected);
        }
    }

    #[test]
    fn a_truncated_patch_is_an_error(patch in patch_metas()) {
        let mut packer = Packer::new();
        let bytes = packer.patch_meta(&patch.meta(), patch.constellation);
        for cut in 0..bytes.len() {
            // What a cut takes away is padding at most where the rest still reads.
            match patch_meta(&bytes[..cut]) {
                Ok(view) => prop_assert_eq!(view.to_owned(), patch.clone()),
                Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Value),
            }
        }
    }

    #[test]
    fn garbage_is_an_error(bytes in vec(any::<u8>(), 1..200), body in vec(any::<u8>(), 0..200)) {
        prop_assert!(messages(&bytes).next().unwrap().is_err());
        prop_assert!(patch_meta(&bytes).is_err());
        let root = (body.len() as u32 / 8) * 4;
        let headed = [&root.to_le_bytes()[..], b"PSTR", &body].concat();
        let prefixed = [&(headed.len() as u32).to_le_bytes()[..], &headed].concat();
        let _ = patch_meta(&headed);
        prop_assert_eq!(messages(&prefixed).count(), 1);
    }
}

#[test]
fn no_flipped_byte_makes_a_reader_panic() {
    let (mut stream, mut packer) = (fixture(), Packer::new());
    let Message::SelectionBatch(batch) = stream[0].clone() else { panic!("a batch comes first") };
    let s = &batch.selections[0];
    let class_label = Some("RAS4b alpha".into());
    stream.push(Message::Selection(Selection { class_label, probabilities: vec![0.75, 0.25], queue: 1, ..s.clone() }));
    let mut bytes = pack(&mut packer, &stream);
    let Selection { id, step, time_us, center_nm, constellation, .. } = *s;
    let (proteins, label, factor) = (s.proteins.clone(), s.label.clone(), Some(2.5));
    let meta = PatchMeta { id, step, time_us, center_nm, constellation, proteins, label, factor };
    let mut patch = packer.patch_meta(&meta.meta(), constellation).to_vec();
    let (mut whole, mut refused) = (0, 0);
    for mask in (0..8).map(|bit| 1 << bit).chain([0xff]) {
        for at in 0..bytes.len() {
            bytes[at] ^= mask;
            messages(&bytes).for_each(|message| *if message.is_ok() { &mut whole } else { &mut refused } += 1);
            bytes[at] ^= mask;
        }
        for at in 0..patch.len() {
            patch[at] ^= mask;
            let _ = patch_meta(&patch).map(|view| view.to_owned());
            patch[at] ^= mask;
        }
    }
    assert!(whole > 0 && refused > 0, "{whole} whole, {refused} refused");
}

#[test]
fn another_identifier_is_a_version_error_and_the_next_message_follows() {
    let mut packer = Packer::new();
    let mut bytes = pack(&mut packer, &fixture());
    assert_eq!(&bytes[8..12], b"PSTR");
    bytes[8..12].copy_from_slice(b"PST\xff");
    assert_eq!(kinds(&bytes), [Some(ErrorKind::Version), None, None]);
    let error = messages(&bytes).next().unwrap().unwrap_err();
    assert!(error.message().contains(r#"at byte 0: the message's identifier is "PST\xff""#), "{error}");
    assert_eq!(patch_meta(&bytes[4..]).unwrap_err().kind(), ErrorKind::Version);
}

#[test]
fn a_patch_is_not_viewed_from_another_message() {
    let mut builder = FlatBufferBuilder::new();
    let lists = (builder.create_vector::<u64>(&[]), builder.create_vector::<f64>(&[]));
    let args = fb::WeightsArgs { event: 1, ids: Some(lists.0), weights: Some(lists.1), normalised: Some(lists.1) };
    let body = Some(fb::Weights::create(&mut builder, &args).as_union_value());
    let message = fb::Message::create(&mut builder, &fb::MessageArgs { body_type: fb::Body::Weights, body });
    fb::finish_message_buffer(&mut builder, message);
    let error = patch_meta(builder.finished_data()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
    assert!(error.message().contains("Weights"), "{error}");
}

#[test]
fn messages_of_other_kinds_are_passed_over() {
    for kind in [fb::Body::Job.0, fb::Body::FeedbackTable.0, 200] {
        let mut builder = FlatBufferBuilder::new();
        let body = if kind == fb::Body::FeedbackTable.0 {
            let (names, values) = (builder.create_vector::<WIPOffset<&str>>(&[]), builder.create_vector(&[0.5]));
            let counts = builder.create_vector(&[1u64]);
            let args = fb::FeedbackTableArgs {
                version: 1,
                states: Some(names),
                lipids: Some(names),
                r_nm: Some(values),
                g: Some(values),
                standard_error: Some(values),
                simulations: Some(counts),
                effective_samples: Some(values),
                ..Default::default()
            };
            fb::FeedbackTable::create(&mut builder, &args).as_union_value()
        } else {
            // No valid job, and of a kind that nobody knows: the second is passed over, the first is refused.
            let ids = builder.create_vector(&[1u64]);
            let values = builder.create_vector(&[1.0]);
            let args = fb::WeightsArgs { event: 1, ids: Some(ids), weights: Some(values), normalised: Some(values) };
            fb::Weights::create(&mut builder, &args).as_union_value()
        };
        let args = fb::MessageArgs { body_type: fb::Body(kind), body: Some(body) };
        let message = fb::Message::create(&mut builder, &args);
        fb::finish_size_prefixed_message_buffer(&mut builder, message);
        let viewed: Vec<_> = messages(builder.finished_data()).collect();
        if kind == fb::Body::Job.0 {
            assert_eq!(viewed[0].as_ref().unwrap_err().kind(), ErrorKind::Value);
        } else {
            assert_eq!(viewed, [Ok(Message::Other(kind))]);
        }
    }
}

#[test]
fn weights_of_unequal_lengths_are_refused() {
    let mut packer = Packer::new();
    for (weights, normalised) in [(vec![1.0], vec![1.0, 1.0]), (vec![1.0, 1.0], vec![1.0]), (vec![1.0], vec![1.0])] {
        let wrong = Weights { event: 1, ids: vec![1, 2], weights, normalised };
        assert_eq!(kinds(packer.weights(&wrong)), [Some(ErrorKind::Value)]);
    }
}

#[test]
fn a_message_whose_parts_all_point_at_one_long_list_is_refused() {
    let mut builder = FlatBufferBuilder::new();
    let point = builder.create_vector(&[0f32; 10_000]);
    let proteins = builder.create_vector::<fb::Protein>(&[]);
    let args = fb::SelectionArgs {
        point: Some(point),
        proteins: Some(proteins),
        center_nm: Some(&fb::Point::new(0.0, 0.0)),
        constellation: Some(&fb::Constellation::new(0, 0)),
        ..Default::default()
    };
    let selection = fb::Selection::create(&mut builder, &args);
    let selections = builder.create_vector(&[selection; 10_000]);
    let args = fb::SelectionBatchArgs { selections: Some(selections), ..Default::default() };
    let body = Some(fb::SelectionBatch::create(&mut builder, &args).as_union_value());
    let message = fb::Message::create(&mut builder, &fb::MessageArgs { body_type: fb::Body::SelectionBatch, body });
    fb::finish_size_prefixed_message_buffer(&mut builder, message);
    assert!(flatbuffers::size_prefixed_root::<fb::Message>(builder.finished_data()).is_ok());
    assert_eq!(kinds(builder.finished_data()), [Some(ErrorKind::Value)]);
}

#[test]
fn what_is_too_large_for_one_message_comes_in_several() {
    let Message::SelectionBatch(mut batch) = fixture().swap_remove(0) else { panic!("a batch comes first") };
    let small = Selection { proteins: Vec::new(), label: None, ..batch.selections[1].clone() };
    batch.selections = (0..65_537).map(|order| Selection { order, ..small.clone() }).collect();
    let mut packer = Packer::new();
    let bytes = packer.selection_batch(&batch);
    assert!(flatbuffers::size_prefixed_root::<fb::Message>(bytes).is_ok());
    let (mut parts, mut joined) = (0, SelectionBatch { selections: Vec::new(), ..batch.clone() });
    for message in view(bytes) {
        let Message::SelectionBatch(part) = message else { panic!("only batches were packed") };
        joined.selections.extend(part.selections.iter().cloned());
        assert_eq!(
            SelectionBatch { selections: Vec::new(), ..part },
            SelectionBatch { selections: Vec::new(), ..batch.clone() }
        );
        parts += 1;
    }
    assert_eq!(parts, 2);
    assert!(joined == batch);
}
