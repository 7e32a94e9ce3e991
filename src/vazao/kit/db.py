"""PostgreSQL: one pool a process, and transactions at the edges.

Stores receive a connection and never commit; the edges (a route, a task, a command) open the
transaction. Rows come as tuples unless a store asks for a struct with :func:`rows_of`.
"""

from __future__ import annotations

import asyncio
import select
import time
import traceback
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, nullcontext
from typing import Any, Self, TypeVar

import msgspec
import psycopg
from psycopg import AsyncConnection, AsyncCursor
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import RowMaker
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from vazao.kit.errors import ConfigurationError, DatabaseUnavailable

set_json_dumps(msgspec.json.encode)
set_json_loads(msgspec.json.decode)

Struct = TypeVar("Struct", bound=msgspec.Struct)
MINIMUM_VERSION = 150000
RECONNECT_SECONDS = 10.0
PATIENT_SHARE = 3
DRAIN_SECONDS = 1.0
"""Those who find dead connections at the same time empty the pool once."""
REACH = {
    "connect_timeout": "10", "keepalives_idle": "10", "keepalives_interval": "5",
    "keepalives_count": "3", "tcp_user_timeout": "20000",
}
"""How soon a client gives up a server that is cut off: within 25 s, where systems take hours."""
SERVER_REACH = {
    "tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
"""The same for the server: what a client that is cut off had locked is free again."""
SESSION = SERVER_REACH | {"jit": "off"}
"""What a session is told at its start. Servers that compile statements (Debian's do) took ten times
as long for an import of small slices: each was compiled anew.
"""


def reach_of(url: str) -> dict[str, str]:
    """:data:`REACH`, but for what *url* says itself."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # Whoever connects says what is wrong with it.
        return dict(REACH)
    return {name: value for name, value in REACH.items() if name not in given}


async def begin_session(conn: AsyncConnection[Any]) -> None:
    """Tell the server :data:`SESSION`.

    Said in the session, not as it is opened: poolers refuse what they do not know.
    """
    calls = ", ".join(["set_config(%s, %s, false)"] * len(SESSION))
    values = [text for pair in SESSION.items() for text in pair]
    await conn.execute(f"select {calls}".encode(), values)


def rows_of(model: type[Struct]) -> Callable[[AsyncCursor[Any]], RowMaker[Struct]]:
    """A row factory that makes *model* from columns of the same names."""

    def factory(cursor: AsyncCursor[Any]) -> RowMaker[Struct]:
        names = [c.name for c in cursor.description or ()]

        def make(values: Any) -> Struct:
            return msgspec.convert(dict(zip(names, values, strict=True)), model, strict=False)

        return make

    return factory


class Connection(AsyncConnection[Any]):
    """A connection of a pool, with the topics that change by what it is doing."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.changes: dict[str, None] = {}

    @classmethod
    async def connect(cls, conninfo: str = "", **options: Any) -> Self:
        """Connect; an attempt that is given up leaves nothing open.

        The frames that it passed through would keep the half-open connection until the garbage
        collector came by, and the server, which waits a minute for such a client, would let nobody
        drop a database meanwhile.
        """
        try:
            return await super().connect(conninfo, **options)
        except BaseException as error:
            traceback.clear_frames(error.__traceback__)
            raise


class Database:
    """A pool of connections to one address, opened and closed with the process.

    Args:
        url: a ``postgresql://`` address.
        max_size: connections at most.
        pooled: whether a transaction pooler stands between (then nothing is prepared).
        name: shown in ``pg_stat_activity``.

    The pool's waits between two attempts to connect double: it begins them anew after
    :data:`RECONNECT_SECONDS`, lest it sleep on while the server has long been back.
    """

    def __init__(
        self, url: str, *, max_size: int = 10, pooled: bool = False, name: str = "vazao"
    ) -> None:
        self.url = url
        options: dict[str, Any] = {
            "autocommit": True, "application_name": name, **reach_of(url)
        }
        if pooled:
            options["prepare_threshold"] = None
        self.pool = AsyncConnectionPool(
            url, connection_class=Connection, kwargs=options, min_size=1, max_size=max_size,
            open=False, timeout=10.0, name=name,
            configure=None if pooled else begin_session, reconnect_timeout=RECONNECT_SECONDS,
            check=self._check,
        )
        self._drained = 0.0
        self._patient = asyncio.Semaphore(max(1, max_size // PATIENT_SHARE))
        # Is handed the topics of what was committed (:mod:`vazao.kit.announcing`).
        self.announce: Callable[[dict[str, None]], object] | None = None

    async def _check(self, conn: AsyncConnection[Any]) -> None:
        """See that the server has not ended an idle connection, without asking it.

        Idle, it has nothing to say; what is readable is the end, or is asked about. When one
        ended its siblings did, too: left in the pool, each would cost a wait that doubles.
        """
        waiting = select.poll()
        try:
            waiting.register(conn.fileno(), select.POLLIN)
            if waiting.poll(0):
                await AsyncConnectionPool.check_connection(conn)
        except psycopg.OperationalError:
            if time.monotonic() - self._drained > DRAIN_SECONDS:
                self._drained = time.monotonic()
                await self.pool.drain()
            raise

    async def open(self) -> None:
        """Open the pool.

        Raises:
            DatabaseUnavailable: nobody answers there, or the server is too old.
        """
        await asyncio.to_thread(check_server, self.url)
        await self.pool.open()

    async def close(self) -> None:
        """Close every connection."""
        await self.pool.close()

    @asynccontextmanager
    async def connection(self, *, patient: bool = False) -> AsyncGenerator[Connection]:
        """A connection outside a transaction (autocommit).

        Args:
            patient: it is for what comes in crowds and can wait, such as uploads that begin or
                end: all of it together holds a third of the connections at most.

        Raises:
            DatabaseUnavailable: none became free, or the server is gone.
        """
        async with self._patient if patient else nullcontext():
            try:
                async with self.pool.connection() as conn:
                    try:
                        yield conn
                    finally:
                        self._hand_on(conn)
            except PoolTimeout as error:
                raise DatabaseUnavailable(
                    remedy="Try again in a moment.", retry_after=5
                ) from error

    @asynccontextmanager
    async def transaction(self, *, patient: bool = False) -> AsyncGenerator[Connection]:
        """A connection inside one transaction: committed at the end, rolled back on error.

        Args:
            patient: as in :meth:`connection`.
        """
        async with self.connection(patient=patient) as conn:
            try:
                async with conn.transaction():
                    yield conn
            except BaseException:
                conn.changes.clear()
                raise

    def _hand_on(self, conn: Connection) -> None:
        """Announce what changed: a transaction that was rolled back has taken its notes away."""
        if conn.changes:
            changes, conn.changes = conn.changes, {}
            if self.announce is not None:
                self.announce(changes)


def unreadable(name: str) -> ConfigurationError:
    """The error of an address that is none; it is not quoted, as its password might be.

    Args:
        name: the setting that holds it.
    """
    return ConfigurationError(
        "{name} cannot be read.",
        remedy="Write it as postgresql://user:password@host:port/name, with the password "
        "percent-encoded.",
        name=name,
    )


def check_server(url: str, *, timeout: int = 10) -> int:
    """The server's version number, if it answers and is new enough.

    Raises:
        ConfigurationError: *url* is no address; it is not quoted, as its password might be.
        DatabaseUnavailable: with one sentence that says what to do.
    """
    try:
        with psycopg.connect(url, connect_timeout=timeout) as conn:
            version = conn.info.server_version
    except psycopg.ProgrammingError:
        raise unreadable("VAZAO_DATABASE_URL") from None
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else "no answer"
        raise DatabaseUnavailable(
            "The database cannot be reached: {reason}.",
            remedy="Check VAZAO_DATABASE_URL, and that the server is running and accepts "
            "connections.",
            reason=reason.rstrip("."),
        ) from error
    if version < MINIMUM_VERSION:
        raise DatabaseUnavailable(
            "The database is PostgreSQL {found}, and Vazão needs 15 or newer.",
            remedy="Upgrade the server, or leave VAZAO_DATABASE_URL unset to use the embedded one.",
            found=version // 10000,
        )
    return version
