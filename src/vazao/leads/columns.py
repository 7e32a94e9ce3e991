"""A sheet's columns on the page: the field, name and type of each, and how its values fit."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from vazao import sheets
from vazao.kit.i18n import translate
from vazao.leads.models import CHOICE, Field, choice_of, options_in

LABELS: Final = {
    "email": "E-mail", "name": "Name", "first_name": "First name", "middle_name": "Middle name",
    "last_name": "Last name", "phone": "Phone", "company": "Company", "job_title": "Job title",
    "city": "City", "state": "State", "country": "Country", "website": "Website", "tags": "Tags",
    "legal_basis": "Legal basis", "opted_out": "Opted out",
}
PART_LABELS: Final = ("first_name", "middle_name", "last_name")
"""Those that only a sheet has: together they say the name."""
TEXTS: Final = {
    "text": "text", "integer": "whole number", "number": "number", "date": "date",
    "boolean": "yes or no", "choice": "one of several",
}
OWN: Final = "custom"
"""In the form: a custom field, whose name stands beside."""
SAMPLES: Final = 5


@dataclass(frozen=True)
class Column:
    """One column; ``target`` is a field, ``custom``, or empty; ``fit`` is how the values fit it.

    ``options`` are those of a choice.
    """

    number: int
    header: str
    target: str
    name: str
    type: str
    options: list[str]
    declared: bool
    reserved: bool
    fit: Any
    samples: list[str]


@dataclass(frozen=True)
class Shown:
    """The columns of a sheet; ``saved`` says that somebody set them so before."""

    columns: list[Column] = field(default_factory=list)
    saved: bool = False
    rows: int = 0
    whole: bool = True

    @property
    def has_email(self) -> bool:
        """Whether a column is the e-mail."""
        return any(column.target == "email" for column in self.columns)


def template(own: Sequence[Field], language: str) -> bytes:
    """An empty sheet to fill in, as Excel of that *language* opens it: a row of column names, each
    of which becomes its field without being set.

    Args:
        own: the organization's custom fields.
    """
    from vazao.leads import mapping

    headers = [translate(LABELS[name], language) for name in mapping.FIELDS]
    for each in own:
        target, label = f"{mapping.CUSTOM}{each.name}", each.label or each.name
        # A label that begins like a formula would be one in Excel.
        found = None if label[0] in "=+-@" else mapping.propose([*headers, label]).get(label)
        headers.append(label if found == target and label not in headers else target)
    sheet = io.StringIO()
    csv.writer(sheet, delimiter=";" if language == "pt_BR" else ",").writerow(headers)
    return ("\N{BYTE ORDER MARK}" + sheet.getvalue()).encode()


def headers_of(given: Mapping[str, str]) -> list[str]:
    """The headers that a form was made for.

    Raises:
        MappingInvalid: it says none.
    """
    from vazao.leads.errors import MappingInvalid

    try:
        return msgspec.json.decode(given.get("headers", ""), type=list[str])
    except (msgspec.DecodeError, RecursionError) as error:
        raise MappingInvalid from error


def chosen(given: Mapping[str, str], headers: Sequence[str]) -> dict[str, str | None]:
    """The mapping that a form says."""
    return {
        header: _target(given, number, header) or None for number, header in enumerate(headers)
    }


def _target(given: Mapping[str, str], number: int, header: str) -> str:
    from vazao.leads import mapping

    said = given.get(f"column-{number}", "")
    if said != OWN:
        return said
    name = given.get(f"name-{number}", "").strip()
    return f"{mapping.CUSTOM}{mapping.slug(name or header)}"


def types_of(given: Mapping[str, str], headers: Sequence[str]) -> dict[str, str]:
    """The types of new custom fields that a form says; options stand between semicolons."""
    from vazao.leads import mapping

    said = {
        _target(given, number, header): _kind(given, number)
        for number, header in enumerate(headers)
        if given.get(f"column-{number}") == OWN
    }
    return {target.removeprefix(mapping.CUSTOM): kind for target, kind in said.items() if kind}


def _kind(given: Mapping[str, str], number: int) -> str | None:
    kind = given.get(f"type-{number}")
    return kind if kind != CHOICE else choice_of(between_semicolons(given.get(f"options-{number}")))


def between_semicolons(text: str | None) -> list[str]:
    """Options as a form has them."""
    return [each.strip() for each in (text or "").split(";") if each.strip()]


def show(
    seen: sheets.Preview, *, types: Mapping[str, str], given: Mapping[str, str] | None = None,
    saved: Mapping[str, str | None] | None = None, said: Mapping[str, str] | None = None,
) -> Shown:
    """The columns of a preview.

    Args:
        types: of the custom fields that the organization has.
        given: the form, where somebody has filled it in.
        saved: a mapping that was saved; headers that it does not know are proposed.
        said: the types of new custom fields that go with it.
    """
    from vazao.leads import mapping

    said = said or {}
    if given is not None:
        targets = chosen(given, seen.headers)
        said = types_of(given, seen.headers)
    else:
        targets = mapping.propose(seen.headers, seen.rows)
        known = {h: f for h, f in (saved or {}).items() if h in targets}
        taken = {f for f in known.values() if f}
        targets = {h: None if f in taken else f for h, f in targets.items()} | known
    made = [_column(seen, number, targets, types, said) for number in range(len(seen.headers))]
    return Shown(made, bool(saved) and given is None, len(seen.rows), seen.whole)


def _column(
    seen: sheets.Preview, number: int, targets: Mapping[str, str | None],
    types: Mapping[str, str], said: Mapping[str, str],
) -> Column:
    from vazao.leads import fitting, mapping

    header = seen.headers[number]
    values = [row[number] for row in seen.rows]
    target = targets.get(header)
    decimal = "any" if seen.encoding else "point"
    own = target is not None and target.startswith(mapping.CUSTOM)
    name = target.removeprefix(mapping.CUSTOM) if own and target else mapping.slug(header)
    kind = types.get(name) or said.get(name) or (
        fitting.guess(values, decimal, whole=seen.whole) if own and name not in said else "text"
    )
    if kind == choice_of([]):
        # Chosen, and nobody has said among what.
        kind = choice_of(fitting.options_seen(values))
    options = options_in(kind)
    shown = [v.replace(sheets.UNSTORED, "") for v in values[:SAMPLES * 10] if v]
    return Column(
        number=number, header=header, target=OWN if own else target or "", name=name,
        type=kind if options is None else CHOICE, options=options or [],
        declared=name in types, reserved=sheets.is_reserved(header) or not header.strip(),
        fit=fitting.fit(values, target, {name: kind}, decimal),
        samples=list(dict.fromkeys(shown))[:SAMPLES],
    )
