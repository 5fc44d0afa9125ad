//! Builds the library as a host links it, compiles C and C++ programs against it, and runs them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("ffi lies in the repository")
}

/// The folder that holds libpatchstream.so, libpatchstream.a and the command, built as this test was. `cargo test`
/// builds neither of a package without a Rust library, so they are asked for here; what they need has been built.
pub fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let test = std::env::current_exe().expect("a running test has a path");
        let profile = test.ancestors().nth(2).expect("TARGET/PROFILE/deps/test").to_path_buf();
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        cargo.arg("build").arg("--manifest-path").arg(root().join("Cargo.toml"));
        cargo.arg("--target-dir").arg(profile.parent().expect("a target folder"));
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        if !cfg!(feature = "tract") {
            cargo.args(["--workspace", "--no-default-features"]);
            if cfg!(feature = "fused") {
                cargo.args(["--features", "fused"]);
            }
        }
        succeed(&mut cargo);
        profile
    })
}

/// Runs a command; its output if it succeeds.
pub fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// How a program is linked.
#[derive(Clone, Copy, PartialEq)]
pub enum Link {
    /// Against libpatchstream.so alone.
    Shared,
    /// Against libpatchstream.a.
    Static,
    /// Not against the library at all.
    Without,
}

const STRICT: [&str; 6] = ["-Wundef", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O2"];

/// Compiles `source`, a path from the root, strictly as C99 or C++17 with `flags`; the program's path.
pub fn compile(source: &str, name: &str, flags: &[&str], link: Link) -> PathBuf {
    let c = source.ends_with(".c");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let program = folder.join(name);
    let mut compiler = match c {
        true => Command::new(std::env::var_os("CC").unwrap_or("gcc".into())),
        false => Command::new(std::env::var_os("CXX").unwrap_or("g++".into())),
    };
    compiler.arg(if c { "-std=c99" } else { "-std=c++17" }).args(STRICT).args(flags);
    compiler.arg("-I").arg(root().join("include")).arg(root().join(source)).arg("-o").arg(&program);
    match link {
        Link::Without => {}
        Link::Shared => {
            compiler.arg("-L").arg(built()).arg("-lpatchstream");
            compiler.arg(format!("-Wl,-rpath,{}", built().display()));
        }
        Link::Static => {
            compiler.arg(built().join("libpatchstream.a")).args(["-lpthread", "-ldl"]);
        }
    }
    compiler.args(["-lm", "-pthread"]);
    succeed(&mut compiler);
    program
}
