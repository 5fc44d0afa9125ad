//! What every host here does: it goes on from its own checkpoint, pushes, writes down what it is told, and saves both.
//!
//! Not here: what it pushes and selects.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use patchstream::patch::{Field, Meta, Samples};
use patchstream::stream::{Producer, Pushed, Selections, Stream};

/// Goes on where the host's own file says: the next step, and what it was told before.
pub fn go_on(stream: &Stream, folder: &Path) -> (i64, String) {
    let (first, told) = match std::fs::read_to_string(folder.join("host.txt")).ok() {
        None => (0, String::new()),
        Some(saved) => {
            let (first, told) = saved.split_once('\n').unwrap();
            (first.parse().unwrap(), told.to_owned())
        }
    };
    stream.resume((first > 0).then(|| format!("before step {first}")).as_deref()).unwrap();
    (first, told)
}

/// Pushes a patch of `grid` points a side, however long that takes.
pub fn push(stream: &Stream, producer: &mut Producer, id: u64, step: i64, grid: usize, densities: &[f32]) {
    let field = Field::interleaved(Samples::F32(densities), grid, grid, 14).unwrap();
    let meta = Meta { id, step, center_nm: [id as f64, 0.0], ..Meta::default() };
    while producer.push(&meta, &field).unwrap() == Pushed::Full {
        stream.poll(Duration::from_millis(1)).unwrap();
    }
}

/// Adds a line for each selection.
pub fn tell(told: &mut String, selections: &Selections) {
    for one in &selections.batch.selections {
        writeln!(told, "{} {} {} {:08x}", one.event, one.id, one.order, one.rank.to_bits()).unwrap();
    }
}

/// Sets a mark behind `step`, and then saves what the host has.
pub fn save(stream: &Stream, folder: &Path, step: i64, told: &str, patience: Duration) {
    let next = step + 1;
    assert!(stream.checkpoint(&format!("before step {next}"), step, patience).unwrap());
    write(folder, "host", &format!("{next}\n{told}"));
}

/// Writes the file `name`.txt, whole or not at all.
pub fn write(folder: &Path, name: &str, text: &str) {
    let new = folder.join(format!("{name}.new"));
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, folder.join(format!("{name}.txt"))).unwrap();
}
