"""What is wrong with the platform now, in a sentence, with what to do about it.

Rooms register what looks for it (``registry.looks``); ``/ops``, ``vazao doctor``, the alarms and
``vazao ops findings`` show what is found.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from vazao.kit import formats
from vazao.kit.i18n import translate

Level = Literal["critical", "warning"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is wrong now.

    Attributes:
        code: which kind of fault, for programs.
        subject: what has it, such as a table's name; with *code*, the finding's identity.
        level: ``critical`` where work stands still or is about to, else ``warning``.
        message: what is the case, a message id with ``{named}`` places.
        remedy: what mends it, a message id with the same places.
        params: the places' values. A whole number is written as the language does; what ends in
            ``seconds`` is a duration, in ``bytes`` a size, in ``share`` (0 to 1) per cent.
        since: when it began, where that is known.
    """

    code: str
    message: str
    remedy: str
    subject: str = ""
    level: Level = "warning"
    params: dict[str, Any] = {}
    since: datetime | None = None

    @property
    def identity(self) -> tuple[str, str]:
        """What it is told by: its kind and what has it."""
        return self.code, self.subject

    def told(self, language: str) -> str:
        """What is the case, in *language*."""
        return _filled(self.message, self.params, language)

    def advised(self, language: str) -> str:
        """What mends it, in *language*."""
        return _filled(self.remedy, self.params, language)


def _filled(text: str, params: Mapping[str, Any], language: str) -> str:
    written = {name: _written(name, value, language) for name, value in params.items()}
    return translate(text, language).format(**written)


def _written(name: str, value: Any, language: str) -> str:
    if isinstance(value, str):
        return value
    if name.endswith("seconds"):
        return formats.duration(value, language)
    if name.endswith("bytes"):
        return formats.size(value, language)
    if name.endswith("share"):
        return formats.percent(value, language)
    # What names a process is no amount.
    return str(value) if name.endswith("pid") else formats.number(value, language)
