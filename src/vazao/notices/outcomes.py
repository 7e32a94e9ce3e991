"""What attempts can come to, what follows from each, and how long the next one waits."""

from __future__ import annotations

import random
from datetime import datetime

TEXTS = {
    "taken": "The receiver took it.",
    "refused": "The receiver refuses it.",
    "redirected": "The receiver redirects, which is not followed.",
    "gone": "The receiver says that it no longer exists.",
    "busy": "The receiver asks for time.",
    "broken": "The receiver fails.",
    "silent": "The receiver did not answer in time.",
    "unreachable": "Nothing answers at this address.",
    "unknown_host": "The host name does not resolve.",
    "not_public": "The address does not lead to a public one.",
    "untrusted": "The receiver's certificate cannot be verified.",
    "cut_off": "The receiver closed the connection.",
    "unsigned": "The secret cannot be read any more. Create a new one.",
    "given_up": "It was given up, since the receiver was down for too long.",
}
"""By name, what a person reads."""
OWN_FAULT = frozenset({"refused", "redirected"})
"""The receiver is there and does not want this one: others may go on."""
ITS_OWN_WAIT = frozenset({"broken", "silent", "cut_off"})
"""The receiver may be down, or this one may be what breaks it: others go before it next time."""
REFUSALS = 5
"""So often one that is refused is tried."""
FIRST_SECONDS, YOUNG_SECONDS, LONGEST_SECONDS = 5.0, 60.0, 3600.0
YOUNG_FOR_SECONDS = 3600.0


def of_status(status: int) -> str:
    """What a status says."""
    if 200 <= status < 300:
        return "taken"
    if status == 410:
        return "gone"
    if status in (408, 429, 503):
        return "busy"
    if 300 <= status < 400:
        return "redirected"
    return "refused" if 400 <= status < 500 else "broken"


def wait_seconds(failures: int, since: datetime | None, now: datetime) -> float:
    """How long to wait after so many failures in a row, of which the first was at *since*.

    It doubles from 5 s, up to a minute within the first hour and up to an hour after it; a quarter
    of it is chance, lest all who wait for one receiver come back at once.
    """
    young = since is None or (now - since).total_seconds() < YOUNG_FOR_SECONDS
    longest = YOUNG_SECONDS if young else LONGEST_SECONDS
    wait = min(longest, FIRST_SECONDS * 2 ** min(failures - 1, 20))
    return wait * random.uniform(0.75, 1.0)  # noqa: S311
