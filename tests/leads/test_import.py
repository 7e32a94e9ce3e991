"""An import from its bytes to the base: what a row means, and what each option does."""

from __future__ import annotations

import pytest

from tests.support.leads import base, five, imported
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio

SHEET = "E-mail,Nome,Telefone,Cidade,Etiquetas\n"


async def test_new_rows_are_created(platform: Platform) -> None:
    shown = await imported(
        platform, SHEET + "Ana@Exemplo.com.br,Ana Luísa,(81) 99999-8888,Olinda,feira;vip\n"
    )
    assert shown["status"] == "finished", shown["error"]
    assert five(shown) == (1, 0, 0, 0, 0)
    assert shown["rows_total"] == 1
    lead = (await base(platform))["ana@exemplo.com.br"]
    assert lead["name"] == "Ana Luísa"
    assert lead["tags"] == ["feira", "vip"]
    assert lead["phone"] == "(81) 99999-8888"
