"""The tables of facts: what stands before their rows, and what comes after them."""

from __future__ import annotations

from typing import Any

import psycopg

from vazao.kit import sql

Q = sql.load(__package__, "facts")


def create(conn: psycopg.Connection[Any]) -> None:
    """Create those that lists read, empty."""
    for statement in (Q.create_people, Q.create_homes, Q.create_visits, Q.create_vaccinations):
        conn.execute(statement)


def create_others(conn: psycopg.Connection[Any]) -> None:
    """Create those that no list reads, with some rows; the citizens have been drawn."""
    conn.execute(Q.create_other_facts)
    conn.execute(Q.create_processing)


def end(conn: psycopg.Connection[Any]) -> None:
    """Add keys and indexes, and let the planner know the tables."""
    conn.execute(Q.add_keys)
    conn.execute(Q.analyze_tables)
