"""How many examples Hypothesis draws: some at each change, twenty times as many in `make full`.

How long one takes is no matter of tests, on any machine: there is no deadline.
"""

from __future__ import annotations

import os

from hypothesis import settings

FULL = os.environ.get("VAZAO_FULL") == "1"
TIMES = 20


def enough(count: int) -> int:
    """*count*, or many more where time is no matter."""
    return count * TIMES if FULL else count


def examples(count: int) -> settings:
    """The settings of a test that draws *count* examples at each change."""
    return settings(max_examples=enough(count), deadline=None)


settings.register_profile("vazao", max_examples=enough(100), deadline=None)
settings.load_profile("vazao")
