"""What a browser has to fetch, measured on the built files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

DIST = Path(__file__).parents[2] / "web" / "dist"
ASSETS = DIST / "assets"
FIRST_KB, ROUTE_KB = 260, 80
STATIC = re.compile(r'(?:from|import)\s*"\./([\w.-]+\.js)"')


def needs(entry: str, known: set[str] | None = None) -> set[str]:
    """The scripts that a script imports at once, itself included."""
    found = known if known is not None else set()
    if entry not in found:
        found.add(entry)
        for name in STATIC.findall((ASSETS / entry).read_text()):
            needs(name, found)
    return found


def packed_kb(names: set[str]) -> float:
    return (
        sum(
            (ASSETS / f"{name}.gz").stat().st_size
            if (ASSETS / f"{name}.gz").exists()
            else (ASSETS / name).stat().st_size
            for name in names
        )
        / 1000
    )


def entry_of(prefix: str) -> str:
    return next(path.name for path in ASSETS.glob(f"{prefix}-*.js"))


@pytest.fixture(scope="module")
def first() -> set[str]:
    """The scripts of the first page: the application and the overview."""
    index = re.search(r'src="/assets/(index-[\w-]+\.js)"', (DIST / "index.html").read_text())
    assert index, "the console is not built: `make setup`"
    return needs(index.group(1)) | needs(entry_of("OverviewRoute"))


def test_the_first_page_weighs_less_than_260_kb(first: set[str]) -> None:
    assert packed_kb(first) < FIRST_KB
    assert not any(name.startswith("charts") for name in first)


def test_every_other_page_adds_less_than_80_kb_charts_apart(first: set[str]) -> None:
    routes = [path.name for path in ASSETS.glob("*Route-*.js")]
    assert len(routes) >= 10
    heavy = {}
    for route in routes:
        added = packed_kb({name for name in needs(route) - first if not name.startswith("charts")})
        if added >= ROUTE_KB:
            heavy[route] = added
    assert heavy == {}
