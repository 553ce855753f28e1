"""Several attempts within one deadline, against a model on loopback."""

from __future__ import annotations

import time

import pytest

from dialogue.agent_tables import ConversationConfig
from dialogue.breaker import FAILURES, OPEN_S, Breaker
from dialogue.model import Finished, ModelClient, ModelError, Part, TextPart
from dialogue.models import Models
from shared.config import OpenAISettings
from tests.relay_kit import LOADED_S, FakeModel, Reply, running_model

HI = [{"role": "user", "content": "hi"}]
FALLBACK = ConversationConfig(fallback_model="model-y", first_text_deadline_s=2.0, temperature=0.3)
ALONE = ConversationConfig(first_text_deadline_s=2.0)


async def answer(
    *replies: Reply, config: ConversationConfig = ALONE, breaker: Breaker | None = None
) -> tuple[list[Part], FakeModel, str]:
    """What came of it: the parts, the model's memory, and the code of the failure."""
    async with running_model() as (fake, url):
        fake.replies += replies
        client = ModelClient(OpenAISettings("sk-test", url, "model-x"))
        parts: list[Part] = []
        code = ""
        try:
            async for part in Models(client, config, breaker or Breaker()).stream(HI, []):
                parts.append(part)  # noqa: PERF401 - what came before a failure is looked at too
        except ModelError as error:
            code = error.code
        finally:
            await client.close()
        return parts, fake, code


def text(parts: list[Part]) -> str:
    return "".join(part.text for part in parts if isinstance(part, TextPart))


@pytest.mark.parametrize("bad", [Reply(status=503), Reply(status=429), Reply(texts=()), Reply(raw=b"data: {\n\n")])
async def test_what_fails_before_a_word_is_tried_again(bad: Reply) -> None:
    parts, fake, code = await answer(bad, Reply(("Hello.",)))
    assert (text(parts), code, len(fake.asked)) == ("Hello.", "", 2)


async def test_a_fallback_model_is_asked_at_once_whatever_retry_after_says() -> None:
    started_s = time.monotonic()
    parts, fake, _ = await answer(
        Reply(status=429, headers={"Retry-After": "30"}), Reply(("Hello.",)), config=FALLBACK
    )
    assert [asked["model"] for asked in fake.asked] == ["model-x", "model-y"]
    assert fake.asked[0]["temperature"] == 0.3
    assert isinstance(parts[-1], Finished)
    assert parts[-1].model == "model-y"
    assert time.monotonic() - started_s < LOADED_S


async def test_a_wait_that_the_deadline_does_not_bear_fails_at_once() -> None:
    started_s = time.monotonic()
    _, fake, code = await answer(Reply(status=429, headers={"Retry-After": "30"}), Reply())
    assert (code, len(fake.asked)) == ("rate_limited", 1)
    assert time.monotonic() - started_s < LOADED_S


async def test_a_short_retry_after_is_waited_for() -> None:
    started_s = time.monotonic()
    parts, _, _ = await answer(Reply(status=429, headers={"Retry-After": "0.5"}), Reply(("Hello.",)))
    assert text(parts) == "Hello."
    assert time.monotonic() - started_s >= 0.5


async def test_a_slow_model_is_left_for_the_other_within_the_deadline() -> None:
    parts, fake, _ = await answer(Reply(("late",), pause_s=5), Reply(("Hello.",)), config=FALLBACK)
    assert text(parts) == "Hello."
    assert len(fake.let_go_s) == 1, "the slow request was not closed"


async def test_after_the_first_word_there_is_no_second_attempt() -> None:
    parts, fake, code = await answer(Reply(("Half a ",), cut=True), Reply(("Hello.",)))
    assert (text(parts), code, len(fake.asked)) == ("Half a ", "cut", 1)


async def test_a_refused_key_is_not_tried_again() -> None:
    _, fake, code = await answer(Reply(status=401), Reply())
    assert (code, len(fake.asked)) == ("refused", 1)


# ---- the breaker ----


def test_a_breaker_opens_after_failures_in_a_row_and_lets_one_through_later() -> None:
    now_s = [0.0]
    breaker = Breaker(lambda: now_s[0])
    for _ in range(FAILURES - 1):
        breaker.failed("m")
    assert breaker.lets_through("m")
    breaker.failed("m")
    assert (breaker.lets_through("m"), breaker.open()) == (False, ["m"])
    assert breaker.lets_through("other")
    now_s[0] = OPEN_S + 1
    assert breaker.lets_through("m")
    assert not breaker.lets_through("m"), "one at a time"
    breaker.succeeded("m")
    assert breaker.lets_through("m")


async def test_an_open_breaker_costs_no_caller_the_deadline() -> None:
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker.failed("model-x")
    _, fake, code = await answer(Reply(), breaker=breaker)
    assert (code, fake.asked) == ("circuit_open", [])
    parts, fake, _ = await answer(Reply(("Hello.",)), config=FALLBACK, breaker=breaker)
    assert [asked["model"] for asked in fake.asked] == ["model-y"]
    assert text(parts) == "Hello."
