"""What the reference says of ``/files``: headers that go in and out, bodies and refusals."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

import msgspec

from vazao.kit.errors import StorageFull, UploadCutOff, VazaoError
from vazao.kit.web.openapi import (
    BINARY,
    PAGED,
    PAGED_REFUSES,
    Answer,
    Body,
    Count,
    Header,
    Moment,
    Parameter,
    by_header,
    by_path,
    says,
)
from vazao.uploads.errors import (
    StorageQuotaReached,
    TooManyUploads,
    UploadInUse,
    UploadNotFound,
    UploadTooLarge,
)
from vazao.uploads.tus.errors import (
    VERSION,
    BeyondLength,
    ChecksumMismatch,
    ChecksumUnsupported,
    ConcatInvalid,
    FinalTakesNoBytes,
    HeaderRepeats,
    LengthChanged,
    LengthUnclear,
    MetadataNotBase64,
    MetadataRepeats,
    MetadataTooLong,
    MethodUnknown,
    OffsetMismatch,
    PartUnfinished,
    PatchTypeUnsupported,
    TooManyPieces,
    TusHeaderInvalid,
    TusVersionUnsupported,
    UploadLocked,
    UploadStalled,
    UploadUnsure,
)
from vazao.uploads.tus.headers import ALGORITHMS, BODY_TYPE, EXTENSIONS

# A token or session with the scope, else the organization ``public``.
WRITE: dict[str, Any] = {"scope": "jobs:write", "also": "leads:write", "open": True}
UPLOAD_ID = "5e0f2a9c41d94b7e8a3c6d1f00b7e2aa"
Bytes = Annotated[int, msgspec.Meta(ge=0)]
UPLOAD = by_path("upload", "The upload's id: the last part of its Location.", UPLOAD_ID)
SPEAKS = by_header("Tus-Resumable", "The protocol's version.", VERSION, required=True,
                   kind={"type": "string", "enum": [VERSION]})
LENGTH = by_header("Upload-Length", "Bytes of the whole file, once they are known.", "1048576",
                   kind=Bytes)
DEFERRED = by_header("Upload-Defer-Length", "Instead of Upload-Length: a PATCH tells it later.",
                     "1", kind={"type": "string", "enum": ["1"]})
CONCAT = by_header(
    "Upload-Concat", "`partial`, or `final;` and the addresses of partial uploads to join.",
    "partial",
)
OFFSET = by_header("Upload-Offset", "Where these bytes begin: what the upload has so far.", "0",
                   required=True, kind=Bytes)
METADATA = by_header(
    "Upload-Metadata", "Pairs of a key and base64: `filename`, `filetype`. Several lines are one.",
    "filename bnVtYmVycy50eHQ=,filetype dGV4dC9wbGFpbg==",
)
CHECKSUM = by_header(
    "Upload-Checksum", f"Of this request's bytes: {' or '.join(ALGORITHMS)}, and base64.",
    "sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=",
)
METHOD = by_header("X-HTTP-Method-Override", "The method that is meant.", "PATCH", required=True,
                   kind={"type": "string", "enum": ["PATCH", "DELETE", "HEAD"]})
ANY_OFFSET = msgspec.structs.replace(OFFSET, required=False)



class OpenView(TypedDict):
    """An upload of the list; ``bytes_total`` is null until the client tells it."""

    id: str
    location: str
    bytes: Count
    bytes_total: Count | None
    filename: str | None
    created_at: Moment
    expires_at: Moment


class OpenPage(TypedDict):
    """A page of them, and where the next one begins."""

    items: list[OpenView]
    next: str | None


SHOWN: OpenView = {
    "id": UPLOAD_ID, "location": f"/files/{UPLOAD_ID}", "bytes": 524288, "bytes_total": 1048576,
    "filename": "numbers.txt", "created_at": "2026-11-25T08:00:00.000000Z",
    "expires_at": "2026-11-26T08:00:00.000000Z",
}
SAID = Header(name="Tus-Resumable", about="The protocol's version.", example=VERSION)
FRESH = Header(name="Cache-Control", about="Never kept by caches.", example="no-store")
# Not for the public: who lists uploads could end them.
LIST = says(
    Answer(about="A page of uploads.", kind=OpenPage, headers=(SAID, FRESH),
           example={"items": [SHOWN], "next": "WzQyXQ"}),
    parameters=PAGED, refuses=PAGED_REFUSES, scope="jobs:write", also="leads:write",
)
AT = Header(name="Upload-Offset", about="How many bytes are there.", example="524288", kind=int)
EXPIRES = Header(name="Upload-Expires", about="When it is removed unless it is continued or used.",
                 example="Thu, 26 Nov 2026 08:00:00 GMT", always=False)
PLACE = Header(name="Location", about="The upload's address.", example=f"/files/{UPLOAD_ID}")
WHOLE = Header(name="Upload-Length", about="Bytes of the whole file.", example="1048576",
               kind=int, always=False)
LATER = Header(name="Upload-Defer-Length", about="The length is not known yet.", example="1",
               always=False)
JOINS = Header(name="Upload-Concat", about="As it was sent.", example="partial", always=False)
TOLD = Header(name="Upload-Metadata", about="As it was sent.", example="filename YS50eHQ=",
              always=False)
OFFERED = tuple(
    Header(name=name, about=about, example=example, kind=kind)
    for name, about, example, kind in (
        ("Tus-Version", "The versions that are spoken.", VERSION, str),
        ("Tus-Extension", "The extensions that are offered.", EXTENSIONS, str),
        ("Tus-Max-Size", "The most bytes of a file.", "53687091200", int),
        ("Tus-Checksum-Algorithm", "For Upload-Checksum.", ",".join(ALGORITHMS), str),
    )
)
BYTES = (Body(media=BODY_TYPE, kind=BINARY, required=False),)
WRITING: tuple[type[VazaoError], ...] = (
    TusHeaderInvalid, ChecksumUnsupported, UploadCutOff, OffsetMismatch, BeyondLength,
    TooManyPieces, PatchTypeUnsupported, UploadLocked, UploadStalled, ChecksumMismatch,
    StorageFull, LengthChanged, UploadTooLarge, StorageQuotaReached, FinalTakesNoBytes,
)


def _tus(
    answer: Answer, *parameters: Parameter, refuses: tuple[type[VazaoError], ...] = (),
    bodies: tuple[Body, ...] = (), known: bool = True, others: tuple[Answer, ...] = (),
) -> dict[str, Any]:
    parameters = (SPEAKS, *parameters, *((UPLOAD,) if known else ()))
    missing = (UploadNotFound,) if known else ()
    refuses = (TusVersionUnsupported, HeaderRepeats, *missing, *refuses)
    return says(answer, *others, parameters=parameters, bodies=bodies, refuses=refuses, **WRITE)


WRITTEN = Answer(about="The bytes are kept.", status=204, headers=(SAID, FRESH, AT, EXPIRES))
STANDS = Answer(
    about="How far it is.", headers=(SAID, FRESH, AT, WHOLE, LATER, JOINS, TOLD, EXPIRES)
)
ABOUT = says(
    Answer(about="What is offered.", status=204, headers=(SAID, *OFFERED)),
    parameters=(UPLOAD,), public=True, anonymous=True,
)
CREATE = _tus(
    Answer(about="The upload is begun.", status=201,
           headers=(PLACE, SAID, FRESH, AT, EXPIRES)),
    LENGTH, DEFERRED, CONCAT, METADATA, CHECKSUM, bodies=BYTES, known=False,
    refuses=(LengthUnclear, ConcatInvalid, PartUnfinished, UploadInUse, MetadataTooLong,
             MetadataRepeats, MetadataNotBase64, UploadTooLarge, TooManyUploads,
             StorageQuotaReached, UploadNotFound, *WRITING),
)
SHOW = _tus(STANDS, refuses=(UploadUnsure,))
APPEND = _tus(WRITTEN, OFFSET, LENGTH, CHECKSUM, bodies=BYTES, refuses=WRITING)
END = _tus(
    Answer(about="It is gone.", status=204, headers=(SAID, FRESH)), refuses=(UploadInUse,)
)
OVERRIDE = _tus(
    msgspec.structs.replace(
        WRITTEN, about="As PATCH or DELETE answers.",
        headers=(SAID, FRESH, msgspec.structs.replace(AT, always=False), EXPIRES),
    ), METHOD, ANY_OFFSET, LENGTH, CHECKSUM, bodies=BYTES, others=(STANDS,),
    refuses=(MethodUnknown, UploadInUse, UploadUnsure, *WRITING),
)
