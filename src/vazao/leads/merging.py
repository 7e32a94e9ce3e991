"""The rules of a merge, composed from the fields that a sheet has.

What a cell means (leads.md, "What a row means") becomes SQL here, field by field: ``keep`` takes
an empty cell for "leave as it is", ``clear`` for "empty it"; tags are added (``clear``: replaced),
custom fields merge by key, an opt-out never goes back. Columns that the sheet doesn't map occur
nowhere in the statement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from vazao.kit.sql import trusted
from vazao.leads.mapping import staged
from vazao.leads.models import Empty, Import
from vazao.leads.store import staging
from vazao.leads.store.staging import Merge
from vazao.leads.store.trials import Comparison


@dataclass(frozen=True)
class Rule:
    """How one field is folded, compared and written: SQL over ``s`` (staged) and ``l`` (stored)."""

    fold: str
    differs: str
    assign: str
    insert: str


# Tags of several lines are joined by a character that no cell holds.
_ALL_TAGS = """(
        select array_agg(t order by n) from (
            select t, min(n) as n
            from unnest(string_to_array(
                string_agg(array_to_string(tags, E'\\x1f'), E'\\x1f' order by row), E'\\x1f'
            )) with ordinality u(t, n)
            group by t
        ) d
    )"""
_ALL_CUSTOM = """(
        select jsonb_object_agg(e.key, e.value order by a.n)
        from unnest(array_agg(custom order by row)) with ordinality a(c, n), jsonb_each(a.c) e
    )"""


def rule(field: str, empty: Empty, *, left_out: bool) -> Rule:
    """The rule of *field* under *empty*; ``{f}`` stands for the column.

    Args:
        left_out: whether values that were left out stand among the staged ones.
    """
    if field == "tags":
        return _tags(empty, left_out)
    if field == "custom":
        merged = "jsonb_strip_nulls(l.custom || s.custom)"
        return Rule(
            _ALL_CUSTOM, f"s.custom is not null and l.custom is distinct from {merged}",
            f"case when s.custom is null then l.custom else {merged} end",
            "coalesce(jsonb_strip_nulls(s.custom), '{{}}')",
        )
    if field == "opted_out":
        out = "coalesce(s.opted_out, false)"
        return Rule("bool_or(opted_out)", f"{out} and not l.opted_out", f"l.opted_out or {out}",
                    out)
    if empty == "keep":
        return Rule(
            "(array_agg({f} order by row desc) filter (where {f} is not null))[1]",
            "(s.{f} is not null and s.{f} is distinct from l.{f})", "coalesce(s.{f}, l.{f})",
            "s.{f}",
        )
    if not left_out:
        last = "(array_agg({f} order by row desc))[1]"
        return Rule(last, "s.{f} is distinct from l.{f}", "s.{f}", "s.{f}")
    value = f"case when s.{{f}} = {_MARK} then l.{{f}} else s.{{f}} end"
    return Rule(
        _last_said("{f}", _MARK), f"{value} is distinct from l.{{f}}", value,
        f"nullif(s.{{f}}, {_MARK})",
    )


# U&'\fdd1': see validation.LEFT_OUT.
_MARK = "U&'\\FDD1'"


def _last_said(cell: str, mark: str) -> str:
    """What the last line says that says anything of it."""
    return (
        f"coalesce((array_agg({cell} order by row desc) filter (where {cell} is distinct from "
        f"{mark}))[1], case when bool_and({cell} is not distinct from {mark}) then {mark} end)"
    )


def _tags(empty: Empty, left_out: bool) -> Rule:
    if empty == "keep":
        added = "array(select t from unnest(s.tags) with ordinality u(t, n) "
        added += "where t <> all (l.tags) order by n)"
        return Rule(_ALL_TAGS, "not l.tags @> s.tags", f"l.tags || {added}",
                    "coalesce(s.tags, '{{}}')")
    stored = "coalesce(s.tags, '{{}}')"
    if not left_out:
        last = "((array_agg(tags::text order by row desc))[1])::text[]"
        return Rule(last, f"l.tags is distinct from {stored}", stored, stored)
    # An array of arrays would need them to be of one length: as text.
    mark = f"array[{_MARK}]"
    value = f"case when s.tags = {mark} then l.tags else {stored} end"
    return Rule(
        f"({_last_said('tags::text', f'{mark}::text')})::text[]",
        f"l.tags is distinct from {value}", value,
        f"case when s.tags = {mark} then '{{{{}}}}' else {stored} end",
    )


def _render(template: str, field: str) -> sql.Composed:
    return trusted(template).format(f=sql.Identifier(field))


def _each(fields: Sequence[str], template: str) -> sql.Composed:
    """*template* for every field, each followed by what the template ends with."""
    return sql.Composed([_render(template, field) for field in fields])


def _staged(rules: Mapping[str, Rule]) -> sql.Composed:
    columns = [sql.Identifier(name) for name in ("row", "email", *rules)]
    folds = [_render(f"{each.fold} as {{f}}", field) for field, each in rules.items()]
    return staging.rows_folded(
        columns=sql.SQL(", ").join(columns),
        folds=sql.SQL(", ").join([sql.SQL("max(row), email"), *folds]),
    )


def compose(
    fields: Sequence[str], empty: Empty, *, careful: bool, folded: bool = False,
    left_out: bool = False,
) -> Merge:
    """How a slice is merged.

    Args:
        fields: staged fields besides the e-mail.
        empty: what an empty cell means.
        careful: tolerate rows that another writer made in the meantime (they are found missing
            afterwards, and the slice is tried again), and find rows to change by their id, which
            outlives another writer's change. The first try does without: a speculative insertion
            costs a fifth more, and the place of the version that was compared saves a descent.
        folded: whether an e-mail stands in several rows.
        left_out: whether values that were left out stand among the staged ones.
    """
    rules = {field: rule(field, empty, left_out=left_out) for field in fields}
    differs = [_render(f"coalesce({r.differs}, false)", f) for f, r in rules.items()]
    assignments = [_render(f"{{f}} = {r.assign}, ", f) for f, r in rules.items()]
    conflict = "on conflict (organization_id, email) do nothing" if careful else ""
    found = "l.id = s.lead_id" if careful else "l.ctid = s.version"
    return Merge(
        staged=_staged(rules) if folded else staging.rows_alone(),
        differs=sql.SQL(" or ").join(differs) if differs else sql.SQL("false"),
        columns=_each(fields, "{f}, "),
        values=sql.Composed([_render(f"{r.insert}, ", f) for f, r in rules.items()]),
        assignments=sql.Composed(assignments),
        conflict=sql.SQL(conflict),
        found=sql.SQL(found),
    )


def compare(record: Import, *, folded: bool = True) -> Comparison:
    """How a slice of a trial is compared, and nothing written; the same rules.

    Args:
        folded: whether an e-mail may stand in several rows.
    """
    rules = {
        field: rule(field, record.empty, left_out=record.left_out)
        for field in staged_fields(record)
    }
    differs = [_render(f"coalesce({r.differs}, false)", f) for f, r in rules.items()]

    def pairs(value: str) -> sql.Composed:
        each = [
            sql.SQL("{}, {}").format(sql.Literal(f), _render(getattr(r, value), f))
            for f, r in rules.items()
        ]
        return sql.SQL(", ").join(each)

    before = [sql.SQL("{}, l.{}").format(sql.Literal(f), sql.Identifier(f)) for f in rules]
    return Comparison(
        fields=tuple(rules), staged=_staged(rules) if folded else staging.rows_alone(),
        differs=sql.SQL(" or ").join(differs) if differs else sql.SQL("false"),
        before=sql.SQL(", ").join(before), made=pairs("insert"), after=pairs("assign"),
    )


def staged_fields(record: Import) -> list[str]:
    """The staged columns besides the e-mail, in the order of the staging table."""
    return staged(record.mapping or {})
