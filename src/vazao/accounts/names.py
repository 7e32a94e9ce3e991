"""Names: what counts as the same username, e-mail or application, and what is none."""

from __future__ import annotations

import re
import unicodedata

from vazao.accounts import errors
from vazao.kit.errors import NotFound

_SLUG = re.compile(r"[a-z0-9-]{1,40}")
_APPLICATION = re.compile(r"[!-~](?:[ -~]{0,98}[!-~])?")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
_turning = re.compile("[\u202a-\u202e\u2066-\u2069]").search
# One character may fold into 18; an index entry holds no more than 2,704 bytes.
LONGEST_KEY = 500


def fold(text: str) -> str:
    """*text* as it is compared: NFKC, case-folded, NFKC again (Unicode 3.13, D146)."""
    once = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", once)


def visible(text: str) -> bool:
    """Whether *text* has only characters that can be seen and stored (no control, surrogate)."""
    return not any(unicodedata.category(c) in ("Cc", "Cs", "Co", "Cn") for c in text)


def lookup_key(username: str) -> str | None:
    """The key that a typed username is looked up by; ``None`` where no user can have it."""
    typed = username.strip()
    # Printable leaves out what joins or hides (zero width, direction): two names that look alike.
    if not 1 <= len(typed) <= 150 or not typed.isprintable():
        return None
    key = fold(typed)
    return key if len(key) <= LONGEST_KEY else None


def username_of(text: str) -> tuple[str, str]:
    """A new username as typed, and its key.

    Raises:
        UsernameInvalid: it is empty, too long, padded, or has invisible characters.
    """
    key = lookup_key(text)
    if key is None or text != text.strip():
        raise errors.UsernameInvalid
    return text, key


def email_of(text: str | None) -> tuple[str | None, str | None]:
    """An e-mail address and its key; both ``None`` for none.

    Raises:
        EmailInvalid: it cannot be an address.
    """
    trimmed = (text or "").strip()
    if not trimmed:
        return None, None
    key = fold(trimmed)
    if not _EMAIL.fullmatch(trimmed) or not trimmed.isprintable() or len(key) > LONGEST_KEY:
        raise errors.EmailInvalid
    return trimmed, key


def name_of(text: str) -> str:
    """A person's or organization's name, trimmed.

    Raises:
        NameInvalid: it is too long, has characters that cannot be stored or turn the text around,
            or none that can be seen. Joiners stay: emoji and Persian need them.
    """
    trimmed = text.strip()
    seen = any(unicodedata.category(c)[0] in "LNPS" for c in trimmed)
    if len(trimmed) > 200 or not visible(trimmed) or _turning(trimmed) or not (seen or not trimmed):
        raise errors.NameInvalid
    return trimmed


def user_id_of(text: str) -> int:
    """The id of a user in an address.

    Raises:
        UserNotFound: nobody has such an id.
    """
    return _id_of(text, errors.UserNotFound)


def token_id_of(text: str) -> int:
    """The id of a token in an address.

    Raises:
        TokenNotFound: none has such an id.
    """
    return _id_of(text, errors.TokenNotFound)


def _id_of(text: str, missing: type[NotFound]) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise missing
    return int(text)


def slug_of(text: str) -> str:
    """An organization's short name.

    Raises:
        SlugInvalid: it has other characters than allowed.
    """
    if not _SLUG.fullmatch(text):
        raise errors.SlugInvalid
    return text


def application_of(text: str) -> str:
    """An application's name; ASCII, because it travels in a header.

    Raises:
        ApplicationInvalid: it is empty, too long, or cannot travel so.
    """
    trimmed = text.strip()
    if not _APPLICATION.fullmatch(trimmed):
        raise errors.ApplicationInvalid
    return trimmed
