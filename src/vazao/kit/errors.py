"""The one error tree: every failure a user can meet has a code, a status, a message, a remedy.

The first paragraph of a subclass's docstring is its default message. Messages are gettext
templates (English is the message id) with ``{named}`` places, so that they can be said in the
reader's language late, where the language is known.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from vazao.kit.i18n import translate


class VazaoError(Exception):
    """Something went wrong on our side. The log has the details under this request's id."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    headers: Mapping[str, str] = MappingProxyType({})
    # An example of what stands beside the code (:attr:`more`), for the reference.
    shows: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    def __init__(
        self,
        template: str | None = None,
        *,
        remedy: str | None = None,
        details: Sequence[Any] = (),
        retry_after: int | None = None,
        **params: object,
    ) -> None:
        """Make the error from a message template.

        Args:
            template: message with ``{named}`` places; the class's docstring by default.
            remedy: what the reader can do about it, a template with the same places.
            details: machine-readable particulars, JSON-able.
            retry_after: seconds after which trying again makes sense (429 and 503).
            params: values for the named places.
        """
        self.template = template or self.summary()
        self.remedy = remedy
        self.details = list(details)
        self.retry_after = retry_after
        self.params = params
        # What stands beside the code, for programs: JSON-able.
        self.more: dict[str, Any] = {}
        super().__init__(self.message())

    @classmethod
    def summary(cls) -> str:
        """The default message: the first paragraph of the class's docstring."""
        return " ".join((cls.__doc__ or "").strip().partition("\n\n")[0].split())

    def message(self, language: str = "en") -> str:
        """The message, and the remedy after it, in *language* (``en`` or ``pt_BR``)."""
        parts = [self.template] if self.remedy is None else [self.template, self.remedy]
        texts = (translate(part, language) for part in parts)
        return " ".join(t.format(**self.params) if self.params else t for t in texts)

    def body(self, language: str = "en") -> dict[str, Any]:
        """The platform's one JSON shape for errors."""
        error = {"code": self.code, "message": self.message(language), "details": self.details}
        return {"error": error | self.more}


SHOWN = 80
"""Characters of a refused value that are told."""


def detail(place: str, value: str, *allowed: str) -> dict[str, Any]:
    """What the details of a refused parameter say, in the one shape of all of them.

    Args:
        allowed: the values that there are, or in one text what they look like.
    """
    return {"place": place, "value": value[:SHOWN], "allowed": list(allowed)}


class BadRequest(VazaoError):
    """The request is not valid."""

    code = "bad_request"
    status = 400


class ValueRefused(BadRequest):
    """The request contains a value that cannot be stored or searched for."""

    code = "value_refused"


class Unauthenticated(VazaoError):
    """Sign in or send a valid token."""

    code = "unauthenticated"
    status = 401
    headers: Mapping[str, str] = MappingProxyType({"WWW-Authenticate": 'Bearer realm="vazao"'})


class CredentialMissing(Unauthenticated):
    """Sign in or send a token."""

    def __init__(self) -> None:
        super().__init__(
            remedy="A program sends its token as Authorization: Bearer TOKEN, or as the headers "
            "api-token and application (the name of the token's application).",
        )


class Forbidden(VazaoError):
    """This token or user is not allowed to do that."""

    code = "forbidden"
    status = 403


class NotOfThePlatform(Forbidden):
    """Only an admin of the organization public may do that."""


class NotFound(VazaoError):
    """Nothing was found at this address."""

    code = "not_found"
    status = 404


class Gone(VazaoError):
    """This was removed permanently."""

    code = "gone"
    status = 410


class Conflict(VazaoError):
    """This conflicts with what already exists."""

    code = "conflict"
    status = 409


class TooLarge(VazaoError):
    """The body is larger than the limit."""

    code = "too_large"
    status = 413

    @staticmethod
    def than(limit: int) -> TooLarge:
        """The error that names the limit, in bytes."""
        return TooLarge(
            remedy="At most {limit} bytes are accepted here.", limit=limit,
            details=[{"limit": limit}],
        )


class Unprocessable(VazaoError):
    """The content cannot be accepted."""

    code = "unprocessable"
    status = 422


class TooManyRequests(VazaoError):
    """Too many requests. Try again later."""

    code = "too_many_requests"
    status = 429


class Unavailable(VazaoError):
    """The platform cannot do this right now. Try again later."""

    code = "unavailable"
    status = 503


class StorageFull(VazaoError):
    """There is no space left to store this."""

    code = "storage_full"
    status = 507


def no_room(error: BaseException) -> bool:
    """Whether the system refused for lack of room; native libraries say so in words alone."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return any(words in str(error) for words in ("os error 28", "os error 122", "No space left"))


class ConfigurationError(VazaoError):
    """The configuration is not valid."""

    code = "configuration_error"


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached."""

    code = "database_unavailable"


class UploadCutOff(BadRequest):
    """The body ended before the whole file had arrived."""

    code = "upload_cut_off"
