//! Densities that are kept: what can be read when, what gives way when there is no room, and that nothing else changes.

use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::*;
use crate::dynim::{Mode, State, What};
use crate::retain::Format;

/// Densities of a patch of [`builder`].
const LEN: usize = 5 * 5 * 14;
const PLACE: u64 = 4 * LEN as u64;

fn room_for(patches: u64) -> RetentionConfig {
    RetentionConfig { bytes: Some(patches * PLACE), ..RetentionConfig::default() }
}

fn open(retention: RetentionConfig) -> (Stream, Producer) {
    let stream = builder().slots(64).history(1000).retention(retention).open().unwrap();
    let producer = stream.producer("ddft").unwrap();
    (stream, producer)
}

fn ids(selections: &Selections) -> Vec<u64> {
    selections.batch.selections.iter().map(|selection| selection.id).collect()
}

fn select(stream: &Stream, step: i64, n: usize) -> Vec<u64> {
    ids(&stream.select(step, n).unwrap().unwrap())
}

fn read(stream: &Stream, id: u64) -> Result<Vec<f32>> {
    let mut densities = vec![0.0; LEN];
    stream.densities(id, &mut densities).map(|()| densities)
}

fn kept(stream: &Stream, ids: std::ops::RangeInclusive<u64>) -> Vec<u64> {
    ids.filter(|&id| read(stream, id).inspect_err(|error| assert_eq!(error.kind(), ErrorKind::Unknown)).is_ok())
        .collect()
}

fn stats(stream: &Stream) -> RetentionStats {
    stream.stats().retention.expect("retention is on")
}

fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("patchstream-retention-{}-{name}", std::process::id()))
}

#[test]
fn densities_are_there_until_a_patch_is_discarded_or_withdrawn_and_for_good_once_it_is_selected() {
    let stream = builder().capacity(3).retention(RetentionConfig::default()).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    push_all(&stream, &mut producer, 1..=6, 0);
    assert_eq!(kept(&stream, 0..=7), [1, 2, 3, 4, 5, 6], "those that wait");
    let picked = select(&stream, 0, 2);
    assert_eq!((kept(&stream, 0..=7).len(), stats(&stream).holding.selected), (3, 2), "three are discarded");
    for id in kept(&stream, 0..=7) {
        assert_eq!(read(&stream, id).unwrap(), patch(id));
    }
    assert_eq!(stream.densities(picked[0], &mut [0.0; LEN + 1]).unwrap_err().kind(), ErrorKind::Shape);
    let candidate = kept(&stream, 1..=6).into_iter().find(|id| !picked.contains(id)).unwrap();
    stream.withdraw(candidate, 0).unwrap();
    assert_eq!(read(&stream, candidate).unwrap_err().kind(), ErrorKind::Unknown);
    for state in [State::Started, State::Done] {
        stream.set_state(picked[0], state, 1).unwrap();
        assert_eq!(read(&stream, picked[0]).unwrap(), patch(picked[0]));
    }
    stream.set_state(picked[1], State::Returned, 1).unwrap();
    assert_eq!(stats(&stream).holding.selected, 1, "a candidate again, and bound as such");
    assert_eq!(select(&stream, 1, 1), [picked[1]]);
    assert_eq!(read(&stream, picked[1]).unwrap(), patch(picked[1]));
    let RetentionStats { holding, full, refused, withdrawn, lost, .. } = stats(&stream);
    assert_eq!((holding.patches, holding.selected, holding.bytes), (2, 2, 2 * PLACE));
    assert_eq!(holding.bytes_bound, (3 + BETWEEN_EVENTS as u64) * PLACE);
    assert_eq!((full, refused, withdrawn, lost), (false, 0, 0, 0));
    stream.close();
    assert_eq!(read(&stream, picked[0]).unwrap_err().kind(), ErrorKind::State);
}

#[test]
fn a_pick_whose_densities_are_lost_before_it_is_a_job_is_set_aside_and_the_others_are_given_out() {
    let name = format!("psLost{}", std::process::id());
    let stream = builder().slots(64).retention(room_for(9)).transport(format!("shm:{name}")).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    push_all(&stream, &mut producer, 1..=4, 0);
    let jobs = stream.shared.operate(|operator| operator.jobs.take());
    let selections = stream.select(0, 2).unwrap().unwrap().batch.selections.clone();
    let [lost, other] = [selections[0].id, selections[1].id];
    stream.shared.operate(|operator| {
        operator.jobs = jobs;
        operator.forget_densities(lost);
        selections.iter().for_each(|selection| operator.issue_job(selection));
    });
    let report = stream.job(lost).unwrap();
    assert_eq!((report.state, stream.pick(lost).unwrap().state), (State::Failed, State::Failed));
    assert!(report.reason.is_some_and(|reason| reason.contains("not kept")));
    assert_eq!(stream.job(other).unwrap().state, State::Issued);
    let counts = stream.jobs().unwrap().counts;
    assert_eq!((counts.in_line, counts.set_aside), (1, 1));
}

#[test]
fn densities_of_a_job_that_is_done_make_room_if_that_is_asked_for() {
    let (stream, mut producer) = open(RetentionConfig { keep_done: false, ..room_for(9) });
    push_all(&stream, &mut producer, 1..=3, 0);
    let id = select(&stream, 0, 1)[0];
    stream.set_state(id, State::Started, 0).unwrap();
    assert_eq!(read(&stream, id).unwrap(), patch(id));
    stream.set_state(id, State::Done, 0).unwrap();
    assert_eq!(read(&stream, id).unwrap_err().kind(), ErrorKind::Unknown);
}

#[test]
fn stream_without_retention_says_so() {
    let stream = builder().open().unwrap();
    assert_eq!(stream.stats().retention, None);
    let error = read(&stream, 1).unwrap_err();
    assert!(error.kind() == ErrorKind::State && error.message().contains("[retention]"), "{error}");
}

#[test]
fn retention_with_room_changes_no_decision() {
    let plain = campaign(builder());
    let path = scratch("same");
    let file = RetentionConfig { file: Some(path.clone()), format: Format::Float16, ..RetentionConfig::default() };
    for retention in [RetentionConfig::default(), file] {
        assert_eq!(campaign(builder().retention(retention.clone())), plain);
        assert_eq!(campaign(builder().retention(retention).background(true)), plain);
    }
    assert!(!path.exists());
}

#[test]
fn full_retention_leaves_new_patches_out_until_there_is_room() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let heard = lines.clone();
    let stream = builder().slots(64).retention(room_for(4));
    let stream = stream.log(move |_, line| heard.lock().push(line.to_string())).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    push_all(&stream, &mut producer, 1..=7, 0);
    let picked = select(&stream, 0, 2);
    assert_eq!(kept(&stream, 1..=7), [1, 2, 3, 4]);
    let now = stats(&stream);
    assert_eq!((now.full, now.refused, now.withdrawn, now.holding.patches), (true, 3, 0, 4));
    let all = stream.stats();
    assert_eq!((all.encoded, all.candidates, all.selected, all.rejected.total()), (4, 2, 2, 0));
    // The two that are selected made room for two.
    for (id, there) in [(7, true), (6, true), (5, false)] {
        assert_eq!(push(&mut producer, id, 1, &patch(id)).unwrap(), Pushed::Accepted, "its id was free");
        assert_eq!(read(&stream, id).is_ok(), there);
    }
    assert_eq!(push(&mut producer, 6, 1, &patch(6)).unwrap(), Pushed::Known);
    assert_eq!(select(&stream, 1, 9).len(), 4);
    assert_eq!(read(&stream, picked[0]).unwrap(), patch(picked[0]));
    assert_eq!(push(&mut producer, 5, 2, &patch(5)).unwrap(), Pushed::Accepted);
    assert_eq!(select(&stream, 2, 9), [5]);
    assert!(!stats(&stream).full, "the last patch found room");
    let told = lines.lock().iter().filter(|line| line.contains("retention is full")).count();
    assert_eq!(told, 2, "once an event: {:?}", lines.lock());
}

#[test]
fn full_retention_withdraws_the_oldest_if_that_is_asked_for_whatever_came_first() {
    let policy = RetentionConfig { when_full: WhenFull::WithdrawOldest, ..room_for(4) };
    // (id, step); the four youngest are 3 and 8 of step 2, 1 of step 3 and 9 of step 1, which has the higher id.
    let patches = [(1, 3), (3, 2), (8, 2), (9, 1), (2, 1), (7, 0)];
    let mut answers = Vec::new();
    for turn in 0..patches.len() {
        for background in [false, true] {
            let stream =
                builder().slots(64).background(background).history(100).retention(policy.clone()).open().unwrap();
            let mut producer = stream.producer("ddft").unwrap();
            for at in 0..patches.len() {
                let (id, step) = patches[(at + turn) % patches.len()];
                push(&mut producer, id, step, &patch(id)).unwrap();
            }
            assert_eq!(kept(&stream, 1..=9), [1, 3, 8, 9]);
            let now = stats(&stream);
            assert_eq!(now.refused + now.withdrawn, 2);
            let rows = stream.drain_history(100).unwrap();
            assert_eq!(rows.iter().filter(|row| row.what == What::Withdrawn).count() as u64, now.withdrawn);
            assert_eq!(push(&mut producer, 1, 3, &patch(1)).unwrap(), Pushed::Known);
            assert_eq!(push(&mut producer, 2, 1, &patch(2)).unwrap(), Pushed::Accepted, "its id is free");
            answers.push((select(&stream, 3, 3), stream.weights().unwrap().weights));
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
}

#[test]
fn selected_patches_never_give_way() {
    let (stream, mut producer) = open(RetentionConfig { when_full: WhenFull::WithdrawOldest, ..room_for(2) });
    push_all(&stream, &mut producer, 1..=2, 0);
    assert_eq!(select(&stream, 0, 2).len(), 2);
    push_all(&stream, &mut producer, 3..=9, 1);
    assert_eq!(kept(&stream, 1..=9), [1, 2, 8, 9]);
    assert_eq!(select(&stream, 1, 9).len(), 2);
    assert_eq!(kept(&stream, 1..=9), [1, 2, 8, 9]);
}

/// Ids of two events of five and of one of four, with some places of the file damaged before each event.
fn with_damage(name: &str, mode: Mode, damaged: [&[u64]; 3]) -> (Vec<Vec<u64>>, Vec<u8>, RetentionStats) {
    let path = scratch(name);
    let retention = RetentionConfig { file: Some(path.clone()), ..RetentionConfig::default() };
    let stream = builder().slots(64).mode(mode).capacity(40).retention(retention).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let mut picked = Vec::new();
    for (step, (damaged, n)) in damaged.into_iter().zip([5, 5, 4]).enumerate() {
        // Nothing is given up before, so the patch of id 1 is in the first place, and so on.
        push_all(&stream, &mut producer, (1..=12).map(|i| step as u64 * 12 + i), step as i64);
        stream.poll(LONG).unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        for id in damaged {
            file.write_all_at(b"damage", 4096 + (id - 1) * (32 + PLACE) + 500).unwrap();
        }
        let selections = stream.select(step as i64, n).unwrap().unwrap();
        let orders: Vec<u32> = selections.batch.selections.iter().map(|selection| selection.order).collect();
        let from = picked.iter().map(Vec::len).sum::<usize>() as u32;
        assert_eq!(orders, (from..from + n as u32).collect::<Vec<_>>());
        assert_eq!(selections.batch.selected, u64::from(from) + n as u64);
        picked.push(ids(&selections));
    }
    for &id in picked.iter().flatten() {
        assert_eq!(read(&stream, id).unwrap(), patch(id));
    }
    let weights = stream.weights().unwrap();
    assert_eq!(weights.weights.ids, picked.concat());
    // What was lost is as if it had never come.
    for &id in damaged.concat().iter().filter(|id| read(&stream, **id).is_err_and(|e| e.kind() == ErrorKind::Unknown)) {
        assert_eq!(stream.pick(id).unwrap_err().kind(), ErrorKind::Unknown);
        assert_eq!(push(&mut producer, id, 3, &patch(id)).unwrap(), Pushed::Accepted);
        assert_eq!(read(&stream, id).unwrap(), patch(id));
    }
    (picked, weights.bytes().to_vec(), stats(&stream))
}

#[test]
fn pick_whose_densities_are_gone_is_withdrawn_and_another_is_picked() {
    for mode in [Mode::Sequential, Mode::Batch] {
        let (whole, _, now) = with_damage("whole", mode, [&[], &[], &[]]);
        assert_eq!(now.lost, 0);
        // The first pick, one in between and the last, and all of an event.
        let (first, second, third) = ([whole[0][0], whole[0][4]], [whole[1][2]], &whole[2]);
        for damaged in [[&first[..], &[], &[]], [&[], &second[..], &[]], [&[], &[], third]] {
            let (picked, weights, now) = with_damage("damaged", mode, damaged);
            let event = damaged.iter().position(|ids| !ids.is_empty()).unwrap();
            assert_eq!(picked[..event], whole[..event]);
            assert!(!damaged[event].iter().any(|id| picked.concat().contains(id)), "{picked:?}");
            assert!(now.lost >= damaged[event].len() as u64);
            assert_eq!(with_damage("damaged", mode, damaged).1, weights, "the same damage, the same decisions");
        }
    }
}

#[test]
fn event_picks_fewer_if_all_that_is_left_is_gone() {
    let path = scratch("gone");
    let stream = builder().retention(RetentionConfig { file: Some(path.clone()), ..RetentionConfig::default() });
    let stream = stream.open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    push_all(&stream, &mut producer, 1..=6, 0);
    stream.poll(LONG).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_len(4096 + 2 * (32 + PLACE)).unwrap();
    assert_eq!(select(&stream, 0, 6).len(), 2);
    let all = stream.stats();
    assert_eq!((all.retention.unwrap().lost, all.candidates, all.selected), (4, 0, 2));
    // A pick whose file is damaged later is an error when it is read, and stays what it is.
    std::fs::File::options().write(true).open(&path).unwrap().set_len(4096).unwrap();
    assert_eq!(read(&stream, 1).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(stream.stats().selected, 2);
}

#[test]
fn patch_that_float16_cannot_hold_is_left_out_and_the_next_one_is_kept() {
    let (stream, mut producer) = open(RetentionConfig { format: Format::Float16, ..room_for(4) });
    push(&mut producer, 1, 0, &[70_000.0; LEN]).unwrap();
    push(&mut producer, 2, 0, &[0.5; LEN]).unwrap();
    assert_eq!(select(&stream, 0, 2), [2]);
    assert_eq!((stream.stats().rejected.value, stats(&stream).holding.bytes), (1, PLACE / 2));
    assert_eq!(read(&stream, 2).unwrap(), [0.5; LEN]);
}

#[test]
fn retention_is_configured_by_its_table() {
    let parse = |text: &str| toml::from_str::<Config>(text).map(|config| config.retention);
    assert_eq!(parse("").unwrap(), None);
    assert_eq!(parse("[retention]").unwrap(), Some(RetentionConfig::default()));
    let text = "[retention]\nfile = \"/scratch/d\"\nformat = \"float16\"\nbytes = 1000\nwhen_full = \"withdraw_oldest\"\n\
                when_moved = \"withdraw\"\nkeep_done = false";
    let expected = RetentionConfig {
        file: Some("/scratch/d".into()),
        place: None,
        format: Format::Float16,
        bytes: Some(1000),
        when_full: WhenFull::WithdrawOldest,
        when_moved: WhenMoved::Withdraw,
        keep_done: false,
    };
    assert_eq!(parse(text).unwrap(), Some(expected));
    let readme = include_str!("../../../README.md");
    let (_, table) = readme.split_once("```toml\n[retention]").expect("a TOML block");
    let config = parse(&format!("[retention]{}", table.split_once("```").unwrap().0)).unwrap().unwrap();
    assert_eq!((config.bytes, config.keep_done), (Some(8_000_000_000), false));
    assert_eq!(parse("[retention]\nplace = \"run\"").unwrap().unwrap().place, Some(RetentionPlace::Run));
    for wrong in ["byte = 1", "place = \"disk\"", "format = \"float8\"", "bytes = -1", "when_full = \"crash\""] {
        assert!(parse(&format!("[retention]\n{wrong}")).is_err(), "{wrong}");
    }
    let error = builder().retention(RetentionConfig { bytes: Some(PLACE - 1), ..RetentionConfig::default() }).open();
    let error = error.map(|_| ()).unwrap_err();
    assert!(error.kind() == ErrorKind::Argument && error.message().starts_with("retention: "), "{error}");
}
