"""Progress of a start, said line by line: what was done and how long it took."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from vazao.kit.cli import language
from vazao.kit.i18n import translate

Wait = Callable[[str], None]


def text(template: str, **params: object) -> str:
    """*template* in the terminal's language, with its places filled."""
    return translate(template, language()).format(**params)


class Steps:
    """Says steps on stdout: a spinner while one lasts if a person watches, then a line."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()

    def say(self, line: str = "") -> None:
        """A line of its own, at once."""
        print(line, flush=True)  # noqa: T201 (this is the command's output)

    @contextmanager
    def step(self, name: str) -> Generator[Wait]:
        """Say *name* with the time that the block took; yields what tells of waiting."""
        began = time.perf_counter()
        if self._live:
            from rich.console import Console

            with Console().status(name) as status:
                yield lambda waiting: status.update(f"{name}: {waiting}")
        else:
            yield lambda waiting: self.say(f"  {waiting}")
        self.say(f"✓ {name:<44} {time.perf_counter() - began:6.2f} s")
