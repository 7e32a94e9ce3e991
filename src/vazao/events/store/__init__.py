"""Runs the statements of events: connection in, models out; never commits.

One module a noun, its statements beside it: ``store.providers.find(conn, …)``.
"""

from vazao.events.store import events, merging, providers, readers

__all__ = ["events", "merging", "providers", "readers"]
