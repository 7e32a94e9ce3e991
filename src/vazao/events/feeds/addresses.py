"""Where a feed's address leads: a public host, or a private one that was allowed.

The name is resolved once, and the connection goes to the address that was checked: a name that
answers with another one a moment later (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from vazao.events.errors import (
    AddressPrivate,
    FeedAddressForbidden,
    FeedAddressInvalid,
    FeedUnreachable,
)
from vazao.kit.proxies import trusted_networks

LONGEST = 2000
Address = IPv4Address | IPv6Address


class Place(NamedTuple):
    """An address of a feed, taken apart; ``shown`` holds no password and no query."""

    scheme: str
    host: str
    port: int
    path: str
    user: tuple[str, str] | None

    @property
    def origin(self) -> tuple[str, str, int]:
        """What credentials are sent to."""
        return self.scheme, self.host, self.port

    @property
    def host_header(self) -> str:
        """The host as HTTP names it."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"http": 80, "https": 443}[self.scheme]
        return name if self.port == usual else f"{name}:{self.port}"

    def at(self, address: str) -> str:
        """The address to connect to, with *address* in place of the host's name."""
        name = f"[{address}]" if ":" in address else address
        return f"{self.scheme}://{name}:{self.port}{self.path}"


def parse(url: str) -> Place:
    """Take *url* apart.

    Raises:
        FeedAddressInvalid: it is no address of a web server.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise FeedAddressInvalid from None
    odd = any(ord(letter) <= 32 or ord(letter) == 127 for letter in url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or odd or len(url) > LONGEST:
        raise FeedAddressInvalid
    try:
        host = parts.hostname.encode("idna").decode() if not _is_address(parts.hostname) else (
            parts.hostname
        )
    except UnicodeError:
        raise FeedAddressInvalid from None
    path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
    user = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return Place(parts.scheme, host, port or {"http": 80, "https": 443}[parts.scheme], path, user)


def refuse_private(place: Place) -> None:
    """Refuse at once what can be seen to be private without a resolver; the rest shows at a fetch.

    Raises:
        AddressPrivate: the host is an address that is not public, or this machine's own name.
    """
    own = place.host.rstrip(".").lower()
    private = own == "localhost" or own.endswith(".localhost")
    if _is_address(place.host):
        private = not is_public(_plain(ip_address(place.host)))
    if private:
        raise AddressPrivate(host=place.host)


def masked(url: str) -> str:
    """*url* as people may see it: without a password, and without what its query says."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    query = "…" if parts.query else ""
    return urlunsplit((parts.scheme, host, parts.path, query, ""))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


async def resolve(place: Place, *, private: bool, allowed: str, redirected: bool = False) -> str:
    """The address to connect to.

    Args:
        private: whether it may be one that is not public.
        allowed: networks that it may be in all the same, comma-separated.
        redirected: whether the provider sent us there, for the message.

    Raises:
        FeedAddressForbidden: none of those that the name stands for may be used.
        FeedUnreachable: the name stands for none.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FeedUnreachable(
            "The provider cannot be reached: its host name does not resolve."
        ) from error
    networks = trusted_networks(allowed, "VAZAO_EVENTS_PRIVATE_NETWORKS")
    addresses = [str(entry[4][0]) for entry in found]
    for text in addresses:
        address = _plain(ip_address(text.partition("%")[0]))
        if private or is_public(address) or any(address in network for network in networks):
            return text
    raise FeedAddressForbidden(
        remedy="The provider redirects there. Use that address itself, or allow its network with "
        "VAZAO_EVENTS_PRIVATE_NETWORKS." if redirected else
        "If the address is meant to be private, add the provider on the command line, or allow its "
        "network with VAZAO_EVENTS_PRIVATE_NETWORKS.",
        address=addresses[0],
    )


def _plain(address: Address) -> Address:
    """An IPv4 address that hides in an IPv6 one, by itself."""
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address.sixtofour or address
    return address


def is_public(address: Address) -> bool:
    """Whether *address* is one of the internet's."""
    return address.is_global and not address.is_multicast
