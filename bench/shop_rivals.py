"""Other ways to answer the same searches, each one process; started by ``bench/events.py``.

    python bench/shop_rivals.py constant|valkey|script|postgres ADDRESS PORT SIZE

``constant`` answers SIZE bytes whatever is asked. The others hold the same events; ``fastapi`` is a
module of its own, for uvicorn.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from typing import Any
from urllib.parse import unquote

PREFIX, SUFFIX = b'{"data":{"events":[', b']},"error":null}'
HEAD = [("content-type", "application/json")]
SCRIPT = """
local ids = redis.call('ZRANGEBYSCORE', 'starts', ARGV[1], ARGV[2])
if #ids == 0 then return '' end
local found, last = {}, tonumber(ARGV[2])
for _, row in ipairs(redis.call('MGET', unpack(ids))) do
  local bar = string.find(row, '|', 1, true)
  if tonumber(string.sub(row, 1, bar - 1)) <= last then
    found[#found + 1] = string.sub(row, bar + 1)
  end
end
return table.concat(found, ',')
"""
SQL = """
select string_agg(('{"id":"' || id || '",' || shown), ',' order by starts_at, id)
from events.event
where audience = 0 and first_online_at is not null
and starts_at >= $1 and starts_at <= $2 and ends_at <= $2
"""


def bounds(query: str) -> tuple[datetime, datetime]:
    """The two times of a query."""
    starts, ends = (part.partition("=")[2] for part in query.split("&"))
    return (datetime.fromisoformat(unquote(starts)), datetime.fromisoformat(unquote(ends)))


class Constant:
    """Answers the same bytes."""

    def __init__(self, address: str, size: int) -> None:
        self.body = b"x" * size

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        """Answer."""
        proto.response_bytes(200, HEAD, self.body)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The same by ASGI."""
        if scope["type"] != "http":
            return
        head = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


class Valkey:
    """A sorted set of starts, and MGET of the rows, through redis-py with hiredis."""

    def __init__(self, address: str, size: int) -> None:
        import redis.asyncio

        self.client = redis.asyncio.Redis.from_url(address, max_connections=64)

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        """Answer."""
        starts, ends = (moment.timestamp() for moment in bounds(scope.query_string))
        ids = await self.client.zrangebyscore("starts", starts, ends)
        rows = await self.client.mget(ids) if ids else []
        pairs = (row.partition(b"|") for row in rows)
        found = [json for end, _, json in pairs if float(end) <= ends]
        proto.response_bytes(200, HEAD, PREFIX + b",".join(found) + SUFFIX)


class Script:
    """One script in Valkey, asked through a bare reader of its protocol; requests are pipelined."""

    def __init__(self, address: str, size: int) -> None:
        self.host, _, port = address.removeprefix("redis://").partition(":")
        self.port = int(port)
        self.waiting: asyncio.Queue[asyncio.Future[bytes]] = asyncio.Queue()
        self.ready: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Open the connection and load the script."""
        import hiredis

        reader, self.writer = await asyncio.open_connection(self.host, self.port, limit=1 << 24)
        parser = hiredis.Reader()
        self.writer.write(hiredis.pack_command(("SCRIPT", "LOAD", SCRIPT)))
        while (name := parser.gets()) is False:
            parser.feed(await reader.read(1 << 16))
        self.name, self.pack = name, hiredis.pack_command
        self.reading = asyncio.create_task(self.read(reader, parser))

    async def read(self, reader: asyncio.StreamReader, parser: Any) -> None:
        """Hand each answer to who waits longest."""
        while True:
            while (answer := parser.gets()) is not False:
                self.waiting.get_nowait().set_result(answer)
            parser.feed(await reader.read(1 << 16))

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        """Answer."""
        if self.ready is None:
            self.ready = asyncio.create_task(self.connect())
        if not self.ready.done():
            await self.ready
        starts, ends = (moment.timestamp() for moment in bounds(scope.query_string))
        answer = asyncio.get_running_loop().create_future()
        self.waiting.put_nowait(answer)
        self.writer.write(self.pack(("EVALSHA", self.name, 0, starts, ends)))
        proto.response_bytes(200, HEAD, PREFIX + await answer + SUFFIX)


class Postgres:
    """One prepared statement by the best index, which puts the answer together."""

    def __init__(self, address: str, size: int) -> None:
        self.address = address
        self.pool: Any = None
        self.opening: asyncio.Task[Any] | None = None

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        """Answer."""
        if self.pool is None:
            import asyncpg

            if self.opening is None:
                self.opening = asyncio.ensure_future(
                    asyncpg.create_pool(self.address, min_size=8, max_size=8)
                )
            self.pool = await self.opening
        found = await self.pool.fetchval(SQL, *bounds(scope.query_string))
        proto.response_bytes(200, HEAD, PREFIX + (found or "").encode() + SUFFIX)


KINDS = {"constant": Constant, "valkey": Valkey, "script": Script, "postgres": Postgres}


def factory() -> Any:
    """What the server serves; its arguments are the command's."""
    return KINDS[sys.argv[1]](sys.argv[2], int(sys.argv[4]))


def main() -> None:
    """Serve with the bare server, one process."""
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, Loops

    asgi = len(sys.argv) > 5
    Granian(
        "shop_rivals", address="127.0.0.1", port=int(sys.argv[3]), workers=1,
        interface=Interfaces.ASGINL if asgi else Interfaces.RSGI,
        http=HTTPModes.http1, loop=Loops.uvloop, websockets=False, log_enabled=False,
    ).serve(target_loader=factory, wrap_loader=False)


if __name__ == "__main__":
    main()
