//! Records: what is written is read, and any other bytes are an error or another record, never a panic.

mod jobs;

use proptest::prelude::*;

use super::records::{Branch, By, Event, Given, LeftOut, Mark, Moved, Picked, Point, PointParts, Why, Withdrawn};
use crate::dynim::State;
use crate::ids;
use crate::patch::{Meta, Protein};
use crate::store::bytes::Packer;

fn packed(pack: impl Fn(&mut Packer)) -> Vec<u8> {
    let mut packer = Packer::new();
    pack(&mut packer);
    packer.into_bytes()
}

fn sample() -> (Event, Moved) {
    let pick = |id: u64| Picked { id, queue: 3, rank: f32::INFINITY };
    let (picks, lost) = (vec![pick(7), pick(8)], vec![pick(9)]);
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
        gone: vec![1, 2],
    };
    let reason = "node lost".to_owned();
    (event, Moved { id: 5, step: 6, attempt: 7, to: State::Failed, by: By::Worker, reason })
}

#[test]
fn records_are_read_as_they_were_written() {
    let (event, moved) = sample();
    assert_eq!(Event::view(&packed(|to| event.pack(to))).unwrap(), event);
    assert_eq!(Moved::view(&packed(|to| moved.pack(to))).unwrap(), moved);
    let left = LeftOut { id: 1, content: 2, step: -3 };
    assert_eq!(LeftOut::view(&packed(|to| left.pack(to))).unwrap(), left);
    let withdrawn = Withdrawn { id: 1, step: 2, why: Why::Lost };
    assert_eq!(Withdrawn::view(&packed(|to| withdrawn.pack(to))).unwrap(), withdrawn);
    let (sent, unsent) = (vec![1], vec![2, 3]);
    let mark = Mark { step: 1, after: 2, last_step: -3, sent, unsent, name: "frame 7".into() };
    assert_eq!(Mark::view(&packed(|to| mark.pack(to))).unwrap(), mark);
    let branch = Branch { number: 1, step: 2, after: 3, told: vec![4] };
    assert_eq!(Branch::view(&packed(|to| branch.pack(to))).unwrap(), branch);
    let given = Given { id: 1, attempt: 2, who: "node 5".into() };
    assert_eq!(Given::view(&packed(|to| given.pack(to))).unwrap(), given);
}

#[test]
fn a_plain_point_takes_44_bytes_and_4_a_coordinate_and_one_of_another_queue_or_a_far_step_52() {
    let (point, id) = ([1.0_f32, -0.0, 3.5], ids::public(ids::BRANCH_MAX, ids::MAX));
    let (far, near) = ([i64::MIN, -(1 << 31) - 1, 1 << 31], [-(1 << 31), -1, 0, (1 << 31) - 1]);
    let plain = near.map(|step| (step, 0, 44));
    let other = far.map(|step| (step, 0, 52));
    for (step, queue, bytes) in plain.into_iter().chain(other).chain([(3, 2, 52)]) {
        let meta = Meta { step, time_us: 0.5, center_nm: [1.0, 2.0], ..Meta::default() };
        let parts = PointParts { id, content: 9, queue, meta: &meta, probabilities: &[], point: &point };
        let packed = packed(|to| Point::pack(parts, to));
        assert_eq!(packed.len(), bytes + 4 * point.len(), "step {step}");
        let mut read = Point::default();
        read.view(&packed).unwrap();
        assert_eq!((read.id, read.content, read.queue, &read.point[..]), (id, 9, queue, &point[..]));
        assert_eq!((read.meta(), Point::id_of(&packed)), (Meta { id, ..meta }, Some(id)));
    }
    assert_eq!(Point::id_of(&[1; 7]), None);
}

proptest! {
    #[test]
    fn points_with_everything_are_read_as_they_were_written(
        label in proptest::option::of("[a-z]{0,9}"), factor in proptest::option::of(0.1_f32..9.0),
        probabilities in proptest::collection::vec(0.0_f32..1.0, 0..5),
        point in proptest::collection::vec(-9.0_f32..9.0, 0..20), proteins in 0_usize..4,
    ) {
        let proteins: Vec<Protein> =
            (0..proteins).map(|i| Protein { id: i as u64, state: -1, partner: i as i32, x_nm: 0.5, y_nm: -1.5 }).collect();
        let meta = Meta { id: 5, step: -3, time_us: 1.5, center_nm: [3.0, 4.0], proteins: &proteins, label: label.as_deref(), factor };
        let parts = PointParts { id: 5, content: 6, queue: 7, meta: &meta, probabilities: &probabilities, point: &point };
        let bytes = packed(|to| Point::pack(parts, to));
        let mut read = Point::default();
        read.view(&bytes).unwrap();
        prop_assert_eq!(read.meta(), meta);
        prop_assert_eq!((&read.probabilities, &read.point), (&probabilities, &point));
    }

    #[test]
    fn no_bytes_make_a_record_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), flip in 0_usize..100, value: u8) {
        let (event, moved) = sample();
        for mut bytes in [bytes, packed(|to| event.pack(to)), packed(|to| moved.pack(to))] {
            if let Some(at) = bytes.get_mut(flip) {
                *at = value;
            }
            let _ = (Point::default().view(&bytes), LeftOut::view(&bytes), Event::view(&bytes), Moved::view(&bytes));
            let _ = (Withdrawn::view(&bytes), Mark::view(&bytes), Branch::view(&bytes), Given::view(&bytes));
        }
    }
}
