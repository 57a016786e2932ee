"""The front-end files in static/vendor: made from npm packages once, verified for ever after.

``python -m deploy.vendor`` checks every file against ``static/vendor/manifest.json`` and prints what differs (exit 1).
``python -m deploy.vendor --fetch`` makes the folder anew with ``npm pack``; only this needs npm and a registry, and
only a developer who changes a version here runs it. Nobody needs node to install, test or run Godwit.
"""

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

VENDOR = Path(__file__).resolve().parent.parent / "static" / "vendor"
MANIFEST = "manifest.json"

# Source maps are not vendored, and a browser's console reports a map that it can't find.
SOURCE_MAP = re.compile(rb"\s*(?:/\*# sourceMappingURL=\S+ \*/|//# sourceMappingURL=\S+)\s*\Z")

# Every Tabler icon starts with its invisible 24 by 24 box; the symbol's viewBox says the same.
BOUNDING_BOX = '<path stroke="none" d="M0 0h24v24H0z" fill="none" />'

# Tabler's package has no licence file: its package.json says MIT, and its files name the holders.
TABLER_LICENCE = """\
MIT License

Copyright 2018-2026 The Tabler Authors
Copyright 2018-2026 codecalm.net Paweł Kuna

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""

# The sprite's names (those of hosts/states.py first, then the screens') and Tabler's outline icon behind each.
ICONS = {
    "alert": "alert-triangle",
    "arrow": "arrow-right",
    "check": "circle-check",
    "clock": "clock",
    "copy": "copy",
    "cross": "circle-x",
    "gauge": "gauge",
    "ghost": "ghost",
    "link": "link",
    "moon": "moon",
    "pause": "player-pause",
    "play": "player-play",
    "question": "help-circle",
    "search": "search",
    "stop": "player-stop",
    "swap": "switch-horizontal",
    "tool": "tool",
    "up": "circle-arrow-up",
    "activity": "activity",
    "bell": "bell",
    "building": "building",
    "calendar": "calendar",
    "chevron-down": "chevron-down",
    "chevron-left": "chevron-left",
    "chevron-right": "chevron-right",
    "chevron-up": "chevron-up",
    "circle-dashed": "circle-dashed",
    "cluster": "stack-2",
    "columns": "columns",
    "command": "command",
    "console": "terminal-2",
    "cpu": "cpu",
    "datacenter": "building-warehouse",
    "disk": "database",
    "dots": "dots",
    "events": "list-details",
    "external": "external-link",
    "filter": "filter",
    "flag": "flag",
    "history": "history",
    "host": "server",
    "host-off": "server-off",
    "info": "info-circle",
    "lock": "lock",
    "logout": "logout",
    "memory": "stack",
    "menu": "menu-2",
    "migrate": "transfer",
    "minus": "minus",
    "network": "network",
    "overview": "layout-dashboard",
    "plug": "plug-connected",
    "plug-off": "plug-connected-x",
    "plus": "plus",
    "power": "power",
    "refresh": "refresh",
    "rotate": "rotate-clockwise",
    "settings": "settings",
    "shield": "shield-check",
    "snapshot": "camera",
    "sun": "sun",
    "tag": "tag",
    "trash": "trash",
    "tree": "list-tree",
    "user": "user",
    "users": "users",
    "vm": "device-desktop",
    "wall": "device-tv",
    "x": "x",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One npm package: its exact version, and the files we keep (path in the package: name in our folder)."""

    name: str
    version: str
    licence: str
    files: Mapping[str, str]
    written: Mapping[str, str] = field(default_factory=dict)  # files whose text stands here, not in the package
    icons: Mapping[str, str] = field(default_factory=dict)  # symbol in icons.svg: Tabler's outline icon

    @property
    def folder(self) -> str:
        """Its folder in static/vendor, such as ``tabler-core/1.6.1``."""
        return f"{self.name.removeprefix('@').replace('/', '-')}/{self.version}"


PACKAGES = (
    Package(
        name="htmx.org",
        version="2.0.11",
        licence="0BSD",
        files={"dist/htmx.min.js": "htmx.min.js", "LICENSE": "LICENSE"},
    ),
    Package(
        name="idiomorph",
        version="0.8.0",
        licence="0BSD",
        files={"dist/idiomorph-ext.min.js": "idiomorph-ext.min.js", "LICENSE": "LICENSE"},
    ),
    Package(
        name="uplot",
        version="1.6.32",
        licence="MIT",
        files={
            "dist/uPlot.iife.min.js": "uPlot.iife.min.js",
            "dist/uPlot.min.css": "uPlot.min.css",
            "LICENSE": "LICENSE",
        },
    ),
    Package(
        name="@tabler/core",
        version="1.6.1",
        licence="MIT",
        files={"dist/css/tabler.min.css": "tabler.min.css", "dist/js/tabler.min.js": "tabler.min.js"},
        written={"LICENSE": TABLER_LICENCE},
    ),
    Package(
        name="@tabler/icons",
        version="3.51.0",
        licence="MIT",
        files={"LICENSE": "LICENSE"},
        icons=ICONS,
    ),
)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def sprite(icons: Mapping[str, bytes]) -> bytes:
    """One SVG of ``<symbol>`` elements: ``<svg class="icon"><use href="…/icons.svg#play"/></svg>``.

    Stroke and fill stand on each symbol, since a ``use`` inherits nothing from the sprite's own root.
    """
    lines = ['<svg xmlns="http://www.w3.org/2000/svg">']
    for name, svg in sorted(icons.items()):
        shape = re.search(r"<svg[^>]*>(.*)</svg>", svg.decode(), re.DOTALL)
        if shape is None:
            raise ValueError(f"the icon for {name} is not an SVG")
        inner = re.sub(r"\s*\n\s*", "", shape[1]).replace(BOUNDING_BOX, "")
        lines.append(
            f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" '
            f'stroke-linecap="round" stroke-linejoin="round">{inner}</symbol>'
        )
    return "\n".join([*lines, "</svg>", ""]).encode()


def unpack(package: Package, archive: Path) -> Iterator[tuple[dict[str, str], bytes]]:
    """The files to keep of one package, each with its line of the manifest."""
    with tarfile.open(archive) as tar:

        def read(path: str) -> bytes:
            member = tar.extractfile(f"package/{path}")
            assert member is not None, f"{package.name} has no {path}"
            return member.read()

        for source, name in package.files.items():
            raw = read(source)
            content, stripped = SOURCE_MAP.subn(b"\n", raw)
            note = {"changed": "sourceMappingURL stripped"} if stripped else {}
            yield {"file": name, "source": source, **note}, content
        if package.icons:
            shapes = {name: read(f"icons/outline/{icon}.svg") for name, icon in package.icons.items()}
            yield (
                {
                    "file": "icons.svg",
                    "source": "icons/outline",
                    "changed": "a sprite of the icons in deploy/vendor.py",
                },
                sprite(shapes),
            )
    for name, text in package.written.items():
        yield (
            {"file": name, "source": "deploy/vendor.py", "changed": "written out: the package has none"},
            text.encode(),
        )


def fetch() -> None:
    """Make static/vendor anew from the registry."""
    if not shutil.which("npm"):
        raise SystemExit("fetching needs npm; to check the files that are here, leave --fetch out")
    shutil.rmtree(VENDOR, ignore_errors=True)
    entries: list[dict[str, str]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for package in PACKAGES:
            wanted = f"{package.name}@{package.version}"
            done = subprocess.run(
                ["npm", "pack", "--json", wanted], cwd=scratch, check=True, stdout=subprocess.PIPE, text=True
            )
            archive = Path(scratch) / json.loads(done.stdout)[0]["filename"]
            for entry, content in unpack(package, archive):
                path = VENDOR / package.folder / entry["file"]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                entry["file"] = f"{package.folder}/{entry['file']}"
                entries.append(
                    {"name": package.name, "version": package.version, "licence": package.licence}
                    | entry
                    | {"sha256": sha256(content)}
                )
    (VENDOR / MANIFEST).write_text(json.dumps({"files": entries}, indent=2) + "\n")


def problems(vendor: Path = VENDOR) -> list[str]:
    """What in the folder is not as its manifest says, in words; empty when all is well."""
    entries = json.loads((vendor / MANIFEST).read_text())["files"]
    listed = {entry["file"]: entry["sha256"] for entry in entries}
    present = {str(path.relative_to(vendor)) for path in vendor.rglob("*") if path.is_file()} - {MANIFEST}
    found = [f"{name} is not in the manifest" for name in sorted(present - listed.keys())]
    found += [f"{name} is missing" for name in sorted(listed.keys() - present)]
    found += [
        f"{name} is not the file the manifest describes"
        for name in sorted(present & listed.keys())
        if sha256((vendor / name).read_bytes()) != listed[name]
    ]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="Verify static/vendor, or make it anew.")
    parser.add_argument("--fetch", action="store_true", help="make it anew with npm pack")
    if parser.parse_args().fetch:
        fetch()
    found = problems()
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
