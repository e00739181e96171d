//! Tells the sources which CPython they are built for: `cfg(Py_3_12)` and the like. Refuses an interpreter that the
//! sources do not support. For a wheel, builds the program `viztracer-merge`, too.
//!
//! maturin compiles either an extension or programs, never both, so the program of the wheel is built here, by a second
//! Cargo with the same compiler, linker and target. maturin finds it in `OUT_DIR`; see `include` in `pyproject.toml`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

#[path = "build/interpreter.rs"]
mod interpreter;

/// pyo3's variable for versions that it does not support.
const UNSUPPORTED: &str = "UNSAFE_PYO3_SKIP_VERSION_CHECK";
/// maturin sets this variable. Without it, the extension is only checked, and needs no program beside it.
const FOR_WHEEL: &str = "PYO3_BUILD_EXTENSION_MODULE";
/// The path of a program that is already built, for those who compile the crates themselves.
const BUILT: &str = "VIZTRACER_MERGE_PROGRAM";
/// The sources of the program, relative to this package.
const SOURCES: [&str; 7] = [
    "../Cargo.lock",
    "../Cargo.toml",
    "../format/Cargo.toml",
    "../format/src",
    "../merge/Cargo.toml",
    "../merge/src",
    "../merge/viewer",
];

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build");
    check_interpreter();
    name_library();
    println!("cargo:rerun-if-env-changed={FOR_WHEEL}");
    if env::var_os(FOR_WHEEL).is_some() {
        put_program();
    }
}

/// Ends the build with one sentence if the interpreter is not supported. With the variable that lets pyo3 build for
/// versions that it does not support, the extension is built, too.
fn check_interpreter() {
    println!("cargo:rerun-if-env-changed={UNSUPPORTED}");
    if env::var_os(UNSUPPORTED).is_some() {
        return;
    }
    let python = pyo3_build_config::get();
    let implementation = format!("{:?}", python.implementation()); // its text names GraalPy's virtual machine
    let version = (python.version().major, python.version().minor);
    if let Some(sentence) = interpreter::refusal(&implementation, version, python.is_free_threaded()) {
        println!("cargo::error={sentence}");
        process::exit(1);
    }
}

/// Names the library in which the interpreter's functions are on Windows, where a program is linked by that name.
fn name_library() {
    println!("cargo::rustc-check-cfg=cfg(python_dll, values(any()))");
    if let Some(library) = pyo3_build_config::get().lib_name() {
        println!("cargo::rustc-cfg=python_dll={library:?}");
    }
}

/// Copies the program into `OUT_DIR`.
fn put_program() {
    println!("cargo:rerun-if-env-changed={BUILT}");
    let name = if variable("CARGO_CFG_TARGET_OS") == "windows" { "viztracer-merge.exe" } else { "viztracer-merge" };
    let out = PathBuf::from(variable("OUT_DIR"));
    let built = match env::var_os(BUILT).map(PathBuf::from) {
        Some(built) => {
            println!("cargo:rerun-if-changed={}", built.display());
            built
        }
        None => compiled(&out.join("program")).join(name),
    };
    fs::copy(&built, out.join(name)).unwrap_or_else(|error| panic!("{}: {error}", built.display()));
}

/// Compiles the program without symbols, and returns its folder. It has a Cargo folder of its own, since the Cargo that
/// runs this script has locked the other one. That folder stays, so the program is compiled once for all interpreters.
fn compiled(cargo_folder: &Path) -> PathBuf {
    for source in SOURCES {
        println!("cargo:rerun-if-changed={source}");
    }
    let (profile, folder) = if variable("PROFILE") == "release" { ("release", "release") } else { ("dev", "debug") };
    let target = variable("TARGET");
    let mut cargo = Command::new(variable("CARGO"));
    // For an extension with musl, maturin has Rust link dynamically. The program is to be static, and to run on every
    // Linux.
    if variable("CARGO_CFG_TARGET_ENV") == "musl" {
        cargo.env_remove("CARGO_ENCODED_RUSTFLAGS");
    }
    let status = cargo
        .args(["rustc", "--manifest-path", "../merge/Cargo.toml", "--bin", "viztracer-merge"])
        .args(["--profile", profile, "--target", &target])
        .arg("--target-dir")
        .arg(cargo_folder)
        // The setting `strip` of a profile does not reach a package that has its own settings in Cargo.toml.
        .args(["--", "-C", "strip=symbols"])
        .status();
    assert!(status.is_ok_and(|status| status.success()), "the program viztracer-merge could not be built, see above");
    cargo_folder.join(target).join(folder)
}

/// The value of a variable that Cargo sets for build scripts.
fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}
