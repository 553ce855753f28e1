"""Reading environment values: typed readers that collect every fault instead of stopping at the first."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

from shared.origins import parse_origin

PLACEHOLDERS = ("your_", "your-", "changeme", "change_me", "replace", "<", "xxxx", "...")
SIGNIFICANT_SID_LENGTH = 34


class ConfigError(Exception):
    """Everything that is wrong with the configuration, one sentence per name; never a secret's value."""

    def __init__(self, faults: list[str], hint: str = "") -> None:
        self.faults = faults
        lines = ["The configuration cannot be used:", *(f"  - {fault}" for fault in faults)]
        super().__init__("\n".join([*lines, hint] if hint else lines))


def read_environment(
    environ: Mapping[str, str] = os.environ, dotenv: Path | None = Path(".env")
) -> dict[str, str]:
    """The values of `.env` with the process environment on top.

    An empty variable counts as missing and still hides the `.env` value of the same name. Raises ConfigError
    when the file is not UTF-8.
    """
    try:
        from_file = dotenv_values(dotenv) if dotenv is not None and dotenv.is_file() else {}
    except UnicodeDecodeError as error:
        raise ConfigError([f"{dotenv} must be UTF-8 ({error.reason} at byte {error.start})"]) from None
    merged = {**{name: value or "" for name, value in from_file.items()}, **environ}
    return {name: value.strip() for name, value in merged.items() if value.strip()}


def is_placeholder(value: str) -> bool:
    """True for values that were never filled in, such as `your_auth_token` or `ACxxxx…`."""
    text = value.lower()
    return any(mark in text for mark in PLACEHOLDERS)


class EnvironmentReader:
    """Typed access to environment values; faults gather in `faults` and the reader goes on with a default."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.faults: list[str] = []
        self.names: set[str] = set()

    def text(self, name: str, default: str | None = None) -> str | None:
        self.names.add(name)
        return self._environ.get(name) or default

    def required(self, name: str) -> str:
        """The value; a missing or never filled in one is a fault."""
        value = self.text(name)
        if value is None:
            self.faults.append(f"{name} is missing")
        elif is_placeholder(value):
            self.faults.append(f"{name} still holds a placeholder")
        else:
            return value
        return ""

    def secret(self, name: str) -> str | None:
        """The value of a secret that may be left out; a never filled in one is a fault."""
        return self.required(name) if self.text(name) else None

    def sid(self, name: str, prefix: str) -> str:
        value = self.required(name)
        hexadecimal = all(c in "0123456789abcdefABCDEF" for c in value[2:])
        if value and not (value.startswith(prefix) and len(value) == SIGNIFICANT_SID_LENGTH and hexadecimal):
            self.faults.append(f"{name} must be {prefix} and 32 hexadecimal digits")
        return value

    def port(self, name: str, default: int) -> int:
        text = self.text(name, str(default)) or ""
        if text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535:
            return int(text)
        self.faults.append(f"{name} must be a port between 1 and 65535")
        return default

    def count(self, name: str, default: int) -> int:
        """A whole number of at least 1 and at most six digits."""
        text = self.text(name, str(default)) or ""
        if text.isascii() and text.isdigit() and len(text) <= 6 and int(text) > 0:
            return int(text)
        self.faults.append(f"{name} must be a whole number of at least 1")
        return default

    def number(self, name: str) -> float | None:
        """A number with a point or without, None when it is not set."""
        text = self.text(name)
        try:
            value = None if text is None else float(text)
        except ValueError:
            value = float("nan")
        if value is not None and not math.isfinite(value):
            self.faults.append(f"{name} must be a number")
            return None
        return value

    def whole_number(self, name: str) -> int | None:
        """A number without a point, None when it is not set."""
        text = self.text(name)
        if text is None or (text.isascii() and text.isdigit() and len(text) < 10):
            return None if text is None else int(text)
        self.faults.append(f"{name} must be a whole number")
        return None

    def flag(self, name: str, default: bool) -> bool:
        text = (self.text(name, str(default)) or "").lower()
        if text in {"true", "1", "yes", "on"}:
            return True
        if text in {"false", "0", "no", "off"}:
            return False
        self.faults.append(f"{name} must be true or false")
        return default

    def origin(self, name: str) -> str | None:
        """An origin, or None when the name is not set."""
        text = self.text(name)
        if text is None:
            return None
        try:
            return parse_origin(text)
        except ValueError as error:
            self.faults.append(f"{name} {error}")
            return None

    def address(self, name: str) -> str | None:
        """A base URL (http or https, a path allowed) without trailing slash, or None."""
        text = self.text(name)
        if text is None or _is_http_address(text):
            return text.rstrip("/") if text else None
        self.faults.append(f"{name} must be an address that starts with http:// or https://")
        return None


def _is_http_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:  # an impossible port or a half bracket
        return False
