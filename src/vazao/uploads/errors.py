"""What can go wrong with stored files."""

from __future__ import annotations

from vazao.kit.errors import (
    BadRequest,
    Conflict,
    NotFound,
    StorageFull,
    TooLarge,
    TooManyRequests,
)


class UploadNotFound(NotFound):
    """There is no such stored file."""

    code = "upload_not_found"


class UploadTooLarge(TooLarge):
    """The file has more than {limit} bytes, the limit here."""

    code = "upload_too_large"


class StorageQuotaReached(StorageFull):
    """At most {limit} bytes may be stored, and {used} are in use."""

    code = "storage_quota_reached"


class TooManyUploads(TooManyRequests):
    """At most {limit} uploads may be unfinished or unused, and the limit is reached."""

    code = "too_many_uploads"


class FormInvalid(BadRequest):
    """The form could not be read: {reason}."""

    code = "form_invalid"


class UploadUnfinished(Conflict):
    """The upload is not complete yet: {offset} bytes have arrived. Continue it first."""

    code = "upload_unfinished"


class UploadInUse(Conflict):
    """This file belongs to a job that has taken it."""

    code = "upload_in_use"

    def __init__(self) -> None:
        super().__init__(
            remedy="To use it once more, upload it again; to end what uses it, cancel the job."
        )
