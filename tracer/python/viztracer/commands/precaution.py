"""Whether a report can be written where it is to be: asked before the program runs, since afterwards it is too late."""

from __future__ import annotations

import errno
import os
import re
import zlib

HEAD = 4096  # bytes of a file that are looked at
GZIP = b"\x1f\x8b"
# Reasons for which a directory cannot be made that lie in its name; others may pass.
MISTAKES = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR, errno.ENAMETOOLONG)


def refusal(output: str) -> str | None:
    """Return why this report cannot be written or must not be, or None; make its directory if there is none."""
    directory = os.path.dirname(output)
    try:
        os.makedirs(directory, exist_ok=True)
    except OSError as error:
        return f"can't make the directory {directory}: {error.strerror}" if error.errno in MISTAKES else None
    if os.path.isdir(output):
        return f"can't write the report to {output}: it is a directory"
    if os.path.exists(output) and not os.path.isfile(output):
        return None if os.access(output, os.W_OK) else f"can't write the report to {output}: Permission denied"
    if not os.access(directory, os.W_OK | os.X_OK):
        return f"can't write the report to the directory {directory}: Permission denied"
    if is_foreign(output):
        return (
            f"{output} is not replaced, since it does not look like a report; remove it, or choose another name with -o"
            f" (if -o is an option of the program, put -- before the program)"
        )
    return None


def is_foreign(path: str) -> bool:
    """Whether there is a file with something in it that is no report of a tracer."""
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD)
    except OSError:
        return False
    if head.startswith(GZIP):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, HEAD)
        except zlib.error:
            return True
    name = path.removesuffix(".gz")
    patterns = next((PATTERNS[suffix] for suffix in PATTERNS if name.endswith(suffix)), PATTERNS[".json"])
    return bool(head) and not re.match(patterns, head, re.DOTALL | re.IGNORECASE)


# How reports of each kind begin: ours, VizTracer's, and of others who write the same format.
PATTERNS = {
    ".json": rb'.*"(traceEvents|ph)"|.*www\.speedscope\.app/file-format-schema',
    ".pftrace": rb"\x0a",
    ".html": rb".*(viztracer|trace.?viewer|catapult)",
    ".parquet": rb"PAR1",
    ".csv": rb"pid,process,function,",
    ".folded": rb"[^\n]+ \d+\n|[^\n]+\Z",
    "": rb"",
}
