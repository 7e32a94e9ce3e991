"""Arrows point one way: no circle, faces only, every module in a layer; faces agree."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from tests.support.imports import circles, graph, names, room_of
from tests.support.sources import PACKAGE, ROOT, name, tree
from vazao.main import ROOMS, sections

FREE = ("", "kit")
"""What any room may import past a face: the root's own modules and kit."""
FACES = sorted(
    file for file in PACKAGE.glob("*/__init__.py") if "lazily" in file.read_text(encoding="utf-8")
)


def test_no_circle_of_imports() -> None:
    assert circles(graph()) == []


@pytest.mark.parametrize(("arrows", "expected"), [
    ({"a": "b", "b": "c", "c": ""}, []),
    ({"a": "b", "b": "c", "c": "b", "d": "a"}, [("b", "c")]),
    ({"a": "b", "b": "a", "c": "d", "d": "c", "e": "ac"}, [("a", "b"), ("c", "d")]),
    ({"a": "b", "b": "a", "c": "da", "d": "c"}, [("a", "b"), ("c", "d")]),
])
def test_circles_are_found(arrows: dict[str, str], expected: list[tuple[str, ...]]) -> None:
    assert circles({name: frozenset(to) for name, to in arrows.items()}) == expected


def test_rooms_are_imported_through_their_faces() -> None:
    """Of another room only ``vazao.<room>``: what stands behind it may change."""
    past = [
        f"{module} imports {other}" for module, found in graph().items() for other in found
        if room_of(module) != room_of(other) and room_of(other) not in FREE
        and other.count(".") > 1
    ]
    assert not past


def test_faces_are_not_reached_through() -> None:
    """``jobs.models`` is past the face of ``jobs`` as well, though nothing says import."""
    through = [
        f"{name(file)}:{node.lineno}" for module, file in names().items()
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        and f"vazao.{node.value.id}" in graph()[module]
        and f"vazao.{node.value.id}.{node.attr}" in names()
    ]
    assert not through


def test_every_package_has_its_layers() -> None:
    """import-linter then sees to each module of it; a face stands above its layers."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    held = {
        container for contract in contracts if contract.get("exhaustive")
        for container in contract["containers"]
    }
    packages = {module for module, file in names().items() if file.name == "__init__.py"}
    assert held == packages | {"vazao_agent"}


def _lazily(file: Path) -> dict[str, str]:
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "lazily":
            return ast.literal_eval(node.args[1])
    raise AssertionError(f"{name(file)} loads nothing")


def _typed(file: Path, package: str) -> dict[str, str]:
    """What a face imports from its own modules for types, and from where."""
    blocks = [node for node in tree(file).body if isinstance(node, ast.If)
              and getattr(node.test, "id", "") == "TYPE_CHECKING"]
    return {
        alias.name: node.module.removeprefix(f"{package}.")
        for block in blocks for node in block.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{package}.")
        and node.module for alias in node.names
    }


@pytest.mark.parametrize("file", FACES, ids=name)
def test_a_face_says_one_thing(file: Path) -> None:
    """Its ``__all__``, what types are checked with, and what is loaded are the same names."""
    package = f"vazao.{file.parent.name}"
    (shown,) = (
        ast.literal_eval(node.value) for node in tree(file).body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
    )
    own = {
        node.name for node in tree(file).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
    }
    assert _lazily(file) == _typed(file, package)
    assert set(shown) == set(_lazily(file)) | own
    assert len(set(shown)) == len(shown)


def test_every_room_of_settings_is_in_main() -> None:
    rooms = {file.parent.name for file in PACKAGE.glob("*/settings.py")} - {"kit"}
    assert {room_of(section.__module__) for section in sections()} == rooms
    assert rooms <= set(ROOMS)
