//! Writes `models/metric-37x37x14.onnx` and its card: the metric network with seeded, untrained params.
//!
//! Run from the repository's root: `cargo run --example make_metric [FOLDER]` (default `models`). The same bytes each
//! time; `tests/encode/` holds the committed files to them.
//! Not here: the graph itself (`models/metric_graph.rs`), training.

use std::path::PathBuf;
use std::{env, fs, io};

use sha2::{Digest, Sha256};

#[path = "../models/metric_graph.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod metric_graph;

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::args().nth(1).unwrap_or_else(|| "models".into()));
    let onnx = metric_graph::onnx(&metric_graph::Params::seeded(metric_graph::SEED));
    let sha256: String = Sha256::digest(&onnx).iter().map(|b| format!("{b:02x}")).collect();
    let network = folder.join("metric-37x37x14.onnx");
    fs::write(&network, &onnx)?;
    fs::write(network.with_extension("toml"), metric_graph::card(&sha256))?;
    println!("{}: {} bytes, sha256 {sha256}", network.display(), onnx.len());
    Ok(())
}
