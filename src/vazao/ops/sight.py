"""What a look at the database sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vazao.ops.settings import OpsSettings

if TYPE_CHECKING:
    from vazao.kit.platform import Platform
    from vazao.kit.sql import Conn
    from vazao.ops.reading import Change


class Sight(NamedTuple):
    """A connection whose statements end after two seconds, and what happened lately, if known."""

    platform: Platform
    conn: Conn
    change: Change | None

    @property
    def settings(self) -> OpsSettings:
        """From when on something is wrong."""
        return self.platform.settings.of(OpsSettings)
