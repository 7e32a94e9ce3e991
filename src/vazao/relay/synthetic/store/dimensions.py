"""Dimensions: tables of words, which facts refer to by number."""

from __future__ import annotations

from typing import Any

import psycopg

from vazao.kit import sql

Q = sql.load(__package__, "dimensions")


def create(conn: psycopg.Connection[Any]) -> None:
    """Create and fill all of them."""
    for statement in (
        Q.create_days, Q.create_places, Q.create_people_at_work, Q.create_words, Q.create_vaccines,
        Q.create_procedures, Q.create_other_dimensions,
    ):
        conn.execute(statement)
