"""What documents promise of metrics, scraped from the real thing."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx2
import pytest

from tests.support.running import Running, free_port, running_platform
from tests.support.waiting import until


@pytest.fixture(scope="module")
def measured() -> Iterator[tuple[Running, int]]:
    """A platform that shows its metrics on a port of their own, too; one sum has ended on it."""
    port = free_port()
    with running_platform(VAZAO_METRICS_PORT=str(port)) as running:
        with httpx2.Client(base_url=running.address, timeout=30) as client:
            made = client.post(
                "/sum-even", content=b"2\n3\n4\n", headers={"content-type": "text/plain"}
            )
            token = made.json()["token"]
            until(
                lambda: client.get(f"/sum-even/{token}/status").json()["status"] == "finished",
                within=60,
            )
        yield running, port


def value(text: str, sample: str) -> float | None:
    """What the exposition says of *sample*, ``None`` where it is not there."""
    found = re.search(rf"^{re.escape(sample)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else None


@pytest.mark.parametrize("apart", [False, True])
def test_the_workers_metrics_are_there(measured: tuple[Running, int], apart: bool) -> None:
    running, port = measured
    place = f"http://127.0.0.1:{port}/metrics" if apart else f"{running.address}/metrics"
    ended = 'vazao_jobs_ended_total{kind="numbers.sum_even",status="finished"}'

    def shown() -> str | None:
        text = httpx2.get(place, timeout=10).text
        return text if value(text, ended) and value(text, "vazao_workers_live") else None

    text = until(shown, within=60)
    assert value(text, ended) == 1
    assert value(text, "vazao_workers_live") >= 2
    assert value(text, 'vazao_job_lead_seconds_count{kind="numbers.sum_even"}') == 1
    for state in ("held", "queued", "running"):
        assert value(text, f'vazao_parts{{state="{state}"}}') == 0
    assert value(text, "vazao_oldest_waiting_seconds") == 0
    assert 0 < value(text, 'vazao_disk_bytes{kind="free"}') <= value(
        text, 'vazao_disk_bytes{kind="total"}'
    )
    assert value(text, 'vazao_database_connections{state="idle"}') >= 1
