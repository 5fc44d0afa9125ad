//! Workers that are killed at any moment: no job is lost or done twice at once, no sample counts twice.
//!
//! Not here: producers that are killed (`tests/remote`).

use std::collections::{HashMap, HashSet};

use patchstream::dynim::State;

use super::child::Other;
use super::*;

/// Kills workers at random moments until 300 were, or 25 seconds are over.
#[test]
fn killed_workers_lose_no_job_and_double_no_sample() {
    let name = name("kill");
    let running = Running::start(builder(&name).open().unwrap());
    let mut issued = 0;
    let mut workers: Vec<(Other, Instant)> = Vec::new();
    let mut samples: Vec<(u64, u64)> = Vec::new();
    let (started, mut kills, mut noise) = (Instant::now(), 0u32, 0x9e37_79b9_7f4a_7c15u64);
    while kills < 300 && started.elapsed() < Duration::from_secs(25) {
        let stats = running.stream.jobs().unwrap();
        if stats.counts.in_line < 10 {
            issue(&running.stream, issued + 1..=issued + 20);
            issued += 20;
        }
        while workers.len() < 3 {
            workers.push((Other::start("worker", &name), Instant::now()));
        }
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        std::thread::sleep(Duration::from_micros(noise >> 48));
        let (worker, _) = workers.remove((noise >> 40) as usize % workers.len());
        worker.kill();
        kills += 1;
        samples.extend(running.stream.take_samples(10_000).unwrap().iter().map(|sample| (sample.job, sample.window)));
    }
    // What is left is done by those who live.
    let end = Instant::now();
    while running.stream.jobs().unwrap().counts.done < issued {
        if workers.is_empty() {
            workers.push((Other::start("worker", &name), Instant::now()));
        }
        samples.extend(running.stream.take_samples(10_000).unwrap().iter().map(|sample| (sample.job, sample.window)));
        std::thread::sleep(Duration::from_millis(2));
        assert!(end.elapsed() < Duration::from_secs(60), "{:?}", running.stream.jobs());
    }
    samples.extend(running.stream.take_samples(10_000).unwrap().iter().map(|sample| (sample.job, sample.window)));
    let stats = running.stream.jobs().unwrap();
    assert_eq!((stats.counts.done, stats.counts.in_line, stats.counts.held, stats.counts.set_aside), (issued, 0, 0, 0));
    assert_eq!(stats.counts.accepted as usize, samples.len());
    let mut windows: HashMap<u64, HashSet<u64>> = HashMap::new();
    for (job, window) in samples {
        assert!(windows.entry(job).or_default().insert(window), "window {window} of job {job} came twice");
    }
    assert_eq!(windows.len() as u64, issued);
    assert!(windows.values().all(|windows| windows.len() == 8), "a job is done without its windows");
    println!("{kills} kills, {} deaths with a job, {issued} jobs, {:?}", stats.counts.deaths, started.elapsed());
    assert!(kills >= 50 && stats.counts.deaths > 0, "{kills} kills, {stats:?}");
}

#[test]
fn a_dead_workers_job_is_next_at_once_and_a_second_opener_was_told_who_had_it() {
    let name = name("dead");
    let running = Running::start(builder(&name).open().unwrap());
    issue(&running.stream, 1..=5);
    let mut waits = Vec::new();
    for deaths in 1..=5 {
        let mut worker = Other::start("holder", &name);
        let holds = worker.hear("HOLDS ");
        let id: u64 = holds.strip_suffix(" 1").unwrap().parse().unwrap();
        let ticket = format!("shm:{name}#{id}");
        let error = Job::open(&ticket, &wait(5000)).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Busy);
        assert!(error.message().contains(&format!("process {} (", worker.pid())), "{error}");
        worker.kill();
        let killed = Instant::now();
        // By its ticket, as a scheduler starts it again.
        let mut job = loop {
            match Job::open(&ticket, &wait(5000)) {
                Ok(job) => break job.unwrap(),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Busy, "{error}"),
            }
            assert!(killed.elapsed() < Duration::from_secs(10));
        };
        waits.push(killed.elapsed());
        assert_eq!((job.id(), job.attempt()), (id, 2));
        running.until(|stats| stats.counts.deaths == deaths);
        job.set(State::Done, None, &wait(5000)).unwrap();
    }
    println!("attached again {waits:?} after the kills");
}

#[test]
fn as_many_workers_as_there_are_seats_hold_a_job_each_and_the_next_is_told() {
    const SEATS: u64 = 256;
    let name = name("seats");
    let running = Running::start(builder(&name).open().unwrap());
    issue(&running.stream, 1..=SEATS + 1);
    let mut workers: Vec<_> = (0..SEATS).map(|_| Other::start("holder", &name)).collect();
    let held: HashSet<u64> =
        workers.iter_mut().map(|worker| worker.hear("HOLDS ").split_once(' ').unwrap().0.parse().unwrap()).collect();
    assert_eq!(held.len() as u64, SEATS, "a job is held twice");
    running.until(|stats| (stats.workers, stats.counts.held, stats.counts.in_line) == (SEATS, SEATS, 1));
    let error = Job::next(&format!("shm:{name}"), &wait(100)).err().expect("no seat is left");
    assert!(error.message().contains("256"), "{error}");
    // One that goes makes room.
    workers.pop().unwrap().kill();
    running.until(|stats| stats.counts.deaths == 1 && stats.workers == SEATS - 1);
    assert_eq!(next(&name).attempt(), 2);
    workers.into_iter().for_each(Other::kill);
    running.until(|stats| stats.counts.deaths == SEATS);
}

#[test]
fn an_idle_worker_takes_little() {
    let name = name("idle");
    // The size of a real patch.
    let stream = Stream::builder().model("mean").transport(format!("shm:{name}")).open().unwrap();
    let _running = Running::start(stream);
    let mut worker = Other::start("idle", &name);
    let bytes: i64 = worker.hear("MEMORY ").parse().unwrap();
    let cpu = worker.hear("CPU ");
    println!("an attached worker: {bytes} bytes; waiting: {cpu} microseconds");
    assert!(bytes < 2 << 20, "{bytes} bytes");
    let (used, waited) = cpu.split_once(" of ").unwrap();
    let [used, waited] = [used, waited].map(|number| number.parse::<u64>().unwrap());
    assert!(used * 200 < waited, "0.5 % of the time is the most: {cpu} microseconds");
}
