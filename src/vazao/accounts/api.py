"""JSON routes of accounts: who am I, and sessions for API clients."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

import msgspec
from litestar import Request, Response, delete, get, post

from vazao.accounts import errors
from vazao.accounts import sign_in as signing
from vazao.accounts.models import SIGN_IN_BYTES
from vazao.kit import clock
from vazao.kit.proxies import client_address
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.openapi import JSON, NO_STORE, Answer, Body, Moment, says
from vazao.kit.web.parameters import json_of


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. ``kind`` is ``user`` or ``token``; ``user_id`` is null for a token."""

    organization: str
    kind: Literal["user", "token"]
    name: str
    user_id: int | None
    roles: list[str]
    scopes: list[str]


class NewSession(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What signs in."""

    username: str
    password: str
    ticket: Annotated[str | None, msgspec.Meta(
        description="What `503 sign_in_busy` gave: its holder goes before whoever came later."
    )] = None


class SessionToken(msgspec.Struct, frozen=True, kw_only=True):
    """A session token, to be sent as ``Authorization: Bearer``."""

    token: str
    expires_at: Moment


ANA = {
    "organization": "acme", "kind": "user", "name": "Ana", "user_id": 7, "roles": ["member"],
    "scopes": ["jobs:read", "leads:read"],
}


@get("/v1/me", tags=["accounts"], operation_id="getMe", summary="Show who asks", opt=says(
    Answer(about="Who asks.", kind=Me, example=ANA, headers=(NO_STORE,)), authenticated=True,
))
async def show_me(principal: Asker) -> Response[Me]:
    """The organization, roles and scopes of the credential that was sent."""
    me = Me(
        organization=principal.organization, kind=cast(Any, principal.kind), name=principal.name,
        user_id=principal.user_id, roles=sorted(principal.roles), scopes=sorted(principal.scopes),
    )
    return Response(me, headers={"Cache-Control": "no-store"})


@post(
    "/v1/sessions", tags=["accounts"], operation_id="createSession", summary="Sign in",
    request_max_body_size=SIGN_IN_BYTES, opt=says(
        Answer(about="A session's token.", kind=SessionToken, status=201, headers=(NO_STORE,),
               example={"token": "vs_…", "expires_at": "2026-12-09T08:00:00.000000Z"}),
        bodies=(Body(media=JSON, kind=NewSession,
                     example={"username": "ana", "password": "três pratos de trigo"}),),
        refuses=(errors.SignInRefused, errors.SignInTooOften, errors.SignInBusy), public=True,
    ),
)
async def create_session(
    request: Request[Any, Any, Any], platform: ThePlatform
) -> Response[SessionToken]:
    """Start a session; 401 whatever is wrong, 429 or 503 with ``Retry-After``."""
    data = await json_of(request, NewSession)
    place = signing.Place(
        client_address(request, platform.settings), request.headers.get("user-agent", "")
    )
    arrival = signing.arrive(platform, data.username, data.ticket)
    signed = await signing.sign_in(platform, arrival, data.password, place)
    return Response(
        SessionToken(token=signed.secret, expires_at=clock.stamp(signed.expires_at)),
        headers={"Cache-Control": "no-store"},
    )


@delete(
    "/v1/sessions/current", tags=["accounts"], operation_id="deleteSession", summary="Sign out",
    opt=says(Answer(about="It has ended.", status=204), refuses=(errors.SessionNotFound,),
             session=True),
)
async def delete_session(platform: ThePlatform, principal: Asker) -> None:
    """End the session whose token or cookie was sent."""
    await signing.end_session(platform, principal, principal.session_id or "")


ROUTES: list[Any] = [show_me, create_session, delete_session]
