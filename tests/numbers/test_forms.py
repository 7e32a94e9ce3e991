"""A sum that no reader rounds: as text, and as a text in JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx2
import pytest

from tests.support.jobs import make_platform
from tests.support.sums import TEXT, ended, served
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio
# Beyond what a double holds exactly, and what Python makes an integer of.
SMALL, LARGE = "9007199254740994", "2" * 5000
REST = {"count": 1, "numbers": 2, "bytes": 5002}


@pytest.fixture
def platform(database_url: str, data_dir: Path) -> Platform:
    return make_platform(database_url, data_dir)


async def summed(client: httpx2.AsyncClient, body: str, kind: str = "text/plain") -> str:
    headers = TEXT | {"content-type": kind}
    answer = await client.post("/sum-even", content=body, headers=headers)
    assert answer.status_code == 201, answer.text
    token = answer.json()["token"]
    assert (await ended(client, token))["status"] == "finished"
    return token


async def test_large_sums_come_whole_in_every_form(platform: Platform) -> None:
    async with served(platform) as client:
        token = await summed(client, f"{LARGE}\n3")
        place = f"/sum-even/{token}/result"
        plain = await client.get(place)
        assert re.search(r'"sum":2{5000}[,}]', plain.text)
        with pytest.raises(ValueError, match="4300"):
            json.loads(plain.text)
        strings = await client.get(place, params={"format": "strings"})
        assert strings.headers["content-type"] == "application/json"
        assert strings.json() == REST | {"sum": LARGE}
        for asked in ({"params": {"format": "text"}}, {"headers": {"Accept": "text/plain"}}):
            answer = await client.get(place, **asked)  # type: ignore[arg-type]
            assert answer.text == LARGE
            assert answer.headers["content-type"].startswith("text/plain")
            assert answer.headers["vary"] == "Accept, Accept-Encoding"
            head = await client.head(place, **asked)  # type: ignore[arg-type]
            assert head.headers == answer.headers | {
                name: head.headers[name] for name in ("date", "x-request-id")
                if name in head.headers
            }
        small = await summed(client, f"{SMALL}\n")
        assert (await client.get(f"/sum-even/{small}/result?format=text")).text == SMALL
        # The page of the job has all its digits, too.
        assert LARGE in (await client.get(f"/jobs/{token}")).text


@pytest.mark.parametrize(("accept", "is_text"), [
    ("*/*", False), ("", False), ("application/json", False), ("text/plain", True),
    ("text/*", True), ("application/json, text/plain, */*", False), ("text/plain, */*", False),
    ("text/plain, */*;q=0.5", True), ("text/html,application/xml;q=0.9,*/*;q=0.8", False),
    ("text/plain;q=0.4, application/json;q=0.3", True), ("text/plain;q=0", False),
    ("Text/Plain ; Q=1", True), ("text/plain;q=x", False), ("application/*, text/plain", False),
])
async def test_only_those_that_prefer_text_get_it(
    platform: Platform, accept: str, is_text: bool
) -> None:
    async with served(platform) as client:
        token = await summed(client, "2 4")
        answer = await client.get(f"/sum-even/{token}/result", headers={"Accept": accept})
    assert answer.headers["vary"] == "Accept"
    assert answer.json() == (6 if is_text else {"sum": 6, "count": 2, "numbers": 2, "bytes": 3})


async def test_what_is_asked_by_name_counts_and_other_names_are_refused(
    platform: Platform
) -> None:
    async with served(platform) as client:
        place = f"/sum-even/{await summed(client, '2 4')}/result"
        answer = await client.get(place, params={"format": "json"},
                                  headers={"Accept": "text/plain"})
        assert answer.json()["sum"] == 6
        refused = await client.get(place, params={"format": "string"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "form_unknown")
        # Other parameters are ignored, as everywhere at the root.
        assert (await client.get(place, params={"formats": "text"})).json()["sum"] == 6


@pytest.mark.parametrize("kind", ["text/csv", "text/tab-separated-values", "TEXT/X-own",
                                  "text/csv; charset=utf-8"])
async def test_every_kind_of_text_is_taken(platform: Platform, kind: str) -> None:
    async with served(platform) as client:
        token = await summed(client, "1,2;4", kind)
        assert (await client.get(f"/sum-even/{token}/result?format=text")).text == "6"
