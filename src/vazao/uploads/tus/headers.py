"""The headers of tus 1.0.0, parsed strictly: what is not exactly right is refused by name."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from vazao.uploads.tus.errors import (
    VERSION,
    ChecksumUnsupported,
    HeaderRepeats,
    LengthUnclear,
    MetadataNotBase64,
    MetadataRepeats,
    MetadataTooLong,
    PatchTypeUnsupported,
    TusHeaderInvalid,
    TusVersionUnsupported,
)

if TYPE_CHECKING:
    from litestar.datastructures import Headers

ALGORITHMS = ("sha1", "sha256")
EXTENSIONS = (
    "creation,creation-defer-length,creation-with-upload,termination,expiration,checksum,"
    "concatenation"
)
BODY_TYPE = "application/offset+octet-stream"
MOST_METADATA = 4096
_SINGLE = (
    "Tus-Resumable", "Upload-Length", "Upload-Defer-Length", "Upload-Concat", "Upload-Offset",
    "Upload-Checksum", "Content-Type", "Content-Encoding", "X-HTTP-Method-Override",
)
_KEY = re.compile(r"[!-+\--~]+")
_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True)
class Checksum:
    """What a client says its bytes add up to: an algorithm of ``ALGORITHMS`` and the digest."""

    algorithm: str
    expected: bytes

    def hash(self) -> Any:
        """A new hash object to feed."""
        return hashlib.new(self.algorithm, usedforsecurity=False)


def read(given: Headers) -> dict[str, str]:
    """The headers of a request that speaks this version of the protocol, by lower-case name.

    Lines of Upload-Metadata are one list, as HTTP has it: several are joined by commas.

    Raises:
        TusVersionUnsupported: it speaks another version, or none.
        HeaderRepeats: a header of the protocol stands there more than once.
    """
    if given.get("tus-resumable") != VERSION:
        raise TusVersionUnsupported
    for name in _SINGLE:
        if len(given.getall(name, [])) > 1:
            raise HeaderRepeats(header=name)
    found = {name.lower(): value for name, value in given.items()}
    if "upload-metadata" in found:
        found["upload-metadata"] = ",".join(given.getall("upload-metadata"))
    return found


def check_body(headers: Mapping[str, str]) -> None:
    """Hold the body to the protocol's type.

    Raises:
        PatchTypeUnsupported: it is of another type.
    """
    if headers.get("content-type", "").partition(";")[0].strip().lower() != BODY_TYPE:
        raise PatchTypeUnsupported


def number_of(headers: Mapping[str, str], name: str) -> int:
    """A header as a number of bytes.

    Raises:
        TusHeaderInvalid: it is missing, or no non-negative integer.
    """
    text = headers.get(name.lower(), "")
    if not _NUMBER.fullmatch(text):
        raise TusHeaderInvalid(header=name)
    return int(text)


def length_of(headers: Mapping[str, str]) -> int | None:
    """The declared length of the whole upload; ``None`` where the client tells it later.

    Raises:
        LengthUnclear: it is neither told nor deferred, or both.
        TusHeaderInvalid: it is no number.
    """
    deferred = headers.get("upload-defer-length")
    if ("upload-length" in headers) == (deferred is not None) or deferred not in (None, "1"):
        raise LengthUnclear
    return None if deferred else number_of(headers, "Upload-Length")


def metadata_of(text: str) -> dict[str, str]:
    """The pairs of ``Upload-Metadata``: ASCII keys, values that are base64, or empty.

    A value is any bytes, such as a digest; what is not UTF-8 is read as Windows-1252, so that a
    name of an old system is readable.

    Raises:
        MetadataTooLong: it is longer than 4 KiB.
        MetadataRepeats: a key stands there twice.
        MetadataNotBase64: a value is not base64.
        TusHeaderInvalid: a key is missing, or not of printable ASCII.
    """
    found: dict[str, str] = {}
    if len(text) > MOST_METADATA:
        raise MetadataTooLong(limit=MOST_METADATA, length=len(text))
    for pair in text.split(",") if text.strip() else []:
        key, _, value = pair.strip().partition(" ")
        if not _KEY.fullmatch(key):
            raise TusHeaderInvalid(
                "Each pair of the header Upload-Metadata needs a key of printable ASCII "
                "characters, without spaces and commas.",
            )
        if key in found:
            raise MetadataRepeats(key=key)
        try:
            found[key] = _text(base64.b64decode(value.strip(), validate=True))
        except ValueError:
            raise MetadataNotBase64(key=key) from None
    return found


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace")


def checksum_of(headers: Mapping[str, str]) -> Checksum | None:
    """``Upload-Checksum``, if there is one.

    Raises:
        ChecksumUnsupported: its algorithm is not offered.
        TusHeaderInvalid: its digest is not base64, or of another length.
    """
    text = headers.get("upload-checksum")
    if text is None:
        return None
    algorithm, _, value = text.strip().partition(" ")
    if algorithm not in ALGORITHMS:
        raise ChecksumUnsupported(algorithms=", ".join(ALGORITHMS))
    try:
        expected = base64.b64decode(value.strip(), validate=True)
    except binascii.Error:
        raise TusHeaderInvalid(header="Upload-Checksum") from None
    found = Checksum(algorithm, expected)
    if len(expected) != found.hash().digest_size:
        raise TusHeaderInvalid(header="Upload-Checksum")
    return found


def http_date(moment: datetime) -> str:
    """A moment (in UTC) as HTTP writes dates."""
    return format_datetime(moment, usegmt=True)
