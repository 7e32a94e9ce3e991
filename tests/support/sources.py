"""The project's own files, as the structural tests read them."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "src" / "vazao"
AGENT = ROOT / "src" / "vazao_agent"
TEXTS = {".py", ".sql", ".md", ".html", ".css", ".js", ".toml", ".txt", ".yml", ".yaml", ".json",
         ".po", ".svg", ".example", ".cfg", ".ini", ".sh", ""}


@cache
def modules() -> tuple[Path, ...]:
    """Every module of the package and of the agent."""
    return tuple(sorted([*PACKAGE.rglob("*.py"), *AGENT.rglob("*.py")]))


@cache
def tree(file: Path) -> ast.Module:
    """A module's syntax tree."""
    return ast.parse(file.read_text(encoding="utf-8"))


def functions(file: Path) -> Iterator[tuple[str, int]]:
    """Each function of a module: where it stands, and how many lines it has."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            yield f"{name(file)}:{node.lineno} {node.name}", (node.end_lineno or first) - first + 1


def name(file: Path) -> str:
    """A file's path from the root."""
    return file.relative_to(ROOT).as_posix()


@cache
def files() -> tuple[Path, ...]:
    """Every text file that is, or would be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    ).stdout.splitlines()
    found = (ROOT / line for line in listed)
    return tuple(f for f in found if f.is_file() and f.suffix in TEXTS)
