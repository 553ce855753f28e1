"""Makes docs/pictures/*.png anew: `python -m tests.e2e.pictures` starts the platform, places calls and looks."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.platform_kit import Platform, running_platform, wait_for

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
CALLS = (
    ("en-US", "What are your opening hours?", "Where is my order 1001?", "Thank you very much, that was great!"),
    ("pt-BR", "Onde está o meu pedido 4711?", "Isso é péssimo, quero falar com uma pessoa"),
    ("es-US", "¿A qué hora abren?", "Muchas gracias"),
)


def place_calls(platform: Platform) -> None:
    for language, *texts in CALLS:
        platform.finished_call("--lang", language, *(word for text in texts for word in ("--say", text)))
    wait_for(lambda: platform.get("signal_analytics", "/api/summary")["csat"]["n"] >= len(CALLS), 20)


def take(page: Page, platform: Platform) -> None:
    page.goto(platform.url("conversations_api") + f"/sign-in?token={platform.token}")
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    words = ("--say", "Good morning", "--say", "What are your opening hours?", "--say", "Where is my order 1002?")
    call = platform.call("--speed", "2", *words)
    expect(page.get_by_text("order 1002").first).to_be_visible(timeout=30_000)
    page.wait_for_timeout(1500)
    page.screenshot(path=PICTURES / "overview.png")
    page.set_viewport_size({"width": 390, "height": 844})
    page.screenshot(path=PICTURES / "overview-phone.png")
    call.communicate(timeout=60)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(platform.url("relay_server") + "/dashboard")
    page.locator("#calls button").first.click()
    page.locator("details.latency summary").first.click()
    page.wait_for_timeout(500)
    page.screenshot(path=PICTURES / "dashboard.png")
    page.set_viewport_size({"width": 390, "height": 844})
    page.screenshot(path=PICTURES / "dashboard-phone.png")


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running_platform(Path(folder)) as platform:
        place_calls(platform)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            take(browser.new_page(viewport={"width": 1280, "height": 900}), platform)
            browser.close()


if __name__ == "__main__":
    main()
