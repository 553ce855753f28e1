"""Origins: the `scheme://host[:port]` part of an address, and whether it can be reached from outside."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def parse_origin(text: str) -> str:
    """The origin without a trailing slash. Raises ValueError unless it is http(s) with a host and no path."""
    parts = urlsplit(text.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an origin such as https://voice.example.com")
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
        raise ValueError("must be an origin without path, query or user")
    _ = parts.port  # raises ValueError when it is out of range
    return f"{parts.scheme}://{parts.netloc}"


def is_loopback_host(host: str) -> bool:
    """True for localhost and the loopback addresses."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_public(origin: str) -> bool:
    """True when strangers may reach the origin: neither loopback nor a one-word name of a container network."""
    host = urlsplit(origin).hostname or ""
    return not is_loopback_host(host) and ("." in host or ":" in host)


def url_host(host: str) -> str:
    """The host as it stands in a URL: an unspecified listen address becomes loopback, IPv6 gets brackets."""
    if host in {"0.0.0.0", ""}:
        return "127.0.0.1"
    if host == "::":
        return "[::1]"
    return f"[{host}]" if ":" in host else host


def websocket_origin(origin: str) -> str:
    """The same origin for a WebSocket: https becomes wss, http becomes ws."""
    return "ws" + origin.removeprefix("http")
