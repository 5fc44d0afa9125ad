//! Tests of what is kept beside jobs.
//!
//! Not here: jobs of a stream as its host sees them (`tests/job`).

use super::reasons::ENDED_MAX;
use super::*;
use crate::patch::{Field, Meta, Samples};
use crate::stream::Stream;

#[test]
fn what_belongs_to_jobs_that_are_over_does_not_grow() {
    let stream = Stream::builder().grid(5, 5).model("mean");
    let stream = stream.transport(format!("shm:psOver{}", std::process::id())).open().unwrap();
    let selections = {
        let mut producer = stream.producer("ddft").unwrap();
        let densities = [0.5f32; 5 * 5 * 14];
        let field = Field::interleaved(Samples::F32(&densities), 5, 5, 14).unwrap();
        let meta = Meta { id: 1, step: 0, time_us: 0.0, center_nm: [0.0; 2], proteins: &[], label: None, factor: None };
        producer.push(&meta, &field).unwrap();
        stream.select(0, 1).unwrap().unwrap().batch.selections.clone()
    };
    stream.shared.operate(|operator| {
        let mut jobs = operator.jobs.take().unwrap();
        assert_eq!(jobs.store.messages.len(), 1);
        // The folder knows the end of a job that the line of this owner knows too.
        let mut behind = Behind { operator, store: &mut jobs.store };
        behind.moved(selections[0].id, State::Done, Moved::Known, None);
        assert!(jobs.store.messages.is_empty());
        let ids = 2..2 * ENDED_MAX as u64;
        for id in ids.clone() {
            let mut behind = Behind { operator, store: &mut jobs.store };
            behind.moved(id, State::Failed, Moved::Back, Some("once"));
            behind.moved(id, State::Failed, Moved::SetAside, Some("thrice"));
        }
        let kept: Vec<u64> = ids.clone().filter(|&id| jobs.store.reasons.get(id) == Some("thrice")).collect();
        assert_eq!((kept.len(), kept.last().copied()), (ENDED_MAX, ids.last()), "the latest are kept");
        operator.jobs = Some(jobs);
    });
}
