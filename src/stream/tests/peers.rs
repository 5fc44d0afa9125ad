//! A run whose patches come from another process: it is waited for behind a mark, and what it sends instead begins a branch.
//!
//! Not here: hosts that push themselves ([`super::rollback`]), processes that are killed (`tests/crash`).

use std::time::Instant;

use super::journal::{Folder, builder};
use super::*;

/// Sends the patches of a step, of content `plus` their ids.
fn send(producer: &mut Producer, step: i64, plus: u64) {
    for id in (1..=5).map(|i| step as u64 * 5 + i) {
        assert_eq!(push(producer, id, step, &patch(id + plus)).unwrap(), Pushed::Accepted);
    }
}

/// Polls until all that was sent was answered.
fn settle(stream: &Stream, producer: &Producer) -> Answers {
    let started = Instant::now();
    loop {
        stream.poll(Duration::from_millis(1)).unwrap();
        let answers = producer.answers().unwrap();
        if answers.taken + answers.known + answers.refused == answers.sent {
            return answers;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{answers:?}");
    }
}

/// Three steps with a mark after the first. What was told.
fn begin(folder: &Folder, transport: &str) -> Vec<Vec<u8>> {
    let stream = builder(&folder.0).transport(transport).open().unwrap();
    let mut producer = attach(transport);
    // Quicker than its host, which has said nothing yet.
    send(&mut producer, 0, 0);
    settle(&stream, &producer);
    stream.resume(None).unwrap();
    let mut told = Vec::new();
    for step in 0..3 {
        if step > 0 {
            send(&mut producer, step, 0);
        }
        settle(&stream, &producer);
        told.push(stream.select(step, 2).unwrap().unwrap().bytes().to_vec());
        if step == 0 {
            assert!(stream.checkpoint("mark", 0, LONG).unwrap());
        }
    }
    told
}

fn attach(transport: &str) -> Producer {
    Producer::attach(transport, "ddft", Duration::from_secs(10)).unwrap()
}

#[test]
fn a_replayed_event_waits_for_what_another_process_sends_again() {
    for background in [false, true] {
        let (folder, transport) = (Folder::new(), format!("shm:peers-{}-waits", std::process::id()));
        let told = begin(&folder, &transport);
        let stream = builder(&folder.0).transport(&transport).background(background).open().unwrap();
        let mut producer = attach(&transport);
        send(&mut producer, 1, 0);
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(stream.stats().known, 0, "nothing is taken in before its host says where it is");
        let resumed = stream.resume(Some("mark")).unwrap();
        assert_eq!((resumed.patches, resumed.events), (10, 2));
        let replayed = |step: i64| stream.select(step, 2).unwrap().map(|told| (told.replayed, told.bytes().to_vec()));
        assert_eq!(replayed(1), Some((true, told[1].clone())));
        assert_eq!(replayed(2), None);
        push(&mut producer, 11, 2, &patch(11)).unwrap();
        settle(&stream, &producer);
        assert_eq!(replayed(2), None, "four are missing, and the step has not ended");
        drop(producer);
        assert_eq!(replayed(2), None, "nobody is there who sends them");
        let mut producer = attach(&transport);
        send(&mut producer, 1, 0);
        settle(&stream, &producer);
        send(&mut producer, 2, 0);
        assert_eq!(settle(&stream, &producer).known, 10);
        assert_eq!(replayed(2), Some((true, told[2].clone())));
        send(&mut producer, 3, 0);
        assert_eq!(settle(&stream, &producer).taken, 5);
        assert!(!replayed(3).unwrap().0);
        assert_eq!(stream.stats().store.unwrap().branch, 0);
    }
}

#[test]
fn what_another_process_sends_instead_begins_a_branch() {
    // Other content, and less than before.
    for (plus, count) in [(5000, 5), (0, 3)] {
        let (folder, transport) = (Folder::new(), format!("shm:peers-{}-branch", std::process::id()));
        begin(&folder, &transport);
        let stream = builder(&folder.0).transport(&transport).open().unwrap();
        let before: Vec<u64> = {
            let picks = stream.shared_for_tests();
            picks.operate(|operator| operator.sampler.selections().map(|pick| pick.id).collect())
        };
        stream.resume(Some("mark")).unwrap();
        let mut producer = attach(&transport);
        for id in 6..6 + count {
            push(&mut producer, id, 1, &patch(id + plus)).unwrap();
        }
        producer.end_step(1).unwrap();
        let answers = settle(&stream, &producer);
        assert_eq!((answers.taken + answers.known, answers.refused), (count, 0));
        let selected = stream.select(1, 2).unwrap().unwrap();
        assert!(!selected.replayed);
        assert_eq!(stream.stats().store.unwrap().branch, 1);
        assert!(before.iter().all(|&id| stream.pick(id).is_ok()), "what was told stands");
    }
}
