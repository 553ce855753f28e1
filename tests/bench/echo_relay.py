"""A ConversationRelay application that repeats what it hears, in a process of its own: `python echo_relay.py`.

Prints its port. Nothing of ours is imported, so that the measured process is the simulated phone company alone.
"""

from __future__ import annotations

import asyncio
import json

from aiohttp import WSMsgType, web

ATTRIBUTES = (
    'welcomeGreeting="Good day, how can I help?" partialPrompts="true" events="speaker-events tokens-played"'
)
REPLY = " I have heard that, and this answer is as long as an usual one. Is there anything else?"


async def voice(request: web.Request) -> web.Response:
    url = f"ws://{request.host}/websocket"
    relay = f'<Connect action="/ended"><ConversationRelay url="{url}" {ATTRIBUTES}/></Connect>'
    return web.Response(text=f"<Response>{relay}</Response>", content_type="text/xml")


async def ended(_: web.Request) -> web.Response:
    return web.Response(text="<Response><Hangup/></Response>", content_type="text/xml")


async def websocket(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        frame = json.loads(message.data) if message.type is WSMsgType.TEXT else {}
        if frame.get("type") == "prompt" and frame["last"]:
            words = (frame["voicePrompt"] + "." + REPLY).split(" ")
            for index, word in enumerate(words):
                last = index == len(words) - 1
                await socket.send_json({"type": "text", "token": word + " ", "last": last})
    return socket


async def main() -> None:
    app = web.Application()
    app.router.add_post("/voice", voice)
    app.router.add_post("/ended", ended)
    app.router.add_post("/voice/status", ended)
    app.router.add_get("/websocket", websocket)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=2048)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
