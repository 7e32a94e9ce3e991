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
select m.co_ibge from (select co_dim_municipio from tb_fat_cad_individual limit 10000) f
join tb_dim_municipio m on m.co_seq_dim_municipio = f.co_dim_municipio
where m.co_ibge ~ '^[0-9]{6,7}$' group by 1 order by count(*) desc limit 1
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
    if _has(conn, "tb_dim_municipio") and _has(conn, "tb_fat_cad_individual"):
        # Neighbours stand among the municipalities: the site's own is where its people are.
        rows = source.run(conn, IBGE)
        found["ibge"] = str(rows[0][0]) if rows else None
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
