"""Runs the statements of relay: connection in, models out; never commits.

One module a noun, its statements beside it: ``store.sites.find(conn, …)``.
"""

from vazao.relay.store import lists, rows, runs, sites

__all__ = ["lists", "rows", "runs", "sites"]
