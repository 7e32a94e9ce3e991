"""Whether a stored file holds a person: read as a sheet, or byte by byte."""

from __future__ import annotations

import mmap
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vazao import sheets
from vazao.kit.platform import Platform

if TYPE_CHECKING:
    import polars as pl

BLOCK = 1 << 20
INFLATED_MOST = 4 << 30
"""So much is taken out of one packed file that cannot be read as a sheet."""
FEW = 20
BEFORE, BEHIND = r"a-z0-9._%+\-", r"a-z0-9_\-"
GZIP, MEMBER = b"\x1f\x8b", b"PK\x03\x04"
DEFLATED = 8


def holds(path: Path, filename: str, emails: Sequence[str], platform: Platform) -> bool:
    """Whether a file holds one of *emails* in any letter case, or a cell that is repaired to it.

    It is searched byte by byte, and so is what is packed in it, as far as it can be unpacked: other
    sheets of a workbook, the beginning of an upload. Then it is read as a sheet. Of more than
    ``FEW`` people a sheet is only read. Joao@x.com is not found in maria.joao@x.com.
    """
    if not emails:
        return False
    if len(emails) <= FEW and _bytes_hold(path, emails):
        return True
    try:
        return _sheet_holds(path, filename, emails, platform)
    except sheets.SheetError:
        return len(emails) > FEW and _bytes_hold(path, emails)


def _sheet_holds(
    path: Path, filename: str, emails: Sequence[str], platform: Platform
) -> bool:
    from vazao.leads.reading import searched

    with sheets.open_sheet(path, filename, limits=searched(platform, path)) as sheet:
        if _texts_hold(sheet.headers, emails):
            return True
        for batch in sheet.batches():
            refused = batch.refused.drop("code", "value")
            if _frame_holds(batch.frame, emails) or _frame_holds(refused, emails):
                return True
    return False


def _texts_hold(texts: Iterable[str], emails: Sequence[str]) -> bool:
    exactly = re.compile(
        f"(?:^|[^{BEFORE}])(?:{_either(emails)})(?:$|[^{BEHIND}.]|[.](?:$|[^a-z0-9]))"
    )
    return any(exactly.search(text.lower()) for text in texts)


def _either(emails: Sequence[str]) -> str:
    return "|".join(map(re.escape, emails))


def _frame_holds(frame: pl.DataFrame, emails: Sequence[str]) -> bool:
    import polars as pl

    from vazao.leads import validation

    plan = validation.Plan((), {})
    for name in frame.columns:
        cells = frame.get_column(name)
        if cells.dtype != pl.String:
            continue
        cells = cells.filter(cells.str.contains("[@＠]"))
        if cells.is_empty():
            continue
        if validation.check(cells, "email", plan).values.is_in(list(emails)).any():
            return True
        likely = cells.filter(cells.str.to_lowercase().str.contains_any(list(emails)))
        if _texts_hold(likely.to_list(), emails):
            return True
    return False


def _bytes_hold(path: Path, emails: Sequence[str]) -> bool:
    wanted = {
        email.encode(form): _in_bytes(email.encode(form), more)
        for email in emails for form, more in (("utf-8", b""), ("utf-16-le", b"\0"))
    }
    return _found(_read(path), wanted) or any(
        _found(chunks, wanted) for chunks in _unpacked(path)
    )


def _in_bytes(email: bytes, more: bytes) -> re.Pattern[bytes]:
    """An address that is no piece of a longer one; *more* stands behind each character."""
    before = b"[%b]%b" % (BEFORE.encode(), more)
    behind = b"[%b]%b" % (BEHIND.encode(), more)
    dotted = b"[.]%b[a-z0-9]%b" % (more, more)
    return re.compile(b"(?<!%b)%b(?!%b|%b)" % (before, re.escape(email), behind, dotted))


def _found(chunks: Iterable[bytes], wanted: Mapping[bytes, re.Pattern[bytes]]) -> bool:
    """Whether one of *wanted* stands in what *chunks* are together."""
    # Behind an address come two characters at most, before it one, by which it is told apart.
    keep, held = max(map(len, wanted)) + 8, b""
    for chunk in chunks:
        held = (held[-keep:] + chunk).lower()
        for email, exactly in wanted.items():
            # One that ends where the chunk does may go on: the next look sees it whole.
            if email in held and any(
                found.end() <= len(held) - 4 for found in exactly.finditer(held)
            ):
                return True
    return any(exactly.search(held) for exactly in wanted.values())


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block


def _unpacked(path: Path) -> Iterator[Iterator[bytes]]:
    """What is packed in a gzip file, or in each member of an archive; also in one cut short."""
    if not path.stat().st_size:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        left = [INFLATED_MOST]
        if whole[:2] == GZIP:
            yield _inflated(whole, 0, zlib.MAX_WBITS | 16, left)
        at = whole.find(MEMBER)
        while at >= 0:
            head = whole[at : at + 30]
            if len(head) == 30 and struct.unpack_from("<H", head, 8)[0] == DEFLATED:
                name, extra = struct.unpack_from("<HH", head, 26)
                yield _inflated(whole, at + 30 + name + extra, -zlib.MAX_WBITS, left)
            at = whole.find(MEMBER, at + 4)


def _inflated(whole: mmap.mmap, at: int, form: int, left: list[int]) -> Iterator[bytes]:
    stream = zlib.decompressobj(form)
    rest = b""
    try:
        while left[0] > 0 and not stream.eof and (rest or at < len(whole)):
            if not rest:
                rest = whole[at : at + BLOCK]
                at += BLOCK
            block = stream.decompress(rest, BLOCK)
            rest = stream.unconsumed_tail
            left[0] -= len(block)
            yield block
    except zlib.error:
        return
