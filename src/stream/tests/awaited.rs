//! Streams that were told how many producers there will be: events wait for them, and what the log has does not.
//!
//! Not here: producers that are killed (`tests/crash`).

use super::journal::{Folder, builder as run, killed};
use super::*;

type Lines = Arc<Mutex<Vec<String>>>;

fn heard(builder: Builder) -> (Builder, Lines) {
    let lines = Lines::default();
    let log = lines.clone();
    (builder.log(move |_, line| log.lock().push(line.into())), lines)
}

/// What the log said of who is awaited.
fn awaited(lines: &Lines) -> Vec<String> {
    lines.lock().iter().filter(|line| line.contains("waits for producers")).cloned().collect()
}

fn ids(stream: &Stream, step: i64) -> Option<Vec<u64>> {
    let mut ids: Vec<u64> = stream.select(step, 2).unwrap()?.batch.selections.iter().map(|one| one.id).collect();
    ids.sort_unstable();
    Some(ids)
}

/// One patch of a step, and the step's end.
fn send(producer: &mut Producer, id: u64, step: i64) {
    push(producer, id, step, &patch(id)).unwrap();
    producer.end_step(step).unwrap();
}

#[test]
fn an_event_waits_until_all_producers_have_come_and_ended_the_step_and_the_log_says_how_many_have() {
    let (builder, lines) = heard(builder().producers(2));
    let stream = builder.open().unwrap();
    assert_eq!(ids(&stream, 0), None);
    let mut one = stream.producer("one").unwrap();
    send(&mut one, 1, 0);
    assert_eq!((ids(&stream, 0), ids(&stream, 0)), (None, None));
    let said = awaited(&lines);
    assert_eq!(said.len(), 2, "each number once: {said:?}");
    assert!(said[0].contains("step 0 ") && said[0].contains("0 of 2 have come;"), "{said:?}");
    assert!(said[1].contains("1 of 2 have come (one);"), "{said:?}");
    // From the start, though the first had ended the step before the second came.
    let mut two = stream.producer("two").unwrap();
    push(&mut two, 2, 0, &patch(2)).unwrap();
    assert_eq!(ids(&stream, 0), None, "the second has not ended the step");
    two.end_step(0).unwrap();
    assert_eq!(ids(&stream, 0), Some(vec![1, 2]));
    assert_eq!(awaited(&lines).len(), 2);
}

#[test]
fn a_producer_that_has_closed_has_come_for_good_and_counts_once() {
    let (builder, lines) = heard(builder().producers(2));
    let stream = builder.open().unwrap();
    for id in 1..3 {
        let mut one = stream.producer("one").unwrap();
        push(&mut one, id, 0, &patch(id)).unwrap();
        drop(one);
        stream.poll(LONG).unwrap();
        assert_eq!(ids(&stream, 0), None);
    }
    assert!(awaited(&lines).iter().all(|line| line.contains("1 of 2")), "{:?}", awaited(&lines));
    let mut two = stream.producer("two").unwrap();
    send(&mut two, 3, 0);
    assert_eq!(ids(&stream, 0).map(|ids| ids.len()), Some(2));
    send(&mut two, 4, 1);
    assert!(ids(&stream, 1).is_some());
}

#[test]
fn more_producers_than_were_told_are_welcome_and_end_their_steps_as_well() {
    let stream = builder().producers(2).open().unwrap();
    let mut all = ["one", "two", "three"].map(|name| stream.producer(name).unwrap());
    send(&mut all[0], 1, 0);
    send(&mut all[1], 2, 0);
    assert_eq!(ids(&stream, 0), None);
    send(&mut all[2], 3, 0);
    assert!(ids(&stream, 0).is_some());
    // A single one that is awaited need not end its steps.
    let stream = builder().producers(1).open().unwrap();
    assert_eq!(ids(&stream, 0), None);
    let mut one = stream.producer("one").unwrap();
    push(&mut one, 1, 0, &patch(1)).unwrap();
    assert_eq!(ids(&stream, 0), Some(vec![1]));
}

#[test]
fn producers_that_are_awaited_are_read_from_a_file_and_none_is_no_number_of_them() {
    let config: Config = toml::from_str("producers = 3").unwrap();
    assert_eq!((config.producers, Config::default().producers), (Some(3), None));
    let refused = builder().producers(0).open().map(|_| ()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Argument, "{refused}");
}

#[test]
fn an_event_that_the_log_answers_waits_for_nobody_and_the_next_one_begins_no_branch_before_all_have_come() {
    let folder = Folder::new();
    let stream = run(&folder.0).producers(2).open().unwrap();
    let mut both = ["one", "two"].map(|name| stream.producer(name).unwrap());
    let mut told = Vec::new();
    for step in 0..2 {
        both.iter_mut().zip(1..).for_each(|(producer, i)| send(producer, step as u64 * 10 + i, step));
        told.push(stream.select(step, 1).unwrap().unwrap().bytes().to_vec());
    }
    // Taken in, and no event knows them.
    both.iter_mut().zip(21..).for_each(|(producer, id)| send(producer, id, 2));
    stream.poll(LONG).unwrap();
    drop(both);
    let folder = killed(&folder);
    let (builder, lines) = heard(run(&folder.0).producers(2));
    let stream = builder.open().unwrap();
    stream.resume(None).unwrap();
    let replayed = |step: i64| stream.select(step, 1).unwrap().map(|told| (told.replayed, told.bytes().to_vec()));
    let mut one = stream.producer("one").unwrap();
    for id in [1, 2] {
        push(&mut one, id, 0, &patch(id)).unwrap();
    }
    assert_eq!(replayed(0), Some((true, told[0].clone())));
    assert_eq!(awaited(&lines).len(), 0, "the log answers, whoever has come");
    send(&mut one, 11, 1);
    assert_eq!(replayed(1), None, "a patch is missing that is the other's to send");
    assert!(awaited(&lines)[0].contains("1 of 2"), "{:?}", awaited(&lines));
    let mut two = stream.producer("two").unwrap();
    send(&mut two, 12, 1);
    assert_eq!(replayed(1), Some((true, told[1].clone())));
    for (producer, id) in [(&mut one, 21), (&mut two, 22)] {
        assert_eq!(replayed(2), None);
        send(producer, id, 2);
    }
    assert!(!replayed(2).unwrap().0);
    assert_eq!(stream.stats().store.unwrap().branch, 0);
}

#[test]
fn producers_of_other_processes_count_with_those_of_this_one() {
    let transport = format!("shm:awaited-{}", std::process::id());
    let (builder, lines) = heard(builder().transport(&transport).producers(2));
    let stream = builder.open().unwrap();
    let mut one = stream.producer("one").unwrap();
    send(&mut one, 1, 0);
    assert_eq!(ids(&stream, 0), None);
    let mut two = Producer::attach(&transport, "two", LONG).unwrap();
    send(&mut two, 2, 0);
    // Two names have come, and the second stays one when it comes again.
    assert_eq!(ids(&stream, 0), Some(vec![1, 2]));
    drop(two);
    send(&mut one, 3, 1);
    assert_eq!(ids(&stream, 1), Some(vec![3]));
    assert_eq!(awaited(&lines).len(), 1, "{:?}", awaited(&lines));
}
