"""Custom fields, declared by hand: their types, labels and order. Nothing here commits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from psycopg import AsyncConnection

from vazao.leads import store
from vazao.leads.errors import (
    ChoiceInvalid,
    FieldNotFound,
    FieldTaken,
    MappingCustomName,
    OptionInvalid,
)
from vazao.leads.models import CHOICE, Field

Connection = AsyncConnection[Any]
FIELD_TYPES: Final = ("text", "integer", "number", "date", "boolean", CHOICE)
OPTIONS_LIMIT: Final = 200
LABEL_LIMIT: Final = 100
PLACES: Final = 10_000


async def declare_field(
    conn: Connection, organization_id: int, name: str, type: str,
    options: Sequence[str] | None = None,
) -> None:
    """Declare a custom field's type; it holds for values that come from then on.

    Args:
        options: the values that a choice may have.

    Raises:
        MappingCustomName: the name is none that a custom field can have.
        OptionInvalid: there is no such type, or these can be no options.
    """
    from vazao.leads.mapping import CUSTOM_NAME

    if not CUSTOM_NAME.fullmatch(name):
        raise MappingCustomName(
            "{field} is not a name for a custom field.",
            remedy="Write a letter a-z, then letters a-z, digits or _, at most 63 in all.",
            field=name[:80],
        )
    checked = options_of(type, options)
    await store.base.declare_custom_field(conn, organization_id, name, type, checked)
    await store.base.raise_base(conn, organization_id, 0)


def options_of(type: str, options: Sequence[str] | None) -> list[str] | None:
    """The options of a field of that *type*, tidied, each once; ``None`` unless it is a choice.

    Raises:
        OptionInvalid: there is no such type.
        ChoiceInvalid: a choice has no options, too many, or one that is too long.
    """
    if type not in FIELD_TYPES:
        raise OptionInvalid(name="type", value=type[:40], allowed=", ".join(FIELD_TYPES))
    if type != CHOICE:
        return None
    from vazao.leads.mapping import folded

    tidied = [" ".join(each.replace("\0", "").split()) for each in options or ()]
    kept = list({key: each for each in reversed(tidied) if (key := folded(each))}.values())[::-1]
    if not 0 < len(kept) <= OPTIONS_LIMIT or any(len(each) > LABEL_LIMIT for each in kept):
        raise ChoiceInvalid
    return kept


async def create_field(
    conn: Connection, organization_id: int, name: str, *, type: str = "text",
    label: str | None = None, options: Sequence[str] | None = None,
) -> Field:
    """A new custom field; raises as `declare_field`.

    Raises:
        FieldTaken: there is one of that name.
        TooManyCustomFields: there are as many as there may be.
    """
    if await store.fields.get(conn, organization_id, name) is not None:
        raise FieldTaken
    await store.base.room_for_custom_fields(conn, organization_id, {name: type})
    await declare_field(conn, organization_id, name, type, options)
    return await change_field(conn, organization_id, name, label=label)


async def change_field(
    conn: Connection, organization_id: int, name: str, **given: Any
) -> Field:
    """Set the label, type, options or place of a custom field.

    Raises:
        FieldNotFound: there is none of that name.
        OptionInvalid: there is no such type or place, or the label is too long.
    """
    field = await store.fields.get(conn, organization_id, name)
    if field is None:
        raise FieldNotFound
    changed = msgspec.structs.replace(field, **given)
    options = options_of(changed.type, changed.options)
    changed = msgspec.structs.replace(changed, options=options)
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
    if (after.type, after.options) != (field.type, field.options):
        await store.base.raise_base(conn, organization_id, 0)
    return after
