"""Hold the migrations' SQL to what is safe under traffic: squawk, over what Alembic would run.

The revisions before the first release meet empty tables, so rules about existing tables and
old clients say nothing there; they bind from the next revision on.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = ROOT / "src" / "vazao" / "migrations" / "versions"
FIRST = tuple(f"{number:04}" for number in range(1, 11))
# Style that others decided (names, identity columns, no `if not exists` in a versioned history).
NEVER = ("prefer-robust-stmts", "prefer-text-field", "prefer-bigint-over-int", "prefer-identity",
         "prefer-bigint-over-smallint", "require-timeout-settings", "transaction-nesting")
EMPTY = ("require-concurrent-index-creation", "require-concurrent-index-deletion",
         "adding-foreign-key-constraint",
         "constraint-missing-not-valid", "disallowed-unique-constraint")


class Recorder:
    """Stands in for Alembic's ``op``: keeps what would be executed."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def execute(self, statement: object) -> None:
        """Keep *statement*."""
        self.statements.append(str(statement).rstrip().rstrip(";") + ";")


def statements(file: Path) -> str:
    """The SQL that a revision executes; none of the queue library's own schema."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if hasattr(module, "SchemaManager"):
        return ""
    module.op = recorder = Recorder()
    module.upgrade()
    return "\n".join(recorder.statements)


def check(file: Path, folder: Path) -> int:
    """Run squawk on one revision; its exit code."""
    sql = folder / f"{file.stem}.sql"
    sql.write_text(statements(file), encoding="utf-8")
    excluded = [*NEVER, *(EMPTY if file.name[1:5] in FIRST else ())]
    program = Path(sys.executable).parent / "squawk"
    return subprocess.run(
        [str(program), "--pg-version=15", "--assume-in-transaction",
         f"--exclude={','.join(excluded)}", str(sql)],
        check=False,
    ).returncode


def main() -> int:
    """Check every revision that holds SQL."""
    with tempfile.TemporaryDirectory(prefix="vazao-squawk-") as folder:
        codes = [
            check(file, Path(folder))
            for file in sorted(VERSIONS.glob("r[0-9]*_*.py")) if statements(file)
        ]
    return max(codes, default=1)


if __name__ == "__main__":
    raise SystemExit(main())
