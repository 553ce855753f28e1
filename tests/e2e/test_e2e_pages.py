"""Each page's main path in a real browser, against the real services and the sandbox."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.console_kit import (
    HOSTILE,
    PATIENCE_MS,
    PHONE,
    WIDE,
    Watched,
    axe_faults,
    overflows,
    running_browser,
    sign_in,
)
from tests.platform_kit import READY_S, Platform, running_platform, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

PAGES = {
    "/": "Overview",
    "/conversations": "Conversations",
    "/services": "Services",
    "/services/roles": "Services",
    "/services/account": "Services",
    "/calls": "Calls",
    "/analytics": "Analytics",
    "/intelligence": "Intelligence",
    "/intelligence/dead-letters": "Intelligence",
    "/phone": "Phone",
    "/settings": "Settings",
}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """With one finished and scored call."""
    with running_platform(tmp_path_factory.mktemp("platform")) as found:
        found.finished_call("--say", "What are your opening hours?", "--say", "Thank you, that was great!")
        wait_for(lambda: found.get("signal_analytics", "/api/summary")["csat"]["n"] >= 1, READY_S)
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as found:
        yield found


@pytest.fixture
def watched(browser: Browser, platform: Platform) -> Iterator[Watched]:
    context = browser.new_context(viewport=WIDE)
    context.set_default_timeout(PATIENCE_MS)
    watched = Watched(context.new_page(), platform)
    sign_in(watched, platform)
    yield watched
    context.close()
    assert watched.faults == []


def new_conversation(page: Page, name: str) -> None:
    page.get_by_role("button", name="New conversation").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").first.fill(name)
    dialog.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name[:10])


def test_no_page_has_a_fault_that_axe_finds_in_either_theme(watched: Watched) -> None:
    faults: list[str] = []
    for path, title in PAGES.items():
        page = watched.open(path)
        expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
        expect(page.locator("main [aria-busy=true]")).to_have_count(0)
        for theme in ("light", "dark"):
            faults += [f"{path} {theme} {fault}" for fault in axe_faults(page)]
            page.get_by_role("button", name="theme").click()
    assert faults == []


def test_many_conversations_are_tagged_at_once(watched: Watched, platform: Platform) -> None:
    page = watched.open("/conversations")
    new_conversation(page, "To be tagged")
    page = watched.open("/conversations?q=tagged")
    expect(page.get_by_text("1 conversation", exact=True)).to_be_visible()
    page.get_by_role("button", name="Select this page").click()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_role("dialog").get_by_role("textbox").fill("vip, late")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 of 1 done.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("cell").get_by_text("vip")).to_be_visible()
    (found,) = platform.get("conversations_api", "/api/conversations?q=tagged")["items"]
    assert found["attributes"] == {"tags": ["vip", "late"]}


def test_no_page_scrolls_sideways_at_360_pixels(watched: Watched) -> None:
    watched.page.set_viewport_size(PHONE)
    wide = []
    for path, title in PAGES.items():
        page = watched.open(path)
        expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
        expect(page.locator("main [aria-busy=true]")).to_have_count(0)
        wide += [path] if overflows(page) else []
    assert wide == []


def test_a_past_call_shows_its_words_its_latencies_and_its_scores(watched: Watched) -> None:
    page = watched.open("/calls")
    page.get_by_role("table", name="Past calls").get_by_role("link").first.click()
    expect(page.get_by_text("What are your opening hours?", exact=True)).to_be_visible()
    expect(page.get_by_text("first speech").first).to_be_visible()
    expect(page.get_by_role("region", name="Scores").get_by_text("of 5")).to_be_visible()
    assert axe_faults(page) == []


def test_a_chart_leads_to_its_calls_and_its_numbers_can_be_taken_along(watched: Watched) -> None:
    page = watched.open("/analytics")
    page.get_by_role("button", name="Table, Trend").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV, Trend").click()
    assert download.value.suggested_filename == "trend.csv"
    with page.expect_download() as picture:
        page.get_by_role("button", name="Picture, Legal risk").click()
    assert picture.value.path().read_bytes().startswith(b"\x89PNG")
    page.get_by_role("group", name="Trend").get_by_role("link").last.click()
    expect(page.get_by_role("table", name="Past calls").get_by_role("row")).to_have_count(2)


def test_the_phone_reaches_the_agent_and_the_call_shows_while_it_runs(
    watched: Watched, browser: Browser, platform: Platform
) -> None:
    page = watched.open("/phone")
    page.get_by_role("button", name="Call the agent").click()
    expect(page.get_by_role("button", name="Hang up")).to_be_visible()
    expect(page.get_by_role("log")).to_contain_text(re.compile("Agent"))
    page.get_by_label("Say", exact=True).fill(f"What are your opening hours? {HOSTILE}")
    page.keyboard.press("Enter")
    other = browser.new_context(viewport=WIDE)
    second = Watched(other.new_page(), platform)
    sign_in(second, platform)
    expect(second.page.get_by_role("region", name="Live calls").get_by_text("opening hours").first).to_be_visible()
    page.get_by_role("button", name="Hang up").click()
    expect(page.get_by_role("status").filter(has_text="The call has ended")).to_be_visible()
    expect(second.page.get_by_text("No call at the moment")).to_be_visible()
    assert second.faults == []
    other.close()


def test_hostile_words_stay_words_in_every_field(watched: Watched) -> None:
    page = watched.open("/conversations")
    new_conversation(page, HOSTILE)
    page.get_by_label("Message", exact=True).fill(f"Hello {HOSTILE}")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("log").get_by_text(f"Hello {HOSTILE}")).to_be_visible()
    page.get_by_role("link", name="Participants").click()
    page.get_by_role("button", name="New participant").first.click()
    page.get_by_role("dialog").get_by_label("Chat identity").fill(HOSTILE)
    assert axe_faults(page) == []
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(page.get_by_role("cell", name=HOSTILE).first).to_be_visible()
    page.get_by_role("link", name="Settings").last.click()
    page.get_by_label("Attributes").fill('{"x": "' + HOSTILE + '"')
    expect(page.get_by_text("Not valid JSON at line 1")).to_be_visible()
    page.get_by_label("Attributes").fill('{"x": "' + HOSTILE + '"}')
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The change was saved.")).to_be_visible()
    page.goto(page.url.split("/conversations")[0] + "/services/users")
    page.get_by_role("button", name="New user").first.click()
    page.get_by_label("Identity").fill(f"other {HOSTILE}")
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(page.get_by_role("cell", name=f"other {HOSTILE}").first).to_be_visible()


def test_two_browsers_see_each_others_messages_at_once(
    watched: Watched, browser: Browser, platform: Platform
) -> None:
    page = watched.open("/conversations")
    new_conversation(page, "Two of us")
    other = browser.new_context(viewport=WIDE)
    second = Watched(other.new_page(), platform)
    sign_in(second, platform)
    second.page.goto(page.url)
    second.page.get_by_label("Message", exact=True).fill("From the other side")
    second.page.keyboard.press("Enter")
    expect(page.get_by_role("log").get_by_text("From the other side")).to_have_count(1)
    page.get_by_label("Message", exact=True).fill("I see it")
    page.keyboard.press("Enter")
    expect(second.page.get_by_role("log").get_by_text("I see it")).to_have_count(1)
    assert second.faults == []
    other.close()


def test_what_was_missed_while_offline_is_there_afterwards(watched: Watched, platform: Platform) -> None:
    page = watched.open("/conversations")
    new_conversation(page, "Tunnel")
    sid = page.url.rsplit("/", 1)[1]
    page.context.set_offline(True)
    platform.kill("conversations_api")
    expect(page.get_by_text(re.compile("Reconnecting|Offline"))).to_be_visible()
    platform.start("conversations_api")
    page.context.set_offline(False)
    expect(page.get_by_text("Connected")).to_be_visible(timeout=20_000)
    page.get_by_label("Message", exact=True).fill("Back again")
    page.keyboard.press("Enter")
    expect(page.get_by_role("log").get_by_text("Back again")).to_be_visible()
    assert sid in page.url
    watched.faults.clear()  # the browser reports the lost connection by itself


def test_a_session_that_ends_keeps_what_was_typed(watched: Watched, platform: Platform) -> None:
    page = watched.open("/conversations")
    new_conversation(page, "Precious")
    page.get_by_label("Message", exact=True).fill("Precious words")
    page.context.clear_cookies()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Sign in")
    dialog.get_by_label("Token").fill(platform.token)
    assert axe_faults(page) == []
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Not sent")).to_have_count(0)
    expect(page.get_by_role("log").get_by_text("Precious words")).to_have_count(1)
    watched.faults.clear()  # the browser reports the 401 by itself


def test_the_console_can_be_worked_with_keys_alone(watched: Watched) -> None:
    page = watched.open("/conversations")
    new_conversation(page, "By keyboard")
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("g")
    page.keyboard.press("c")
    expect(page.get_by_role("heading", name="Conversations", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="By keyboard")).to_be_visible()
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('[data-sid]') !== null")
    page.keyboard.press("x")
    expect(page.get_by_text("1 selected")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Message", exact=True)).to_be_visible()
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    assert axe_faults(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
