"""What can go wrong with resumable uploads: statuses as tus 1.0.0 asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from vazao.kit.errors import BadRequest, Conflict, Forbidden, TooLarge, VazaoError
from vazao.uploads.errors import UploadUnfinished

VERSION = "1.0.0"


class TusVersionUnsupported(VazaoError):
    """The header Tus-Resumable must be 1.0.0."""

    code = "tus_version_unsupported"
    status = 412
    headers: Mapping[str, str] = MappingProxyType({"Tus-Version": VERSION})


class TusHeaderInvalid(BadRequest):
    """The header {header} is missing or not valid."""

    code = "tus_header_invalid"


class HeaderRepeats(TusHeaderInvalid):
    """The header {header} may be sent only once."""


class MetadataTooLong(TusHeaderInvalid):
    """The header Upload-Metadata has {length} characters; the limit is {limit}."""


class MetadataRepeats(TusHeaderInvalid):
    """The header Upload-Metadata has the key {key} twice."""


class MetadataNotBase64(TusHeaderInvalid):
    """The value of {key} in the header Upload-Metadata is not base64."""


class LengthUnclear(BadRequest):
    """Send the length of the whole file in Upload-Length, or Upload-Defer-Length: 1 without it."""

    code = "upload_length_required"


class LengthChanged(BadRequest):
    """The upload was declared with {bytes_total} bytes, which cannot change."""

    code = "upload_length_changed"


class ConcatInvalid(BadRequest):
    """Upload-Concat must be partial, or final; and the addresses of 1 to {limit} partial uploads,
    each once and without Upload-Length.
    """

    code = "upload_concat_invalid"


class PartUnfinished(UploadUnfinished):
    """The partial upload {upload} is not complete yet. Continue it first."""


class FinalTakesNoBytes(Forbidden):
    """This upload was joined from others and accepts no bytes of its own."""

    code = "upload_final"


class ChecksumUnsupported(BadRequest):
    """The checksum must be one of: {algorithms}."""

    code = "checksum_unsupported"


class ChecksumMismatch(VazaoError):
    """The bytes do not match the checksum sent with them and were discarded."""

    code = "checksum_mismatch"
    status = 460


class PatchTypeUnsupported(VazaoError):
    """The body must be of the type application/offset+octet-stream."""

    code = "content_type_unsupported"
    status = 415


class OffsetMismatch(Conflict):
    """The upload's offset is {offset} bytes. Continue there."""

    code = "offset_mismatch"
    headers: Mapping[str, str] = MappingProxyType({"Upload-Offset": "524288"})

    def __init__(self, offset: int) -> None:
        super().__init__(offset=offset)
        self.headers = {"Upload-Offset": str(offset)}


class UploadLocked(VazaoError):
    """Another request is writing this upload."""

    code = "upload_locked"
    status = 423


class UploadStalled(VazaoError):
    """No bytes arrived for too long. The bytes so far are kept: ask for the offset and continue
    there.
    """

    code = "upload_stalled"
    status = 423


class UploadUnsure(VazaoError):
    """The upload's offset cannot be read right now. Ask again in a moment."""

    code = "upload_unsure"
    status = 423


class BeyondLength(TooLarge):
    """The upload was declared with {bytes_total} bytes, and this request goes beyond that."""

    code = "beyond_upload_length"


class TooManyPieces(TooLarge):
    """The upload arrived in {limit} pieces, the most allowed."""

    code = "upload_too_many_pieces"


class MethodUnknown(BadRequest):
    """X-HTTP-Method-Override must be PATCH, DELETE or HEAD here."""

    code = "method_override_invalid"
