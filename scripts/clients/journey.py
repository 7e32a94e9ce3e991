"""A day of the generated Python client: import, follow, page, sum, shuffle, upload, cancel.

    VAZAO_TOKEN=… python journey.py http://127.0.0.1:8000

Uses nothing of the platform but what openapi-python-client made of its reference; ``generate.py``
calls it. Each step prints a line, and fails loudly.
"""

from __future__ import annotations

import base64
import io
import os
import struct
import sys
import time
import zlib
from collections.abc import Callable
from typing import Any, TypeVar

from vazao_client import AuthenticatedClient
from vazao_client.api.accounts import get_me
from vazao_client.api.images import get_shuffle_status, get_shuffled_image, shuffle_image
from vazao_client.api.jobs import cancel_job, get_job, list_jobs
from vazao_client.api.leads import (
    create_import,
    export_leads,
    get_import,
    get_import_errors,
    get_lead,
    list_leads,
    update_lead,
)
from vazao_client.api.numbers import get_sum, get_sum_status, sum_even_numbers
from vazao_client.api.uploads import continue_upload, create_upload, get_upload
from vazao_client.models import (
    CreateImportFilesBody,
    ExportLeadsFormat,
    LeadFields,
    LeadFieldsCustom,
    Named,
)
from vazao_client.models.continue_upload_tus_resumable import ContinueUploadTusResumable
from vazao_client.models.create_upload_tus_resumable import CreateUploadTusResumable
from vazao_client.models.get_upload_tus_resumable import GetUploadTusResumable
from vazao_client.types import File

ROWS = 120
LONG_ROWS = 200_000
WITHIN_SECONDS = 120
ENDED = ("finished", "failed", "cancelled", "errored")
Shown = TypeVar("Shown")


def say(text: str) -> None:
    """Tell what was done."""
    sys.stdout.write(f"{text}\n")


def hold(truth: object, told: object = None) -> None:
    """Go on only if it is so.

    Raises:
        SystemExit: it is not.
    """
    if not truth:
        raise SystemExit(f"not as promised: {told}")


def until_ended(look: Callable[[], Shown | Any]) -> Shown:
    """Ask again and again until the work has ended."""
    deadline = time.monotonic() + WITHIN_SECONDS
    while True:
        shown = look()
        if str(shown.status) in ENDED:
            return shown
        hold(time.monotonic() < deadline, shown)
        time.sleep(0.1)


def sheet(rows: int, name: str) -> CreateImportFilesBody:
    """A form with a sheet of so many leads, one of them refused."""
    lines = [f"{name}{n}@example.com,Lead {n},Recife" for n in range(rows)]
    text = "\n".join(["E-mail,Nome,Cidade", *lines, "nobody,x,y", ""])
    file = File(payload=io.BytesIO(text.encode()), file_name=f"{name}.csv", mime_type="text/csv")
    return CreateImportFilesBody(file=file)


def import_a_sheet(client: AuthenticatedClient) -> None:
    """Send a sheet, follow it by polling, read what was refused; the same key gives the same."""
    asked = create_import.sync_detailed(
        client=client, body=sheet(ROWS, "a"), idempotency_key="journey"
    )
    made = asked.parsed
    hold(asked.headers["location"] == f"/v1/leads/imports/{made.id}", asked)
    again = create_import.sync(client=client, body=sheet(ROWS, "a"), idempotency_key="journey")
    hold(again.id == made.id, again)
    done = until_ended(lambda: get_import.sync(made.id, client=client))
    hold((str(done.status), done.created, done.rejected) == ("finished", ROWS, 1), done)
    hold(done.finished_at > done.requested_at, done)
    refused = get_import_errors.sync(made.id, client=client).payload.read().decode()
    hold("nobody" in refused, refused)
    say(f"imported {done.created} leads, {done.rejected} refused")


def page_through_leads(client: AuthenticatedClient) -> None:
    """Read all leads page by page; the last page says that it is."""
    seen, pages, after = set(), 0, {}
    while True:
        page = list_leads.sync(client=client, limit=ROWS // 4, **after)
        seen |= {lead.id for lead in page.items}
        pages += 1
        if page.next_ is None:
            break
        after = {"after": page.next_}
    hold((len(seen), pages) == (ROWS, 4), (len(seen), pages))
    lead = list_leads.sync(client=client, email="A7@example.com").items[0]
    fields = LeadFields(city="Olinda", custom=LeadFieldsCustom.from_dict({"shirt": "M"}))
    changed = update_lead.sync(lead.id, client=client, body=fields)
    hold((changed.city, changed.custom["shirt"]) == ("Olinda", "M"), changed)
    hold(get_lead.sync(lead.id, client=client).updated_at == changed.updated_at)
    lines = export_leads.sync(client=client, format_=ExportLeadsFormat.NDJSON).payload
    hold(len(lines.read().splitlines()) == ROWS)
    say(f"read {len(seen)} leads in {pages} pages, changed one, exported all")


def sum_a_file(client: AuthenticatedClient) -> None:
    """Send numbers as text."""
    file = File(payload=io.BytesIO(b"1 2 3\n4;-6"))
    asked = sum_even_numbers.sync(client=client, body=file)
    until_ended(lambda: get_sum_status.sync(asked.token, client=client))
    found = get_sum.sync(asked.token, client=client)
    hold((found.sum_, found.count, found.numbers) == (0, 3, 5), found)
    say(f"summed {found.count} even numbers of {found.numbers}: {found.sum_}")


def picture(width: int, height: int) -> bytes:
    """A grey PNG."""
    def piece(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + bytes((x + y) % 256 for x in range(width)) for y in range(height))
    return (b"\x89PNG\r\n\x1a\n" + piece(b"IHDR", head) + piece(b"IDAT", zlib.compress(rows))
            + piece(b"IEND", b""))


def shuffle_a_picture(client: AuthenticatedClient) -> None:
    """Send a PNG and fetch it shuffled."""
    sent = picture(180, 120)
    asked = shuffle_image.sync(client=client, body=File(payload=io.BytesIO(sent)))
    until_ended(lambda: get_shuffle_status.sync(asked.token, client=client))
    got = get_shuffled_image.sync(asked.token, client=client).payload.read()
    hold(got[:8] == sent[:8] and got != sent, got[:40])
    say(f"shuffled a picture of {len(sent)} bytes")


def upload_in_pieces(client: AuthenticatedClient) -> None:
    """Upload by tus in two pieces, asking for the offset in between, and sum the file."""
    body = b"2 4 6 8 " * 1000
    half = len(body) // 2
    name = base64.b64encode(b"numbers.txt").decode()
    begun = create_upload.sync_detailed(
        client=client, tus_resumable=CreateUploadTusResumable.VALUE_0,
        upload_length=len(body), upload_metadata=f"filename {name}",
    )
    hold(begun.status_code == 201, begun)
    upload = begun.headers["location"].rpartition("/")[2]
    for piece in (body[:half], body[half:]):
        stands = get_upload.sync_detailed(
            upload, client=client, tus_resumable=GetUploadTusResumable.VALUE_0
        )
        kept = continue_upload.sync_detailed(
            upload, client=client, body=File(payload=io.BytesIO(piece)),
            tus_resumable=ContinueUploadTusResumable.VALUE_0,
            upload_offset=int(stands.headers["upload-offset"]),
        )
        hold(kept.status_code == 204, kept)
    asked = sum_even_numbers.sync(client=client, body=Named(file=upload))
    until_ended(lambda: get_sum_status.sync(asked.token, client=client))
    found = get_sum.sync(asked.token, client=client)
    hold(found.sum_ == 20_000, found)
    say(f"uploaded {len(body)} bytes in two pieces and summed them: {found.sum_}")


def cancel_an_import(client: AuthenticatedClient) -> None:
    """Begin an import that takes a while, cancel it, and find it among the jobs."""
    made = create_import.sync(client=client, body=sheet(LONG_ROWS, "b"))
    ended = cancel_job.sync(made.id, client=client)
    hold(str(ended.status) == "cancelled", ended)
    hold(str(get_job.sync(made.id, client=client).status) == "cancelled")
    newest = list_jobs.sync(client=client, kind="leads.import", limit=1).items[0]
    hold(newest.id == made.id, newest)
    say("cancelled an import")


def main(address: str) -> None:
    """All of it, one after the other."""
    client = AuthenticatedClient(
        base_url=address, token=os.environ["VAZAO_TOKEN"], raise_on_unexpected_status=True,
        timeout=60,
    )
    with client:
        hold(get_me.sync(client=client).organization == "acme")
        import_a_sheet(client)
        page_through_leads(client)
        sum_a_file(client)
        shuffle_a_picture(client)
        upload_in_pieces(client)
        cancel_an_import(client)
        refused = list_jobs.sync(client=client, limit=0)
        hold(refused.error.code == "limit_invalid", refused)
    say("all as the reference says")


if __name__ == "__main__":
    main(sys.argv[1])
