"""When Twilio refuses, breaks or stays silent: what is repeated, and what the caller reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from conversations_api.refusals import CODES, Reply, Silence, refusal
from conversations_api.upstream import Patience, retry_delay_s
from tests.conversations_kit import (
    Fault,
    Platform,
    html,
    journal_lines,
    open_platform,
    refusing,
    sid,
    silent,
)

CONVERSATION = f"/api/conversations/{sid('CH')}"
NEW = {"friendlyName": "Ana"}


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    async with open_platform(tmp_path) as opened:
        opened.upstream.add("Conversations", sid=sid("CH"))
        yield opened


def truncated() -> Fault:
    """A fault that ends inside the answer."""

    async def fault(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"sid":')
        assert request.transport is not None
        request.transport.abort()
        return response

    return fault


def redirecting(location: str) -> Fault:
    """A fault that sends the client, and its credentials, elsewhere."""

    async def fault(_: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": location})

    return fault


# ---- what is repeated ----

PATIENCE = Patience(first_delay_s=1.0, longest_delay_s=4.0, attempts=4)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_429_is_repeated_for_every_method(method: str) -> None:
    assert retry_delay_s(method, Reply(429, b""), 1, PATIENCE, 1.0) == 1.0


@pytest.mark.parametrize("outcome", [Reply(500, b""), Reply(503, b""), *Silence])
def test_what_may_have_been_done_is_repeated_only_for_reading_and_deleting(outcome: Reply | Silence) -> None:
    delays = {m: retry_delay_s(m, outcome, 1, PATIENCE, 1.0) for m in ("GET", "DELETE", "POST")}
    assert delays == {"GET": 1.0, "DELETE": 1.0, "POST": None}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
def test_a_refusal_is_final(status: int) -> None:
    assert retry_delay_s("GET", Reply(status, b""), 1, PATIENCE, 1.0) is None


def test_delays_double_up_to_a_limit_and_are_spread() -> None:
    full = [retry_delay_s("GET", Reply(429, b""), attempt, PATIENCE, 1.0) for attempt in (1, 2, 3, 4)]
    half = [retry_delay_s("GET", Reply(429, b""), attempt, PATIENCE, 0.0) for attempt in (1, 2, 3)]
    assert full == [1.0, 2.0, 4.0, None]
    assert half == [0.5, 1.0, 2.0]


def test_retry_after_comes_before_our_own_spacing() -> None:
    assert retry_delay_s("POST", Reply(429, b"", retry_after_s=7), 1, PATIENCE, 0.3) == 7.0


async def test_a_short_429_storm_is_ridden_out_and_a_post_is_done_once(platform: Platform) -> None:
    platform.upstream.fail(refusing(429, 20429), refusing(429, 50063))
    answer = await platform.call("POST", "/api/conversations", NEW)
    assert (answer.status, len(platform.upstream.seen)) == (201, 3)
    assert len(platform.upstream.rows["Conversations"]) == 2


async def test_a_long_429_storm_is_a_503_with_retry_after(platform: Platform) -> None:
    platform.upstream.fail(*[refusing(429, 50063)] * 20)
    answers = await asyncio.gather(*[platform.call("GET", CONVERSATION) for _ in range(3)])
    assert {(a.status, a.json["code"]) for a in answers} == {(503, 50063)}
    assert all(int(a.headers["Retry-After"]) >= 1 for a in answers)
    assert len(platform.upstream.seen) == 12


async def test_a_retry_after_beyond_our_deadline_is_passed_on_at_once(platform: Platform) -> None:
    platform.upstream.fail(refusing(429, 20429, Retry_After="30"))
    answer = await platform.call("GET", CONVERSATION)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
    assert len(platform.upstream.seen) == 1


async def test_a_failed_post_is_never_sent_twice_and_says_that_it_may_have_been_done(platform: Platform) -> None:
    for fault, status in ((refusing(500, 20500), 502), (html(502), 502), (silent(2), 504), (truncated(), 502)):
        platform.upstream.seen.clear()
        platform.upstream.fail(fault)
        answer = await platform.call("POST", "/api/conversations", NEW)
        assert (answer.status, len(platform.upstream.seen)) == (status, 1)
        assert "may have been made" in answer.json["detail"]


@pytest.mark.parametrize("fault", [refusing(500, 20500), html(502), silent(2), truncated()])
async def test_a_read_survives_one_failure(platform: Platform, fault: Fault) -> None:
    platform.upstream.fail(fault)
    answer = await platform.call("GET", CONVERSATION)
    assert (answer.status, len(platform.upstream.seen)) == (200, 2)


async def test_a_delete_that_broke_off_and_had_been_done_is_a_success(platform: Platform) -> None:
    async def done_but_silent(_: web.Request) -> web.StreamResponse:
        platform.upstream.rows["Conversations"].clear()
        return web.Response(status=502)

    platform.upstream.fail(done_but_silent)
    assert (await platform.call("DELETE", CONVERSATION)).status == 204


async def test_a_delete_that_was_only_limited_and_finds_nothing_is_a_404(platform: Platform) -> None:
    platform.upstream.fail(refusing(429, 20429))
    assert (await platform.call("DELETE", f"/api/conversations/{sid('CH', 9)}")).status == 404


# ---- what the caller reads ----


async def test_a_slow_upstream_is_a_504_within_the_deadline(tmp_path: Path) -> None:
    patience = Patience(total_s=0.4, attempt_s=0.15, first_delay_s=0.01, longest_delay_s=0.02, attempts=9)
    async with open_platform(tmp_path, patience=patience) as platform:
        platform.upstream.fail(*[silent(5)] * 9)
        started = asyncio.get_running_loop().time()
        answer = await platform.call("GET", CONVERSATION)
        assert answer.status == 504
        assert asyncio.get_running_loop().time() - started < 2


async def test_an_upstream_that_is_down_is_a_502(tmp_path: Path) -> None:
    async with open_platform(tmp_path, TWILIO_BASE_URL="http://127.0.0.1:1") as platform:
        answer = await platform.call("GET", CONVERSATION)
        assert (answer.status, answer.json["detail"]) == (502, "Twilio cannot be reached.")


@pytest.mark.parametrize(
    ("fault", "status"),
    [(html(502), 502), (html(200), 502), (html(503), 503), (html(404), 404), (refusing(418, 1), 502)],
)
async def test_nothing_of_an_upstream_body_passes(platform: Platform, fault: Fault, status: int) -> None:
    platform.upstream.fail(*[fault] * 4)
    answer = await platform.call("GET", CONVERSATION)
    assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert b"twilio.com" not in answer.raw
    assert b"html" not in answer.raw


async def test_our_credentials_being_refused_never_looks_like_the_operators(platform: Platform) -> None:
    for status, code, says in ((401, 20003, "credentials"), (403, 20403, "does not let this platform")):
        platform.upstream.fail(refusing(status, code))
        answer = await platform.call("GET", CONVERSATION)
        assert (answer.status, answer.json["code"]) == (502, code)
        assert says in answer.json["detail"]


async def test_a_redirect_is_never_followed_with_our_credentials(platform: Platform) -> None:
    platform.upstream.fail(*[redirecting("/conversations/v1/Conversations/stolen")] * 4)
    assert (await platform.call("GET", CONVERSATION)).status == 502
    assert not [seen for seen in platform.upstream.seen if "stolen" in seen.path]


# Every code that Twilio's documentation names for what this service asks: with what status it is told on.
DOCUMENTED = {
    20003: 502,
    20404: 404,
    20429: 503,
    21481: 400,
    50063: 503,
    50214: 409,
    50353: 409,
    50361: 409,
    50377: 409,
    50382: 400,
    50408: 400,
    50409: 400,
    50416: 409,
    50417: 409,
    50418: 409,
    50422: 409,
    50425: 409,
    50426: 400,
    50427: 400,
    50436: 409,
    50437: 409,
}
THEIR_STATUS = {20003: 401, 20404: 404, 20429: 429, 50063: 429}


async def test_every_documented_code_reaches_the_caller_with_a_sentence_of_ours(platform: Platform) -> None:
    sentences = set()
    for code, status in DOCUMENTED.items():
        platform.upstream.fail(*[refusing(THEIR_STATUS.get(code, 400), code, Retry_After="60")])
        answer = await platform.call("POST", f"{CONVERSATION}/participants", {"identity": "ana"})
        assert (answer.status, answer.json["code"], answer.json["status"]) == (status, code, status), code
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert ("Retry-After" in answer.headers) == (status == 503)
        assert b"twilio.com" not in answer.raw
        sentences.add(answer.json["detail"])
    assert len(sentences) == len(DOCUMENTED) - 1  # the two codes of one limit share theirs
    assert set(CODES) == set(DOCUMENTED)


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_known_code_has_its_own_status_and_sentence(code: int) -> None:
    status, sentence = CODES[code]
    problem = refusal("GET", Reply(429 if status == 503 else 400, b'{"code":%d,"message":"theirs"}' % code))
    assert (problem.status, problem.code, problem.detail) == (status, code, sentence)
    assert ("Retry-After" in problem.headers) == (status == 503)


@pytest.mark.parametrize("status", [400, 404, 409, 410, 412, 413, 422])
def test_an_unknown_code_is_named_with_its_page(status: int) -> None:
    problem = refusal("POST", Reply(status, b'{"code":50999,"message":"theirs"}'))
    assert (problem.status, problem.code) == (status, 50999)
    assert problem.detail.endswith("https://www.twilio.com/docs/errors/50999.")


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'{"code":"x"}', b"\xff", b"[" * 5000, b'{"code":1e999}'])
def test_an_error_body_that_cannot_be_read_still_makes_a_problem(body: bytes) -> None:
    problem = refusal("GET", Reply(404, body))
    assert (problem.status, problem.code) == (404, 404)


async def test_rows_that_are_not_what_twilio_describes_are_a_502(platform: Platform) -> None:
    async def odd(_: web.Request) -> web.StreamResponse:
        return web.json_response({"meta": {"key": "conversations"}, "conversations": [{"sid": 3}]})

    platform.upstream.fail(odd)
    assert (await platform.call("GET", "/api/conversations")).status == 502


async def test_the_token_is_nowhere_in_what_a_failure_leaves_behind(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    platform.upstream.fail(refusing(401, 20003))
    await platform.call("POST", "/api/conversations", NEW)
    captured = capsys.readouterr()
    assert "kit-auth-token" not in captured.out + captured.err
    assert "kit-auth-token" not in str(journal_lines(platform.settings.data_dir, "audit"))
