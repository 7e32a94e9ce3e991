"""What an agent finds out about its source: which municipality, how fresh, which version."""

from __future__ import annotations

from typing import Any

from pg8000.core import CoreConnection

from vazao_agent import source

PROCESSED = "select extract(epoch from max(dt_processamento)) from tb_relatorio_processamento"
TABLES = """
select count(*), md5(coalesce(string_agg(table_name || '.' || column_name || ' ' || data_type, ','
    order by table_name, column_name), ''))
from information_schema.columns where table_schema = 'public' and table_name like 'tb\\_%'
"""
IBGE = """
select min(co_ibge), count(distinct co_ibge) from tb_dim_municipio where co_ibge ~ '^[0-9]+$'
"""


def gather(conn: CoreConnection) -> dict[str, Any]:
    """The facts; what a source does not have is ``None``.

    Raises:
        AgentError: the database went away.
    """
    (server,) = source.run(conn, "show server_version_num")[0]
    count, tables = source.run(conn, TABLES)[0]
    found: dict[str, Any] = {"server": int(server), "tables": tables if count else None,
                             "processed_at": None, "ibge": None}
    if _has(conn, "tb_relatorio_processamento"):
        (seconds,) = source.run(conn, PROCESSED)[0]
        found["processed_at"] = None if seconds is None else float(seconds)
    if _has(conn, "tb_dim_municipio"):
        code, codes = source.run(conn, IBGE)[0]
        found["ibge"] = str(code) if codes == 1 else None
    return found


def _has(conn: CoreConnection, table: str) -> bool:
    rows = source.run(conn, f"select 1 from pg_class where oid = to_regclass('public.{table}') "
                      f"and has_table_privilege(oid, 'select')")
    return bool(rows)


def changed(before: dict[str, Any] | None, now: dict[str, Any]) -> bool:
    """Whether the source was upgraded since: another server, or other tables."""
    return before is not None and any(
        before.get(name) is not None and now[name] is not None and before[name] != now[name]
        for name in ("server", "tables")
    )
