"""Who asks without a credential: the organization ``public``, where the platform serves it.

Only routes whose ``opt`` says ``open=True`` beside a scope let it in, with that scope alone.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from litestar.connection import ASGIConnection

from vazao.kit.platform import PUBLIC, Platform, Principal
from vazao.kit.proxies import client_address, network_of
from vazao.kit.web import csrf


async def principal_of(
    connection: ASGIConnection[Any, Any, Any, Any], platform: Platform, scope: str
) -> Principal | None:
    """The public's principal with *scope*, or ``None`` where ``VAZAO_PUBLIC`` is off.

    ``None`` too for what a page of ours sends (it carries a CSRF value) after its session ended:
    a member's file must not become the public's.

    Raises:
        CsrfFailed: a browser says that a page of another site sends an unsafe request; that page
            could otherwise reach a platform that only its reader's network can.
    """
    if not platform.settings.serves_public or "x-csrf-token" in connection.headers:
        return None
    if connection.scope.get("method") not in csrf.SAFE_METHODS:
        csrf.check_origin(connection)
    if platform.public_id is None:
        async with platform.db.connection() as conn:
            platform.public_id = await platform.registry.organization_id(conn, PUBLIC)
    return Principal(
        organization_id=platform.public_id, organization=PUBLIC, kind="public", name=PUBLIC,
        scopes=frozenset({scope}),
        client=client_of(platform, client_address(connection, platform.settings)),
    )


def client_of(platform: Platform, address: str) -> int:
    """A number above 0 that stands for *address*, of IPv6 for its /64; it cannot be read back."""
    text = f"client\0{network_of(address)}".encode()
    digest = hmac.new(platform.secret, text, hashlib.sha256).digest()
    return (int.from_bytes(digest[:8]) >> 1) or 1
