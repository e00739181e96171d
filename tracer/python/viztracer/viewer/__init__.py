"""The command ``vizviewer``: shows traces in the browser, to which it serves them from this machine only.

`beneath` opens only files that are still those that were found, `catalog` finds what there is to show, `workbench`
merges what cannot be shown as it is, `foreign` helps reports of other programs, `listing` is the page to choose from,
`connections` bounds who may ask, `server` answers the browser, `browser` starts it, `command` holds them together.
"""

from __future__ import annotations

from .command import viewer_main

__all__ = ["viewer_main"]
