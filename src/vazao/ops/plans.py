"""What a plan tells: which tables it reads, how, and what it is told from another by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from psycopg import sql as psql

from vazao.ops.store.plans import Plan


class Scan(NamedTuple):
    """A table read from end to end for the few *rows* that its *condition* takes."""

    table: str
    condition: str
    rows: float


def nodes(plan: Plan) -> Iterator[Plan]:
    """The plan's steps, outer ones first."""
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def table_of(node: Plan) -> str | None:
    """The table that a step reads, with its schema, as the catalogue writes it."""
    if "Relation Name" not in node or "Schema" not in node:
        return None
    return psql.Identifier(node["Schema"], node["Relation Name"]).as_string().replace('"', "")


def print_of(plan: Plan) -> str:
    """What a plan is told from another by: its steps with their tables and indexes."""
    return "; ".join(
        " ".join(filter(None, (
            node["Node Type"], node.get("Index Name") or table_of(node),
        )))
        for node in nodes(plan)
    )[:1000]


def reads_of(plan: Plan) -> str:
    """How a plan reads its tables, in a few words."""
    return ", ".join(dict.fromkeys(
        f"{node['Node Type']} {node.get('Index Name') or table_of(node)}"
        for node in nodes(plan) if "Scan" in node["Node Type"]
        and (node.get("Index Name") or table_of(node))
    ))


def tables_of(plan: Plan) -> list[str]:
    """The tables that a plan reads."""
    return sorted({name for node in nodes(plan) if (name := table_of(node)) is not None})


def whole_reads(plan: Plan) -> list[Scan]:
    """Steps that read a table from end to end and throw rows away by a condition."""
    return [
        Scan(name, node["Filter"], float(node["Plan Rows"]))
        for node in nodes(plan)
        if node["Node Type"] == "Seq Scan" and "Filter" in node
        and (name := table_of(node)) is not None
    ]
