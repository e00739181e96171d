//! Which interpreters the extension can be built for.

/// What the extension can be built for, as a line for users.
const NEEDED: &str = "viztracer-ring needs CPython 3.10 to 3.15, free-threaded from 3.14 on";
const OLDEST: (u8, u8) = (3, 10);
const NEWEST: (u8, u8) = (3, 15);
/// The oldest free-threaded version that pyo3 supports.
const OLDEST_FREE_THREADED: (u8, u8) = (3, 14);

/// Why the extension cannot be built for this interpreter, and what to do; None if it can.
pub fn refusal(implementation: &str, version: (u8, u8), free_threaded: bool) -> Option<String> {
    let (major, minor) = version;
    let kind = if free_threaded { "free-threaded " } else { "" };
    let advice = if implementation != "CPython" {
        "use CPython, or VizTracer"
    } else if free_threaded && version < OLDEST_FREE_THREADED {
        "use the build of this version with the GIL, or a newer CPython"
    } else if version < OLDEST {
        "use a newer CPython"
    } else if version > NEWEST {
        "use an older CPython, or look for a newer viztracer-ring"
    } else {
        return None;
    };
    Some(format!("{NEEDED}, and this is {kind}{implementation} {major}.{minor}: {advice}"))
}
