"""Leads and imports as JSON: the shapes that the API answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict, cast

import msgspec

from vazao.jobs import JobView
from vazao.kit import clock
from vazao.kit.web.openapi import Count, Moment
from vazao.leads.models import Deleted, Difference, Empty, Happening, Lead, Mode


class LeadView(TypedDict):
    """A lead; ``custom`` holds text unless the organization declared a type."""

    id: str
    email: str
    name: str | None
    phone: str | None
    company: str | None
    job_title: str | None
    city: str | None
    state: str | None
    country: str | None
    website: str | None
    legal_basis: str | None
    tags: list[str]
    custom: dict[str, Any]
    opted_out: bool
    created_at: Moment
    updated_at: Moment


class LeadPage(TypedDict):
    """A page of leads; ``next`` is null exactly where nothing follows.

    ``count`` says how many there are on all pages, at most 10,000 where ``count_exact`` is
    false; both are null on later pages and with ``updated_since``.
    """

    items: list[LeadView]
    next: str | None
    count: int | None
    count_exact: bool | None


class LeadChange(TypedDict):
    """A lead as it stands after a change; ``lead`` is null where it was deleted."""

    id: str
    deleted: bool
    changed_at: Moment
    lead: LeadView | None


class LeadChanges(TypedDict):
    """A piece of the feed; ask again with ``next``, for ever."""

    items: list[LeadChange]
    next: Annotated[
        str | None,
        msgspec.Meta(description="Where to go on, now or later: a feed has no end. Null only "
                                 "before the first change of all."),
    ]


class FacetValue(TypedDict):
    """A value and how many leads have it."""

    value: str
    leads: Count


class Facets(TypedDict):
    """The size of the base and its commonest values."""

    leads: Count
    approximate: Annotated[bool, msgspec.Meta(description="Scaled up from a sample.")]
    facets: Annotated[
        dict[str, list[FacetValue]], msgspec.Meta(description="By `city`, `state`, `tag`.")
    ]


class PersonFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to erase."""

    email: str


class LeadFields(TypedDict, total=False):
    """Fields to set; null clears. ``custom`` merges by key, and a null there removes the key."""

    email: str
    name: str | None
    phone: str | None
    company: str | None
    job_title: str | None
    city: str | None
    state: str | None
    country: str | None
    website: str | None
    legal_basis: str | None
    tags: Annotated[
        list[str] | str | None, msgspec.Meta(description="A list, or a text to be split.")
    ]
    custom: dict[str, str | float | bool | None]
    opted_out: Annotated[bool | None, msgspec.Meta(description="Never goes back to false.")]


class ImportView(JobView):
    """An import: the fields of all long work, and what became of the rows."""

    undone: bool
    filename: str
    mode: Mode
    empty: Empty
    sheet: str | None
    header_row: str | None
    delimiter: str | None
    encoding: str | None
    strict: bool
    dry_run: bool
    mapping: dict[str, str | None] | None
    notes: list[str]
    created: Count
    updated: Count
    unchanged: Count
    duplicates: Annotated[
        Count, msgspec.Meta(description="Rows whose e-mail stands again in a later row of the "
                                        "sheet: that row's filled cells win.")
    ]
    rejected: Count
    warnings: Count
    trial: Annotated[
        str | None, msgspec.Meta(description="The dry run whose rows this import took in.")
    ]
    applied: Annotated[
        str | None, msgspec.Meta(description="The import that took in this dry run's rows.")
    ]
    drift: Annotated[
        dict[str, int] | None,
        msgspec.Meta(description="By how much each outcome differs from the dry run's, where it "
                                 "does: empty where the base has not moved since."),
    ]
    rows_unprocessed: NotRequired[Count]
    rows_per_second: Count | None


class ImportPage(TypedDict):
    """A page of imports; ``next`` is null exactly where nothing follows."""

    items: list[ImportView]
    next: str | None


class DifferenceView(TypedDict):
    """What a dry run would do to a lead: the fields that differ; of a new one, those it gets."""

    email: str
    row: Annotated[int, msgspec.Meta(description="The row of the sheet that speaks last.")]
    lead_id: str | None
    outcome: Literal["created", "updated"]
    before: dict[str, Any]
    after: dict[str, Any]


class DifferencePage(TypedDict):
    """A page of differences by e-mail; ``next`` is null exactly where nothing follows."""

    items: list[DifferenceView]
    next: str | None


def difference_view(difference: Difference) -> DifferenceView:
    """A difference as the API shows it, without the fields that stay as they are."""
    before, after = _differing(difference.before or {}, difference.after)
    return {
        "email": difference.email, "row": difference.row,
        "lead_id": None if difference.lead_id is None else str(difference.lead_id),
        "outcome": "created" if difference.lead_id is None else "updated",
        "before": before, "after": after,
    }


def _differing(
    before: dict[str, Any], after: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    was, becomes = {}, {}
    for field, new in after.items():
        old = before.get(field)
        if field == "custom":
            names = [n for n in new | (old or {}) if new.get(n) != (old or {}).get(n)]
            old = {n: old[n] for n in names if n in old} if old else {}
            new = {n: new.get(n) for n in names}
        if new != old and (old or new not in (None, [], {}, False)):
            was[field], becomes[field] = old, new
    return was if before else {}, becomes


class DeletedLead(TypedDict):
    """A lead that was deleted, and can be restored."""

    id: str
    email: str
    name: str | None
    deleted_by: str | None
    deleted_at: Moment


class DeletedPage(TypedDict):
    """A page of deleted leads; ``next`` is null exactly where nothing follows."""

    items: list[DeletedLead]
    next: str | None


class LeadHappening(TypedDict):
    """Something that became of a lead: by hand, or by an import."""

    at: Moment
    what: Literal["created", "changed", "tagged", "deleted", "restored"]
    by: str | None
    fields: Annotated[list[str], msgspec.Meta(description="By hand: which fields were changed.")]
    import_id: Annotated[str | None, msgspec.Meta(description="The import that did it.")]
    filename: str | None


class LeadHistory(TypedDict):
    """What became of a lead, newest first."""

    items: list[LeadHappening]


class Tagging(msgspec.Struct, forbid_unknown_fields=True):
    """Tags to add to leads, and tags to take away."""

    ids: Annotated[list[str], msgspec.Meta(min_length=1, max_length=1000)]
    add: list[str] = []
    remove: list[str] = []


class Tagged(TypedDict):
    """How many leads were changed; those that had the tags already are not."""

    changed: Count


def deleted_view(deleted: Deleted) -> DeletedLead:
    """A deleted lead as the API shows it."""
    return {
        "id": str(deleted.lead_id), "email": deleted.email, "name": deleted.name,
        "deleted_by": deleted.deleted_by, "deleted_at": clock.stamp(deleted.deleted_at),
    }


def happening_view(happening: Happening) -> LeadHappening:
    """A happening as the API shows it."""
    return cast(LeadHappening, {
        "at": clock.stamp(happening.at), "what": happening.what, "by": happening.by,
        "fields": happening.fields, "import_id": happening.import_,
        "filename": happening.filename,
    })


def lead_view(lead: Lead) -> LeadView:
    """A lead as the API shows it."""
    shown: Any = {name: getattr(lead, name) for name in Lead.__struct_fields__}
    shown["id"] = str(lead.id)
    shown["created_at"] = clock.stamp(lead.created_at)
    shown["updated_at"] = clock.stamp(lead.updated_at)
    return shown
