"""A conversation's tags: the list `tags` of its attributes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.problem import Problem

NO_PLACE = 40912


def with_tags(attributes: Any, tags: Sequence[str]) -> dict[str, Any]:
    """The attributes with `tags` added, each once, and everything else as it was.

    Raises Problem 409 when the attributes are not an object or keep something else under the name `tags`.
    """
    known = {} if attributes is None else attributes
    if not isinstance(known, dict) or not isinstance(known.get("tags", []), list):
        raise Problem(409, "The attributes of this conversation have no place for tags.", code=NO_PLACE)
    had = known.get("tags", [])
    return known | {"tags": [*had, *(tag for tag in tags if tag not in had)]}
