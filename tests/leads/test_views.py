"""What is told of an import besides its outcome: the job's rows, notes in each language, fields."""

from __future__ import annotations

import pytest

from tests.support.leads import Tenant
from vazao import jobs
from vazao.leads import declaring, service
from vazao.leads.errors import MappingCustomName

pytestmark = pytest.mark.anyio


async def job_of(tenant: Tenant, token: str) -> jobs.Job:
    async with tenant.platform.db.connection() as conn:
        job = await jobs.get_job(conn, tenant.id, token)
    assert job is not None
    return job


async def test_the_job_counts_every_row_once_also_of_a_repeated_sheet(tenant: Tenant) -> None:
    people = "".join(f"u{n}@x.com,N{n}\n" for n in range(450))
    sheet = f"E-mail,Nome\n{people}u1@x.com,N1\nnobody,N\n"
    for _ in range(2):
        shown = await tenant.run(sheet)
        assert (shown["duplicates"], shown["rejected"]) == (1, 1)
        job = await job_of(tenant, shown["id"])
        assert (job.rows_done, job.rows_total) == (452, 452)


async def test_notes_speak_the_readers_language(tenant: Tenant) -> None:
    shown = await tenant.run("E-mail,,Nome\na@x.com,x,An\0a\n")
    assert shown["notes"] == [
        "NUL bytes were removed: 1.", "Columns without a name, ignored: 1."
    ]
    async with tenant.platform.db.connection() as conn:
        found = await service.get(conn, tenant.id, shown["id"])
    assert service.view(*found, "pt_BR")["notes"] == [
        "Bytes NUL foram removidos: 1.", "Colunas sem nome, ignoradas: 1."
    ]


async def test_a_field_with_an_impossible_name_is_refused_by_its_name(tenant: Tenant) -> None:
    async with tenant.platform.db.connection() as conn:
        with pytest.raises(MappingCustomName, match="Meu Campo is not a name") as refused:
            await declaring.declare_field(conn, tenant.id, "Meu Campo", "text")
    assert refused.value.message("pt_BR").startswith("Meu Campo não é um nome")
