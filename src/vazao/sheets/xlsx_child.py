"""The process that reads a workbook, apart and with limits, for ``parsing_xlsx``.

Standard input brings a line of JSON: what to open, which sheet to read, and within which limits.
Standard output carries one line of JSON on the sheet, then frames as Arrow streams, each after its
length in eight bytes, then a zero length. A line with ``error`` says why there is nothing.
"""

from __future__ import annotations

import json
import re
import sys
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

from vazao.kit.limits import limit_process

if TYPE_CHECKING:
    import polars as pl

_DAY = re.compile(r"^\d{4}-\d\d-\d\d 00:00:00$")
_MIDNIGHT = " 00:00:00"
_FROM_1904 = "1904-01-01 "


def read_sheet(reader: Any, name: str) -> tuple[pl.DataFrame, int]:
    """All cells of a sheet as text from its row 1, and how many empty columns are left of them.

    The row numbers are the workbook's, empty rows included. Numbers come in their shortest
    form, dates as ISO 8601, truth values as ``true`` and ``false``, errors (``#N/A``) as null.
    """
    import polars as pl

    sheet = reader.load_sheet(name, header_row=None, skip_rows=0, dtypes="string")
    if not sheet.height:
        return pl.DataFrame(), 0
    frame = pl.DataFrame(sheet)
    offset = sheet.selected_columns[0].absolute_index
    frame.columns = [f"c{offset + n}" for n in range(frame.width)]
    return frame, offset


def tidy(frame: pl.DataFrame, offset: int, epoch: str) -> pl.DataFrame:
    """Dates without the midnight they never had, times without a day, and all columns from c0.

    Times stand under the day *epoch*. The first of 1904 is a date, too, and at midnight stays one.
    """
    import polars as pl

    epoch += " "

    flags = frame.select(
        pl.all().str.ends_with(_MIDNIGHT).any().name.suffix(".day"),
        pl.all().str.starts_with(epoch).any().name.suffix(".time"),
    ).row(0, named=True)
    changes = []
    for name in frame.columns:
        cell = pl.col(name)
        text = cell
        if flags[f"{name}.day"]:
            day = cell.str.contains(_DAY.pattern)
            text = pl.when(day).then(cell.str.head(10)).otherwise(text)
        if flags[f"{name}.time"]:
            time = cell.str.starts_with(epoch)
            if epoch == _FROM_1904:
                time &= ~cell.str.ends_with(_MIDNIGHT)
            text = pl.when(time).then(cell.str.slice(11)).otherwise(text)
        if text is not cell:
            changes.append(text.alias(name))
    left = [pl.lit(None, dtype=pl.String).alias(f"c{n}") for n in range(offset)]
    return frame.with_columns(changes).select(*left, pl.all())


def prepare(requests: BinaryIO) -> tuple[pl.DataFrame, int, str, int]:
    """Open the workbook and read the sheet.

    Gives its cells, how many columns are left of them, the day of its times, and the rows of a
    batch.
    """
    request = json.loads(requests.readline())
    limit_process(request["memory_bytes"], request["seconds"])
    import fastexcel

    reader = fastexcel.read_excel(request["path"])
    frame, offset = read_sheet(reader, request["sheet"])
    return frame, offset, request["epoch"], int(request["batch_rows"])


def send(
    frame: pl.DataFrame, offset: int, epoch: str, batch_rows: int, answers: BinaryIO
) -> None:
    """Write what the sheet is, and its rows under the header."""
    header = list(tidy(frame.head(1), offset, epoch).row(0)) if frame.height else []
    _say(answers, {"rows": frame.height, "header": header})
    for start in range(1, frame.height, batch_rows):
        buffer = BytesIO()
        tidy(frame.slice(start, batch_rows), offset, epoch).write_ipc_stream(buffer)
        answers.write(buffer.tell().to_bytes(8, "big"))
        answers.write(buffer.getbuffer())
    answers.write(bytes(8))
    answers.flush()


def _say(answers: BinaryIO, message: dict[str, Any]) -> None:
    answers.write(json.dumps(message).encode() + b"\n")


def main() -> int:
    """Serve one request from standard input; 0 unless the workbook could not be read."""
    answers = sys.stdout.buffer
    try:
        prepared = prepare(sys.stdin.buffer)
    except MemoryError:
        _say(answers, {"error": "memory"})
        return 1
    except Exception as error:  # the caller tells the reader; there is nobody else to tell
        # After its first line the reader's text is about this machine: paths, places in code.
        _say(answers, {"error": str(error).partition("\n")[0][:300]})
        return 1
    send(*prepared, answers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
