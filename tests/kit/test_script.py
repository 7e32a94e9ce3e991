"""The pages' own script in a real browser: live fields, uploads, times, under the real policy."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from vazao.kit.web import static
from vazao.kit.web.frame import SECURITY_HEADERS
from vazao.kit.web.pages import environment

pytestmark = pytest.mark.browser
CHROMIUM = which("chromium") or which("chromium-browser") or which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update"]

PAGE = """{% extends "base.html" %}
{% import "macros.html" as m %}
{% block scripts %}<script src="{{ asset('sending.js') }}" defer></script>{% endblock %}
{% block content %}
{% include "sending.html" %}
<section data-stream="/stream" id="job">
  {{ m.live_badge("running") }}{{ m.progress(0.1, "Progress") }}
  <b data-field="rows">0</b><i data-field="result.bytes" data-format="bytes"></i>
  <u data-field="eta_seconds" data-format="seconds"></u>
</section>
<time datetime="2020-01-01T00:00:00Z" data-relative>then</time>
<form method="post" action="/upload" data-upload id="up">
  {{ m.drop_zone("file", "Drop here") }}
  <progress data-upload-bar max="1" hidden></progress><p data-upload-error hidden></p>
  <button>Send</button>
</form>
<button hx-post="/echo" hx-target="#echo">Ask</button><div id="echo"></div>
{% endblock %}"""
STATUS = {"status": "finished", "progress": 1, "rows": 300000, "eta_seconds": None,
          "result": {"bytes": 1 << 20}}


class Handler(BaseHTTPRequestHandler):
    """Just enough of the platform for the script."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def answer(self, body: bytes, kind: str = "text/html", status: int = 200) -> None:
        """Send *body* with the headers that every page has."""
        self.send_response(status)
        for name, value in SECURITY_HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        """A page, a stream of two events, or a static file."""
        name = self.path.removeprefix("/static/")
        if self.path == "/stream":
            started = {**STATUS, "status": "running", "progress": 0.5, "eta_seconds": 75}
            events = "".join(f"data: {json.dumps(value)}\n\n" for value in (started, STATUS))
            self.answer(events.encode(), "text/event-stream")
        elif asset := static.library().by_hashed.get(name):
            self.answer(asset.body, asset.media_type)
        else:
            html = environment("pt_BR", ()).from_string(PAGE).render(
                principal=None, menu=[], path="/", csrf="t0ken", own_address="/",
                reader_id=lambda: "",
            )
            self.answer(html.encode(), "text/html; charset=utf-8")

    def do_POST(self) -> None:
        """Echo the token; refuse an upload as the platform does."""
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        token = self.headers.get("X-CSRF-Token", "none")
        if self.path == "/upload":
            body = json.dumps({"error": {"code": "x", "message": f"too large {token}"}})
            self.answer(body.encode(), "application/json", 413)
        else:
            self.answer(token.encode())


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of a server of the page."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def browse() -> Iterator[Callable[..., Any]]:
    """Opens a page in a browser of its own; skips, or fails where all is required, without one."""
    missing = "no chromium on this machine: the page's script is NOT tested"
    if not CHROMIUM or not (static.FOLDER / "vendor" / "htmx.min.js").exists():
        if os.environ.get("VAZAO_REQUIRE_ALL") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield lambda **options: browser.new_context(locale="pt-BR", **options).new_page()
        browser.close()


@pytest.fixture
def shown(browse: Callable[..., Any], address: str) -> Iterator[Any]:
    """The page, open; whatever its console complains of fails the test."""
    page = browse()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    yield page
    assert [text for text in complaints if "413" not in text] == []
    page.context.close()


def test_a_stream_fills_its_fields_in_the_language(shown: Any) -> None:
    shown.wait_for_selector('#job[data-status="finished"]')
    assert shown.text_content("#job b") == "300.000"
    assert shown.text_content("#job i") == "1,0 MiB"
    assert shown.text_content("#job u") == "—"
    assert shown.eval_on_selector("#job progress", "bar => bar.value") == 1
    assert shown.text_content("#job .progress .num") == "100%"
    assert shown.inner_text("#job [data-states]").strip() == "Concluída"


def test_times_are_told_in_words(shown: Any) -> None:
    assert shown.text_content("time").startswith("há ")
    assert re.search(r"(01/01/2020|31/12/2019)", shown.get_attribute("time", "title"))


def test_a_refused_upload_says_why(shown: Any, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("email\n")
    shown.set_input_files("#up input[type=file]", sheet)
    assert shown.text_content("#up output") == "sheet.csv · 6 B"
    shown.click("#up button")
    shown.wait_for_selector("#up [data-upload-error]:not([hidden])")
    assert shown.text_content("#up [data-upload-error]") == "too large t0ken"
    assert shown.is_enabled("#up button")


def test_requests_of_htmx_carry_the_token(shown: Any) -> None:
    shown.click("button[hx-post]")
    # Not wait_for_function: it evaluates text in the page, which the page's policy forbids.
    shown.wait_for_selector("#echo:not(:empty)")
    assert shown.text_content("#echo") == "t0ken"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_scrolling_sideways(
    browse: Callable[..., Any], address: str, scheme: str
) -> None:
    page = browse(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.context.close()
