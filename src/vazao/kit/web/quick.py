"""What every quick answer needs (:attr:`vazao.kit.registry.Registry.quick`): the request's headers
if it is one of the plain kind, its id, and the headers that all answers carry.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from itertools import count
from typing import Any

from vazao.kit.platform import Platform
from vazao.kit.web import hosts, pages
from vazao.kit.web.frame import SECURITY

Headers = Mapping[bytes, bytes]
_request_id = re.compile(rb"[A-Za-z0-9._:/=+@-]{1,128}").fullmatch
HOSTS_KNOWN = 1000
BODIES = frozenset({b"content-length", b"transfer-encoding"})
CODINGS = frozenset({b"transfer-encoding", b"content-encoding"})
MOST_LANGUAGES = 2_000
_language = re.compile(r"(?:^|; ?)language=([^;]+)").search


class Gate:
    """Lets plain requests through; one for each quick answer.

    Args:
        leave: names of headers that make a request the route's to answer.
        method: which requests are let through; those with a body are not, unless it is POST.
    """

    def __init__(
        self, platform: Platform, leave: frozenset[bytes], *, method: str = "GET"
    ) -> None:
        self._settings = platform.settings
        self._method = method
        self._leave = leave | (BODIES if method == "GET" else CODINGS)
        self._languages: dict[tuple[str | None, bytes | None], str] = {}
        self._named = platform.settings.hosts
        self._hosts: set[bytes] = set()
        self._prefix = secrets.token_hex(4).encode()
        self._numbers = count(1)

    def admit(self, scope: Any) -> Headers | None:
        """The headers of a request by their names; ``None`` where the route must answer."""
        found = dict(scope["headers"])
        if (
            scope["method"] != self._method or len(found) != len(scope["headers"])
            or not self._leave.isdisjoint(found)
            or (self._named and not self._known(found.get(b"host", b"")))
        ):
            return None
        return found

    def head(self, scope: Any, headers: Headers) -> list[tuple[bytes, bytes]]:
        """The headers that every answer carries."""
        own = headers.get(b"x-request-id")
        if own is None or not _request_id(own):
            own = b"%b%08x" % (self._prefix, next(self._numbers))
        made = [(b"x-request-id", own), *SECURITY]
        if self._settings.hsts_seconds:
            more = hosts.transport_header(scope, self._settings)
            made += [(name.lower().encode(), value.encode()) for name, value in more.items()]
        return made

    def language(self, headers: Headers, cookie: str) -> str:
        """The reader's language."""
        own = _language(cookie)
        key = (own and own[1], headers.get(b"accept-language"))
        found = self._languages.get(key)
        if found is None:
            if len(self._languages) >= MOST_LANGUAGES:
                self._languages.clear()
            accepted = None if key[1] is None else key[1].decode("latin-1")
            found = self._languages[key] = pages.chosen(key[0], accepted)
        return found

    def _known(self, host: bytes) -> bool:
        if host in self._hosts:
            return True
        if not hosts.allowed(host.decode("latin-1"), self._named):
            return False
        if len(self._hosts) < HOSTS_KNOWN:
            self._hosts.add(host)
        return True
