"""Who really asks: the client's address and scheme, through proxies that the operator trusts; and
from what origins pages may.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any

from vazao.kit.errors import ConfigurationError
from vazao.kit.settings import Settings

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection

    Connection = ASGIConnection[Any, Any, Any, Any]
Address = IPv4Address | IPv6Address
_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")
_written = re.compile(r"(?:\[([^\]]+)\]|(\d+(?:\.\d+){3}))(?::\d{1,5})?|(.+)").fullmatch


@lru_cache(maxsize=16)
def trusted_networks(
    text: str, setting: str = "VAZAO_TRUSTED_PROXIES"
) -> tuple[IPv4Network | IPv6Network, ...]:
    """The networks in a comma-separated list of addresses and networks.

    Args:
        setting: where the list stands, for the message.

    Raises:
        ConfigurationError: an entry is neither.
    """
    try:
        return tuple(ip_network(p.strip(), strict=False) for p in text.split(",") if p.strip())
    except ValueError as error:
        raise ConfigurationError(
            "{name} cannot be read: {reason}.",
            remedy="Write addresses or networks separated by commas, such as 10.0.0.0/8.",
            name=setting, reason=str(error),
        ) from error


@lru_cache(maxsize=4)
def allowed_origins(text: str) -> frozenset[str]:
    """The origins in a comma-separated list; ``*`` stands for any.

    Raises:
        ConfigurationError: an entry is no origin.
    """
    found = frozenset(entry.strip().lower() for entry in text.split(",") if entry.strip())
    for entry in found:
        if entry != "*" and not _ORIGIN.fullmatch(entry):
            raise ConfigurationError(
                "VAZAO_CORS_ORIGINS cannot be read: {entry} is not an origin.",
                remedy="Write scheme, host and port without a path, separated by commas: "
                "https://app.example,http://localhost:5173. Write * for any.", entry=entry,
            )
    return found


def network_of(address: str) -> str:
    """What one client has of addresses: of IPv6 a whole /64."""
    if ":" not in address:
        return address
    return str(ip_network(f"{address}/64", strict=False))


def client_address(connection: Connection, settings: Settings) -> str:
    """The client's address, or ``""`` where there is none (a Unix socket).

    ``X-Forwarded-For`` is read from the right, only as far as trusted proxies wrote it: what
    stands further left may be the client's own invention.
    """
    peer = _parsed(connection.client.host if connection.client else "")
    if not _trusted(peer, settings):
        return str(peer or "")
    hops = ",".join(connection.headers.getall("x-forwarded-for", [])).split(",")
    for hop in reversed(hops):
        address = _parsed(hop)
        if address is None:
            break
        peer = address
        if not _trusted(address, settings):
            break
    return str(peer)


def is_https(connection: Connection, settings: Settings) -> bool:
    """Whether the client speaks TLS, to us or to a trusted proxy before us."""
    peer = connection.client.host if connection.client else ""
    forwarded = connection.headers.get("x-forwarded-proto", "")
    return speaks_tls(connection.scope.get("scheme"), forwarded, peer, settings)


def speaks_tls(scheme: str | None, forwarded: str, peer: str, settings: Settings) -> bool:
    """The same, of a request's scheme, its ``X-Forwarded-Proto`` and its peer's address.

    Where each of several proxies added what it saw, the first is what the client spoke.
    """
    if scheme == "https":
        return True
    first = forwarded.partition(",")[0].strip().lower()
    return first == "https" and _trusted(_parsed(peer), settings)


def _parsed(text: str) -> Address | None:
    """An address as proxies write it: also with a port, in brackets, or with a zone."""
    found = _written(text.strip())
    if not found:
        return None
    try:
        address = ip_address((found[1] or found[2] or found[3]).partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_trusted(address: str, settings: Settings) -> bool:
    """Whether *address* is a proxy that the operator trusts."""
    return _trusted(_parsed(address), settings)


def _trusted(address: Address | None, settings: Settings) -> bool:
    networks = trusted_networks(settings.trusted_proxies)
    return address is not None and any(address in network for network in networks)
