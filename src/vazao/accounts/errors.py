"""What can go wrong with accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from vazao.kit.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    Unprocessable,
)


class OrganizationUnknown(NotFound):
    """There is no organization called {slug}."""

    code = "organization_unknown"

    def __init__(self, slug: str) -> None:
        super().__init__(
            remedy="Create it with: vazao accounts create-organization {slug}", slug=slug
        )


class UserNotFound(NotFound):
    """There is no such user."""

    code = "user_not_found"


class TokenNotFound(NotFound):
    """There is no such token."""

    code = "token_not_found"


class SessionNotFound(NotFound):
    """There is no such session."""

    code = "session_not_found"


class SlugInvalid(Unprocessable):
    """An organization's short name has 1 to 40 lower-case letters, digits and hyphens."""

    code = "slug_invalid"


class SlugTaken(Conflict):
    """There already is an organization called {slug}."""

    code = "slug_taken"


class UsernameInvalid(Unprocessable):
    """A username has 1 to 150 visible characters, without spaces around it."""

    code = "username_invalid"


class UsernameTaken(Conflict):
    """There already is a user of that name."""

    code = "username_taken"

    def __init__(self) -> None:
        super().__init__(remedy="Choose another username; capitals make no difference.")


class EmailInvalid(Unprocessable):
    """That is not an e-mail address."""

    code = "email_invalid"


class EmailTaken(Conflict):
    """Another user has that e-mail address."""

    code = "email_taken"


class NameInvalid(Unprocessable):
    """A name has at most 200 characters, and no control characters."""

    code = "name_invalid"


class RoleUnknown(Unprocessable):
    """There is no role called {role}."""

    code = "role_unknown"

    def __init__(self, role: str) -> None:
        super().__init__(remedy="Choose admin or member.", role=role)


class ScopeUnknown(Unprocessable):
    """There is no scope called {scope}."""

    code = "scope_unknown"

    def __init__(self, scope: str, known: str) -> None:
        super().__init__(remedy="Choose among: {known}.", scope=scope, known=known)


class ScopesMissing(Unprocessable):
    """A token needs at least one scope."""

    code = "scopes_missing"


class ApplicationInvalid(Unprocessable):
    """An application's name has 1 to 100 plain letters, digits, spaces and signs (ASCII)."""

    code = "application_invalid"


class LastAdmin(Conflict):
    """Nobody would be left to administer the organization."""

    code = "last_admin"

    def __init__(self) -> None:
        super().__init__(remedy="Make another user an admin first.")


class RangeInvalid(BadRequest):
    """Ids are whole numbers, and the first is below the last."""

    code = "range_invalid"


class LineInvalid(Unprocessable):
    """The line is no user: {reason}."""

    code = "line_invalid"


class UsernameRepeated(Unprocessable):
    """An earlier line has the same username."""

    code = "username_repeated"


class ImportTooLarge(TooLarge):
    """The users' file has more than 4 GiB."""

    code = "import_too_large"

    def __init__(self) -> None:
        super().__init__(remedy="Send it in several pieces; who is known already is not repeated.")


class HashRefused(Unprocessable):
    """The password hash cannot be taken: it is none of argon2id, bcrypt, scrypt and PBKDF2 as
    passlib and Django write them, or it is cut off.
    """

    code = "hash_refused"


class HashTooCostly(HashRefused):
    """The password hash costs more than one sign-in may take."""

    def __init__(self) -> None:
        super().__init__(remedy="Let this user set a new password.")


class PasswordInvalid(Unprocessable):
    """A password has 8 to 1,024 characters."""

    code = "password_invalid"

    def __init__(self) -> None:
        super().__init__(remedy="Choose another one; several words are easy to remember.")


class PasswordIsUsername(Unprocessable):
    """The password must not be the username."""

    code = "password_is_username"


class PasswordWrong(Unprocessable):
    """The current password is not right."""

    code = "password_wrong"


class PasswordIsOwn(Conflict):
    """One's own password is changed with the current one, in the profile."""

    code = "own_password"


class TokenRotated(Conflict):
    """This token was rotated already."""

    code = "token_rotated"

    def __init__(self, successor: int) -> None:
        super().__init__(
            remedy="Rotate the one that took its place: its id is {successor}.",
            successor=successor,
        )


class LanguageUnknown(BadRequest):
    """The platform speaks en and pt_BR."""

    code = "language_unknown"


class NotOfThePlatform(Forbidden):
    """Only an admin of the organization public may do that."""


class SignInRefused(Unauthenticated):
    """The username or the password is not right."""

    code = "sign_in_refused"
    headers: Mapping[str, str] = MappingProxyType({})


class SignInTooOften(TooManyRequests):
    """Too many attempts failed, or are still being checked."""

    code = "sign_in_too_often"

    def __init__(self, seconds: int) -> None:
        super().__init__(
            remedy="Try again in {seconds} s.", retry_after=seconds, seconds=seconds
        )


class NamesAskedTooOften(TooManyRequests):
    """Too many usernames or e-mail addresses were tried that others have already."""

    code = "names_asked_too_often"

    def __init__(self, seconds: int) -> None:
        super().__init__(
            remedy="Nothing was saved. Try again in {seconds} s.", retry_after=seconds,
            seconds=seconds,
        )


class TooManyNamesTaken(TooManyRequests):
    """More lines have a username or e-mail address of others than one import may tell of."""

    code = "too_many_names_taken"

    def __init__(self, seconds: int, details: Sequence[Any] = ()) -> None:
        super().__init__(
            remedy="Nothing was imported. Correct the lines that details names or leave them out, "
            "and import again in {seconds} s.",
            details=details, retry_after=seconds, seconds=seconds,
        )


class SignInBusy(Unavailable):
    """Too many people are signing in right now. Nothing is wrong with your password."""

    code = "sign_in_busy"
    shows = MappingProxyType({
        "ticket": "QdoyGn3x…", "retry_after": 12, "place": 1404, "expected_seconds": 16,
    })

    def __init__(
        self, retry_after: int, *, arrived: float = 0.0, place: int = 1, expected: int = 0
    ) -> None:
        """Say when to come back.

        Args:
            arrived: seconds since the epoch, for the ticket.
            place: where one stands in the line, from 1.
            expected: seconds until one's turn.
        """
        super().__init__(
            remedy="Try again in {seconds} s.", retry_after=retry_after, seconds=retry_after
        )
        self.arrived = arrived
        self.more = {"retry_after": retry_after, "place": place, "expected_seconds": expected}


class CredentialInvalid(Unauthenticated):
    """This credential is wrong, has expired, or was revoked."""

    code = "credential_invalid"

    def __init__(self, **params: Any) -> None:
        super().__init__(
            remedy="Send Authorization: Bearer TOKEN, or api-token together with application, the "
            "name that the token was made for; an admin of your organization makes tokens, and who "
            "had a session signs in again.",
            **params,
        )
