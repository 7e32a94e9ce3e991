"""Structured logs: one event a line, JSON for machines or coloured for a person.

Personal data never goes into an event; bound context (request id, job) goes into every line.
"""

from __future__ import annotations

import logging
import sys

import structlog

QUIET = ("httpx", "httpx2", "httpcore", "procrastinate", "psycopg.pool", "_granian", "alembic")


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
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    )
    number = logging.getLevelName(level.upper())
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(
            number if isinstance(number, int) else logging.INFO
        ),
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
    root.setLevel(number if isinstance(number, int) else logging.INFO)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def get(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose events carry *name*."""
    return structlog.get_logger(source=name)
