"""Which columns an index for a plan's condition begins with."""

from __future__ import annotations

import pytest

from vazao.ops.conditions import columns_of


@pytest.mark.parametrize(("condition", "columns"), [
    ("(large.kind = $1)", ["kind"]),
    ("((lead.email)::text = $1)", ["email"]),
    ("((a.x > $1) AND (a.y = $2) AND (a.z < $3))", ["y", "x"]),
    ("(($1 = a.x) AND (a.x IS NOT NULL))", ["x"]),
    ("(a.x = ANY ($1))", ["x"]),
    ("((a.x = $1) OR (a.y = $2))", []),
    ("(lower(a.x) = $1)", []),
    ("(a.x = a.y)", []),
    ("(a.x ~~ $1)", []),
    ("(a.x <> $1)", []),
    ("((( not ) SQL", []),
])
def test_columns_of(condition: str, columns: list[str]) -> None:
    assert columns_of(condition) == columns
