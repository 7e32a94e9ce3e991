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
    """The file has more than {limit} bytes, the most that is accepted here."""

    code = "upload_too_large"


class StorageQuotaReached(StorageFull):
    """No more than {limit} bytes may be stored, and {used} are."""

    code = "storage_quota_reached"


class TooManyUploads(TooManyRequests):
    """No more than {limit} uploads may wait to be continued or used, and as many do."""

    code = "too_many_uploads"


class FormInvalid(BadRequest):
    """The form could not be read: {reason}."""

    code = "form_invalid"


class UploadInUse(Conflict):
    """A job has taken this file; cancel the job instead."""

    code = "upload_in_use"
