"""The console's files: the page while it is built, the build when it arrives, and nothing beside it."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from yarl import URL

from conversations_api.app import create_app
from conversations_api.console import POLICY, console_folder
from shared.config import ConfigError, load_settings
from tests.conversations_kit import Answer, Platform, open_platform

INDEX = '<!doctype html><script type="module" src="/assets/app-1a2b.js"></script>'
SCRIPT = "console.log('built')" * 100


@dataclass
class Served:
    """The platform, and the folder its console is built into."""

    platform: Platform
    folder: Path

    def build(self, index: str = INDEX) -> None:
        """What the build writes, in the build's order: the index may come before the rest."""
        assets = self.folder / "assets"
        assets.mkdir(parents=True, exist_ok=True)
        (self.folder / "index.html").write_text(index)
        (self.folder / "logo.svg").write_text("<svg/>")
        (assets / "app-1a2b.js").write_text(SCRIPT)
        (assets / "app-1a2b.js.gz").write_bytes(gzip.compress(SCRIPT.encode()))
        (assets / "app-1a2b.js.br").write_bytes(b"brotli bytes")
        (assets / "inter.woff2").write_bytes(b"font")

    async def get(self, path: str, **headers: str) -> Answer:
        """A GET as it is on the wire: nothing normalised, nothing unpacked."""
        base = str(self.platform.client.make_url("/")).rstrip("/")
        sent = {"Accept-Encoding": "identity", **{k.replace("_", "-"): v for k, v in headers.items()}}
        async with self.platform.client.session.get(
            URL(base + path, encoded=True), headers=sent, auto_decompress=False
        ) as response:
            return Answer(response.status, response.headers, await response.read())


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    folder = tmp_path / "dist"
    async with open_platform(tmp_path / "data", console=folder) as platform:
        yield Served(platform, folder)


async def test_while_there_is_no_build_a_page_says_so_and_looks_again(served: Served) -> None:
    answer = await served.get("/")
    assert answer.status == 503
    assert b"The console is building" in answer.raw
    assert b'http-equiv="refresh"' in answer.raw
    assert b"<script" not in answer.raw
    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_build_that_arrives_is_served_without_a_restart(served: Served) -> None:
    assert (await served.get("/")).status == 503
    served.build()
    answer = await served.get("/")
    assert (answer.status, answer.raw.decode()) == (200, INDEX)


async def test_files_that_arrive_after_the_index_are_found(served: Served) -> None:
    served.build()
    assert (await served.get("/assets/late-3c4d.js")).status == 404
    (served.folder / "assets" / "late-3c4d.js").write_text("late")
    assert (await served.get("/assets/late-3c4d.js")).raw == b"late"


async def test_a_build_that_is_taken_away_shows_the_building_page(served: Served) -> None:
    served.build()
    assert (await served.get("/")).status == 200
    (served.folder / "index.html").unlink()
    assert (await served.get("/")).status == 503


@pytest.mark.parametrize(
    "path", ["/", "/sign-in?token=x", "/conversations/CH1/messages", "/calls", "/customers/ana@example.com"]
)
async def test_signed_out_people_get_the_application_for_every_route_of_its_own(served: Served, path: str) -> None:
    served.build()
    answer = await served.get(path)
    assert (answer.status, answer.raw.decode()) == (200, INDEX)
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_policy_is_the_strict_one() -> None:
    assert POLICY == (
        "default-src 'none'; script-src 'self'; style-src 'self' "
        "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; font-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    )


@pytest.mark.parametrize(
    ("accepts", "coding", "body"),
    [
        ("gzip, deflate, br", "br", b"brotli bytes"),
        ("gzip", "gzip", None),
        ("identity", None, SCRIPT.encode()),
    ],
)
async def test_hashed_files_are_kept_for_good_and_come_packed(
    served: Served, accepts: str, coding: str | None, body: bytes | None
) -> None:
    served.build()
    answer = await served.get("/assets/app-1a2b.js", Accept_Encoding=accepts)
    assert answer.headers.get("Content-Encoding") == coding
    assert answer.raw == body if body is not None else gzip.decompress(answer.raw) == SCRIPT.encode()
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Vary"] == "Accept-Encoding"


async def test_an_unchanged_index_is_a_304(served: Served) -> None:
    served.build()
    tag = (await served.get("/")).headers["ETag"]
    assert (await served.get("/", If_None_Match=tag)).status == 304


async def test_fonts_have_their_type(served: Served) -> None:
    served.build()
    assert (await served.get("/assets/inter.woff2")).headers["Content-Type"] == "font/woff2"


@pytest.mark.parametrize(
    "path", ["/assets/gone-9z.js", "/favicon.ico", "/assets/app-1a2b.js.br", "/index.html.bak", "/assets/"]
)
async def test_a_file_the_build_does_not_have_is_a_404_and_not_the_application(served: Served, path: str) -> None:
    served.build()
    answer = await served.get(path)
    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "//secret.txt",
        "/assets/link.txt",
        "/etc/passwd",
        "/assets/a%00.js",
    ],
)
async def test_nothing_outside_the_build_is_ever_served(served: Served, path: str) -> None:
    served.build()
    secret = served.folder.parent / "secret.txt"
    secret.write_text("not for you")
    (served.folder / "assets" / "link.txt").symlink_to(secret)
    answer = await served.get(path)
    assert b"not for you" not in answer.raw
    assert b"root:" not in answer.raw


async def test_head_answers_like_get_without_a_body(served: Served) -> None:
    served.build()
    async with served.platform.client.head("/") as response:
        assert (response.status, response.headers["Content-Length"]) == (200, str(len(INDEX)))


async def test_only_reading_is_offered(served: Served) -> None:
    async with served.platform.client.post("/", data=b"") as response:
        assert response.status == 405


def test_the_folder_is_the_package_or_the_repository() -> None:
    assert console_folder().name in {"console", "dist"}


def test_the_service_refuses_to_be_built_without_an_account(tmp_path: Path) -> None:
    settings = load_settings("crosschannel", {"DATA_DIR": str(tmp_path)})
    with pytest.raises(ConfigError, match="TWILIO_ACCOUNT_SID"):
        create_app(settings)
