//! Writes the networks of the papers with seeded, untrained params, and their cards.
//!
//! From the repository's root, `cargo run --example make_models [FOLDER]` writes those that are committed, by default into
//! `models`; `cargo run --example make_models -- --large FOLDER` the classifier for 72 x 72 points and the variational
//! autoencoder, 3.4 MB. The same bytes each time; `tests/encode/` holds the committed files to them.
//! Not here: the graphs themselves (`models/mod.rs`), training.

use std::path::Path;
use std::{env, fs, io};

#[path = "../models/mod.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod models;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (files, folder) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => (models::committed(), "models"),
        ["--large", folder] => ([models::fingerprint::LARGE.files(), models::vae::files()], folder),
        [folder] if !folder.starts_with('-') => (models::committed(), folder),
        _ => return Err(io::Error::other("give a folder, or --large and a folder")),
    };
    fs::create_dir_all(folder)?;
    for model in files {
        let path = model.write(Path::new(folder))?;
        println!("{}: {} bytes", path.display(), model.onnx.len());
    }
    Ok(())
}
