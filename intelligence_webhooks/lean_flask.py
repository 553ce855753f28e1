"""Flask without what costs time on every request and is of no use here: cookie sessions and addresses by host.

Figures: docs/performance.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from flask import Flask, Request
from flask.sessions import NullSession, SessionInterface, SessionMixin
from werkzeug.routing import MapAdapter

from intelligence_webhooks.wsgi_call import Environ, StartResponse

# When the request came to the application, by time.perf_counter().
STARTED = "crosschannel.started"


class NoSessions(SessionInterface):
    """Operators' sessions are shared.operators'; Flask's own are never opened nor saved."""

    _none = NullSession()

    def open_session(self, app: Flask, request: Request) -> SessionMixin:  # noqa: ARG002
        return self._none

    def save_session(self, app: Flask, session: SessionMixin, response: Any) -> None:  # noqa: ARG002
        raise AssertionError("a null session is never saved")


class LeanFlask(Flask):
    """A Flask application that adds `headers` to every answer and notes when each request began."""

    session_interface = NoSessions()
    headers: tuple[tuple[str, str], ...] = ()

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Routes by method and path alone: no route here depends on a host, and nothing believes that header."""
        if request is None:
            return super().create_url_adapter(request)
        environ = request.environ
        return MapAdapter(
            self.url_map,
            server_name="",
            script_name="/",
            subdomain="",
            url_scheme="http",
            path_info=environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"),
            default_method=environ["REQUEST_METHOD"],
            query_args=environ["QUERY_STRING"],
        )

    def wsgi_app(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        environ[STARTED] = time.perf_counter()

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            return start_response(status, [*headers, *self.headers], exc_info)

        return super().wsgi_app(environ, start)
