"""The command ``vizviewer``: shows traces in the browser, to which it serves them from this machine only.

`catalog` finds what there is to show, `workbench` merges what cannot be shown as it is, `server` answers the browser,
`listing` is the page to choose from, `command` holds them together.
"""

from __future__ import annotations

from .command import viewer_main

__all__ = ["viewer_main"]
