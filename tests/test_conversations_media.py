"""Files up and down: streamed, limited in size and type, and never from anywhere but Twilio."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from conversations_api import media
from tests.conversations_kit import Answer, Platform, open_platform, refusing, sid

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    async with open_platform(tmp_path) as opened:
        yield opened


@pytest.fixture
async def place(platform: Platform) -> str:
    made = await platform.call("POST", "/api/conversations", {"friendlyName": "Files"})
    return f"/api/conversations/{made.json['sid']}/media"


async def upload(platform: Platform, place: str, data: bytes, name: str = "file", **more: Any) -> Answer:
    form = aiohttp.FormData(quote_fields=False)
    form.add_field(name, data, **{"filename": "cat.png", "content_type": "image/png", **more})
    return await platform.call("POST", place, data=form)


async def test_a_file_goes_up_and_comes_down_the_same(platform: Platform, place: str) -> None:
    stored = await upload(platform, place, PNG, filename='../..\\dir/ca"t é.png')
    assert stored.status == 201, stored.raw
    assert (stored.json["size"], stored.json["filename"]) == (len(PNG), "cat é.png")
    read = await platform.call("GET", f"{place}/{stored.json['sid']}")
    assert (read.status, read.raw) == (200, PNG)
    assert read.headers["Content-Type"] == "image/png"  # as it was stored, whatever the other host says
    assert read.headers["Content-Disposition"] == "inline; filename*=UTF-8''cat%20%C3%A9.png"
    assert "sandbox" in read.headers["Content-Security-Policy"]


async def test_a_part_of_a_file_can_be_read(platform: Platform, place: str) -> None:
    stored = await upload(platform, place, PNG)
    read = await platform.call("GET", f"{place}/{stored.json['sid']}", headers={"Range": "bytes=100-"})
    assert (read.status, read.raw) == (206, PNG[100:])
    assert read.headers["Content-Range"] == f"bytes 100-{len(PNG) - 1}/{len(PNG)}"


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "application/javascript", "x"])
async def test_files_that_could_run_are_refused(platform: Platform, place: str, kind: str) -> None:
    refused = await upload(platform, place, b"<script>", content_type=kind)
    assert refused.status == 415
    assert platform.upstream.files == {}


async def test_what_is_no_picture_is_saved_and_not_shown(platform: Platform, place: str) -> None:
    stored = await upload(platform, place, b"a,b", content_type="text/csv", filename="a.csv")
    read = await platform.call("GET", f"{place}/{stored.json['sid']}")
    assert read.headers["Content-Type"] == "application/octet-stream"
    assert read.headers["Content-Disposition"].startswith("attachment")


async def test_a_file_above_the_limit_is_refused_while_it_arrives(
    platform: Platform, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "LARGEST_FILE_BYTES", 1000)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1000

    form = aiohttp.FormData()
    form.add_field("file", endless(), filename="x.png", content_type="image/png")
    refused = await platform.call("POST", place, data=form)
    assert (refused.status, refused.json["code"]) == (413, 41300)
    assert platform.upstream.files == {}


@pytest.mark.parametrize("name", ["data", "File"])
async def test_the_part_must_be_named_file(platform: Platform, place: str, name: str) -> None:
    assert (await upload(platform, place, PNG, name=name)).status == 400


async def test_a_body_that_is_no_form_is_refused(platform: Platform, place: str) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    for data in (b"", b"garbage", b"--x\r\n\r\n"):
        assert (await platform.call("POST", place, data=data, headers=headers)).status == 400
    assert (await platform.call("POST", place, {"file": "x"})).status == 415


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.1:1/{sid}",
        "https://169.254.169.254/latest/{sid}",
        "https://evil.example/{sid}",
        "https://twilio.com.evil.example/{sid}",
        "https://x@y.twilio.com/{sid}",
        "http://media.us1.twilio.com/{sid}",
        "file:///etc/passwd",
    ],
)
async def test_only_twilios_hosts_are_asked_for_bytes(platform: Platform, place: str, link: str) -> None:
    platform.upstream.content_link = link
    stored = await upload(platform, place, PNG)
    assert (await platform.call("GET", f"{place}/{stored.json['sid']}")).status == 502


async def test_unknown_files_conversations_and_sids_are_not_found(platform: Platform, place: str) -> None:
    assert (await platform.call("GET", f"{place}/{sid('ME')}")).status == 404
    assert (await platform.call("GET", f"{place}/..%2F..%2FServices")).status == 400
    assert (await platform.call("GET", f"/api/conversations/{sid('CH')}/media/{sid('ME')}")).status == 404
    assert (await upload(platform, f"/api/conversations/{sid('CH')}/media", PNG)).status == 404


async def test_a_busy_media_host_is_told_as_such(platform: Platform, place: str) -> None:
    stored = await upload(platform, place, PNG)
    platform.upstream.file_faults.append(refusing(429, 20429, Retry_After="3"))
    answer = await platform.call("GET", f"{place}/{stored.json['sid']}")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "3")
