"""What documents promise of metrics, scraped from the real thing."""

from __future__ import annotations

import re

import httpx2
import pytest

from tests.support.running import Running
from tests.support.waiting import until

ENDED = 'vazao_jobs_ended_total{kind="numbers.sum_even",status="finished"}'


def sum_to_its_end(running: Running) -> None:
    """Have a small sum worked out."""
    with httpx2.Client(base_url=running.address, timeout=30) as client:
        made = client.post(
            "/sum-even", content=b"2\n3\n4\n", headers={"content-type": "text/plain"}
        )
        token = made.json()["token"]
        until(
            lambda: client.get(f"/sum-even/{token}/status").json()["status"] == "finished",
            within=60,
        )


def value(text: str, sample: str) -> float | None:
    """What the exposition says of *sample*, ``None`` where it is not there."""
    found = re.search(rf"^{re.escape(sample)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else None


STATES = ("held", "queued", "running")


@pytest.mark.parametrize("apart", [False, True])
def test_the_workers_metrics_are_there(platform_up: Running, apart: bool) -> None:
    port = platform_up.environment["VAZAO_METRICS_PORT"]
    place = f"http://127.0.0.1:{port}/metrics" if apart else f"{platform_up.address}/metrics"

    def exposed() -> str:
        return httpx2.get(place, timeout=10).text

    before = value(exposed(), ENDED) or 0
    sum_to_its_end(platform_up)

    def shown() -> str | None:
        text = exposed()
        more = (value(text, ENDED) or 0) > before
        # Other tests of this platform may have left something behind that goes on.
        parts = (value(text, f'vazao_parts{{state="{state}"}}') for state in STATES)
        done = more and not any(parts) and not value(text, "vazao_oldest_waiting_seconds")
        return text if done and value(text, "vazao_workers_live") else None

    text = until(shown, within=60)
    assert value(text, "vazao_workers_live") >= 2
    counted = 'vazao_job_lead_seconds_count{kind="numbers.sum_even"}'
    # Tests before this one may have cancelled some.
    ends = (ENDED.replace("finished", status) for status in ("finished", "failed", "cancelled"))
    assert value(text, counted) == sum(value(text, each) or 0 for each in ends)
    for state in STATES:
        assert value(text, f'vazao_parts{{state="{state}"}}') == 0
    assert value(text, "vazao_oldest_waiting_seconds") == 0
    assert 0 < value(text, 'vazao_disk_bytes{kind="free"}') <= value(
        text, 'vazao_disk_bytes{kind="total"}'
    )
    assert value(text, 'vazao_database_connections{state="idle"}') >= 1
