"""Texts that try to be SQL, templates, markup or headers, in every field that takes one."""

from __future__ import annotations

import html
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.accounts import PASSWORD, Browse, People, csrf_in, log_in
from vazao.accounts.home import CSRF, NAME
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio
BAIT = (
    "'; drop table accounts.\"user\"; --", "' or '1'='1", "%(id)s %s %", "{{ 7 * 191 }}",
    "{% include 'base.html' %}", "{name} {0.__class__}", "${7*191}", "#{7*191}", "<b>bold</b>",
    '" autofocus onfocus="x', "</textarea><script>x</script>", "javascript:x", NAME, CSRF,
    "a\r\nSet-Cookie: x=1", "\N{RIGHT-TO-LEFT OVERRIDE}txt", "a\x00b", "\ud800", "\\", "$1",
    "../..",
)
texts = st.one_of(st.sampled_from(BAIT), st.text(max_size=80))
hard = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
RESULT = str(7 * 191)


@pytest.fixture
async def ana(browse: Browse, people: People) -> Any:
    client = browse()
    assert (await log_in(client)).status_code == 303
    return client


def form(csrf: str, **fields: str) -> dict[str, Any]:
    """As a browser sends it: what is no Unicode it could not."""
    return {"csrf": csrf} | {k: v.encode("utf-8", "replace").decode() for k, v in fields.items()}


@hard
@given(name=texts)
async def test_a_name_is_shown_as_it_was_typed(ana: Any, name: str) -> None:
    csrf = csrf_in((await ana.get("/account")).text)
    answer = await ana.post("/account/profile", data=form(csrf, name=name, email="", language=""))
    assert answer.status_code in (303, 400, 422), answer.text
    me = (await ana.get("/v1/me")).json()["name"]
    for path in ("/", "/account", "/admin/users", "/admin/audit"):
        page = (await ana.get(path)).text
        assert "Internal" not in page
        if RESULT not in name:
            assert RESULT not in page, path
        if answer.status_code == 303 and path != "/admin/audit" and me != "ana":
            assert me in html.unescape(page), path
        for markup in ("<b>bold", "<script>x", '" autofocus'):
            assert markup not in page, path
    assert csrf_in((await ana.get("/account")).text) == csrf


@hard
@given(text=texts)
async def test_every_field_takes_it_or_refuses_it(
    platform: Platform, people: People, ana: Any, text: str
) -> None:
    csrf = csrf_in((await ana.get("/account")).text)
    user = f"/admin/users/{people.beto}"
    for path, fields in (
        ("/admin/users", {"username": text, "password": PASSWORD, "role": "member"}),
        ("/admin/users", {"username": "u", "email": text, "password": PASSWORD}),
        ("/admin/users", {"username": "u", "role": text, "password": PASSWORD}),
        (user, {"name": text, "role": "member", "enabled": "1"}),
        (user, {"email": text, "role": "member", "enabled": "1"}),
        ("/admin/tokens", {"application": text, "scope": "users:read", "days": "30"}),
        ("/admin/tokens", {"application": "a", "scope": text, "days": text}),
        ("/account/password", {"current": text, "new": "short"}),
        ("/login", {"username": text, "password": "x", "next": text, "ticket": text}),
    ):
        answer = await ana.post(path, data=form(csrf, **fields))
        assert answer.status_code < 500, (path, fields, answer.text)
        assert "x" not in answer.cookies
        location = answer.headers.get("location", "/")
        assert location.startswith("/"), location
        assert not location.startswith("//"), location
    async with platform.db.connection() as conn:
        found = await (await conn.execute(
            'select count(*) from accounts."user" where id = any (%s)',
            [[people.ana, people.beto, people.eva]],
        )).fetchone()
    assert found == (3,)


async def test_no_page_stands_in_a_frame_or_a_shared_cache(ana: Any) -> None:
    for path in ("/", "/account", "/account/sessions", "/admin/users", "/admin/tokens",
                 "/admin/audit"):
        answer = await ana.get(path)
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], path
        assert "script-src 'self'" in answer.headers["content-security-policy"], path
        cached = answer.headers["cache-control"]
        assert "private" in cached or "no-store" in cached, path
