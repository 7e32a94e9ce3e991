"""Runs the statements of jobs: connection in, models out; never commits.

One module a noun, its statements beside it: ``store.parts.fetch(conn, …)``.
"""

from vazao.jobs.store import jobs, looks, order, pages, parts, periodic, said, workers

__all__ = ["jobs", "looks", "order", "pages", "parts", "periodic", "said", "workers"]
