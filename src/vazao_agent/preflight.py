"""The preflight: everything that keeps an agent from working, each with what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vazao_agent import __version__, facts, machine, source
from vazao_agent.causes import explained
from vazao_agent.errors import AgentError
from vazao_agent.files import write_private
from vazao_agent.hub import Hub
from vazao_agent.texts import said

ROOM = 500 << 20
OLDEST = 90600
SUPERUSER = "select rolsuper from pg_roles where rolname = current_user"
UNREADABLE = """
select string_agg(relname, ', ' order by relname) from pg_class
where relkind = 'r' and relnamespace = 'public'::regnamespace
    and relname ~ '^tb_(fat|dim)_' and not has_table_privilege(oid, 'select')
"""


@dataclass(frozen=True)
class Finding:
    """What was looked at, and whether it is well; a *blocker* keeps the agent from working."""

    what: str
    well: bool
    message: str
    blocker: bool = True


def check(
    hub: Hub, address: str, password: str | None, folder: Path
) -> tuple[list[Finding], dict[str, Any] | None]:
    """Look at the state folder, the hub and the source; what was found, and the source's facts."""
    found = [_folder(folder), _hub(hub)]
    try:
        with source.connected(address, password) as conn:
            more, known = _source(conn)
    except AgentError as error:
        return [*found, Finding(
            said("Database", "Banco de dados"), False, explained(error)
        )], None
    return [*found, *more], known


def _folder(folder: Path) -> Finding:
    what = said("State folder", "Pasta de estado")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(folder / "probe", b"")
        (folder / "probe").unlink()
        free = machine.free_bytes(folder)
    except OSError as error:
        return Finding(what, False, said(
            "{folder} cannot be written ({error}). Name another with --state.",
            "Não é possível gravar em {folder} ({error}). Indique outra com --state.",
            folder=folder, error=error.strerror,
        ))
    room = said("{free} MB free", "{free} MB livres", free=free >> 20)
    return Finding(what, free >= ROOM, room, blocker=False)


def _hub(hub: Hub) -> Finding:
    try:
        if hub.is_known:
            hub.post("/check-in", {"version": __version__, "busy": True})
        else:
            hub.get("/hello")
    except AgentError as error:
        return Finding("Hub", False, explained(error))
    if hub.is_open_to_listeners:
        return Finding("Hub", False, said(
            "reachable, but not encrypted: take its https:// address.",
            "acessível, mas sem criptografia: use o endereço https:// dele.",
        ), blocker=False)
    return Finding("Hub", True, said("reachable", "acessível"))


def _source(conn: Any) -> tuple[list[Finding], dict[str, Any]]:
    known = facts.gather(conn)
    (is_super,) = source.run(conn, SUPERUSER)[0]
    (unreadable,) = source.run(conn, UNREADABLE)[0]
    version = f"PostgreSQL {known['server'] // 10000}"
    database = Finding(said("Database", "Banco de dados"), known["server"] >= OLDEST, version)
    role = Finding(said("Role", "Usuário do banco"), not is_super, said(
        "A superuser works, but a role that may only read is enough and safer.",
        "Um superusuário funciona, mas um usuário só de leitura basta e é mais seguro.",
    ) if is_super else said("reads only what it may", "lê só o que pode"), blocker=False)
    tables = Finding(said("Tables", "Tabelas"), unreadable is None, said(
        "The role may not read {tables}. Where a list needs one of them: GRANT SELECT ON … TO …",
        "O usuário não pode ler {tables}. Se uma lista precisar de alguma: GRANT SELECT ON … TO …",
        tables=str(unreadable)[:200],
    ) if unreadable else said("readable", "legíveis"), blocker=False)
    return [database, role, tables], known


def shown(findings: list[Finding]) -> str:
    """Findings as lines."""
    marks = {(True, True): "✓", (True, False): "✓", (False, True): "✗", (False, False): "!"}
    return "\n".join(f"{marks[each.well, each.blocker]} {each.what}: {each.message}"
                     for each in findings)
