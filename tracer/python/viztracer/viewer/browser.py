"""Starts the browser without telling the machine's other users the address: they can see its command line."""

from __future__ import annotations

import html
import os
import pathlib
import threading
import webbrowser

from ..output import terminal

REDIRECT = """\
<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={address}">
<title>vizviewer</title>
<p><a href="{address}">{address}</a></p>
"""
PATIENCE = 60  # seconds that a browser may need to start


def show(address: str, directory: str, has_come: threading.Event) -> None:
    """Have the browser open a file of the user's own that leads to an address, and remove it soon.

    Args:
        address: where the browser is to go.
        directory: for the file; nobody else may look into it.
        has_come: set once the browser has asked for something.
    """
    path = os.path.join(directory, "open.html")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(REDIRECT.format(address=html.escape(address)))
    threading.Thread(target=_start, args=[path, address], daemon=True).start()
    threading.Thread(target=_await, args=[path, address, has_come], daemon=True).start()


def _start(path: str, address: str) -> None:
    """Start the browser, and wait for its end if it is of that kind."""
    if not webbrowser.open(pathlib.Path(path).as_uri()) and _remove(path):
        terminal.complain(f"no browser was found: open {address}")


def _await(path: str, address: str, has_come: threading.Event) -> None:
    """Remove the file when the browser has read it, or never will."""
    if not has_come.wait(PATIENCE) and _remove(path):
        terminal.complain(f"no browser has asked for the page within {PATIENCE} s: open {address}")
    _remove(path)


def _remove(path: str) -> bool:
    """Remove the file; return whether it was still there."""
    try:
        os.unlink(path)
    except OSError:
        return False
    return True
