"""Custom fields, declared by hand: their types, labels and order. Nothing here commits."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from psycopg import AsyncConnection

from vazao.leads import store
from vazao.leads.errors import FieldNotFound, FieldTaken, MappingCustomName, OptionInvalid
from vazao.leads.models import Field

Connection = AsyncConnection[Any]
FIELD_TYPES: Final = ("text", "integer", "number", "date", "boolean")
LABEL_LIMIT: Final = 100
PLACES: Final = 10_000


async def declare_field(conn: Connection, organization_id: int, name: str, type: str) -> None:
    """Declare a custom field's type; it holds for values that come from then on.

    Raises:
        MappingCustomName: the name is none that a custom field can have.
        OptionInvalid: there is no such type.
    """
    from vazao.leads.mapping import CUSTOM_NAME

    if not CUSTOM_NAME.fullmatch(name):
        raise MappingCustomName(
            "{field} is not a name for a custom field.",
            remedy="Write a letter a-z, then letters a-z, digits or _, at most 63 in all.",
            field=name[:80],
        )
    _check_type(type)
    await store.base.declare_custom_field(conn, organization_id, name, type)
    await store.base.raise_base(conn, organization_id, 0)


def _check_type(type: str) -> None:
    if type not in FIELD_TYPES:
        raise OptionInvalid(name="type", value=type[:40], allowed=", ".join(FIELD_TYPES))


async def create_field(
    conn: Connection, organization_id: int, name: str, *, type: str = "text",
    label: str | None = None,
) -> Field:
    """A new custom field; raises as `declare_field`.

    Raises:
        FieldTaken: there is one of that name.
        TooManyCustomFields: there are as many as there may be.
    """
    if await store.fields.get(conn, organization_id, name) is not None:
        raise FieldTaken
    await store.base.room_for_custom_fields(conn, organization_id, {name: type})
    await declare_field(conn, organization_id, name, type)
    return await change_field(conn, organization_id, name, label=label)


async def change_field(
    conn: Connection, organization_id: int, name: str, **given: Any
) -> Field:
    """Set the label, type or place of a custom field.

    Raises:
        FieldNotFound: there is none of that name.
        OptionInvalid: there is no such type or place, or the label is too long.
    """
    field = await store.fields.get(conn, organization_id, name)
    if field is None:
        raise FieldNotFound
    changed = msgspec.structs.replace(field, **given)
    _check_type(changed.type)
    if changed.label is not None:
        changed = msgspec.structs.replace(changed, label=changed.label.strip() or None)
    if len(changed.label or "") > LABEL_LIMIT or "\0" in (changed.label or ""):
        raise OptionInvalid(name="label", value=(changed.label or "")[:40], allowed="1-100")
    if changed.place is not None and not 0 <= changed.place <= PLACES:
        raise OptionInvalid(name="place", value=str(changed.place)[:20], allowed=f"0-{PLACES}")
    if changed == field:
        return field
    after = await store.fields.update(conn, organization_id, changed)
    if after is None:
        raise FieldNotFound
    if after.type != field.type:
        await store.base.raise_base(conn, organization_id, 0)
    return after
