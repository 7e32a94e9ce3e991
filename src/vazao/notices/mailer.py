"""Writes the e-mail: each worker process takes people whom something waits for.

What happened since somebody's last e-mail is gathered in one, a minute apart at least. While the
server is spoken to no connection to the database is held.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from email.utils import parseaddr
from uuid import uuid4

from vazao.kit import clock, metrics
from vazao.kit.cancelling import end_all
from vazao.kit.errors import ConfigurationError
from vazao.kit.logging import get
from vazao.kit.platform import Platform
from vazao.kit.registry import Person
from vazao.notices import letters, mailing, store
from vazao.notices.models import Mail, Recipient
from vazao.notices.outcomes import wait_seconds
from vazao.notices.settings import NoticeSettings

log = get("notices")
LOOK_SECONDS = 2.0
LEASE_SECONDS = 90.0
AT_ONCE, GATHERED = 4, 1000
REFUSED_SECONDS = 3600.0
"""Somebody whose address was refused is not written to for so long."""


class Mailer:
    """The e-mail of one worker process; a service beside its parts."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._settings = platform.settings.of(NoticeSettings)
        self._server: mailing.Server | None = None
        self._sender = ""
        self._lease = uuid4()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for people to write to; what is set wrongly keeps jobs from nothing."""
        try:
            self._server = mailing.server_of(self._platform.settings)
            self._sender = mailing.sender_of(self._platform.settings)
        except ConfigurationError as error:
            log.error("no e-mail is sent", reason=error.message())
            return
        self._task = asyncio.create_task(self._run(), name="mailer")

    async def close(self) -> None:
        """Write no more."""
        if self._task is not None:
            await end_all([self._task])

    async def _run(self) -> None:
        while True:
            try:
                busy = await self._round()
            except Exception as error:
                log.warning("writing e-mail failed", error_type=type(error).__name__)
                busy = False
            if not busy:
                await asyncio.sleep(LOOK_SECONDS)

    async def _round(self) -> bool:
        """Write to some; whether there may be others."""
        async with self._platform.db.connection(patient=True) as conn:
            due = await store.mail.claim(
                conn, self._lease, seconds=LEASE_SECONDS, limit=AT_ONCE
            )
        async with asyncio.TaskGroup() as writing:
            for each in due:
                writing.create_task(self._write(each))
        return len(due) == AT_ONCE

    async def _write(self, recipient: Recipient) -> None:
        """Gather what waits for somebody, and send it."""
        people = self._platform.registry.people
        async with self._platform.db.connection(patient=True) as conn:
            mails = await store.mail.waiting(conn, recipient.user_id, limit=GATHERED)
            found = {} if people is None else await people.by_ids(
                conn, recipient.organization_id, [recipient.user_id]
            )
        person = found.get(recipient.user_id)
        wanted = [] if person is None else self._for(person, mails)
        outcome, final = "nothing", True
        if person is not None and wanted:
            outcome, final = await self._send(person, wanted)
        metrics.NOTICES_SENT.labels("mail", outcome).inc()
        await self._keep(recipient, mails, outcome, final=final)

    def _for(self, person: Person, mails: Sequence[Mail]) -> list[Mail]:
        """Of what waits what *person* may still be told: rights change."""
        known = self._platform.registry.notice_types
        return [each for each in mails if each.type in known and known[each.type].is_for(person)]

    async def _send(self, person: Person, mails: Sequence[Mail]) -> tuple[str, bool]:
        """What became of one e-mail, and whether it is not tried again."""
        if self._server is None:
            log.info(
                "a notice for a person", user=person.user_id,
                types=sorted({each.type for each in mails}),
                events=[each.token for each in mails[:letters.SHOWN]],
            )
            return "logged", True
        message = letters.letter(
            person, mails, self._platform.registry.notice_types, sender=self._sender,
            domain=parseaddr(self._sender)[1].rpartition("@")[2], address=self._settings.address,
        )
        try:
            await mailing.send(self._server, message)
        except mailing.Unsent as error:
            log.warning("an e-mail was not sent", user=person.user_id, reason=error.name)
            return error.name, error.final
        return "sent", True

    async def _keep(
        self, recipient: Recipient, mails: Sequence[Mail], outcome: str, *, final: bool
    ) -> None:
        now, since = clock.now(), recipient.failing_since
        days = timedelta(days=self._settings.give_up_days)
        if not final and since is not None and now - since >= days:
            outcome, final = "given_up", True
        async with self._platform.db.transaction(patient=True) as conn:
            if final:
                await store.mail.drop(conn, recipient.user_id, [each.id for each in mails])
                wait = self._settings.mail_seconds
                if outcome == "address_refused":
                    wait = REFUSED_SECONDS
                await store.mail.note_mailed(
                    conn, self._lease, recipient.user_id, outcome, wait=wait
                )
            else:
                await store.mail.note_unsent(
                    conn, self._lease, recipient.user_id, outcome,
                    wait=wait_seconds(recipient.failures + 1, since, now),
                )
