"""Sheets as real people have them, each with one thing that is odd: what comes of every one.

``expected.json`` says, by file: the options of the import, types of custom fields, a file that is
imported before; its status or error; the five outcomes and the warnings; what is noted; which
reasons rejections and warnings have; and the leads that it leaves, with all of their values.
"""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.support.leads import Tenant, five, lines
from vazao.kit.platform import Platform
from vazao.leads import declaring

pytestmark = pytest.mark.anyio

CASES = Path(__file__).parent.parent / "fixtures" / "cases"
EXPECTED: dict[str, dict[str, Any]] = json.loads((CASES / "expected.json").read_text())
_tenants = count(2_000_000)


def test_every_file_has_its_line() -> None:
    files = {path.name for path in CASES.iterdir()} - {"expected.json"}
    assert files == set(EXPECTED)


def reasons(file: bytes, separator: str) -> list[list[str]]:
    """Row, column and code of each line of a file of errors or warnings."""
    return [
        [*row[-3:-1], row[-1].partition(":")[0]] for row in lines(file, separator)[1:]
    ]


@pytest.mark.parametrize("name", sorted(EXPECTED))
async def test_a_sheet_as_people_have_it(busy: Platform, name: str) -> None:
    case = EXPECTED[name]
    tenant = Tenant(busy, next(_tenants))
    async with busy.db.transaction() as conn:
        for field, kind in case.get("types", {}).items():
            await declaring.declare_field(conn, tenant.id, field, kind)
    if before := case.get("before"):
        await tenant.run((CASES / before).read_bytes(), filename=before)
    shown = await tenant.run(
        (CASES / name).read_bytes(), filename=name, **case.get("options", {})
    )
    error = shown["error"] and shown["error"]["code"]
    assert (shown["status"], error) == (case["status"], case.get("error"))
    assert [*five(shown), shown["warnings"]] == case["outcomes"]
    assert shown["notes"] == case.get("notes", [])
    separator = case.get("separator", ",")
    for key, file in (("rejected", tenant.errors), ("warned", tenant.warnings)):
        told = reasons(await file(shown), separator) if key in case else []
        assert told == case.get(key, []), key
    found = {
        email: {field: value for field, value in lead.items() if value}
        for email, lead in (await tenant.base()).items()
    }
    assert found == case["leads"]
