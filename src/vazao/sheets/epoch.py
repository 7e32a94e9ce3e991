"""The day from which a workbook counts its dates: the last of 1899, or the first of 1904.

The workbook says it in its ``workbookPr``. Present versions of Excel write a second element of that
name among the extensions, which says nothing of dates; our reader takes the last one, so all dates
of a workbook that counts from 1904 came 1,462 days early. Such a workbook is read from a copy that
says the truth last.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import IO
from xml.etree import ElementTree

from vazao.kit.errors import StorageFull, no_room

FROM_1899, FROM_1904 = "1899-12-31", "1904-01-01"
"""The day under which the reader shows a time of day."""


def epoch_of(root: ElementTree.Element) -> str:
    """`FROM_1904` or `FROM_1899`, as the workbook's main part means it."""
    own = [element for element in root if _is_properties(element)]
    return FROM_1904 if any(map(_counts_from_1904, own)) else FROM_1899


def misread(root: ElementTree.Element) -> bool:
    """Whether the last element of that name says otherwise than the workbook's own."""
    last = [element for element in root.iter() if _is_properties(element)][-1:]
    return any(map(_counts_from_1904, last)) != (epoch_of(root) == FROM_1904)


def _is_properties(element: ElementTree.Element) -> bool:
    return element.tag.rpartition("}")[2] == "workbookPr"


def _counts_from_1904(element: ElementTree.Element) -> bool:
    return element.get("date1904", "").strip().lower() in ("1", "true")


def readable_copy(path: Path, part: str, text: bytes, epoch: str) -> IO[bytes]:
    """A copy of the workbook whose main *part*, *text*, ends by saying what it counts from.

    Raises:
        StorageFull: there is no room for it among the temporary files.
    """
    end = text.rindex(b"</")
    said = b'<workbookPr date1904="%d"/>' % (epoch == FROM_1904)
    try:
        copy = tempfile.NamedTemporaryFile(suffix=path.suffix)  # noqa: SIM115 - the caller closes it
        with path.open("rb") as file:
            shutil.copyfileobj(file, copy, 1 << 20)
        with zipfile.ZipFile(copy, "a") as packed:
            # The old part stays among the bytes; the new directory no longer names it.
            packed.filelist.remove(packed.NameToInfo.pop(part))
            packed.writestr(part, text[:end] + said + text[end:], zipfile.ZIP_DEFLATED)
        copy.flush()
    except OSError as error:
        if not no_room(error):
            raise
        raise StorageFull(
            "There is no room left in {folder}.",
            remedy="Free some space there, or name another folder in TMPDIR.",
            folder=tempfile.gettempdir(),
        ) from error
    return copy
