"""Where an address that somebody else wrote leads: a public host, or a private one that is allowed.

The name is resolved once, and the connection goes to the address that was checked: a name that
answers with another one a moment later (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

LONGEST = 2000
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class AddressUnfit(ValueError):
    """It is no address of a web server."""


class NameUnresolved(OSError):
    """The host's name stands for no address."""


class NotPublic(Exception):
    """It leads to *address*, which is neither public nor allowed."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


class Place(NamedTuple):
    """An address, taken apart; it holds no password but in ``user``."""

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
        AddressUnfit: it is no address of a web server.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise AddressUnfit from None
    odd = any(ord(letter) <= 32 or ord(letter) == 127 for letter in url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or odd or len(url) > LONGEST:
        raise AddressUnfit
    try:
        host = parts.hostname.encode("idna").decode() if address_of(parts.hostname) is None else (
            parts.hostname
        )
    except UnicodeError:
        raise AddressUnfit from None
    path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
    user = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return Place(parts.scheme, host, port or {"http": 80, "https": 443}[parts.scheme], path, user)


def looks_private(place: Place, networks: Iterable[Network] = ()) -> bool:
    """Whether it can be seen without a resolver that *place* is private; the rest shows later.

    Args:
        networks: those that are allowed all the same.
    """
    own = place.host.rstrip(".").lower()
    address = ip_address("127.0.0.1") if own == "localhost" or own.endswith(".localhost") else (
        address_of(place.host)
    )
    return address is not None and not is_public(address) and not within(address, networks)


def masked(url: str) -> str:
    """*url* as people may see it: without a password, and without what its query says."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    query = "…" if parts.query else ""
    return urlunsplit((parts.scheme, host, parts.path, query, ""))


async def resolve(
    place: Place, *, private: bool = False, networks: Iterable[Network] = ()
) -> str:
    """The address to connect to.

    Args:
        private: whether it may be one that is not public.
        networks: those that it may be in all the same.

    Raises:
        NotPublic: none of those that the name stands for may be used.
        NameUnresolved: the name stands for none.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NameUnresolved from error
    addresses = [str(entry[4][0]) for entry in found]
    for text in addresses:
        address = plain(ip_address(text.partition("%")[0]))
        if private or is_public(address) or within(address, networks):
            return text
    raise NotPublic(addresses[0])


def address_of(host: str) -> Address | None:
    """The address that *host* is; ``None`` of a name."""
    try:
        return plain(ip_address(host))
    except ValueError:
        return None


def plain(address: Address) -> Address:
    """An IPv4 address that hides in an IPv6 one, by itself."""
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address.sixtofour or address
    return address


def is_public(address: Address) -> bool:
    """Whether *address* is one of the internet's."""
    return address.is_global and not address.is_multicast


def within(address: Address, networks: Iterable[Network]) -> bool:
    """Whether *address* is in one of *networks*."""
    return any(address in network for network in networks)
