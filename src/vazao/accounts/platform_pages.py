"""HTML routes of the platform's admins: its organizations."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from vazao.accounts import errors, store, taken
from vazao.accounts.administration import service
from vazao.accounts.models import SIGN_IN_BYTES, actor_of
from vazao.accounts.pages import Asking, again_after, field, messages_of
from vazao.accounts.passwords import check_new, hash_new, hasher_of
from vazao.kit.errors import VazaoError
from vazao.kit.platform import Platform
from vazao.kit.web import sending
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.leaving import go_on
from vazao.kit.web.pages import page

PAGE = 50
FIELDS = ("slug", "name", "username", "password")
_WRONG = (
    errors.SlugInvalid, errors.SlugTaken, errors.NameInvalid, errors.UsernameInvalid,
    errors.UsernameTaken, errors.PasswordInvalid, errors.PasswordIsUsername, errors.SignInBusy,
    errors.NamesAskedTooOften,
)


async def _page(
    request: Asking, platform: Platform, *, error: VazaoError | None = None,
    typed: dict[str, str] | None = None,
) -> Response[str]:
    text = request.query_params.get("after", "")
    after = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    async with platform.db.connection() as conn:
        found = await store.list_organizations(conn, after=after, limit=PAGE + 1)
    return page(
        request, "accounts/organizations.html", status=error.status if error else 200,
        organizations=found[:PAGE], next=found[PAGE - 1].id if len(found) > PAGE else None,
        after=after, typed=typed or {}, messages=messages_of(request, error),
        headers=again_after(error),
    )


@get("/admin/organizations", opt={"admin": True}, include_in_schema=False)
async def show_organizations(
    request: Asking, platform: ThePlatform, principal: Asker
) -> Response[str]:
    """The platform's organizations, a page at a time, and the form for a new one."""
    principal.check_runs_platform()
    return await _page(request, platform)


@post("/admin/organizations", opt={"admin": True, "fields": (*FIELDS, "once")},
      include_in_schema=False, request_max_body_size=SIGN_IN_BYTES)
async def create_organization(
    request: Asking, platform: ThePlatform, principal: Asker
) -> Response[Any]:
    """An organization and its first admin (303), or the form again with what is wrong."""
    principal.check_runs_platform()
    typed = {name: await field(request, name) for name in FIELDS}
    password = typed.pop("password")
    typed = {name: value.strip() for name, value in typed.items()}
    actor, sent = actor_of(principal), await sending.key_of(request)
    async with platform.db.connection() as conn:
        await sending.look(conn, sent)
    try:
        check_new(password, typed["username"])
        async with taken.asking(platform, principal, username=typed["username"]):
            hashed = await hash_new(hasher_of(platform), password)
            async with platform.db.transaction() as conn:
                await sending.claim(conn, sent, "/admin/organizations")
                made = await service.create_organization(
                    conn, actor, principal.organization_id, typed["slug"], typed["name"]
                )
                await service.create_user(
                    conn, actor, made.id, typed["username"], password_hash=hashed,
                    roles=["admin"],
                )
    except _WRONG as error:
        return await _page(request, platform, error=error, typed=typed)
    return go_on(
        request, "/admin/organizations", "The organization {slug} was created. Its admin can sign "
        "in now.", slug=made.slug,
    )


ROUTES: list[Any] = [show_organizations, create_organization]
