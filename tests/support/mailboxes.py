"""A server of e-mail: a real one of aiosmtpd, as good or as bad as a test wants it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from tests.support.web import free_port


@dataclass
class Mailbox:
    """Keeps what was handed in; *refuses* and *to* are what it answers to contents and to an
    address, *seconds* how long it takes for each.
    """

    port: int
    messages: list[EmailMessage] = field(default_factory=list)
    refuses: str = ""
    to: str = ""
    seconds: float = 0.0
    asked: int = 0

    @property
    def url(self) -> str:
        """What ``VAZAO_SMTP_URL`` says."""
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_RCPT(
        self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        self.asked += 1
        if self.to:
            return self.to
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        if self.seconds:
            # In the server's own thread: it answers nobody meanwhile.
            threading.Event().wait(self.seconds)
        if self.refuses:
            return self.refuses
        read = message_from_bytes(envelope.content, policy=policy.default)
        self.messages.append(cast(EmailMessage, read))
        return "250 OK"


@contextmanager
def mailbox(port: int | None = None) -> Iterator[Mailbox]:
    """One that takes everything, until told otherwise, until the block ends."""
    made = Mailbox(port or free_port())
    with listening(made):
        yield made


@contextmanager
def listening(box: Mailbox) -> Iterator[None]:
    """Let it listen until the block ends."""
    controller = Controller(box, hostname="127.0.0.1", port=box.port, ready_timeout=10)
    controller.start()
    try:
        yield
    finally:
        controller.stop()
