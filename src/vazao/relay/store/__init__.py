"""Runs the statements of relay: connection in, models out; never commits.

One module a noun, its statements beside it: ``store.sites.find(conn, …)``.
"""

from vazao.relay.store import health, lists, pace, rows, runs, sites

__all__ = ["health", "lists", "pace", "rows", "runs", "sites"]
