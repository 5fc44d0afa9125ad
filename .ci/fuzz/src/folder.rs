//! The files of a job folder with anything in them: tickets, messages, claims and the folder's own.
//!
//! A file that was written by the library is where each input starts; the input says which one, and how it is damaged;
//! its checksums are made right again where the input says so. Owner, worker and onlooker then read it.
//! The folder lies in PATCHSTREAM_FUZZ_FOLDER, by default /dev/shm, and is of this process.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use patchstream::job::{Job, dir};
use patchstream::patch::{Field, Meta, Samples};
use patchstream::ring::Wait;
use patchstream::stream::{JobsConfig, Stream};

const NOW: Wait<'static> = Wait { timeout: Duration::ZERO, spin: Duration::ZERO, stop: None };
const HEADER: usize = 64;

/// The files that inputs start from: where each lies, and what is in it.
struct Files {
    path: PathBuf,
    stream: Stream,
    files: [(PathBuf, Vec<u8>); 4],
}

thread_local! {
    static FILES: Files = Files::new();
}

impl Files {
    fn new() -> Self {
        let within = std::env::var_os("PATCHSTREAM_FUZZ_FOLDER").map_or("/dev/shm".into(), PathBuf::from);
        let path = within.join(format!("patchstream-fuzz-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        // Made by the library, so that its own file is a good one; then told to wait for nobody.
        let mark = path.join("patchstream");
        drop(Self::open(&path));
        let mut bytes = fs::read(&mark).expect("the folder was made");
        let text = b"lease_ms = 1000\npoll_ms = 1\nsettle_ms = 0\nsync = false\npending_max = 16\n";
        bytes.truncate(HEADER);
        bytes[16..24].copy_from_slice(&(text.len() as u64).to_le_bytes());
        bytes.extend_from_slice(text);
        bytes.resize(bytes.len().next_multiple_of(64), 0);
        seal(&mut bytes);
        fs::write(&mark, &bytes).expect("room in /dev/shm");

        let stream = Self::open(&path);
        let mut producer = stream.producer("fuzz").expect("the first");
        let values = [0.5; 25 * 14];
        let field = Field::interleaved(Samples::F32(&values), 5, 5, 14).expect("5 x 5 x 14");
        producer.push(&Meta { id: 1, ..Meta::default() }, &field).expect("a good patch");
        stream.select(0, 1).expect("an open stream").expect("one producer");
        stream.poll(Duration::ZERO).expect("an open stream");
        let mut job =
            Job::open(&format!("dir:{}#1", path.display()), &NOW).expect("a good ticket").expect("it is there");
        job.submit("rdf", 1, 10, &[2, 2], &[1.0, 2.0, 3.0, 4.0], &NOW).expect("it has the job");
        let first = |folder: &str| {
            let entry = fs::read_dir(path.join(folder)).expect("a folder").next().expect("a file").expect("a name");
            (entry.path(), fs::read(entry.path()).expect("a file"))
        };
        let files = [(mark, bytes), first("jobs"), first("claims"), first("inbox")];
        drop(job);
        Self { path, stream, files }
    }

    fn open(path: &std::path::Path) -> Stream {
        let jobs = JobsConfig { poll_s: 0.001, ..JobsConfig::default() };
        let builder = Stream::builder().grid(5, 5).model("mean").transport(format!("dir:{}", path.display()));
        builder.jobs(jobs).open().expect("a folder of its own")
    }

    fn clear(&self, folder: &str) {
        // That of results is made with the first.
        for entry in fs::read_dir(self.path.join(folder)).into_iter().flatten().flatten() {
            let _ = fs::remove_file(entry.path());
        }
    }

    fn try_one(&self, input: &[u8]) {
        let Some((how, damage)) = input.split_first() else { return };
        let which = usize::from(how & 3);
        let (path, good) = &self.files[which];
        let mut bytes = good.clone();
        // Places and values, or a new length.
        for act in damage.chunks(4) {
            let [low, high, value, more] = std::array::from_fn(|i| act.get(i).copied().unwrap_or(0));
            let at = usize::from(low) | usize::from(high) << 8;
            match more {
                255 => bytes.resize(at.min(2 * good.len()), value),
                _ if bytes.is_empty() => {}
                _ => {
                    let at = at % bytes.len();
                    bytes[at] = value;
                }
            }
        }
        if how & 4 != 0 {
            seal(&mut bytes);
        }
        self.clear("claims");
        fs::write(path, &bytes).expect("room in /dev/shm");
        let _ = std::hint::black_box(dir::look(&self.path));
        match which {
            1 => {
                let job = Job::open(&format!("dir:{}#1", self.path.display()), &NOW);
                assert!(bytes != *good || matches!(job, Ok(Some(_))), "a good ticket is refused");
                if let Ok(Some(job)) = job {
                    std::hint::black_box((job.selection(), job.densities().len(), job.shape()));
                }
            }
            3 => {
                // The owner looks twice at what it doubts.
                for _ in 0..3 {
                    std::thread::sleep(Duration::from_micros(1100));
                    let _ = self.stream.poll(Duration::ZERO);
                }
                let _ = self.stream.take_samples(16);
                ["inbox", "bad", "over", "results/1"].iter().for_each(|folder| self.clear(folder));
            }
            _ => {}
        }
        fs::write(path, good).expect("room in /dev/shm");
        if which == 3 {
            self.clear("inbox");
        }
    }
}

/// Makes the checksums right, as far as the lengths in the header make sense.
fn seal(bytes: &mut [u8]) {
    if bytes.len() < HEADER {
        return;
    }
    let metadata = u64::from_le_bytes(std::array::from_fn(|i| bytes[16 + i]));
    let start = usize::try_from(metadata).unwrap_or(usize::MAX).min(bytes.len()) + HEADER;
    let start = start.next_multiple_of(64).min(bytes.len());
    let densities = crc32c::crc32c(&bytes[start..]);
    bytes[56..60].copy_from_slice(&densities.to_le_bytes());
    let head = crc32c::crc32c_append(crc32c::crc32c(&bytes[..60]), &bytes[HEADER..start]);
    bytes[60..64].copy_from_slice(&head.to_le_bytes());
}

fuzz_target!(|input: &[u8]| FILES.with(|files| files.try_one(input)));
