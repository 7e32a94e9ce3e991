"""A form sent twice: the first creates what it creates, the second leads where the first did.

Forms that create something carry an id of their own (``once_field`` of ``macros.html``). The
handler claims it in its own transaction, before all else that it does there. The same id with the
same fields from the same session is the same form; after a change it is another one.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

from litestar import Request

from vazao.kit import store
from vazao.kit.sql import Conn

FIELD = "once"
SECONDS = 600.0
MESSAGES = ("This was sent already.",)
Asking = Request[Any, Any, Any]


class SentAlready(Exception):
    """The form was sent before: *target* is where it led, *said* what the page there says."""

    def __init__(self, target: str, said: str) -> None:
        super().__init__(target)
        self.target = target
        self.said = said


def new_id() -> str:
    """An id for a form."""
    return secrets.token_urlsafe(16)


async def claim(
    conn: Conn, key: bytes | None, target: str, said: str = MESSAGES[0]
) -> None:
    """Let a form be sent once within ``SECONDS``, in the caller's transaction.

    Args:
        key: of the form (:func:`key_of`); one without is not held.
        target: the page that it leads to; :func:`lead` changes that.
        said: message id of what a second sending is told there.

    Raises:
        SentAlready: it was sent, and its transaction committed.
    """
    if key is None or await store.claim_sent(conn, key, target, seconds=SECONDS):
        return
    raise SentAlready(await store.sent_target(conn, key, seconds=SECONDS) or target, said)


async def look(conn: Conn, key: bytes | None) -> None:
    """See whether a form was sent, where its handler refuses names that are taken before it claims:
    they are, by what the first created.

    Raises:
        SentAlready: it was.
    """
    target = None if key is None else await store.sent_target(conn, key, seconds=SECONDS)
    if target is not None:
        raise SentAlready(target, MESSAGES[0])


async def lead(conn: Conn, key: bytes | None, target: str) -> None:
    """Let a claimed form lead to *target*, which is known only now."""
    if key is not None:
        await store.lead_sent(conn, key, target)


async def key_of(request: Asking) -> bytes | None:
    """A hash of the form that *request* sends; ``None`` of one without an id, as of a program."""
    form = await request.form()
    if not form.get(FIELD):
        return None
    principal = request.state.get("principal")
    holder = [principal.organization_id, principal.session_id] if principal else []
    fields = [[name, str(value)] for name, value in form.multi_items() if name != "csrf"]
    said = json.dumps([holder, request.url.path, fields])
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest()
