"""uploads: takes files in, whole or resumable, and stores them as segments; knows no jobs.

Its tables are in the schema ``jobs``: a rename would break running processes of the version
before. The face: :func:`receive` stores a body and :func:`receive_form` a form's file; a job takes
a resumable upload with :func:`claim_upload`; :func:`local_file` and :func:`read` give the bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vazao.kit.faces import lazily

if TYPE_CHECKING:
    from vazao.kit.registry import Registry
    from vazao.uploads.contents import local_file, read, sha256_of, spool_folder
    from vazao.uploads.errors import (
        FormInvalid,
        StorageQuotaReached,
        TooManyUploads,
        UploadInUse,
        UploadNotFound,
        UploadTooLarge,
        UploadUnfinished,
    )
    from vazao.uploads.forgetting import forget_called
    from vazao.uploads.forms import digest_form, receive_form
    from vazao.uploads.intake import (
        delete_upload,
        digest_of,
        doom_upload,
        get_upload,
        hold_upload,
        receive,
        release_upload,
    )
    from vazao.uploads.models import Upload, segment_key
    from vazao.uploads.quotas import RESULT, Owner, Purpose, of_files, owner_of
    from vazao.uploads.settings import UploadSettings
    from vazao.uploads.store import find_any, list_held, segments, stored_among, stored_since
    from vazao.uploads.tus.service import claim_upload, whole_upload

__all__ = [
    "RESULT", "FormInvalid", "Owner", "Purpose", "StorageQuotaReached", "TooManyUploads",
    "Upload", "UploadInUse", "UploadNotFound", "UploadSettings", "UploadTooLarge",
    "UploadUnfinished", "claim_upload", "delete_upload", "digest_form", "digest_of",
    "doom_upload", "find_any",
    "forget_called", "get_upload", "hold_upload", "list_held", "local_file", "of_files",
    "owner_of", "read", "receive", "receive_form", "register", "release_upload", "segment_key",
    "segments", "sha256_of", "spool_folder", "stored_among", "stored_since",
    "whole_upload",
]

__getattr__ = lazily(__name__, {
    "FormInvalid": "errors", "UploadInUse": "errors", "UploadNotFound": "errors",
    "StorageQuotaReached": "errors", "TooManyUploads": "errors", "UploadTooLarge": "errors",
    "UploadUnfinished": "errors",
    "forget_called": "forgetting", "digest_form": "forms", "receive_form": "forms",
    "delete_upload": "intake", "digest_of": "intake", "doom_upload": "intake",
    "get_upload": "intake", "hold_upload": "intake", "local_file": "contents", "read": "contents",
    "receive": "intake", "release_upload": "intake", "sha256_of": "contents",
    "spool_folder": "contents",
    "Upload": "models", "segment_key": "models",
    "RESULT": "quotas", "of_files": "quotas", "Owner": "quotas", "Purpose": "quotas",
    "owner_of": "quotas",
    "find_any": "store", "list_held": "store", "segments": "store", "stored_among": "store",
    "stored_since": "store",
    "claim_upload": "tus.service", "whole_upload": "tus.service", "UploadSettings": "settings",
})


def _routes() -> list[Any]:
    from vazao.uploads.tus.api import routes

    return routes


def register(registry: Registry) -> None:
    """Show the routes of resumable uploads, and the sweep of what was abandoned."""
    from vazao.kit.registry import Periodic, Retention
    from vazao.uploads import quotas, tasks

    registry.web.append(_routes)
    registry.for_programs.add("files")
    registry.said["files"] = {"Tus-Resumable": "1.0.0", "Cache-Control": "no-store"}
    registry.periodic += [
        Periodic("uploads.sweep", 300.0, tasks.sweep),
        Periodic("uploads.recount", 6 * 3600.0, quotas.recount),
    ]
    registry.quotas += [quotas.STORAGE, quotas.WAITING]
    registry.retentions += [
        Retention("Images, and files that were never used", "VAZAO_UPLOAD_KEPT_DAYS",
                  lambda settings: settings.of(quotas.UploadSettings).kept_days),
        Retention("Uploads that stopped before their end", "VAZAO_UPLOAD_EXPIRE_HOURS",
                  lambda settings: settings.of(quotas.UploadSettings).expire_hours / 24),
    ]
