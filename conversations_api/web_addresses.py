"""Web addresses a caller names: https, a public host, and nothing that leads back into our own network.

Two checks, because a name can answer differently later (DNS rebinding): `fault_of_url` when an address is set,
`PublicResolver` when we connect to one ourselves.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver

RESOLVE_WITHIN_S = 2.0
# Names that mean this machine or this network wherever they are asked.
LOCAL_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home.arpa", "localdomain", "onion")
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class NotPublic(OSError):
    """A name that leads to an address inside our own network."""


def is_public_address(text: str) -> bool:
    """Whether an IP address can be reached from everywhere, also when it hides a private IPv4 one inside."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public_address(str(inner))
        if address.is_site_local:  # deprecated, and still routed inside some networks
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def spelling_fault(url: str) -> str | None:
    """What is wrong with the address as written, None when it names a host outside."""
    if any(ord(letter) <= 32 or ord(letter) == 127 or letter == "\\" for letter in url):
        return "must not contain spaces, control characters or backslashes"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "is not a web address"
    if parts.scheme != "https":
        return "must begin with https://"
    if "@" in parts.netloc:
        return "must not contain a user name or password"
    if "%" in host or not host.isascii():
        return "must name its host in plain ASCII (an international name in its xn-- form)"
    return _host_fault(host.rstrip(".").lower())


def _host_fault(host: str) -> str | None:
    if not host:
        return "must name a host"
    try:
        return None if is_public_address(host) else "must lead to a public address"
    except ValueError:
        pass
    last = host.rpartition(".")[2]
    # 127.1, 2130706433, 0x7f000001, 0177.0.0.1: resolvers read them as IPv4, so no real name ends in a number.
    if last[:1].isdigit():
        return "must write an IP address in its usual form"
    if "." not in host or any(host == name or host.endswith(f".{name}") for name in LOCAL_NAMES):
        return "must lead to a public address"
    return None


async def fault_of_url(url: str) -> str | None:
    """What is wrong with an address, None when nothing is. Asks the DNS, for two seconds at most.

    A name nobody knows (yet) is accepted: Twilio is who will connect to it, and checks again.
    """
    fault = spelling_fault(url)
    if fault is not None:
        return fault
    host = urlsplit(url).hostname or ""
    try:
        async with asyncio.timeout(RESOLVE_WITHIN_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError, UnicodeError):
        return None
    if all(is_public_address(str(entry[4][0])) for entry in found):
        return None
    return "must lead to a public address"


class PublicResolver(AbstractResolver):
    """Resolves like aiohttp's own, and refuses every address that is not public. Raises NotPublic."""

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if not all(is_public_address(result["host"]) for result in found):
            raise NotPublic(f"{host} leads to an address that is not public")
        return found

    async def close(self) -> None:
        await self._inner.close()
