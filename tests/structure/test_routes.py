"""Every route says who may ask, and nobody is let in by oversight."""

from __future__ import annotations

import re

import pytest

from tests.support.routes import handlers
from vazao.main import registry

WAYS = ("public", "scope", "session", "admin", "authenticated")
# Whoever adds to this list says why the whole world may ask.
PUBLIC = {
    **{f"/v1/relay/agent{path}": "an agent's signature says who asks" for path in (
        "/check-in", "/columns", "/runs", "/runs/{run}", "/runs/{run}/commit",
        "/runs/{run}/chunks/{number}",
    )},
    "/relay/{name}": "a site's computer fetches the agent before it is known",
    "/v1/relay/agent/hello": "an agent looks whether the hub is there",
    "/v1/relay/agent/enroll": "a token of the site says who asks",
    "/healthz": "a balancer asks", "/readyz": "a balancer asks", "/metrics": "Prometheus asks",
    "/static/{name:path}": "files for everyone", "/favicon.ico": "a browser asks",
    "/files": "OPTIONS says what is offered", "/files/{upload:str}": "the same",
    "/language/{code:str}": "the choice of language", "/login": "signing in",
    "/logout": "ends only what the cookie names", "/": "sends strangers to the sign-in page",
    "/userInfo": "an old address: a redirect", "/admin": "an old address: a redirect",
    "/search": "finds what public providers sell", "/v1/events/{id:str}": "the same",
    "/v1/events/{id:str}/history": "the same", "/v1/events/changes": "the same",
    "/events": "the same as a page", "/events/{id:uuid}": "the same",
    "/events/{id:uuid}/calendar.ics": "the same",
    "/v1/sessions": "signing in", "/docs": "the reference", "/openapi.json": "the reference",
}
# Whose callers need not say who they are where ``VAZAO_PUBLIC`` is on: they are ``public``.
OPEN = {
    "/randomize", "/randomize/{token}/status", "/randomize/{token}/result",
    "/sum-even", "/sum-even/{token}/status", "/sum-even/{token}/result",
    "/files", "/files/{upload}",
}


def test_there_are_routes() -> None:
    assert len(list(handlers())) > 30


def test_every_route_says_who_may_ask() -> None:
    silent = [
        f"{method} {path}" for method, path, handler in handlers()
        if not any(handler.opt.get(way) for way in WAYS)
    ]
    assert not silent


def test_every_scope_exists() -> None:
    unknown = [
        f"{method} {path}: {scope}" for method, path, handler in handlers()
        if (scope := handler.opt.get("scope")) and scope not in registry().scopes
    ]
    assert not unknown


def test_what_is_public_is_so_for_a_reason() -> None:
    public = {path for _, path, handler in handlers() if handler.opt.get("public")}
    known = {re.sub(r":(path|str|uuid)\b", "", path) for path in PUBLIC}
    assert public <= known


def test_what_is_open_is_so_on_purpose_and_by_a_scope() -> None:
    opened = {path: handler for _, path, handler in handlers() if handler.opt.get("open")}
    assert opened.keys() <= OPEN
    assert all(
        str(handler.opt.get("scope")).startswith("jobs:") and not handler.opt.get("public")
        for handler in opened.values()
    )


@pytest.mark.parametrize("unsafe", ["POST", "PUT", "PATCH", "DELETE"])
def test_what_changes_things_asks_for_the_right_to_write(unsafe: str) -> None:
    wrong = [
        f"{method} {path}" for method, path, handler in handlers()
        if method == unsafe and str(handler.opt.get("scope", "")).endswith(":read")
    ]
    assert not wrong


# Actions without a form of their own whose refusals are answered where they were sent.
ANSWERED = {"/logout", "/leads/uploads", "/leads/imports/sample"}


def test_actions_name_the_page_that_says_why_they_were_refused() -> None:
    silent = {
        path for method, path, handler in handlers()
        if method == "POST" and not handler.resolve_include_in_schema()
        and not handler.opt.get("fields") and "back" not in handler.opt
    }
    assert silent == ANSWERED


def test_forms_that_create_something_are_sent_once() -> None:
    held = {path for _, path, handler in handlers() if "once" in handler.opt.get("fields", ())}
    assert held >= {
        "/admin/organizations", "/admin/tokens", "/admin/users", "/events/providers",
        "/leads/imports/new", "/leads/imports/{token}/correct", "/relay",
    }
