//! What producers of other processes may do, and what they are told.
//!
//! Not here: deaths ([`super::kill`]), bytes that no producer writes ([`super::garbage`]).

use std::sync::atomic::{AtomicBool, Ordering};

use patchstream::stream::OnFull;

use super::child::Peer;
use super::*;

#[test]
fn patches_of_another_process_decide_as_those_of_this_one() {
    for background in [false, true] {
        let name = name(if background { "same-b" } else { "same" });
        let (shared, _) = stream(&name, background);
        let alone = Stream::builder().grid(5, 5).model("mean").slots(8).open().unwrap();
        let mut there = attach(&name, "ddft").unwrap();
        let mut here = alone.producer("ddft").unwrap();
        for step in 0..3 {
            for id in (1..=20).map(|at| step as u64 * 20 + at) {
                while push(&mut there, id, step).unwrap() == Pushed::Full {
                    shared.poll(Duration::from_millis(1)).unwrap();
                }
                while push(&mut here, id, step).unwrap() == Pushed::Full {
                    alone.poll(Duration::from_millis(1)).unwrap();
                }
            }
            there.end_step(step).unwrap();
            here.end_step(step).unwrap();
            let (got, expected) = (shared.select(step, 4).unwrap(), alone.select(step, 4).unwrap());
            assert_eq!(got, expected, "step {step}, background: {background}");
        }
        assert_eq!(shared.weights().unwrap(), alone.weights().unwrap());
        let stats = shared.stats();
        assert_eq!((stats.pushed, stats.encoded, stats.known, stats.rejected.total()), (60, 60, 0, 0));
        let answers = settle(&shared, &there);
        assert_eq!((answers.sent, answers.taken, answers.last_refused), (60, 60, None));
    }
}

#[test]
fn loans_of_another_process_are_filled_in_any_order_and_come_in_the_order_of_the_loans() {
    let name = name("loans");
    let (stream, _) = stream(&name, false);
    let mut producer = attach(&name, "ddft").unwrap();
    let mut loans: Vec<_> = (1..=4).map(|id| producer.loan(&meta(id, 0)).unwrap().unwrap()).collect();
    for (id, loan) in (1..).zip(&mut loans) {
        loan.copy_from_slice(&densities(id));
    }
    let second = loans.remove(1);
    assert_eq!(producer.commit(loans.remove(2)).unwrap(), Pushed::Accepted);
    assert_eq!(producer.commit(loans.remove(0)).unwrap(), Pushed::Accepted);
    producer.abandon(second);
    assert_eq!(producer.end_step(0).unwrap_err().kind(), ErrorKind::State, "a loan is out");
    drop(loans);
    producer.end_step(0).unwrap();
    assert_eq!(stream.select(0, 9).unwrap().unwrap().batch.selections.len(), 2);
    let mut bad = producer.loan(&meta(9, 1)).unwrap().unwrap();
    bad[7] = f32::NAN;
    assert_eq!(producer.commit(bad).unwrap_err().kind(), ErrorKind::Value);
    assert_eq!(push(&mut producer, 10, 0).unwrap_err().kind(), ErrorKind::State, "the step has ended");
    assert_eq!(push(&mut producer, 0, 1).unwrap_err().kind(), ErrorKind::Argument);
    assert_eq!(settle(&stream, &producer).sent, 2);
}

#[test]
fn known_and_conflicting_patches_are_found_by_the_stream_and_told() {
    let name = name("known");
    let (stream, lines) = stream(&name, false);
    let mut producer = attach(&name, "ddft").unwrap();
    let mut local = stream.producer("local").unwrap();
    assert_eq!(push(&mut local, 1, 0).unwrap(), Pushed::Accepted);
    assert_eq!(push(&mut producer, 1, 0).unwrap(), Pushed::Accepted, "it is in the ring");
    let other = densities(2);
    let other = Field::interleaved(Samples::F32(&other), 5, 5, 14).unwrap();
    producer.push(&meta(1, 0), &other).unwrap();
    push(&mut producer, 3, 0).unwrap();
    let answers = settle(&stream, &producer);
    assert_eq!((answers.taken, answers.known, answers.refused), (1, 1, 1));
    assert_eq!(answers.last_refused, Some((1, ErrorKind::Conflict)));
    let stats = stream.stats();
    assert_eq!((stats.pushed, stats.known, stats.rejected.conflict, stats.encoded), (2, 1, 1, 2));
    assert!(has(&lines, "patch 1 of producer ddft is left out"));
    assert_eq!(local.answers().unwrap_err().kind(), ErrorKind::State);
    assert_eq!(local.on_full(OnFull::Drop).unwrap_err().kind(), ErrorKind::State);
}

#[test]
fn full_ring_is_answered_waited_for_or_the_newest_dropped() {
    let name = name("full");
    let (stream, _) = stream(&name, false);
    let mut producer = attach(&name, "ddft").unwrap();
    for id in 1..=8 {
        assert_eq!(push(&mut producer, id, 0).unwrap(), Pushed::Accepted);
    }
    assert_eq!(push(&mut producer, 9, 0).unwrap(), Pushed::Full);
    assert!(producer.loan(&meta(9, 0)).unwrap().is_none());
    producer.on_full(OnFull::Drop).unwrap();
    assert_eq!(push(&mut producer, 9, 0).unwrap(), Pushed::Dropped);
    producer.on_full(OnFull::Block(Duration::from_millis(60))).unwrap();
    assert_eq!(push(&mut producer, 9, 0).unwrap(), Pushed::Full, "nobody polls");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(20));
            stream.poll(Duration::from_secs(1)).unwrap();
        });
        producer.on_full(OnFull::Block(Duration::from_secs(20))).unwrap();
        assert_eq!(push(&mut producer, 9, 0).unwrap(), Pushed::Accepted);
    });
    let answers = settle(&stream, &producer);
    assert_eq!((answers.sent, answers.taken, answers.full, answers.dropped), (9, 9, 3, 1));
    let look = patchstream::shm::look(&format!("{name}.p0")).unwrap();
    let counts = look.parts[0].ring.as_ref().unwrap().as_ref().unwrap().counts;
    assert_eq!((counts.committed, counts.full, counts.dropped), (9, 3, 1), "watchers see it too");
}

#[test]
fn wait_for_room_outlasts_signals_and_ends_with_a_stop() {
    extern "C" fn nothing(_: libc::c_int) {}
    // SAFETY: a handler that does nothing may run anywhere.
    unsafe { libc::signal(libc::SIGUSR2, nothing as *const () as libc::sighandler_t) };
    let name = name("stop");
    let (_stream, _) = stream(&name, false);
    let mut producer = attach(&name, "ddft").unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    producer.stop_flag(stop.clone());
    producer.on_full(OnFull::Block(Duration::from_secs(3600))).unwrap();
    for id in 1..=8 {
        push(&mut producer, id, 0).unwrap();
    }
    let (tell, thread) = std::sync::mpsc::channel();
    let waiter = std::thread::spawn(move || {
        // SAFETY: it names this thread.
        tell.send(unsafe { libc::pthread_self() }).unwrap();
        (push(&mut producer, 9, 0).unwrap(), producer)
    });
    let thread = thread.recv().unwrap();
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(5));
        assert!(!waiter.is_finished(), "a signal has ended the wait");
        // SAFETY: the thread has not been joined.
        unsafe { libc::pthread_kill(thread, libc::SIGUSR2) };
    }
    stop.store(true, Ordering::Relaxed);
    let (pushed, mut producer) = waiter.join().unwrap();
    assert_eq!(pushed, Pushed::Stopped);
    assert!(producer.loan(&meta(9, 0)).unwrap().is_none());
    assert_eq!(producer.answers().unwrap().full, 0, "that is no full ring");
}

#[test]
fn event_waits_for_producers_that_live_and_for_none_that_is_gone() {
    let name = name("step");
    let (stream, lines) = stream(&name, false);
    let mut local = stream.producer("local").unwrap();
    let mut peer = Peer::start("step", &name);
    peer.hear("pushed");
    poll_until(&stream, "the producer's coming", || has(&lines, "producer step of process"));
    push(&mut local, 2, 0).unwrap();
    local.end_step(0).unwrap();
    assert_eq!(stream.select(0, 9).unwrap(), None, "the other one has not ended the step");
    peer.kill();
    let mut selected = None;
    poll_until(&stream, "the event", || {
        selected = stream.select(0, 9).unwrap();
        selected.is_some()
    });
    assert_eq!(selected.unwrap().batch.selections.len(), 2, "what it committed counts");
    poll_until(&stream, "a line about it", || has(&lines, "is gone without closing"));
    poll_until(&stream, "its lane's removal", || !file_of(&format!("{name}.p0")).exists());
}

#[test]
fn two_producers_of_one_label_are_an_error_and_a_restarted_one_is_none() {
    let name = name("label");
    let (stream, lines) = stream(&name, false);
    let first = attach(&name, "ddft").unwrap();
    stream.poll(Duration::ZERO).unwrap();
    let mut second = attach(&name, "ddft").unwrap();
    poll_until(&stream, "the refusal", || has(&lines, "a producer called ddft is open already"));
    assert_eq!(push(&mut second, 1, 0).unwrap_err().kind(), ErrorKind::State);
    drop((first, second));
    let mut again = attach(&name, "ddft").unwrap();
    push(&mut again, 1, 0).unwrap();
    assert_eq!(settle(&stream, &again).taken, 1);
    assert_eq!(stream.producer("ddft").map(|_| ()).unwrap_err().kind(), ErrorKind::State);
}

#[test]
fn what_a_producer_sent_before_it_closed_is_taken_in_though_nobody_looked_meanwhile() {
    let name = name("brief");
    let (stream, _) = stream(&name, false);
    for round in 0..3 {
        let mut producer = attach(&name, "brief").unwrap();
        push(&mut producer, round + 1, 0).unwrap();
        producer.end_step(0).unwrap();
    }
    assert_eq!(stream.select(0, 9).unwrap().unwrap().batch.selections.len(), 3);
}

#[test]
fn closed_stream_is_told_at_once_and_its_name_is_free() {
    let name = name("closed");
    let (stream, _) = stream(&name, true);
    let _kept = stream.producer("kept").unwrap();
    let mut producer = attach(&name, "ddft").unwrap();
    push(&mut producer, 1, 0).unwrap();
    stream.close();
    assert_eq!(push(&mut producer, 2, 0).unwrap_err().kind(), ErrorKind::Fenced);
    assert!(!file_of(&name).exists());
    let (next, _) = super::stream(&name, false);
    let mut producer = attach(&name, "ddft").unwrap();
    push(&mut producer, 1, 0).unwrap();
    assert_eq!(settle(&next, &producer).taken, 1);
}

#[test]
fn transports_that_cannot_be_are_refused() {
    let open = |transport: &str| {
        Stream::builder().grid(5, 5).model("mean").transport(transport).open().map(|_| ()).unwrap_err().kind()
    };
    for wrong in ["", "shm:", "tcp:x", "shm", "shm:../x", "shm: x"] {
        assert_eq!(open(wrong), ErrorKind::Argument, "{wrong:?}");
        let attached = Producer::attach(wrong, "it", Duration::ZERO).map(|_| ()).unwrap_err();
        assert_eq!(attached.kind(), ErrorKind::Argument, "{wrong:?}");
    }
    let name = name("taken");
    let (_stream, _) = stream(&name, false);
    assert_eq!(open(&format!("shm:{name}")), ErrorKind::Busy);
    let nobody = Producer::attach("shm:nobody-made-this", "it", Duration::ZERO).map(|_| ()).unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::Unknown);
}
