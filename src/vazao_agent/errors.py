"""What can keep an agent from transmitting, each with the cause that the hub shows."""

from __future__ import annotations


class AgentError(Exception):
    """A failure with its cause (contract: the words that the hub knows) and a sentence for people.

    Args:
        cause: one of the causes, ``query_error`` for example.
        message: for people, without personal data.
        retry_after: seconds after which to try again, where the hub said so.
    """

    def __init__(self, cause: str, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.cause = cause
        self.message = message
        self.retry_after = retry_after
