"""Identifiers as they may stand in an address: checked before any upstream URL is built."""

from __future__ import annotations

import re
from urllib.parse import quote

from shared.problem import Problem

SID = re.compile(r"([A-Z]{2})[0-9a-fA-F]{32}")
# Twilio takes any character in a unique name. What a proxy on the way could read as a path (slashes, two dots)
# or as nothing (control characters) is refused even though it would be escaped: such a conversation is
# reached by its sid.
NAME = re.compile(r"(?!.*\.\.)(?!\.\Z)[^/\\\x00-\x1f\x7f]{1,256}")


def path_sid(value: str, prefix: str, what: str) -> str:
    """The SID itself. Raises Problem 400 unless it is `prefix` and 32 hexadecimal digits."""
    match = SID.fullmatch(value)
    if match is None or match[1] != prefix:
        raise Problem(400, f"{what} must be {prefix} followed by 32 hexadecimal digits")
    return value


def path_name(value: str, prefix: str, what: str) -> str:
    """A SID or a unique name, percent-encoded as one path segment. Raises Problem 400 when it is neither."""
    match = SID.fullmatch(value)
    if match is not None and match[1] == prefix:
        return value
    if match is not None:
        raise Problem(400, f"{what} is the SID of something else: expected {prefix} or a unique name")
    if NAME.fullmatch(value) is None:
        raise Problem(
            400, f"{what} must be a SID ({prefix}…) or a unique name without slashes, '..' or control characters"
        )
    try:
        return quote(value, safe="")
    except UnicodeEncodeError as error:  # a lone surrogate: the address was not UTF-8
        raise Problem(400, f"{what} is not valid UTF-8") from error
