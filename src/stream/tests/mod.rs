//! The operator from push to weights: what it decides, what it refuses, and that threads change nothing.

mod again;
mod awaited;
mod between;
#[cfg(feature = "fused")]
mod classify;
mod damage;
mod faults;
mod feedback;
mod fixtures;
mod jobs;
mod journal;
mod large;
mod lost_jobs;
mod moved;
mod peers;
mod picks;
mod queues;
mod recall;
mod retention;
mod rollback;
mod room;
mod script;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::operator::Operator;
use super::*;
use crate::error::{ErrorKind, Result};
use crate::patch::{Field, Meta, Protein, Samples};
use crate::sync::AtomicBool;

const LONG: Duration = Duration::from_secs(3600);
const NONE: Meta<'static> =
    Meta { id: 1, step: 0, time_us: 0.5, center_nm: [1.0, 2.0], proteins: &[], label: Some("control"), factor: None };

fn builder() -> Builder {
    Stream::builder().grid(5, 5).model("mean").slots(8)
}

fn patch(id: u64) -> Vec<f32> {
    (0..5 * 5 * 14).map(|i| ((id * 7919 + i * 31) % 1009) as f32 / 1009.0).collect()
}

fn push(producer: &mut Producer, id: u64, step: i64, densities: &[f32]) -> Result<Pushed> {
    let field = Field::interleaved(Samples::F32(densities), 5, 5, densities.len() / 25)?;
    producer.push(&Meta { id, step, ..NONE }, &field)
}

fn push_all(stream: &Stream, producer: &mut Producer, ids: impl Iterator<Item = u64>, step: i64) {
    for id in ids {
        while push(producer, id, step, &patch(id)).unwrap() == Pushed::Full {
            stream.poll(Duration::ZERO).unwrap();
        }
    }
}

/// Everything a run decides: all selections and the weights, as the bytes that a host gets.
fn campaign(builder: Builder) -> Vec<u8> {
    let stream = builder.capacity(12).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let mut bytes = Vec::new();
    for step in 0..6 {
        push_all(&stream, &mut producer, (1..=10).map(|i| step as u64 * 10 + i), step);
        bytes.extend_from_slice(stream.select(step, 2).unwrap().unwrap().bytes());
    }
    bytes.extend_from_slice(stream.weights().unwrap().bytes());
    bytes
}

#[test]
fn stream_in_the_background_decides_the_same_as_inline() {
    let inline = campaign(builder());
    for _ in 0..10 {
        assert_eq!(campaign(builder().background(true)), inline);
    }
}

#[test]
fn stream_selects_the_first_id_and_then_the_farthest() {
    let stream = builder().open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    for id in [3, 2, 9] {
        push(&mut producer, id, 0, &vec![id as f32; 350]).unwrap();
    }
    let selections = stream.select(0, 2).unwrap().unwrap();
    let picks: Vec<_> = selections.batch.selections.iter().map(|s| (s.id, s.order, s.rank)).collect();
    assert_eq!(picks, [(2, 0, f32::INFINITY), (9, 1, (14.0f32 * 49.0).sqrt())]);
    let first = &selections.batch.selections[0];
    assert_eq!((first.center_nm, first.time_us, first.label.as_deref()), ([1.0, 2.0], 0.5, Some("control")));
    assert_eq!(first.point, [2.0; 14]);
    assert_eq!((selections.batch.candidates, selections.batch.selected), (1, 2));
    let weights = stream.weights().unwrap().weights;
    assert_eq!((weights.ids, weights.weights), (vec![2, 9], vec![2.0, 1.0]));
    assert_eq!(stream.weights_among(&[9]).unwrap(), [2.0]);
    assert_eq!(stream.weights_among(&[3]).unwrap_err().kind(), ErrorKind::Unknown);
}

#[test]
fn stream_event_takes_only_steps_up_to_its_own() {
    let stream = builder().open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    push(&mut producer, 5, 1, &patch(5)).unwrap();
    push(&mut producer, 4, 2, &patch(4)).unwrap();
    assert_eq!(stream.select(1, 2).unwrap().unwrap().batch.selections.len(), 1);
    assert_eq!(stream.stats().waiting, 1);
    assert_eq!(stream.select(2, 2).unwrap().unwrap().batch.selections[0].id, 4);
    assert_eq!(stream.select(1, 2).unwrap_err().kind(), ErrorKind::State);
}

#[test]
fn stream_with_two_producers_waits_for_both_to_end_the_step() {
    let stream = builder().open().unwrap();
    let (mut one, mut two) = (stream.producer("one").unwrap(), stream.producer("two").unwrap());
    assert_eq!(stream.producer("two").map(|_| ()).unwrap_err().kind(), ErrorKind::State);
    push(&mut two, 2, 0, &patch(2)).unwrap();
    one.end_step(0).unwrap();
    assert!(stream.select(0, 1).unwrap().is_none());
    push(&mut two, 1, 0, &patch(1)).unwrap();
    two.end_step(0).unwrap();
    assert_eq!(stream.select(0, 1).unwrap().unwrap().batch.selections[0].id, 1);
    assert_eq!(push(&mut two, 3, 0, &patch(3)).unwrap_err().kind(), ErrorKind::State);
    assert_eq!(two.end_step(-1).unwrap_err().kind(), ErrorKind::State);
    drop(two);
    push(&mut one, 4, 1, &patch(4)).unwrap();
    assert!(stream.select(1, 9).unwrap().is_none(), "the one that is left goes on to end its steps");
    one.end_step(1).unwrap();
    assert_eq!(
        stream.select(1, 9).unwrap().unwrap().batch.selections.len(),
        2,
        "a producer that left is not waited for"
    );
    assert!(stream.producer("two").is_ok());
}

#[test]
fn stream_refuses_each_bad_patch_counts_it_and_takes_the_next() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let heard = lines.clone();
    let stream = builder().log(move |_, line| heard.lock().push(line.to_string())).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let good = patch(1);
    for (place, bad) in [(0, f32::NAN), (349, f32::INFINITY), (77, f32::NEG_INFINITY)] {
        let mut densities = good.clone();
        densities[place] = bad;
        let error = push(&mut producer, 1, 0, &densities).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Value);
        assert!(error.message().contains("patch 1"), "{error}");
    }
    assert_eq!(push(&mut producer, 1, 0, &good[..25 * 13]).unwrap_err().kind(), ErrorKind::Shape);
    for id in [0, 1 << 48] {
        assert_eq!(push(&mut producer, id, 0, &good).unwrap_err().kind(), ErrorKind::Argument);
    }
    let stranger = [Protein { id: 1, state: 99, partner: -1, x_nm: 0.0, y_nm: 0.0 }];
    let field = Field::interleaved(Samples::F32(&good), 5, 5, 14).unwrap();
    assert!(producer.push(&Meta { proteins: &stranger, ..NONE }, &field).is_err());
    assert_eq!(push(&mut producer, 1, 0, &good).unwrap(), Pushed::Accepted);
    assert_eq!(push(&mut producer, 1, 0, &good).unwrap(), Pushed::Known);
    assert_eq!(push(&mut producer, 1, 0, &patch(2)).unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(push(&mut producer, 1, 1, &good).unwrap_err().kind(), ErrorKind::Conflict, "the step is content");
    assert_eq!(push(&mut producer, 2, 0, &patch(2)).unwrap(), Pushed::Accepted);
    assert_eq!(stream.poll(LONG).unwrap(), Polled::Idle);
    let stats = stream.stats();
    assert_eq!((stats.pushed, stats.known, stats.encoded, stats.waiting), (2, 1, 2, 2));
    let rejected = Rejected { value: 3, shape: 1, argument: 3, conflict: 2, model: 0, corrupt: 0 };
    assert_eq!((stats.rejected, stats.rejected.total()), (rejected, 9));
    assert_eq!(lines.lock().len(), 0, "what the caller heard is not logged again");
}

#[test]
fn stream_leaves_out_a_patch_whose_slot_was_overwritten() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let heard = lines.clone();
    let stream = builder().log(move |_, line| heard.lock().push(line.to_string())).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let mut loan = producer.loan(&NONE).unwrap().unwrap();
    loan.copy_from_slice(&patch(1));
    producer.commit(loan).unwrap();
    stream.shared_for_tests().operate(Operator::overwrite_header_for_tests);
    push(&mut producer, 2, 0, &patch(2)).unwrap();
    assert_eq!(stream.poll(LONG).unwrap(), Polled::Idle);
    let stats = stream.stats();
    assert_eq!((stats.rejected.corrupt, stats.encoded), (1, 1));
    assert_eq!(lines.lock().len(), 1);
}

#[test]
fn stream_full_ring_answers_at_once_and_goes_on_after_a_poll() {
    let stream = builder().open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    for id in 1..=8 {
        assert_eq!(push(&mut producer, id, 0, &patch(id)).unwrap(), Pushed::Accepted);
    }
    assert_eq!(push(&mut producer, 9, 0, &patch(9)).unwrap(), Pushed::Full);
    assert!(producer.loan(&Meta { id: 9, ..NONE }).unwrap().is_none());
    assert_eq!(stream.stats().full, 2);
    assert_eq!(stream.poll(Duration::ZERO).unwrap(), Polled::Again);
    assert_eq!(push(&mut producer, 9, 0, &patch(9)).unwrap(), Pushed::Accepted);
}

#[test]
fn stream_loans_are_filled_by_other_threads_and_given_up_when_dropped() {
    let stream = builder().open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let mut loans: Vec<_> = (1..=4).map(|id| producer.loan(&Meta { id, ..NONE }).unwrap().unwrap()).collect();
    std::thread::scope(|scope| {
        for (i, loan) in loans.iter_mut().enumerate() {
            scope.spawn(move || loan.copy_from_slice(&patch(i as u64 + 1)));
        }
    });
    drop(loans.remove(2));
    for loan in loans.into_iter().rev() {
        assert_eq!(producer.commit(loan).unwrap(), Pushed::Accepted);
    }
    let ids: Vec<_> = stream.select(0, 9).unwrap().unwrap().batch.selections.iter().map(|s| s.id).collect();
    assert_eq!(ids.len(), 3);
    assert!(!ids.contains(&3));
}

#[test]
fn stream_converts_float64_planes() {
    let stream = builder().open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let densities = patch(1);
    push(&mut producer, 1, 0, &densities).unwrap();
    let planes: Vec<Vec<f64>> = (0..14).map(|c| (0..25).map(|i| f64::from(densities[i * 14 + c])).collect()).collect();
    let plane = |c: usize| Samples::F64(&planes[c]);
    let field = Field::planes(&plane, 0, [1, 5], 5, 5, 14).unwrap();
    assert_eq!(producer.push(&NONE, &field).unwrap(), Pushed::Known, "the same values are the same patch");
}

#[test]
fn stream_stop_ends_polls_and_leaves_the_rest_usable() {
    let flag = Arc::new(AtomicBool::new(false));
    let stream = builder().stop_flag(flag).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    push(&mut producer, 1, 0, &patch(1)).unwrap();
    stream.request_stop();
    assert_eq!(stream.poll(LONG).unwrap(), Polled::Stopped);
    assert_eq!(stream.select(0, 1).unwrap().unwrap().batch.selections.len(), 1);
}

#[test]
fn stream_closed_is_an_error_on_every_handle() {
    for background in [false, true] {
        let stream = builder().background(background).open().unwrap();
        let mut producer = stream.producer("ddft").unwrap();
        push(&mut producer, 1, 0, &patch(1)).unwrap();
        stream.close();
        stream.close();
        assert_eq!(push(&mut producer, 2, 0, &patch(2)).unwrap_err().kind(), ErrorKind::State);
        assert_eq!(stream.poll(LONG).unwrap_err().kind(), ErrorKind::State);
        assert_eq!(stream.select(0, 1).unwrap_err().kind(), ErrorKind::State);
        assert_eq!(stream.weights().unwrap_err().kind(), ErrorKind::State);
        assert_eq!(stream.producer("two").map(|_| ()).unwrap_err().kind(), ErrorKind::State);
        assert_eq!(stream.stats().pushed, 1);
    }
}

#[test]
fn stream_options_out_of_range_are_errors() {
    let refused = |builder: Builder| builder.open().map(|_| ()).unwrap_err().kind();
    assert_eq!(refused(builder().slots(3)), ErrorKind::Argument);
    assert_eq!(refused(builder().k(0)), ErrorKind::Argument);
    assert_eq!(refused(builder().capacity(0)), ErrorKind::Argument);
    assert_eq!(refused(builder().grid(0, 5)), ErrorKind::Shape);
    assert_eq!(refused(builder().config(Config { size_nm: f64::NAN, ..Config::default() })), ErrorKind::Argument);
    assert_eq!(refused(builder().background(true).worker_cpu(100_000)), ErrorKind::Argument);
    assert_eq!(refused(builder().worker_cpu(0)), ErrorKind::Argument);
    assert_eq!(refused(builder().model("no/such/folder")), ErrorKind::Io);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap().trim();
    let first = allowed.split([',', '-']).next().unwrap().parse().unwrap();
    assert!(builder().background(true).worker_cpu(first).open().is_ok());
}

#[test]
fn stream_configuration_file_is_checked_and_used() {
    let path = std::env::temp_dir().join(format!("patchstream-config-{}.toml", std::process::id()));
    let text = "nx = 5\nny = 5\nmodel = \"mean\"\nmode = \"batch\"\n\
                [species]\nnames = [\"A\", \"B\"]\ninner = 1\n[[states]]\nname = \"RAS\"\nkind = \"ras\"\n";
    std::fs::write(&path, text).unwrap();
    let config = Config::from_file(&path).unwrap();
    let stream = Stream::builder().config(config).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    assert_eq!(push(&mut producer, 1, 0, &[0.5; 50]).unwrap(), Pushed::Accepted);
    assert_eq!(stream.select(0, 1).unwrap().unwrap().batch.selections[0].point, [0.5, 0.5]);
    std::fs::write(&path, "capacty = 5\n").unwrap();
    let error = Config::from_file(&path).unwrap_err();
    assert!(error.kind() == ErrorKind::Argument && error.message().contains("capacty"), "{error}");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(Config::from_file(&path).unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn worker_takes_no_signal_and_sleeps_when_idle() {
    let stream = builder().background(true).open().unwrap();
    let status = |field: &str| -> Vec<String> {
        std::fs::read_dir("/proc/self/task")
            .unwrap()
            .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("status")).ok())
            .filter(|text| text.starts_with("Name:\tpatchstream\n"))
            .filter_map(|text| text.lines().find_map(|line| line.strip_prefix(field)).map(|v| v.trim().to_string()))
            .collect()
    };
    let blocked = status("SigBlk:");
    assert!(!blocked.is_empty());
    for mask in blocked {
        let mask = u64::from_str_radix(&mask, 16).unwrap();
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGUSR1, libc::SIGALRM, libc::SIGCHLD] {
            assert!(mask >> (signal - 1) & 1 == 1, "signal {signal} would reach the worker: {mask:x}");
        }
    }
    let mut producer = stream.producer("ddft").unwrap();
    for id in 1..=3 {
        push(&mut producer, id, 0, &patch(id)).unwrap();
        let patience = std::time::Instant::now();
        while stream.stats().encoded < id {
            assert!(patience.elapsed() < Duration::from_secs(60), "the worker was not woken for patch {id}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}
