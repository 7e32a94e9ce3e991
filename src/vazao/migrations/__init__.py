"""Migrations: numbered Alembic revisions that hold plain SQL; applied ones never change."""

from __future__ import annotations

from pathlib import Path

import psycopg
from alembic.command import upgrade as _upgrade
from alembic.config import Config
from alembic.script import ScriptDirectory

from vazao.kit.errors import DatabaseUnavailable

HERE = Path(__file__).resolve().parent
LOCK = 7_306_084_253


def config(url: str | None = None) -> Config:
    """Alembic's configuration, without an ini file."""
    made = Config()
    made.set_main_option("script_location", str(HERE))
    made.attributes["url"] = url
    return made


def head() -> str:
    """The newest revision of this package."""
    return ScriptDirectory.from_config(config()).get_current_head() or ""


def current(url: str) -> str | None:
    """The revision that the database stands at, or ``None`` before the first."""
    with psycopg.connect(url, connect_timeout=10) as conn:
        exists = conn.execute("select to_regclass('public.alembic_version')").fetchone()
        if not exists or exists[0] is None:
            return None
        row = conn.execute("select version_num from public.alembic_version").fetchone()
        return row[0] if row else None


def migrate(url: str) -> tuple[str | None, str]:
    """Bring the database to the newest revision; returns (before, after).

    Several processes may call this at once: one works, the others wait for its lock.

    Raises:
        DatabaseUnavailable: the server refused, with its reason.
    """
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=10) as guard:
            guard.execute("select pg_advisory_lock(%s)", [LOCK])
            before = current(url)
            if before != head():
                _upgrade(config(url), "head")
            return before, head()
    except psycopg.Error as error:
        raise DatabaseUnavailable(
            "The database could not be migrated: {reason}.",
            remedy="Check that this role may create schemas and the extensions pg_trgm and "
            "unaccent (trusted in PostgreSQL 13 and newer).",
            reason=str(error).strip().splitlines()[0].rstrip("."),
        ) from error
