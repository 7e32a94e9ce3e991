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
from typing import Any

from vazao.uploads.tus.errors import (
    VERSION,
    ChecksumUnsupported,
    LengthNotDeferred,
    PatchTypeUnsupported,
    TusHeaderInvalid,
    TusVersionUnsupported,
)

ALGORITHMS = ("sha1", "sha256")
EXTENSIONS = "creation,creation-with-upload,termination,expiration,checksum"
BODY_TYPE = "application/offset+octet-stream"
MOST_METADATA = 4096
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


def check_version(headers: Mapping[str, str]) -> None:
    """Hold the request to this version of the protocol.

    Raises:
        TusVersionUnsupported: it speaks another one, or none.
    """
    if headers.get("tus-resumable") != VERSION:
        raise TusVersionUnsupported


def check_body_type(headers: Mapping[str, str]) -> None:
    """Hold the body to the protocol's type.

    Raises:
        PatchTypeUnsupported: it is of another one.
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


def length_of(headers: Mapping[str, str]) -> int:
    """The declared length of the whole upload.

    Raises:
        LengthNotDeferred: the client wants to tell it later.
        TusHeaderInvalid: it is missing or no number.
    """
    if "upload-defer-length" in headers:
        raise LengthNotDeferred
    return number_of(headers, "Upload-Length")


def metadata_of(text: str) -> dict[str, str]:
    """The pairs of ``Upload-Metadata``: ASCII keys, values that are base64 of UTF-8, or empty.

    Raises:
        TusHeaderInvalid: it is longer than 4 KiB, or a key repeats, or a value is no such text.
    """
    found: dict[str, str] = {}
    wrong = TusHeaderInvalid(header="Upload-Metadata")
    if len(text) > MOST_METADATA or not text.isascii():
        raise wrong
    for pair in text.split(",") if text.strip() else []:
        key, _, value = pair.strip().partition(" ")
        if not _KEY.fullmatch(key) or key in found:
            raise wrong
        try:
            found[key] = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise wrong from None
    return found


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
