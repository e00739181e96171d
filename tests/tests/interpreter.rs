//! The build script of the extension refuses interpreters by a sentence, before a compiler finds errors.

#[path = "../../tracer/build/interpreter.rs"]
mod interpreter;

use interpreter::refusal;

#[test]
fn supported_interpreters_are_accepted() {
    for minor in 10..=15 {
        assert_eq!(refusal("CPython", (3, minor), false), None);
    }
    for minor in 14..=15 {
        assert_eq!(refusal("CPython", (3, minor), true), None);
    }
}

#[test]
fn others_are_refused_by_their_name() {
    for (implementation, version, free_threaded, name) in [
        ("PyPy", (3, 11), false, "PyPy 3.11"),
        ("GraalPy", (3, 12), false, "GraalPy 3.12"),
        ("RustPython", (3, 13), false, "RustPython 3.13"),
        ("CPython", (3, 13), true, "free-threaded CPython 3.13"),
        ("CPython", (3, 9), false, "CPython 3.9"),
        ("CPython", (3, 16), false, "CPython 3.16"),
    ] {
        let sentence = refusal(implementation, version, free_threaded).expect(name);
        let needed = "viztracer-ring needs CPython 3.10 to 3.15, free-threaded from 3.14 on";
        let begin = format!("{needed}, and this is {name}: use ");
        assert!(sentence.starts_with(&begin) && !sentence.contains('\n'), "{sentence}");
    }
}
