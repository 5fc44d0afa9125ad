//! The control page against what it promises, without a segment; the generation of a process.

use proptest::prelude::*;

use super::control::{DESCRIPTION_BYTES, Description, MAGIC};
use super::fork::Generation;
use super::*;
use crate::error::ErrorKind;
use crate::ring::Geometry;

fn owner() -> Owner {
    Owner { pid: 7, uid: 1000, start_ticks: 99, boot_id: 1 << 100 | 5 }
}

fn parts() -> impl Strategy<Value = Vec<PartSpec>> {
    let part = prop_oneof![
        (1..100_000_usize).prop_map(PartSpec::Bytes),
        (1..9_u32, 1..5000_usize).prop_map(|(slots, len)| PartSpec::Ring(Geometry::new(1 << slots, len).unwrap())),
    ];
    proptest::collection::vec(part, 0..80)
}

proptest! {
    #[test]
    fn description_is_read_as_it_was_written_and_its_parts_do_not_overlap(
        parts in parts(), kind: u32, epoch: u64, nonce: u64
    ) {
        let plan = Description::plan(&parts, kind, epoch, nonce, owner()).unwrap();
        let mut page = plan.pack();
        page[..8].copy_from_slice(&MAGIC.to_le_bytes());
        let read = Description::unpack(&page, plan.bytes as u64, "it").unwrap();
        prop_assert_eq!(&read, &plan);
        let mut end = 8192;
        for (part, spec) in plan.parts.iter().zip(&parts) {
            let bytes = match spec { PartSpec::Ring(geometry) => geometry.bytes(), PartSpec::Bytes(bytes) => *bytes };
            prop_assert!(part.offset >= end && part.offset % 4096 == 0 && part.bytes == bytes);
            end = part.offset + part.bytes;
        }
        prop_assert!(end <= plan.bytes);
    }

    #[test]
    fn garbage_with_a_sound_checksum_is_an_error_or_lies_inside(
        at in 16..2040_usize, garbage in proptest::collection::vec(any::<u8>(), 1..32), bytes: u64
    ) {
        let plan = Description::plan(&[PartSpec::Bytes(5000), PartSpec::Bytes(9)], 0, 1, 2, owner()).unwrap();
        let mut page = plan.pack();
        page[..8].copy_from_slice(&MAGIC.to_le_bytes());
        let length = garbage.len().min(DESCRIPTION_BYTES - 4 - at);
        page[at..at + length].copy_from_slice(&garbage[..length]);
        let crc = crc32c::crc32c(&page[8..DESCRIPTION_BYTES - 4]);
        page[DESCRIPTION_BYTES - 4..].copy_from_slice(&crc.to_le_bytes());
        for file_bytes in [bytes, plan.bytes as u64] {
            match Description::unpack(&page, file_bytes, "it") {
                Ok(read) => {
                    prop_assert_eq!(read.bytes as u64, file_bytes);
                    prop_assert!(read.parts.iter().all(|part| part.offset >= 8192 && part.offset + part.bytes <= read.bytes));
                }
                Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Corrupt),
            }
        }
    }
}

#[test]
fn generation_is_one_for_all_threads_of_a_process() {
    let here = Generation::current();
    let there = std::thread::spawn(Generation::current).join().unwrap();
    assert_eq!(here, there);
    assert!(here.is_current());
}

#[test]
fn a_segment_that_goes_between_two_looks_is_one_that_is_not_there() {
    let name = super::name::Name::new("psWent").unwrap();
    let error = super::files::map_refused(&name, shared_memory::ShmemError::MapOpenFailed(libc::ENOENT as u32));
    assert_eq!(error.kind(), ErrorKind::Unknown);
    let error = super::files::map_refused(&name, shared_memory::ShmemError::MapOpenFailed(libc::EACCES as u32));
    assert_eq!(error.kind(), ErrorKind::Io);
}
