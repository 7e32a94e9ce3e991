"""HTML of custom fields: name, type and order them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Request, Response, get, post

from vazao.kit.errors import VazaoError
from vazao.kit.platform import Platform, Principal
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.leaving import go_on
from vazao.kit.web.pages import language_of, page
from vazao.leads import declaring, store
from vazao.leads.columns import TEXTS, between_semicolons
from vazao.leads.errors import OptionInvalid

READ, WRITE = "leads:read", "leads:write"


@get("/leads/fields", opt={"scope": READ}, include_in_schema=False)
async def show_fields(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker
) -> Response[str]:
    """All custom fields in a form."""
    return await _show(request, platform, principal)


async def _show(
    request: Request[Any, Any, Any], platform: Platform, principal: Principal,
    error: VazaoError | None = None,
) -> Response[str]:
    async with platform.db.connection() as conn:
        found = await store.fields.listed(conn, principal.organization_id)
    return page(
        request, "leads/fields.html", status=error.status if error else 200, fields=found,
        types=TEXTS, messages=[("bad", error.message(language_of(request)))] if error else [],
    )


@post("/leads/fields", include_in_schema=False,
      opt={"scope": WRITE, "fields": ("label-*", "type-*", "options-*", "place-*")})
async def change(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker
) -> Response[Any]:
    """Set the labels, types and places that the form says."""
    form = {k: v for k, v in (await request.form()).items() if isinstance(v, str)}
    try:
        async with platform.db.transaction() as conn:
            for field in await store.fields.listed(conn, principal.organization_id):
                if f"label-{field.name}" not in form:
                    continue
                said = _said(form, field.name)
                if any(getattr(field, name) != value for name, value in said.items()):
                    await declaring.change_field(
                        conn, principal.organization_id, field.name, **said
                    )
    except VazaoError as error:
        return await _show(request, platform, principal, error)
    return go_on(request, "/leads/fields", "The custom fields were saved.")


def _said(form: Mapping[str, str], name: str) -> dict[str, Any]:
    """What a form says of one field."""
    return {
        "label": form[f"label-{name}"] or None, "type": form.get(f"type-{name}", "text"),
        "options": between_semicolons(form.get(f"options-{name}")) or None,
        "place": _place(form.get(f"place-{name}", "").strip()),
    }


def _place(said: str) -> int | None:
    """A place as somebody typed it.

    Raises:
        OptionInvalid: it is no number.
    """
    if said and not (said.isdecimal() and len(said) < 6):
        allowed = f"0-{declaring.PLACES}"
        raise OptionInvalid(name="place", value=said[:20], allowed=allowed)
    return int(said) if said else None


@post("/leads/fields/new", opt={"scope": WRITE, "fields": ("label", "type", "options")},
      include_in_schema=False)
async def create(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker
) -> Response[Any]:
    """Declare a custom field; its name is made of its label."""
    from vazao.leads import mapping

    form = await request.form()
    label = str(form.get("label", "")).strip()
    try:
        async with platform.db.transaction() as conn:
            await declaring.create_field(
                conn, principal.organization_id, mapping.slug(label), label=label,
                type=str(form.get("type", "text")),
                options=between_semicolons(str(form.get("options", ""))),
            )
    except VazaoError as error:
        return await _show(request, platform, principal, error)
    return go_on(request, "/leads/fields", "The custom field {name} was added.", name=label)


routes = [show_fields, change, create]
