"""`crosschannel doctor` about the Intelligence webhook: what it recommends, and setting it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from crosschannel.checks.intelligence import recommended_url, set_webhook, webhook_findings
from shared.checks import Level
from shared.config import Settings
from tests.conftest import EventuallyAsync, MakeSettings
from tests.sandbox_kit import ACCOUNT_SID, AUTH_TOKEN, INTELLIGENCE_SID, open_receiver, open_sandbox
from tests.test_sandbox_intelligence import a_call

SERVICE = "GA" + "3" * 32
PUBLIC = "https://voice.example.com"
WANTED = f"{PUBLIC}/webhook#rc=5&rp=all"


class Twilio(HTTPServer):
    """One Intelligence service in memory."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.service: dict[str, str | None] = {"webhook_url": None, "webhook_http_method": "POST"}
        self.authorized: list[str | None] = []


class Handler(BaseHTTPRequestHandler):
    server: Twilio

    def do_GET(self) -> None:
        self.server.authorized.append(self.headers["Authorization"])
        known = self.path == f"/intelligence/v2/Services/{SERVICE}"
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(json.dumps(self.server.service if known else {"code": 20404}).encode())

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.service = {
            "webhook_url": form["WebhookUrl"][0],
            "webhook_http_method": form["WebhookHttpMethod"][0],
        }
        self.do_GET()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def twilio() -> Iterator[Twilio]:
    server = Twilio()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def settings(make_settings: MakeSettings, tmp_path: Path, twilio: Twilio) -> Settings:
    return make_settings(
        "crosschannel",
        tmp_path,
        TWILIO_BASE_URL=f"http://127.0.0.1:{twilio.server_port}",
        TWILIO_INTELLIGENCE_SERVICE_SID=SERVICE,
        PUBLIC_URL=PUBLIC,
    )


def told(settings: Settings) -> tuple[Level, str]:
    (finding,) = webhook_findings(settings)
    return finding.level, finding.what


def test_the_recommended_address_asks_for_retries(settings: Settings) -> None:
    assert recommended_url(settings) == WANTED


@pytest.mark.parametrize(
    ("url", "level", "words"),
    [
        (WANTED, Level.OK, WANTED),
        (f"{PUBLIC}/webhook", Level.NOTE, "without retries"),
        ("https://elsewhere.example.com/hook", Level.NOTE, "posts to https://elsewhere.example.com/hook, not to"),
        (None, Level.NOTE, "nowhere"),
    ],
)
def test_doctor_says_how_the_service_posts(
    settings: Settings, twilio: Twilio, url: str | None, level: Level, words: str
) -> None:
    twilio.service["webhook_url"] = url
    found, what = told(settings)
    assert found is level
    assert words in what


def test_setting_it_makes_the_finding_good(settings: Settings, twilio: Twilio) -> None:
    assert set_webhook(settings).level is Level.OK
    assert twilio.service == {"webhook_url": WANTED, "webhook_http_method": "POST"}
    assert told(settings)[0] is Level.OK
    assert all(header and header.startswith("Basic ") for header in twilio.authorized)


async def test_the_sandbox_posts_where_doctor_told_it_to(
    make_settings: MakeSettings, tmp_path: Path, eventually_async: EventuallyAsync
) -> None:
    nowhere = "http://127.0.0.1:9"
    async with open_receiver() as us, open_sandbox(tmp_path, INTELLIGENCE_PUBLIC_URL=nowhere) as sandbox:
        settings = make_settings(
            "crosschannel",
            tmp_path,
            TWILIO_BASE_URL=sandbox.url,
            TWILIO_ACCOUNT_SID=ACCOUNT_SID,
            TWILIO_AUTH_TOKEN=AUTH_TOKEN,
            TWILIO_INTELLIGENCE_SERVICE_SID=INTELLIGENCE_SID,
            INTELLIGENCE_PUBLIC_URL=us.url,
        )
        assert (await asyncio.to_thread(told, settings))[0] is Level.NOTE
        assert (await asyncio.to_thread(set_webhook, settings)).level is Level.OK
        assert (await asyncio.to_thread(told, settings))[0] is Level.OK
        await sandbox.report(a_call(1, "When are you open?"))
        await eventually_async(lambda: us.seen)
        assert us.seen[0][0].startswith(us.url + "/webhook?bodySHA256=")


def test_without_a_service_the_address_is_printed(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings("crosschannel", tmp_path, PUBLIC_URL=PUBLIC)
    assert WANTED in told(settings)[1]
    assert set_webhook(settings).level is Level.FAULT


def test_an_address_that_twilio_cannot_reach_is_not_set(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings("crosschannel", tmp_path, TWILIO_INTELLIGENCE_SERVICE_SID=SERVICE)
    finding = set_webhook(settings)
    assert finding.level is Level.FAULT
    assert "cannot reach" in finding.what


def test_an_unknown_service_is_a_note_and_no_crash(
    settings: Settings, make_settings: MakeSettings, tmp_path: Path
) -> None:
    base = settings.twilio.base_url if settings.twilio else ""
    other = make_settings(
        "crosschannel", tmp_path, TWILIO_BASE_URL=base or "", TWILIO_INTELLIGENCE_SERVICE_SID="GA" + "9" * 32
    )
    level, what = told(other)
    assert level is Level.NOTE
    assert "404" in what
