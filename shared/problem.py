"""Errors as people and programs read them: RFC 9457 problem details."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

CONTENT_TYPE = "application/problem+json"


class Problem(Exception):
    """A refusal with an HTTP status, a numeric code (Twilio's where there is one) and a sentence to read.

    `detail` is shown to the caller: never put an upstream body, an address or a secret into it. `more` are further
    members of the document, such as `errors` (RFC 9457, 3.2).
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: int | None = None,
        title: str | None = None,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.code = code if code is not None else status
        self.title = title or HTTPStatus(status).phrase
        self.headers = dict(headers or {})
        self.more = dict(more or {})

    def body(self) -> bytes:
        """The problem document; `type` is about:blank, so that `title` is the status's own phrase or ours."""
        return msgspec.json.encode(
            {
                "type": "about:blank",
                "title": self.title,
                "status": self.status,
                "detail": self.detail,
                "code": self.code,
                **self.more,
            }
        )
