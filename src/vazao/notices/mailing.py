"""Sends e-mail by SMTP: encrypted unless the server is this machine, or the operator says so."""

from __future__ import annotations

import asyncio
import socket
from email.message import EmailMessage
from email.utils import formataddr, parseaddr
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from vazao.kit.errors import ConfigurationError
from vazao.kit.platform import Platform
from vazao.kit.settings import Settings

TIMEOUT_SECONDS, TOTAL_SECONDS = 15.0, 45.0


class Server(NamedTuple):
    """Where e-mail is handed in, and how."""

    host: str
    port: int
    username: str | None
    password: str | None
    use_tls: bool
    start_tls: bool


def server_of(settings: Settings) -> Server | None:
    """The server that ``VAZAO_SMTP_URL`` names; ``None`` where it names none.

    Raises:
        ConfigurationError: it cannot be read; it is not quoted, as its password might be.
    """
    if not settings.smtp_url:
        return None
    wrong = ConfigurationError(
        "VAZAO_SMTP_URL cannot be read.",
        remedy="Write it as smtp://user:password@host:587 or smtps://user:password@host, with the "
        "password percent-encoded.",
    )
    try:
        parts = urlsplit(settings.smtp_url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    tls = parse_qs(parts.query).get("tls", [""])[0]
    if parts.scheme not in ("smtp", "smtps") or not host or tls not in ("", "none"):
        raise wrong
    secure = parts.scheme == "smtps"
    return Server(
        host=host, port=port or (465 if secure else 587),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password or "") if parts.username else None, use_tls=secure,
        start_tls=not secure and tls != "none" and not _is_own(host),
    )


def _is_own(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def sender_of(settings: Settings) -> str:
    """Who e-mail says it is from.

    Raises:
        ConfigurationError: ``VAZAO_SMTP_FROM`` is no address.
    """
    given = settings.smtp_from or f"Vazão <vazao@{socket.getfqdn() or 'localhost'}>"
    name, address = parseaddr(given)
    if "@" not in address or not given.isprintable():
        raise ConfigurationError(
            "VAZAO_SMTP_FROM cannot be read.",
            remedy="Write an address, such as Vazão <vazao@example.com>.",
        )
    return formataddr((name, address), "utf-8") if not name.isascii() else given


class Unsent(Exception):
    """It could not be sent; ``final`` where trying again makes no sense."""

    def __init__(self, name: str, *, final: bool = False) -> None:
        super().__init__(name)
        self.name = name
        self.final = final


async def send(server: Server, message: EmailMessage) -> None:
    """Hand one e-mail in.

    Raises:
        Unsent: it was not taken.
    """
    try:
        async with asyncio.timeout(TOTAL_SECONDS):
            await aiosmtplib.send(
                message, hostname=server.host, port=server.port, username=server.username,
                password=server.password, use_tls=server.use_tls, start_tls=server.start_tls,
                timeout=TIMEOUT_SECONDS,
            )
    except aiosmtplib.SMTPAuthenticationError:
        # What the operator wrote is wrong, not the e-mail.
        raise Unsent("not_signed_in") from None
    except aiosmtplib.SMTPRecipientsRefused as error:
        final = all(500 <= each.code < 600 for each in error.recipients)
        raise Unsent("address_refused" if final else "busy", final=final) from None
    except aiosmtplib.SMTPSenderRefused:
        raise Unsent("sender_refused") from None
    except aiosmtplib.SMTPResponseException as error:
        final = 500 <= error.code < 600 and isinstance(error, aiosmtplib.SMTPDataError)
        raise Unsent("refused" if final else "busy", final=final) from None
    except (aiosmtplib.SMTPException, OSError, TimeoutError):
        raise Unsent("unreachable") from None


async def look(platform: Platform) -> str:
    """Whether the server of e-mail answers, for ``vazao doctor``.

    Raises:
        ConfigurationError: it does not, or cannot be read.
    """
    server = server_of(platform.settings)
    if server is None:
        return "none: notices go to the log"
    sender_of(platform.settings)
    client = aiosmtplib.SMTP(
        hostname=server.host, port=server.port, use_tls=server.use_tls,
        start_tls=server.start_tls, timeout=5.0,
    )
    try:
        async with client:
            await client.noop()
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        raise ConfigurationError(
            "The server of VAZAO_SMTP_URL does not answer.",
            remedy="Check its name, port and certificate.",
        ) from error
    return f"{server.host}:{server.port}"
