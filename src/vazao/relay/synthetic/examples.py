"""The lists over a source, as they are published: the files of the folder ``lists/``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files

_NOTE = re.compile(r"^-- (key|volatile): (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """A list over a source.

    Attributes:
        text: its SQL, whose first line names its columns.
        key: the columns that name a row.
        volatile: columns that move with the day alone.
    """

    name: str
    text: str
    key: tuple[str, ...]
    volatile: tuple[str, ...]


def examples() -> list[Example]:
    """All of them, by name."""
    found = (files("vazao.relay.synthetic") / "lists").iterdir()
    texts = {
        file.name.removesuffix(".sql"): file.read_text(encoding="utf-8") for file in found
        if file.name.endswith(".sql")
    }
    return [_example(name, text) for name, text in sorted(texts.items())]


def _example(name: str, text: str) -> Example:
    notes = {what: tuple(names.split(", ")) for what, names in _NOTE.findall(text)}
    return Example(name, text, notes["key"], notes["volatile"])
