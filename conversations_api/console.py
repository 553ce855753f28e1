"""The console: the built web application's files, found anew when a build arrives; until then a page says so.

Only names that a scan of the build folder found are served, so no path a caller writes ever reaches the disk.
"""

from __future__ import annotations

import mimetypes
import os
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from shared.problem import Problem

PACKAGED = Path(__file__).parent / "console"
IN_REPOSITORY = Path(__file__).parent.parent / "web" / "dist"
INDEX = "index.html"
# Names under this folder hold a digest of their content (Vite), so a copy is never out of date.
HASHED = "assets/"
POLICY = (
    "default-src 'none'; script-src 'self'; "
    "style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; "
    "font-src 'self'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'self'"
)
BUILDING = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="2">
<title>Building the console</title>
<h1>The console is building</h1>
<p>This page looks again every two seconds. Calls are answered meanwhile.</p>
</html>
"""
# What the standard table lacks in some Python versions.
TYPES = {".woff2": "font/woff2", ".js": "text/javascript", ".webmanifest": "application/manifest+json"}
PACKED = {".br", ".gz"}


@dataclass(slots=True)
class Console:
    """The build folder and the names found in it."""

    folder: Path
    _files: dict[str, Path] = field(default_factory=dict)
    _build: tuple[int, ...] = ()

    def find(self, path: str) -> Path | None:
        """The file for a path of the address; the index for the application's own routes, None while building.

        Raises Problem 404 for a file that the build does not have.
        """
        self._look()
        if INDEX not in self._files:
            return None
        if path in self._files:
            return self._files[path]
        if path.startswith(HASHED) or ("." in path and "/" not in path):  # favicon.ico and the like
            raise Problem(404, "There is nothing at this address.")
        return self._files[INDEX]

    def _look(self) -> None:
        """Scans the folder when its index or what lies beside it has changed since the last look."""
        try:
            places = (self.folder / INDEX, self.folder, self.folder / HASHED)
            build = tuple(place.stat().st_mtime_ns for place in places if place.exists())
            if not (self.folder / INDEX).is_file():
                self._files, self._build = {}, ()
            elif build != self._build:
                self._files, self._build = scan(self.folder), build
        except OSError:  # the build is being replaced under our eyes: the next request looks again
            self._files, self._build = {}, ()


def console_folder() -> Path:
    """Where the build lies: inside the installed package, else in the repository."""
    return PACKAGED if (PACKAGED / INDEX).is_file() else IN_REPOSITORY


def scan(folder: Path) -> dict[str, Path]:
    """The build's files by name, without precompressed copies and links that lead out of the folder."""
    root = os.path.realpath(folder)
    return {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.suffix not in PACKED and path.is_file() and path.resolve().is_relative_to(root)
    }


def serve(console: Console, path: str) -> web.StreamResponse:
    """The answer for a path of the console; aiohttp picks the .br or .gz copy by Accept-Encoding."""
    file = console.find(path)
    if file is None:
        return web.Response(
            status=503,
            body=BUILDING,
            content_type="text/html",
            charset="utf-8",
            headers={"Content-Security-Policy": POLICY, "Retry-After": "2"},
        )
    hashed = path.startswith(HASHED)
    headers = {
        "Content-Type": _content_type(file),
        "Content-Security-Policy": POLICY,
        # The index names the hashed files: a copy of it is asked about each time (ETag, 304).
        "Cache-Control": "public, max-age=31536000, immutable" if hashed else "no-cache",
        "Vary": "Accept-Encoding",
    }
    return web.FileResponse(file, headers=headers)


def _content_type(file: Path) -> str:
    kind = TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
