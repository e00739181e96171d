"""The page to choose a trace from. It runs no script and loads nothing."""

from __future__ import annotations

import html
import time
from dataclasses import dataclass

from ..output.quoting import printable
from .catalog import Entry, Kind

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }}
h1 {{ font-size: 1.2rem; overflow-wrap: anywhere; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ border-bottom: 1px solid #8884; padding: .35rem .75rem .35rem 0; text-align: left; }}
td:first-child {{ overflow-wrap: anywhere; }}
.number {{ font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""
TABLE = """\
<table>
<thead><tr><th scope="col">Name</th><th scope="col">Kind</th><th scope="col" class="number">Size</th>
<th scope="col" class="number">Changed</th><th scope="col"><span aria-hidden="true"></span></th></tr></thead>
<tbody>
{rows}
</tbody>
</table>"""
ROW = """\
<tr><td><a href="{link}">{name}</a></td><td>{kind}</td><td class="number">{size}</td>
<td class="number"><time>{changed}</time></td><td>{perfetto}</td></tr>"""


NO_TRACE = "There is no trace here. Load this page again when there is one."


@dataclass(frozen=True)
class Choice:
    """A line of the list.

    Args:
        entry: what it is about.
        link: where that is shown.
        perfetto: where Perfetto's page shows it, if it can be asked from here.
    """

    entry: Entry
    link: str
    perfetto: str | None


def page(title: str, choices: list[Choice], left_out: int = 0) -> str:
    """Return the list as a page; `title` says what they are in, `left_out` how many older ones there are besides."""
    rows = [_row(choice) for choice in choices]
    body = TABLE.format(rows="\n".join(rows)) if rows else f"<p>{NO_TRACE}</p>"
    if left_out:
        body += f"\n<p>{left_out:,} older ones are not listed.</p>"
    return PAGE.format(title=_shown(title), body=body)


def problem(text: str) -> str:
    """Return a page that says why there is no other."""
    return PAGE.format(title="There is no report", body=f'<p role="alert">{_shown(text)}</p>')


def _shown(text: str) -> str:
    return html.escape(printable(text))


def _row(choice: Choice) -> str:
    entry, link, perfetto = choice.entry, choice.link, choice.perfetto
    is_directory = entry.kind is Kind.DIRECTORY
    offered = perfetto if entry.is_fit_for_perfetto and perfetto != link else None
    return ROW.format(
        link=html.escape(link),
        name=_shown(entry.name + ("/" if is_directory else "")),
        kind=f"run, {len(entry.paths)} ring files" if len(entry.paths) > 1 else entry.kind.value,
        size="" if is_directory else _size(entry.size),
        changed=time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.modified)),
        perfetto=f'<a href="{html.escape(offered)}">in Perfetto</a>' if offered else "",
    )


def _size(count: float) -> str:
    """Return a number of bytes with a sensible unit."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "B" or count >= 10 else f"{count:.1f} {unit}"
