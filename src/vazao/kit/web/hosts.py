"""By which names this server may be asked (``VAZAO_HOSTS``), and that browsers insist on TLS.

A ``Host`` that nobody chose comes from a foreign name that points here (DNS rebinding), or from a
cache that is to be poisoned. Probes are excepted, since balancers ask by address: a route says so
with ``anyhost=True`` in its ``opt``.
"""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.types import Scope

from vazao.kit.errors import VazaoError
from vazao.kit.proxies import is_https
from vazao.kit.settings import Settings

Connection = ASGIConnection[Any, Any, Any, Any]


class HostUnknown(VazaoError):
    """This server does not answer for the host of this request."""

    code = "host_unknown"
    status = 421


def check(connection: Connection, settings: Settings) -> None:
    """Hold the request's host to the list.

    Raises:
        HostUnknown: it is not on it.
    """
    if settings.hosts and not allowed(connection.headers.get("host", ""), settings.hosts):
        raise HostUnknown(
            remedy="Use the address you were given. Operators list the names in VAZAO_HOSTS."
        )


def allowed(host: str, names: str) -> bool:
    """Whether *host* is one of *names*, whatever the ports."""
    asked = _name(host)
    for entry in map(_name, names.split(",")):
        if entry == asked or (entry.startswith("*.") and asked.endswith(entry[1:])):
            return bool(entry)
    return False


def _name(text: str) -> str:
    """A host without its port; an address of IPv6 keeps its brackets."""
    name, bracket, _ = text.strip().lower().partition("]")
    return name + bracket if bracket else name.partition(":")[0]


def transport_header(scope: Scope, settings: Settings) -> dict[str, str]:
    """The header that makes browsers insist on TLS, where the client speaks it already."""
    if not settings.hsts_seconds or not is_https(ASGIConnection(scope), settings):
        return {}
    return {"Strict-Transport-Security": f"max-age={settings.hsts_seconds}"}


def address_of(connection: Connection, settings: Settings) -> str:
    """The address by which this request reached us, for lines that people copy."""
    scheme = "https" if is_https(connection, settings) else "http"
    return f"{scheme}://{connection.headers.get('host', '')}"
