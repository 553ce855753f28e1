"""Reading transcripts, sentences and operator results from Twilio Intelligence v2 over REST."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import urlsplit

import aiohttp
import msgspec
import stamina

from intelligence_webhooks.outcomes import needs_second_read
from intelligence_webhooks.wire import PageMeta, Sentence, Transcript, TranscriptSid
from shared.config import TwilioAccount

PAGE_SIZE = 1000
SENTENCE_PAGE_SIZE = 5000
MAX_PAGES = 1000
REQUEST_TIMEOUT_S = 10.0
# Short, inside one try of an event; the resolver's own schedule carries it over longer outages.
ATTEMPTS = 3
LONGEST_RETRY_AFTER_S = 5.0
T = TypeVar("T")


class ReadRefused(Exception):
    """Twilio does not let us read this (401, 403): trying again would not help."""


class NotFound(Exception):
    """There is nothing at this address (404)."""


class BadAnswer(Exception):
    """The answer is not what Twilio documents."""


class Unavailable(Exception):
    """Twilio could not answer now (429, 5xx, no connection); `retry_after_s` where it named a time."""

    def __init__(self, why: str, retry_after_s: float | None = None) -> None:
        super().__init__(why)
        self.retry_after_s = retry_after_s


READ_FAULTS = (ReadRefused, NotFound, BadAnswer, Unavailable)


class _Page(msgspec.Struct):
    meta: PageMeta = PageMeta()
    transcripts: list[msgspec.Raw] = []
    sentences: list[msgspec.Raw] = []
    operator_results: list[msgspec.Raw] = []


class _Listed(msgspec.Struct):
    sid: TranscriptSid


class TwilioReads:
    """The reads of one account; an async context manager that holds the connections.

    Every read raises ReadRefused, NotFound, BadAnswer or Unavailable.
    """

    def __init__(self, account: TwilioAccount) -> None:
        self._account = account
        self._base = account.url("intelligence", "v2/")

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers={"Authorization": _basic(self._account)},
            timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def transcript(self, sid: str) -> Transcript:
        """The transcript with this sid."""
        return _decoded(await self._get(f"{self._base}Transcripts/{sid}"), Transcript)

    async def sentences(self, sid: str) -> list[Sentence]:
        """All sentences of a transcript."""
        url = f"{self._base}Transcripts/{sid}/Sentences"
        items = [item async for item in self._items(url, "sentences", {"PageSize": str(SENTENCE_PAGE_SIZE)})]
        return [_decoded(item, Sentence) for item in items]

    async def operator_results(self, sid: str) -> list[bytes]:
        """All operator results of a transcript, each as its own JSON; hollow ones are read a second time."""
        url = f"{self._base}Transcripts/{sid}/OperatorResults"
        items = [item async for item in self._items(url, "operator_results", {"PageSize": str(PAGE_SIZE)})]
        return [await self._get(f"{url}/{_sid_of(item)}") if needs_second_read(item) else item for item in items]

    async def transcript_sids(self, after: datetime, service_sid: str | None = None) -> AsyncIterator[str]:
        """The sids of completed transcripts created after a time; of one Intelligence service, when named."""
        params = {
            "AfterDateCreated": after.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "Status": "completed",
            "PageSize": str(PAGE_SIZE),
        }
        if service_sid is not None:
            params["ServiceSid"] = service_sid
        async for item in self._items(f"{self._base}Transcripts", "transcripts", params):
            yield _decoded(item, _Listed).sid

    async def _items(self, url: str, key: str, params: Mapping[str, str]) -> AsyncIterator[bytes]:
        """The items of all pages, each as its own JSON."""
        query: Mapping[str, str] | None = params
        for _ in range(MAX_PAGES):
            page = _decoded(await self._get(url, query), _Page)
            for item in getattr(page, key):
                yield bytes(item)
            if page.meta.next_page_url is None:
                return
            url, query = self._own(page.meta.next_page_url), None
        raise BadAnswer(f"more than {MAX_PAGES} pages")

    def _own(self, next_page_url: str) -> str:
        """The next page's address as we reach it; our credentials go to no other host."""
        url = self._account.rewrite(next_page_url)
        if urlsplit(url)[:2] != urlsplit(self._base)[:2]:
            raise BadAnswer("the next page is on another host")
        return url

    async def _get(self, url: str, params: Mapping[str, str] | None = None) -> bytes:
        retries = stamina.retry_context(
            on=_backoff, attempts=ATTEMPTS, timeout=None, wait_initial=0.1, wait_max=2.0, wait_jitter=0.2
        )
        async for attempt in retries:
            with attempt:
                return await self._get_once(url, params)
        raise AssertionError("stamina ends with a value or an error")

    async def _get_once(self, url: str, params: Mapping[str, str] | None) -> bytes:
        try:
            async with self._session.get(url, params=params, allow_redirects=False) as response:
                body = await response.read()
                _check_status(response.status, response.headers.get("Retry-After"))
                return body
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(f"no answer from Twilio: {type(error).__name__}") from error


def _basic(account: TwilioAccount) -> str:
    return aiohttp.encode_basic_auth(account.account_sid, account.auth_token)


def _check_status(status: int, retry_after: str | None) -> None:
    if status == 200:
        return
    if status in (401, 403):
        raise ReadRefused(f"Twilio answered {status}")
    if status == 404:
        raise NotFound("Twilio answered 404")
    if status == 429 or status >= 500:
        seconds = float(retry_after) if retry_after is not None and retry_after.isdecimal() else None
        raise Unavailable(f"Twilio answered {status}", seconds)
    raise BadAnswer(f"Twilio answered {status}")


def _backoff(error: Exception) -> bool | float:
    """Whether to try again at once, and after how long when Twilio named a short time."""
    if not isinstance(error, Unavailable):
        return False
    if error.retry_after_s is None:
        return True
    return error.retry_after_s if error.retry_after_s <= LONGEST_RETRY_AFTER_S else False


def _decoded(body: bytes, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=type_)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadAnswer(f"not a {type_.__name__.strip('_')}: {error}") from error


class _WithSid(msgspec.Struct):
    operator_sid: str


def _sid_of(item: bytes) -> str:
    sid = _decoded(item, _WithSid).operator_sid
    if not (sid.startswith("LY") and sid.isalnum()):
        raise BadAnswer("an operator sid that is none")
    return sid
