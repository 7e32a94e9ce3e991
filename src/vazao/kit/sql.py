"""Named SQL: each feature keeps its statements in ``queries.sql`` and loads them here.

A statement begins with ``-- name: verb_noun`` and the sentence that says what it does and why
so. Statements are psycopg templates: ``%(named)s`` for values; ``{identifiers}`` only through
:func:`psycopg.sql.SQL.format`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import LiteralString, cast

from psycopg import sql

_NAME = re.compile(r"^-- name: *([a-z0-9_]+) *$", re.MULTILINE)


def trusted(text: str) -> sql.SQL:
    """*text* as SQL: only for words of this project's own source, never for a value or a name."""
    return sql.SQL(cast(LiteralString, text))


class Queries:
    """The statements of one ``queries.sql``, each an attribute of its name."""

    def __init__(self, text: str) -> None:
        pieces = _NAME.split(text)[1:]
        self._statements = dict(zip(pieces[::2], (p.strip() for p in pieces[1::2]), strict=True))
        if len(self._statements) * 2 != len(pieces):
            raise ValueError("a statement's name occurs twice")

    def __getattr__(self, name: str) -> sql.SQL:
        try:
            return trusted(self._statements[name])
        except KeyError:
            raise AttributeError(f"no statement is named {name}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._statements)


@cache
def load(package: str) -> Queries:
    """The statements of *package*'s ``queries.sql`` and ``queries_<noun>.sql`` (read once)."""
    found = sorted(
        (f for f in files(package).iterdir() if re.fullmatch(r"queries(_\w+)?\.sql", f.name)),
        key=lambda f: f.name,
    )
    return Queries("\n".join(f.read_text(encoding="utf-8") for f in found))
