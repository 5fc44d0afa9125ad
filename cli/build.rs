//! Compiles the bridges to the C++ DDFT and the built-in MD.
//!
//! Always optimised, since a field of a debug build would take minutes, and always without contraction of a * b + c,
//! so that the examples that are built with a compiler alone compute the same bits.
//! Not here: the physics (`examples/ddft/ddft.hpp`, `examples/md/md.hpp`), what Rust sees of it (`src/bridge.rs`,
//! `src/bridge_md.rs`).

fn main() {
    cxx_build::bridges(["src/bridge.rs", "src/bridge_md.rs"])
        .files(["bridge/ddft_bridge.cpp", "bridge/md_bridge.cpp"])
        .include("../examples/ddft")
        .include("../examples/md")
        .std("c++17")
        .opt_level(2)
        .flag("-ffp-contract=off")
        .compile("patchstream_ddft_bridge");
    for file in ["src/bridge.rs", "src/bridge_md.rs", "bridge", "../examples/ddft", "../examples/md"] {
        println!("cargo::rerun-if-changed={file}");
    }
}
