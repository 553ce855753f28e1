"""Makes docs/pictures/*.png anew, with the demo week: `python -m tests.e2e.pictures`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.console_kit import running_browser
from tests.platform_kit import Platform, running_platform, wait_for

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
CALLS = (
    ("en-US", "What are your opening hours?", "Where is my order 1001?", "Thank you very much, that was great!"),
    ("pt-BR", "Onde está o meu pedido 4711?", "Isso é péssimo, quero falar com uma pessoa"),
    ("es-US", "¿A qué hora abren?", "Muchas gracias"),
)
PAGES = {
    "calls": "/calls",
    "conversations": "/conversations?sort=-lastActivity",
    "analytics": "/analytics?bucket=day",
    "intelligence": "/intelligence",
    "settings": "/settings",
}


def place_calls(platform: Platform) -> None:
    for language, *texts in CALLS:
        platform.finished_call("--lang", language, *(word for text in texts for word in ("--say", text)))
    wait_for(lambda: platform.get("signal_analytics", "/api/summary")["csat"]["n"] >= len(CALLS), 20)


def look(page: Page, name: str) -> None:
    """A picture of the page when nothing loads any more."""
    expect(page.locator("main [aria-busy=true]")).to_have_count(0)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=PICTURES / f"{name}.png")


def take(page: Page, platform: Platform) -> None:
    origin = platform.url("conversations_api")
    page.goto(f"{origin}/sign-in?token={platform.token}")
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    words = ("--say", "Good morning", "--say", "What are your opening hours?", "--say", "Where is my order 1002?")
    call = platform.call("--speed", "2", *words)
    expect(page.get_by_text("order 1002").first).to_be_visible(timeout=30_000)
    look(page, "overview")
    page.set_viewport_size(PHONE)
    look(page, "overview-phone")
    call.communicate(timeout=60)
    page.set_viewport_size(WIDE)
    for name, path in PAGES.items():
        page.goto(origin + path)
        look(page, name)
    take_call(page, origin)
    take_conversation(page, origin)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(platform.url("relay_server") + "/dashboard")
    page.locator("#calls button").first.click()
    expect(page.locator("#transcript")).not_to_be_empty()
    page.locator("details.latency summary").first.click()
    page.wait_for_timeout(500)
    page.screenshot(path=PICTURES / "dashboard.png")
    page.set_viewport_size({"width": 390, "height": 844})
    page.screenshot(path=PICTURES / "dashboard-phone.png")


def take_call(page: Page, origin: str) -> None:
    page.goto(f"{origin}/calls")
    page.get_by_role("table", name="Past calls").get_by_role("link").first.click()
    expect(page.get_by_text("first speech").first).to_be_visible()
    look(page, "call")


def take_conversation(page: Page, origin: str) -> None:
    """In the dark theme, so that both are seen."""
    page.goto(f"{origin}/conversations")
    page.get_by_role("button", name="New conversation").first.click()
    page.get_by_role("dialog").get_by_role("textbox").first.fill("Order 4711, late delivery")
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    for words in ("Good morning! Your order left us yesterday.", "It arrives today between four and five."):
        page.get_by_label("Message", exact=True).fill(words)
        page.keyboard.press("Enter")
        expect(page.get_by_role("log").get_by_text(words)).to_be_visible()
    page.get_by_role("button", name="theme").click()
    look(page, "conversation")
    page.get_by_role("button", name="theme").click()


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running_platform(Path(folder), DEMO_WEEK="1") as platform:
        place_calls(platform)
        with running_browser() as browser:
            take(browser.new_page(viewport=WIDE), platform)


if __name__ == "__main__":
    main()
