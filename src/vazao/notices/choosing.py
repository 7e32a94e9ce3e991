"""The page on which people choose what they are told by e-mail."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post

from vazao.kit.platform import Platform, Principal
from vazao.kit.registry import NoticeType, Person
from vazao.kit.sql import Conn
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.leaving import go_on
from vazao.kit.web.pages import page
from vazao.notices import service, store

HERE = "/account/notices"
Asking = Request[Any, Any, Any]


def _types(platform: Platform, principal: Principal) -> list[NoticeType]:
    """What somebody may be told."""
    person = Person(
        principal.user_id or 0, "", "", None, principal.scopes, "admin" in principal.roles
    )
    known = service.types_for(platform, principal.organization).values()
    return [each for each in known if each.is_for(person)]


async def _reached(conn: Conn, platform: Platform, principal: Principal) -> bool:
    """Whether there is an address to write to."""
    people, id = platform.registry.people, principal.user_id or 0
    return people is not None and id in await people.by_ids(
        conn, principal.organization_id, [id]
    )


@get(HERE, opt={"session": True}, include_in_schema=False)
async def show_notices(
    request: Asking, platform: ThePlatform, principal: Asker
) -> Response[str]:
    """What one is told by e-mail."""
    async with platform.db.connection() as conn:
        chosen = await store.mail.choices(conn, principal.user_id or 0)
        outcome, mailed_at = await store.mail.last(conn, principal.user_id or 0)
        reached = await _reached(conn, platform, principal)
    types = [(each, chosen.get(each.name, each.unasked)) for each in _types(platform, principal)]
    return page(
        request, "notices/choices.html", types=types, reached=reached, outcome=outcome,
        mailed_at=mailed_at, sends=bool(platform.settings.smtp_url),
    )


@post(HERE, opt={"session": True, "fields": ("events",)}, include_in_schema=False)
async def choose_notices(
    request: Asking, platform: ThePlatform, principal: Asker
) -> Response[Any]:
    """Keep what one chose (303)."""
    wanted = {str(each) for each in (await request.form()).getall("events", [])}
    async with platform.db.transaction() as conn:
        for each in _types(platform, principal):
            await service.choose(
                conn, principal.organization_id, principal.user_id or 0, each.name,
                each.name in wanted,
            )
    return go_on(request, HERE, "Your choice was saved.")


routes: list[Any] = [show_notices, choose_notices]
