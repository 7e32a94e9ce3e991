"""What the form of the sign-in and its hot path share: cookies, forged forms, where to go next."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from vazao.accounts import authentication
from vazao.accounts.models import SESSION_LIFE, SignedIn
from vazao.accounts.names import lookup_key
from vazao.accounts.sign_in import Arrival, Place, arrive, device_value, sign_in
from vazao.kit.platform import Platform
from vazao.kit.proxies import client_address, is_https
from vazao.kit.web import csrf, language

Asking = ASGIConnection[Any, Any, Any, Any]
VISITOR_COOKIE, DEVICE_COOKIE = "vazao_visitor", "vazao_device"
DEVICE_SECONDS = 365 * 86_400
_device = re.compile(r"[A-Za-z0-9_-]{16}").fullmatch
FIELDS = ("next", "ticket", "username", "password")


def safe_next(target: str | None) -> str:
    """*target* if it is a path of this site that every browser reads as one, else ``/``.

    Browsers read ``//host`` and ``/\\host`` as another site, and drop tabs and newlines first.
    """
    text = target or ""
    plain = all("!" <= c <= "~" and c != "\\" for c in text)
    if not plain or len(text) > 2000 or not text.startswith("/") or text.startswith("//"):
        return "/"
    return text


def place_of(request: Asking, platform: Platform) -> Place:
    """Where the request comes from."""
    return Place(
        client_address(request, platform.settings), request.headers.get("user-agent", ""),
        request.cookies.get(authentication.prefixed(DEVICE_COOKIE, request, platform), ""),
    )


def cookie(
    request: Asking, platform: Platform, name: str, value: str, *, max_age: int | None = None
) -> Cookie:
    """A cookie of ours, bound to this host where the client speaks TLS."""
    return Cookie(
        key=authentication.prefixed(name, request, platform), value=value, max_age=max_age,
        httponly=True, samesite="lax", path="/", secure=is_https(request, platform.settings),
    )


def visitor(request: Asking, platform: Platform) -> str | None:
    """The value by which a browser that nobody has signed in on is known."""
    return request.cookies.get(authentication.prefixed(VISITOR_COOKIE, request, platform))


def visitor_csrf(platform: Platform, visitor: str) -> list[str]:
    """What forms shown to that browser must send back; or, behind the first, what those did that
    were shown before the signing key was changed.
    """
    holder = b"visitor\0" + visitor.encode("utf-8", "replace")
    return [csrf.value_for(secret, holder) for secret in platform.secrets]


def session_cookie(request: Asking, platform: Platform, signed: SignedIn) -> Cookie:
    """The cookie of a session that has begun."""
    life = int(SESSION_LIFE.total_seconds())
    return cookie(request, platform, authentication.COOKIE, signed.secret, max_age=life)


def cookies_of(
    request: Asking, platform: Platform, form: Mapping[str, str], signed: SignedIn
) -> list[Cookie]:
    """All that a browser keeps of a sign-in with what *form* says."""
    made = [session_cookie(request, platform, signed), device_cookie(request, platform, form)]
    if signed.language:
        made.append(language.cookie_of(request, platform.settings, signed.language))
    return made


def device_cookie(
    request: Asking, platform: Platform, form: Mapping[str, str]
) -> Cookie:
    """The cookie by which this device is known as one that the person has signed in on."""
    name = authentication.prefixed(DEVICE_COOKIE, request, platform)
    device = request.cookies.get(name, "").partition(".")[0]
    if not _device(device):
        device = secrets.token_urlsafe(12)
    value = device_value(platform, lookup_key(form.get("username", "")) or "", device)
    return cookie(request, platform, DEVICE_COOKIE, value, max_age=DEVICE_SECONDS)


def begin(
    request: Asking, platform: Platform, form: Mapping[str, str], *, at: float | None = None
) -> Arrival:
    """See that one of our pages sent the form; a place in the line for its sender, which
    :func:`enter` gives back.

    Args:
        at: when the request came, in seconds since the epoch; now by default.

    Raises:
        CsrfFailed: another site sent it, or it is out of date.
        SignInBusy: their turn would not come in time.
    """
    csrf.check_origin(request)
    holder = visitor(request, platform)
    if not holder:
        raise csrf.CsrfFailed
    csrf.check(visitor_csrf(platform, holder), form.get("csrf"))
    return arrive(platform, form.get("username", ""), form.get("ticket"), at=at)


async def enter(
    request: Asking, platform: Platform, form: Mapping[str, str], arrival: Arrival
) -> SignedIn:
    """Sign in with what a form says.

    Raises:
        SignInRefused, SignInTooOften, SignInBusy: see :mod:`vazao.accounts.sign_in`.
    """
    return await sign_in(
        platform, arrival, form.get("password", ""), place_of(request, platform)
    )
