//! What `encode` says at its end, to people on stdout and to programs in the file of `--summary`.
//!
//! Not here: how times are taken ([`super::run`]).

use std::fmt::Write as _;

use hdrhistogram::Histogram;
use patchstream::encode::{Model, Turn};
use serde_json::{Value, json};

use super::options::Options;
use crate::clock::{Spent, peak_resident_bytes};
use crate::npy::Shape;
use crate::summary::{FORMAT, print};

/// What was done.
pub struct Done {
    /// Patches in the file.
    pub count: usize,
    /// The axes of each.
    pub axes: Vec<usize>,
    /// Patches of a call.
    pub batch: usize,
    /// Patches that were encoded: all, unless it was interrupted.
    pub encoded: usize,
    /// A signal ended it early.
    pub interrupted: bool,
    /// Wall time from the first patch read to the last point written, in s.
    pub seconds: f64,
    /// Times of calls over their patches, in ns, each as often as it has patches.
    pub times: Histogram<u64>,
    /// Spent on all, opening the model included.
    pub total: Spent,
}

impl Done {
    /// The smallest time in us that so much of the patches, within 0 and 1, did not exceed; none without patches.
    fn quantile(&self, share: f64) -> Option<f64> {
        (!self.times.is_empty()).then(|| self.times.value_at_quantile(share) as f64 / 1e3)
    }

    fn per_second(&self) -> Option<f64> {
        (self.encoded > 0).then(|| self.encoded as f64 / self.seconds)
    }
}

/// The summary. `p50_us` and `p99_us` are of calls of the encoder alone, over the patches of each, and `encode_seconds`
/// their sum over all threads; `patches_per_second` is by `wall_seconds`, which has reading and writing in it.
/// `cpu_seconds` has opening the model in it too. What there is none of without patches is null, and so is the sha256 of an
/// encoder without a card.
pub fn json(options: &Options, model: &Model, done: &Done) -> String {
    let card = model.card();
    let sha256 = if card.sha256.is_empty() { Value::Null } else { json!(card.sha256) };
    let encode_ns: f64 =
        done.times.iter_recorded().map(|v| v.value_iterated_to() as f64 * v.count_at_value() as f64).sum();
    let report = model.report();
    let summary = json!({
        "backend": model.backend(),
        "patches": done.encoded,
        "patches_per_second": done.per_second(),
        "p50_us": done.quantile(0.5),
        "p99_us": done.quantile(0.99),
        "cpu_seconds": done.total.cpu.as_secs_f64(),
        "wall_seconds": done.seconds,
        "encode_seconds": encode_ns / 1e9,
        "dim": model.dim(),
        "patch_shape": done.axes,
        "threads": options.threads,
        "batch": done.batch,
        "peak_resident_bytes": peak_resident_bytes(),
        "model": { "name": card.name, "sha256": sha256, "trained": card.trained, "card": !model.is_bare() },
        "report": { "folded": report.folded, "chosen": report.chosen },
        "versions": { "patchstream": env!("CARGO_PKG_VERSION"), "format": FORMAT },
        "options": {
            "model": options.model,
            "patches": options.patches.to_string_lossy(),
            "out": options.out.to_string_lossy(),
            "backend": options.backend.name(),
            "threads": options.threads,
            "batch": options.batch,
        },
    });
    format!("{summary:#}\n")
}

/// What was done.
pub fn print_end(options: &Options, model: &Model, done: &Done) {
    let card = model.card();
    let mut text = String::new();
    let about = match (model.is_bare(), model.backend(), card.trained) {
        (true, ..) => "without a card: values are taken as they are",
        (_, "builtin", _) => "nothing in it to train",
        (.., true) => "trained",
        (.., false) => "untrained: its points mean nothing",
    };
    let _ = writeln!(text, "model     {}, {} values a point, {about}", card.name, model.dim());
    let _ = writeln!(text, "backend   {}: {}", model.backend(), model.report().chosen);
    if card.orientation == Turn::Canonical {
        let _ = writeln!(
            text,
            "          it asks for the canonical orientation; without proteins that is the one in the file"
        );
    }
    let _ =
        writeln!(text, "patches   {} of shape {} from {}", done.encoded, Shape(&done.axes), options.patches.display());
    if let (Some(rate), Some(p50), Some(p99)) = (done.per_second(), done.quantile(0.5), done.quantile(0.99)) {
        let threads = if options.threads == 1 { "one thread" } else { &format!("{} threads", options.threads) };
        let _ = writeln!(text, "rate      {rate:.0} patches/s with {threads}, reading and writing included");
        let _ = writeln!(
            text,
            "latency   a patch in the encoder: half within {p50:.1} us, 99 % within {p99:.1} us, {} in a call",
            done.batch
        );
    }
    let (wall, cpu) = (done.total.wall.as_secs_f64(), done.total.cpu.as_secs_f64());
    let _ = writeln!(text, "time      {wall:.2} s, {cpu:.2} s of CPU, opening the model included");
    let summary = options.summary.as_ref().map_or(String::new(), |path| format!(" {}", path.display()));
    let _ = writeln!(text, "files     {}{summary}", options.out.display());
    print(&text);
}

/// That it was ended early.
pub fn print_interrupted(done: &Done) {
    print(&format!("interrupted after {} of {} patches: no file was written\n", done.encoded, done.count));
}
