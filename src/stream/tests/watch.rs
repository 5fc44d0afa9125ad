//! The numbers for watchers are what the host is told, and anybody can read them.

use super::*;
use crate::dynim::State;
use crate::shm::{self, Standing};

fn watched(name: &str) -> impl Fn(&str) -> u64 {
    let look = shm::look(name).unwrap();
    assert_eq!(look.seen.standing, Standing::Owned);
    move |number| look.stats[WATCHED.iter().position(|known| *known == number).unwrap()]
}

#[test]
fn watchers_read_what_the_host_is_told() {
    let name = format!("watch-{}", std::process::id());
    let stream = builder().capacity(3).transport(format!("shm:{name}")).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    push_all(&stream, &mut producer, 1..=9, 0);
    stream.poll(Duration::from_secs(60)).unwrap();
    push(&mut producer, 9, 0, &patch(9)).unwrap();
    push(&mut producer, 9, 0, &patch(8)).unwrap_err();
    let picks = stream.select(0, 4).unwrap().unwrap();
    for state in [State::Started, State::Done] {
        stream.set_state(picks.batch.selections[0].id, state, 0).unwrap();
    }
    push_all(&stream, &mut producer, 10..=11, 1);
    stream.poll(Duration::from_secs(60)).unwrap();

    let (stats, jobs, watched) = (stream.stats(), stream.jobs().unwrap(), watched(&name));
    let kept = stats.retention.unwrap();
    for (number, told) in [
        ("patches_encoded", stats.encoded),
        ("patches_known", stats.known),
        ("patches_refused", stats.rejected.total()),
        ("events", stats.events),
        ("patches_waiting", stats.waiting),
        ("candidates", stats.candidates),
        ("selected", stats.selected),
        ("discarded", stats.discarded),
        ("jobs_in_line", jobs.counts.in_line),
        ("jobs_done", jobs.counts.done),
        ("jobs_held", 0),
        ("retained_patches", kept.holding.patches),
        ("retained_bytes", kept.holding.bytes),
    ] {
        assert_eq!(watched(number), told, "{number}");
    }
    let numbers = ["patches_encoded", "patches_refused", "selected", "discarded", "jobs_in_line", "jobs_done"];
    assert_eq!(numbers.map(&watched), [11, 1, 3, 6, 2, 1]);
    assert!(watched("retained_bytes") > 0 && watched("patches_known") == 1);
}
