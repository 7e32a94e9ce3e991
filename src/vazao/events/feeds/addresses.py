"""Where a feed's address leads, in the words of events: see :mod:`vazao.kit.addresses`."""

from __future__ import annotations

from vazao.events.errors import (
    AddressPrivate,
    FeedAddressForbidden,
    FeedAddressInvalid,
    FeedUnreachable,
)
from vazao.kit import addresses
from vazao.kit.addresses import Place
from vazao.kit.proxies import trusted_networks


def parse(url: str) -> Place:
    """Take *url* apart.

    Raises:
        FeedAddressInvalid: it is no address of a web server.
    """
    try:
        return addresses.parse(url)
    except addresses.AddressUnfit:
        raise FeedAddressInvalid from None


def refuse_private(place: Place) -> None:
    """Refuse at once what can be seen to be private without a resolver; the rest shows at a fetch.

    Raises:
        AddressPrivate: the host is an address that is not public, or this machine's own name.
    """
    if addresses.looks_private(place):
        raise AddressPrivate(host=place.host)


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
    networks = trusted_networks(allowed, "VAZAO_EVENTS_PRIVATE_NETWORKS")
    try:
        return await addresses.resolve(place, private=private, networks=networks)
    except addresses.NameUnresolved as error:
        raise FeedUnreachable(
            "The provider cannot be reached: its host name does not resolve."
        ) from error
    except addresses.NotPublic as error:
        raise FeedAddressForbidden(
            remedy="The provider redirects there. Use that address itself, or allow its network "
            "with VAZAO_EVENTS_PRIVATE_NETWORKS." if redirected else
            "If the address is meant to be private, add the provider on the command line, or allow "
            "its network with VAZAO_EVENTS_PRIVATE_NETWORKS.",
            address=error.address,
        ) from error
