"""Small rooms: files, functions, and what each says about itself."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sources import ROOT, files, functions, modules, name, tree

FILE_LINES, FILE_MEDIAN = 400, 150
FUNCTION_LINES, FUNCTION_MEDIAN = 40, 10
DOCUMENTED = 0.85


def lines(file: Path) -> int:
    return len(file.read_text(encoding="utf-8").splitlines())


def test_no_file_is_longer_than_a_reader_holds() -> None:
    python = [f for f in files() if f.suffix == ".py"]
    assert not {name(f): n for f in python if (n := lines(f)) > FILE_LINES}
    assert statistics.median(lines(f) for f in modules()) <= FILE_MEDIAN


def test_no_function_is_longer_than_a_screen() -> None:
    found = [pair for file in modules() for pair in functions(file)]
    assert not {where: n for where, n in found if n > FUNCTION_LINES}
    assert statistics.median(n for _, n in found) <= FUNCTION_MEDIAN


@pytest.mark.parametrize("folder", ["src", "tests", "scripts", "bench"])
def test_every_module_opens_with_a_docstring(folder: str) -> None:
    python = [f for f in files() if f.suffix == ".py" and name(f).startswith(f"{folder}/")]
    silent = [name(f) for f in python if not ast.get_docstring(tree(f)) and f.name != "__init__.py"]
    assert not silent
    assert not [name(f) for f in modules() if not ast.get_docstring(tree(f))]


def public(file: Path) -> Iterator[tuple[str, bool]]:
    """The public classes, functions and methods of a module, and whether each has a docstring."""
    module = tree(file)
    classes = [n for n in module.body if isinstance(n, ast.ClassDef) and n.name[0] != "_"]
    for owner in (module, *classes):
        for node in owner.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and (
                not node.name.startswith("_")
            ):
                yield f"{name(file)}:{node.lineno} {node.name}", bool(ast.get_docstring(node))


def test_the_public_interface_is_documented() -> None:
    found = [pair for file in modules() for pair in public(file)]
    silent = [where for where, documented in found if not documented]
    assert len(silent) / len(found) <= 1 - DOCUMENTED, silent


def test_nothing_is_left_for_later_and_nothing_swallowed() -> None:
    marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X:"]
    assert not [
        f"{name(f)}: {mark}" for f in files() if f.suffix in (".py", ".sql", ".js", ".html")
        for mark in marks if mark in f.read_text(encoding="utf-8")
    ]
    swallowed = [
        f"{name(file)}:{node.lineno}" for file in modules() for node in ast.walk(tree(file))
        if isinstance(node, ast.ExceptHandler) and isinstance(node.body[0], ast.Pass)
        and (node.type is None or getattr(node.type, "id", "") in ("Exception", "BaseException"))
    ]
    assert not swallowed


def test_tests_do_not_sleep() -> None:
    """Polling with a deadline is no sleep; that lives in ``tests/support/waiting.py`` alone."""
    sleepers = [
        f"{name(f)}:{node.lineno}" for f in files()
        if f.suffix == ".py" and name(f).startswith("tests/")
        and name(f) != "tests/support/waiting.py"
        for node in ast.walk(tree(f))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        and node.func.attr == "sleep" and not _yields(node)
    ]
    assert not sleepers


def _yields(call: ast.Call) -> bool:
    """``asyncio.sleep(0)`` only lets others run."""
    return bool(call.args) and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0


def test_the_license_and_the_pins_are_there() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    for pins in ("run", "build", "test", "dev", "clients"):
        text = (ROOT / "requirements" / f"{pins}.txt").read_text()
        assert text.count("--hash=sha256:") > text.count("==")
        assert "#" not in text
        assert "://" not in text
        assert "--index" not in text
        assert "--find-links" not in text


def test_tests_take_their_helpers_from_support_alone() -> None:
    """A helper that lives in a test moves when that test does, and drags others along."""
    python = [f for f in files() if f.suffix == ".py" and name(f).startswith("tests/")]
    taken = {
        name(f): module for f in python for module in imported(f)
        if module.startswith("tests.") and not module.startswith("tests.support")
    }
    assert not taken


def imported(file: Path) -> Iterator[str]:
    """The modules that *file* imports from, wherever the import stands."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names
                        if node.module == "tests")
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
