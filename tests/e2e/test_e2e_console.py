"""The console in Debian's Chromium against the real services and the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.console_kit import HOSTILE, PATIENCE_MS, PHONE, WIDE, Watched, running_browser, sign_in
from tests.platform_kit import READY_S, Platform, running_platform, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("platform")) as found:
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
    yield watched
    context.close()
    assert watched.faults == []


def test_the_printed_link_signs_in_and_the_token_leaves_the_address(watched: Watched, platform: Platform) -> None:
    page = sign_in(watched, platform)
    assert platform.token not in page.url
    cookie = next(c for c in page.context.cookies() if c["name"] == "crosschannel_session")
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"


def test_a_wrong_token_is_refused_with_a_sentence(watched: Watched) -> None:
    page = watched.open("/sign-in")
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not valid")
    watched.faults.clear()  # the browser itself reports the 401


def test_a_stranger_is_led_to_the_sign_in_and_back(watched: Watched, platform: Platform) -> None:
    page = watched.open("/conversations")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("Token").fill(platform.token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Conversations", level=1)).to_be_visible()
    watched.faults.clear()


def test_a_live_call_is_seen_while_it_runs_and_its_numbers_afterwards(
    watched: Watched, platform: Platform
) -> None:
    page = sign_in(watched, platform)
    call = platform.call(
        "--speed", "3", "--say", "What are your opening hours?", "--say", "Where is my order 1001?"
    )
    live = page.get_by_role("region", name="Live calls").or_(page.get_by_label("Live calls")).first
    expect(live.get_by_text("0101").first).to_be_visible()
    expect(page.get_by_text("opening hours").first).to_be_visible()
    call.communicate(timeout=READY_S)
    assert call.returncode == 0
    wait_for(lambda: platform.get("signal_analytics", "/api/summary")["csat"]["n"] >= 1, READY_S)
    expect(page.get_by_text("from 1 call").first).to_be_visible()


def test_a_conversation_is_created_and_a_message_sent(watched: Watched, platform: Platform) -> None:
    page = sign_in(watched, platform)
    page.get_by_role("link", name="Conversations").first.click()
    page.get_by_role("button", name="New conversation").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").first.fill(HOSTILE)
    dialog.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("<img")
    page.get_by_label("Message", exact=True).fill(f"Hello {HOSTILE}")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text(f"Hello {HOSTILE}").first).to_be_visible()
    listed = platform.get("conversations_api", "/api/conversations")["items"]
    assert HOSTILE in [item["friendlyName"] for item in listed]


def test_an_unknown_page_says_so(watched: Watched, platform: Platform) -> None:
    sign_in(watched, platform)
    page = watched.open("/nowhere")
    expect(page.get_by_text("Page not found").first).to_be_visible()


def test_signing_out_ends_the_session_in_every_service(watched: Watched, platform: Platform) -> None:
    page = sign_in(watched, platform)
    page.get_by_role("button", name="Sign out").first.click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.request.get(platform.url("signal_analytics") + "/api/summary").status == 401
    watched.faults.clear()


@pytest.mark.parametrize("path", ["/", "/conversations"])
def test_a_phone_screen_needs_no_sideways_scrolling(watched: Watched, platform: Platform, path: str) -> None:
    watched.page.set_viewport_size(PHONE)
    sign_in(watched, platform)
    page = watched.open(path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_relays_dashboard_shows_the_transcript(browser: Browser, platform: Platform, tmp_path: Path) -> None:
    platform.finished_call("--say", "What are your opening hours?")
    context = browser.new_context(viewport=WIDE)
    page = context.new_page()
    page.goto(platform.url("relay_server") + "/dashboard")
    page.get_by_label("Operator token").fill(platform.token)
    page.get_by_role("button", name="Sign in").click()
    page.locator("#calls button").first.click()
    expect(page.locator("#transcript")).to_contain_text("opening hours")
    expect(page.locator("#connection")).to_have_text("Connected")
    context.close()
