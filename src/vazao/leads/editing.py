"""Single leads by hand, under the rules of an import: made, changed, deleted, restored, tagged.

Nothing here commits, and nothing here knows HTTP. *by* is the person or application that asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import AsyncConnection
from psycopg import errors as pg

from vazao.leads import store, suppressing
from vazao.leads.errors import EmailTaken, LeadInvalid, LeadNotFound
from vazao.leads.models import Lead

Connection = AsyncConnection[Any]


async def get_lead(conn: Connection, organization_id: int, id: str) -> Lead:
    """One lead.

    Raises:
        LeadNotFound: there is none by that id in this organization.
    """
    lead = await store.base.get(conn, organization_id, lead_id(id))
    if lead is None:
        raise LeadNotFound
    return lead


def lead_id(text: str) -> int:
    """The number behind a lead's public id."""
    if not _is_id(text):
        raise LeadNotFound
    return int(text)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


async def create_lead(
    conn: Connection, organization_id: int, fields: Mapping[str, Any], secrets: Sequence[bytes], *,
    by: str | None = None,
) -> Lead:
    """A new lead.

    Raises:
        LeadInvalid: a value is refused, with its place and remedy.
        EmailTaken: a lead has that e-mail.
        AddressSuppressed: someone who opted out left it.
    """
    clean = await _clean(conn, organization_id, {"email": None, **fields})
    if "custom" in clean:
        clean["custom"] = {k: v for k, v in clean["custom"].items() if v is not None}
    given = {f: v for f, v in clean.items() if v is not None}
    try:
        lead = await store.edits.insert(conn, organization_id, given)
    except pg.UniqueViolation as error:
        raise EmailTaken from error
    await suppressing.take(conn, organization_id, secrets, lead)
    await store.edits.record(conn, organization_id, [lead.id], "created", by, sorted(given))
    await _arrived(conn, organization_id, lead)
    return lead


async def _clean(
    conn: Connection, organization_id: int, fields: Mapping[str, Any]
) -> dict[str, Any]:
    from vazao.leads import validation

    clean = validation.clean_lead(fields, await store.base.custom_types(conn, organization_id))
    names = sorted(k for k, value in clean.get("custom", {}).items() if value is not None)
    await store.base.know_custom_fields(conn, organization_id, dict.fromkeys(names, "text"))
    return clean


async def problems(
    conn: Connection, organization_id: int, fields: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """All that is wrong with the fields of a lead, each looked at by itself: the details of
    :class:`LeadInvalid`, which tells of the first alone.
    """
    from vazao.leads import validation

    types = await store.base.custom_types(conn, organization_id)
    custom = fields.get("custom", {})
    each_alone = [{name: value} for name, value in fields.items() if name != "custom"]
    each_alone += [{"custom": {name: value}} for name, value in custom.items()]
    found: list[dict[str, Any]] = []
    for one in each_alone:
        try:
            validation.clean_lead(one, types)
        except LeadInvalid as error:
            found += error.details
    return found


async def _arrived(conn: Connection, organization_id: int, lead: Lead) -> None:
    await store.search.index(conn, organization_id, [lead.id])
    await store.base.raise_base(conn, organization_id, 1)


async def change_lead(
    conn: Connection, organization_id: int, id: str, fields: Mapping[str, Any],
    secrets: Sequence[bytes], *, by: str | None = None,
) -> Lead:
    """Set fields of one lead under the rules of an import; null clears.

    ``custom`` merges by key, and a null there removes the key. An opt-out never goes back.

    Raises:
        LeadInvalid: a value is refused, with its place and remedy.
        EmailTaken: another lead has that e-mail.
        AddressSuppressed: someone who opted out left it.
    """
    lead = await store.base.lock(conn, organization_id, lead_id(id))
    if lead is None:
        raise LeadNotFound
    clean = await _clean(conn, organization_id, fields)
    if "custom" in clean:
        merged = lead.custom | clean["custom"]
        if {k: v for k, v in merged.items() if v is not None} == lead.custom:
            del clean["custom"]
    if "opted_out" in clean:
        clean["opted_out"] = lead.opted_out or bool(clean["opted_out"])
    changed = {f: v for f, v in clean.items() if getattr(lead, f) != v}
    if not changed:
        return lead
    try:
        after = await store.base.update(conn, organization_id, lead.id, changed)
    except pg.UniqueViolation as error:
        raise EmailTaken from error
    if after is None:
        raise LeadNotFound
    await suppressing.move(conn, organization_id, secrets, lead, after)
    await store.edits.record(conn, organization_id, [lead.id], "changed", by, sorted(changed))
    await store.search.index(conn, organization_id, [lead.id])
    await store.base.raise_base(conn, organization_id, 0)
    return after


async def delete_lead(
    conn: Connection, organization_id: int, id: str, secrets: Sequence[bytes], *,
    by: str | None = None,
) -> None:
    """Remove one lead, which can be taken back for a while; one that had opted out leaves a keyed
    hash of its e-mail.
    """
    gone = await store.edits.delete(conn, organization_id, lead_id(id), by)
    if gone is None:
        raise LeadNotFound
    number, email, opted_out = gone
    if opted_out:
        await suppressing.leave(conn, organization_id, secrets, email)
    await store.edits.record(conn, organization_id, [number], "deleted", by)
    await store.search.forget(conn, organization_id, [number])
    await store.base.raise_base(conn, organization_id, -1)


async def restore_lead(
    conn: Connection, organization_id: int, id: str, secrets: Sequence[bytes], *,
    by: str | None = None,
) -> Lead:
    """Take a deletion back: the lead is what it was, under its own id.

    Raises:
        LeadNotFound: none by that id was deleted, or it is kept no longer.
        EmailTaken: another lead has its e-mail by now.
        AddressSuppressed: someone who opted out left it since.
    """
    try:
        lead = await store.edits.restore(conn, organization_id, lead_id(id))
    except pg.UniqueViolation as error:
        raise EmailTaken from error
    if lead is None:
        raise LeadNotFound
    await suppressing.take(conn, organization_id, secrets, lead)
    await store.edits.record(conn, organization_id, [lead.id], "restored", by)
    await _arrived(conn, organization_id, lead)
    return lead


async def tag_leads(
    conn: Connection, organization_id: int, ids: Sequence[str], *, add: Sequence[str] | str = (),
    remove: Sequence[str] | str = (), by: str | None = None,
) -> int:
    """Add tags to leads and take some away; how many leads were changed.

    Ids that are not there are passed over, and so is what can be no lead's id.

    Raises:
        LeadInvalid: a tag is too long, or there are too many.
    """
    from vazao.leads import validation

    more = validation.clean_lead({"tags": add})["tags"]
    less = validation.clean_lead({"tags": remove})["tags"]
    numbers = [int(id) for id in ids if _is_id(id)]
    changed = await store.edits.tag(
        conn, organization_id, numbers, add=[t for t in more if t not in less], remove=less
    )
    if changed:
        await store.edits.record(conn, organization_id, changed, "tagged", by, ["tags"])
        await store.search.index(conn, organization_id, sorted(changed))
        await store.base.raise_base(conn, organization_id, 0)
    return len(changed)
