"""Who really asks, through proxies that are trusted and through those that are not."""

from __future__ import annotations

import pytest
from litestar.testing import RequestFactory

from vazao.kit.errors import ConfigurationError
from vazao.kit.proxies import client_address, is_https, trusted_networks
from vazao.kit.settings import Settings

SETTINGS = Settings(trusted_proxies="10.0.0.0/8, fd00::/8")


def asking(peer: str | None, **headers: str):
    request = RequestFactory().get(headers={k.replace("_", "-"): v for k, v in headers.items()})
    request.scope["client"] = (peer, 1) if peer is not None else None
    request.scope["scheme"] = "http"
    return request


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("10.1.1.1", "198.51.100.7", "198.51.100.7"),
        ("10.1.1.1", "6.6.6.6, 198.51.100.7", "198.51.100.7"),
        ("10.1.1.1", "6.6.6.6, 198.51.100.7, 10.2.2.2", "198.51.100.7"),
        ("10.1.1.1", "10.3.3.3, 10.2.2.2", "10.3.3.3"),
        ("10.1.1.1", "junk, 10.2.2.2", "10.2.2.2"),
        ("10.1.1.1", "", "10.1.1.1"),
        ("10.1.1.1", "198.51.100.7:51234", "198.51.100.7"),
        ("10.1.1.1", "[2001:db8::9]:443, 10.2.2.2:80", "2001:db8::9"),
        ("10.1.1.1", "[2001:db8::9]", "2001:db8::9"), ("10.1.1.1", "fe80::1%eth0", "fe80::1"),
        ("fe80::2%eth0", "", "fe80::2"),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        ("::ffff:10.1.1.1", "198.51.100.7", "198.51.100.7"),
        ("testclient", "198.51.100.7", ""),
        (None, "198.51.100.7", ""),
    ],
)
def test_the_address(peer: str | None, forwarded: str, expected: str) -> None:
    assert client_address(asking(peer, x_forwarded_for=forwarded), SETTINGS) == expected


def test_tls_is_believed_of_trusted_proxies_only() -> None:
    assert is_https(asking("10.1.1.1", x_forwarded_proto="https"), SETTINGS)
    assert is_https(asking("10.1.1.1", x_forwarded_proto="https, http"), SETTINGS)
    assert not is_https(asking("10.1.1.1", x_forwarded_proto="http,https"), SETTINGS)
    assert not is_https(asking("10.1.1.1", x_forwarded_proto="http"), SETTINGS)
    assert not is_https(asking("192.0.2.1", x_forwarded_proto="https"), SETTINGS)
    assert not is_https(asking("10.1.1.1", x_forwarded_proto="https"), Settings())


def test_what_is_no_network() -> None:
    assert trusted_networks(" , ") == ()
    with pytest.raises(ConfigurationError, match="VAZAO_TRUSTED_PROXIES"):
        trusted_networks("10.0.0.0/8, proxy.local")
