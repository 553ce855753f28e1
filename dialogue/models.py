"""The models that answer: the first, and when it fails or is slow another, all within one deadline."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from dialogue.agent_tables import ConversationConfig
from dialogue.breaker import Breaker
from dialogue.model import Calling, Finished, Message, ModelClient, ModelError, Part, TextPart, ToolSpec

# What is left of the deadline for an apology to leave, and the share of it the first attempt may take.
RESERVE_S = 0.1
FIRST_SHARE = 0.6
PAUSE_S = 0.15
SHORTEST_ATTEMPT_S = 0.3
# What another attempt cannot mend, and what says nothing about the provider.
FINAL = frozenset(("rejected", "refused"))


class Models:
    """What a call asks for a reply. A dead provider costs callers the deadline only until the breaker opens."""

    def __init__(self, client: ModelClient, config: ConversationConfig, breaker: Breaker) -> None:
        self.name = config.openai_model or client.model
        self._client = client
        self._breaker = breaker
        self._plan = (self.name, config.fallback_model or self.name)
        self._deadline_s = config.first_text_deadline_s - RESERVE_S
        self._options: Mapping[str, Any] = {
            name: value
            for name in ("temperature", "max_completion_tokens")
            if (value := getattr(config, name)) is not None
        }

    async def warm(self) -> None:
        """Has a connection ready for the next request."""
        await self._client.warm()

    async def stream(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> AsyncGenerator[Part, None]:
        """Parts as they arrive, then one Finished. Raises ModelError when every attempt has failed.

        Once a part of the reply has come there is no second attempt: it may have been spoken.
        """
        until_s = time.monotonic() + self._deadline_s
        error = ModelError("circuit_open", "every model is left alone for a while")
        for number, model in enumerate(self._plan):
            left_s = until_s - time.monotonic()
            if left_s < SHORTEST_ATTEMPT_S or not self._breaker.lets_through(model):
                continue
            patience_s = left_s if number else left_s * FIRST_SHARE
            began = False
            try:
                async with contextlib.aclosing(self._attempt(model, messages, tools, patience_s)) as parts:
                    async for part in parts:
                        began = began or _is_useful(part)
                        yield part
            except ModelError as failed:
                error = failed
                self._note(model, failed)
                if began or failed.code in FINAL or not await self._may_go_on(number, failed, until_s):
                    raise
            else:
                self._breaker.succeeded(model)
                return
        raise error

    async def _attempt(
        self, model: str, messages: Sequence[Message], tools: Sequence[ToolSpec], patience_s: float
    ) -> AsyncGenerator[Part, None]:
        """One request. Raises ModelError: "slow" without a useful part in time, "empty" for a reply of nothing."""
        until_s = time.monotonic() + patience_s
        async with contextlib.aclosing(self._client.stream(messages, tools, model, self._options)) as parts:
            useful = False
            while not useful:
                try:
                    async with asyncio.timeout(until_s - time.monotonic()):
                        part = await anext(parts)
                except TimeoutError:
                    raise ModelError("slow", f"nothing useful within {patience_s:.1f} s") from None
                if isinstance(part, Finished):
                    raise ModelError("empty", "the reply says and does nothing")
                useful = _is_useful(part)
                yield part
            async for part in parts:
                yield part

    def _note(self, model: str, failed: ModelError) -> None:
        if failed.code not in FINAL and failed.code != "empty":
            self._breaker.failed(model)

    async def _may_go_on(self, number: int, failed: ModelError, until_s: float) -> bool:
        """Waits as the provider asks if deadline and plan allow it; another model is asked at once."""
        if number + 1 >= len(self._plan):
            return False
        same = self._plan[number + 1] == self._plan[number]
        pause_s = max(PAUSE_S, failed.retry_after_s) if same else 0.0
        if time.monotonic() + pause_s + SHORTEST_ATTEMPT_S > until_s:
            return False
        await asyncio.sleep(pause_s)
        return True


def _is_useful(part: Part) -> bool:
    """True for what a caller or a tool can do something with."""
    return isinstance(part, Calling) or (isinstance(part, TextPart) and bool(part.text.strip()))
