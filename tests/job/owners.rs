//! Owners that end: their workers are told, and a successor that knows the jobs goes on with them.
//!
//! Not here: doors and lanes whose owner ends (`tests/lane`).

use patchstream::dynim::State;

use super::child::Other;
use super::*;

#[test]
fn a_killed_owners_workers_are_told_and_open_their_tickets_at_its_successor() {
    let name = name("owner");
    let mut owner = Other::start("owner", &name);
    owner.hear("OPEN");
    let mut job = next(&name);
    job.set(State::Started, None, &wait(5000)).unwrap();
    assert_eq!(submit(&mut job, 0), Submitted::Accepted);
    let ticket = job.ticket().to_owned();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let (told, waited) = std::thread::scope(|scope| {
        // One that waits for a job that does not come: it holds the line's second and third meanwhile.
        let waits = scope.spawn(|| {
            let _held = [next(&name), next(&name)];
            stop.store(true, std::sync::atomic::Ordering::Release);
            let waits = Instant::now();
            let answer = Job::next(&format!("shm:{name}"), &wait(20_000)).map(|job| job.is_some());
            (answer, waits.elapsed())
        });
        while !stop.load(std::sync::atomic::Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(50));
        owner.kill();
        let killed = Instant::now();
        let told = loop {
            match job.alive() {
                Ok(()) => std::thread::sleep(Duration::from_millis(1)),
                Err(error) => break (error, killed.elapsed()),
            }
            assert!(killed.elapsed() < Duration::from_secs(10));
        };
        (told, waits.join().unwrap())
    });
    assert_eq!(told.0.kind(), ErrorKind::Fenced);
    assert_eq!(waited.0.unwrap_err().kind(), ErrorKind::Fenced);
    println!("told {:?} after the kill; a wait ended {:?} after it began", told.1, waited.1);
    let error = job.submit("rdf", 1, 1, &[1], &[0.0], &wait(0)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fenced);
    drop(job);
    // The successor knows the jobs, since its host gives it the same patches.
    let running = Running::start(builder(&name).open().unwrap());
    issue(&running.stream, 1..=3);
    let mut job = Job::open(&ticket, &wait(5000)).unwrap().unwrap();
    assert_eq!(ticket, job.ticket());
    assert_eq!(submit(&mut job, 1), Submitted::Accepted);
    job.set(State::Done, None, &wait(5000)).unwrap();
    running.until(|stats| stats.counts.done == 1);
}

#[test]
fn a_closed_stream_tells_its_workers() {
    let name = name("closed");
    let stream = builder(&name).open().unwrap();
    issue(&stream, 1..=1);
    let running = Running::start(stream);
    let mut job = next(&name);
    drop(running);
    let started = Instant::now();
    let error = loop {
        match job.alive() {
            Ok(()) => std::thread::sleep(Duration::from_millis(1)),
            Err(error) => break error,
        }
        assert!(started.elapsed() < Duration::from_secs(10));
    };
    assert_eq!(error.kind(), ErrorKind::Fenced);
}
