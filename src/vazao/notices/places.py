"""Where webhooks may lead: https, to public addresses; others where the operator allows them."""

from __future__ import annotations

from ipaddress import ip_network

from vazao.kit import addresses
from vazao.kit.addresses import Network, NotPublic, Place
from vazao.kit.proxies import trusted_networks
from vazao.notices.errors import WebhookAddressInvalid, WebhookAddressPrivate
from vazao.notices.settings import NoticeSettings

SETTING = "VAZAO_NOTICES_PRIVATE_NETWORKS"
NEVER = (ip_network("169.254.0.0/16"), ip_network("fe80::/10"), ip_network("fd00:ec2::/32"))
"""Link-local addresses, at which clouds hand out a machine's credentials."""


def allowed(settings: NoticeSettings) -> tuple[Network, ...]:
    """The private networks that webhooks may lead to."""
    return trusted_networks(settings.private_networks, SETTING)


def parse(url: str, settings: NoticeSettings) -> Place:
    """Take *url* apart, and refuse at once what can be seen to be wrong.

    Raises:
        WebhookAddressInvalid: it is no address that webhooks may have.
        WebhookAddressPrivate: it is not public.
    """
    try:
        place = addresses.parse(url)
    except addresses.AddressUnfit:
        raise WebhookAddressInvalid from None
    if place.user is not None or (place.scheme != "https" and not _is_own(place, settings)):
        raise WebhookAddressInvalid
    address = addresses.address_of(place.host)
    if addresses.looks_private(place, allowed(settings)) or (
        address is not None and addresses.within(address, NEVER)
    ):
        raise WebhookAddressPrivate(
            host=place.host, remedy="The operator can allow private networks with "
            "VAZAO_NOTICES_PRIVATE_NETWORKS.",
        )
    return place


def _is_own(place: Place, settings: NoticeSettings) -> bool:
    """Whether it is an address of this machine, written as one, that the operator allows."""
    address = addresses.address_of(place.host)
    return address is not None and address.is_loopback and addresses.within(
        address, allowed(settings)
    )


async def resolve(place: Place, settings: NoticeSettings) -> str:
    """The address to connect to.

    Raises:
        NotPublic: none that the name stands for may be used.
        NameUnresolved: it stands for none.
    """
    found = await addresses.resolve(place, networks=allowed(settings))
    address = addresses.address_of(found.partition("%")[0])
    if address is None or addresses.within(address, NEVER):
        raise NotPublic(found)
    return found
