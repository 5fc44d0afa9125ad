//! The Rust example runs, heals its potential, and goes on from its own checkpoint as if nothing had happened.

#[path = "../examples/rust_host.rs"]
mod rust_host;

use rust_host::host;

#[test]
fn the_rust_host_heals_its_model_and_goes_on_after_any_end() {
    let folder = std::env::temp_dir().join(format!("patchstream-rust-host-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let [whole, parts] = ["whole", "parts"].map(|name| folder.join(name));
    let lines = host(&whole, 40).unwrap();
    assert_eq!(lines.len(), 3, "{lines:?}");
    let off = |line: &str| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
    // Before the first table the potential is 0, and g off by 0.44.
    assert!(lines.iter().all(|line| off(line) < 0.1), "{lines:?}");
    // It ends at any step, and goes on from the last that its own file knows.
    let mut last = Vec::new();
    for steps in [7, 13, 24, 40] {
        last = host(&parts, steps).unwrap();
    }
    assert_eq!(last, lines[1..]);
    std::fs::remove_dir_all(&folder).unwrap();
}
