"""What can go wrong with accounts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from vazao.kit.errors import (
    BadRequest,
    Conflict,
    NotFound,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    Unprocessable,
    detail,
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
    """An organization called {slug} already exists."""

    code = "slug_taken"


class UsernameInvalid(Unprocessable):
    """A username has 1 to 150 visible characters, without spaces around it."""

    code = "username_invalid"


class UsernameTaken(Conflict):
    """This username is already in use."""

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
        super().__init__(
            remedy="Choose admin or member.", role=role,
            details=[detail("role", role, "admin", "member")],
        )


class ScopeUnknown(Unprocessable):
    """There is no scope called {scope}."""

    code = "scope_unknown"

    def __init__(self, scope: str, known: Collection[str]) -> None:
        super().__init__(
            remedy="Choose among: {known}.", scope=scope, known=", ".join(known),
            details=[detail("scopes", scope, *known)],
        )


class ScopesMissing(Unprocessable):
    """A token needs at least one scope."""

    code = "scopes_missing"


class ApplicationInvalid(Unprocessable):
    """An application's name has 1 to 100 plain letters, digits, spaces and signs (ASCII)."""

    code = "application_invalid"


class LastAdmin(Conflict):
    """The organization would have no administrator left."""

    code = "last_admin"

    def __init__(self) -> None:
        super().__init__(remedy="Make another user an admin first.")


class RangeInvalid(BadRequest):
    """Ids are whole numbers, and the first is below the last."""

    code = "range_invalid"


class LineInvalid(Unprocessable):
    """The line is not a valid user: {reason}."""

    code = "line_invalid"


class UsernameRepeated(Unprocessable):
    """An earlier line has the same username."""

    code = "username_repeated"


class ImportTooLarge(TooLarge):
    """The users' file has more than 4 GiB."""

    code = "import_too_large"

    def __init__(self) -> None:
        super().__init__(remedy="Split the file and import each piece; users that exist already "
        "stay as they are.")


class HashRefused(Unprocessable):
    """The password hash cannot be used. It must be argon2id, bcrypt, scrypt or PBKDF2 as passlib or
    Django write it, and complete.
    """

    code = "hash_refused"


class HashTooCostly(HashRefused):
    """The password hash takes longer to check than a sign-in may."""

    def __init__(self) -> None:
        super().__init__(remedy="Ask this user to set a new password.")


class PasswordInvalid(Unprocessable):
    """A password needs 8 to 1,024 characters."""

    code = "password_invalid"

    def __init__(self) -> None:
        super().__init__(remedy="Choose another one. Several words together are easy to remember.")


class PasswordIsUsername(Unprocessable):
    """The password must not be the username."""

    code = "password_is_username"


class PasswordWrong(Unprocessable):
    """The current password is not right."""

    code = "password_wrong"


class PasswordIsOwn(Conflict):
    """Change your own password in your profile, with the current one."""

    code = "own_password"


class TokenRotated(Conflict):
    """This token was rotated already."""

    code = "token_rotated"

    def __init__(self, successor: int) -> None:
        super().__init__(
            remedy="Rotate the token that replaced it: its id is {successor}.",
            successor=successor,
        )


class LanguageUnknown(BadRequest):
    """Choose the language en or pt_BR."""

    code = "language_unknown"


class SignInRefused(Unauthenticated):
    """The username or the password is not right."""

    code = "sign_in_refused"
    headers: Mapping[str, str] = MappingProxyType({})


class SignInTooOften(TooManyRequests):
    """Too many attempts failed or are still being checked."""

    code = "sign_in_too_often"

    def __init__(self, seconds: int) -> None:
        super().__init__(
            remedy="Try again in {seconds} s.", retry_after=seconds, seconds=seconds
        )


class NamesAskedTooOften(TooManyRequests):
    """You tried too many usernames or e-mail addresses that are already in use."""

    code = "names_asked_too_often"

    def __init__(self, seconds: int) -> None:
        super().__init__(
            remedy="Nothing was saved. Try again in {seconds} s.", retry_after=seconds,
            seconds=seconds,
        )


class TooManyNamesTaken(TooManyRequests):
    """Too many lines have a username or e-mail address that is already in use."""

    code = "too_many_names_taken"

    def __init__(self, seconds: int, details: Sequence[Any] = ()) -> None:
        super().__init__(
            remedy="Nothing was imported. Correct or remove the lines listed in details, and "
            "import again in {seconds} s.",
            details=details, retry_after=seconds, seconds=seconds,
        )


class SignInBusy(Unavailable):
    """Too many people are signing in right now. There is nothing wrong with your password."""

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
    """This token or session is wrong, has expired, or was revoked."""

    code = "credential_invalid"

    def __init__(self, **params: Any) -> None:
        super().__init__(
            remedy="Send Authorization: Bearer TOKEN, or the headers api-token and application "
            "(the name of the token's application). An admin of your organization creates tokens. "
            "If your session has expired, sign in again.",
            **params,
        )
