"""Twilio's media host, which neither its OpenAPI document nor its SDKs cover: files in, files out, as streams.

Source: Twilio, Media Content Service: `POST mcs.us1.twilio.com/v1/Services/IS…/Media` with the file as the body;
`links.content_direct_temporary` of the answer leads to the bytes for a while, without credentials.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
import msgspec
from yarl import URL

from conversations_api.account_views import MediaFile
from conversations_api.refusals import Reply, Silence, refusal, unreadable
from conversations_api.upstream import reply_of
from conversations_api.web_addresses import PublicResolver
from conversations_api.wire import Unreadable, view
from shared.config import TwilioAccount
from shared.problem import Problem

HOST = "https://mcs.us1.twilio.com"
OWN_DOMAIN = ".twilio.com"
UPLOAD_WITHIN_S = 300.0
ANSWER_WITHIN_S = 10.0
# Between two pieces of a download.
PIECE_WITHIN_S = 15.0
CONNECT_WITHIN_S = 5.0


class MediaHost:
    """Files of one account. `inside` carries its credentials, `outside` carries none."""

    def __init__(
        self, inside: aiohttp.ClientSession, outside: aiohttp.ClientSession, account: TwilioAccount
    ) -> None:
        self._inside = inside
        self._outside = outside
        self._account = account

    async def store(
        self, service_sid: str, data: AsyncIterator[bytes], content_type: str, filename: str | None
    ) -> MediaFile:
        """The stored file. Raises Problem; whatever `data` raises passes. Never repeated: the data is gone."""
        query = f"?{urlencode({'Filename': filename})}" if filename else ""
        url = URL(self._account.rewrite(f"{HOST}/v1/Services/{service_sid}/Media{query}"), encoded=True)
        document = await self._ask("POST", url, UPLOAD_WITHIN_S, data=data, headers={"Content-Type": content_type})
        return _file(document, "POST")

    @asynccontextmanager
    async def read(
        self, service_sid: str, media_sid: str, headers: Mapping[str, str]
    ) -> AsyncIterator[tuple[MediaFile, aiohttp.ClientResponse]]:
        """What the file is, and its bytes to be read from the response (200 or 206). Raises Problem."""
        url = URL(self._account.rewrite(f"{HOST}/v1/Services/{service_sid}/Media/{media_sid}"), encoded=True)
        document = await self._ask("GET", url, ANSWER_WITHIN_S)
        file, place = _file(document, "GET"), self._content_url(document)
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_WITHIN_S, sock_read=PIECE_WITHIN_S)
        try:
            response = await self._outside.get(place, headers=headers, allow_redirects=False, timeout=timeout)
        except TimeoutError as error:
            raise refusal("GET", Silence.TIMED_OUT) from error
        except (aiohttp.ClientError, OSError) as error:
            raise refusal("GET", Silence.UNREACHABLE) from error
        async with response:
            if response.status not in {200, 206}:
                raise refusal("GET", Reply(response.status, b""))
            yield file, response

    def _content_url(self, document: Mapping[str, Any]) -> URL:
        """Where the bytes are. Only Twilio's own hosts (or the sandbox in their place) are ever asked."""
        links = document.get("links")
        link = links.get("content_direct_temporary") if isinstance(links, dict) else None
        if not isinstance(link, str):
            raise unreadable("GET")
        base = self._account.base_url
        if not _is_twilios(link) and not (base is not None and link.startswith(f"{base}/")):
            raise unreadable("GET")
        return URL(self._account.rewrite(link), encoded=True)

    async def _ask(self, method: str, url: URL, within_s: float, **more: Any) -> dict[str, Any]:
        timeout = aiohttp.ClientTimeout(total=within_s)
        try:
            async with self._inside.request(
                method, url, allow_redirects=False, timeout=timeout, **more
            ) as response:
                outcome = await reply_of(response)
        except TimeoutError as error:
            raise refusal(method, Silence.TIMED_OUT) from error
        except (aiohttp.ClientError, OSError) as error:
            raise refusal(method, Silence.UNREACHABLE) from error
        if not (isinstance(outcome, Reply) and 200 <= outcome.status < 300):
            raise refusal(method, outcome)
        try:
            return msgspec.json.decode(outcome.body, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise unreadable(method) from error


@asynccontextmanager
async def open_media_host(inside: aiohttp.ClientSession, account: TwilioAccount) -> AsyncIterator[MediaHost]:
    """The media host. Unless TWILIO_BASE_URL says otherwise, downloads connect to public addresses only."""
    resolver = PublicResolver() if account.base_url is None else None
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=20, resolver=resolver),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    ) as outside:
        yield MediaHost(inside, outside, account)


def _file(document: dict[str, Any], method: str) -> MediaFile:
    try:
        return view(msgspec.json.encode(document), MediaFile)
    except Unreadable as error:
        raise unreadable(method) from error


def _is_twilios(link: str) -> bool:
    parts = urlsplit(link)
    host = parts.hostname or ""
    return parts.scheme == "https" and host.endswith(OWN_DOMAIN) and "@" not in parts.netloc


def too_large(limit_bytes: int) -> Problem:
    """The problem of a file above the limit."""
    return Problem(413, f"The file is too large: at most {limit_bytes // 1024**2} MB.", code=41300)
