//! Compiles the bridge to the C++ DDFT.
//!
//! Always optimised, since a field of a debug build would take minutes, and always without contraction of a * b + c,
//! so that the example that is built with a compiler alone computes the same bits.
//! Not here: the physics (`examples/ddft/ddft.hpp`), what Rust sees of it (`src/bridge.rs`).

fn main() {
    cxx_build::bridge("src/bridge.rs")
        .file("bridge/ddft_bridge.cpp")
        .include("../examples/ddft")
        .std("c++17")
        .opt_level(2)
        .flag("-ffp-contract=off")
        .compile("patchstream_ddft_bridge");
    for file in ["src/bridge.rs", "bridge/ddft_bridge.hpp", "bridge/ddft_bridge.cpp", "../examples/ddft"] {
        println!("cargo::rerun-if-changed={file}");
    }
}
