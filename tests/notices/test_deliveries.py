"""Deliveries to receivers that are slow, down, or refuse: nothing lost, and in order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.notices import TYPE, Outbox, delivering, outbox
from tests.support.receivers import Behaviour, Got, Receiver, in_order, receiver
from tests.support.waiting import eventually
from vazao.kit import clock
from vazao.notices import outcomes
from vazao.notices.posting import ANSWER_KEPT

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick")]


async def count(takes: Receiver, number: int, *, within: float = 20.0) -> None:
    async def come() -> bool:
        return len(set(takes.ids)) >= number

    await eventually(come, within=within)


async def test_a_receiver_that_was_down_gets_all_in_order(
    busy: Outbox, organization: int, takes: Receiver
) -> None:
    hook, _ = await busy.webhook(organization, takes.url)
    await takes.down()
    await busy.tell_many(organization, 120, 10)

    async def rests() -> bool:
        return (await busy.found(hook)).failures >= 2

    await eventually(rests)
    found = await busy.found(hook)
    assert (found.outcome, found.failing_since is not None) == ("unreachable", True)
    await takes.up()
    await count(takes, 120)
    await busy.all_in(hook, "delivered")
    assert in_order(takes.taken)
    assert (await busy.found(hook)).failures == 0


async def test_a_receiver_that_fails_now_and_then(
    busy: Outbox, organization: int, takes: Receiver
) -> None:
    def behave(got: Got) -> Behaviour:
        every = len(takes.asked)
        return Behaviour(status=500 if every % 7 == 0 else 200, closes=every % 11 == 0)

    takes.behave = behave
    hook, _ = await busy.webhook(organization, takes.url)
    await busy.tell_many(organization, 40, 5)
    await count(takes, 40)
    await busy.all_in(hook, "delivered")
    assert in_order(takes.taken)


async def test_what_breaks_its_receiver_does_not_keep_others_waiting(
    busy: Outbox, organization: int, takes: Receiver
) -> None:
    takes.behave = lambda got: Behaviour(status=500 if got.object == "thing:0" else 200)
    hook, _ = await busy.webhook(organization, takes.url)
    await busy.tell_many(organization, 30, 3)
    await count(takes, 20)
    assert {got.object for got in takes.taken} == {"thing:1", "thing:2"}
    assert set(await busy.states(hook)) == {"waiting", "delivered"}
    takes.answers()
    await count(takes, 30)
    assert in_order(takes.taken)


async def test_what_is_refused_fails_after_some_tries_and_the_next_goes_on(
    busy: Outbox, organization: int, takes: Receiver
) -> None:
    takes.behave = lambda got: Behaviour(
        status=422 if got.event["data"]["n"] == 0 else 200, body=b"no\0 such \xff field"
    )
    hook, _ = await busy.webhook(organization, takes.url)
    await busy.tell_many(organization, 3, 1)
    await count(takes, 2)

    async def ended() -> bool:
        return "waiting" not in await busy.states(hook)

    await eventually(ended)
    assert await busy.states(hook) == ["failed", "delivered", "delivered"]
    assert [got.event["data"]["n"] for got in takes.asked] == [0] * outcomes.REFUSALS + [1, 2]
    found = await busy.found(hook)
    assert (found.enabled, found.failures) == (True, 0)


async def test_a_redirect_is_not_followed(
    busy: Outbox, organization: int, takes: Receiver
) -> None:
    async with receiver() as elsewhere:
        takes.answers(status=307, headers={"Location": elsewhere.url})
        hook, _ = await busy.webhook(organization, takes.url)
        await busy.tell(organization)
        await busy.all_in(hook, "failed")
        assert elsewhere.asked == []


async def test_one_that_is_gone_is_turned_off(
    busy: Outbox, organization: int, takes: Receiver
) -> None:
    takes.answers(status=410)
    hook, _ = await busy.webhook(organization, takes.url)
    await busy.tell_many(organization, 3, 1)
    await busy.all_in(hook, "failed")
    found = await busy.found(hook)
    assert (found.enabled, found.off_reason) == (False, "gone")
    assert not await busy.tell(organization)


async def test_a_receiver_says_when_to_come_again(
    busy: Outbox, organization: int, takes: Receiver
) -> None:
    takes.answers(status=429, headers={"Retry-After": "900"})
    hook, _ = await busy.webhook(organization, takes.url)
    await busy.tell(organization)

    async def rests() -> bool:
        return (await busy.found(hook)).failures == 1

    await eventually(rests)
    rest = (await busy.found(hook)).rest_until - datetime.now(UTC)
    assert timedelta(seconds=880) < rest <= timedelta(seconds=900)


async def test_a_slow_receiver_delays_nobody_else(
    busy: Outbox, organization: int, takes: Receiver
) -> None:
    async with receiver() as slow:
        slow.answers(seconds=30.0)
        for _ in range(8):
            await busy.webhook(organization, slow.url)
        await busy.tell_many(organization, 5, 5)

        async def held() -> bool:
            return slow.at_once >= 6

        await eventually(held)
        other = await busy.found_organization()
        hook, _ = await busy.webhook(other, takes.url)
        await busy.tell(other)
        await count(takes, 1, within=3)
        await busy.all_in(hook, "delivered")
        assert (len(takes.ids), slow.at_once >= 6) == (1, True), "the slow one is still at it"


async def test_of_one_webhook_only_so_many_are_sent_at_a_time(
    busy: Outbox, organization: int, takes: Receiver
) -> None:
    takes.answers(seconds=0.05)
    await busy.webhook(organization, takes.url)
    await busy.tell_many(organization, 40, 20)
    await count(takes, 40)
    assert takes.most_at_once == 4


async def test_a_long_answer_is_not_read_to_its_end(
    busy: Outbox, organization: int, takes: Receiver
) -> None:
    takes.answers(body=b"x" * 5_000_000)
    hook, _ = await busy.webhook(organization, takes.url)
    await busy.tell(organization)
    await busy.all_in(hook, "delivered")
    async with busy.platform.db.connection() as conn:
        row = await (await conn.execute(
            "select length(answer) from notices.delivery where webhook_id = %s", [hook.id]
        )).fetchone()
    assert row == (ANSWER_KEPT,)


async def test_one_that_is_down_for_days_is_turned_off_and_can_be_sent_again(
    database_url: str, tmp_path_factory: pytest.TempPathFactory, takes: Receiver
) -> None:
    folder = tmp_path_factory.mktemp("data")
    async with outbox(database_url, folder, notices_give_up_days=1e-6) as place:
        organization = await place.found_organization()
        await takes.down()
        # Of the other one, which is turned off as well, it is not told.
        hook, _ = await place.webhook(organization, takes.url, TYPE)
        other, _ = await place.webhook(organization, "https://example.invalid/", "webhook.off")
        await place.tell_many(organization, 3, 1)
        async with delivering(place.platform):
            await place.all_in(hook, "failed")
            found = await place.found(hook)
            assert (found.enabled, found.off_reason) == (False, "failing")
            assert len(await place.states(other)) == 1
            client = await place.with_token(organization, "webhooks:read", "webhooks:write")
            await takes.up()
            at = f"/v1/webhooks/{hook.token}"
            await client.patch(at, json={"enabled": True})
            await client.post(f"{at}/replay", json={"since": "2020-01-01"})
            await place.all_in(hook, "delivered")
            assert in_order(takes.taken)


async def test_an_address_that_leads_to_a_private_one(
    database_url: str, tmp_path_factory: pytest.TempPathFactory, takes: Receiver
) -> None:
    """Written while it was allowed, or with a name that stands for it."""
    folder = tmp_path_factory.mktemp("data")
    async with outbox(database_url, folder) as place:
        organization = await place.found_organization()
        hook, _ = await place.webhook(organization, "https://localhost/")
        away, _ = await place.webhook(organization, takes.url)
    async with outbox(database_url, folder, notices_private_networks="") as place:
        await place.tell(organization)
        async with delivering(place.platform):
            for each in (hook, away):
                async def refused(each: object = each) -> bool:
                    return (await place.found(each)).outcome == "not_public"  # type: ignore[arg-type]

                await eventually(refused)
    assert takes.asked == []


def test_waits_double_up_to_a_minute_and_then_to_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    now = clock.now()
    for failures, longest in ((1, 5), (2, 10), (5, 60), (50, 60)):
        wait = outcomes.wait_seconds(failures, now, now)
        assert longest * 0.75 <= wait <= longest
    old = now - timedelta(hours=2)
    assert 2700 <= outcomes.wait_seconds(50, old, now) <= 3600
