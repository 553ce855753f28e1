"""Twilio's own SDK: `python tac_server.py PORT MODEL_URL ACCOUNT TOKEN` answers as its README shows it.

Streaming replies, OpenAI's SDK, signatures validated, telemetry off. The interpreter that runs it needs
`twilio-agent-connect[server]` and `openai`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from typing import Any

os.environ["TAC_ANALYTICS_DISABLED"] = "true"

import uvicorn
from openai import AsyncOpenAI
from tac import TAC, TACConfig
from tac.channels.voice import VoiceChannel
from tac.server import TACFastAPIServer

PORT, MODEL_URL, ACCOUNT, TOKEN = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
tac = TAC(
    config=TACConfig(
        account_sid=ACCOUNT,
        auth_token=TOKEN,
        api_key="SK" + "1" * 32,
        api_secret="x",
        phone_number="+15555550100",
        voice_public_domain=f"127.0.0.1:{PORT}",
        voice_websocket_path="/websocket",
        log_level="ERROR",
    )
)
voice = VoiceChannel(tac)
client = AsyncOpenAI(api_key="sk-bench", base_url=MODEL_URL)
histories: dict[str, list[dict[str, str]]] = {}


async def reply(history: list[dict[str, str]]) -> AsyncGenerator[str, None]:
    said = []
    stream = await client.chat.completions.create(model="bench", messages=history, stream=True)  # type: ignore
    async for chunk in stream:
        token = chunk.choices[0].delta.content if chunk.choices else None
        if token:
            said.append(token)
            yield token
    history.append({"role": "assistant", "content": "".join(said)})


async def answer(words: str, context: Any, _: Any) -> None:
    history = histories.setdefault(context.conversation_id, [])
    history.append({"role": "user", "content": words})
    await voice.send_response(context.conversation_id, reply(history), role="assistant")


tac.on_message_ready(answer)
server = TACFastAPIServer(tac=tac, voice_channel=voice)


@server.app.get("/readyz")
async def ready() -> dict[str, str]:
    return {"status": "ok"}


if __name__ == "__main__":
    asyncio.run(
        uvicorn.Server(uvicorn.Config(server.app, "127.0.0.1", PORT, log_level="error", access_log=False)).serve()
    )
