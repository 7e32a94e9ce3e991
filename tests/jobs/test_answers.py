"""What old clients of the root routes read."""

from __future__ import annotations

import msgspec
import pytest

from tests.support.jobs import ask
from vazao.jobs.answers import status_of
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("status", "word"),
    [("queued", "requested"), ("running", "received"), ("finished", "finished"),
     ("failed", "errored"), ("cancelled", "errored")],
)
async def test_old_clients_read_their_own_words(
    platform: Platform, status: str, word: str
) -> None:
    job = msgspec.structs.replace(await ask(platform, "test.echo"), status=status)
    job = msgspec.structs.replace(job, finished_at=job.requested_at if job.ended else None)
    said = status_of(job, "pt_BR")
    assert said["status"] == word
    assert ("lead_time_seconds" in said) == ("execution_time_seconds" in said) == job.ended
    assert ("error" in said) == (word == "errored")
    if status == "cancelled":
        assert said["error"]["message"] == "A tarefa foi cancelada."
