"""Vaccinations and their doses."""

from __future__ import annotations

from typing import Any

import psycopg

from vazao.kit import sql

Q = sql.load(__package__, "vaccinations")


def add(conn: psycopg.Connection[Any]) -> None:
    """Draw the doses that citizens got, and put them down; pregnancies have been drawn."""
    for statement in (Q.draw_doses, Q.add_vaccinations, Q.add_doses):
        conn.execute(statement)
