//! Files cut short, with single bytes changed, and of random bytes: an error or a model, never a panic.
//!
//! Not here: how much memory they take (`tests/model_memory.rs`).

use std::fs;

use super::make::Random;
use super::*;

/// The fixtures with the shape that each takes.
fn fixtures() -> Vec<(String, Vec<u8>, InputSpec)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/networks");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "onnx"));
    files.sort();
    let file = |path: &std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_string();
        let n = [("metric", 37), ("classifier", 19), ("vae", 5)].iter().find(|(n, _)| name.ends_with(n)).unwrap().1;
        let layout = if name.starts_with("torch") { Layout::Chw } else { Layout::Hwc };
        (name, fs::read(path).unwrap(), InputSpec { ny: n, nx: n, channels: 14, layout })
    };
    files.iter().map(file).collect()
}

/// A number in 0 .. n.
fn roll(random: &mut Random, n: usize) -> usize {
    ((random.next() + 1.0) / 2.0 * n as f64) as usize % n
}

#[test]
fn two_thousand_changed_bytes_are_errors_or_models() {
    let files = fixtures();
    assert_eq!(files.len(), 15);
    let mut random = Random(1);
    let constants = vec![0.5; 14];
    let (mut errors, mut chains) = (0, 0);
    for k in 0..2000 {
        let (_, good, spec) = &files[k % files.len()];
        let mut bytes = good.clone();
        // Most bytes are params: half of the changes go where the structure is, in the first and the last tenth.
        let tenth = bytes.len() / 10;
        let place = match k / files.len() % 4 {
            0 => roll(&mut random, tenth),
            1 => bytes.len() - 1 - roll(&mut random, tenth),
            _ => roll(&mut random, bytes.len()),
        };
        bytes[place] ^= 1 + roll(&mut random, 255) as u8;
        match fold(&bytes, spec, Some((&constants, &constants))) {
            Err(_) => errors += 1,
            Ok(folded) => {
                chains += usize::from(folded.chain.is_ok());
                proto::Model::decode(&folded.onnx[..]).unwrap();
            }
        }
    }
    assert!(errors > 100 && chains > 500, "{errors} errors, {chains} chains: the changes tell nothing");
}

#[test]
fn files_cut_short_and_random_bytes_are_errors() {
    let mut random = Random(2);
    for (name, good, spec) in fixtures() {
        for _ in 0..20 {
            let length = roll(&mut random, good.len());
            assert!(fold(&good[..length], &spec, None).is_err(), "{name}, {length} bytes");
        }
        let bytes: Vec<u8> = (0..1000).map(|_| roll(&mut random, 256) as u8).collect();
        assert!(fold(&bytes, &spec, None).is_err());
    }
}
