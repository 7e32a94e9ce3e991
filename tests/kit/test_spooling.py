"""Long answers wait in a file for readers that take them slowly."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import eventually
from vazao.kit.web.spooling import BLOCK_BYTES, WAITING_AT_MOST, Outgoing

pytestmark = pytest.mark.anyio
LONG = b"0123456789" * BLOCK_BYTES


class Taken:
    """The server's side of an answer: what it was handed."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    async def send(self, message: Any) -> None:
        self.messages.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)

    @property
    def largest(self) -> int:
        return max(len(message.get("body", b"")) for message in self.messages)


def start(status: int = 200, **headers: str) -> Any:
    return {"type": "http.response.start", "status": status, "headers": [
        (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
    ]}


def body(content: bytes, *, more: bool = False) -> Any:
    return {"type": "http.response.body", "body": content, "more_body": more}


async def answer(taken: Taken, folder: Path, *messages: Any) -> None:
    outgoing = Outgoing(taken.send, folder)
    try:
        for message in messages:
            await outgoing.send(message)
        await outgoing.finish()
    finally:
        outgoing.close()


async def test_a_short_answer_goes_as_it_came(tmp_path: Path) -> None:
    taken, messages = Taken(), [start(), body(b"x" * BLOCK_BYTES)]
    await answer(taken, tmp_path, *messages)
    assert taken.messages == messages


async def test_a_long_answer_goes_block_by_block(tmp_path: Path) -> None:
    taken = Taken()
    await answer(taken, tmp_path, start(content_length=str(len(LONG))), body(LONG))
    assert taken.messages[0] == start(content_length=str(len(LONG)))
    assert taken.body == LONG
    assert taken.largest == BLOCK_BYTES
    assert [message["more_body"] for message in taken.messages[1:]] == [True] * 10 + [False]
    assert list(tmp_path.iterdir()) == []


async def test_what_is_streamed_already_is_left_alone(tmp_path: Path) -> None:
    taken = Taken()
    messages = [start(), body(LONG, more=True), body(LONG, more=True), body(LONG)]
    await answer(taken, tmp_path, *messages)
    assert taken.messages == messages


async def test_without_a_disk_the_answer_goes_as_it_is(tmp_path: Path) -> None:
    taken = Taken()
    await answer(taken, tmp_path / "missing", start(), body(LONG))
    assert taken.body == LONG


async def test_too_many_that_wait_are_refused(tmp_path: Path) -> None:
    refused = Taken()
    gate = asyncio.Event()

    class Slow(Taken):
        async def send(self, message: Any) -> None:
            await gate.wait()
            await super().send(message)

    crowd = [Slow() for _ in range(WAITING_AT_MOST)]
    readers = [
        asyncio.create_task(answer(taken, tmp_path, start(), body(LONG[: BLOCK_BYTES + 1])))
        for taken in crowd
    ]

    async def all_wait() -> bool:
        return Outgoing.waiting == WAITING_AT_MOST

    await eventually(all_wait)
    await answer(
        refused, tmp_path, start(content_type="text/csv", x_request_id="r1", etag="x"), body(LONG)
    )
    said = {name.decode(): value.decode() for name, value in refused.messages[0]["headers"]}
    assert refused.messages[0]["status"] == 503
    assert said == {
        "x-request-id": "r1", "content-type": "application/json", "retry-after": "5",
        "content-length": str(len(refused.body)),
    }
    assert json.loads(refused.body)["error"]["code"] == "answers_waiting"
    gate.set()
    await asyncio.gather(*readers)
    assert {len(taken.body) for taken in crowd} == {BLOCK_BYTES + 1}
    assert Outgoing.waiting == 0


async def test_a_reader_that_leaves_gives_its_file_back(tmp_path: Path) -> None:
    class Gone(Taken):
        async def send(self, message: Any) -> None:
            raise OSError("the client is gone")

    with pytest.raises(OSError, match="gone"):
        await answer(Gone(), tmp_path, start(), body(LONG))
    assert Outgoing.waiting == 0
