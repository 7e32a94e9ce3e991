"""What a web process imports while it answers keeps every other request waiting."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tests.support.sources import tree

LOADED = """
import sys
from vazao.kit.web import frame
from vazao.main import registry
registry().routes
for load in (frame.load_own, *registry().loads):
    load()
for name, module in sorted(sys.modules.items()):
    print(name, getattr(module, "__file__", None))
"""
ELSEWHERE = (
    "vazao.main", "vazao.commands", "vazao.kit.cli", "vazao.kit.serving", "vazao.kit.settings",
    "vazao.kit.i18n",
)
"""They import before a process serves, or run in another one."""


def test_requests_import_nothing() -> None:
    said = subprocess.run(
        [sys.executable, "-c", LOADED], check=True, capture_output=True, text=True
    ).stdout
    loaded = dict(line.split(" ", 1) for line in said.splitlines())
    late = {
        (name, module) for name, file in loaded.items() if answers(name, file)
        for module in imported(Path(file)) if module not in loaded and is_module(module)
    }
    assert not late


def answers(name: str, file: str) -> bool:
    """Whether functions of that module run within a request."""
    return (
        name.startswith("vazao.") and name not in ELSEWHERE and not file.endswith("__init__.py")
        and name.rpartition(".")[2] not in ("cli", "cli_lists", "demo", "tasks", "load")
    )


def imported(file: Path) -> set[str]:
    """Modules that its functions import, and what may be modules."""
    return {
        module for function in ast.walk(tree(file))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function) for module in modules(node)
    }


def is_module(name: str) -> bool:
    """Whether a module of that name could be imported."""
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def modules(node: ast.AST) -> list[str]:
    """What an import statement names; of ``from a import b`` also ``a.b``, if that is a module."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        inner = [f"{node.module}.{alias.name}" for alias in node.names]
        return [node.module, *filter(is_module, inner)]
    return []
