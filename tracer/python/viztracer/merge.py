"""The command ``viztracer-merge``."""

from __future__ import annotations

import sys

from .snaptrace import merge_command


def main() -> int:
    """Run the command with the arguments of this process; return its exit status."""
    return merge_command(["viztracer-merge", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
