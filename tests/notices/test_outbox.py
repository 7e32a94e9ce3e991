"""Telling: in the caller's transaction, to those who want to know, and to nobody else."""

from __future__ import annotations

import pytest

from tests.support.jobs import ask, end_of
from tests.support.kinds import EFFECTS
from tests.support.notices import TYPE, Outbox
from tests.support.receivers import Receiver
from tests.support.waiting import eventually
from vazao.notices import service

pytestmark = pytest.mark.anyio


async def test_nothing_is_written_where_nobody_wants_to_know(
    quiet: Outbox, organization: int, takes: Receiver
) -> None:
    before = await quiet.rows("event")
    assert not await quiet.tell(organization)
    await quiet.webhook(await quiet.found_organization(), takes.url)
    await quiet.webhook(organization, takes.url, "job.ended")
    assert not await quiet.tell(organization)
    assert await quiet.rows("event") == before


async def test_a_webhook_that_is_off_or_removed_is_not_told(
    quiet: Outbox, organization: int, takes: Receiver
) -> None:
    hook, _ = await quiet.webhook(organization, takes.url)
    other, _ = await quiet.webhook(organization, takes.url)
    async with quiet.platform.db.transaction() as conn:
        await service.remove(conn, organization, other.token)
        await service.change(
            conn, quiet.platform, organization, hook.token,
            service.WebhookChanges(enabled=False), quiet.platform.registry.notice_types,
        )
    assert not await quiet.tell(organization)


async def test_what_is_rolled_back_was_never_told(
    quiet: Outbox, organization: int, takes: Receiver
) -> None:
    hook, _ = await quiet.webhook(organization, takes.url)
    async def fail() -> None:
        async with quiet.platform.db.transaction() as conn:
            assert await service.tell(conn, organization, TYPE, "thing:1", {})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await quiet.states(hook) == []


async def test_each_webhook_is_told_once(
    busy: Outbox, organization: int, takes: Receiver
) -> None:
    hooks = [(await busy.webhook(organization, takes.url, *types))[0]
             for types in ((), (TYPE,), ("job.ended", TYPE))]
    assert await busy.tell(organization, 7)
    for hook in hooks:
        await busy.all_in(hook, "delivered")
    assert len(takes.taken) == 3
    assert len(set(takes.ids)) == 1
    event = takes.taken[0].event
    assert (event["type"], event["object"], event["data"]) == (TYPE, "thing:1", {"n": 7})
    assert event["id"] == takes.ids[0]


async def test_the_end_of_a_job_is_told(
    busy: Outbox, organization: int, takes: Receiver
) -> None:
    async with busy.platform.db.connection() as conn:
        await conn.execute(EFFECTS)
    await busy.webhook(organization, takes.url)
    job = await ask(busy.platform, "test.echo", organization, secret="Ana")
    await end_of(busy.platform, job)

    async def told() -> list[object]:
        return takes.of_type("job.ended")

    (event,) = await eventually(told, within=5)
    assert event["object"] == f"job:{job.token}"
    assert event["data"]["status"] == "finished"
    assert event["data"]["url"] == f"/v1/jobs/{job.token}"
    assert "Ana" not in str(event)
