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
from typing import Any, Final, Literal

import polars as pl

from vazao.leads import cells, typed
from vazao.leads.cells import Checked, escape, normalize_email
from vazao.leads.errors import LeadInvalid
from vazao.leads.mapping import CUSTOM, CUSTOM_NAME, FIELDS, PARTS
from vazao.leads.reasons import REASONS

__all__ = [
    "REASONS",
    "Plan",
    "Validated",
    "clean_lead",
    "escape",
    "normalize_email",
    "plan",
    "to_copy_csv",
    "validate",
]

Empty = Literal["keep", "clear"]

VALUE_LIMIT: Final = 200
_REJECTED: Final = {
    "row": pl.Int64,
    "column": pl.String,
    "code": pl.String,
    "value": pl.String,
}


@dataclass(frozen=True)
class Plan:
    """What becomes of each mapped column of a sheet.

    Attributes:
        columns: (column of the frame, such as ``c3``; header; field or ``custom.name``), in the
            order of the sheet.
        custom_types: type by custom field's name: text, integer, number, date or boolean.
        decimal: ``any`` where people typed the numbers, ``point`` where a workbook or JSON did.
        escaped: whether an apostrophe in front of ``= + - @`` is to be taken off.
        plain_opt_out: whether an opt-out must say yes or no, as in JSON.
    """

    columns: tuple[tuple[str, str, str], ...]
    custom_types: Mapping[str, str]
    decimal: typed.Decimal = "any"
    escaped: bool = True
    plain_opt_out: bool = False


@dataclass(frozen=True)
class Validated:
    """A batch, parted.

    Attributes:
        rows: ``row`` Int64, ``email`` String, the other mapped fields in the order of `FIELDS`
            (String; ``opted_out`` Boolean; ``tags`` a PostgreSQL array literal), and ``custom``,
            a JSON object as text, if any custom field is mapped. Null = empty cell.
        unclear: how many of these rows were taken for something that a cell does not say.
        rejected: ``row`` Int64, ``column`` (its header), ``code`` (a key of `REASONS`), ``value``
            (the cell as it came, its first 200 characters): one line a row, by row.
    """

    rows: pl.DataFrame
    rejected: pl.DataFrame
    unclear: int = 0


def plan(
    headers: Sequence[str],
    mapping: Mapping[str, str | None],
    custom_types: Mapping[str, str],
    *,
    decimal: typed.Decimal = "any",
) -> Plan:
    """The plan for a sheet whose n-th header (from 0) stands over the frame's column ``cN``."""
    columns = tuple(
        (f"c{place}", header, target)
        for place, header in enumerate(headers)
        if (target := mapping.get(header)) is not None
    )
    return Plan(columns, custom_types, decimal)


def _check(column: pl.Series, target: str, plan: Plan) -> Checked:
    tidied = cells.tidy(column, escaped=plan.escaped)
    if target == "opted_out" and plan.plain_opt_out:
        return cells.boolean("opted_out_invalid")(tidied)
    if target in PARTS:
        return cells.RULES["name"](tidied)
    if not target.startswith(CUSTOM):
        return cells.RULES[target](tidied)
    kind = plan.custom_types.get(target.removeprefix(CUSTOM), "text")
    return typed.rule_for(kind, plan.decimal)(tidied)


def _assemble(numbers: pl.Series, checked: Mapping[str, Checked], empty: Empty) -> pl.DataFrame:
    """The frame of all rows, good and bad, in the order that COPY expects."""
    standard = [checked[field].values.alias(field) for field in FIELDS if field in checked]
    custom = [target for target in checked if target.startswith(CUSTOM)]
    if custom:
        names = [target.removeprefix(CUSTOM) for target in custom]
        values = [checked[target].values for target in custom]
        standard.append(typed.to_json(names, values, nulls=empty == "clear"))
    return pl.DataFrame([numbers, *standard])


class _Rejections:
    """Collects one reason a row: the first in the order in which they are told."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame
        self.bad: pl.Series | None = None
        self.parts: list[pl.DataFrame] = []

    def add(self, mask: pl.Series, column: str, header: str, code: str) -> None:
        """Refuse the rows of *mask* (null = not) because of *column*."""
        mask = mask.fill_null(value=False)
        if self.bad is not None:
            mask &= ~self.bad
        if not mask.any():
            return
        self.bad = mask if self.bad is None else self.bad | mask
        value = pl.col(column).str.slice(0, VALUE_LIMIT).alias("value")
        told = [pl.lit(header).alias("column"), pl.lit(code).alias("code")]
        self.parts.append(self.frame.filter(mask).select("row", *told, value))

    def table(self) -> pl.DataFrame:
        """The lines of all refused rows, by row."""
        empty = pl.DataFrame(schema=_REJECTED)
        return pl.concat([empty, *self.parts]).sort("row")


def validate(frame: pl.DataFrame, plan: Plan, empty: Empty = "keep") -> Validated:
    """Part *frame* into rows that can be merged and rows that are refused.

    Args:
        frame: ``row`` Int64 and String columns ``c0``…; null = empty cell.
        plan: what to do with which column.
        empty: ``keep`` leaves empty custom cells out of ``custom``; ``clear`` puts ``null``
            there, so that the merge can tell them from columns that aren't mapped.
    """
    checked: dict[str, Checked] = {}
    rejections = _Rejections(frame)
    for column, header, target in plan.columns:
        found = _check(frame.get_column(column), target, plan)
        for mask, code in found.problems:
            rejections.add(mask, column, header, code)
        checked[target] = _either(checked[target], found) if target in checked else found
    checked = _with_name(checked)
    rows = _assemble(frame.get_column("row"), checked, empty)
    unclear = _unclear(frame.height, checked)
    if rejections.bad is not None:
        rows, unclear = rows.filter(~rejections.bad), unclear & ~rejections.bad
    return Validated(rows, rejections.table(), int(unclear.sum()))


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
    values = one.values | other.values
    if one.unclear is None or other.unclear is None:
        return Checked(values)
    return Checked(values, unclear=one.unclear | other.unclear)


def _unclear(height: int, checked: Mapping[str, Checked]) -> pl.Series:
    """Which rows hold a cell that was taken for something it does not say."""
    rows = pl.repeat(False, height, eager=True)
    for found in checked.values():
        if found.unclear is not None:
            rows |= found.unclear.fill_null(False)
    return rows


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
    custom = fields.get("custom") or {}
    if not isinstance(custom, Mapping):
        raise _invalid("custom", "value_type", custom)
    return flat | {f"{CUSTOM}{name}": value for name, value in custom.items()}


def _invalid(field: str, code: str, value: object) -> LeadInvalid:
    shown = None if value is None else str(value)[:VALUE_LIMIT]
    message, remedy = REASONS[code]
    problem = {"code": code, "place": field, "value": shown, "remedy": remedy}
    return LeadInvalid(message, remedy=remedy, details=[problem])


def _is_field(field: str) -> bool:
    name = field.removeprefix(CUSTOM)
    return field in FIELDS or (name != field and CUSTOM_NAME.fullmatch(name) is not None)


def _one_row(flat: Mapping[str, object]) -> pl.DataFrame:
    row: dict[str, pl.Series] = {"row": pl.Series([0], dtype=pl.Int64)}
    for place, (field, value) in enumerate(flat.items()):
        if not _is_field(field):
            raise _invalid(field, "field_unknown", value)
        try:
            row[f"c{place}"] = pl.Series([_cell(field, value)], dtype=pl.String)
        except (TypeError, UnicodeEncodeError) as error:
            raise _invalid(field, "value_type", repr(value)) from error
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
    wanted = Plan(columns, custom_types or {}, decimal="point", escaped=False, plain_opt_out=True)
    done = validate(frame, wanted, "clear")
    if len(done.rejected):
        problem = done.rejected.row(0, named=True)
        raise _invalid(problem["column"], problem["code"], problem["value"])
    clean = done.rows.drop("row").row(0, named=True)
    if "tags" in clean:
        column = f"c{list(flat).index('tags')}"
        lists = cells.split_tags(cells.tidy(frame.get_column(column), escaped=False))
        clean["tags"] = lists.to_list()[0] or []
    if "custom" in fields or "custom" in clean:
        clean["custom"] = json.loads(clean.get("custom") or "{}")
    return clean
