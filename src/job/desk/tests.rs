//! Tests of the lanes that a worker keeps.
//!
//! Not here: jobs over lanes (`tests/job`).

use super::*;

#[test]
fn lanes_that_stay_locked_as_after_a_fork_are_not_waited_for() {
    let held = FREE.lock();
    let asked = std::thread::spawn(|| take_free("psNobody").is_none());
    let since = Instant::now();
    while !asked.is_finished() {
        assert!(since.elapsed() < Duration::from_secs(60), "it waits for ever");
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(held);
    assert!(asked.join().unwrap());
}
