"""Break the changed lines, one change at a time, and say which changes no test notices.

    python scripts/mutants.py                     lines changed since what was pushed last
    python scripts/mutants.py --base REV          since another commit
    python scripts/mutants.py src/vazao/kit/x.py  all lines of a file, changed or not

Each change is written into a copy of the tree, whose package the tests and all processes that they
start import. Those tests of the file's room run that reach the changed line; where none is known
to (another process runs it, or it is SQL) the whole room does. Why it is not mutmut: ADR 0039.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mutations import changes

ROOT = Path(__file__).resolve().parent.parent
HUNK = re.compile(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
SQL = [
    (re.compile(r"(?<![<>=!])<=?(?![=>])"), lambda found: "<" if found == "<=" else "<="),
    (re.compile(r"(?<![<>=!-])>=?(?!=)"), lambda found: ">" if found == ">=" else ">="),
    (re.compile(r"\band\b"), lambda _: "or"), (re.compile(r"\bor\b"), lambda _: "and"),
    (re.compile(r"\bnot (?!null)"), lambda _: ""), (re.compile(r"\bdesc\b"), lambda _: "asc"),
    (re.compile(r"(?<![\w$])\d+(?!\w)"), lambda found: str(int(found) + 1)),
]
"""What is changed in SQL: comparisons, junctions, order, numbers."""
TESTS_MOST = 200


@dataclass(frozen=True)
class Mutant:
    """A file with one change: where, what stood there, what stands there now, and the whole."""

    file: str
    line: int
    before: str
    after: str
    text: str


def changed_lines(base: str) -> dict[str, set[int]]:
    """The lines of each file of the package that differ from *base*."""
    diff = git("diff", "--unified=0", "--no-color", "--no-prefix", base, "--", "src/vazao")
    found: dict[str, set[int]] = {}
    for part in re.split(r"^diff --git ", diff, flags=re.MULTILINE)[1:]:
        named = re.search(r"^\+\+\+ (src/\S+\.(?:py|sql))$", part, re.MULTILINE)
        if named and "/migrations/" not in named[1]:
            found[named[1]] = {
                number for first, count in HUNK.findall(part)
                for number in range(int(first), int(first) + int(count or 1))
            }
    return found


def git(*arguments: str) -> str:
    """What git says."""
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout


def base_revision() -> str:
    """What was pushed last, or the commit before this one."""
    for name in ("@{upstream}", "HEAD~1"):
        done = subprocess.run(["git", "rev-parse", "--verify", "--quiet", name], cwd=ROOT,
                              capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout != git("rev-parse", "HEAD"):
            return done.stdout.strip()
    return "HEAD"


def mutants_of(file: str, lines: set[int]) -> Iterator[Mutant]:
    """Every change of *lines* that is worth a try."""
    text = (ROOT / file).read_text(encoding="utf-8")
    seen = {text}
    for line, after in (sql_changes if file.endswith(".sql") else changes)(text, lines):
        if after not in seen:
            seen.add(after)
            yield Mutant(file, line, *differing(text, after), after)


def differing(text: str, after: str) -> tuple[str, str]:
    """The first line in which they differ, before and after."""
    pairs = zip(text.splitlines(), after.splitlines(), strict=False)
    return next(((a.strip(), b.strip()) for a, b in pairs if a != b), ("", ""))


def sql_changes(text: str, lines: set[int]) -> Iterator[tuple[int, str]]:
    """The text with one operator or number changed; what a comment says does not count."""
    rows = text.splitlines(keepends=True)
    for number in sorted(lines & set(range(1, len(rows) + 1))):
        row = rows[number - 1]
        for pattern, other in SQL if not row.lstrip().startswith("--") else []:
            for match in pattern.finditer(row):
                changed = row[: match.start()] + other(match[0]) + row[match.end() :]
                yield number, "".join([*rows[: number - 1], changed, *rows[number:]])


def room_of(file: str) -> str:
    """Where the tests of *file* are."""
    parts = Path(file).parts
    room = ROOT / "tests" / (parts[2] if len(parts) > 3 else "kit")
    return str(room.relative_to(ROOT)) if room.is_dir() else "tests"


class Copy:
    """A copy of the tree, whose tests import its package and whose processes do, too."""

    def __init__(self, folder: Path, given: argparse.Namespace) -> None:
        self.folder = folder
        self.jobs = given.jobs
        self.seconds = 0.0
        self.tests: list[str] = given.tests
        self.reached: dict[tuple[str, int], list[str]] = {}
        for name in ("src", "tests", "scripts", "pyproject.toml"):
            source = ROOT / name
            ignore = shutil.ignore_patterns("__pycache__")
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=ignore)
            else:
                shutil.copy(source, folder / name)

    def run(self, arguments: list[str], seconds: float, **more: str) -> int | None:
        """pytest's exit code, or None where it took longer; all that it started ends with it."""
        environment = os.environ | {
            "PYTHONPATH": str(self.folder / "src"), "PYTHONDONTWRITEBYTECODE": "1", **more,
        }
        with (self.folder / "pytest.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "pytest", "-q", "-x", *arguments], cwd=self.folder,
                env=environment, stdout=log, stderr=log,
            )
            try:
                return process.wait(seconds)
            except subprocess.TimeoutExpired:
                # An interrupt lets pytest end what its tests started.
                process.send_signal(2)
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                return None

    def trace(self, lines: dict[str, set[int]]) -> None:
        """Learn which tests reach each line, from one run of the rooms without any change."""
        rooms = self.tests or sorted({room_of(file) for file in lines})
        began = time.monotonic()
        code = self.run(
            [*rooms, *self.spread(), "-p", "tests.support.tracing"], 3600,
            VAZAO_TRACE="\n".join(str(self.folder / file) for file in lines),
            VAZAO_TRACE_FOLDER=str(self.folder / "traces"),
        )
        if code != 0:
            log = (self.folder / "pytest.log").read_text()[-3000:]
            raise SystemExit(f"The tests fail without any change:\n{log}")
        # A change that makes them three times as slow hangs, as far as anyone can tell.
        self.seconds = 60 + 3 * (time.monotonic() - began)
        self._read_traces()

    def spread(self) -> list[str]:
        """How tests are shared out."""
        return ["-n", str(self.jobs), "--dist", "worksteal"]

    def _read_traces(self) -> None:
        from coverage import CoverageData

        for data_file in sorted((self.folder / "traces").glob("*")):
            data = CoverageData(basename=str(data_file))
            data.read()
            for measured in data.measured_files():
                file = str(Path(measured).relative_to(self.folder))
                for line, tests in data.contexts_by_lineno(measured).items():
                    self.reached.setdefault((file, line), []).extend(filter(None, tests))

    def notices(self, mutant: Mutant) -> bool:
        """Whether a test fails with the mutant, or they hang."""
        target = self.folder / mutant.file
        original = target.read_text(encoding="utf-8")
        tests = sorted(set(self.reached.get((mutant.file, mutant.line), [])))
        if not 0 < len(tests) <= TESTS_MOST:
            # Run at import, in another process, or by nearly everything; or it is SQL.
            tests = self.tests or [room_of(mutant.file)]
        alone = len(tests) == 1 and "::" in tests[0]
        target.write_text(mutant.text, encoding="utf-8")
        try:
            return self.run([*tests, *([] if alone else self.spread())], self.seconds) != 0
        finally:
            target.write_text(original, encoding="utf-8")


def chosen(lines: dict[str, set[int]], most: int) -> list[Mutant]:
    """At most *most* mutants, drawn evenly where there are more, in the order of their lines."""
    found = [mutant for file, numbers in lines.items() for mutant in mutants_of(file, numbers)]
    kept = random.Random(7).sample(found, most) if len(found) > most else found  # noqa: S311
    if len(kept) < len(found):
        say(f"{len(found)} changes; {most} of them are tried (--most N).")
    return sorted(kept, key=lambda m: (m.file, m.line))


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def tried(copy: Copy, mutants: list[Mutant], deadline: float) -> int:
    """Print the survivors; how many there are."""
    survivors = 0
    for number, mutant in enumerate(mutants, 1):
        if time.monotonic() > deadline:
            say(f"Time is up (--minutes N): {len(mutants) - number + 1} changes were not tried.")
            break
        if not copy.notices(mutant):
            survivors += 1
            say(f"{mutant.file}:{mutant.line}: survived\n  - {mutant.before}\n  + {mutant.after}")
    return survivors


def main(arguments: list[str]) -> int:
    """Try the mutants; 1 where some survive."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("files", nargs="*", help="whole files instead of what changed")
    parser.add_argument("--base", help="the commit to compare with")
    parser.add_argument("--most", type=int, default=100, help="changes to try at most")
    parser.add_argument("--minutes", type=float, default=60, help="time to take at most")
    parser.add_argument("--tests", nargs="*", help="these instead of those of the file's room")
    parser.add_argument("--jobs", type=int, default=2, help="test processes")
    given = parser.parse_args(arguments)
    lines = {f: set(range(1, 10_000)) for f in given.files} if given.files else (
        changed_lines(given.base or base_revision())
    )
    mutants = chosen(lines, given.most)
    if not mutants:
        say("No line of the package was changed.")
        return 0
    folder = Path(tempfile.mkdtemp(prefix="vazao-mutants-"))
    try:
        copy = Copy(folder, given)
        say(f"{len(mutants)} changes in {len(lines)} files; first the tests without any.")
        copy.trace(lines)
        survivors = tried(copy, mutants, time.monotonic() + given.minutes * 60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    say(f"{len(mutants)} changes, {survivors} survivors.")
    return 1 if survivors else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
