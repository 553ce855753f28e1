"""Cursors of lists: where to go on, in a form that tells the caller nothing and takes them nowhere else.

Twilio names the next page by an absolute URL. Handing that out, or following one that comes back, would let a
caller choose where our credentials are sent; so a cursor holds only the page's two parameters.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec

from shared.problem import Problem

Pairs = Sequence[tuple[str, str]]
PAGE_PARAMETERS = ("Page", "PageToken")
LONGEST_CURSOR = 4096
NOT_OURS = "`cursor` is not one this list gave out"
C = TypeVar("C")


class _Cursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    list_print: str
    pairs: list[tuple[str, str]]


class _OwnCursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    list_print: str
    position: list[Any]


def page_pairs(next_page_url: str) -> list[tuple[str, str]]:
    """What of Twilio's address of the next page is a parameter of the page."""
    query = parse_qsl(urlsplit(next_page_url).query, keep_blank_values=True)
    return [(name, value) for name, value in query if name in PAGE_PARAMETERS]


def own_cursor(position: list[Any], path: str, filters: Pairs) -> str:
    """A cursor into a list of ours: where to go on, tied to the list and its parameters."""
    return _packed(_OwnCursor(_list_print(path, filters), position))


def own_position(cursor: str, path: str, filters: Pairs, *kinds: type) -> list[Any]:
    """The position of `own_cursor`, its parts of these types. Raises Problem 400 for any other cursor."""
    found = _unpacked(cursor, _OwnCursor)
    _check_print(found.list_print, path, filters)
    fits = [type(part) for part in found.position] == list(kinds)
    if not fits or any(isinstance(part, int) and not 0 <= part < 2**62 for part in found.position):
        raise Problem(400, NOT_OURS)
    return found.position


def next_cursor(next_page_url: str | None, path: str, filters: Pairs) -> str | None:
    """The cursor of the next page of the list at `path` with these filters; None after the last page."""
    if not next_page_url:
        return None
    return _packed(_Cursor(_list_print(path, filters), page_pairs(next_page_url)))


def page_parameters(cursor: str, path: str, filters: Pairs) -> list[tuple[str, str]]:
    """What to ask Twilio for. Raises Problem 400 for a cursor we did not make, or made for another list."""
    found = _unpacked(cursor, _Cursor)
    if any(name not in PAGE_PARAMETERS for name, _ in found.pairs):
        raise Problem(400, NOT_OURS)
    _check_print(found.list_print, path, filters)
    return found.pairs


def _packed(cursor: _Cursor | _OwnCursor) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def _unpacked(cursor: str, kind: type[C]) -> C:
    if len(cursor) > LONGEST_CURSOR:
        raise Problem(400, NOT_OURS)
    try:
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(packed, type=kind)
    except (binascii.Error, ValueError) as error:  # also non-ASCII text and msgspec's errors
        raise Problem(400, NOT_OURS) from error


def _check_print(found: str, path: str, filters: Pairs) -> None:
    if found != _list_print(path, filters):
        raise Problem(400, "`cursor` belongs to another list: repeat the filters it was given out with")


def _list_print(path: str, filters: Pairs) -> str:
    """A short digest of the list: a cursor used elsewhere would silently skip or repeat rows."""
    text = "\0".join([path, *(f"{name}={value}" for name, value in sorted(filters))])
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
