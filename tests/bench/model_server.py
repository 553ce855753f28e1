"""A model that answers at once: `python model_server.py PORT TOKENS GAP_MS` serves OpenAI's streaming chat."""

from __future__ import annotations

import asyncio
import json
import sys

from aiohttp import web


def chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": delta, "finish_reason": finish}]}).encode() + b"\n\n"


def build(tokens: int, gap_s: float) -> web.Application:
    text = [chunk({"content": f" word{number}"}) for number in range(tokens)]

    async def answer(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for data in text:
            await response.write(data)
            if gap_s:
                await asyncio.sleep(gap_s)
        await response.write(chunk({}, "stop") + b"data: [DONE]\n\n")
        return response

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    return app


if __name__ == "__main__":
    port, tokens, gap_ms = (int(text) for text in sys.argv[1:4])
    web.run_app(build(tokens, gap_ms / 1000), host="127.0.0.1", port=port, print=None, access_log=None)
