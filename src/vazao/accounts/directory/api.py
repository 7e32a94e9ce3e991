"""JSON routes of the directory: users for other systems."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream

from vazao.accounts import names, taken
from vazao.accounts.directory import described, digests, importing, store, views
from vazao.accounts.errors import RangeInvalid, UserNotFound
from vazao.kit.cancelling import end_all
from vazao.kit.errors import detail
from vazao.kit.platform import Platform, Principal
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.pages import language_of
from vazao.kit.web.paging import (
    AGAIN,
    CursorInvalid,
    decode_cursor,
    encode_cursor,
    following,
    limit_of,
)
from vazao.kit.web.streaming import begun, body_of, kept_file

NO_STORE = {"Cache-Control": "no-store"}
HIGHEST = (1 << 63) - 1
EXPORTED_AT_ONCE = 20_000
START = ("0", -1)


def id_of(name: str, text: str | None, otherwise: int) -> int:
    """The id that a parameter says, or *otherwise*.

    Raises:
        RangeInvalid: it is none.
    """
    if not text:
        return otherwise
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= HIGHEST):
        raise RangeInvalid(details=[detail(name, text, f"0 to {HIGHEST}")])
    return int(text)


async def _page(
    platform: Platform, principal: Principal, size: int, after: str | None
) -> tuple[list[store.Shown], str | None]:
    """A page of the organization's users, and the cursor of the next."""
    behind = decode_cursor(after, "users", int)[0] if after else 0
    async with platform.db.connection() as conn:
        page = await store.users(conn, principal.organization_id, after=behind, limit=size)
    return page.items, following(page, lambda user: encode_cursor("users", user.id))


@get("/users", tags=["accounts"], operation_id="listUsersOld", summary="List users",
     opt=described.USERS)
async def list_old(
    platform: ThePlatform, principal: Asker, limit: FromQuery[str | None] = None,
    after: FromQuery[str | None] = None,
) -> Response[list[views.OldUserView]]:
    """The organization's users by id, as existing clients read them."""
    size = limit_of(limit)
    page, cursor = await _page(platform, principal, size, after)
    headers = dict(NO_STORE)
    if cursor is not None:
        headers["Link"] = f'</users?limit={size}&after={cursor}>; rel="next"'
    return Response([views.old_view(each) for each in page], headers=headers)


async def find(platform: Platform, organization_id: int, id: str) -> store.Shown:
    """A user of the organization.

    Raises:
        UserNotFound: it has none of that id.
    """
    wanted = names.user_id_of(id)
    async with platform.db.connection() as conn:
        found = (await store.some(conn, [wanted])).get(wanted)
    if found is None or found[0] != organization_id:
        raise UserNotFound
    return found[1]


@get("/user/{id:str}", tags=["accounts"], operation_id="getUserOld", summary="Show a user",
     opt=described.USER)
async def show_old(
    platform: ThePlatform, principal: Asker, id: FromPath[str]
) -> Response[views.OldUserView]:
    """One user, as existing clients read them."""
    user = await find(platform, principal.organization_id, id)
    return Response(views.old_view(user), headers=NO_STORE)


@get("/v1/users", tags=["accounts"], operation_id="listUsers", summary="List users",
     opt=described.LIST_USERS)
async def list_users(
    platform: ThePlatform, principal: Asker, limit: FromQuery[str | None] = None,
    after: FromQuery[str | None] = None,
) -> Response[views.UserPage]:
    """The organization's users by id."""
    page, cursor = await _page(platform, principal, limit_of(limit), after)
    made: views.UserPage = {"items": [views.user_view(each) for each in page], "next": cursor}
    return Response(made, headers=NO_STORE)


@get("/v1/users/{id:str}", tags=["accounts"], operation_id="getUser", summary="Show a user",
     opt=described.GET_USER)
async def show(
    platform: ThePlatform, principal: Asker, id: FromPath[str]
) -> Response[views.UserView]:
    """One user."""
    user = await find(platform, principal.organization_id, id)
    return Response(views.user_view(user), headers=NO_STORE)


@get("/v1/users/changes", tags=["accounts"], operation_id="listUserChanges",
     summary="Read the feed of changes", opt=described.CHANGES)
async def list_changes(
    platform: ThePlatform, principal: Asker, limit: FromQuery[str | None] = None,
    after: FromQuery[str | None] = None,
) -> Response[views.UserChanges]:
    """Every creation, change and deletion, in the order of their transactions."""
    size = limit_of(limit)
    place: Any = decode_cursor(after, views.FEED, str, int, unnamed=True) if after else START
    if not (place[0].isascii() and place[0].isdecimal() and len(place[0]) < 20):
        raise CursorInvalid(remedy=AGAIN)
    async with platform.db.connection() as conn:
        page = await store.changes(conn, principal.organization_id, after=place, limit=size)
    made: views.UserChanges = {
        "items": [views.change_view(each) for each in page.items],
        "next": views.place_of(page.items[-1]) if page.items else after,
    }
    return Response(made, headers=NO_STORE)


@get("/v1/users/digest", tags=["accounts"], operation_id="compareUsers",
     summary="Compare copies of the users", opt=described.COMPARE)
async def compare(
    platform: ThePlatform, principal: Asker,
    first: Annotated[str | None, QueryParameter(name="from")] = None,
    last: Annotated[str | None, QueryParameter(name="to")] = None,
) -> Response[views.Comparison]:
    """Count and digest of the users with ids from ``from`` to before ``to``."""
    begin, end = id_of("from", first, 0), id_of("to", last, -1)
    if end < 0:
        async with platform.db.connection() as conn:
            end = max(begin, (await store.bounds(conn, principal.organization_id))[1]) + 1
    if end <= begin:
        raise RangeInvalid
    found = await digests.compare(platform, principal.organization_id, begin, end)
    return Response(views.comparison_view(found, begin, end), headers=NO_STORE)


@get("/v1/users/export", tags=["accounts"], operation_id="exportUsers",
     summary="Export all users", opt=described.EXPORT)
async def export(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker,
    after: FromQuery[str | None] = None,
) -> Stream:
    """Every user by id as NDJSON; one that was cut off goes on behind its last line."""
    behind = id_of("after", after, 0)
    async with platform.db.connection() as conn:
        horizon = await store.horizon(conn)
    body = await begun(request, _lines(platform, principal.organization_id, behind))
    return kept_file(
        body, "application/x-ndjson", "users.ndjson",
        **{"Changes-Cursor": encode_cursor(views.FEED, horizon, -1)},
    )


async def _lines(
    platform: Platform, organization_id: int, after: int
) -> AsyncGenerator[bytes]:
    """Slice by slice, the next one read while one is sent: who reads slowly holds neither a
    connection nor a snapshot.
    """
    async def read(behind: int) -> tuple[str, int, int] | None:
        async with platform.db.connection(patient=True) as conn:
            return await store.lines(conn, organization_id, after=behind, limit=EXPORTED_AT_ONCE)

    reading = asyncio.create_task(read(after))
    try:
        while (found := await reading) is not None:
            reading = asyncio.create_task(read(found[2]))
            yield f"{found[0]}\n".encode()
    finally:
        await end_all([reading])


@post("/v1/users/import", tags=["accounts"], operation_id="importUsers",
      summary="Import users", opt=described.IMPORT, status_code=200, request_max_body_size=None)
async def import_users(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker
) -> Response[importing.Imported]:
    """Users as NDJSON, with the password hashes of another system; all good lines or none."""
    await taken.hold(platform, principal)
    file = await importing.spool(body_of(request), platform.settings.folder)
    with file:
        async with platform.turns.turn(principal.organization_id):
            made = await importing.run(
                platform, principal, file, language_of(request)
            )
    return Response(made, headers=NO_STORE)


ROUTES: list[Any] = [
    list_old, show_old, list_users, list_changes, compare, export, import_users, show,
]
