"""Runs the statements of leads: connection in, models out; never commits.

One module a noun, its statements beside it: ``store.imports.find(conn, …)``.
"""

from vazao.leads.store import (
    base,
    edits,
    erasing,
    fields,
    imports,
    mappings,
    search,
    staging,
    suppression,
    trials,
)

__all__ = [
    "base", "edits", "erasing", "fields", "imports", "mappings", "search", "staging",
    "suppression", "trials",
]
