"""``vazao leads`` as a person types it: a process of its own, beside a worker."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.leads import Tenant, make_platform
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio
GOOD = "E-mail,Nome,Apelido\nana@x.com,Ana,Aninha\nbob@x.com,Bob,\n"
MIXED = "E-mail,Nome\ncaio@x.com,Caio\nbad,Bea\n"


@dataclass
class Said:
    """What a command answered."""

    code: int | None
    out: str
    err: str


Vazao = Callable[..., Awaitable[Said]]


def command(platform: Platform, folder: Path, language: str = "C") -> Vazao:
    """Runs ``vazao`` with *platform*'s database and data folder, from *folder*."""
    settings = platform.settings
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VAZAO_")} | {
        "VAZAO_DATABASE_URL": platform.database_url, "VAZAO_SECRET": "x" * 32,
        "VAZAO_DATA_DIR": str(settings.folder), "LC_ALL": language, "COLUMNS": "100",
    }

    async def run(*words: str) -> Said:
        made = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "vazao", *words, cwd=folder, env=environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(made.communicate(), 60)
        return Said(made.returncode, out.decode(), err.decode())

    return run


@pytest.fixture
async def slug(tenant: Tenant) -> str:
    name = f"org-{tenant.id}"
    async with tenant.platform.db.connection() as conn:
        await conn.execute(
            "insert into accounts.organization (id, slug, name) overriding system value "
            "values (%s, %s, %s)", [tenant.id, name, name],
        )
    return name


@pytest.fixture
def vazao(tenant: Tenant, tmp_path: Path) -> Vazao:
    return command(tenant.platform, tmp_path)


def outcomes(text: str) -> dict[str, str]:
    """The table of outcomes."""
    rows = [line.split("│") for line in text.splitlines() if line.startswith("│")]
    return {row[1].strip(): row[2].strip() for row in rows}


async def test_a_finished_import_exits_with_0(
    vazao: Vazao, tenant: Tenant, slug: str, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(GOOD)
    said = await vazao("leads", "import", "a.csv", "--organization", slug)
    assert (said.code, said.err) == (0, "")
    assert "a.csv: Finished" in said.out
    table = outcomes(said.out)
    assert (table["Rows"], table["Created"], table["Rejected"]) == ("2", "2", "0")
    assert (await tenant.lead("ana@x.com"))["custom"] == {"apelido": "Aninha"}


async def test_rejected_rows_exit_with_3_and_are_printed(
    vazao: Vazao, tenant: Tenant, slug: str, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(MIXED)
    said = await vazao("leads", "import", "a.csv", "--organization", slug)
    assert (said.code, outcomes(said.out)["Rejected"]) == (3, "1")
    (hint,) = [line for line in said.out.splitlines() if line.startswith("vazao leads errors")]
    told = await vazao(*hint.split()[1:-2])
    assert told.code == 0
    assert told.out.splitlines()[1].startswith("bad,Bea,3,E-mail,email_without_at: ")


async def test_a_failed_import_exits_with_1_and_says_why(
    vazao: Vazao, slug: str, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("Nome\nAna\n")
    said = await vazao("leads", "import", "a.csv", "--organization", slug)
    assert said.code == 1
    assert "No column of the sheet is mapped to email" in said.err


async def test_a_mapping_is_given_over_the_automatic_one(
    vazao: Vazao, tenant: Tenant, slug: str, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(GOOD)
    said = await vazao("leads", "import", "a.csv", "--organization", slug,
                       "--map", "Apelido=name", "--map", "Nome=")
    assert said.code == 0
    lead = await tenant.lead("ana@x.com")
    assert (lead["name"], lead["custom"]) == ("Aninha", {})


@pytest.mark.parametrize(("words", "reason"), [
    (("nothing.csv",), "The file nothing.csv does not exist or cannot be read."),
    ((".",), "The file . does not exist or cannot be read."),
    (("a.csv", "--map", "Nome"), "Write --map 'Header=field'."),
    (("a.csv", "--map", "X=name"), "a column that is not in the sheet: X"),
    (("a.csv", "--mode", "replace"), "The option mode cannot be replace"),
    (("a.csv", "--header-row", "zero"), "The option header_row cannot be zero"),
])
async def test_what_cannot_be_done_is_one_sentence(
    vazao: Vazao, tenant: Tenant, slug: str, tmp_path: Path, words: tuple[str, ...], reason: str
) -> None:
    (tmp_path / "a.csv").write_text(GOOD)
    said = await vazao("leads", "import", *words, "--organization", slug)
    assert said.code == 1
    assert reason in said.err
    assert "Traceback" not in said.err
    assert await tenant.base() == {}


async def test_a_dry_run_says_what_would_be_done_and_is_applied(
    vazao: Vazao, tenant: Tenant, slug: str, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("Lista de 2026\n\nE-mail;Fone\nana@x.com;zz\n")
    said = await vazao("leads", "import", "a.csv", "--organization", slug, "--dry-run",
                       "--header-row", "3", "--delimiter", ";", "--encoding", "utf-8")
    assert (said.code, said.err) == (0, "")
    table = outcomes(said.out)
    assert (table["Created"], table["With a value skipped"]) == ("1", "1")
    assert await tenant.base() == {}
    hints = [line.split() for line in said.out.splitlines() if line.startswith("vazao leads")]
    warnings, applies = hints
    told = await vazao(*warnings[1:-2])
    assert (told.code, told.out.splitlines()[1].split(";")[:2]) == (0, ["ana@x.com", "zz"])
    done = await vazao(*applies[1:])
    assert (done.code, outcomes(done.out)["Created"]) == (0, "1")
    assert set(await tenant.base()) == {"ana@x.com"}
    again = await vazao(*applies[1:])
    assert (again.code, "already been applied" in again.err) == (1, True)


async def test_strict_refuses_the_row(
    vazao: Vazao, slug: str, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("E-mail,Fone\nana@x.com,zz\n")
    said = await vazao("leads", "import", "a.csv", "--organization", slug, "--strict")
    assert (said.code, outcomes(said.out)["Rejected"]) == (3, "1")


async def test_in_portuguese(tenant: Tenant, slug: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(MIXED)
    vazao = command(tenant.platform, tmp_path, "pt_BR.UTF-8")
    said = await vazao("leads", "import", "a.csv", "--organization", slug)
    assert said.code == 3
    assert "a.csv: Concluída" in said.out
    table = outcomes(said.out)
    assert (table["Criados"], table["Rejeitadas"]) == ("1", "1")


async def test_a_declared_type_holds_from_then_on(
    vazao: Vazao, tenant: Tenant, slug: str, tmp_path: Path
) -> None:
    assert (await vazao("leads", "declare-field", "nota", "integer",
                        "--organization", slug)).code == 0
    (tmp_path / "a.csv").write_text("E-mail,nota\nana@x.com,7\nbob@x.com,x\n")
    assert (await vazao("leads", "import", "a.csv", "--organization", slug)).code == 0
    assert (await tenant.lead("ana@x.com"))["custom"] == {"nota": 7}
    assert (await tenant.lead("bob@x.com"))["custom"] == {}
    said = await vazao("leads", "declare-field", "nota", "float", "--organization", slug)
    assert (said.code, "The option type cannot be float" in said.err) == (1, True)


async def test_an_import_that_nobody_does_says_so(
    database_url: str, data_dir: Path, tmp_path: Path
) -> None:
    platform = make_platform(database_url, data_dir)
    (tmp_path / "a.csv").write_text(GOOD)
    vazao = command(platform, tmp_path)
    assert (await vazao("accounts", "create-organization", "acme")).code == 0
    waiting = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vazao", "leads", "import", "a.csv", "--organization", "acme",
        cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env=os.environ | {"VAZAO_DATABASE_URL": database_url, "VAZAO_SECRET": "x" * 32,
                          "VAZAO_DATA_DIR": str(data_dir), "LC_ALL": "C"},
    )
    assert waiting.stdout is not None
    try:
        said = await asyncio.wait_for(waiting.stdout.readuntil(b"vazao worker"), 30)
        assert b"No worker is running." in said
    finally:
        waiting.kill()
        await waiting.wait()
