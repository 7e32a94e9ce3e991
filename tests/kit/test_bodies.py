"""The pace of bodies: what is too slow ends, what comes along is let come."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from vazao.kit.settings import Settings
from vazao.kit.web.bodies import Body, BodyTooSlow, ClientLeft, announced

pytestmark = pytest.mark.anyio


class Client:
    """Sends *size* bytes every *pause* seconds, *count* times, then leaves."""

    def __init__(self, size: int, pause: float, count: int) -> None:
        self.size, self.pause, self.left = size, pause, count

    async def receive(self) -> Any:
        self.left -= 1
        if self.left < 0:
            return {"type": "http.disconnect"}
        here = asyncio.Event()
        asyncio.get_running_loop().call_later(self.pause, here.set)
        await here.wait()
        return {"type": "http.request", "body": bytes(self.size), "more_body": self.left > 0}


def body(client: Client, stall: float, rate: int) -> Body:
    settings = Settings(_env_file=None, stall_seconds=stall, body_bytes_per_second=rate)  # type: ignore[call-arg]
    return Body({"headers": []}, client.receive, settings)  # type: ignore[typeddict-item]


async def whole(incoming: Body) -> int:
    got = 0
    while not incoming.whole:
        got += len((await incoming.receive()).get("body", b""))
    return got


async def test_a_body_that_stops_is_given_up() -> None:
    with pytest.raises(BodyTooSlow):
        await whole(body(Client(1000, 60, 1), 0.05, 1))


async def test_bytes_that_came_quickly_buy_no_silence() -> None:
    client = Client(1_000_000, 0, 2)
    incoming = body(client, 0.05, 1)
    await incoming.receive()
    client.pause = 60
    with pytest.raises(BodyTooSlow):
        await incoming.receive()


async def test_a_trickle_is_given_up() -> None:
    client = Client(1, 0.01, 10_000)
    with pytest.raises(BodyTooSlow):
        await whole(body(client, 0.2, 1000))
    assert client.left > 9000


async def test_what_keeps_the_pace_may_take_longer_than_a_silence() -> None:
    assert await whole(body(Client(1000, 0.01, 120), 1.0, 1000)) == 120_000


async def test_our_own_work_costs_the_client_nothing() -> None:
    client = Client(1, 0, 3)
    incoming = body(client, 0.5, 1000)
    for _ in range(3):
        await incoming.receive()
        await Client(1, 0.3, 1).receive()
    assert incoming.whole


async def test_a_client_that_leaves_is_named() -> None:
    client = Client(1, 0, 2)
    incoming = body(client, 5, 1)
    await incoming.receive()
    client.left = 0
    with pytest.raises(ClientLeft):
        await incoming.receive()


@pytest.mark.parametrize("client", [Client(1, 60, 1), Client(1, 0, 0)])
async def test_once_the_answer_has_begun_its_end_is_told_not_raised(client: Client) -> None:
    incoming = body(client, 0.05, 1)
    incoming.answering = True
    assert (await incoming.receive())["type"] == "http.disconnect"


async def test_after_its_end_nothing_is_hurried() -> None:
    client = Client(1, 0, 1)
    incoming = body(client, 0.05, 1)
    assert await whole(incoming) == 1
    client.left, client.pause = 1, 0.2
    assert (await incoming.receive())["type"] == "http.request"


@pytest.mark.parametrize(("headers", "expected"), [
    ([], False), ([(b"content-length", b"0")], False), ([(b"content-length", b"7")], True),
    ([(b"transfer-encoding", b"chunked")], True),
])
def test_whether_a_body_is_announced(headers: list[Any], expected: bool) -> None:
    assert announced({"headers": headers}) is expected  # type: ignore[typeddict-item]
