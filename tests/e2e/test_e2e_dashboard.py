"""The relay's own dashboard in Debian's Chromium, against a real relay with a model that has a memory."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, WebSocketRoute, async_playwright, expect

from dialogue.agent import load_agent
from shared.operators import Role
from shared.service import OPERATORS
from tests.relay_kit import CallerEnd, Relay, Reply, running_relay

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
GREETING = load_agent(None).language("en-US").greeting
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
PICTURES = os.environ.get("DASHBOARD_PICTURES")  # a folder: what the tests see is kept there


@pytest.fixture
async def relay(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Relay]:
    async with running_relay(tmp_path / "data", free_port(), OPENAI_MODEL="gpt-5-mini") as found:
        yield found


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    assert executable, "Chromium is missing: `apt-get install chromium`, or run with E2E=0"
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield found
        await found.close()


class Seat:
    """A browser in which an operator is signed in, and all that must not happen in it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.faults: list[str] = []
        page.on("console", lambda m: self.faults.append(m.text) if m.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("dialog", lambda dialog: self.faults.append(dialog.message))

    async def look(self, name: str) -> None:
        if PICTURES:
            await self.page.screenshot(path=Path(PICTURES) / f"{name}.png")


async def sit_down(
    relay: Relay, browser: Browser, role: Role, size: dict[str, int] = WIDE, page: Page | None = None
) -> Seat:
    assert relay.app is not None
    token = relay.app[OPERATORS].add(f"{role.name.lower()}-ana", role)
    page = page or await browser.new_page(viewport=size)  # type: ignore[arg-type]
    page.set_default_timeout(10_000)
    await page.goto(relay.url + "/dashboard")
    await page.get_by_label("Operator token").fill(token)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("#connection")).to_have_text("Connected")
    return Seat(page)


async def played(caller: CallerEnd, text: str) -> None:
    await caller.send(type="info", name="agentSpeaking", value="on")
    await caller.send(type="info", name="tokensPlayed", value=text)
    await caller.send(type="info", name="agentSpeaking", value="off")


async def conversation(relay: Relay, caller: CallerEnd) -> None:
    """A call with most of what can happen in one."""
    relay.model.replies += [
        Reply(("We are open ", "from nine ", "in the morning ", "to seven in the evening."), pause_s=0.05),
        Reply((), tools=(("order_status", '{"order_number":"1001"}'),)),
        Reply(("It arrives ", "tomorrow ", "between ten and twelve."), pause_s=0.03),
        Reply(("Entendido, ", "vou explicar ", "tudo sobre ", "as entregas ", "e os preços."), pause_s=0.03),
    ]
    await played(caller, GREETING)
    await caller.ask("When do you open?")
    await played(caller, "We are open from nine in the morning to seven in the evening.")
    await caller.ask("Where is my order 1001?")
    await played(caller, "It arrives tomorrow between ten and twelve.")
    await caller.prompt("Em português, por favor", "en-US")
    await caller.reply()
    await caller.send(type="info", name="agentSpeaking", value="on")
    await caller.send(type="info", name="tokensPlayed", value="Entendido, vou explicar")
    await caller.send(
        type="interrupt", utteranceUntilInterrupt="Entendido, vou explicar", durationUntilInterruptMs=9
    )
    await caller.send(type="info", name="agentSpeaking", value="off")


async def test_a_call_is_read_along_with_what_was_heard_apart_from_what_was_not(
    relay: Relay, browser: Browser
) -> None:
    seat = await sit_down(relay, browser, Role.SUPERVISOR)
    async with relay.call() as caller:
        await conversation(relay, caller)
        transcript = seat.page.locator("#transcript")
        await expect(transcript.locator(".heard").first).to_contain_text("We are open")
        await expect(transcript.locator("del.unheard")).to_contain_text("tudo sobre")
        await expect(transcript).to_contain_text("Language: en-US → pt-BR")
        await expect(transcript).to_contain_text("Tool order_status: ok")
        await expect(seat.page.locator("#call-facts")).to_contain_text("$0.0")
        await transcript.locator("details.latency summary").first.click()
        await expect(transcript.get_by_role("img").first).to_be_visible()
        await seat.look("dashboard-wide")
        relay.model.replies.append(Reply(("word ",) * 40, pause_s=0.1))
        await caller.prompt("tell me more")
        await expect(transcript.locator(".pending").last).to_contain_text("word word")
    assert seat.faults == []


async def test_an_operator_takes_part(relay: Relay, browser: Browser) -> None:
    seat = await sit_down(relay, browser, Role.SUPERVISOR)
    page = seat.page
    async with relay.call() as caller:
        await played(caller, GREETING)
        await caller.ask("I want a person")
        await page.get_by_role("button", name="Take over").click()
        await expect(page.locator("#desk-state")).to_contain_text("You speak with the caller")
        await page.keyboard.type("Hello, this is Ana.")
        await page.keyboard.press("Enter")
        assert await caller.reply() == "Hello, this is Ana."
        await expect(page.locator(".agent.operator")).to_contain_text("Hello, this is Ana.")
        await caller.prompt("my book is torn")
        await expect(page.locator("#transcript")).to_contain_text("my book is torn")
        await seat.look("dashboard-takeover")
        await page.get_by_label("Words for the caller").fill("Offer a refund.")
        await page.get_by_role("button", name="Whisper").click()
        await expect(page.locator("#transcript")).to_contain_text("whispered to the model: Offer a refund.")
        await page.get_by_role("button", name="Give back").click()
        assert await caller.reply() == "Hello."
        assert "Offer a refund." in str(relay.model.asked[-1])
        await page.get_by_role("button", name="End call").click()
        await page.get_by_role("button", name="Press again").click()
        assert (await caller.frame())["type"] == "end"
    await expect(page.locator("#call-facts")).to_contain_text("ended")
    await expect(page.locator("#desk")).to_be_hidden()
    assert seat.faults == []


@pytest.mark.parametrize(
    ("role", "desk", "end"), [(Role.VIEWER, 0, 0), (Role.AGENT, 1, 0), (Role.SUPERVISOR, 1, 1)]
)
async def test_who_may_do_what_is_shown(relay: Relay, browser: Browser, role: Role, desk: int, end: int) -> None:
    seat = await sit_down(relay, browser, role)
    assert await seat.page.locator("#desk").count() == desk
    assert await seat.page.locator("#end").count() == end


async def test_what_callers_say_is_text_and_no_markup(relay: Relay, browser: Browser) -> None:
    relay.model.replies.append(Reply((HOSTILE,)))
    seat = await sit_down(relay, browser, Role.AGENT)
    async with relay.call() as caller:
        await caller.ask(HOSTILE)
        await expect(seat.page.locator("#transcript .caller")).to_contain_text("<img src=x")
        await expect(seat.page.locator("#transcript .agent")).to_contain_text("<script>")
    assert await seat.page.locator("#transcript img").count() == 0
    assert seat.faults == []


async def test_on_a_phone_nothing_scrolls_sideways_and_one_comes_back_to_the_list(
    relay: Relay, browser: Browser
) -> None:
    seat = await sit_down(relay, browser, Role.SUPERVISOR, PHONE)
    page = seat.page
    async with relay.call() as caller:
        await conversation(relay, caller)
        await page.locator("#calls button").first.click()
        await expect(page.locator("#transcript")).to_contain_text("Em português")
        assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert await page.evaluate("document.documentElement.scrollHeight <= window.innerHeight")
        await seat.look("dashboard-phone")
        await page.locator("details.latency summary").last.click()
        await seat.look("dashboard-phone-waterfall")
        await page.get_by_role("button", name="All calls").click()
        await expect(page.locator("#calls button").first).to_be_focused()
        await seat.look("dashboard-phone-list")
        assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert seat.faults == []


async def test_what_was_missed_while_the_line_was_down_is_made_up_for(relay: Relay, browser: Browser) -> None:
    context = await browser.new_context()
    sockets: list[WebSocketRoute] = []
    down = asyncio.Event()

    async def through(route: WebSocketRoute) -> None:
        if down.is_set():
            await route.close()
            return
        route.connect_to_server()
        sockets.append(route)

    await context.route_web_socket("**/dashboard-ws", through)
    seat = await sit_down(relay, browser, Role.VIEWER, page=await context.new_page())
    page = seat.page
    async with relay.call() as caller:
        await caller.ask("first")
        await expect(page.locator("#transcript")).to_contain_text("first")
        down.set()
        await sockets[0].close()
        await expect(page.locator("#connection")).to_contain_text("Reconnecting")
        await caller.ask("second")
        down.clear()
        await expect(page.locator("#connection")).to_have_text("Connected", timeout=20_000)
        await expect(page.locator("#transcript")).to_contain_text("second")
        texts = await page.locator("#transcript .caller").all_text_contents()
        assert [text.removeprefix("Caller: ") for text in texts] == ["first", "second"]


async def test_the_page_can_be_used_by_keyboard_alone(relay: Relay, browser: Browser) -> None:
    seat = await sit_down(relay, browser, Role.SUPERVISOR)
    page = seat.page
    async with relay.call() as caller:
        await caller.ask("hi")
        await expect(page.locator("#transcript")).to_contain_text("hi")
        reached: set[str] = set()
        await page.locator("body").press("Tab")
        for _ in range(25):
            reached.add(
                await page.evaluate("document.activeElement.id || document.activeElement.className || 'body'")
            )
            await page.keyboard.press("Tab")
        assert {"skip", "sign-out", "call", "transcript", "words", "takeover", "end"} <= reached
