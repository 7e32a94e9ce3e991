"""Leads and their imports as frozen structs: one lead, one import, its outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from vazao.sheets import Choices, Note

Mode = Literal["upsert", "create", "update"]
Empty = Literal["keep", "clear"]

IMPORT_FINISHED = "import.finished"
"""What is told through the outbox when an import ends."""
CHOICE = "choice"
"""The type of a custom field that holds one of several values."""
SORTED_BY = (
    "name", "email", "phone", "company", "job_title", "city", "state", "country", "website",
)
SORTS = ("newest", "updated", *SORTED_BY, *(f"-{field}" for field in SORTED_BY))
"""Orders of a list of leads; a minus sorts downwards."""


class Lead(msgspec.Struct, frozen=True, kw_only=True):
    """A lead as it is stored; ``custom`` holds text unless the organization declared a type."""

    id: int
    email: str
    name: str | None = None
    phone: str | None = None
    company: str | None = None
    job_title: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    website: str | None = None
    legal_basis: str | None = None
    tags: list[str] = []
    custom: dict[str, Any] = {}
    opted_out: bool = False
    created_at: datetime
    updated_at: datetime


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a sheet is to be taken in; ``mapping`` None means automatic from the headers.

    ``types`` are those of custom fields that the sheet is the first to bring.
    """

    mode: Mode = "upsert"
    empty: Empty = "keep"
    sheet: str | None = None
    header_row: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    mapping: dict[str, str | None] | None = None
    strict: bool = False
    dry_run: bool = False
    types: dict[str, str] | None = None


class Outcomes(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the rows; at the end of a finished import they add up to all of them."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicates: int = 0
    rejected: int = 0

    @property
    def total(self) -> int:
        """How many rows have an outcome."""
        return self.created + self.updated + self.unchanged + self.duplicates + self.rejected


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """An import: lives as long as its record; ``staging`` only between reading and its end.

    ``rows_staged`` is how many valid rows wait in staging; ``rows_warned`` of them came with a
    value left out; ``token`` is the public id. ``types`` are those of custom fields when the sheet
    was read, ``new_types`` those given to fields that it is the first to bring. ``applies`` is the
    trial whose rows this import takes in, ``trial`` its public id and ``expected`` its outcomes;
    ``applied`` is the public id of the import that took this trial's.
    """

    id: int
    token: str
    organization_id: int
    upload: str
    filename: str
    mode: Mode
    empty: Empty
    sheet: str | None
    header_row: str | None
    delimiter: str | None
    encoding: str | None
    mapping: dict[str, str | None] | None
    strict: bool
    dry_run: bool
    undone: bool
    headers: list[str] | None
    notes: list[Note]
    staging: str | None
    rows_total: int | None
    rows_staged: int | None
    rows_refused: int | None
    rows_warned: int | None
    left_out: bool
    types: dict[str, str] | None
    new_types: dict[str, str] | None
    applies: int | None
    applied_by: int | None
    sheet_gone: str | None
    digest: bytes | None
    base_version: int | None
    round: int
    created: int
    updated: int
    unchanged: int
    duplicates: int
    rejected: int
    requested_by: str | None
    requested_at: datetime
    expected: dict[str, int] | None
    trial: str | None
    applied: str | None

    @property
    def email_header(self) -> str | None:
        """The column that holds the e-mails."""
        return next((h for h, f in (self.mapping or {}).items() if f == "email"), None)

    @property
    def choices(self) -> Choices:
        """How its sheet is to be read, as far as somebody has said it."""
        return Choices(
            sheet=self.sheet, header_row=self.header_row, delimiter=self.delimiter,
            encoding=self.encoding,
        )

    @property
    def outcomes(self) -> Outcomes:
        """The five outcomes so far."""
        return Outcomes(
            created=self.created, updated=self.updated, unchanged=self.unchanged,
            duplicates=self.duplicates, rejected=self.rejected,
        )


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """An organization's base: ``version`` is raised by every change, ``leads`` counts them.

    ``facets`` were counted at ``facets_version``.
    """

    version: int
    leads: int
    facets: dict[str, Any] | None
    facets_version: int | None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the feed: what happened to a lead in transaction ``xid``, and the lead now.

    ``lead`` is ``None`` where it is gone.
    """

    xid: str
    lead_id: int
    deleted: bool
    changed_at: datetime
    lead: Lead | None


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What a trial would do to a lead: its staged fields before (none where it would be made) and
    after; ``row`` is that of the sheet which speaks last.
    """

    email: str
    row: int
    lead_id: int | None
    before: dict[str, Any] | None
    after: dict[str, Any]


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """A lead that was deleted, and can be restored."""

    lead_id: int
    email: str
    name: str | None
    deleted_by: str | None
    deleted_at: datetime


def choice_of(options: Sequence[str]) -> str:
    """How the type of a choice among *options* is written where a type is one word."""
    return "\n".join([CHOICE, *options])


def options_in(kind: str) -> list[str] | None:
    """The options of a type as :func:`choice_of` writes it; ``None`` where it is another."""
    name, *options = kind.split("\n")
    return options if name == CHOICE else None


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A custom field; ``place`` orders those that have one before the others, ``options`` are the
    values that a choice may have.
    """

    name: str
    label: str | None
    type: str
    options: list[str] | None
    place: int | None


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """Something that became of a lead: by hand (``fields`` says which were changed), or by an
    import (``import_`` is its public id).
    """

    at: datetime
    what: str
    by: str | None
    fields: list[str]
    import_: str | None = msgspec.field(name="import")
    filename: str | None


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """What merging one slice did: leads made and changed, and the sheet's rows it held."""

    created: int
    updated: int
    rows: int
