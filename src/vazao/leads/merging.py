"""The rules of a merge, composed from the fields that a sheet has.

What a cell means (leads.md, "What a row means") becomes SQL here, field by field: ``keep`` takes
an empty cell for "leave as it is", ``clear`` for "empty it"; tags are added (``clear``: replaced),
custom fields merge by key, an opt-out never goes back. Columns that the sheet doesn't map occur
nowhere in the statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from vazao.kit.sql import trusted
from vazao.leads.models import Empty
from vazao.leads.store.staging import Merge


@dataclass(frozen=True)
class Rule:
    """How one field is compared and written: SQL over ``s`` (staged) and ``l`` (stored)."""

    differs: str
    assign: str
    insert: str


def rule(field: str, empty: Empty) -> Rule:
    """The rule of *field* under *empty*; ``{f}`` stands for the column."""
    keep = empty == "keep"
    if field == "tags":
        if keep:
            added = "array(select t from unnest(s.tags) with ordinality u(t, n) "
            added += "where t <> all (l.tags) order by n)"
            return Rule("not l.tags @> s.tags", f"l.tags || {added}", "coalesce(s.tags, '{{}}')")
        stored = "coalesce(s.tags, '{{}}')"
        return Rule(f"l.tags is distinct from {stored}", stored, stored)
    if field == "custom":
        merged = "jsonb_strip_nulls(l.custom || s.custom)"
        return Rule(
            f"s.custom is not null and l.custom is distinct from {merged}",
            f"case when s.custom is null then l.custom else {merged} end",
            "coalesce(jsonb_strip_nulls(s.custom), '{{}}')",
        )
    if field == "opted_out":
        # The last line of an e-mail wins, but for this: a yes in any of its lines stays.
        out = "coalesce(s.opted_out or s.email in (select email from rows where opted_out), false)"
        return Rule(f"{out} and not l.opted_out", f"l.opted_out or {out}", out)
    if keep:
        return Rule(
            "(s.{f} is not null and s.{f} is distinct from l.{f})", "coalesce(s.{f}, l.{f})",
            "s.{f}",
        )
    return Rule("s.{f} is distinct from l.{f}", "s.{f}", "s.{f}")


def _render(template: str, field: str) -> sql.Composed:
    return trusted(template).format(f=sql.Identifier(field))


def _each(fields: Sequence[str], template: str) -> sql.Composed:
    """*template* for every field, each followed by what the template ends with."""
    return sql.Composed([_render(template, field) for field in fields])


def compose(fields: Sequence[str], empty: Empty, *, careful: bool) -> Merge:
    """How a slice is merged.

    Args:
        fields: staged fields besides the e-mail.
        empty: what an empty cell means.
        careful: tolerate rows that another writer made in the meantime (they are found missing
            afterwards, and the slice is tried again), and find rows to change by their id, which
            outlives another writer's change. The first try does without: a speculative insertion
            costs a fifth more, and the place of the version that was compared saves a descent.
    """
    rules = {field: rule(field, empty) for field in fields}
    differs = [_render(f"coalesce({r.differs}, false)", f) for f, r in rules.items()]
    assignments = [_render(f"{{f}} = {r.assign}, ", f) for f, r in rules.items()]
    conflict = "on conflict (organization_id, email) do nothing" if careful else ""
    found = "l.id = s.lead_id" if careful else "l.ctid = s.version"
    return Merge(
        differs=sql.SQL(" or ").join(differs) if differs else sql.SQL("false"),
        columns=_each(fields, "{f}, "),
        values=sql.Composed([_render(f"{r.insert}, ", f) for f, r in rules.items()]),
        assignments=sql.Composed(assignments),
        conflict=sql.SQL(conflict),
        found=sql.SQL(found),
    )
