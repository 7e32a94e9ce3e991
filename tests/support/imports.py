"""What imports what inside the package: in functions and for types, too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.support.sources import PACKAGE, modules, tree


def module_of(file: Path) -> str:
    """The dotted name of a file of the package."""
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


@cache
def names() -> dict[str, Path]:
    """The package's modules by their dotted names."""
    return {module_of(file): file for file in modules()}


def room_of(module: str) -> str:
    """The room that a module stands in: the first name below ``vazao``."""
    return module.partition(".")[2].partition(".")[0]


def imported(file: Path) -> Iterator[str]:
    """What *file* imports from the package: a name's own module, or the one that it stands in."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.ImportFrom) and node.module in names():
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in names() else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in names())


@cache
def graph() -> dict[str, frozenset[str]]:
    """Every module with those that it imports."""
    return {name: frozenset(imported(file)) - {name} for name, file in names().items()}


def circles(arrows: dict[str, frozenset[str]]) -> list[tuple[str, ...]]:
    """The modules that reach each other by *arrows*, circle by circle."""
    left = dict(arrows)
    while gone := {n for n, to in left.items() if not to & left.keys()}:
        left = {n: to for n, to in left.items() if n not in gone}
    return sorted(
        {tuple(sorted(ring)) for n in left if n in (ring := _reached(n, left) & _reaching(n, left))}
    )


def _reached(start: str, arrows: dict[str, frozenset[str]]) -> set[str]:
    found: set[str] = set()
    ahead = [start]
    while ahead:
        new = arrows.get(ahead.pop(), frozenset()) - found
        found |= new
        ahead += new
    return found


def _reaching(end: str, arrows: dict[str, frozenset[str]]) -> set[str]:
    turned: dict[str, set[str]] = {}
    for name, to in arrows.items():
        for each in to:
            turned.setdefault(each, set()).add(name)
    return _reached(end, {name: frozenset(to) for name, to in turned.items()})
