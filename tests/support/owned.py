"""All that belongs to an organization, row by row and file by file, and what changed of it.

Every table of the database is named here, or says itself whose its rows are: a new one fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

OWNED_JOBS = "select id from jobs.job where organization_id = %(id)s"
OWNED_SITES = "select id from relay.site where organization_id = %(id)s and id <> %(beside)s"
OWNED_IMPORTS = "select id from leads.import where organization_id = %(id)s"
OWNED_PROVIDERS = "select id from events.provider where organization_id = %(id)s"
OWNED_USERS = 'select id from accounts."user" where organization_id = %(id)s'
OWNED_QUEUED = f"(args ->> 'job')::bigint in ({OWNED_JOBS})"
REACHED = {
    "accounts.organization": "id = %(id)s",
    "accounts.foreign_hash": f"user_id in ({OWNED_USERS})",
    "accounts.imported_hash": f"user_id in ({OWNED_USERS})",
    "accounts.sign_in": f"user_id in ({OWNED_USERS})",
    "events.aside": f"provider_id in ({OWNED_PROVIDERS})",
    "events.base": f"provider_id in ({OWNED_PROVIDERS})",
    "events.event": f"provider_id in ({OWNED_PROVIDERS})",
    "events.past": (
        f"id in (select id from events.event where provider_id in ({OWNED_PROVIDERS}))"
    ),
    "events.sync": f"provider_id in ({OWNED_PROVIDERS})",
    "events.turn": f"provider_id in ({OWNED_PROVIDERS})",
    "jobs.segment": "upload_id in (select id from jobs.upload where organization_id = %(id)s)",
    "leads.before_image": f"import_id in ({OWNED_IMPORTS})",
    "leads.edge": f"import_id in ({OWNED_IMPORTS})",
    "leads.rejection": f"import_id in ({OWNED_IMPORTS})",
    "leads.trial": f"import_id in ({OWNED_IMPORTS})",
    "leads.warning": f"import_id in ({OWNED_IMPORTS})",
    "notices.delivery": (
        "webhook_id in (select id from notices.webhook where organization_id = %(id)s)"
    ),
    "notices.mail": f"user_id in ({OWNED_USERS})",
    "public.procrastinate_jobs": OWNED_QUEUED,
    "public.procrastinate_events": (
        f"job_id in (select id from public.procrastinate_jobs where {OWNED_QUEUED})"
    ),
    "relay.agent": f"site_id in ({OWNED_SITES})",
    "relay.chunk": f"run_id in (select id from relay.run where site_id in ({OWNED_SITES}))",
    "relay.current": f"site_id in ({OWNED_SITES})",
    "relay.enrolment": f"site_id in ({OWNED_SITES})",
    "relay.journal": f"site_id in ({OWNED_SITES})",
    "relay.run": f"site_id in ({OWNED_SITES})",
    "relay.version": (
        "list_id in (select id from relay.list where organization_id = %(id)s)"
    ),
}
"""Tables without a column that names the organization, and how their rows are reached."""
NOBODYS = {
    "accounts.scheme": "which foreign hashes are in use, without saying whose",
    "accounts.throttle": "counts of failures by a hash of name and address",
    "events.reader": "web processes",
    "jobs.clock": "the time of the fair order",
    "jobs.periodic": "when the platform's own work is due",
    "jobs.rate": "how long work of a kind takes",
    "jobs.worker": "worker processes",
    "ops.alarm": "what was wrong with the platform",
    "ops.sample": "figures of the whole platform",
    "ops.statement": "how long statements take",
    "ops.spent": "what statements took",
    "ops.text": "texts of statements, without values",
    "ops.watch": "which process looks",
    "kit.sent": "hashes of forms that were sent, for ten minutes, and the pages that they led to",
    "public.alembic_version": "the schema's revision",
    "public.procrastinate_periodic_defers": "worker processes",
    "public.procrastinate_workers": "worker processes",
    "relay.loaded": "how many bytes are being loaded, by no name",
    "relay.pace": "how quickly the database takes rows",
}
"""Tables that hold nothing of an organization, and what they hold."""
MAY_CHANGE = {
    "accounts.session": (("last_seen_at",), "a request says that its session is in use"),
    "accounts.token": (("last_used_at",), "a request says that its token is in use"),
}
"""Columns that a refused request may change, and why."""
MAY_COME = {
    "relay.journal": ("what = 'refused'", "the hub notes at a site what it refused in its name"),
}
"""Rows that a refused request may add, and why."""
MADE = {
    "leads_staging": (
        "select 1 from leads.import where organization_id = %(id)s "
        "and %(table)s in (staging, staging || '_r', staging || '_c')"
    ),
    "relay_data": (
        "select 1 from relay.list where organization_id = %(id)s "
        "and %(table)s in ('list_' || id, 'gone_' || id)"
    ),
}
"""Schemas of tables that are made as they are needed, and whether one is an organization's."""


@dataclass(frozen=True)
class Table:
    """A table, and the condition by which its rows are an organization's."""

    name: str
    identifier: sql.Composable
    where: str


Rows = dict[str, list[str]]


class Owned:
    """All rows and files of the organization *id*; *conn* commits by itself.

    ``unknown`` are the tables of which nobody said whose their rows are.
    """

    def __init__(self, conn: psycopg.Connection[Any], id: int, folder: Path) -> None:
        self.conn, self.id, self.folder = conn, id, folder
        self.tables: list[Table] = []
        self.unknown: list[str] = []
        for schema, name, named in conn.execute(TABLES).fetchall():
            whole = f"{schema}.{name}"
            if schema in MADE:
                where = "true" if self._is_mine(schema, name) else None
            elif whole in NOBODYS:
                where = None
            elif whole in REACHED:
                where = REACHED[whole]
            elif named:
                where = "organization_id = %(id)s"
            else:
                self.unknown.append(whole)
                continue
            if where is not None:
                self.tables.append(Table(whole, sql.Identifier(schema, name), where))

    def _is_mine(self, schema: str, table: str) -> bool:
        found = self.conn.execute(MADE[schema], {"id": self.id, "table": table})
        return found.fetchone() is not None

    def digest(self, beside: int = 0) -> str:
        """A digest of it all but what relay keeps of the site *beside*."""
        parts = [
            sql.SQL("select md5(string_agg(md5(({row})::text), '' order by ({row})::text)) as d "
                    "from {table} as t where {where}").format(
                row=_row(table), table=table.identifier, where=sql.SQL(_where(table))  # type: ignore[arg-type]
            ) for table in self.tables
        ]
        whole = sql.SQL("select string_agg(coalesce(d, '-'), '') from ({}) as all_of_them").format(
            sql.SQL(" union all ").join(parts)
        )
        (found,) = self.conn.execute(
            whole, {"id": self.id, "beside": beside}, prepare=True
        ).fetchone() or ("",)
        return f"{found}{sorted(self.files())}"

    def rows(self, beside: int = 0) -> Rows:
        """The rows of each table, and the files, as text."""
        found = {
            table.name: [row for (row,) in self.conn.execute(
                sql.SQL("select ({row})::text from {table} as t where {where} order by 1").format(
                    row=_row(table), table=table.identifier, where=sql.SQL(_where(table))  # type: ignore[arg-type]
                ), {"id": self.id, "beside": beside},
            ).fetchall()] for table in self.tables
        }
        return found | {"files": sorted(map(str, self.files()))}

    def files(self) -> Iterator[tuple[str, int, int]]:
        """The stored files of its uploads: name, bytes, time of the last change."""
        tokens = self.conn.execute(
            "select token from jobs.upload where organization_id = %s", [self.id]
        ).fetchall()
        for (token,) in tokens:
            for file in self.folder.rglob(f"*{token}*/**/*"):
                yield str(file), file.stat().st_size, file.stat().st_mtime_ns


def changes(before: Rows, after: Rows) -> dict[str, list[str]]:
    """What differs, a table each: rows that came with ``+``, rows that went with ``-``."""
    return {
        name: told for name in before if (told := [
            *(f"- {row}" for row in before[name] if row not in after[name]),
            *(f"+ {row}" for row in after[name] if row not in before[name]),
        ])
    }


def _row(table: Table) -> sql.Composable:
    left_out = MAY_CHANGE.get(table.name, ((), ""))[0]
    return sql.SQL("to_jsonb(t)") if not left_out else sql.SQL("to_jsonb(t) - {}::text[]").format(
        sql.Literal(list(left_out))
    )


def _where(table: Table) -> str:
    come = MAY_COME.get(table.name)
    return f"({table.where}) and not ({come[0]})" if come else table.where


TABLES = """
select n.nspname, c.relname, exists (
    select 1 from pg_attribute as a where a.attrelid = c.oid and a.attname = 'organization_id'
    and not a.attisdropped)
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and not c.relispartition
    and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\\_%'
order by 1, 2
"""
