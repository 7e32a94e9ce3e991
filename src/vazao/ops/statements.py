"""Statements: those that an index would make quick, and those whose plan turned.

A statement is looked at only while it keeps a noticeable share of a core busy.
"""

from __future__ import annotations

from psycopg import sql as psql

from vazao.kit.findings import Finding
from vazao.kit.sql import Conn
from vazao.ops import plans, store
from vazao.ops.conditions import columns_of
from vazao.ops.models import Usual
from vazao.ops.reading import StatementChange
from vazao.ops.sight import Sight
from vazao.ops.store.plans import Plan

BUSY_SHARE = 0.05
"""Of one core, in the time looked at."""
SLOW_MS = 5.0
MANY_BLOCKS = 200
MOST = 5
LARGE_ROWS = 10_000
FEW_SHARE = 0.05
"""Of a table's rows: who takes more is served by reading all of it."""
CHEAPER = 0.5
TURNED_TIMES = 5.0
SURE_READINGS = 6
TEXT_LENGTH = 120
KEPT_TEXTS = 2_000


class Texts:
    """Texts of statements, kept: asking for one reads the file of all."""

    def __init__(self, _platform: object = None) -> None:
        self._found: dict[int, str | None] = {}

    async def of(self, conn: Conn, schema: str, queryid: int) -> str | None:
        """A statement's text."""
        if queryid not in self._found:
            if len(self._found) >= KEPT_TEXTS:
                self._found.clear()
            found = await store.counters.texts(conn, schema, [queryid])
            self._found[queryid] = found.get(queryid)
        return self._found[queryid]


def shortened(text: str) -> str:
    """*text* on one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= TEXT_LENGTH else f"{line[:TEXT_LENGTH - 1]}…"


def busy(sight: Sight) -> list[StatementChange]:
    """The statements that take most time, those that take little left out."""
    change = sight.change
    if change is None or change.schema is None:
        return []
    least = BUSY_SHARE * 1000 * change.seconds
    found = [s for s in change.statements if s.ms >= least and s.mean_ms >= SLOW_MS]
    return sorted(found, key=lambda statement: -statement.ms)[:MOST]


async def _explained(sight: Sight, statement: StatementChange) -> tuple[str, Plan] | None:
    assert sight.change is not None
    assert sight.change.schema is not None
    texts = sight.platform.keep(Texts)
    text = await texts.of(sight.conn, sight.change.schema, statement.queryid)
    plan = await store.plans.plan_of(sight.conn, text) if text else None
    return (text, plan) if text and plan else None


async def missing_indexes(sight: Sight) -> list[Finding]:
    """Statements that read a large table from end to end for a few of its rows."""
    found: dict[tuple[str, str], Finding] = {}
    for statement in busy(sight):
        if statement.blocks < MANY_BLOCKS:
            continue
        explained = await _explained(sight, statement)
        for scan in plans.whole_reads(explained[1]) if explained else ():
            finding = await _missing(sight, statement, scan, *explained) if explained else None
            if finding is not None:
                found.setdefault(finding.identity, finding)
    return list(found.values())


async def _missing(
    sight: Sight, statement: StatementChange, scan: plans.Scan, text: str, plan: Plan
) -> Finding | None:
    assert sight.change is not None
    table = next((t.now for t in sight.change.tables if t.now.name == scan.table), None)
    if table is None or table.rows < LARGE_ROWS or scan.rows > FEW_SHARE * table.rows:
        return None
    columns = columns_of(scan.condition)
    if not columns or columns[0] in await store.counters.leading(sight.conn, scan.table):
        return None
    listed = ", ".join(psql.Identifier(name).as_string() for name in columns)
    if not await _agreed(sight.conn, f"create index on {scan.table} ({listed})", text, plan):
        return None
    return Finding(
        code="index_missing", subject=f"{scan.table} ({', '.join(columns)})",
        message="A statement reads all {rows} rows of {table} each time for a few of them: {calls} "
        "calls in {seconds}, {mean_seconds} each. {statement}",
        remedy="Create the index: create index concurrently on {table} ({columns})",
        params={
            "rows": table.rows, "table": scan.table, "calls": statement.calls,
            "seconds": sight.change.seconds, "mean_seconds": statement.mean_ms / 1000,
            "statement": shortened(text), "columns": listed,
        },
    )


async def _agreed(conn: Conn, index: str, text: str, plan: Plan) -> bool:
    """Whether the planner expects half the cost with *index*, where it can be asked."""
    try:
        other = await store.plans.plan_with(conn, index, text)
    except LookupError:
        return True
    return other is not None and other["Total Cost"] <= CHEAPER * plan["Total Cost"]


async def turned_plans(sight: Sight) -> list[Finding]:
    """Statements that take much longer than usual, by another plan than usual."""
    candidates = busy(sight)
    if not candidates:
        return []
    usual = await store.usual.of(sight.conn, [each.queryid for each in candidates])
    found: list[Finding] = []
    for statement in candidates:
        known = usual.get(statement.queryid)
        if known is None or not is_slower(statement, known):
            continue
        explained = await _explained(sight, statement)
        if explained is None or plans.print_of(explained[1]) == known.plan:
            continue
        text, plan = explained
        found.append(Finding(
            code="plan_turned", subject=str(statement.queryid),
            message="A statement takes {mean_seconds} instead of {usual_seconds}: the database now "
            "works on it in another way ({reads}). {statement}",
            remedy="Let the database count its rows anew: analyze {tables}. If that does not help, "
            "look for an index that was removed and for statistics that were set by hand.",
            params={
                "mean_seconds": statement.mean_ms / 1000, "usual_seconds": known.usual_ms / 1000,
                "reads": plans.reads_of(plan), "tables": ", ".join(plans.tables_of(plan)),
                "statement": shortened(text),
            },
        ))
    return found


def is_slower(statement: StatementChange, known: Usual) -> bool:
    """Whether *statement* takes several times what is known to be usual, by its usual plan."""
    return (
        known.plan is not None and known.readings >= SURE_READINGS
        and statement.mean_ms >= TURNED_TIMES * known.usual_ms
    )


LOOKS = (missing_indexes, turned_plans)
