"""How a source is made: in one transaction, by statements over whole tables."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from typing import Any

import psycopg

from vazao.relay.synthetic.store import dimensions, facts, people, plan, vaccinations, visits

STEPS: tuple[tuple[str, tuple[Callable[[psycopg.Connection[Any]], None], ...]], ...] = (
    ("dimensions", (dimensions.create,)),
    ("citizens", (facts.create, people.add)),
    ("consultations", (visits.add,)),
    ("vaccinations", (vaccinations.add,)),
    ("other facts", (facts.create_others,)),
    ("keys and indexes", (facts.end,)),
)
"""What a source is made of, in this order; each finds what the former ones drew."""


def make(
    url: str, *, citizens: int, seed: int = 1, ibge: str = "2611606", day: date | None = None,
    say: Callable[[str], object] | None = None,
) -> None:
    """Create and fill a source in an empty database: all of it, or nothing.

    Two sources of the same *citizens*, *seed* and *day* hold the same rows, on any server.

    Args:
        url: of the database, which has no tables.
        citizens: how many; some 70 rows of facts come with each.
        ibge: the code of the municipality that it serves.
        day: the last day on which something has happened; today by default.
        say: is told of each step, and how long it took.

    Raises:
        psycopg.errors.DuplicateTable: the database holds a source already.
    """
    with psycopg.connect(url) as conn:
        plan.begin(conn, citizens=citizens, seed=seed, ibge=ibge, day=day or date.today())
        for name, steps in STEPS:
            began = time.monotonic()
            for step in steps:
                step(conn)
            if say:
                say(f"{name}: {time.monotonic() - began:.1f} s")
