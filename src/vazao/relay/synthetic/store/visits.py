"""Consultations, procedures, dentistry and visits at home."""

from __future__ import annotations

from typing import Any

import psycopg

from vazao.kit import sql

Q = sql.load(__package__, "visits")


def add(conn: psycopg.Connection[Any]) -> None:
    """Draw what happened to the citizens, and put it down."""
    for statement in (
        Q.draw_pregnancies, Q.draw_smears, Q.draw_visits, Q.add_consultations, Q.add_problems,
        Q.add_procedures, Q.add_handlings, Q.add_dentistry, Q.add_calls,
    ):
        conn.execute(statement)
