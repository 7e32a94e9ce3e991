"""Jobs as time leaves them: rows written straight into the tables, for what pages show of them."""

from __future__ import annotations

import secrets
from typing import Any

from psycopg.types.json import Jsonb

from vazao.kit.platform import Platform

JOB = """
insert into jobs.job (token, organization_id, kind, status, step, requested_at, started_at,
    finished_at, execution_seconds, progress, error, result, parts_total, parts_done, attempts,
    phase, bytes_total, requested_by)
values (%(token)s, %(organization_id)s, %(kind)s, %(status)s, 'only',
    now() - make_interval(secs => %(ago)s),
    case when %(status)s <> 'queued' then now() - make_interval(secs => %(ago)s - %(queue)s) end,
    case when %(status)s in ('finished', 'failed', 'cancelled')
        then now() - make_interval(secs => %(ago)s - %(lead)s) end,
    %(execution)s, %(progress)s, %(error)s, %(result)s, %(parts)s, %(parts)s, %(attempts)s,
    %(phase)s, %(bytes_total)s, 'ana')
returning id
"""
PARTS = """
insert into jobs.part (job_id, number, organization_id, kind, step, state, attempts, errors, lost,
    requested_at, started_at, finished_at, cost, cost_actual)
select %(job_id)s, n, %(organization_id)s, %(kind)s,
    case when n = 1 then 'plan' when n = %(parts)s then 'join' else 'slice' end, 'done',
    1 + (n = 5)::int + (n = 7)::int, (n = 5)::int, (n = 7)::int, j.requested_at,
    j.requested_at + make_interval(secs => 0.1 + n * 0.05),
    j.requested_at + make_interval(secs => 0.3 + n * 0.05), 0.25, 0.2
from generate_series(1, %(parts)s) as n, jobs.job as j where j.id = %(job_id)s
"""


async def write_job(
    platform: Platform, organization_id: int, kind: str = "test.echo", status: str = "finished",
    *, parts: int = 1, error: dict[str, Any] | None = None, result: Any = None, **more: Any,
) -> str:
    """A job of that *status* with its parts; its public id."""
    values = {
        "ago": 60.0, "queue": 0.5, "lead": 4.0, "execution": 3.0, "progress": 1.0, "attempts": 1,
        "phase": None, "bytes_total": None,
    } | more | {
        "token": secrets.token_hex(16), "organization_id": organization_id, "kind": kind,
        "status": status, "parts": parts,
        "error": None if error is None else Jsonb(error),
        "result": None if result is None else Jsonb(result),
    }
    async with platform.db.transaction() as conn:
        row = await (await conn.execute(JOB, values)).fetchone()
        assert row is not None
        await conn.execute(PARTS, values | {"job_id": row[0]})
    return str(values["token"])
