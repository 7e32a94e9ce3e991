"""``vazao ops``: what is wrong now, for people and for programs."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from vazao.kit import cli
from vazao.kit.findings import Finding
from vazao.kit.platform import Platform
from vazao.kit.steps import text as _

app = typer.Typer()


@app.callback()
def _group() -> None:
    """For who runs the platform."""


@app.command("findings")
def findings(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON list.")
    ] = False,
) -> None:
    """What is wrong now, each with what to do; exit code 1 if anything is. Takes some seconds."""
    found = cli.run(_found)
    language = cli.language()
    if as_json:
        print(msgspec.json.encode([_shown(each, language) for each in found]).decode())
    elif not found:
        print(_("Nothing is wrong."))
    else:
        for each in found:
            print(f"✗ {each.told(language)}\n  {each.advised(language)}")
    if found:
        raise typer.Exit(1)


async def _found(platform: Platform) -> list[Finding]:
    find = platform.registry.find
    assert find is not None
    return await find(platform)


def _shown(found: Finding, language: str) -> dict[str, object]:
    return {
        "code": found.code, "subject": found.subject, "level": found.level,
        "message": found.told(language), "remedy": found.advised(language), "since": found.since,
        "params": found.params,
    }
