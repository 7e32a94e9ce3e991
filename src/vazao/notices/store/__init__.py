"""Runs the statements of notices: connection in, models out; never commits.

One module a noun, its statements beside it: ``store.webhooks.find(conn, …)``.
"""

from vazao.notices.store import deliveries, mail, outbox, webhooks

__all__ = ["deliveries", "mail", "outbox", "webhooks"]
