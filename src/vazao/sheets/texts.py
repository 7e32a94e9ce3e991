"""Texts as workbooks write them: entities of XML, characters spelt as ``_x000D_``, shared texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final
from xml.parsers import expat

import polars as pl

from vazao.sheets.errors import SheetDamaged

_NAMED: Final = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&amp;": "&"}
_ENTITY: Final = re.compile(r"&(?:#([0-9]+)|#x([0-9A-Fa-f]+)|(lt|gt|quot|apos|amp));")
_SPELT: Final = re.compile("_x([0-9A-Fa-f]{4})_")
_ITEM: Final = r"^<si><t(?: [^<>]*)?(?:>([^<]*)</t>|/>)</si>\s*$"
_END: Final = "</si>"


def plain(texts: pl.Series) -> pl.Series:
    """Texts of XML as what they say: ``&amp;`` is ``&``, ``_x0041_`` is ``A``."""
    marked = texts.str.contains("&", literal=True).any()
    if marked:
        numbered = texts.str.contains("&#", literal=True)
        named = texts.str.replace_many(list(_NAMED), list(_NAMED.values()))
        texts = _each(texts, numbered, _unescape, named)
    spelt = texts.str.contains("_x", literal=True)
    if spelt.any():
        texts = _each(texts, spelt, _spell, texts)
    return texts


def spelt(text: str) -> str:
    """*text* with the characters that it spells as ``_x000D_``."""
    return _spell(text) if "_x" in text else text


def _each(
    texts: pl.Series, which: pl.Series, change: Callable[[str], str], others: pl.Series
) -> pl.Series:
    """Few texts changed one by one, each of them once; the others as given."""
    if not which.any():
        return others
    found = texts.filter(which).unique()
    changed = [change(text) for text in found]
    frame = pl.DataFrame({"t": texts, "w": which, "o": others})
    replaced = pl.col("t").replace_strict(found, pl.Series(changed, dtype=pl.String), default=None)
    return frame.select(pl.when("w").then(replaced).otherwise("o")).to_series().alias(texts.name)


def _unescape(text: str) -> str:
    return _ENTITY.sub(_character, text)


def _character(found: re.Match[str]) -> str:
    decimal, hexadecimal, name = found.groups()
    if name:
        return _NAMED[f"&{name};"]
    return _of(int(decimal) if decimal else int(hexadecimal, 16))


def _spell(text: str) -> str:
    return _SPELT.sub(lambda found: _of(int(found[1], 16)), text)


def _of(code: int) -> str:
    """A character by its number; a surrogate or one beyond Unicode is none."""
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        return "\N{REPLACEMENT CHARACTER}"
    return chr(code)


def shared(pieces: Iterable[str]) -> pl.Series:
    """The shared texts of a workbook, in their order, from its part in pieces.

    Raises:
        SheetDamaged: the part is not well-formed.
    """
    found = [pl.Series([], dtype=pl.String)]
    for whole in _whole_items(pieces):
        piece = whole.replace("<si/>", "<si></si>")
        items = pl.Series([piece]).str.split(_END).explode()
        items = items.head(items.len() - 1) + _END
        texts = items.str.strip_chars_start().str.extract(_ITEM)
        odd = texts.is_null()
        plain_ones = plain(texts)
        if odd.any():
            plain_ones = _each(items, odd, _rich, plain_ones)
        found.append(plain_ones)
    return pl.concat(found)


def _whole_items(pieces: Iterable[str]) -> Iterator[str]:
    """*pieces* cut anew behind items, without what stands around all of them."""
    carry = ""
    for piece in pieces:
        carry += piece
        cut = carry.rfind(_END) + len(_END)
        if cut < len(_END):
            continue
        begin = carry.find("<si>") if carry.lstrip().startswith(("<?xml", "<sst")) else 0
        yield carry[max(begin, 0):cut]
        carry = carry[cut:]


def _rich(item: str) -> str:
    """The text of an item of several runs, without what only says how to pronounce it."""
    return spelt("".join(runs_of(item)))


def runs_of(item: str) -> list[str]:
    """The texts of ``t`` in a piece of XML, but for those of ``rPh``.

    Raises:
        SheetDamaged: it is not well-formed.
    """
    texts: list[str] = []
    path: list[str] = []

    def start(name: str, _: object) -> None:
        path.append(name.rpartition(":")[2])

    def end(_: str) -> None:
        path.pop()

    def data(text: str) -> None:
        if path and path[-1] == "t" and "rPh" not in path:
            texts.append(text)

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = data
    try:
        parser.Parse(item, True)
    except expat.ExpatError as error:
        raise SheetDamaged from error
    return texts
