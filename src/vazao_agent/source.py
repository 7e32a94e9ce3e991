"""The source: a read-only look at a PostgreSQL database, from 9.6 on."""

from __future__ import annotations

import os
import ssl
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError, InterfaceError

from vazao_agent.errors import AgentError
from vazao_agent.wire import PINNED

CONNECT_SECONDS = 20
LOOK_SECONDS = 300
SETTLED = {
    # The catalogue first: a site's own function never stands in for the server's.
    "search_path": "pg_catalog, public", "statement_timeout": f"{LOOK_SECONDS}s",
    # A list's timeout is its own; between its statements the agent compares what it read.
    "lock_timeout": "0", "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0", "transaction_timeout": "0",
    # What the words of a list mean.
    "standard_conforming_strings": "on", "backslash_quote": "safe_encoding", "array_nulls": "on",
    "transform_null_equals": "off", "timezone_abbreviations": "Default",
    "lc_monetary": "C", "lc_numeric": "C", "lc_time": "C",
    # Compiling a list costs more than reading it, where the server would do so.
    "jit": "off", "client_min_messages": "error",
}
"""What else a site's server, database or role may have set that would change a list or end it;
a server does not know all of them."""
CAUSES = {
    "28": "database_login", "3D": "database_login", "42501": "database_permission",
    "42703": "schema_changed", "42P01": "schema_changed", "42883": "schema_changed",
    "57014": "query_timeout", "57P": "database_down", "08": "database_down",
    "53300": "database_down",
}


class Taker(Protocol):
    """Takes the lines of a COPY."""

    def write(self, line: bytes, /) -> object:
        """One line, with its end."""
        ...


def cause_of(error: DatabaseError) -> AgentError:
    """A server's refusal as a failure; its text without the values that servers put into it."""
    told = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    state, message = str(told.get("C", "")), str(told.get("M", error))
    found = [CAUSES[state[:n]] for n in (5, 3, 2) if state[:n] in CAUSES]
    # What is wrong with a value shows it: class 22 is data, class 23 constraints.
    shown = "a value of the list cannot be read" if state[:2] in ("22", "23") else message
    return AgentError((found or ["query_error"])[0], f"PostgreSQL: {shown} ({state}).")


@contextmanager
def connected(address: str, password: str | None) -> Generator[CoreConnection]:
    """A connection with all settings pinned that text depends on.

    Raises:
        AgentError: ``database_down``, ``database_login``.
    """
    place = urlsplit(address)
    try:
        conn = CoreConnection(
            unquote(place.username or "postgres"), host=place.hostname or "localhost",
            port=place.port or 5432, database=unquote(place.path.lstrip("/")) or "postgres",
            password=password or os.environ.get("PGPASSWORD") or "", timeout=CONNECT_SECONDS,
            application_name="vazao-agent", tcp_keepalive=True, ssl_context=_tls(place.query),
            # From the first byte on: what a server says of itself need not be ASCII.
            startup_params={"client_encoding": PINNED["client_encoding"]},
        )
    except DatabaseError as error:
        found = cause_of(error)
        # A server may let nobody in: later on, the same state means something else.
        is_shut = "(55000)" in found.message
        raise (AgentError("database_down", found.message) if is_shut else found) from error
    except (InterfaceError, OSError) as error:
        said = str(error).rstrip(".")
        raise AgentError("database_down", f"The database cannot be reached: {said}.") from error
    try:
        # Reading a list may take longer than connecting.
        if conn._usock is not None:
            conn._usock.settimeout(None)
        _settle(conn)
        yield conn
    finally:
        with suppress(InterfaceError, OSError):
            conn.close()


def _settle(conn: CoreConnection) -> None:
    """Pin every setting, before anything else is asked."""
    # First, alone: a role's own timeout may be shorter than looking the others up takes.
    run(conn, f"set statement_timeout to '{SETTLED['statement_timeout']}'")
    settings = ", ".join(f"('{name}', '{value}')" for name, value in (SETTLED | PINNED).items())
    run(conn, "select pg_catalog.set_config(s.name, v.value, false) "
        f"from pg_catalog.pg_settings as s join (values {settings}) as v (name, value) "
        "on v.name = pg_catalog.lower(s.name)")


def encoding(conn: CoreConnection) -> str:
    """How the database's text is encoded; ``SQL_ASCII`` where it does not know."""
    return str(run(conn, "show server_encoding")[0][0])


def _tls(query: str) -> Any:
    if "sslmode=verify" in query:
        return ssl.create_default_context()
    if "sslmode=require" in query:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context
    return None


@contextmanager
def snapshot(conn: CoreConnection, timeout: int) -> Generator[None]:
    """One read-only snapshot; no statement in it takes longer than *timeout* seconds."""
    run(conn, "begin isolation level repeatable read, read only")
    run(conn, f"set local statement_timeout to {timeout * 1000}")
    yield
    run(conn, "rollback")


def run(conn: CoreConnection, statement: str) -> list[Any]:
    """The rows of *statement*.

    Raises:
        AgentError: the cause says why not.
    """
    with _told():
        return conn.execute_simple(statement).rows or []


def names(conn: CoreConnection, statement: str, timeout: int) -> list[str]:
    """The columns that *statement* gives.

    Raises:
        AgentError: the cause says why not.
    """
    with snapshot(conn, timeout), _told():
        found = conn.execute_simple(statement).columns or []
    return [str(each["name"]) for each in found]


def copy_out(conn: CoreConnection, statement: str, taker: Taker) -> None:
    """Hand each line of a COPY to *taker*.

    Raises:
        AgentError: the cause says why not.
    """
    with _told():
        conn.execute_unnamed(statement, stream=taker)


@contextmanager
def _told() -> Generator[None]:
    try:
        yield
    except DatabaseError as error:
        raise cause_of(error) from error
    except (InterfaceError, OSError) as error:
        raise AgentError("database_down", f"The database went away: {error}.") from error
