//! One owner and workers in threads: what a job carries, who is next, who is refused.
//!
//! Not here: workers that die ([`super::kill`]).

use patchstream::dynim::State;

use super::*;

#[test]
fn a_job_carries_its_patch_and_results_come_back_once() {
    let name = name("carries");
    let running = Running::start(builder(&name).open().unwrap());
    issue(&running.stream, 7..=7);
    let mut job = next(&name);
    assert_eq!((job.id(), job.attempt(), job.shape(), job.size_nm()), (7, 1, [N, N, 14], 30.0));
    assert_eq!(job.ticket(), format!("shm:{name}#7"));
    assert_eq!(running.stream.ticket(7).unwrap(), job.ticket());
    assert_eq!(job.densities(), densities(7));
    assert_eq!(job.selection().label.as_deref(), Some("ddft"));
    assert_eq!(job.selection().point.len(), 14);
    assert_eq!(job.set(State::Started, None, &wait(1000)).unwrap(), Submitted::Accepted);
    for window in [0, 1, 5] {
        assert_eq!(submit(&mut job, window), Submitted::Accepted);
    }
    assert_eq!(submit(&mut job, 5), Submitted::Known);
    assert_eq!(job.set(State::Done, Some("converged"), &wait(1000)).unwrap(), Submitted::Accepted);
    assert_eq!(job.set(State::Done, None, &wait(1000)).unwrap(), Submitted::Known);
    let error = job.submit("rdf", 9, 1, &[1], &[0.0], &wait(0)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::State);
    drop(job);
    let stats = running.until(|stats| stats.counts.done == 1);
    assert_eq!((stats.counts.accepted, stats.samples, stats.sample_bytes), (3, 3, 96));
    let samples = running.stream.take_samples(2).unwrap();
    assert_eq!(
        samples.iter().map(|sample| (sample.job, sample.attempt, sample.window)).collect::<Vec<_>>(),
        [(7, 1, 0), (7, 1, 1)]
    );
    assert_eq!((samples[0].shape.clone(), samples[0].sums.clone()), (vec![2, 2], vec![7.0, 0.0, 1.0, 2.0]));
    assert_eq!(running.stream.take_samples(10).unwrap().len(), 1);
    assert_eq!(running.stream.pick(7).unwrap().state, State::Done);
    assert_eq!(running.stream.job(7).unwrap().reason.as_deref(), Some("converged"));
    let error = Job::open(&format!("shm:{name}#7"), &wait(5000)).err().unwrap();
    assert!(error.kind() == ErrorKind::State && error.message().contains("done"), "{error}");
    let error = Job::open(&format!("shm:{name}#8"), &wait(5000)).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unknown);
}

#[test]
fn an_interrupted_job_is_next_and_knows_its_windows() {
    let name = name("interrupted");
    let running = Running::start(builder(&name).open().unwrap());
    issue(&running.stream, 1..=3);
    let mut job = next(&name);
    let id = job.id();
    job.set(State::Started, None, &wait(1000)).unwrap();
    for window in 0..5 {
        assert_eq!(submit(&mut job, window), Submitted::Accepted);
    }
    // A second opener is told who has it.
    let error = Job::open(job.ticket(), &wait(5000)).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.message().contains(&format!("process {}", std::process::id())), "{error}");
    job.set(State::Interrupted, Some("SIGTERM"), &wait(1000)).unwrap();
    drop(job);
    let mut job = next(&name);
    assert_eq!((job.id(), job.attempt()), (id, 2));
    assert_eq!(running.stream.pick(id).unwrap().state, State::Interrupted);
    for window in 0..5 {
        assert_eq!(submit(&mut job, window), Submitted::Known);
    }
    assert_eq!(submit(&mut job, 5), Submitted::Accepted);
    drop(job);
    // Closed without a last word: first in line again.
    let job = next(&name);
    assert_eq!((job.id(), job.attempt()), (id, 3));
    let stats = running.until(|stats| stats.counts.accepted == 6);
    assert_eq!((stats.counts.deaths, stats.counts.refused), (0, 0));
}

#[test]
fn three_failures_set_a_job_aside() {
    let name = name("failures");
    let lines = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = lines.clone();
    let stream = builder(&name).log(move |_, line| log.lock().unwrap().push(line.to_owned())).open().unwrap();
    let running = Running::start(stream);
    issue(&running.stream, 1..=1);
    for attempt in 1..=3 {
        let mut job = next(&name);
        assert_eq!(job.attempt(), attempt);
        job.set(State::Failed, Some("lost atoms"), &wait(1000)).unwrap();
    }
    running.until(|stats| stats.counts.set_aside == 1);
    assert!(Job::next(&format!("shm:{name}"), &wait(50)).unwrap().is_none());
    let report = running.stream.job(1).unwrap();
    assert_eq!((report.failures, report.state, report.reason.as_deref()), (3, State::Failed, Some("lost atoms")));
    let pick = running.stream.pick(1).unwrap();
    assert_eq!((pick.state, pick.failures), (State::Failed, 3));
    let lines = lines.lock().unwrap();
    assert!(lines.iter().any(|line| line.contains("set aside") && line.contains("lost atoms")), "{lines:?}");
}

#[test]
fn the_host_knows_better_than_whoever_has_the_job() {
    let name = name("host");
    let running = Running::start(builder(&name).open().unwrap());
    issue(&running.stream, 1..=2);
    let mut first = next(&name);
    let id = first.id();
    first.set(State::Started, None, &wait(1000)).unwrap();
    running.until(|stats| stats.counts.held == 1);
    let started = Instant::now();
    while running.stream.pick(id).unwrap().state != State::Started {
        assert!(started.elapsed() < Duration::from_secs(10));
    }
    running.stream.set_state(id, State::Issued, 0).unwrap();
    let mut second = next(&name);
    assert_eq!((second.id(), second.attempt()), (id, 2));
    let sums = [0.0; 4];
    let error = loop {
        match first.submit("rdf", 0, 1, &[4], &sums, &wait(1000)) {
            Ok(_) => std::thread::sleep(Duration::from_millis(1)),
            Err(error) => break error,
        }
        assert!(started.elapsed() < Duration::from_secs(10));
    };
    assert!(error.kind() == ErrorKind::Fenced && error.message().contains("attempt 1"), "{error}");
    assert_eq!(submit(&mut second, 0), Submitted::Accepted);
    // Returned by its host, a job that was never started is out of the line and comes again with its pick.
    let other = if id == 1 { 2 } else { 1 };
    running.stream.set_state(other, State::Returned, 0).unwrap();
    let error = Job::open(&format!("shm:{name}#{other}"), &wait(5000)).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::State);
    running.stream.select(1, 1).unwrap().unwrap();
    let again = next(&name);
    assert_eq!(again.id(), other);
}

#[test]
fn a_host_that_says_started_leaves_the_job_to_who_has_it() {
    let name = name("started");
    let running = Running::start(builder(&name).open().unwrap());
    issue(&running.stream, 1..=1);
    let mut job = next(&name);
    running.until(|stats| stats.counts.held == 1);
    assert!(running.stream.set_state(1, State::Started, 0).unwrap());
    assert_eq!(submit(&mut job, 0), Submitted::Accepted);
    running.until(|stats| stats.counts.accepted == 1);
    job.alive().unwrap();
    // Whoever has it can still give it back.
    drop(job);
    assert_eq!(next(&name).attempt(), 2);
}

#[test]
fn samples_wait_with_their_workers_when_the_host_takes_none() {
    let name = name("full");
    let jobs = patchstream::stream::JobsConfig { sample_bytes: 4000, ..Default::default() };
    let running = Running::start(builder(&name).jobs(jobs).open().unwrap());
    issue(&running.stream, 1..=1);
    let mut job = next(&name);
    let sums = vec![1.5; 100];
    let mut window = 0;
    let full = loop {
        match job.submit("rdf", window, 1, &[100], &sums, &wait(300)).unwrap() {
            Submitted::Accepted => window += 1,
            other => break other,
        }
        assert!(window < 1000);
    };
    assert_eq!(full, Submitted::Full);
    assert!(running.stream.jobs().unwrap().sample_bytes <= 4000);
    let mut seen = Vec::new();
    while seen.len() < window as usize {
        seen.extend(running.stream.take_samples(1).unwrap().iter().map(|sample| sample.window));
    }
    assert_eq!(seen, (0..window).collect::<Vec<_>>());
    assert_eq!(job.submit("rdf", window, 1, &[100], &sums, &wait(5000)).unwrap(), Submitted::Accepted);
}

#[test]
fn samples_without_sums_wait_with_their_workers_too() {
    let name = name("empty");
    let jobs = patchstream::stream::JobsConfig { sample_bytes: 4000, ..Default::default() };
    let running = Running::start(builder(&name).jobs(jobs).open().unwrap());
    issue(&running.stream, 1..=1);
    let mut job = next(&name);
    let accepted = (0..1000)
        .take_while(|window| job.submit("rdf", *window, 1, &[0], &[], &wait(300)).unwrap() == Submitted::Accepted);
    assert!(accepted.count() < 100);
}

#[test]
fn a_sample_that_is_larger_than_the_lane_goes_in_parts() {
    let name = name("large");
    let running = Running::start(builder(&name).open().unwrap());
    issue(&running.stream, 1..=1);
    let mut job = next(&name);
    let sums: Vec<f64> = (0..18 * 8 * 599).map(f64::from).collect();
    // Half of one, given up; then all of it.
    let _ = job.submit("rdf", 0, 1, &[18, 8, 599], &sums, &wait(0)).unwrap();
    let answer = job.submit("rdf", 0, 1, &[18, 8, 599], &sums, &wait(10_000)).unwrap();
    assert!(matches!(answer, Submitted::Accepted | Submitted::Known));
    running.until(|stats| stats.samples == 1);
    let taken = running.stream.take_samples(1).unwrap();
    assert!(taken[0].sums == sums && taken[0].shape == [18, 8, 599]);
    assert_eq!(running.stream.jobs().unwrap().counts.refused, 0);
}

#[test]
fn a_bad_sample_is_an_error_of_its_own() {
    let name = name("bad");
    let running = Running::start(builder(&name).open().unwrap());
    issue(&running.stream, 1..=1);
    let mut job = next(&name);
    let mut kind = |observable: &str, shape: &[u32], sums: &[f64]| {
        job.submit(observable, 0, 1, shape, sums, &wait(0)).unwrap_err().kind()
    };
    assert_eq!(kind("a/b", &[1], &[0.0]), ErrorKind::Argument);
    assert_eq!(kind("rdf", &[2], &[0.0]), ErrorKind::Shape);
    assert_eq!(kind("rdf", &[1], &[f64::NAN]), ErrorKind::Value);
    assert_eq!(job.set(State::Returned, None, &wait(0)).unwrap_err().kind(), ErrorKind::Argument);
    assert_eq!(submit(&mut job, 0), Submitted::Accepted);
    job.alive().unwrap();
}

#[test]
fn threads_of_one_process_each_hold_a_job_and_use_their_lanes_again() {
    let name = name("threads");
    let running = Running::start(builder(&name).open().unwrap());
    issue(&running.stream, 1..=40);
    let done = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(mut job) = Job::next(&format!("shm:{name}"), &wait(500)).unwrap() {
                    job.set(State::Started, None, &wait(5000)).unwrap();
                    assert_eq!(submit(&mut job, 0), Submitted::Accepted);
                    job.set(State::Done, None, &wait(5000)).unwrap();
                    done.lock().unwrap().push(job.id());
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_unstable();
    assert_eq!(done, (1..=40).collect::<Vec<_>>());
    let stats = running.until(|stats| stats.counts.done == 40);
    assert!(stats.workers <= 4, "{stats:?}");
    assert_eq!((stats.counts.given, stats.counts.accepted, stats.counts.refused), (40, 40, 0));
}

#[test]
fn a_wait_for_a_job_ends_by_time_and_by_a_stop() {
    let name = name("waits");
    let running = Running::start(builder(&name).open().unwrap());
    assert!(Job::next(&format!("shm:{name}"), &wait(30)).unwrap().is_none());
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(50));
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        let waits = Wait { timeout: Duration::from_secs(60), spin: Duration::ZERO, stop: Some(&stop) };
        assert!(Job::next(&format!("shm:{name}"), &waits).unwrap().is_none());
    });
    // The asks that were cancelled get no job.
    issue(&running.stream, 1..=1);
    assert_eq!(next(&name).attempt(), 1);
    assert_eq!(Job::next("shm:nobody-has-this", &wait(30)).err().unwrap().kind(), ErrorKind::Unknown);
    assert_eq!(Job::next("tcp:x", &wait(30)).err().unwrap().kind(), ErrorKind::Argument);
}
