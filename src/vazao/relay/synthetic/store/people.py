"""Citizens, their registrations and homes."""

from __future__ import annotations

from typing import Any

import psycopg

from vazao.kit import sql

Q = sql.load(__package__, "people")


def add(conn: psycopg.Connection[Any]) -> None:
    """Draw the citizens, and put them down."""
    for statement in (
        Q.draw_people, Q.draw_papers, Q.add_citizens, Q.add_registrations, Q.add_homes
    ):
        conn.execute(statement)
