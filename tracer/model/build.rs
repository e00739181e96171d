//! The model's threads run with a GIL or without, as a program chooses, so it is compiled for an interpreter without.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(Py_GIL_DISABLED, Py_3_12)");
    println!("cargo::rustc-cfg=Py_GIL_DISABLED");
    println!("cargo::rerun-if-changed=build.rs");
}
