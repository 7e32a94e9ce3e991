"""Migrations: numbered Alembic revisions that hold plain SQL; applied ones never change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from alembic.command import upgrade as _upgrade
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError

from vazao.kit.errors import DatabaseUnavailable

HERE = Path(__file__).resolve().parent
LOCK = 7_306_084_253
# By SQLSTATE; all others get the last.
REMEDIES = {
    "42501": "Allow this role to create schemas and the extensions pg_trgm and unaccent in this "
    "database, or migrate as the database's owner.",
    "58P01": "Install PostgreSQL's contrib package on the server; it brings pg_trgm and unaccent.",
    "0A000": "Install PostgreSQL's contrib package on the server; it brings pg_trgm and unaccent.",
    "55P03": "Try again when no long query is running on the database.",
    "53100": "Free some space on the server's disk, then run vazao migrate again.",
    "": "Fix this on the server, then run vazao migrate again.",
}


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
        DatabaseUnavailable: the server refused, with its reason; or a newer Vazão has migrated it.
    """
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=10) as guard:
            guard.execute("select pg_advisory_lock(%s)", [LOCK])
            before = current(url)
            if before != head():
                _refuse_newer(before)
                _upgrade(config(url), "head")
            return before, head()
    except DBAPIError as error:
        # The revisions run through SQLAlchemy, which wraps what psycopg raises.
        raise _refused(error.orig) from error
    except psycopg.Error as error:
        raise _refused(error) from error


def _refuse_newer(revision: str | None) -> None:
    known = {found.revision for found in ScriptDirectory.from_config(config()).walk_revisions()}
    if revision is not None and revision not in known:
        raise DatabaseUnavailable(
            "The database belongs to a newer Vazão (revision {found}; this one knows {newest}).",
            remedy="Run that version or a newer one, or set another database in "
            "VAZAO_DATABASE_URL.",
            found=revision, newest=head(),
        )


def _refused(error: Any) -> DatabaseUnavailable:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    state = getattr(error, "sqlstate", None) or ""
    return DatabaseUnavailable(
        "The database could not be migrated: {reason}.",
        remedy=REMEDIES.get(state, REMEDIES[""]), reason=reason.rstrip("."),
    )
