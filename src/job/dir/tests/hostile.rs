//! Tests of files that are not what they should be: each costs an error, is put away, and holds up nobody.
//!
//! Not here: the format as such ([`super::bytes`]).

use super::super::frame::{Frame, Kind};
use super::*;
use crate::error::ErrorKind;

/// A message file.
fn put(temp: &Temp, name: &str, sample: &RdfSample) {
    let metadata = Packer::new().sample(sample).to_vec();
    let attempt = u64::from(sample.attempt);
    let frame = Frame { kind: Kind::Message, job: sample.job, attempt, number: 1, metadata, densities: vec![] };
    std::fs::write(temp.0.join("inbox").join(name), frame.to_bytes()).unwrap();
}

#[test]
fn bad_messages_are_put_away_and_hold_up_nobody() {
    let temp = Temp::new("bad");
    let mut owner = Owner::with_jobs(&temp, 2);
    let mut workers = [Worker::open(&temp), Worker::open(&temp)];
    for worker in &mut workers {
        worker.take(Want::Oldest).unwrap();
        worker.sample(7).unwrap();
    }
    let inbox = temp.0.join("inbox");
    std::fs::write(inbox.join("1.1.2.msg"), "").unwrap();
    std::fs::write(inbox.join("1.1.3.msg"), vec![0xa5; 5000]).unwrap();
    std::fs::create_dir(inbox.join("1.1.4.msg")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", inbox.join("1.1.5.msg")).unwrap();
    put(&temp, "1.1.6.msg", &sample(2, 1, 1));
    put(&temp, "1.1.8.msg", &sample(1, 2, 1));
    put(&temp, "1.9.1.msg", &sample(1, 9, 1));
    put(&temp, "77.1.1.msg", &sample(77, 1, 1));
    put(&temp, "1.1.9.msg", &RdfSample { observable: "../../escape".into(), ..sample(1, 1, 1) });
    put(&temp, "1.1.10.msg", &RdfSample { sums: vec![f64::NAN, 0.0, 0.0], ..sample(1, 1, 1) });
    std::fs::write(inbox.join("what is this"), "").unwrap();
    let garbage =
        Frame { kind: Kind::Message, job: 1, attempt: 1, number: 1, metadata: vec![9; 99], densities: vec![] };
    std::fs::write(inbox.join("1.1.11.msg"), garbage.to_bytes()).unwrap();
    workers[0].desk.alive().unwrap();
    put(&temp, "1.1.12.msg", &sample(1, 1, 12));
    for _ in 0..20 {
        owner.turn();
    }
    let mut windows = owner.windows();
    windows.sort_unstable();
    assert_eq!(windows, [(1, 7), (1, 12), (2, 7)]);
    assert_eq!(temp.names("inbox"), ["what is this"]);
    let bad = temp.names("bad");
    assert_eq!(bad.len(), 8, "{bad:?}");
    assert!(bad.contains(&"inbox.1.1.2.msg".to_string()), "{bad:?}");
    assert_eq!(owner.office.bad_files(), 8);
    assert_eq!(owner.line.counts().refused, 11, "{:?}", owner.host.said);
    assert!(!temp.0.parent().unwrap().join("escape.1.msg").exists());
    // A job whose messages were bad ends as any other.
    workers[0].say(State::Done, "").unwrap();
    owner.turn();
    assert_eq!(temp.names("over"), ["1.done"]);
}

#[test]
fn a_file_that_is_still_under_way_is_waited_for() {
    let temp = Temp::new("under-way");
    let mut owner = Owner::open(&temp.0, Options { settle: Duration::from_secs(600), ..FAST }).unwrap();
    owner.issue(1);
    owner.issue(2);
    let mut workers = [Worker::open(&temp), Worker::open(&temp)];
    for worker in &mut workers {
        worker.take(Want::Oldest).unwrap();
        worker.sample(3).unwrap();
    }
    let path = temp.0.join("inbox/1.1.1.msg");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..100]).unwrap();
    workers[0].say(State::Done, "").unwrap();
    owner.turn();
    assert_eq!(owner.windows(), [(2, 3)], "others go on");
    assert_eq!(owner.host.moved, [], "its job's end waits");
    std::fs::write(&path, &whole).unwrap();
    owner.turn();
    assert_eq!(owner.windows(), [(2, 3), (1, 3)]);
    assert_eq!(owner.host.moved, [(1, State::Done, Moved::Over)]);
}

#[test]
fn a_damaged_ticket_is_three_failures_and_others_go_on() {
    let temp = Temp::new("ticket");
    let mut owner = Owner::with_jobs(&temp, 3);
    let path = |at: usize| temp.0.join("jobs").join(&temp.names("jobs")[at]);
    std::fs::write(path(0), "garbage").unwrap();
    let mut bytes = std::fs::read(path(1)).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(path(1), bytes).unwrap();
    let mut worker = Worker::open(&temp);
    assert_eq!(worker.take(Want::Oldest).unwrap(), Some(3));
    for _ in 0..3 {
        owner.turn();
        assert_eq!(Worker::open(&temp).take(Want::Oldest).unwrap(), None);
    }
    assert_eq!(temp.names("over"), ["1.aside", "2.aside"]);
    assert_eq!(owner.line.counts().set_aside, 2);
    assert!(owner.host.reasons.iter().all(|reason| reason.contains("damaged")), "{:?}", owner.host.reasons);
    worker.sample(0).unwrap();
}

#[test]
fn a_worker_sends_only_what_is_of_its_job() {
    let temp = Temp::new("own");
    let _owner = Owner::with_jobs(&temp, 2);
    let mut worker = Worker::open(&temp);
    let wait = Wait::up_to(Duration::ZERO);
    let bytes = |sample: &RdfSample| Packer::new().sample(sample).to_vec();
    assert_eq!(kind(worker.desk.send(&bytes(&sample(1, 1, 1)), &wait)), ErrorKind::State);
    assert_eq!(kind(worker.desk.alive()), ErrorKind::State);
    worker.take(Want::Oldest).unwrap();
    for wrong in [
        bytes(&sample(2, 1, 1)),
        bytes(&sample(1, 2, 1)),
        bytes(&RdfSample { observable: "..".into(), ..sample(1, 1, 1) }),
        Packer::new().job(&job(1).0).to_vec(),
    ] {
        assert_eq!(kind(worker.desk.send(&wrong, &wait)), ErrorKind::Argument);
    }
    assert_eq!(kind(worker.desk.send(b"garbage", &wait)), ErrorKind::Value);
    assert_eq!(kind(worker.say(State::Returned, "")), ErrorKind::State);
    assert_eq!(temp.names("inbox"), [""; 0]);
    worker.sample(1).unwrap();
}

#[test]
fn claims_that_were_removed_or_forged_do_not_stop_a_job() {
    let temp = Temp::new("forged");
    let mut owner = Owner::with_jobs(&temp, 1);
    let mut worker = Worker::open(&temp);
    worker.take(Want::Oldest).unwrap();
    worker.say(State::Interrupted, "").unwrap();
    worker.take(Want::Oldest).unwrap();
    owner.turn();
    // Somebody cleans up by hand: who had it is fenced, and the attempts go on counting.
    for name in temp.names("claims") {
        std::fs::remove_file(temp.0.join("claims").join(name)).unwrap();
    }
    assert_eq!(kind(worker.sample(0)), ErrorKind::Fenced);
    owner.turn();
    let mut next = Worker::open(&temp);
    next.take(Want::Oldest).unwrap();
    assert_eq!(next.of(), (1, 3));
    // A claim that cannot be read has no holder that could be looked for: only its age counts.
    std::fs::write(temp.0.join("claims/1.4"), "garbage").unwrap();
    assert_eq!(kind(worker.take(Want::Job(1))), ErrorKind::Busy);
    temp.age("claims/1.4", Duration::from_secs(601));
    assert_eq!(Worker::open(&temp).take(Want::Job(1)).unwrap(), Some(1));
}

#[test]
fn folders_where_files_should_be_cost_their_job_only() {
    let temp = Temp::new("folders");
    let mut owner = Owner::with_jobs(&temp, 3);
    for name in ["results/1", "jobs/18446744073709551615-9.job", "claims/3.4294967295"] {
        std::fs::write(temp.0.join(name), "in the way").unwrap();
    }
    std::fs::create_dir(temp.0.join("claims/8.1")).unwrap();
    std::fs::create_dir(temp.0.join("owner/99999999999")).unwrap();
    temp.age("claims/3.4294967295", Duration::from_secs(601));
    let mut workers = [Worker::open(&temp), Worker::open(&temp)];
    for worker in &mut workers {
        worker.take(Want::Oldest).unwrap();
        worker.sample(1).unwrap();
        worker.say(State::Done, "").unwrap();
    }
    assert_eq!(Worker::open(&temp).take(Want::Oldest).unwrap(), None);
    for _ in 0..5 {
        owner.turn();
    }
    assert_eq!(owner.windows(), [(1, 1), (2, 1)]);
    assert_eq!(temp.names("over"), ["1.done", "2.done"]);
    assert_eq!(temp.names("bad"), ["inbox.1.1.1.msg"]);
    assert_eq!(temp.names("claims"), ["3.4294967295", "3.4294967295.free", "8.1"]);
    owner.vanish();
    temp.age("owner/1", Duration::from_secs(601));
    Owner::open(&temp.0, FAST).unwrap();
}
