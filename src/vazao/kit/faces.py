"""Faces of rooms: what other rooms import from a package, loaded when it is first used.

Commands list their options without loading a web framework or a dataframe library.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazily(package: str, places: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` of *package*: loads a name of its face at first use.

    Args:
        places: the module of the package that each name stands in.

    Raises:
        AttributeError: the face has no such name.
    """

    def load(name: str) -> Any:
        try:
            place = places[name]
        except KeyError:
            raise AttributeError(f"module {package!r} has no attribute {name!r}") from None
        return getattr(import_module(f"{package}.{place}"), name)

    return load
