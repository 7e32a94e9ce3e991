"""Languages: gettext catalogues for pt-BR and en, and the choice between them.

English texts are the message ids. The ``.po`` file is the truth and travels with the package; a
compiled ``.mo`` beside it only saves the tenth of a second that reading the text takes, and one
older than its ``.po`` is left alone: nobody ever sees yesterday's words for want of a build step.
"""

from __future__ import annotations

import gettext
import io
from functools import cache
from pathlib import Path

LOCALE_DIR = Path(__file__).resolve().parent.parent / "locale"
LANGUAGES = ("en", "pt_BR")


@cache
def catalogue(language: str) -> gettext.NullTranslations:
    """The catalogue of *language*, read at first use; the identity for English."""
    if language not in LANGUAGES or language == "en":
        return gettext.NullTranslations()
    return load_catalogue(LOCALE_DIR / language / "LC_MESSAGES" / "vazao.po")


def load_catalogue(source: Path) -> gettext.NullTranslations:
    """The translations of the ``.po`` file *source*, from its ``.mo`` where that is up to date."""
    compiled = source.with_suffix(".mo")
    if compiled.is_file() and compiled.stat().st_mtime_ns >= source.stat().st_mtime_ns:
        with compiled.open("rb") as stream:
            return gettext.GNUTranslations(stream)
    return gettext.GNUTranslations(io.BytesIO(compiled_catalogue(source)))


def compiled_catalogue(source: Path) -> bytes:
    """The bytes of the ``.mo`` file for the ``.po`` file *source*; fuzzy messages are left out."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with source.open("rb") as stream:
        parsed = read_po(stream)
    made = io.BytesIO()
    write_mo(made, parsed)
    return made.getvalue()


def translate(text: str, language: str) -> str:
    """*text* in *language*, or *text* itself where no translation exists."""
    return catalogue(language).gettext(text) if text else text


def negotiate(accept_language: str | None) -> str:
    """The language that an ``Accept-Language`` header prefers among those we speak.

    Any Portuguese is answered in pt-BR; everything else, and nothing, in English. Weights are
    honoured; malformed entries are ignored (RFC 9110, 12.5.4).
    """
    best, best_weight = "en", 0.0
    for entry in (accept_language or "")[:200].split(","):
        tag, _, weight = "".join(entry.split()).partition(";")
        try:
            quality = float(weight.lower().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        language = {"pt": "pt_BR", "en": "en"}.get(tag.lower().partition("-")[0])
        if language and quality > best_weight:
            best, best_weight = language, quality
    return best
