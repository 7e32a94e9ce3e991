"""Languages: which one a reader gets, and that every message has its translation."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from vazao.kit import i18n
from vazao.kit.errors import NotFound

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "catalogues.py"
PO = '''msgid ""
msgstr "Content-Type: text/plain; charset=utf-8\\n"

msgid "river"
msgstr "{word}"

#, fuzzy
msgid "lake"
msgstr "lago?"
'''


@pytest.fixture(scope="module")
def catalogues() -> ModuleType:
    """The script that keeps the catalogues, as a module."""
    spec = importlib.util.spec_from_file_location("catalogues", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["catalogues"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "en"),
        ("", "en"),
        ("pt-BR", "pt_BR"),
        ("pt", "pt_BR"),
        ("PT-pt,en;q=0.9", "pt_BR"),
        ("en-US,en;q=0.9,pt;q=0.8", "en"),
        ("fr, pt;q=0.4, en;q=0.3", "pt_BR"),
        ("pt;q=0", "en"),
        ("pt;q=much", "en"),
        ("fr", "en"),
        ("en-US; q=0.2, pt-BR; q=0.9", "pt_BR"),
        ("pt ;Q=0.9", "pt_BR"),
    ],
)
def test_the_header_decides_by_weight(header: str | None, expected: str) -> None:
    assert i18n.negotiate(header) == expected


def test_errors_speak_the_readers_language() -> None:
    assert NotFound().message("en") == "Nothing was found at this address."
    assert NotFound().message("pt_BR") == "Nada foi encontrado neste endereço."


def test_an_unknown_text_or_language_stays_as_it_is() -> None:
    assert i18n.translate("no such text", "pt_BR") == "no such text"
    assert i18n.translate("Users", "xx") == "Users"
    assert i18n.translate("", "pt_BR") == ""


def test_the_text_is_read_where_nothing_is_compiled(tmp_path: Path) -> None:
    source = tmp_path / "vazao.po"
    source.write_text(PO.format(word="rio"))
    found = i18n.load_catalogue(source)
    assert found.gettext("river") == "rio"
    assert found.gettext("lake") == "lake"


def test_a_compiled_catalogue_counts_only_while_it_is_newer(tmp_path: Path) -> None:
    source = tmp_path / "vazao.po"
    source.write_text(PO.format(word="rio"))
    compiled = source.with_suffix(".mo")
    compiled.write_bytes(i18n.compiled_catalogue(source))
    source.write_text(PO.format(word="ribeira"))
    os.utime(source, ns=(10**18, 10**18))
    os.utime(compiled, ns=(10**18 + 1, 10**18 + 1))
    assert i18n.load_catalogue(source).gettext("river") == "rio"
    os.utime(compiled, ns=(10**18 - 1, 10**18 - 1))
    assert i18n.load_catalogue(source).gettext("river") == "ribeira"


def test_every_message_has_its_translation(catalogues: ModuleType) -> None:
    assert catalogues.faults("pt_BR", catalogues.extract()) == []


def test_messages_are_found_without_marks(catalogues: ModuleType, tmp_path: Path) -> None:
    package = tmp_path / "sample"
    (package / "templates").mkdir(parents=True)
    (package / "errors.py").write_text(
        'class VazaoError(Exception):\n    """Base."""\n'
        'class Wet(VazaoError):\n    """It\n    rains.\n\n    Not for people."""\n'
        '    cure = "Wait."\n'
        'class Wetter(Wet):\n    """Pours {much}."""\n'
        'class Plain:\n    """No message."""\n'
    )
    (package / "use.py").write_text(
        'raise Wet("Snow." if cold else "Hail.", remedy="Dress " "well.")\n'
        'LABELS = {"a": ("First", "Second")}\nOTHER = {"a": "Third"}\nMenuEntry("Rivers", "/r")\n'
        'Kind("water.flow", "Flow of water", "go")\nKind("water.ebb", title="Ebb")\n'
    )
    (package / "templates" / "p.html").write_text(
        "<p>{{ _('Shown') }}</p>{% trans n=1 %}Counts {{ n }}{% endtrans %}"
    )
    assert set(catalogues.extract(package)) == {
        "Base.", "It rains.", "Wait.", "Pours {much}.", "Snow.", "Hail.", "Dress well.",
        "First", "Second", "Rivers", "Flow of water", "Ebb", "Shown", "Counts %(n)s",
    }


def test_a_translation_that_loses_a_place_is_a_fault(catalogues: ModuleType) -> None:
    assert catalogues.places("{a} and %(b)s") == {"a", "b"}
    assert catalogues.places("{a!r}: {c:>3}") == {"a", "c"}
