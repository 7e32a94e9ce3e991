"""HTML: one Jinja environment a language, features' templates under their own name."""

from __future__ import annotations

import hashlib
import hmac
from functools import cache
from typing import Any, cast

from jinja2 import ChoiceLoader, Environment, PackageLoader, PrefixLoader, select_autoescape
from litestar import Request, Response

from vazao.kit import formats
from vazao.kit.i18n import LANGUAGES, catalogue, negotiate
from vazao.kit.platform import Platform, Principal
from vazao.kit.registry import MenuEntry
from vazao.kit.web import leaving, sending, static
from vazao.kit.web.language import path_of


@cache
def environment(language: str, packages: tuple[str, ...]) -> Environment:
    """The templates in *language*: the base pages, and each feature's under ``<noun>/``."""
    features = {p.rpartition(".")[2]: PackageLoader(p) for p in packages}
    env = Environment(
        loader=ChoiceLoader([PackageLoader("vazao"), PrefixLoader(features)]),
        autoescape=select_autoescape(default=True, default_for_string=True),
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # The extension adds this method to each environment.
    install: Any = getattr(env, "install_gettext_translations")  # noqa: B009
    install(catalogue(language), newstyle=True)
    env.filters.update(formats.filters(language))
    names = cast(dict[str, Any], env.globals)
    names |= {"asset": static.address, "language": language, "new_id": sending.new_id}
    return env


def language_of(request: Request[Any, Any, Any]) -> str:
    """The reader's language: the cookie their menu sets, or what the browser prefers."""
    return chosen(request.cookies.get("language"), request.headers.get("accept-language"))


def chosen(cookie: str | None, accepted: str | None) -> str:
    """The language that a cookie names, or that ``Accept-Language`` prefers."""
    return cookie if cookie in LANGUAGES else negotiate(accepted)


PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Accept-Language, Cookie"}
"""Headers of what is made for one reader."""


def render(
    platform: Platform, template: str, *, language: str, path: str,
    principal: Principal | None = None,
    csrf: str = "", own_address: str | None = None, **context: object,
) -> str:
    """The text of *template* (``noun/name.html``) for a reader.

    Args:
        own_address: path and query by which the reader comes back to the page; *path* where not
            given.
    """
    env = environment(language, tuple(platform.registry.template_packages))
    menu = [entry for entry in platform.registry.menu if _is_for(entry, principal)]
    return env.get_template(template).render(
        principal=principal, menu=sorted(menu, key=lambda m: m.order), path=path, csrf=csrf,
        own_address=own_address or path, reader_id=lambda: reader_of(platform.secret, principal),
        **context,
    )


def reader_of(secret: bytes, principal: Principal | None) -> str:
    """What a browser keeps with what it remembers for *principal*: 32 hexadecimal digits.

    It tells readers apart that share a computer, and says nothing of who they are.
    """
    if principal is None:
        return ""
    who = f"reader\0{principal.organization_id}\0{principal.user_id or 0}"
    return hmac.new(secret, who.encode(), hashlib.sha256).hexdigest()[:32]


def page(
    request: Request[Any, Any, Any], template: str, *, status: int = 200,
    headers: dict[str, str] | None = None, **context: object,
) -> Response[str]:
    """Render *template* (``noun/name.html``) for this request's reader.

    Above its content stand *messages* of the context, as (kind, text), and what the action before
    it said (:mod:`vazao.kit.web.leaving`).
    """
    language = language_of(request)
    before = leaving.messages_for(request, language)
    own = cast(list[tuple[str, str]], context.pop("messages", []))
    body = render(
        request.app.state.platform, template, language=language,
        path=request.url.path, own_address=path_of(request),
        principal=request.state.get("principal"),
        csrf=request.state.get("csrf", ""), messages=[*before, *own], **context,
    )
    response = Response(
        body, status_code=status, media_type="text/html", headers=PRIVATE | (headers or {})
    )
    leaving.take_away(request, response, before)
    return response


def _is_for(entry: MenuEntry, principal: Principal | None) -> bool:
    if entry.platform:
        return principal is not None and principal.runs_platform
    return not entry.admin or (principal is not None and "admin" in principal.roles)
