"""A browser at the console: watched for what must not happen, and checked with axe."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect, sync_playwright

from tests.platform_kit import Platform

# How long to wait for what must come: on a busy machine a page takes its time, a fault is one all the same.
PATIENCE_MS = 45_000
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
# The browser reports a refused sign-in by itself.
EXPECTED = ("api/session", "favicon")


@contextmanager
def running_browser() -> Iterator[Browser]:
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    assert executable, "Chromium is missing: `apt-get install chromium`, or run with E2E=0"
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


class Watched:
    """A page and everything that must not happen on it: console errors, dialogs, requests to other hosts."""

    def __init__(self, page: Page, platform: Platform) -> None:
        self.page = page
        self.faults: list[str] = []
        self._own = platform.url("conversations_api")
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        page.on("dialog", lambda dialog: self.faults.append(f"dialog: {dialog.message}"))
        page.route("**/*", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        expected = any(word in str(message.location) for word in EXPECTED)
        if message.type in {"error", "warning"} and not expected:
            self.faults.append(f"{message.text} {message.location}")

    def _request(self, route: Route) -> None:
        if not route.request.url.startswith((self._own, "data:", "blob:")):
            self.faults.append(f"request to {route.request.url}")
        route.continue_()

    def open(self, path: str) -> Page:
        self.page.goto(self._own + path)
        return self.page


def sign_in(watched: Watched, platform: Platform) -> Page:
    page = watched.open(f"/sign-in?token={platform.token}")
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    return page


def axe_faults(page: Page) -> list[str]:
    """What axe finds on the page as it is, one line per rule. It is evaluated: the policy forbids inline ones."""
    # Colours on their way from one theme to the other are neither.
    page.evaluate("() => Promise.all(document.getAnimations().map((it) => it.finished.catch(() => null)))")
    page.evaluate(AXE.read_text())
    found: list[dict[str, Any]] = page.evaluate("async () => (await axe.run()).violations")
    return [f"{it['id']}: {json.dumps([node['html'][:160] for node in it['nodes']][:3])}" for it in found]


def overflows(page: Page) -> bool:
    """Whether the page has to be scrolled sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))
