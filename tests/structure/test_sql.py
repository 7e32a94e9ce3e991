"""SQL is named, explained, used, and stands nowhere else; migrations have timeouts."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.support.sources import PACKAGE, modules, name, tree

NAME = re.compile(r"^-- name: *([a-z0-9_]+) *$\n(.*)", re.MULTILINE)
STATEMENT = re.compile(
    r"^\s*(select\s.+\sfrom\s|insert\s+into\s|update\s+\w+[\s\S]*\sset\s|delete\s+from\s|with\s+\w+"
    r"\s+as\s+\()", re.IGNORECASE
)
# Nobody here runs those: migrations' snapshot, and lists that a publisher hands to agents.
DATA = (PACKAGE / "migrations", PACKAGE / "relay" / "synthetic" / "lists")
QUERIES = sorted(
    file for file in PACKAGE.rglob("*.sql")
    if not any(file.is_relative_to(folder) for folder in DATA)
)
VERSIONS = sorted((PACKAGE / "migrations" / "versions").glob("r[0-9]*_*.py"))
# Where a statement stands in code, since nobody owns its table: the catalogue, Alembic, settings.
OUTSIDE = ("kit/embedded", "kit/readiness.py", "kit/doctor.py", "commands.py", "migrations/")


@pytest.mark.parametrize("file", QUERIES, ids=name)
def test_every_statement_says_what_it_does(file: Path) -> None:
    named = NAME.findall(file.read_text(encoding="utf-8"))
    assert named
    assert not [statement for statement, below in named if not below.startswith("-- ")]
    assert len({statement for statement, _ in named}) == len(named)


def store_of(file: Path) -> Path:
    """The module that names the statements of *file*: ``store.py``, or the one beside it."""
    return file.with_name("store.py") if file.stem == "queries" else file.with_suffix(".py")


@pytest.mark.parametrize("file", QUERIES, ids=name)
def test_every_statement_is_used(file: Path) -> None:
    text = store_of(file).read_text(encoding="utf-8")
    named = [statement for statement, _ in NAME.findall(file.read_text(encoding="utf-8"))]
    assert not [s for s in named if not re.search(rf"\bQ\.{s}\b", text)]


def in_a_store(file: Path) -> bool:
    """Whether *file* is a ``store.py``, or a module of a folder ``store/``."""
    return file.name == "store.py" or file.parent.name == "store"


def test_only_stores_name_statements() -> None:
    """Elsewhere a typed function of the store is called: no ``Q``, and nothing that loads one."""
    found = [
        f"{name(file)}:{node.lineno}" for file in modules()
        if not in_a_store(file) and file != PACKAGE / "kit" / "sql.py"
        for node in ast.walk(tree(file)) if _names_a_statement(node)
    ]
    assert not found


def _names_a_statement(node: ast.AST) -> bool:
    if isinstance(node, ast.Name):
        return node.id == "Q"
    if isinstance(node, ast.Attribute):
        return node.attr == "Q" or (node.attr == "load" and getattr(node.value, "id", "") == "sql")
    if isinstance(node, ast.ImportFrom):
        loads = {"load", "Queries"} if node.module == "vazao.kit.sql" else set()
        return any(alias.name in {"Q", *loads} for alias in node.names)
    return False


def test_no_statement_stands_in_code() -> None:
    found = [
        f"{name(file)}:{node.lineno}" for file in modules()
        if file.is_relative_to(PACKAGE)
        and not file.relative_to(PACKAGE).as_posix().startswith(OUTSIDE)
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        and STATEMENT.match(node.value)
    ]
    assert not found


@pytest.mark.parametrize("file", VERSIONS, ids=lambda file: file.stem)
def test_a_migration_sets_its_timeouts_first(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    lock, statement = text.find("set local lock_timeout"), text.find("set local statement_timeout")
    assert 0 < lock < statement
    first = re.search(r"\b(create|alter|drop|insert|update|delete)\s", text[text.find("upgrade") if
                      'SQL = ' not in text else text.find("SQL = "):])
    assert first is None or statement < text.find(first[0], lock)


def test_migrations_are_one_line_of_descent() -> None:
    found = {}
    for file in VERSIONS:
        values = {
            target.id: node.value.value for node in tree(file).body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets if isinstance(target, ast.Name)
        }
        found[values["revision"]] = values["down_revision"]
        assert file.name[1:5] == values["revision"]
    ordered = sorted(found)
    assert [found[revision] for revision in ordered] == [None, *ordered[:-1]]
