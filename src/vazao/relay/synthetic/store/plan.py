"""The plan of a source, and the chance that it is drawn with; both end with the transaction."""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg
from psycopg.sql import Literal

from vazao.kit import sql

Q = sql.load(__package__, "plan")


def begin(
    conn: psycopg.Connection[Any], *, citizens: int, seed: int, ibge: str, day: date
) -> None:
    """Keep what is asked for where the other statements find it."""
    conn.execute(Q.set_memory)
    conn.execute(Q.create_plan.format(
        citizens=Literal(citizens), day=Literal(day), ibge=Literal(ibge)
    ))
    conn.execute(Q.create_draws.format(seed=Literal(seed)))
    conn.execute(Q.create_weights)
