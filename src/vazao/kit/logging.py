"""Structured logs: one event a line, JSON for machines or coloured for a person.

Personal data never goes into an event; bound context (request id, job) goes into every line.
"""

from __future__ import annotations

import logging
import sys
import traceback

import structlog

QUIET = ("httpx", "httpx2", "httpcore", "procrastinate", "psycopg.pool", "_granian", "alembic")

# Messages of these quote the data they stumbled over: a row's values, a cell, a key.
TALKATIVE = ("psycopg", "polars", "msgspec", "pydantic", "json")


def describe(exc_info: structlog.typing.ExcInfo) -> str:
    """A traceback without data: frames, and messages only where they cannot quote a value.

    Database and parsing errors repeat the values they refuse, and those may be somebody's.
    """
    lines: list[str] = []
    error: BaseException | None = exc_info[1]
    while error is not None:
        frames = traceback.extract_tb(error.__traceback__)
        lines += [f"{f.filename}:{f.lineno} in {f.name}" for f in frames]
        lines.append(_headline(error))
        error = error.__cause__ or error.__context__
    return "\n".join(lines)


def _headline(error: BaseException) -> str:
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    state = getattr(error, "sqlstate", None)
    if state:
        return f"{name} [{state}]"
    quotes = isinstance(error, ValueError | KeyError | TypeError | UnicodeError)
    if quotes or name.partition(".")[0] in TALKATIVE:
        return name
    return f"{name}: {getattr(error, 'template', None) or error}"


def configure(fmt: str = "auto", level: str = "info") -> None:
    """Set the process's logging up.

    Args:
        fmt: ``json``, ``console``, or ``auto`` (console on a terminal, JSON elsewhere).
        level: lowest level shown.
    """
    as_json = fmt == "json" or (fmt == "auto" and not sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(describe),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    )
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def get(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose events carry *name*."""
    return structlog.get_logger(source=name)
