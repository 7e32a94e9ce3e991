"""E-mail: to those who want it, gathered, in their language; nothing is lost meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.mailboxes import Mailbox, listening, mailbox
from tests.support.notices import TYPE, Outbox, outbox
from tests.support.waiting import eventually
from tests.support.web import free_port
from vazao.accounts import service as accounts
from vazao.kit.errors import ConfigurationError
from vazao.kit.registry import NoticeType, Person
from vazao.kit.settings import Settings
from vazao.notices import letters, mailer, mailing, service, store
from vazao.notices.mailer import Mailer
from vazao.notices.models import OFF, Mail

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick")]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailer, "LOOK_SECONDS", 0.1)


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as made:
        yield made


class Post:
    """An organization whose people are written to."""

    def __init__(self, place: Outbox, organization: int) -> None:
        self.place, self.organization = place, organization

    async def person(
        self, name: str, *types: str, role: str = "member", email: str | None = None,
        language: str = "en",
    ) -> int:
        """Somebody who wants to be told of *types*."""
        async with self.place.platform.db.transaction() as conn:
            made = await accounts.create_user(
                conn, self.organization, name, password_hash=None, roles=[role],
                name=name.title(), email=email or f"{name}@example.com",
            )
            await conn.execute(
                'update accounts."user" set language = %s where id = %s', [language, made.id]
            )
            for each in types:
                await service.choose(conn, self.organization, made.id, each, True)
        return made.id

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """A mailer at work, alone."""
        made = Mailer(self.place.platform)
        made.start()
        try:
            yield
        finally:
            await made.close()


@asynccontextmanager
async def post(database_url: str, folder: Path, url: str, **more: Any) -> AsyncIterator[Post]:
    settings = {
        "smtp_url": url, "smtp_from": "Vazão <vazao@example.com>",
        "notices_mail_seconds": 0.2, "notices_address": "https://vazao.example/",
    }
    async with outbox(database_url, folder, **settings | more) as place:
        yield Post(place, await place.found_organization())


async def arrived(box: Mailbox, count: int) -> None:
    async def look() -> bool:
        return len(box.messages) >= count

    await eventually(look)


def text(message: Any) -> str:
    return str(message.get_body(("plain",)).get_content())


async def test_those_who_want_to_know_are_told_in_their_language(
    database_url: str, data_dir: Path, box: Mailbox
) -> None:
    async with post(database_url, data_dir, box.url) as to:
        await to.person("ana", "job.ended", language="pt_BR")
        await to.person("bia", "job.ended")
        await to.person("caio", TYPE)
        async with to.place.platform.db.transaction() as conn:
            await service.tell(
                conn, to.organization, "job.ended", "job:9",
                {"status": "failed", "page": "/jobs/9"},
            )
        async with to.writing():
            await arrived(box, 2)
    one, two = sorted(box.messages, key=lambda each: str(each["To"]))
    assert (one["To"], one["From"]) == (
        "Ana <ana@example.com>", "Vazão <vazao@example.com>"
    )
    assert one["Subject"] == "Vazão: Uma tarefa terminou"
    assert two["Subject"] == "Vazão: A job ended"
    assert "Falhou" in text(one)
    assert "https://vazao.example/jobs/9" in text(two)
    html = str(two.get_body(("html",)).get_content())  # type: ignore[union-attr]
    assert 'href="https://vazao.example/jobs/9"' in html
    assert two["List-Unsubscribe"] == "<https://vazao.example/account/notices>"


async def test_what_happens_meanwhile_comes_in_one(
    database_url: str, data_dir: Path, box: Mailbox
) -> None:
    async with post(database_url, data_dir, box.url, notices_mail_seconds=2.0) as to:
        await to.person("ana", TYPE)
        await to.place.tell(to.organization, 0)
        async with to.writing():
            await arrived(box, 1)
            await to.place.tell_many(to.organization, 30, 30)
            await arrived(box, 2)
        assert await to.place.rows("mail") == 0
    assert box.messages[1]["Subject"] == "Vazão: A thing moved (30)"
    assert text(box.messages[1]).count("* A thing moved") == letters.SHOWN
    assert box.messages[0]["Message-ID"] != box.messages[1]["Message-ID"]


async def test_nothing_is_lost_while_the_server_is_down_or_has_no_time(
    database_url: str, data_dir: Path
) -> None:
    port = free_port()
    box = Mailbox(port)
    async with post(database_url, data_dir, box.url) as to:
        user = await to.person("ana", TYPE)
        await to.place.tell(to.organization)

        async def came_to(outcome: str) -> None:
            async def look() -> bool:
                async with to.place.platform.db.connection() as conn:
                    return (await store.mail.last(conn, user))[0] == outcome

            await eventually(look)

        async with to.writing():
            await came_to("unreachable")
            box.refuses = "451 come again"
            with listening(box):
                await came_to("busy")
                box.refuses = ""
                await arrived(box, 1)
                await came_to("sent")
    assert len(box.messages) == 1


async def test_an_address_that_is_refused_is_not_tried_again(
    database_url: str, data_dir: Path, box: Mailbox
) -> None:
    box.to = "550 nobody of that name"
    async with post(database_url, data_dir, box.url) as to:
        user = await to.person("ana", TYPE)
        await to.person("bia", TYPE)
        await to.place.tell(to.organization)
        async with to.writing():
            async def refused() -> bool:
                return await to.place.rows("mail") == 0

            await eventually(refused)
        assert box.asked == 2
        async with to.place.platform.db.connection() as conn:
            assert (await store.mail.last(conn, user))[0] == "address_refused"


async def test_rights_count_when_it_is_sent(
    database_url: str, data_dir: Path, box: Mailbox
) -> None:
    """Somebody who may no longer be told, has no address any more, or may not sign in."""
    async with post(database_url, data_dir, box.url) as to:
        users = [await to.person(name, "user.changed", TYPE) for name in ("ana", "bia")]
        gone = await to.person("caio", TYPE)
        async with to.place.platform.db.transaction() as conn:
            await conn.execute('update accounts."user" set email = null, email_key = null '
                               "where id = %s", [users[1]])
            await conn.execute('update accounts."user" set enabled = false where id = %s', [gone])
        await to.place.tell(to.organization, type="user.changed")
        await to.place.tell(to.organization)
        async with to.writing():
            await arrived(box, 1)

            async def none() -> bool:
                return await to.place.rows("mail") == 0

            await eventually(none)
    (message,) = box.messages
    assert message["To"] == "Ana <ana@example.com>"
    assert message["Subject"] == "Vazão: A thing moved"


async def test_admins_are_told_unasked_unless_they_chose_not_to_be(
    database_url: str, data_dir: Path, box: Mailbox
) -> None:
    async with post(database_url, data_dir, box.url) as to:
        await to.person("ana", role="admin")
        no = await to.person("bia", role="admin")
        await to.person("caio")
        async with to.place.platform.db.transaction() as conn:
            await store.mail.choose(conn, no, to.organization, OFF, False)
            assert await service.tell_admins(
                to.place.platform, conn, to.organization, OFF, "webhook:x", {}
            )
        async with to.writing():
            await arrived(box, 1)

            async def none() -> bool:
                return await to.place.rows("mail") == 0

            await eventually(none)
    assert [each["To"] for each in box.messages] == ["Ana <ana@example.com>"]


async def test_without_a_server_notices_go_to_the_log(
    database_url: str, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with post(database_url, data_dir, "") as to:
        await to.person("ana", TYPE)
        await to.place.tell(to.organization)
        async with to.writing():
            async def none() -> bool:
                return await to.place.rows("mail") == 0

            await eventually(none)
    said = capsys.readouterr()
    assert "ana@example.com" not in said.out + said.err


async def test_two_processes_write_one_e_mail(
    database_url: str, data_dir: Path, box: Mailbox
) -> None:
    async with post(database_url, data_dir, box.url) as to:
        for n in range(6):
            await to.person(f"p{n}", TYPE)
        await to.place.tell(to.organization)
        async with to.writing(), to.writing():
            await arrived(box, 6)
    assert len({str(each["To"]) for each in box.messages}) == len(box.messages) == 6


async def test_a_slow_server_holds_no_connection(
    database_url: str, data_dir: Path, box: Mailbox
) -> None:
    box.seconds = 1.0
    async with post(database_url, data_dir, box.url) as to:
        await to.person("ana", TYPE)
        await to.place.tell(to.organization)
        async with to.writing():
            async def at_it() -> bool:
                return box.asked > 0

            await eventually(at_it)
            pool = to.place.platform.db.pool.get_stats()
            assert pool["pool_available"] == pool["pool_size"]
            await arrived(box, 1)


KNOWN = {TYPE: NoticeType(TYPE, "A thing moved")}


def _mail(**data: Any) -> Mail:
    from vazao.kit import clock

    return Mail(id=1, token="msg_1", type=TYPE, object="thing:1", at=clock.now(), data=data)


@pytest.mark.parametrize("name", ["Ana\r\nBcc: x@example.com", "Ana\nX: y", "=?utf-8?q?x?=", "a\0"])
def test_no_name_brings_a_header_of_its_own(name: str) -> None:
    person = Person(1, "ana@example.com", name, "en", frozenset(), False)
    made = letters.letter(
        person, [_mail(page="javascript:alert(1)")], KNOWN, sender="v@example.com",
        domain="example.com", address="https://v.example",
    )
    head = made.as_bytes().partition(b"\n\n")[0]
    assert b"\nBcc" not in head
    assert b"\nX:" not in head
    assert b"javascript" not in made.as_bytes()
    with pytest.raises(ValueError):
        letters.letter(
            Person(1, "a@example.com\r\nBcc: x@y.example", "", "en", frozenset(), False),
            [_mail()], KNOWN, sender="v@example.com", domain="example.com", address="",
        )


@pytest.mark.parametrize(("url", "seen"), [
    ("smtp://ana:s%40nha@mail.example:2525", ("mail.example", 2525, "s@nha", False, True)),
    ("smtp://mail.example", ("mail.example", 587, None, False, True)),
    ("smtp://mail.example?tls=none", ("mail.example", 587, None, False, False)),
    ("smtp://127.0.0.1", ("127.0.0.1", 587, None, False, False)),
    ("smtps://mail.example", ("mail.example", 465, None, True, False)),
])
def test_the_address_of_a_server(url: str, seen: tuple[Any, ...]) -> None:
    server = mailing.server_of(Settings(smtp_url=url))
    assert server is not None
    assert (
        server.host, server.port, server.password, server.use_tls, server.start_tls
    ) == seen


@pytest.mark.parametrize("url", ["http://x", "smtp://", "smtp://x?tls=maybe", "smtp://x:port"])
def test_an_address_that_cannot_be_read_is_not_quoted(url: str) -> None:
    with pytest.raises(ConfigurationError) as told:
        mailing.server_of(Settings(smtp_url=url))
    assert "x" not in told.value.message().replace("example", "")[:25]


def test_a_sender_is_an_address() -> None:
    with pytest.raises(ConfigurationError):
        mailing.sender_of(Settings(smtp_from="nobody"))
    assert "@" in mailing.sender_of(Settings())


async def test_the_server_must_offer_tls_unless_it_is_this_machine(box: Mailbox) -> None:
    server = mailing.Server("127.0.0.1", box.port, None, None, use_tls=False, start_tls=True)
    person = Person(1, "ana@example.com", "Ana", "en", frozenset(), False)
    message = letters.letter(
        person, [_mail()], KNOWN, sender="v@example.com", domain="example.com", address=""
    )
    with pytest.raises(mailing.Unsent):
        await mailing.send(server, message)
    assert box.messages == []


