//! The build script of the extension refuses interpreters by a sentence, before a compiler finds errors.

#[path = "../../tracer/build/interpreter.rs"]
mod interpreter;

use interpreter::refusal;

#[test]
fn tested_interpreters_are_accepted() {
    for minor in 10..=15 {
        assert_eq!(refusal("CPython", (3, minor), false), None);
    }
}

#[test]
fn others_are_refused_by_their_name() {
    for (implementation, version, free_threaded, name) in [
        ("PyPy", (3, 11), false, "PyPy 3.11"),
        ("GraalPy", (3, 12), false, "GraalPy 3.12"),
        ("RustPython", (3, 13), false, "RustPython 3.13"),
        ("CPython", (3, 14), true, "free-threaded CPython 3.14"),
        ("CPython", (3, 9), false, "CPython 3.9"),
        ("CPython", (3, 16), false, "CPython 3.16"),
    ] {
        let sentence = refusal(implementation, version, free_threaded).expect(name);
        let begin = format!("viztracer-ring supports CPython 3.10 to 3.15 with the GIL, and this is {name}: use ");
        assert!(sentence.starts_with(&begin) && !sentence.contains('\n'), "{sentence}");
    }
}
