"""From the cells of a sheet to rows that PostgreSQL can take, a column at a time.

`plan` says which column goes where, `validate` applies the rules of `vazao.leads.cells` and
`vazao.leads.typed` to a batch, `to_copy_csv` writes the good rows for COPY. No row is looked at
by Python: 300,000 rows of nine columns take a fraction of a second.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

import polars as pl

from vazao.leads import addresses, cells, phones, refusing, typed
from vazao.leads.addresses import normalize_email
from vazao.leads.cells import Checked, escape
from vazao.leads.mapping import CUSTOM, FIELDS, PARTS
from vazao.leads.models import options_in
from vazao.leads.reasons import REASONS
from vazao.sheets import UNSTORED, is_reserved

__all__ = [
    "REASONS",
    "Plan",
    "Validated",
    "check",
    "clean_lead",
    "escape",
    "normalize_email",
    "plan",
    "to_copy_csv",
    "validate",
]

Empty = Literal["keep", "clear"]

_TOLD: Final = {
    "row": pl.Int64,
    "column": pl.String,
    "code": pl.String,
    "value": pl.String,
}
LEFT_OUT: Final = "\ufdd1"
"""Under ``clear``, where an empty cell empties what is stored: a value that was left out, which
leaves it. No text may have this character."""
REFUSING: Final = frozenset(("too_long", "too_many_tags"))
"""Limits: besides the e-mail, only they refuse a row that is read leniently."""
RULES: Final[Mapping[str, cells.Rule]] = MappingProxyType({
    "email": addresses.typed_email, "phone": phones.typed_phone, "website": cells.website,
    "tags": cells.tags, "opted_out": cells.opt_out, "legal_basis": cells.text(100),
    **dict.fromkeys(
        ("name", "company", "job_title", "city", "state", "country"), cells.text(cells.TEXT_LIMIT)
    ),
})
EXACT: Final = MappingProxyType({
    "email": addresses.email, "phone": phones.phone, "opted_out": cells.boolean("opted_out_invalid")
})
"""Rules for what a program sends, where they differ."""


@dataclass(frozen=True)
class Plan:
    """What becomes of each mapped column of a sheet.

    Attributes:
        columns: (column of the frame, such as ``c3``; header; field or ``custom.name``), in the
            order of the sheet.
        custom_types: type by custom field's name: text, integer, number, date, boolean, or a
            choice as `vazao.leads.models.choice_of` writes it.
        decimal: ``any`` where people typed the numbers, ``point`` where a workbook or JSON did.
        strict: whether a value that cannot be understood refuses its row; else it is left out.
        exact: whether a program says these values, and not a sheet that people typed.
        written: the separator of a file that we wrote ourselves, as `cells.tidy` takes it.
    """

    columns: tuple[tuple[str, str, str], ...]
    custom_types: Mapping[str, str]
    decimal: typed.Decimal = "any"
    strict: bool = False
    exact: bool = False
    written: str | None = None


@dataclass(frozen=True)
class Validated:
    """A batch, parted.

    Attributes:
        rows: ``row`` Int64, ``email`` String, the other mapped fields in the order of `FIELDS`
            (String; ``opted_out`` Boolean; ``tags`` a PostgreSQL array literal), and ``custom``,
            a JSON object as text, if any custom field is mapped. Null = empty cell.
        rejected: ``row`` Int64, ``column`` (its header), ``code`` (a key of `REASONS`), ``value``
            (the cell as it came, its first 200 characters): one line a row, by row.
        warned: the same of values that were left out or doubted, in rows that go in; one line a
            value, by row.
        left_out: whether `LEFT_OUT` stands in *rows*.
    """

    rows: pl.DataFrame
    rejected: pl.DataFrame
    warned: pl.DataFrame
    left_out: bool = False

    def month_first(self) -> dict[str, int]:
        """By column, how many dates cannot be read whose second number is no month."""
        lines = pl.concat([self.rejected, self.warned]).filter(
            (pl.col("code") == "date_invalid")
            & pl.col("value").str.strip_chars().str.contains(typed.MONTH_FIRST)
        )
        return dict(lines.group_by("column").len().iter_rows()) if lines.height else {}


def plan(
    headers: Sequence[str],
    mapping: Mapping[str, str | None],
    custom_types: Mapping[str, str],
    *,
    decimal: typed.Decimal = "any",
    strict: bool = False,
    separator: str | None = None,
) -> Plan:
    """The plan for a sheet whose n-th header (from 0) stands over the frame's column ``cN``.

    Args:
        separator: the sheet's; a workbook has none.
    """
    columns = tuple(
        (f"c{place}", header, target)
        for place, header in enumerate(headers)
        if (target := mapping.get(header)) is not None
    )
    ours = any(is_reserved(header) for header in headers)
    written = (separator or ",") if ours else None
    return Plan(columns, custom_types, decimal, strict, written=written)


def check(column: pl.Series, target: str, plan: Plan) -> Checked:
    """A column's cells by the rule of the field *target*."""
    tidied = cells.tidy(column, escaped=not plan.exact, written=plan.written)
    field = "name" if target in PARTS else target
    if plan.exact:
        rule = EXACT.get(field) or RULES.get(field)
        return (rule or _custom_rule(target, plan))(tidied)
    unstored = tidied == UNSTORED
    if unstored.any():
        tidied = tidied.set(unstored, None)
    kind = plan.custom_types.get(target.removeprefix(CUSTOM), "text")
    words = field in ("phone", "website") or (field not in RULES and kind != "text")
    found = (RULES.get(field) or _custom_rule(target, plan))(
        cells.without_placeholders(tidied, words=words)
    )
    if unstored.any():
        problems = ((unstored, "formula_unstored"), *found.problems)
        return Checked(found.values, problems, found.doubts)
    return found


def _custom_rule(target: str, plan: Plan) -> cells.Rule:
    kind = plan.custom_types.get(target.removeprefix(CUSTOM), "text")
    return typed.rule_for(kind, plan.decimal)


class _Told:
    """Collects what is told of cells: one reason a row that is refused, the first in the order in
    which they are told; and every value that is left out or doubted.
    """

    def __init__(self, frame: pl.DataFrame, plan: Plan) -> None:
        self.frame = frame
        self.plan = plan
        self.bad: pl.Series | None = None
        self.refused: list[pl.DataFrame] = []
        self.warned: list[pl.DataFrame] = []
        self.left_out: dict[str, pl.Series] = {}

    def add(self, found: Checked, column: str, header: str, target: str) -> None:
        """Take what a rule found in a *column*."""
        taken: pl.Series | None = None
        for mask, code in found.problems:
            mask = mask.fill_null(value=False)
            if not mask.any():
                continue
            if target == "email" or self.plan.strict or self.plan.exact or code in REFUSING:
                self._refuse(mask, column, header, code)
                continue
            # A cell is told once, by the worst of its problems.
            fresh = mask if taken is None else mask & ~taken
            taken = mask if taken is None else mask | taken
            self._warn(fresh, column, header, code)
        if taken is not None:
            self.left_out[target] = self.left_out.get(target, taken) | taken
        for mask, code in found.doubts:
            self._warn(mask.fill_null(value=False), column, header, code)

    def _refuse(self, mask: pl.Series, column: str, header: str, code: str) -> None:
        if self.bad is not None:
            mask &= ~self.bad
        if not mask.any():
            return
        self.bad = mask if self.bad is None else self.bad | mask
        self.refused.append(self._lines(mask, column, header, code))

    def _warn(self, mask: pl.Series, column: str, header: str, code: str) -> None:
        if mask.any():
            self.warned.append(self._lines(mask, column, header, code))

    def _lines(self, mask: pl.Series, column: str, header: str, code: str) -> pl.DataFrame:
        value = pl.col(column).str.slice(0, refusing.VALUE_LIMIT).alias("value")
        told = [pl.lit(header).alias("column"), pl.lit(code).alias("code")]
        return self.frame.filter(mask).select("row", *told, value)

    def rejections(self) -> pl.DataFrame:
        """The lines of all refused rows, by row."""
        return pl.concat([pl.DataFrame(schema=_TOLD), *self.refused]).sort("row")

    def warnings(self) -> pl.DataFrame:
        """The lines of values in rows that go in, by row."""
        empty = pl.DataFrame(schema=_TOLD)
        if not self.warned:
            return empty
        lines = pl.concat([empty, *self.warned])
        if self.bad is not None:
            gone = self.frame.get_column("row").filter(self.bad)
            lines = lines.filter(~pl.col("row").is_in(gone.implode()))
        return lines.sort("row", maintain_order=True)


def validate(frame: pl.DataFrame, plan: Plan, empty: Empty = "keep") -> Validated:
    """Part *frame* into rows that can be merged and rows that are refused.

    Args:
        frame: ``row`` Int64 and String columns ``c0``…; null = empty cell.
        plan: what to do with which column.
        empty: ``keep`` leaves empty custom cells out of ``custom``; ``clear`` puts ``null``
            there, so that the merge can tell them from columns that aren't mapped.
    """
    checked: dict[str, Checked] = {}
    told = _Told(frame, plan)
    for column, header, target in plan.columns:
        found = check(frame.get_column(column), target, plan)
        told.add(found, column, header, target)
        checked[target] = _either(checked[target], found) if target in checked else found
    rows = _assemble(frame.get_column("row"), _with_name(checked), empty, told.left_out)
    rejected, warned = told.rejections(), told.warnings()
    if told.bad is not None:
        rows = rows.filter(~told.bad)
    standard = any(not target.startswith(CUSTOM) for target in told.left_out)
    return Validated(rows, rejected, warned, left_out=empty == "clear" and standard)


def _assemble(
    numbers: pl.Series, checked: Mapping[str, Checked], empty: Empty,
    left_out: Mapping[str, pl.Series],
) -> pl.DataFrame:
    """The frame of all rows, good and bad, in the order that COPY expects."""
    standard = []
    for field in FIELDS:
        if field in checked:
            values, mask = checked[field].values, left_out.get(field)
            if mask is not None:
                mark = None if empty == "keep" else _MARKS.get(field, LEFT_OUT)
                values = values.set(mask, mark)
            standard.append(values.alias(field))
    custom = [target for target in checked if target.startswith(CUSTOM)]
    if custom:
        names = [target.removeprefix(CUSTOM) for target in custom]
        values_of = [checked[target].values for target in custom]
        masks = {
            target.removeprefix(CUSTOM): mask for target, mask in left_out.items()
            if target.startswith(CUSTOM)
        }
        standard.append(
            typed.to_json(names, values_of, nulls=empty == "clear", left_out=masks)
        )
    return pl.DataFrame([numbers, *standard])


_MARKS: Final = {"tags": f"{{{LEFT_OUT}}}"}


def _with_name(checked: dict[str, Checked]) -> dict[str, Checked]:
    """*checked* with a name put together of its parts, where a sheet has it in several columns."""
    parts = [checked[part].values.alias(part) for part in PARTS if part in checked]
    if not parts:
        return checked
    whole = [checked["name"].values.alias("name")] if "name" in checked else []
    joined = pl.concat_str(pl.col([part.name for part in parts]), separator=" ", ignore_nulls=True)
    found = pl.DataFrame([*whole, *parts]).select(
        pl.coalesce(*(each.name for each in whole), pl.when(joined != "").then(joined))
        .alias("name")
    ).to_series()
    kept = {field: value for field, value in checked.items() if field not in PARTS}
    return kept | {"name": Checked(found)}


def _either(one: Checked, other: Checked) -> Checked:
    """Two opt-out columns of a sheet: a yes in either counts."""
    return Checked(one.values | other.values)


def to_copy_csv(rows: pl.DataFrame) -> bytes:
    """*rows* as PostgreSQL's ``COPY … (FORMAT csv, NULL '')`` takes them: no header, UTF-8.

    Null is an empty field without quotes. Empty strings don't occur after cleaning; they would
    be written as ``""`` and so stay what they are.
    """
    buffer = io.BytesIO()
    rows.write_csv(buffer, include_header=False, quote_style="necessary", null_value="")
    return buffer.getvalue()


def _cell(field: str, value: object) -> str | None:
    """*value*, which came as JSON, as a cell; raises TypeError if the field can't hold it."""
    if isinstance(value, list | tuple) and field == "tags":
        return ",".join(_cell("", tag) or "" for tag in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, str | int | float):
        return None if value is None else str(value)
    raise TypeError(field)


def _flatten(fields: Mapping[str, Any]) -> dict[str, object]:
    """*fields* with those under ``custom`` lifted to ``custom.name``."""
    flat = {field: value for field, value in fields.items() if field != "custom"}
    custom = fields.get("custom", {})
    if not isinstance(custom, Mapping):
        raise refusing.invalid("custom", "value_type", custom)
    return flat | {f"{CUSTOM}{name}": value for name, value in custom.items()}


def _one_row(flat: Mapping[str, object]) -> pl.DataFrame:
    row: dict[str, pl.Series] = {"row": pl.Series([0], dtype=pl.Int64)}
    for place, (field, value) in enumerate(flat.items()):
        refusing.check_field(field, value)
        try:
            row[f"c{place}"] = pl.Series([_cell(field, value)], dtype=pl.String)
        except (TypeError, UnicodeEncodeError) as error:
            raise refusing.invalid(field, "value_type", repr(value)) from error
    return pl.DataFrame(row)


def clean_lead(
    fields: Mapping[str, Any], custom_types: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The fields of one lead that came as JSON, under the very rules of an import.

    Args:
        fields: any of `FIELDS` (``tags`` a list or text to split) and ``custom``, an object.
        custom_types: declared types of custom fields, as in `Plan`.

    Returns:
        the same keys, cleaned; None = empty, which for ``tags`` is ``[]``. Only what is given
        is looked at: without ``email`` none is asked for.

    Raises:
        LeadInvalid: with one ``{"code", "place", "value", "remedy"}`` in its details.
    """
    flat = _flatten(fields)
    frame = _one_row(flat)
    columns = tuple((f"c{place}", field, field) for place, field in enumerate(flat))
    wanted = Plan(columns, custom_types or {}, decimal="point", exact=True)
    done = validate(frame, wanted, "clear")
    if len(done.rejected):
        problem = done.rejected.row(0, named=True)
        refused = refusing.invalid(problem["column"], problem["code"], problem["value"])
        name = problem["column"].removeprefix(CUSTOM)
        if options := options_in((custom_types or {}).get(name, "")):
            refused.details[0]["allowed"] = options
        raise refused
    clean = done.rows.drop("row").row(0, named=True)
    if "tags" in clean:
        column = f"c{list(flat).index('tags')}"
        lists = cells.split_tags(cells.tidy(frame.get_column(column), escaped=False))
        clean["tags"] = lists.to_list()[0] or []
    if "custom" in fields or "custom" in clean:
        clean["custom"] = json.loads(clean.get("custom") or "{}")
    return clean
