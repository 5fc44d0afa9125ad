//! Sets `cfg(loom)` for this package alone: the ring takes the model checker's atomics then.

fn main() {
    println!("cargo::rustc-cfg=loom");
    println!("cargo::rerun-if-changed=build.rs");
}
