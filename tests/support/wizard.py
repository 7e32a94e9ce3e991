"""The pages that bring a sheet in, as a browser without scripts uses them."""

from __future__ import annotations

import html
import re

import httpx2

from tests.support.sites import csrf_in

SHEET = "E-mail,Nome,Cidade,Tags\nana@x.com,Ana <b>,Olinda,feira\nbad,Bea,,\n"
Browser = httpx2.AsyncClient


async def form(browser: Browser) -> str:
    """A page with a form in it, for its hidden field."""
    return (await browser.get("/account")).text


async def drop(
    browser: Browser, body: str | bytes = SHEET, name: str = "people.csv"
) -> httpx2.Response:
    """Drop a sheet on the page of imports."""
    csrf = csrf_in(await form(browser))
    return await browser.post(
        "/leads/uploads", files={"file": (name, body)}, headers={"x-csrf-token": csrf}
    )


async def preview(browser: Browser, body: str | bytes = SHEET, **query: str) -> httpx2.Response:
    """Drop a sheet, and the page that shows what was found in it."""
    dropped = await drop(browser, body)
    assert dropped.status_code == 303, dropped.text
    return await browser.get(str(
        httpx2.URL(dropped.headers["location"]).copy_merge_params(query)
    ))


def fields(page: str) -> dict[str, str]:
    """The preview's form as a browser would send it, but for the button."""
    filled = {
        name: html.unescape(value) for name, value in
        re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    }
    for name, value in re.findall(r'<input name="(name-\d+)" [^>]*?value="([^"]*)"', page):
        filled[name] = html.unescape(value)
    for name, inner in re.findall(r'<select[^>]* name="([^"]+)".*?>(.*?)</select>', page, re.S):
        chosen = re.search(r'<option value="([^"]*)"[^>]* selected', inner)
        filled[name] = html.unescape(chosen.group(1)) if chosen else ""
    return filled
