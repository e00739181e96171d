#!/usr/bin/env python3
"""Print the licence notices of everything that a wheel links: the crates of Cargo.lock, and what the compiler adds.

    packaging/licenses/notices.py > packaging/licenses/THIRD-PARTY-NOTICES.txt

A crate that one platform links only is among them, too: there is one document for all wheels. Of a crate with several
licences, the first that LICENCES lists is the one that applies here.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = "viztracer-tracer"
PLATFORMS = [row["target"] for row in json.loads((ROOT / "packaging/platforms.json").read_text("utf-8"))]
# The files of a crate that may have the text of a licence, by the licence's SPDX identifier.
LICENCES = {
    "MIT": ("LICENSE-MIT", "license-mit", "LICENSE", "LICENSE.txt"),
    "Zlib": ("LICENSE-ZLIB", "LICENSE"),
    "Apache-2.0": ("LICENSE-APACHE", "LICENSE", "LICENSE.txt"),
    "BSD-3-Clause": ("COPYING",),
}
# The file with what must be told beside the licence, by Apache-2.0.
NOTICE = "NOTICE.txt"
# Texts of other software inside of crates.
CONTAINED = {"libdeflate-sys": ("libdeflate", "MIT", "libdeflate/COPYING")}
MIT = """\
MIT License

Copyright (c) {owner}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE."""
# What the compiler and the linker add. LLVM's exception requires no notice of parts in object form.
TOOLS = [
    ("the Rust standard library, https://github.com/rust-lang/rust", "MIT", "The Rust Project Contributors"),
    ("compiler_rt of Zig, https://ziglang.org", "MIT", "Zig contributors"),
    ("musl, https://musl.libc.org (musllinux wheels only)", "MIT", "2005-2020 Rich Felker, et al."),
]
HEAD = """\
The native parts of viztracer-ring contain the software below. It is not changed. Each text applies to the software that
is listed above it; of several licences that a crate offers, it is the chosen one."""
RULE = "-" * 120


def linked_crates() -> list[dict[str, Any]]:
    """Return the packages of other projects that any platform's extension or program links, sorted by name."""
    found = {package["id"]: package for platform in PLATFORMS for package in linked_on(platform)}
    return sorted(found.values(), key=lambda package: (package["name"], package["version"]))


def linked_on(platform: str) -> list[dict[str, Any]]:
    """Return the packages of other projects that are linked into the extension or the program of a platform."""
    command = ["cargo", "metadata", "--format-version=1", "--locked", f"--filter-platform={platform}"]
    metadata = json.loads(subprocess.check_output(command, cwd=ROOT))
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    (root,) = (key for key, package in packages.items() if package["name"] == EXTENSION)
    linked, rest = set(), [root]
    while rest:
        key = rest.pop()
        if key in linked or is_macro(packages[key]):
            continue
        linked.add(key)
        rest += [need["pkg"] for need in nodes[key]["deps"] if any(kind["kind"] is None for kind in need["dep_kinds"])]
    return [packages[key] for key in linked if packages[key]["source"]]


def is_macro(package: dict[str, Any]) -> bool:
    """Whether the package runs in the compiler only."""
    return any("proc-macro" in target["kind"] for target in package["targets"])


def licences(package: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the licences of a package that apply together, with their texts."""
    found = [licence(package, offered) for offered in package["license"].split(" AND ")]
    notice = Path(package["manifest_path"]).parent / NOTICE
    return [*found, (NOTICE, text_of(notice))] if notice.exists() else found


def licence(package: dict[str, Any], offer: str) -> tuple[str, str]:
    """Return one of the licences that a package offers, and its text."""
    offered = re.split(r" OR |/", offer)
    folder = Path(package["manifest_path"]).parent
    for name in (name for name in LICENCES if name in offered):
        for file in LICENCES[name]:
            if (folder / file).exists():
                return name, text_of(folder / file)
        if name == "MIT" and package["authors"]:  # the package has forgotten the text
            return name, MIT.format(owner=", ".join(re.sub(" *<.*?>", "", author) for author in package["authors"]))
    raise SystemExit(f"{package['name']} {package['version']}: no text of a known licence: {offer}")


def text_of(file: Path) -> str:
    """Return the text of a file without trailing white space."""
    return "\n".join(line.rstrip() for line in file.read_text("utf-8").splitlines()).strip("\n")


def notices() -> str:
    """Return the document."""
    texts: dict[str, list[str]] = {}
    for package in linked_crates():
        where = package["repository"] or f"https://crates.io/crates/{package['name']}"
        for name, text in licences(package):
            texts.setdefault(text, []).append(f"{package['name']} {package['version']}, {where}: {name}")
        if package["name"] in CONTAINED:
            name, of_it, file = CONTAINED[package["name"]]
            text = text_of(Path(package["manifest_path"]).parent / file)
            texts.setdefault(text, []).append(f"{name} in {package['name']} {package['version']}: {of_it}")
    for name, of_it, owner in TOOLS:
        texts.setdefault(MIT.format(owner=owner), []).append(f"{name}: {of_it}")
    parts = ["\n".join(names) + "\n\n" + text for text, names in texts.items()]
    return f"\n\n{RULE}\n".join([HEAD, *parts]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(notices())
