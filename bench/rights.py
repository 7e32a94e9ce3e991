"""What a measurement may do on an embedded server and the platform may not."""

from __future__ import annotations

from pathlib import Path

import psycopg

from vazao.kit.embedded.server import EmbeddedPostgres


def admin_url(folder: Path) -> str:
    """The address of the superuser of the server of *folder*, which runs."""
    url = EmbeddedPostgres(folder).admin_url()
    assert url
    return url


def widen(folder: Path) -> None:
    """Let the platform's role ask for checkpoints, read all figures and make databases.

    None of it changes how a statement of the platform runs.
    """
    with psycopg.connect(admin_url(folder), autocommit=True) as conn:
        conn.execute("create extension if not exists pg_stat_statements")
        conn.execute("grant pg_checkpoint, pg_read_all_stats to vazao")
        conn.execute("alter role vazao createdb")
