"""The outbox is told of imports that ended."""

from __future__ import annotations

import pytest

from tests.support.leads import ORGANIZATION, imported
from tests.support.notices import events, listens
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio
SHEET = "E-mail,Nome\nana@x.com,Ana\nbia@x.com,Bia\nsem,Caio\n"


async def test_the_end_of_an_import_is_told_with_its_counts(platform: Platform) -> None:
    await imported(platform, SHEET)
    assert await events(platform, ORGANIZATION) == []
    await listens(platform, ORGANIZATION, "import.finished")
    done = await imported(platform, SHEET.replace("Ana", "Aninha"), filename="Ana.csv")
    ((type, object, data),) = await events(platform, ORGANIZATION)
    assert (type, object) == ("import.finished", f"import:{done['id']}")
    assert {name: data[name] for name in ("status", "updated", "unchanged", "rejected")} == {
        "status": "finished", "updated": 1, "unchanged": 1, "rejected": 1,
    }
    assert data["url"] == f"/v1/leads/imports/{done['id']}"
    assert "Ana" not in str(data)
    assert "x.com" not in str(data)


async def test_a_dry_run_is_not_told(platform: Platform) -> None:
    await listens(platform, ORGANIZATION, "import.finished")
    await imported(platform, SHEET, dry_run="true")
    assert await events(platform, ORGANIZATION) == []


async def test_an_import_that_failed_is_told(platform: Platform) -> None:
    await listens(platform, ORGANIZATION, "import.finished")
    await imported(platform, "Nome\nAna\n")
    ((_, _, data),) = await events(platform, ORGANIZATION)
    assert data["status"] == "failed"
    assert data["error"]
