"""Pages made from the program: settings, commands, metrics. A test compares them with it.

    python scripts/reference.py            write .env.example and docs/{settings,cli,metrics}.md
    python scripts/reference.py --check    fail if one of them is out of date
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from typer.core import TyperGroup
from typer.main import get_command

from vazao.kit.settings import Settings

ROOT = Path(__file__).resolve().parent.parent


def settings() -> list[tuple[str, str, str]]:
    """Each setting: its variable, its default as text, its meaning."""
    from vazao.main import sections

    parts = [("VAZAO_", Settings), *((section.prefix(), section) for section in sections())]
    return [
        (f"{prefix}{name.upper()}", default_of(field), field.description or "")
        for prefix, part in parts for name, field in part.model_fields.items()
    ]


def default_of(field: FieldInfo) -> str:
    """A setting's default as one would write it; empty where there is none."""
    return "" if field.default in (None, "") else str(field.default)


def env_example() -> str:
    """``.env.example``: every setting, commented out, with its default and meaning."""
    lines = ["# Copy to .env and take the # off what you change. A variable of the environment",
             "# goes before this file.", ""]
    for name, default, meaning in settings():
        lines += [f"# {meaning}", f"#{name}={default}", ""]
    return "\n".join(lines)


def settings_page() -> str:
    """``docs/settings.md``."""
    rows = [f"| `{name}` | {f'`{default}`' if default else ''} | {meaning} |"
            for name, default, meaning in settings()]
    head = ["# Settings", "", "Read from the environment, then from `.env`. Made by `make docs`.",
            "", "| variable | default | meaning |", "|---|---|---|"]
    return "\n".join([*head, *rows]) + "\n"


def commands() -> Iterator[tuple[str, Any]]:
    """Every command line of the program with its command, depth first."""
    from vazao.main import GROUPS, application, command_group

    root = get_command(application())
    assert isinstance(root, TyperGroup)
    for name in GROUPS:
        root.commands[name] = command_group(name)
    yield from _below("vazao", root)


def _below(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        if not child.hidden:
            yield from _below(f"{path} {name}", child)


def cli_page() -> str:
    """``docs/cli.md``: every command with its arguments and options."""
    lines = ["# Commands", "", "Made by `make docs` from what `--help` says.", ""]
    for path, command in commands():
        shown = [p for p in command.params if not getattr(p, "hidden", False)]
        lines += [f"{'#' * (path.count(' ') + 2)} `{path}`", "", " ".join(
            (command.help or "").split()), ""]
        rows = [_parameter(p, path) for p in shown if "completion" not in p.name]
        lines += [*rows, ""] if rows else []
    return "\n".join(lines).rstrip() + "\n"


def variable_of(parameter: Any, path: str) -> str | None:
    """The variable that *parameter* of the command line *path* may come from."""
    if parameter.envvar or not getattr(parameter, "allow_from_autoenv", False):
        return parameter.envvar
    return f"{path} {parameter.name}".upper().replace(" ", "_").replace("-", "_")


def _parameter(parameter: Any, path: str) -> str:
    every = [*parameter.opts, *getattr(parameter, "secondary_opts", [])]
    names = ", ".join(f"`{o}`" for o in every) if parameter.param_type_name == "option" \
        else f"`{parameter.name.upper()}`"
    variable = variable_of(parameter, path)
    shown = f" (`{variable}`)" if variable else ""
    return f"- {names}{shown}: {getattr(parameter, 'help', '') or ''}".rstrip(": ")


def metrics_page() -> str:
    """``docs/metrics.md``: every metric with its labels and meaning."""
    import vazao.kit.metrics as ours
    from vazao.main import registry

    registry()
    # Scrapes show counters with a suffix that the library keeps apart.
    found = {
        m._name + "_total" * (m._type == "counter"): (m._type, m._labelnames, m._documentation)
        for m in vars(ours).values() if hasattr(m, "_labelnames")
    }
    rows = [f"| `{name}` | {kind} | {', '.join(f'`{label}`' for label in labels)} | {text} |"
            for name, (kind, labels, text) in sorted(found.items())]
    head = ["# Metrics", "", "`GET /metrics` sums all processes of a host. Made by `make docs`.",
            "", "| name | type | labels | meaning |", "|---|---|---|---|"]
    return "\n".join([*head, *rows]) + "\n"


PAGES = {
    ".env.example": env_example, "docs/settings.md": settings_page, "docs/cli.md": cli_page,
    "docs/metrics.md": metrics_page,
}


def outdated() -> list[str]:
    """The pages that are not what the program says."""
    return [
        name for name, make in PAGES.items()
        if not (ROOT / name).is_file() or (ROOT / name).read_text(encoding="utf-8") != make()
    ]


def main(arguments: list[str]) -> int:
    """Write or check."""
    if "--check" in arguments:
        for name in (old := outdated()):
            sys.stderr.write(f"{name} is out of date: make docs\n")
        return int(bool(old))
    os.makedirs(ROOT / "docs", exist_ok=True)
    for name, make in PAGES.items():
        (ROOT / name).write_text(make(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
