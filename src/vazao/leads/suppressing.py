"""An opt-out outlives its lead: an address that one who opted out has left is not reachable again.

The rule: an address that an opted-out lead has left, by deletion or for another address, is held by
a lead that has opted out, or by none. Who leaves an address leaves a keyed hash of it (`leave`);
who takes one is asked afterwards (`take`). An import refuses such rows while it reads, and each
slice looks again at what it has made (`revived`), since someone may have left meanwhile.

Hashes that were made under an earlier signing key hold as long as that key is in
``VAZAO_SECRET_OLD``; *secrets* are the keys, the newest first.

Looking after writing is what closes the race: an address can only be free because the transaction
that left it has committed, and its hash with it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from vazao.kit.sql import Conn
from vazao.leads import store
from vazao.leads.errors import AddressSuppressed
from vazao.leads.models import Import, Lead


def email_hash(secret: bytes, email: str) -> bytes:
    """The keyed hash under which an address that was left is remembered (HMAC-SHA256)."""
    return hmac.digest(secret, email.encode(), hashlib.sha256)


async def leave(conn: Conn, organization_id: int, secrets: Sequence[bytes], email: str) -> None:
    """A lead that had opted out gives up *email*."""
    await store.suppression.suppress(conn, organization_id, email_hash(secrets[0], email))


async def take(conn: Conn, organization_id: int, secrets: Sequence[bytes], lead: Lead) -> None:
    """*lead* has just been given its address.

    Raises:
        AddressSuppressed: someone who opted out left that address, and *lead* has not opted out.
    """
    known = [email_hash(each, lead.email) for each in secrets]
    if lead.opted_out:
        await store.suppression.release(conn, organization_id, known)
    elif await store.suppression.is_suppressed(conn, organization_id, known):
        raise AddressSuppressed


async def move(
    conn: Conn, organization_id: int, secrets: Sequence[bytes], before: Lead, after: Lead
) -> None:
    """A lead was changed, perhaps its address; raises as `take`."""
    if after.email == before.email:
        return
    if after.opted_out:
        await leave(conn, organization_id, secrets, before.email)
    await take(conn, organization_id, secrets, after)


async def revived(
    conn: Conn, record: Import, secrets: Sequence[bytes], number: int
) -> list[str]:
    """Which of the addresses that a slice has just made a lead for were left since the reading."""
    fresh = await store.suppression.suppressed_since(conn, record)
    if not fresh:
        return []
    made = await store.suppression.created_by_slice(conn, record, number)
    return [
        email for email in made if any(email_hash(each, email) in fresh for each in secrets)
    ]
