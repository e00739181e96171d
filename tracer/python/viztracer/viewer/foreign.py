"""What reports of other programs need to run in an origin of their own."""

from __future__ import annotations

from typing import BinaryIO

# Chrome's trace viewer, of which VizTracer's reports are made, says this at its beginning. It does not start without
# storage, which a page has none of there; so it gets some that lasts as long as the page.
TRACE_VIEWER = b"github.com/catapult-project/"
STORAGE = b"""<!DOCTYPE html><script>
for (const name of ["localStorage", "sessionStorage"]) {
    const functions = {
        getItem(key) { return this[key] ?? null; },
        setItem(key, value) { this[key] = String(value); },
        removeItem(key) { delete this[key]; },
    };
    Object.defineProperty(window, name, { value: Object.create(functions) });
}
</script>
"""


def before(report: BinaryIO) -> bytes:
    """Return what to send before a report, of which nothing has been read yet; that is nothing for most."""
    is_trace_viewer = TRACE_VIEWER in report.read(1024)
    report.seek(0)
    return STORAGE if is_trace_viewer else b""
