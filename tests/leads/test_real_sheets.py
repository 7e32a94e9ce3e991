"""Sheets as LibreOffice writes them all mean the same: XLSX, Windows-1252 with ``;``, UTF-16."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.leads import base, five, imported
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio
SHEETS = Path(__file__).resolve().parents[1] / "fixtures" / "sheets"
NAMES = ["typed.csv", "calc.xlsx", "calc_semicolon_windows1252.csv", "calc_utf16_tab.csv"]


async def check(platform: Platform, path: Path) -> int:
    """Import *path* and look at what it brought; how many leads that is."""
    shown = await imported(platform, path.read_bytes(), filename=path.name)
    assert shown["status"] == "finished", shown["error"]
    assert five(shown) == (4, 0, 0, 0, 1)
    assert shown["mapping"]["Telefone celular"] == "phone"
    leads = await base(platform)
    antonio = leads["antonio.conceicao@exemplo.com.br"]
    assert antonio["name"] == "Antônio Conceição"
    assert antonio["company"] == 'Padaria "São José" Ltda'
    assert antonio["phone"] == "(81) 99999-8888"
    assert antonio["job_title"] == "Gerente"
    assert antonio["state"] == "PE"
    assert antonio["tags"] == ["feira", "vip"]
    assert antonio["custom"] == {"data_de_nascimento": "1980-12-31", "valor": "1234.56"}
    assert leads["luisa@exemplo.com.br"]["name"].split() == ["Maria", "Luísa"]
    assert leads["joao@exemplo.com.br"]["company"] is None
    assert leads["zoe@exemplo.com.br"]["custom"]["valor"] == "10"
    return len(leads)


@pytest.mark.parametrize("name", NAMES)
async def test_a_sheet_of_a_real_program(platform: Platform, name: str) -> None:
    assert await check(platform, SHEETS / name) == 4


@pytest.mark.external
async def test_what_libreoffice_writes_today(platform: Platform, tmp_path: Path) -> None:
    office = shutil.which("soffice") or shutil.which("libreoffice")
    if office is None:
        pytest.skip("no LibreOffice on this machine: its own export was not tried")
    subprocess.run(
        [office, "--headless", f"-env:UserInstallation=file://{tmp_path / 'profile'}",
         "--convert-to", "xlsx:Calc MS Excel 2007 XML", "--infilter=CSV:44,34,76,1",
         "--outdir", str(tmp_path), str(SHEETS / "typed.csv")],
        check=True, capture_output=True, timeout=120,
    )
    assert await check(platform, tmp_path / "typed.xlsx") == 4
