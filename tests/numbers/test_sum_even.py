"""``/sum-even`` over HTTP: bodies summed while they arrive, bad input, and nothing left behind."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support import pictures, tus
from tests.support.disks import assert_nothing_left
from tests.support.jobs import make_platform
from tests.support.numbers_reference import expected, value_of
from tests.support.sums import TEXT, ended, served, some_numbers
from tests.support.waiting import eventually
from tests.support.web import cut_off, length_of
from vazao import jobs, uploads
from vazao.kit.platform import Platform
from vazao.numbers.ranges import PART_BYTES, after_separator, pieces
from vazao.uploads import intake

pytestmark = pytest.mark.anyio
SEGMENT = 1 << 16



@pytest.fixture
def platform(database_url: str, data_dir: Path) -> Platform:
    return make_platform(database_url, data_dir, upload_segment_bytes=SEGMENT)



async def nothing_left(platform: Platform) -> None:
    """Within a moment: a finished task's file goes right after its end."""
    async def look() -> bool:
        try:
            await assert_nothing_left(platform)
        except AssertionError:
            return False
        return True

    await eventually(look)


async def ask(client: httpx2.AsyncClient, body: Any, **headers: str) -> str:
    answer = await client.post("/sum-even", content=body, headers=TEXT | headers)
    assert answer.status_code == 201, answer.text
    return answer.json()["token"]



async def result(client: httpx2.AsyncClient, body: Any) -> dict[str, Any]:
    token = await ask(client, body)
    said = await ended(client, token)
    assert said["status"] == "finished", said
    return (await client.get(f"/sum-even/{token}/result")).json()


async def no_jobs(platform: Platform) -> bool:
    async with platform.db.connection() as conn:
        cursor = await conn.execute(
            "select (select count(*) from jobs.job), (select count(*) from jobs.part), "
            "(select count(*) from procrastinate_jobs)"
        )
        return await cursor.fetchone() == (0, 0, 0)



async def test_a_body_of_many_segments_is_summed_and_not_kept(platform: Platform) -> None:
    body = some_numbers(60_000)
    right = {n: v for n, v in expected(body).items() if n != "offenders"}
    async with served(platform) as client:
        token = await ask(client, body)
        said = await ended(client, token)
        assert said["status"] == "finished"
        assert (said["progress"], said["bytes_total"], said["bytes_done"]) == (
            1, len(body), len(body))
        answer = await client.get(f"/sum-even/{token}/result")
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.json() == right
        assert (await client.get(f"/v1/jobs/{token}")).json()["parts_done"] > 9
        stranger = {"x-organization": "2"}
        for what in ("status", "result"):
            assert (await client.get(
                f"/sum-even/{token}/{what}", headers=stranger)).status_code == 404
        await nothing_left(platform)


async def test_parts_are_at_work_before_the_last_byte(platform: Platform) -> None:
    line, go = b"123456\n" * 20_000, asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield line
        await go.wait()
        yield b"2\n"

    async def parts_done() -> int:
        async with platform.db.connection() as conn:
            cursor = await conn.execute(
                "select count(*) from jobs.part as p join jobs.job as j on j.id = p.job_id "
                "where j.status = 'receiving' and p.state = 'done'"
            )
            return (await cursor.fetchone() or (0,))[0]

    async with served(platform) as client:
        sending = asyncio.create_task(result(client, body()))
        await eventually(parts_done)
        assert (await client.get("/v1/jobs")).json()["items"] == []
        go.set()
        assert (await sending)["sum"] == 123456 * 400_000 + 2


@pytest.mark.parametrize(
    ("body", "total"),
    [(b"", 0), (b"\xef\xbb\xbf4", 4), (b"9" * 99_999 + b"8", 10**100_000 - 2),
     (b"1 " * 40_000 + b"8" * 50_000, value_of(b"8" * 50_000))],
    ids=["empty", "byte order mark", "100000 digits", "long across segments"],
)
async def test_exact_sums(platform: Platform, body: bytes, total: int) -> None:
    async with served(platform) as client:
        token = await ask(client, body)
        assert (await ended(client, token))["status"] == "finished"
        text = (await client.get(f"/sum-even/{token}/result")).text
        digits = text.partition('"sum":')[2].partition(",")[0]
        assert value_of(digits.encode()) == total


@pytest.mark.parametrize(
    ("body", "places", "code"),
    [
        (b"9" * 100_001, [(0, 1)], "file_not_numbers"),
        (b"2\nword 4\n", [(2, 2)], "file_not_numbers"),
        (b"2\n" * 50_000 + b"".join(b"w%d\n" % n for n in range(30)),
         [(100_000 + 3 * n, 50_001 + n) for n in range(10)], "file_not_numbers"),
        (b"7" * 300_000 + b" x", [(0, 1), (300_001, 1)], "file_not_numbers"),
        ("\ufeff12\n".encode("utf-16-le"), [], "file_utf16"),
        (b"\x89PNG\r\n\x1a\n 2 4", [(0, 1), (6, 2)], "file_binary"),
    ],
    ids=["100001 digits", "a word", "first ten of the file", "no separator", "UTF-16", "PNG"],
)
async def test_what_is_no_number_errors_the_task(
    platform: Platform, body: bytes, places: list[tuple[int, int]], code: str
) -> None:
    async with served(platform) as client:
        token = await ask(client, body)
        said = await ended(client, token)
        assert (said["status"], said["error"]["code"]) == ("errored", code)
        found = [(d["place"]["byte"], d["place"]["line"]) for d in said["error"]["details"]]
        assert found == places
        assert (await client.get(f"/sum-even/{token}/result")).status_code == 404
        again = await client.post(f"/v1/jobs/{token}/retry")
        assert (again.status_code, again.json()["error"]["code"]) == (409, "file_gone")


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_cut_off_leaves_no_task_and_no_bytes(
    platform: Platform, chunked: bool
) -> None:
    body = some_numbers(60_000)
    async with served(platform) as client:
        await cut_off(
            platform, client, "/sum-even", body, "Content-Type: text/plain",
            length_of(len(body) + 1000, chunked=chunked),
        )
        assert await no_jobs(platform)
        await assert_nothing_left(platform)


async def test_more_than_the_limit_is_413_at_once_and_by_count(
    database_url: str, data_dir: Path
) -> None:
    platform = make_platform(database_url, data_dir, sum_even_max_bytes=100_000)
    async with served(platform, work=False) as client:
        large = b"2\n" * 60_000
        answer = await client.post("/sum-even", content=large, headers=TEXT)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "upload_too_large")

        async def unannounced() -> AsyncIterator[bytes]:
            for _ in range(60):
                yield b"2\n" * 1000

        answer = await client.post("/sum-even", content=unannounced(), headers=TEXT)
        assert answer.status_code == 413
        assert await no_jobs(platform)
        await assert_nothing_left(platform)


async def test_a_full_disk_is_507_and_leaves_nothing(
    database_url: str, data_dir: Path, small_disk: Path
) -> None:
    platform = make_platform(
        database_url, data_dir, blob_url=small_disk.as_uri(), upload_segment_bytes=1 << 20
    )
    async with served(platform, work=False) as client:
        answer = await client.post("/sum-even", content=b"2\n" * 3_000_000, headers=TEXT)
        assert (answer.status_code, answer.json()["error"]["code"]) == (507, "storage_full")
        assert await no_jobs(platform)
        await assert_nothing_left(platform)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"content-type": "image/png"}, 415, "content_type_refused"),
        ({"content-type": ""}, 415, "content_type_refused"),
        ({"content-type": "textual/plain"}, 415, "content_type_refused"),
        ({"content-type": "text/plain; charset=utf-16"}, 400, "charset_refused"),
        ({"content-type": "text/csv; charset=utf-16"}, 400, "charset_refused"),
        ({"content-type": "application/json"}, 400, "request_unclear"),
        (TEXT | {"idempotency-key": ""}, 400, "idempotency_key_invalid"),
    ],
)
async def test_other_bodies_are_refused(
    platform: Platform, headers: dict[str, str], status: int, code: str
) -> None:
    async with served(platform, work=False) as client:
        answer = await client.post("/sum-even", content=b"2\n", headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
        assert await no_jobs(platform)


async def test_nobody_is_served_without_a_token_unless_public(platform: Platform) -> None:
    async with served(platform, work=False) as client:
        del client.headers["x-organization"]
        answer = await client.post("/sum-even", content=b"2\n", headers=TEXT)
        assert answer.status_code == 401


async def test_an_idempotency_key_leads_to_the_same_task(platform: Platform) -> None:
    key = {"idempotency-key": "once"}
    async with served(platform, work=False) as client:
        first = await ask(client, b"2 4\n", **key)
        assert await ask(client, b"2 4\n", **key) == first
        answer = await client.post("/sum-even", content=b"2 5\n", headers=TEXT | key)
        assert answer.status_code == 409
        assert len((await client.get("/v1/jobs")).json()["items"]) == 1


async def stored(client: httpx2.AsyncClient, body: bytes) -> str:
    """The id of a file that was sent to ``/files`` whole."""
    place = await tus.begin(client, len(body))
    assert (await tus.send(client, place, 0, body)).status_code == 204
    return place.rpartition("/")[2]


async def test_a_stored_file_is_summed_once_and_goes(platform: Platform) -> None:
    body = some_numbers(30_000)
    async with served(platform) as client:
        asked = {"json": {"file": await stored(client, body)}}
        other = await client.post("/sum-even", headers={"x-organization": "2"}, **asked)
        assert other.status_code == 404
        answer = await client.post("/sum-even", **asked)
        said = await ended(client, answer.json()["token"])
        assert (said["status"], said["bytes_done"]) == ("finished", len(body))
        shown = (await client.get(f"/sum-even/{answer.json()['token']}/result")).json()
        assert shown["sum"] == expected(body)["sum"]
        for unclear in ({}, {"file": "x", "url": "y"}, {"file": 1}, [], {"more": 1}):
            assert (await client.post("/sum-even", json=unclear)).status_code == 400
        again = await client.post("/sum-even", **asked)
        assert again.status_code == 404, "its space has been given back"
        await intake.sweep(platform)
        await assert_nothing_left(platform)


async def test_a_stored_file_belongs_to_one_task(platform: Platform) -> None:
    async with served(platform, work=False) as client:
        asked = {"json": {"file": await stored(client, b"2\n4\n")}}
        assert (await client.post("/sum-even", **asked)).status_code == 201
        second = await client.post("/sum-even", **asked)
        assert (second.status_code, second.json()["error"]["code"]) == (409, "upload_in_use")


async def test_a_request_for_a_stored_file_may_be_repeated(platform: Platform) -> None:
    key = {"idempotency-key": "once"}
    async with served(platform) as client:
        asked = {"json": {"file": await stored(client, b"2\n4\n")}, "headers": key}
        first, at_once = await asyncio.gather(
            client.post("/sum-even", **asked), client.post("/sum-even", **asked)
        )
        assert first.json() == at_once.json()
        await ended(client, first.json()["token"])
        assert (await client.post("/sum-even", **asked)).json() == first.json()


async def test_another_task_s_result_is_no_stored_file(platform: Platform) -> None:
    async with served(platform) as client:
        token = await pictures.ask(client)
        await pictures.ended(client, token)
        async with platform.db.connection() as conn:
            job = await jobs.get_job(conn, 1, token)
        answer = await client.post("/sum-even", json={"file": job.result["upload"]})
        assert answer.status_code == 404
        kept = await client.get(f"/randomize/{token}/result")
        assert kept.status_code == 200


async def test_a_lower_limit_holds_for_stored_files_too(
    database_url: str, data_dir: Path
) -> None:
    platform = make_platform(database_url, data_dir, sum_even_max_bytes=100)
    async with served(platform, work=False) as client:
        name = await stored(client, b"2\n" * 100)
        answer = await client.post("/sum-even", json={"file": name})
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "upload_too_large")
        async with platform.db.connection() as conn:
            taken = await uploads.claim_upload(platform, conn, 1, name)
            assert taken.bytes == 200, "it was not taken"


async def test_two_bodies_at_once_with_one_key_are_one_task(platform: Platform) -> None:
    """The second ends while the first has its key, and has not committed."""
    body, key = some_numbers(1000), {"idempotency-key": "once"}
    async with served(platform, work=False) as client:
        answers = await asyncio.gather(*(
            client.post("/sum-even", content=body, headers=TEXT | key) for _ in range(8)
        ))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["token"] for answer in answers}) == 1
        assert len((await client.get("/v1/jobs")).json()["items"]) == 1


async def test_a_cancelled_task_s_file_goes(platform: Platform) -> None:
    async with served(platform, work=False) as client:
        token = await ask(client, b"2\n")
        assert (await client.post(f"/v1/jobs/{token}/cancel")).status_code == 200
        said = (await client.get(f"/sum-even/{token}/status")).json()
        assert (said["status"], said["error"]["code"]) == ("errored", "job_cancelled")
        await intake.sweep(platform)
        await assert_nothing_left(platform)


def test_where_segments_are_cut() -> None:
    assert after_separator(b"12 34") == 3
    assert after_separator(b"12") == 0
    assert pieces(0) == []
    size = 2 * PART_BYTES + 5
    assert sum(n for _, n in pieces(size)) == size


def test_nothing_of_the_kernel_is_loaded_by_web() -> None:
    code = ("import sys; from vazao.main import registry; registry(); "
            "sys.exit(bool({'numba', 'numpy', 'polars'} & set(sys.modules)))")
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
