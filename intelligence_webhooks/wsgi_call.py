"""Calling a WSGI application with a request that has been read whole."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], object]]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]


@dataclass(slots=True)
class Answer:
    """A whole WSGI answer."""

    status: int = 500
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


def environ_of(
    method: str,
    target: str,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    *,
    address: str,
    server: tuple[str, int],
) -> Environ:
    """The WSGI environment (PEP 3333) of a request; `target` is the path and query exactly as they were sent."""
    path, _, query = target.partition("?")
    environ: Environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "REQUEST_URI": target,
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": address,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    environ.update(_header_variables(headers))
    return environ


def call(app: WsgiApp, environ: Environ) -> Answer:
    """The application's whole answer. Raises what the application raises."""
    answer = Answer()

    def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Callable[[bytes], object]:
        answer.status, answer.headers = int(status.split(" ", 1)[0]), headers
        return chunks.append

    chunks: list[bytes] = []
    parts = app(environ, start_response)
    try:
        chunks.extend(parts)
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()
    answer.body = b"".join(chunks)
    return answer


def _header_variables(headers: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Headers as WSGI names them; those with an underscore are dropped, since they could pose as another."""
    found: dict[str, str] = {}
    for name, value in headers:
        key = _variable(name)
        if not key:
            continue
        joint = "; " if key == "HTTP_COOKIE" else ","
        found[key] = f"{found[key]}{joint}{value}" if key in found else value
    return found


@lru_cache(512)
def _variable(name: str) -> str:
    """A header's name in WSGI, "" for one that is left out."""
    variable = name.upper().replace("-", "_")
    if "_" in name or variable == "CONTENT_LENGTH":
        return ""
    return variable if variable == "CONTENT_TYPE" else f"HTTP_{variable}"
