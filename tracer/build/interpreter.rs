//! Which interpreters the extension can be built for.

/// The versions that are tested, as a line for users.
const SUPPORTED: &str = "viztracer-ring supports CPython 3.10 to 3.15 with the GIL";
const OLDEST: (u8, u8) = (3, 10);
const NEWEST: (u8, u8) = (3, 15);

/// Why the extension cannot be built for this interpreter, and what to do; None if it can.
pub fn refusal(implementation: &str, version: (u8, u8), free_threaded: bool) -> Option<String> {
    let (major, minor) = version;
    let (kind, advice) = if implementation != "CPython" {
        ("", "use CPython, or VizTracer")
    } else if free_threaded {
        ("free-threaded ", "use the build of this version with the GIL, or VizTracer")
    } else if version < OLDEST {
        ("", "use a newer CPython")
    } else if version > NEWEST {
        ("", "use an older CPython, or look for a newer viztracer-ring")
    } else {
        return None;
    };
    Some(format!("{SUPPORTED}, and this is {kind}{implementation} {major}.{minor}: {advice}"))
}
