"""What the program can do is written down: settings, commands, metrics."""

from __future__ import annotations

import sys

import pytest
from typer.testing import CliRunner

from tests.support.sources import ROOT
from vazao.main import application

sys.path.insert(0, str(ROOT / "scripts"))
import reference

UNSET = {"version", "install_completion", "show_completion"}


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


def test_every_option_has_a_variable_that_help_names() -> None:
    """As a person sees it: in what ``--help`` prints."""
    runner, missing = CliRunner(), []
    for path, command in reference.commands():
        said = runner.invoke(application(), [*path.split()[1:], "--help"], env={"COLUMNS": "300"})
        for option in command.params:
            if option.param_type_name != "option" or option.hidden or option.name in UNSET:
                continue
            variable = reference.variable_of(option, path)
            if variable is None or variable not in said.stdout:
                missing.append(f"{path} {option.opts[0]}")
    assert not missing


def test_an_option_is_taken_from_its_variable() -> None:
    said = CliRunner().invoke(
        application(), ["leads", "import", "nothing.csv", "--organization", "x"],
        env={"VAZAO_LEADS_IMPORT_DRY_RUN": "perhaps"},
    )
    assert (said.exit_code, "dry-run" in said.stderr) == (2, True)


def test_every_metric_says_what_it_measures() -> None:
    rows = [line for line in reference.metrics_page().splitlines() if line.startswith("| `")]
    assert rows
    assert not [row for row in rows if len(row.split("|")[-2].strip()) < 10]


def test_every_metric_has_the_name_that_scrapes_show() -> None:
    from vazao.kit.metrics import exposition

    shown = {line.split()[2] for line in exposition()[0].decode().splitlines()
             if line.startswith("# TYPE")}
    rows = [line for line in reference.metrics_page().splitlines() if line.startswith("| `")]
    assert {row.split("`")[1] for row in rows} <= shown


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    promised = makefile.split(".PHONY:")[1].split("\n\n")[0].replace("\\\n", " ").split()
    described = {line.split(":")[0] for line in makefile.splitlines() if "## " in line}
    assert set(promised) - described <= {"assets"}
