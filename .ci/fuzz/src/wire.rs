//! Views of messages whose bytes are anything: as a slot's metadata, and as a file of messages that follow each other.
//!
//! What can be read can be packed again, and then reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use patchstream::wire::{Message, Packer, messages, patch_meta};

fuzz_target!(|input: &[u8]| {
    let mut packer = Packer::new();
    if let Ok(view) = patch_meta(input) {
        let patch = view.to_owned();
        let again = packer.patch_meta(&patch.meta(), patch.constellation).to_vec();
        let back = patch_meta(&again).expect("what was packed can be read").to_owned();
        assert_eq!(format!("{back:?}"), format!("{patch:?}"));
    }
    for message in messages(input).flatten() {
        let again = match &message {
            Message::SelectionBatch(batch) => packer.selection_batch(batch).to_vec(),
            Message::Weights(weights) => packer.weights(weights).to_vec(),
            Message::Selection(selection) => packer.selection(selection).to_vec(),
            Message::Job(job) => packer.job(job).to_vec(),
            Message::RdfSample(sample) => packer.sample(sample).to_vec(),
            Message::Ask(ask) => packer.ask(ask).to_vec(),
            Message::JobState(said) => packer.job_state(said).to_vec(),
            Message::Refusal(refusal) => packer.refusal(refusal).to_vec(),
            Message::FeedbackTable(table) => packer.feedback_table(table).to_vec(),
            Message::Patch(_) | Message::Other(_) => continue,
        };
        let back: Vec<Message> = messages(&again).map(|message| message.expect("it was packed just now")).collect();
        assert_eq!(format!("{back:?}"), format!("{:?}", [&message]));
    }
});
