"""Who asks: from a bearer token, the header pair ``application`` and ``api-token``, or the cookie.

What was found is remembered for a minute, so that most requests cost no query and none more than
one. A revocation is announced with its commit; a process that has heard nothing for a second, not
even that its connection lives, remembers nothing and asks the database. Only valid credentials are
remembered: a token works as soon as it is made, and made-up ones fill no memory.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from litestar.connection import ASGIConnection

from vazao.accounts import credentials, store
from vazao.accounts.errors import CredentialInvalid
from vazao.accounts.models import scopes_of
from vazao.kit import clock
from vazao.kit.platform import Platform, Principal
from vazao.kit.proxies import is_https
from vazao.kit.web import csrf

Connection = ASGIConnection[Any, Any, Any, Any]
TTL_SECONDS = 60.0
MOST_REMEMBERED = 20_000
COOKIE = "vazao_session"


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal
    expires_at: datetime | None
    until: float

    @property
    def has_ended(self) -> bool:
        return self.expires_at is not None and self.expires_at <= clock.now()


class Authenticator:
    """Finds the principal of a request; see :attr:`vazao.kit.platform.Platform.authenticate`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._known: dict[bytes, _Known] = {}
        platform.listener.on("credential", self._revoked)

    def _revoked(self, topic: str) -> None:
        """Forget a credential that was revoked on any process, or all where some may have been."""
        gone = topic.partition(":")[2]
        if gone:
            self.forget(bytes.fromhex(gone))
        else:
            self._known.clear()

    async def __call__(self, connection: Connection) -> Principal | None:
        """The principal, or ``None`` where the request shows no credential or an old cookie.

        Raises:
            CredentialInvalid: a header shows one that is wrong, also on public routes: whoever
                sends a credential wants to be somebody.
        """
        authorization = connection.headers.get("authorization")
        if authorization is not None:
            return await self._bearer(authorization)
        token = connection.headers.get("api-token")
        if token is not None:
            return await self._pair(connection.headers.get("application", ""), token)
        cookie = connection.cookies.get(cookie_name(connection, self._platform))
        return await self._cookie(cookie) if cookie else None

    def forget(self, digest: bytes) -> None:
        """Ask the database anew about the credential with this hash."""
        self._known.pop(digest, None)

    def forget_user(self, user_id: int, *, kept: bytes | None = None) -> None:
        """Ask anew about all sessions of a user but *kept*."""
        gone = [
            digest for digest, known in self._known.items()
            if known.principal.user_id == user_id and digest != kept
        ]
        for digest in gone:
            self.forget(digest)

    async def _bearer(self, header: str) -> Principal:
        scheme, _, secret = header.strip().partition(" ")
        secret = secret.strip()
        principal = None
        if scheme.lower() == "bearer":
            if credentials.plausible(secret, credentials.TOKEN):
                principal = await self._remembered(secret, self._find_token)
            elif credentials.plausible(secret, credentials.SESSION):
                principal = await self._remembered(secret, self._find_session)
        if principal is None:
            raise CredentialInvalid
        return principal

    async def _pair(self, application: str, secret: str) -> Principal:
        principal = None
        if credentials.plausible(secret, credentials.TOKEN):
            principal = await self._remembered(secret, self._find_token)
        given = application.encode("utf-8", "replace")
        if principal is None or not hmac.compare_digest(principal.name.encode(), given):
            raise CredentialInvalid
        return principal

    async def _cookie(self, secret: str) -> Principal | None:
        if not credentials.plausible(secret, credentials.SESSION):
            return None
        principal = await self._remembered(secret, self._find_session)
        if principal is None:
            return None
        digest, old = credentials.digest(secret), self._platform.secrets[1:]
        return msgspec.structs.replace(
            principal, csrf=self.csrf(digest),
            csrf_old=tuple(csrf.value_for(each, digest) for each in old),
        )

    async def session(self, digest: bytes) -> Principal | None:
        """Who is signed in by the session with this hash."""
        return self.remembered(digest) or await self._asked(digest, self._find_session)

    def csrf(self, digest: bytes) -> str:
        """What pages of the session with this hash must send back."""
        return csrf.value_for(self._platform.secret, digest)

    async def _remembered(
        self, secret: str, find: Callable[[bytes], Awaitable[_Known | None]]
    ) -> Principal | None:
        digest = credentials.digest(secret)
        return self.remembered(digest) or await self._asked(digest, find)

    async def _asked(
        self, digest: bytes, find: Callable[[bytes], Awaitable[_Known | None]]
    ) -> Principal | None:
        known = await find(digest)
        self._remember(digest, known)
        return None if known is None or known.has_ended else known.principal

    def remembered(self, digest: bytes) -> Principal | None:
        """Who is known by the credential with this hash, without asking the database."""
        known = self._known.get(digest)
        if (
            known is None or known.until < time.monotonic() or known.has_ended
            or not self._platform.listener.is_heard
        ):
            return None
        return known.principal

    def _remember(self, digest: bytes, known: _Known | None) -> None:
        self._known.pop(digest, None)
        if known is None:
            return
        while len(self._known) >= MOST_REMEMBERED:
            # The first is the oldest: what is asked anew is put at the end again.
            del self._known[next(iter(self._known))]
        self._known[digest] = known

    async def _find_session(self, digest: bytes) -> _Known | None:
        async with self._platform.db.connection() as conn:
            row = await store.find_session(conn, digest)
        if row is None:
            return None
        principal = Principal(
            organization_id=row.organization_id, organization=row.slug, kind="user",
            name=row.name or row.username, user_id=row.user_id, roles=frozenset(row.roles),
            scopes=scopes_of(row.roles, self._platform.registry.scopes), session_id=digest.hex(),
            credential=digest.hex(), username=row.username,
        )
        return _Known(principal, row.expires_at, time.monotonic() + TTL_SECONDS)

    async def _find_token(self, digest: bytes) -> _Known | None:
        async with self._platform.db.connection() as conn:
            row = await store.find_token(conn, digest)
        if row is None:
            return None
        principal = Principal(
            organization_id=row.organization_id, organization=row.slug, kind="token",
            name=row.application, scopes=frozenset(row.scopes), credential=digest.hex(),
        )
        return _Known(principal, row.expires_at, time.monotonic() + TTL_SECONDS)


def cookie_name(connection: Connection, platform: Platform) -> str:
    """The session cookie's name: behind TLS the prefix binds it to this host, path and TLS."""
    return prefixed(COOKIE, connection, platform)


def prefixed(name: str, connection: Connection, platform: Platform) -> str:
    """*name* as a cookie that no other host can set, where the client speaks TLS."""
    return f"__Host-{name}" if is_https(connection, platform.settings) else name


def forget(platform: Platform, digest: bytes) -> None:
    """Let *platform*'s authenticator forget one credential."""
    if isinstance(platform.authenticate, Authenticator):
        platform.authenticate.forget(digest)


def forget_user(platform: Platform, user_id: int, *, kept: bytes | None = None) -> None:
    """Let *platform*'s authenticator forget a user's sessions but *kept*."""
    if isinstance(platform.authenticate, Authenticator):
        platform.authenticate.forget_user(user_id, kept=kept)
