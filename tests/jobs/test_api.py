"""The JSON routes over a real server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from litestar import Request, post

from tests.support.answers import code
from tests.support.disks import assert_nothing_left
from tests.support.jobs import ask, end_of, make_effects, make_platform, working
from tests.support.kinds import gate, gates
from tests.support.waiting import eventually
from tests.support.web import cut_off, length_of, serving
from vazao import jobs, uploads
from vazao.kit import metrics
from vazao.kit.platform import Platform
from vazao.kit.web.frame import ThePlatform
from vazao.kit.web.idempotency import idempotency_of
from vazao.kit.web.streaming import body_of

pytestmark = pytest.mark.anyio


@post("/test-upload", opt={"scope": "jobs:write"}, request_max_body_size=None)
async def upload(request: Request[Any, Any, Any], platform: ThePlatform) -> dict[str, Any]:
    if request.headers.get("content-type", "").startswith("multipart/"):
        stored, fields = await uploads.receive_form(
            platform, uploads.Owner(1), body_of(request), request.headers["content-type"],
            limit_bytes=1 << 30,
        )
    else:
        stored, fields = await uploads.receive(
            platform, uploads.Owner(1), body_of(request), filename=None, content_type=None,
            limit_bytes=1 << 20, sha256=True,
        ), {}
    return {"bytes": stored.bytes, "sha256": stored.sha256, "fields": fields}


@post("/test-ask", opt={"scope": "jobs:write"})
async def ask_route(request: Request[Any, Any, Any], platform: ThePlatform) -> dict[str, Any]:
    body = await request.body()
    async with platform.db.transaction() as conn:
        job = await jobs.enqueue(
            conn, "test.echo", organization_id=1, payload={},
            idempotency=idempotency_of(request, hashlib.sha256(body).hexdigest()),
        )
    return jobs.view(job)


@pytest.fixture
def platform(database_url: str, data_dir: Path) -> Platform:
    made = make_platform(database_url, data_dir)
    made.registry.routes += [upload, ask_route]
    return made


@pytest.fixture
async def client(platform: Platform) -> AsyncIterator[httpx2.AsyncClient]:
    gates.clear()
    async with serving(platform) as made:
        await make_effects(platform)
        yield made


async def test_a_job_is_shown_listed_and_its_times_told(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    job = await ask(platform, "test.echo", a=1)
    waiting = (await client.get(f"/v1/jobs/{job.token}")).json()
    assert (waiting["status"], waiting["lead_time_seconds"]) == ("queued", None)
    assert waiting["waits_for"]["reason"] == "workers"
    async with working(platform):
        await end_of(platform, job)
    answer = await client.get(f"/v1/jobs/{job.token}")
    shown = answer.json()
    assert answer.status_code == 200
    assert (shown["id"], shown["status"], shown["progress"]) == (job.token, "finished", 1)
    assert shown["lead_time_seconds"] >= shown["queue_time_seconds"] >= 0
    assert shown["execution_time_seconds"] > 0
    listed = (await client.get("/v1/jobs")).json()
    assert shown.pop("waits_for") is None
    assert shown.pop("report") is None, "what an echo gives is no report"
    assert listed == {"items": [shown], "next": None}


async def test_lists_page_by_keyset_and_filter(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    made = [await ask(platform, "test.echo") for _ in range(7)]
    await ask(platform, "test.echo", organization_id=2)
    await client.post(f"/v1/jobs/{made[2].token}/cancel")
    seen, after = [], ""
    for _ in range(4):
        page = (await client.get("/v1/jobs", params={"limit": 2, "after": after})).json()
        seen += [item["id"] for item in page["items"]]
        after = page["next"]
    assert after is None
    assert seen == [job.token for job in reversed(made)]
    cancelled = (await client.get("/v1/jobs?status=cancelled&kind=test.echo")).json()["items"]
    assert [item["id"] for item in cancelled] == [made[2].token]
    assert (await client.get("/v1/jobs?kind=test.fan")).json()["items"] == []
    unknown = await client.get("/v1/jobs?kind=test.fam")
    assert code(unknown) == (400, "parameter_invalid")
    (detail,) = unknown.json()["error"]["details"]
    assert (detail["place"], detail["value"]) == ("kind", "test.fam")
    assert {"test.echo", "test.fan"} <= {*detail["allowed"]}


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "after=!!", "status=done"])
async def test_bad_questions_are_400(client: httpx2.AsyncClient, query: str) -> None:
    answer = await client.get(f"/v1/jobs?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "place"),
    [("GET", ""), ("POST", "/cancel"), ("POST", "/retry"), ("GET", "/stream")],
)
async def test_another_organization_s_job_is_not_there(
    platform: Platform, client: httpx2.AsyncClient, method: str, place: str
) -> None:
    job = await ask(platform, "test.echo")
    path = f"/v1/jobs/{job.token}{place}"
    answer = await client.request(method, path, headers={"x-organization": "2"})
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "job_not_found"
    nobody = await client.request(method, path, headers={"x-organization": "1", "x-scopes": ""})
    assert nobody.status_code == 403


async def test_cancel_and_retry(platform: Platform, client: httpx2.AsyncClient) -> None:
    job = await ask(platform, "test.echo")
    assert (await client.post(f"/v1/jobs/{job.token}/retry")).status_code == 409
    for _ in range(2):
        answer = await client.post(f"/v1/jobs/{job.token}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    again = await client.post(f"/v1/jobs/{job.token}/retry")
    assert (again.status_code, again.json()["status"]) == (202, "queued")
    assert again.headers["location"] == f"/v1/jobs/{job.token}"
    async with working(platform):
        assert (await end_of(platform, job)).status == "finished"
    assert (await client.post(f"/v1/jobs/{job.token}/cancel")).status_code == 409


async def test_the_stream_follows_to_the_end(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    job = await ask(platform, "test.gate", gate="g")
    seen: list[dict[str, Any]] = []
    async with working(platform), client.stream("GET", f"/v1/jobs/{job.token}/stream") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                seen.append(json.loads(line[6:]))
                if seen[-1]["status"] == "running":
                    gate("g").set()
    assert seen[-1]["status"] == "finished"
    assert len(seen) in (2, 3)
    assert all(item["id"] == job.token for item in seen)


async def test_the_stream_notices_that_the_reader_left(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    def followers() -> float:
        return metrics.STREAMS_OPEN._value.get()

    job = await ask(platform, "test.echo")
    async with client.stream("GET", f"/v1/jobs/{job.token}/stream") as answer:
        async for line in answer.aiter_lines():
            if line:
                break
        assert followers() == 1

    async def none() -> bool:
        return followers() == 0

    await eventually(none)


async def test_errors_are_said_in_the_readers_language(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    job = await ask(platform, "test.refuse")
    async with working(platform):
        await end_of(platform, job)
    shown = (await client.get(f"/v1/jobs/{job.token}")).json()
    assert shown["status"] == "failed"
    assert shown["error"] == {
        "code": "unprocessable", "message": "The value 7 is bad. Correct it.", "details": [],
    }


async def test_idempotency_over_http(client: httpx2.AsyncClient) -> None:
    key = {"Idempotency-Key": "k-1"}
    first = (await client.post("/test-ask", content=b"a", headers=key)).json()
    assert (await client.post("/test-ask", content=b"a", headers=key)).json()["id"] == first["id"]
    clash = await client.post("/test-ask", content=b"b", headers=key)
    assert (clash.status_code, clash.json()["error"]["code"]) == (409, "idempotency_conflict")
    bad = await client.post("/test-ask", content=b"a", headers={"Idempotency-Key": "x" * 256})
    assert bad.status_code == 400


async def test_uploads_over_http(platform: Platform, client: httpx2.AsyncClient) -> None:
    body = b"x" * 900_000
    answer = await client.post("/test-upload", content=body)
    assert answer.json()["sha256"] == hashlib.sha256(body).hexdigest()
    form = await client.post("/test-upload", files={"file": ("a.csv", body)}, data={"mode": "dry"})
    assert (form.json()["bytes"], form.json()["fields"]) == (900_000, {"mode": "dry"})
    refused = await client.post("/test-upload", content=body * 2)
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "upload_too_large")


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_cut_off_on_the_wire_leaves_nothing(
    platform: Platform, client: httpx2.AsyncClient, chunked: bool
) -> None:
    await cut_off(
        platform, client, "/test-upload", b"x" * 300_000, length_of(900_000, chunked=chunked)
    )
    await assert_nothing_left(platform)
