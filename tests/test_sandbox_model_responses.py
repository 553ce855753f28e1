"""The model's Responses API, its script for tests, its paces and its faults, seen through OpenAI's own SDK."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import openai
import pytest

from sandbox.pacing import Pacing
from tests.sandbox_kit import OPENAI_KEY, Sandbox, open_sandbox

TOOL = {
    "type": "function",
    "name": "order_status",
    "parameters": {"type": "object", "properties": {"order_number": {"type": "string"}}},
}
MODEL = "sandbox-agent"
ORDER = "Where is my order 4711?"
HELLO = [{"role": "user", "content": "Hello!"}]


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with open_sandbox(tmp_path) as opened:
        yield opened


@asynccontextmanager
async def open_sdk(sandbox: Sandbox, **options: Any) -> AsyncIterator[openai.AsyncOpenAI]:
    client = openai.AsyncOpenAI(
        api_key=OPENAI_KEY,
        base_url=f"{sandbox.url}/openai/v1",
        http_client=openai.DefaultAioHttpClient(),
        **{"max_retries": 0, **options},
    )
    async with client:
        yield client


@pytest.fixture
async def sdk(sandbox: Sandbox) -> AsyncIterator[openai.AsyncOpenAI]:
    async with open_sdk(sandbox) as client:
        yield client


async def order(sandbox: Sandbox, **fault: Any) -> None:
    assert (await sandbox.control("POST", "faults", {"product": "openai", **fault})).status == 201


async def chat_text(sdk: openai.AsyncOpenAI) -> str:
    stream = await sdk.chat.completions.create(model=MODEL, messages=HELLO, stream=True)  # type: ignore[call-overload]
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


# ---- responses ----


async def test_a_response_has_text_and_usage(sdk: openai.AsyncOpenAI) -> None:
    answer = await sdk.responses.create(model=MODEL, input="Hello!", instructions="Be kind.")
    assert answer.output_text.startswith("Good day!")
    assert (answer.status, answer.instructions, answer.object) == ("completed", "Be kind.", "response")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens > 1
    assert (await sdk.responses.retrieve(answer.id)).output_text == answer.output_text


async def test_a_streamed_response_is_the_plain_one_in_typed_events(sdk: openai.AsyncOpenAI) -> None:
    plain = (await sdk.responses.create(model=MODEL, input="Hello!")).output_text
    events = [event async for event in await sdk.responses.create(model=MODEL, input="Hello!", stream=True)]
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert kinds[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == plain
    assert len(deltas) > 3
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == plain


async def test_a_tool_is_called_and_its_result_answered(sdk: openai.AsyncOpenAI) -> None:
    first = await sdk.responses.create(model=MODEL, input=ORDER, tools=[TOOL])  # type: ignore[list-item]
    call = first.output[0]
    assert call.type == "function_call"
    assert (call.name, call.arguments) == ("order_status", '{"order_number":"4711"}')
    found = '{"status": "shipped", "eta": "tomorrow", "order_number": "4711"}'
    result: Any = [{"type": "function_call_output", "call_id": call.call_id, "output": found}]
    second = await sdk.responses.create(model=MODEL, input=result, previous_response_id=first.id)
    assert "is shipped" in second.output_text
    history: Any = [{"role": "user", "content": ORDER}, call.to_dict(), *result]
    third = await sdk.responses.create(model=MODEL, input=history, store=False)
    assert third.output_text == second.output_text
    with pytest.raises(openai.NotFoundError):
        await sdk.responses.retrieve(third.id)


async def test_the_arguments_of_a_tool_are_streamed_in_fragments(sdk: openai.AsyncOpenAI) -> None:
    stream: Any = await sdk.responses.create(model=MODEL, input=ORDER, tools=[TOOL], stream=True)  # type: ignore[call-overload]
    events = [event async for event in stream]
    deltas = [e.delta for e in events if e.type == "response.function_call_arguments.delta"]
    assert "".join(deltas) == '{"order_number":"4711"}'
    assert len(deltas) > 2
    assert events[-1].response.output[0].arguments == '{"order_number":"4711"}'


async def test_an_unknown_earlier_response_is_an_error(sdk: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await sdk.responses.create(model=MODEL, input="Hi", previous_response_id="resp_unknown")
    assert refused.value.code == "previous_response_not_found"


# ---- the script ----


async def test_a_strict_script_refuses_what_it_did_not_expect_and_says_so_at_the_end(
    sandbox: Sandbox, sdk: openai.AsyncOpenAI
) -> None:
    answers = [{"expect": "order", "text": "It is on its way."}, {"text": "Anything else?"}]
    put = await sandbox.control("PUT", "model/script", {"answers": answers})
    assert put.json == {"scripted_answers": 2}
    with pytest.raises(openai.BadRequestError) as unexpected:
        await sdk.responses.create(model=MODEL, input="Hello!")
    assert unexpected.value.code == "unexpected_request"
    assert (await sdk.responses.create(model=MODEL, input=ORDER)).output_text == "It is on its way."
    verdict = await sandbox.control("POST", "model/verify")
    assert verdict.status == 409
    assert "'Hello!'" in verdict.json["title"] + verdict.json.get("detail", "")
    assert await chat_text(sdk) == "Anything else?"
    with pytest.raises(openai.BadRequestError):
        await chat_text(sdk)


async def test_a_script_that_was_followed_verifies_and_a_waiting_answer_does_not(
    sandbox: Sandbox, sdk: openai.AsyncOpenAI
) -> None:
    await sandbox.control("PUT", "model/script", {"answers": [{"text": "One."}]})
    assert (await sandbox.control("POST", "model/verify")).status == 409
    assert await chat_text(sdk) == "One."
    assert (await sandbox.control("POST", "model/verify")).status == 204
    await sandbox.control("DELETE", "model/script")
    assert (await chat_text(sdk)).startswith("Good day!")


# ---- faults ----


async def test_an_empty_answer_is_empty_in_both_formats(sandbox: Sandbox, sdk: openai.AsyncOpenAI) -> None:
    await order(sandbox, empty=True, count=2)
    assert await chat_text(sdk) == ""
    assert (await sdk.responses.create(model=MODEL, input="Hello!")).output_text == ""
    assert await chat_text(sdk) != ""


async def test_a_malformed_event_breaks_the_sdks_parser(sandbox: Sandbox, sdk: openai.AsyncOpenAI) -> None:
    await order(sandbox, malformed=True)
    with pytest.raises((ValueError, openai.APIError)):
        await chat_text(sdk)


async def test_a_slow_first_token_is_slow_after_the_headers(sandbox: Sandbox) -> None:
    await order(sandbox, first_token_ms=300)
    began = time.monotonic()
    body = {"model": MODEL, "messages": HELLO, "stream": True}
    headers = {"Authorization": f"Bearer {OPENAI_KEY}"}
    async with sandbox.session.post(
        f"{sandbox.url}/openai/v1/chat/completions", json=body, headers=headers
    ) as got:
        headers_s = time.monotonic() - began
        await got.content.readany()
        assert time.monotonic() - began >= 0.3 > headers_s


async def test_a_stalled_stream_is_silent_until_the_client_gives_up(sandbox: Sandbox) -> None:
    await order(sandbox, stall_after_bytes=400)
    async with open_sdk(sandbox, timeout=0.5) as impatient:
        with pytest.raises((openai.APITimeoutError, TimeoutError, aiohttp.ClientError)):
            await chat_text(impatient)


async def test_a_rate_limit_with_retry_after_is_waited_for_by_the_sdk(sandbox: Sandbox) -> None:
    await order(sandbox, status=429, headers={"Retry-After": "0.2"})
    async with open_sdk(sandbox, max_retries=2) as patient:
        began = time.monotonic()
        assert (await chat_text(patient)).startswith("Good day!")
        assert time.monotonic() - began >= 0.2


async def test_a_response_stream_can_be_cut(sandbox: Sandbox, sdk: openai.AsyncOpenAI) -> None:
    await order(sandbox, cut_after_bytes=900)
    stream = await sdk.responses.create(model=MODEL, input="Hello!", stream=True)
    with pytest.raises((openai.APIError, aiohttp.ClientError, OSError)):
        [event async for event in stream]


# ---- pace ----


async def test_paces_have_names(sandbox: Sandbox) -> None:
    answer = await sandbox.control("PUT", "model", {"profile": "slow", "token_ms": 1})
    assert answer.json == {"first_token_ms": 900.0, "token_ms": 1.0, "jitter": 0.0}
    assert (await sandbox.control("PUT", "model", {"profile": "supersonic"})).status == 400
    assert "jittery" in (await sandbox.control("GET", "model")).json["profiles"]


def test_jitter_varies_and_is_the_same_for_the_same_words() -> None:
    pacing = Pacing(100, 10, 0.5)
    gaps = [list(islice(pacing.gaps_s(seed), 20)) for seed in ("Hello", "Hello", "Bye")]
    assert gaps[0] == gaps[1] != gaps[2]
    assert all(0.005 <= gap <= 0.015 for gap in gaps[0])
    assert len(set(gaps[0])) > 10
    assert msgspec.to_builtins(pacing) == {"first_token_ms": 100, "token_ms": 10, "jitter": 0.5}
