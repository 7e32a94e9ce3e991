"""Sentences for people, in the language of the machine: Portuguese or English."""

from __future__ import annotations

import locale
import os


def is_portuguese() -> bool:
    """Whether this machine speaks Portuguese."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANGUAGE", "LANG"):
        if value := os.environ.get(name):
            return value.lower().startswith("pt")
    return (locale.getlocale()[0] or "").lower().startswith("pt")


def said(english: str, portuguese: str, **places: object) -> str:
    """The sentence in the machine's language."""
    return (portuguese if is_portuguese() else english).format(**places)
