"""Pages: the frame that every page stands in, its pieces, and the choice of language."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from litestar import Litestar
from litestar.datastructures import State
from litestar.testing import TestClient

from vazao.kit import formats
from vazao.kit.errors import VazaoError
from vazao.kit.platform import Principal
from vazao.kit.registry import MenuEntry
from vazao.kit.settings import Settings
from vazao.kit.web import language, static
from vazao.kit.web.pages import environment, reader_of
from vazao.kit.web.refusing import answer_error

MENU = [MenuEntry("Home", "/"), MenuEntry("Leads", "/leads")]
PERSON = SimpleNamespace(name="ana", organization="acme", roles=frozenset())


def render(source: str, speaks: str = "en", **context: Any) -> str:
    """*source* as a page of *speaks*."""
    values = {"principal": None, "menu": MENU, "path": "/leads/7", "csrf": "c5rf"} | context
    return environment(speaks, ()).from_string(source).render(**values)


def macro(call: str, speaks: str = "en", **context: Any) -> str:
    """What one macro of ``macros.html`` makes of *call*."""
    return render('{% import "macros.html" as m %}{{ m.' + call + " }}", speaks, **context)


def frame(speaks: str = "en", **context: Any) -> str:
    """An empty page in the frame."""
    return render('{% extends "base.html" %}', speaks, **context)


def test_nothing_on_a_page_needs_inline_script_or_style() -> None:
    html = frame(principal=PERSON)
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert "<style" not in html
    assert not re.search(r"""\s(style|on\w+)=""", html)
    assert '"allowEval":false' in html
    assert '"includeIndicatorStyles":false' in html


def test_files_are_named_with_their_digests() -> None:
    html = frame()
    for name in ("app.css", "app.js", "favicon.svg", "logo.svg"):
        assert static.address(name) in html


def test_a_person_sees_the_menu_and_where_they_are() -> None:
    html = frame(principal=PERSON)
    assert '<a href="/leads" aria-current="page">Leads</a>' in html
    assert '<a href="/">Home</a>' in html
    assert '<form method="post" action="/logout">' in html
    assert '<input type="hidden" name="csrf" value="c5rf">' in html
    assert '<meta name="csrf" content="c5rf">' in html


def test_only_the_nearest_entry_of_the_menu_is_current() -> None:
    nested = [*MENU, MenuEntry("Imports", "/leads/imports")]
    html = frame(principal=PERSON, menu=nested, path="/leads/imports/9")
    assert html.count('aria-current="page"') == 1
    assert '<a href="/leads/imports" aria-current="page">' in html


def test_a_stranger_sees_neither_menu_nor_sign_out() -> None:
    html = frame()
    assert "/logout" not in html
    assert 'href="/leads"' not in html


def test_the_frame_helps_those_who_do_not_see_it() -> None:
    html = frame("pt_BR", principal=PERSON)
    assert '<html lang="pt-BR">' in html
    assert '<a class="skip" href="#content">Ir para o conteúdo</a>' in html
    assert 'id="content" tabindex="-1"' in html
    assert 'aria-label="Menu principal"' in html


def test_messages_are_announced_and_escaped() -> None:
    html = frame(messages=[("ok", "done"), ("bad", "<b>no</b>")])
    assert '<div autofocus tabindex="-1" id="messages" aria-live="polite">' in html
    assert '<p class="message ok" role="status">done</p>' in html
    assert '<div id="messages" aria-live="polite">' in frame(), "a live region from the beginning"
    assert '<p class="message bad" role="alert">&lt;b&gt;no&lt;/b&gt;</p>' in html


def test_an_error_page_says_what_to_do_and_its_request() -> None:
    html = render('{% extends "error.html" %}', "pt_BR", message="<x>", request_id="ab12")
    assert "&lt;x&gt;" in html
    assert "<code>ab12</code>" in html
    assert 'href="/">Ir para o início</a>' in html


@pytest.mark.parametrize("status", [400, 403, 404, 409, 410, 413, 415, 422, 500, 507])
def test_each_error_page_has_a_next_step(status: int) -> None:
    source, said = '{% extends "error.html" %}', {"message": "m", "refused": status}
    (step,) = re.findall(r'class="lead">m</p>\s*<p>(.*?)</p>', render(source, **said), re.S)
    assert len(step.strip()) > 20
    if status < 500:
        own = render(source, **said, remedied=True)
        assert step.strip() not in own, "the message has its own"


def test_an_error_page_tells_when_to_come_back() -> None:
    html = render('{% extends "error.html" %}', message="m", request_id="", retry_after=7)
    assert "Try again in 7 s." in html
    assert "<code>" not in html


def test_a_badge_is_a_word_in_the_readers_language() -> None:
    queued = '<span class="badge" data-status="queued">Na fila</span>'
    assert macro('badge("queued")', "pt_BR") == queued
    odd = '<span class="badge" data-status="&lt;odd&gt;">&lt;odd&gt;</span>'
    assert macro('badge("<odd>")') == odd


def test_a_field_ties_its_help_and_error_to_itself() -> None:
    html = macro('field("name", "Name", value="<a>", error="Bad.", help="Tip.", minlength=3)')
    assert '<label for="field-name">Name</label>' in html
    assert 'value="&lt;a&gt;"' in html
    assert 'aria-invalid="true" aria-describedby="help-name error-name"' in html
    assert 'minlength="3"' in html
    assert '<small id="error-name" class="bad">Bad.</small>' in html


def test_a_password_is_never_written_into_a_page() -> None:
    assert "hunter2" not in macro('field("p", "Password", type="password", value="hunter2")')


def test_a_pager_keeps_the_filters() -> None:
    html = macro('pager("a/b=", {"q": "são"})')
    assert 'rel="next" href="?q=s%C3%A3o&amp;after=a%2Fb%3D"' in html
    assert macro("pager(None)") == ""


def test_a_tile_is_a_link_with_a_number_of_the_language() -> None:
    html = macro('tile("Leads", 40321877, "/leads")', "pt_BR")
    assert html.startswith('<a class="tile" href="/leads">')
    assert "40.321.877" in html
    assert "—" in macro('tile("Leads", None)')


def test_a_table_names_its_columns_and_may_be_scrolled_by_keyboard() -> None:
    html = render(
        '{% import "macros.html" as m %}{% call m.table("Jobs", ["Kind", ("Rows", "num")]) %}'
        "<tr></tr>{% endcall %}"
    )
    assert 'role="region" aria-label="Jobs" tabindex="0"' in html
    assert '<th scope="col" class="num">Rows</th>' in html


def test_a_time_is_readable_without_script() -> None:
    html = macro("when(at)", "pt_BR", at=datetime(2026, 11, 21, 8, 5, tzinfo=UTC))
    assert html == (
        '<time datetime="2026-11-21T08:05:00+00:00" data-relative>21/11/2026 08:05 UTC</time>'
    )


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (formats.number(1234567.5, "pt_BR", 1), "1.234.567,5"),
        (formats.number(1234567, "en"), "1,234,567"),
        (formats.number(None, "en"), "—"),
        (formats.percent(0.999, "en"), "99%"),
        (formats.percent(1, "en"), "100%"),
        (formats.percent(0.29, "en"), "29%"),
        (formats.percent(0.9999999999, "en"), "99%"),
        (formats.size((1 << 20) - 1, "en"), "1.0 MiB"),
        (formats.duration(59.97, "en"), "1 min 00 s"),
        (formats.duration(0.9996, "en"), "1.0 s"),
        (formats.size(1023, "en"), "1,023 B"),
        (formats.size(1 << 20, "pt_BR"), "1,0 MiB"),
        (formats.size(5 << 40, "en"), "5.0 TiB"),
        (formats.duration(0.012, "en"), "12 ms"),
        (formats.duration(1.44, "pt_BR"), "1,4 s"),
        (formats.duration(125, "en"), "2 min 05 s"),
        (formats.duration(12000, "en"), "3 h 20 min"),
    ],
)
def test_figures_are_written_for_people(made: str, expected: str) -> None:
    assert made == expected


@pytest.mark.parametrize(
    ("referer", "target"),
    [
        ("http://here/leads?q=a", "/leads?q=a"),
        (None, "/"),
        ("http://elsewhere/leads", "/"),
        ("http://here//elsewhere/x", "/"),
        ("http://here/\\elsewhere", "/"),
        ("http://here/language/en", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_choosing_a_language_goes_back_to_our_own_pages_only(
    referer: str | None, target: str
) -> None:
    assert language.way_back(referer, "here") == target


def test_the_choice_of_language_is_a_cookie() -> None:
    platform = SimpleNamespace(settings=Settings(_env_file=None))  # type: ignore[call-arg]
    app = Litestar(language.routes, exception_handlers={VazaoError: answer_error},
                   state=State({"platform": platform}))
    with TestClient(app) as client:
        answer = client.get("/language/pt_BR", follow_redirects=False)
        assert answer.status_code == 303
        assert answer.headers["location"] == "/"
        assert re.match(r"language=pt_BR; .*Max-Age=31536000", answer.headers["set-cookie"])
        assert client.get("/language/xx").status_code == 404


def test_readers_are_told_apart_without_saying_who_they_are() -> None:
    def reader(organization: int, user: int | None, secret: bytes = b"a") -> str:
        return reader_of(secret, Principal(
            organization_id=organization, organization="acme", kind="user", name="Ana",
            user_id=user,
        ))

    each = [reader(1, 2), reader(1, 3), reader(2, 2), reader(1, None), reader(1, 2, b"b")]
    assert len(set(each)) == len(each)
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in each)
    assert reader(1, 2) == reader(1, 2)
    assert reader_of(b"a", None) == ""
