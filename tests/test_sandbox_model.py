"""The sandbox's model endpoint, driven by OpenAI's own SDK."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from sandbox.app import read_pacing
from sandbox.pacing import Pacing
from shared.config import ConfigError
from tests.conftest import EventuallyAsync
from tests.sandbox_kit import OPENAI_KEY, Sandbox, open_sandbox

TOOL = {
    "type": "function",
    "function": {
        "name": "order_status",
        "parameters": {"type": "object", "properties": {"order_number": {"type": "string"}}},
    },
}
HELLO = [{"role": "user", "content": "Hello!"}]
ORDER = [{"role": "user", "content": "Where is my order 4711?"}]


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with open_sandbox(tmp_path) as opened:
        yield opened


@asynccontextmanager
async def open_sdk(sandbox: Sandbox, key: str = OPENAI_KEY) -> AsyncIterator[openai.AsyncOpenAI]:
    client = openai.AsyncOpenAI(
        api_key=key,
        base_url=f"{sandbox.url}/openai/v1",
        max_retries=0,
        http_client=openai.DefaultAioHttpClient(),
    )
    async with client:
        yield client


@pytest.fixture
async def sdk(sandbox: Sandbox) -> AsyncIterator[openai.AsyncOpenAI]:
    async with open_sdk(sandbox) as client:
        yield client


async def complete(sdk: openai.AsyncOpenAI, messages: list[Any], **options: Any) -> Any:
    return await sdk.chat.completions.create(model="sandbox-agent", messages=messages, **options)


async def test_a_plain_answer_has_text_reason_and_usage(sdk: openai.AsyncOpenAI) -> None:
    answer = await complete(sdk, HELLO)
    assert answer.choices[0].message.content.startswith("Good day!")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 1


async def test_a_streamed_answer_is_the_plain_one_in_pieces(sdk: openai.AsyncOpenAI) -> None:
    plain = (await complete(sdk, HELLO)).choices[0].message.content
    chunks = [chunk async for chunk in await complete(sdk, HELLO, stream=True)]
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks]
    assert "".join(pieces) == plain
    assert len([piece for piece in pieces if piece]) > 3
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert {chunk.usage for chunk in chunks} == {None}


async def test_usage_comes_last_and_only_when_asked_for(sdk: openai.AsyncOpenAI) -> None:
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = [chunk async for chunk in await complete(sdk, HELLO, **options)]
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens > 1
    assert chunks[-2].choices[0].finish_reason == "stop"


async def test_a_tool_call_is_streamed_in_fragments_that_join_to_json(sdk: openai.AsyncOpenAI) -> None:
    chunks = [chunk async for chunk in await complete(sdk, ORDER, tools=[TOOL], stream=True)]
    deltas = [d for chunk in chunks for d in chunk.choices[0].delta.tool_calls or []]
    assert deltas[0].id.startswith("call_")
    assert deltas[0].function.name == "order_status"
    assert len(deltas) > 3
    assert all(delta.id is None and delta.function.name is None for delta in deltas[1:])
    assert "".join(delta.function.arguments or "" for delta in deltas) == '{"order_number":"4711"}'
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


async def test_a_tool_call_without_streaming(sdk: openai.AsyncOpenAI) -> None:
    choice = (await complete(sdk, ORDER, tools=[TOOL])).choices[0]
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
    assert choice.message.tool_calls[0].function.arguments == '{"order_number":"4711"}'


async def test_models_are_listed(sdk: openai.AsyncOpenAI) -> None:
    assert [model.id async for model in await sdk.models.list()] == ["sandbox-agent"]


async def test_a_wrong_key_is_an_authentication_error(sandbox: Sandbox) -> None:
    async with open_sdk(sandbox, key="sk-wrong") as stranger:
        with pytest.raises(openai.AuthenticationError) as refused:
            await complete(stranger, HELLO)
    assert refused.value.code == "invalid_api_key"


async def test_a_malformed_request_and_an_unknown_address_have_openais_shape(sandbox: Sandbox) -> None:
    headers = {"Authorization": f"Bearer {OPENAI_KEY}", "Content-Type": "application/json"}
    for path, data, status in (("chat/completions", b'{"model": 1}', 400), ("nothing", b"{}", 404)):
        answer = await sandbox.request("POST", f"/openai/v1/{path}", data=data, headers=headers)
        assert answer.status == status
        assert set(answer.json["error"]) == {"message", "type", "param", "code"}


async def test_scripted_answers_come_first_in_their_order_then_the_agent(
    sandbox: Sandbox, sdk: openai.AsyncOpenAI
) -> None:
    script = [
        {"text": "One."},
        {"text": "Wait.", "tool_calls": [{"name": "order_status", "arguments": {"order_number": "1"}}]},
        {"tool_calls": [{"name": "order_status", "arguments": "{broken"}]},
    ]
    answer = await sandbox.control("POST", "model/script", script)
    assert (answer.status, answer.json) == (201, {"scripted_answers": 3})
    first, second, third, fourth = [(await complete(sdk, HELLO)).choices[0].message for _ in range(4)]
    assert first.content == "One."
    assert (second.content, second.tool_calls[0].function.arguments) == ("Wait.", '{"order_number":"1"}')
    assert third.tool_calls[0].function.arguments == "{broken"
    assert fourth.content.startswith("Good day!")


async def test_the_model_remembers_what_it_was_asked(sandbox: Sandbox, sdk: openai.AsyncOpenAI) -> None:
    await complete(sdk, HELLO)
    await complete(sdk, ORDER)
    seen = (await sandbox.control("GET", "requests?product=openai&limit=1")).json["items"]
    assert [request["body"]["messages"] for request in seen] == [ORDER]
    assert OPENAI_KEY not in str((await sandbox.control("GET", "requests")).json)
    assert (await sandbox.control("DELETE", "requests")).status == 204
    assert (await sandbox.control("GET", "requests")).json["items"] == []


async def test_the_pace_can_be_set_while_it_runs(sandbox: Sandbox, sdk: openai.AsyncOpenAI) -> None:
    async def times() -> tuple[float, float]:
        began = time.monotonic()
        arrivals = [time.monotonic() async for _ in await complete(sdk, HELLO, stream=True)]
        return arrivals[0] - began, arrivals[-1] - arrivals[0]

    immediate_s = sum(await times())
    answer = await sandbox.control("PUT", "model", {"first_token_ms": 250, "token_ms": 30})
    assert answer.json == {"first_token_ms": 250.0, "token_ms": 30.0, "jitter": 0.0}
    first_s, rest_s = await times()
    assert first_s >= 0.25
    assert rest_s >= 0.15
    assert immediate_s < first_s + rest_s
    assert (await sandbox.control("PUT", "model", {"first_token_ms": -1})).status == 400


async def test_a_client_that_hangs_up_in_mid_answer_disturbs_nobody(
    sandbox: Sandbox, sdk: openai.AsyncOpenAI, eventually_async: EventuallyAsync
) -> None:
    await sandbox.control("PUT", "model", {"first_token_ms": 0, "token_ms": 20})
    stream = await complete(sdk, HELLO, stream=True)
    await anext(aiter(stream))
    await stream.close()
    others = await asyncio.gather(*(complete(sdk, HELLO) for _ in range(5)))
    assert len({other.choices[0].message.content for other in others}) == 1


def test_the_pace_comes_from_the_environment_and_a_wrong_one_is_named() -> None:
    assert read_pacing({}) == Pacing(120, 15)
    assert read_pacing({"SANDBOX_FIRST_TOKEN_MS": "5", "SANDBOX_TOKEN_MS": "0.5"}) == Pacing(5, 0.5)
    for wrong in ("fast", "-1"):
        with pytest.raises(ConfigError, match="SANDBOX_TOKEN_MS"):
            read_pacing({"SANDBOX_TOKEN_MS": wrong})


async def test_an_answer_in_json_is_scripted_or_refused(sandbox: Sandbox, sdk: openai.AsyncOpenAI) -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "mood", "schema": {"type": "object"}}}
    await sandbox.control("POST", "model/script", [{"text": '{"mood": 5}'}, {"text": "{}"}])
    assert (await complete(sdk, HELLO, response_format=schema)).choices[0].message.content == '{"mood": 5}'
    text: Any = {"format": {"type": "json_object"}}
    assert (await sdk.responses.create(model="m", input="Hello!", text=text)).output_text == "{}"
    for ask in (
        complete(sdk, HELLO, response_format=schema),
        sdk.responses.create(model="m", input="Hello!", text=text),
    ):
        with pytest.raises(openai.BadRequestError) as refused:
            await ask
        assert refused.value.code == "unsupported_format"
    assert (await complete(sdk, HELLO, response_format={"type": "text"})).choices[0].message.content
