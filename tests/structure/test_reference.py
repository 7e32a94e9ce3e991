"""What the program can do is written down: settings, commands, metrics."""

from __future__ import annotations

import sys

import pytest

from tests.structure.sources import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
import reference


@pytest.mark.parametrize("page", reference.PAGES)
def test_a_page_is_what_the_program_says(page: str) -> None:
    written = (ROOT / page).read_text(encoding="utf-8")
    assert written == reference.PAGES[page](), "run: make docs"


def test_every_setting_says_what_it_means() -> None:
    assert not [name for name, _, meaning in reference.settings() if len(meaning) < 8]


def test_every_command_and_option_says_what_it_does() -> None:
    silent = []
    for path, command in reference.commands():
        if not (command.help or "").strip():
            silent.append(path)
        silent += [
            f"{path} {p.opts[0]}" for p in command.params
            if p.param_type_name == "option" and not p.hidden and not p.help
        ]
    assert not silent


def test_every_metric_says_what_it_measures() -> None:
    rows = [line for line in reference.metrics_page().splitlines() if line.startswith("| `")]
    assert rows
    assert not [row for row in rows if len(row.split("|")[-2].strip()) < 10]


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    promised = makefile.split(".PHONY:")[1].split("\n\n")[0].replace("\\\n", " ").split()
    described = {line.split(":")[0] for line in makefile.splitlines() if "## " in line}
    assert set(promised) - described <= {"assets"}
