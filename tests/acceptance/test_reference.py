"""The reference and its rules on the real platform: HEAD, OPTIONS, forms, and the page itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal, get_origin

import httpx2
import pytest
from playwright.sync_api import expect

from tests.support.people import csrf_in
from tests.support.routes import handlers
from tests.support.running import PASSWORD, Running, sign_in
from vazao.kit.web.paging import encode_cursor

# What differs between any two answers, or what the transport adds to a body.
FLEETING = {"date", "x-request-id", "transfer-encoding", "set-cookie", "connection"}
VALUES = {"name": "favicon.svg", "code": "en"}
CHANGING = {"/v1/cache", "/admin/cache", "/metrics"}


@pytest.fixture(scope="module")
def maria(platform_up: Running) -> Iterator[httpx2.Client]:
    """Maria's browser, without one."""
    with httpx2.Client(base_url=platform_up.address, timeout=30) as client:
        csrf = csrf_in(client.get("/login").text)
        answer = client.post(
            "/login", data={"username": "maria", "password": PASSWORD, "csrf": csrf}
        )
        assert answer.status_code == 303
        yield client


def addresses() -> list[str]:
    """An address of each route that takes GET; of something that is not there, mostly."""
    found = {path for method, path, _ in handlers() if method == "GET"}
    return sorted(
        re.sub(r"{(\w+)(:\w+)?}", lambda m: VALUES.get(m[1], "0" * 32), path) for path in found
    )


@pytest.mark.parametrize("path", addresses())
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_head_is_get_without_a_body(maria: httpx2.Client, path: str, accept: str) -> None:
    head = maria.head(path, headers={"accept": accept})
    got = maria.get(path, headers={"accept": accept})
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert shown(head, path) == shown(got, path)


def shown(answer: httpx2.Response, path: str) -> dict[str, str]:
    """The headers that must be the same."""
    left = FLEETING | ({"content-length"} if path in CHANGING else set())
    return {name: value for name, value in answer.headers.items() if name not in left}


def test_head_of_a_stream_ends_at_once(maria: httpx2.Client) -> None:
    csrf = meta_in(maria.get("/account").text)
    made = maria.post(
        "/v1/leads/imports", content=b"E-mail\na@x.com\n",
        headers={"content-type": "text/csv", "x-csrf-token": csrf},
    ).json()
    # More than one principal may follow at once: each gives its place back.
    for path in [f"/v1/jobs/{made['id']}/stream"] * 120 + ["/v1/leads/export"]:
        head = maria.head(path)
        assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"].startswith("text/csv")


def meta_in(text: str) -> str:
    """The value that scripts of the page send."""
    found = re.search(r'<meta name="csrf" content="([^"]+)">', text)
    assert found
    return found[1]


def asked_with(place: str) -> list[str]:
    """Addresses of programs that take a parameter called *place*, without things of others."""
    return sorted(
        path for method, path, handler in handlers()
        if method == "GET" and path.startswith("/v1/") and "{" not in path
        and "says" in handler.opt and place in handler.opt["says"].names("query")
        # The `after` of one is a user's id; the other is for admins of the platform.
        and path not in ("/v1/users/export", "/v1/organizations")
    )


@pytest.mark.parametrize("path", asked_with("after"))
@pytest.mark.parametrize("cursor", [
    encode_cursor("of another list", 1), encode_cursor("of another list", "1", 1),
    encode_cursor("of another list", None, 1), "WzQyXQ", "x",
])
def test_a_cursor_of_another_list_is_refused(
    maria: httpx2.Client, path: str, cursor: str
) -> None:
    answer = maria.get(path, params={"after": cursor})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "cursor_invalid")


@pytest.mark.parametrize("path", asked_with("limit"))
@pytest.mark.parametrize("limit", ["٣", "0", "1001", "+5", "x"])
def test_a_limit_is_a_number_in_ascii_digits(
    maria: httpx2.Client, path: str, limit: str
) -> None:
    answer = maria.get(path, params={"limit": limit})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "limit_invalid")
    assert answer.json()["error"]["details"] == [
        {"place": "limit", "value": limit, "allowed": ["1 to 1000"]}
    ]
    assert maria.get(path, params={"limit": "", "after": ""}).status_code == 200


def choices() -> Iterator[tuple[str, str]]:
    """Addresses of programs with a parameter that has a few values, and its name."""
    for method, path, handler in handlers():
        says = handler.opt.get("says")
        if method != "GET" or says is None or not path.startswith("/v1/") or "{" in path:
            continue
        for each in says.parameters:
            few = isinstance(each.kind, dict) and "enum" in each.kind
            few = few or each.kind is bool or get_origin(each.kind) is Literal
            if each.place == "query" and few:
                yield path, each.name


@pytest.mark.parametrize(("path", "name"), sorted(set(choices())))
def test_a_value_that_is_none_is_told_with_its_place_and_what_is_allowed(
    maria: httpx2.Client, path: str, name: str
) -> None:
    answer = maria.get(path, params={name: "zz"})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"].endswith("_invalid")
    (detail,) = error["details"]
    assert (detail["place"], detail["value"]) == (name, "zz")
    assert detail["allowed"]
    twice = maria.get(path, params={name: ["zz", "yy"]})
    assert twice.json()["error"]["code"] == "parameter_repeated"


def test_options_and_405_name_every_method(maria: httpx2.Client) -> None:
    for path in ("/v1/leads/imports", "/v1/leads/42", "/v1/jobs"):
        said = set(maria.options(path).headers["allow"].split(", "))
        refused = maria.request("PUT", path, headers={"accept": "application/json"})
        assert {"GET", "HEAD", "OPTIONS"} <= said
        assert (refused.status_code, set(refused.headers["allow"].split(", "))) == (405, said)


def test_an_unknown_field_of_a_form_of_ours_is_refused(maria: httpx2.Client) -> None:
    csrf = csrf_in(maria.get("/account").text)
    given = {"name": "Maria", "emial": "m@x.com", "csrf": csrf}
    answer = maria.post(
        "/account/profile", data=given, headers={"accept": "application/json"}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unknown_parameter")
    assert answer.json()["error"]["details"][0]["nearest"] == "email"


@pytest.mark.parametrize("path", [
    "/?utm_source=x", "/jobs?x=1", "/leads?x=1", "/docs?x=1", "/healthz?x=1", "/readyz?x=1",
    "/metrics?x=1",
])
def test_pages_and_probes_ignore_what_they_do_not_know(maria: httpx2.Client, path: str) -> None:
    assert maria.get(path).status_code == 200


def test_root_routes_ignore_what_they_do_not_know(maria: httpx2.Client) -> None:
    csrf = meta_in(maria.get("/account").text)
    answer = maria.post("/sum-even?x=1", content=b"2 4", headers={
        "content-type": "text/plain", "x-csrf-token": csrf,
    })
    assert answer.status_code == 201
    assert maria.get(f"/sum-even/{answer.json()['token']}/status?x=1").status_code == 200


def test_an_unknown_option_of_a_command_names_the_nearest(platform_up: Running) -> None:
    said = platform_up.vazao("jobs", "list", "--organizatoin", "acme", code=2)
    assert "--organizatoin" in said
    assert "--organization" in said


def test_the_document_is_asked_for_once(maria: httpx2.Client) -> None:
    first = maria.get("/openapi.json")
    again = maria.get("/openapi.json", headers={"if-none-match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert first.json()["openapi"] == "3.1.0"


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_signed_in_person_tries_requests_out(
    browser: Any, platform_up: Running, scheme: str
) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 390, "height": 900})
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    sign_in(page, platform_up)
    page.click("footer a[href='/docs']")
    # The first reader of the viewer waits until it is compressed, once a process.
    expect(page.locator(".btn.authorize")).to_be_visible(timeout=60_000)
    assert tried(page, "accounts", "getMe") == "200"
    assert problems == []
    # What changes things carries the session's proof: there is no such job, and that is all.
    assert tried(page, "jobs", "cancelJob") == "404"
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    is_dark = page.evaluate("document.documentElement.classList.contains('dark-mode')")
    assert is_dark == (scheme == "dark")
    context.close()


def tried(page: Any, tag: str, operation: str) -> str:
    """The status of trying *operation* out as its example says."""
    block = page.locator(f"#operations-{tag}-{operation}")
    block.locator(".opblock-summary-control").click()
    block.locator(".try-out__btn").click()
    block.locator(".execute").click()
    status = block.locator(".live-responses-table .response .response-col_status")
    expect(status).to_be_visible()
    return str(status.inner_text()).split()[0]


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/v1/nowhere", 404), ("PUT", "/v1/me", 405), ("GET", "/v1/me", 401),
])
def test_every_refusal_carries_a_request_s_id_and_the_headers_of_safety(
    platform_up: Running, method: str, path: str, status: int
) -> None:
    answer = httpx2.request(
        method, platform_up.address + path, headers={"x-request-id": "r-1", "accept": "*/*"}
    )
    assert answer.status_code == status
    assert answer.headers["x-request-id"] == "r-1"
    assert answer.headers["x-content-type-options"] == "nosniff"
