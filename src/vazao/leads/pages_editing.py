"""HTML of leads by hand: make one, change it, delete it and take that back, tag several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery

from vazao.kit.errors import VazaoError
from vazao.kit.i18n import translate
from vazao.kit.platform import Platform, Principal
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.leaving import go_on
from vazao.kit.web.pages import language_of, page
from vazao.kit.web.paging import decode_cursor, encode_cursor, following
from vazao.leads import editing, erasing, store
from vazao.leads.columns import LABELS, PART_LABELS
from vazao.leads.errors import AddressSuppressed, EmailInvalid, EmailTaken, LeadInvalid
from vazao.leads.models import Lead
from vazao.leads.reasons import REASONS
from vazao.leads.settings import LeadSettings

READ, WRITE = "leads:read", "leads:write"
PAGE = 50
FIELDS: Final = tuple(name for name in LABELS if name not in PART_LABELS)
FORM: Final = (*FIELDS, "custom-*")


def _said(lead: Lead | None, field: str) -> str:
    """A field of a lead as a form shows it."""
    if lead is None:
        return ""
    if field.startswith("custom-"):
        value = lead.custom.get(field.removeprefix("custom-"))
        if isinstance(value, bool):
            return "true" if value else "false"
        return "" if value is None else str(value)
    value = getattr(lead, field)
    return ", ".join(value) if field == "tags" else value or ""


def _fields(given: Mapping[str, str], lead: Lead | None) -> dict[str, Any]:
    """The fields that a form changes; what it leaves as it was is not looked at."""
    fields: dict[str, Any] = {"opted_out": True} if given.get("opted_out") else {}
    custom: dict[str, Any] = {}
    for name, value in given.items():
        if name in ("csrf", "opted_out") or value.strip() == _said(lead, name):
            continue
        if name.startswith("custom-"):
            custom[name.removeprefix("custom-")] = value.strip() or None
        else:
            fields[name] = value.strip() or None
    return fields | ({"custom": custom} if custom else {})


async def _form_page(
    request: Request[Any, Any, Any], platform: Platform, principal: Principal, lead: Lead | None,
    *, given: Mapping[str, str] | None = None, error: VazaoError | None = None,
) -> Response[str]:
    language = language_of(request)
    wrong: dict[str, str] = {}
    async with platform.db.connection() as conn:
        own = await store.fields.listed(conn, principal.organization_id)
        if isinstance(error, LeadInvalid):
            found = await editing.problems(
                conn, principal.organization_id, {"email": None} | _fields(given or {}, lead)
                if lead is None else _fields(given or {}, lead)
            )
            wrong = {each["place"].replace("custom.", "custom-"): _reason(each, language)
                     for each in found or error.details}
    if isinstance(error, EmailTaken | AddressSuppressed):
        wrong["email"] = error.message(language)
    names = [*FIELDS, *(f"custom-{each.name}" for each in own)]
    values = {name: _said(lead, name) for name in names if name != "opted_out"} | dict(given or {})
    said = LeadInvalid().message(language) if len(wrong) > 1 and error else None
    return page(
        request, "leads/edit.html", status=error.status if error else 200, lead=lead,
        values=values, labels=LABELS, fields=[f for f in FIELDS if f != "opted_out"], own=own,
        wrong=wrong, 
        messages=[("bad", said or error.message(language))] if error else [],
    )


def _reason(problem: Mapping[str, Any], language: str) -> str:
    """Why a field is not valid, and what helps."""
    return " ".join(translate(text, language) for text in REASONS[problem["code"]])


async def _given(request: Request[Any, Any, Any]) -> dict[str, str]:
    return {k: v for k, v in (await request.form()).items() if isinstance(v, str)}


@get("/leads/new", opt={"scope": WRITE}, include_in_schema=False)
async def new(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker
) -> Response[str]:
    """A form for a new lead."""
    return await _form_page(request, platform, principal, None)


@post("/leads/new", opt={"scope": WRITE, "fields": FORM}, include_in_schema=False)
async def create(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker
) -> Response[Any]:
    """Make it."""
    given = await _given(request)
    try:
        async with platform.db.transaction() as conn:
            lead = await editing.create_lead(
                conn, principal.organization_id, _fields(given, None), platform.secrets,
                by=principal.name,
            )
    except VazaoError as error:
        return await _form_page(request, platform, principal, None, given=given, error=error)
    return go_on(request, f"/leads/{lead.id}", "The lead was created.")


@get("/leads/{lead_id:str}/edit", opt={"scope": WRITE}, include_in_schema=False)
async def edit(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker, lead_id: FromPath[str]
) -> Response[str]:
    """A form with a lead's fields."""
    async with platform.db.connection() as conn:
        lead = await editing.get_lead(conn, principal.organization_id, lead_id)
    return await _form_page(request, platform, principal, lead)


@post("/leads/{lead_id:str}/edit", opt={"scope": WRITE, "fields": FORM}, include_in_schema=False)
async def change(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker, lead_id: FromPath[str]
) -> Response[Any]:
    """Change what the form changes."""
    given = await _given(request)
    async with platform.db.connection() as conn:
        lead = await editing.get_lead(conn, principal.organization_id, lead_id)
    try:
        async with platform.db.transaction() as conn:
            await editing.change_lead(
                conn, principal.organization_id, lead_id, _fields(given, lead), platform.secrets,
                by=principal.name,
            )
    except VazaoError as error:
        return await _form_page(request, platform, principal, lead, given=given, error=error)
    return go_on(request, f"/leads/{lead.id}", "The lead was saved.")


@post("/leads/{lead_id:str}/delete", opt={"scope": WRITE, "back": "/leads/{lead_id}"},
      include_in_schema=False)
async def delete(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker, lead_id: FromPath[str]
) -> Response[None]:
    """Delete a lead; the page of deleted ones says how to take that back."""
    async with platform.db.transaction() as conn:
        await editing.delete_lead(
            conn, principal.organization_id, lead_id, platform.secrets, by=principal.name
        )
    return go_on(request, "/leads/deleted", "The lead was deleted; it can be restored here.")


@get("/leads/purge", opt={"scope": WRITE, "admin": True}, include_in_schema=False)
async def show_purge(request: Request[Any, Any, Any]) -> Response[str]:
    """Where an administrator names a person who asked to be forgotten."""
    return page(request, "leads/erase.html", email="", sure=False, lead=None, messages=[])


@post("/leads/purge", opt={"scope": WRITE, "fields": ("email", "sure")}, include_in_schema=False)
async def purge(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker
) -> Response[Any]:
    """First name the address and what goes with it; once that is confirmed, erase the person. The
    job's page says how far it is.
    """
    given = await _given(request)
    email = given.get("email", "")
    try:
        known = erasing.permitted(principal, email)
        if given.get("sure") == "yes":
            job = await erasing.ask(
                platform, principal, email, request.scope["state"].get("request_id")
            )
            return go_on(request, f"/jobs/{job.token}", "The erasure was started.")
    except EmailInvalid as error:
        return page(
            request, "leads/erase.html", status=error.status, email=email, sure=False, lead=None,
            messages=[("bad", error.message(language_of(request)))],
        )
    async with platform.db.connection() as conn:
        lead = await store.base.find(conn, principal.organization_id, known)
    return page(
        request, "leads/erase.html", email=known, sure=True, lead=lead, messages=[],
        days=erasing.STOPPED_KEPT.days,
    )


@get("/leads/deleted", opt={"scope": READ}, include_in_schema=False)
async def deleted(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker,
    after: FromQuery[str | None] = None,
) -> Response[str]:
    """Leads whose deletion can be taken back."""
    before = decode_cursor(after, "leads.deleted", int)[0] if after else None
    async with platform.db.connection() as conn:
        found = await store.edits.deleted(
            conn, principal.organization_id, before=before, limit=PAGE
        )
    return page(
        request, "leads/deleted.html", leads=found.items,
        after=after, days=platform.settings.of(LeadSettings).deleted_kept_days,
        next=following(found, lambda each: encode_cursor("leads.deleted", each.lead_id)),
    )


@post("/leads/{lead_id:str}/restore", opt={"scope": WRITE, "back": "/leads/deleted"},
      include_in_schema=False)
async def restore(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker, lead_id: FromPath[str]
) -> Response[Any]:
    """Take a deletion back."""
    async with platform.db.transaction() as conn:
        lead = await editing.restore_lead(
            conn, principal.organization_id, lead_id, platform.secrets, by=principal.name
        )
    return go_on(request, f"/leads/{lead.id}", "The lead was restored.")


@post("/leads/tags", opt={"scope": WRITE, "fields": ("lead", "tags", "do", "back")},
      include_in_schema=False)
async def tag(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker
) -> Response[None]:
    """Add a tag to the leads that were ticked, or take it away."""
    form = await request.form()
    tags, taken = str(form.get("tags", "")), form.get("do") == "remove"
    async with platform.db.transaction() as conn:
        await editing.tag_leads(
            conn, principal.organization_id, [str(id) for id in form.getall("lead", [])],
            add="" if taken else tags, remove=tags if taken else "", by=principal.name,
        )
    back = str(form.get("back", ""))
    return go_on(
        request, f"/leads?{back}" if back else "/leads",
        "The tags were removed." if taken else "The tags were added.",
    )


routes = [new, create, edit, change, delete, show_purge, purge, deleted, restore, tag]
