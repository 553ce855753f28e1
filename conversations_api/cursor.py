"""Cursors of lists: where to go on, in a form that tells the caller nothing and takes them nowhere else.

Twilio names the next page by an absolute URL. Handing that out, or following one that comes back, would let a
caller choose where our credentials are sent; so a cursor holds only the page's two parameters.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from urllib.parse import parse_qsl, urlsplit

import msgspec

from shared.problem import Problem

Pairs = Sequence[tuple[str, str]]
PAGE_PARAMETERS = ("Page", "PageToken")
LONGEST_CURSOR = 4096


class _Cursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    list_print: str
    pairs: list[tuple[str, str]]


def next_cursor(next_page_url: str | None, path: str, filters: Pairs) -> str | None:
    """The cursor of the next page of the list at `path` with these filters; None after the last page."""
    if not next_page_url:
        return None
    query = parse_qsl(urlsplit(next_page_url).query, keep_blank_values=True)
    pairs = [(name, value) for name, value in query if name in PAGE_PARAMETERS]
    packed = msgspec.json.encode(_Cursor(_list_print(path, filters), pairs))
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def page_parameters(cursor: str, path: str, filters: Pairs) -> list[tuple[str, str]]:
    """What to ask Twilio for. Raises Problem 400 for a cursor we did not make, or made for another list."""
    if len(cursor) > LONGEST_CURSOR:
        raise Problem(400, "`cursor` is not one this list gave out")
    try:
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        found = msgspec.json.decode(packed, type=_Cursor)
    except (binascii.Error, ValueError) as error:  # also non-ASCII text and msgspec's errors
        raise Problem(400, "`cursor` is not one this list gave out") from error
    if any(name not in PAGE_PARAMETERS for name, _ in found.pairs):
        raise Problem(400, "`cursor` is not one this list gave out")
    if found.list_print != _list_print(path, filters):
        raise Problem(400, "`cursor` belongs to another list: repeat the filters it was given out with")
    return found.pairs


def _list_print(path: str, filters: Pairs) -> str:
    """A short digest of the list: a cursor used elsewhere would silently skip or repeat rows."""
    text = "\0".join([path, *(f"{name}={value}" for name, value in sorted(filters))])
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
