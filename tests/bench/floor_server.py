"""The floor: `python floor_server.py PORT MODEL_URL` forwards the model's words and does nothing else.

No signature, no journal, no ledger, no interrupts, no SDK: the least that such a server costs in aiohttp.
"""

from __future__ import annotations

import json
import sys

import aiohttp
from aiohttp import web

HTTP = web.AppKey("http", aiohttp.ClientSession)
MODEL = web.AppKey("model", str)


async def websocket(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    history: list[dict[str, str]] = []
    async for message in socket:
        frame = json.loads(message.data)
        if frame["type"] != "prompt":
            continue
        history.append({"role": "user", "content": frame["voicePrompt"]})
        body = {"model": "bench", "stream": True, "messages": history}
        said = []
        async with request.app[HTTP].post(request.app[MODEL], json=body) as response:
            async for line in response.content:
                if line.startswith(b"data: {"):
                    choices = json.loads(line[6:])["choices"]
                    token = choices[0]["delta"].get("content") if choices else None
                    if token:
                        said.append(token)
                        await socket.send_str(json.dumps({"type": "text", "token": token, "last": False}))
        await socket.send_str(json.dumps({"type": "text", "token": "", "last": True}))
        history.append({"role": "assistant", "content": "".join(said)})
    return socket


async def healthy(_: web.Request) -> web.Response:
    return web.Response(text="ok")


async def client(app: web.Application):  # type: ignore[no-untyped-def]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        app[HTTP] = http
        yield


def main() -> None:
    port, model = int(sys.argv[1]), sys.argv[2]
    app = web.Application()
    app[MODEL] = f"{model}/chat/completions"
    app.cleanup_ctx.append(client)
    app.router.add_get("/websocket", websocket)
    app.router.add_get("/readyz", healthy)
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


if __name__ == "__main__":
    main()
