"""JSON routes of accounts: who am I, and sessions for API clients."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.params import JSONBody

from vazao.accounts import sign_in as signing
from vazao.accounts.models import SIGN_IN_BYTES
from vazao.kit.proxies import client_address
from vazao.kit.web.frame import Asker, ThePlatform


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. ``kind`` is ``user`` or ``token``; ``user_id`` is null for a token."""

    organization: str
    kind: str
    name: str
    user_id: int | None
    roles: list[str]
    scopes: list[str]


class NewSession(msgspec.Struct, frozen=True, kw_only=True):
    """What signs in."""

    username: str
    password: str


class SessionToken(msgspec.Struct, frozen=True, kw_only=True):
    """A session token, to be sent as ``Authorization: Bearer``."""

    token: str
    expires_at: datetime


@get("/v1/me", opt={"authenticated": True}, tags=["accounts"], summary="Who am I")
async def show_me(principal: Asker) -> Response[Me]:
    """The organization, roles and scopes of the credential that was sent."""
    me = Me(
        organization=principal.organization, kind=principal.kind, name=principal.name,
        user_id=principal.user_id, roles=sorted(principal.roles), scopes=sorted(principal.scopes),
    )
    return Response(me, headers={"Cache-Control": "no-store"})


@post(
    "/v1/sessions", opt={"public": True}, tags=["accounts"], summary="Sign in as an API client",
    request_max_body_size=SIGN_IN_BYTES,
)
async def create_session(
    request: Request[Any, Any, Any], platform: ThePlatform, data: JSONBody[NewSession]
) -> Response[SessionToken]:
    """Start a session; 401 whatever is wrong, 429 or 503 with ``Retry-After``."""
    place = signing.Place(
        client_address(request, platform.settings), request.headers.get("user-agent", "")
    )
    signed = await signing.sign_in(platform, data.username, data.password, place)
    return Response(
        SessionToken(token=signed.secret, expires_at=signed.expires_at),
        headers={"Cache-Control": "no-store"},
    )


@delete(
    "/v1/sessions/current", opt={"session": True}, tags=["accounts"], summary="Sign out"
)
async def delete_session(platform: ThePlatform, principal: Asker) -> None:
    """End the session whose token or cookie was sent."""
    await signing.end_session(platform, principal, principal.session_id or "")


ROUTES: list[Any] = [show_me, create_session, delete_session]
