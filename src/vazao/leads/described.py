"""What the reference says of the routes of leads."""

from __future__ import annotations

from typing import Any, Literal, get_args

from vazao.jobs import SHOWN, IdempotencyClash, JobEnded, TooMuchWaiting, WaitingJobView
from vazao.kit.errors import NotFound, StorageFull, TooLarge, UploadCutOff
from vazao.kit.turns import TooManyWaiting, TurnNotReached
from vazao.kit.web.following import TooManyStreams
from vazao.kit.web.idempotency import IdempotencyKeyInvalid
from vazao.kit.web.openapi import (
    BINARY,
    IDEMPOTENCY_KEY,
    LAST_EVENT_ID,
    NO_STORE,
    PAGED,
    PAGED_REFUSES,
    STREAM_OVER,
    TEXT,
    Answer,
    Body,
    Parameter,
    Schema,
    by_path,
    download,
    events,
    location,
    says,
)
from vazao.kit.web.parameters import FieldInvalid, JsonInvalid, TypeRefused
from vazao.kit.web.spooling import AnswersWaiting
from vazao.leads import errors
from vazao.leads.models import SORTS, Empty, Mode
from vazao.leads.views import (
    DeletedPage,
    DifferencePage,
    Facets,
    ImportPage,
    ImportView,
    LeadChanges,
    LeadFields,
    LeadHistory,
    LeadPage,
    LeadView,
    PersonFields,
    Tagged,
    Tagging,
)
from vazao.sheets import SheetDelimiterInvalid, SheetEncodingUnknown
from vazao.uploads import (
    FormInvalid,
    StorageQuotaReached,
    UploadInUse,
    UploadNotFound,
    UploadTooLarge,
    UploadUnfinished,
)

READ, WRITE = "leads:read", "leads:write"
FORMATS: tuple[Literal["csv", "ndjson"], ...] = ("csv", "ndjson")
OUTCOMES = ("created", "updated")
ID = "5e0f2a9c41d94b7e8a3c6d1f00b7e2aa"
TOKEN = (by_path("token", "The import's id.", ID),)
LEAD_ID = (by_path("lead_id", "The lead's id.", "42"),)
AT = "2026-11-25T08:00:00.000000Z"
LEAD: dict[str, Any] = {
    "id": "42", "email": "ana@example.com", "name": "Ana Lima", "phone": "+5511987654321",
    "company": None, "job_title": None, "city": "Recife", "state": "PE", "country": None,
    "website": None, "legal_basis": None, "tags": ["fair"], "custom": {"shirt": "M"},
    "opted_out": False, "created_at": AT, "updated_at": AT,
}
IMPORT: dict[str, Any] = {
    "id": ID, "status": "finished", "phase": None, "kind": "leads.import", "progress": 1.0,
    "eta_seconds": None, "lead_time_seconds": 4.2, "queue_time_seconds": 0.01,
    "execution_time_seconds": 6.3, "cost": 20.5, "attempts": 1, "parts_total": 12,
    "parts_done": 12, "bytes_total": 20447232, "bytes_done": 20447232, "rows_total": 300000,
    "rows_done": 300000, "requested_at": AT, "started_at": AT, "finished_at": AT,
    "requested_by": "Ana", "request_id": "9f86d081884c7d65", "error": None, "undone": False,
    "filename": "leads.csv", "mode": "upsert", "empty": "keep", "sheet": None,
    "header_row": None, "delimiter": None, "encoding": None, "strict": False,
    "dry_run": False, "mapping": None, "notes": [], "created": 200000, "updated": 90000,
    "unchanged": 9000, "duplicates": 900, "rejected": 100, "warnings": 12, "trial": None,
    "applied": None, "drift": None, "rows_per_second": 71428,
}
CSV = "email,name\nana@example.com,Ana Lima\n"
QUEUED = IMPORT | {"status": "queued", "progress": 0.0}
OPTIONS = (
    Parameter(name="mode", about="Which rows go in: all, those that are new, or those known.",
              kind=Mode, example="upsert"),
    Parameter(name="empty", about="What an empty cell does to the stored value.", kind=Empty,
              example="keep"),
    Parameter(name="sheet", about="The workbook's sheet; the first visible one that holds a "
              "table where not given.", example="Leads"),
    Parameter(name="header_row", about="The row of the column names, as Excel shows its number, or "
              "`none`; found where not given.", example="4"),
    Parameter(name="delimiter", about="The character between the values of a text (`tab` for a "
              "tab); found where not given.", example=";"),
    Parameter(name="encoding", about="Of a text: `utf-8`, `windows-1252`, `utf-16`, `cp850` or "
              "`mac-roman`; found where not given.", example="windows-1252"),
    Parameter(name="strict", about="`true`: a value that cannot be understood refuses its row, "
              "instead of being left out.", kind={"type": "string", "enum": ["false", "true"]},
              example="false"),
    Parameter(name="mapping", about="JSON: header in the file to field, `custom.name` or null.",
              example='{"E-mail": "email"}'),
    Parameter(name="dry_run", about="`true`: read and compare everything, and write nothing.",
              kind={"type": "string", "enum": ["false", "true"]}, example="false"),
)
FILENAME = Parameter(name="filename", about="Of a sheet that is the body; its ending tells what "
                     "it is.", example="leads.csv")
FORM_FIELDS = frozenset(option.name for option in OPTIONS)
"""What a form may hold besides its file."""
JSON_FIELDS = FORM_FIELDS | {"file", "filename"}


def _field(option: Parameter) -> Schema:
    """An option as a field of the form; left empty it counts as not given."""
    field: Schema = {"type": "string", "description": option.about}
    if isinstance(option.kind, dict):
        return field | option.kind
    choices = get_args(option.kind)
    # What the reference's page fills in where nothing is typed.
    return field | ({"enum": list(choices)} if choices else {"examples": [""]})


def _form() -> Schema:
    texts = {option.name: _field(option) for option in OPTIONS}
    file = BINARY | {"description": "The sheet."}
    return {"type": "object", "properties": {"file": file, **texts}, "required": ["file"],
            "additionalProperties": False}


def _stored() -> Schema:
    texts = {option.name: _field(option) for option in OPTIONS}
    mapping = {"description": texts["mapping"]["description"], "type": ["object", "string"]}
    truths = {
        name: {"description": texts[name]["description"], "type": ["boolean", "string"]}
        for name in ("strict", "dry_run")
    }
    row = texts["header_row"] | {"type": ["integer", "string"]}
    file = {"type": "string", "description": "The id of a stored resumable upload."}
    name = {"type": "string", "description": "Instead of the name that the upload has."}
    return {"type": "object",
            "properties": {"file": file, "filename": name, **texts, **truths,
                           "header_row": row, "mapping": mapping},
            "required": ["file"], "additionalProperties": False}


SHEETS = (
    Body(media="multipart/form-data", kind=_form()),
    Body(media="application/json", kind=_stored(), example={"file": ID, "dry_run": True}),
    Body(media="text/csv", kind=TEXT, example=CSV),
    Body(media="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", kind=BINARY),
)
CREATE_IMPORT = says(
    Answer(about="The import is queued.", kind=ImportView, status=202, example=QUEUED,
           headers=(location(f"/v1/leads/imports/{ID}"),)),
    parameters=(*OPTIONS, FILENAME, IDEMPOTENCY_KEY), bodies=SHEETS,
    refuses=(
        errors.OptionInvalid, errors.OptionUnknown, FormInvalid, UploadCutOff, JsonInvalid,
        FieldInvalid, TypeRefused, errors.FileUnnamed, UploadNotFound, UploadInUse,
        UploadUnfinished, TooLarge, IdempotencyKeyInvalid, IdempotencyClash, UploadTooLarge,
        errors.MappingInvalid,
        errors.MappingCustomName, errors.MappingUnknownField, errors.MappingFieldTwice,
        errors.MappingReservedHeader, errors.MappingWithoutEmail, StorageFull,
        SheetDelimiterInvalid, SheetEncodingUnknown, StorageQuotaReached,
        errors.TooManySheets, TooMuchWaiting,
    ),
    scope=WRITE,
)
LIST_IMPORTS = says(
    Answer(about="A page of imports.", kind=ImportPage,
           example={"items": [IMPORT], "next": None}),
    parameters=PAGED, refuses=PAGED_REFUSES, scope=READ,
)
GET_IMPORT = says(
    Answer(about="The import.", kind=ImportView, example=IMPORT), parameters=TOKEN,
    refuses=(errors.ImportNotFound,), scope=READ,
)
FOLLOW_IMPORT = says(
    events('data: {"id":"5e0f…","status":"running","progress":0.42}\n\n'), STREAM_OVER,
    parameters=(*TOKEN, LAST_EVENT_ID), refuses=(errors.ImportNotFound, TooManyStreams),
    scope=READ,
)
WAITING = (
    errors.SheetErased, errors.SheetExpired, errors.TookTooLong, AnswersWaiting, TooManyWaiting,
    TurnNotReached,
)
IMPORT_ERRORS = says(
    Answer(about="The rejected rows as CSV.", kind=TEXT, media="text/csv",
           example="email,name,vazao_row,vazao_column,vazao_reason\n",
           headers=(download("vazao-errors-5e0f2a9c.csv"), NO_STORE)),
    parameters=(*TOKEN, Parameter(name="excel", kind=bool, example=True,
                about="Begin with the mark by which Excel knows UTF-8.")),
    refuses=(errors.ImportNotFound, NotFound, StorageFull, *WAITING), scope=READ,
)
IMPORT_WARNINGS = says(
    Answer(about="The values that were left out or doubted, as CSV: a line each.", kind=TEXT,
           media="text/csv", example="email,phone,vazao_row,vazao_column,vazao_reason\n",
           headers=(download("vazao-warnings-5e0f2a9c.csv"), NO_STORE)),
    parameters=(*TOKEN, Parameter(name="excel", kind=bool, example=True,
                about="Begin with the mark by which Excel knows UTF-8.")),
    refuses=(errors.ImportNotFound, NotFound, StorageFull, *WAITING), scope=READ,
)
DIFFERENCE: dict[str, Any] = {
    "email": "ana@example.com", "row": 2, "lead_id": "42", "outcome": "updated",
    "before": {"city": "Recife", "custom": {}},
    "after": {"city": "Olinda", "custom": {"shirt": "M"}},
}
IMPORT_CHANGES = says(
    Answer(about="A page of what the dry run would create and update, by e-mail.",
           kind=DifferencePage, example={"items": [DIFFERENCE], "next": None}),
    parameters=(*TOKEN, *PAGED, Parameter(
        name="outcome", about="Only what would be created, or updated.", example="updated",
        kind={"type": "string", "enum": list(OUTCOMES)},
    )),
    refuses=(*PAGED_REFUSES, errors.ImportNotFound, errors.NotATrial, errors.TrialNotFinished,
             errors.TrialEnded, errors.ChangesGone), scope=READ,
)
APPLY_IMPORT = says(
    Answer(about="What the dry run read is queued to go in.", kind=ImportView, status=202,
           example=QUEUED | {"trial": "0b6d1c1f5b0c4a0c8a53f3f6a1d2e3f4"},
           headers=(location(f"/v1/leads/imports/{ID}"),)),
    parameters=(*TOKEN, IDEMPOTENCY_KEY),
    refuses=(errors.ImportNotFound, errors.NotATrial, errors.TrialNotFinished, errors.TrialEnded,
             errors.TrialApplied, errors.SheetErased, IdempotencyKeyInvalid, IdempotencyClash,
             TooMuchWaiting), scope=WRITE,
)
CANCEL_IMPORT = says(
    Answer(about="The import as it ended.", kind=ImportView,
           example=IMPORT | {"status": "cancelled", "rows_unprocessed": 0}),
    parameters=TOKEN, refuses=(errors.ImportNotFound, JobEnded), scope=WRITE,
)
_FILTERS = (
    Parameter(name="q", about="Pieces of words, all of which must occur; or a phone's digits.",
              example="ana"),
    Parameter(name="tag", about="Only leads with this tag.", example="fair"),
    Parameter(name="city", about="Only leads of this city.", example="Recife"),
    Parameter(name="updated_since", about="Only leads changed at or after this time.",
              kind={"type": "string", "format": "date-time"}, example=AT),
)
LIST_LEADS = says(
    Answer(about="A page of leads, newest first.", kind=LeadPage,
           example={"items": [LEAD], "next": "WyJsZWFkcyBuZXdlc3QiLG51bGwsNDJd",
                    "count": 1200, "count_exact": True}),
    parameters=(
        *PAGED, *_FILTERS,
        Parameter(name="email", about="The lead with this e-mail; goes with no other filter.",
                  example="ana@example.com"),
        Parameter(name="sort", about="The order, newest first by itself. By a field among "
                                     "at most 10,000 leads only; a minus sorts downwards.",
                  kind={"type": "string", "enum": list(SORTS)},
                  example="name"),
    ),
    refuses=(*PAGED_REFUSES, errors.FiltersExclusive, errors.SinceInvalid, errors.SortInvalid,
             errors.SortExclusive, errors.TooManyToSort),
    scope=READ,
)
LEAD_CHANGES = says(
    Answer(about="A piece of the feed.", kind=LeadChanges, example={
        "items": [{"id": "42", "deleted": False, "changed_at": AT, "lead": LEAD}],
        "next": "WyJsZWFkcy5jaGFuZ2VzIiwiODA2IiwxXQ",
    }),
    parameters=PAGED, refuses=PAGED_REFUSES, scope=READ,
)
LEAD_FACETS = says(
    Answer(about="Counts.", kind=Facets, example={
        "leads": 300000, "approximate": False,
        "facets": {"city": [{"value": "Recife", "leads": 1200}]},
    }),
    scope=READ,
)
EXPORT_LEADS = says(
    Answer(about="Every lead, in the order of the e-mails; or those that match.", kind=TEXT,
           media="text/csv", example=CSV, headers=(download("leads.csv"), NO_STORE)),
    Answer(about="", kind=TEXT, media="application/x-ndjson",
           example='{"id": "42", "email": "ana@example.com"}\n'),
    parameters=(
        Parameter(name="format", about="CSV, or one JSON object a line.",
                  kind={"type": "string", "enum": list(FORMATS), "default": "csv"},
                  example="ndjson"),
        *_FILTERS,
    ),
    refuses=(errors.SinceInvalid,), scope=READ,
)
GET_LEAD = says(
    Answer(about="The lead.", kind=LeadView, example=LEAD), parameters=LEAD_ID,
    refuses=(errors.LeadNotFound,), scope=READ,
)
UPDATE_LEAD = says(
    Answer(about="The lead as it is now.", kind=LeadView, example=LEAD), parameters=LEAD_ID,
    bodies=(Body(media="application/json", kind=LeadFields,
                 example={"city": "Olinda", "custom": {"shirt": None}}),),
    refuses=(errors.LeadNotFound, errors.EmailTaken, errors.AddressSuppressed,
             errors.LeadInvalid), scope=WRITE,
)
PURGE_LEAD = says(
    Answer(about="Accepted: a job. Once it has finished, its report says what was removed.",
           kind=WaitingJobView, status=202, example={
               **SHOWN, "kind": "leads.purge", "waits_for": None, "report": None},
           headers=(location("/v1/jobs/5e0f2a9c…"),)),
    bodies=(Body(media="application/json", kind=PersonFields,
                 example={"email": "ana@example.com"}),), parameters=(IDEMPOTENCY_KEY,),
    refuses=(errors.EmailInvalid, errors.PurgeNeedsAdmin, IdempotencyKeyInvalid,
             IdempotencyClash), scope=WRITE,
)
CREATE_LEAD = says(
    Answer(about="The new lead.", kind=LeadView, status=201, example=LEAD,
           headers=(location("/v1/leads/42"),)),
    bodies=(Body(media="application/json", kind=LeadFields,
                 example={"email": "ana@example.com", "name": "Ana Lima"}),),
    refuses=(errors.EmailTaken, errors.AddressSuppressed, errors.LeadInvalid), scope=WRITE,
)
TAG_LEADS = says(
    Answer(about="How many were changed.", kind=Tagged, example={"changed": 2}),
    bodies=(Body(media="application/json", kind=Tagging,
                 example={"ids": ["42", "43"], "add": ["fair"], "remove": ["cold"]}),),
    refuses=(errors.LeadInvalid,), scope=WRITE,
)
LIST_DELETED = says(
    Answer(about="A page of deleted leads.", kind=DeletedPage, example={"items": [{
        "id": "42", "email": "ana@example.com", "name": "Ana Lima", "deleted_by": "Maria",
        "deleted_at": AT}], "next": None}),
    parameters=PAGED, refuses=PAGED_REFUSES, scope=READ,
)
RESTORE_LEAD = says(
    Answer(about="The lead, as it was.", kind=LeadView, example=LEAD), parameters=LEAD_ID,
    refuses=(errors.LeadNotFound, errors.EmailTaken, errors.AddressSuppressed), scope=WRITE,
)
LEAD_HISTORY = says(
    Answer(about="What became of it.", kind=LeadHistory, example={"items": [{
        "at": AT, "what": "changed", "by": "Maria", "fields": ["city"], "import_id": None,
        "filename": None}]}),
    parameters=LEAD_ID, refuses=(errors.LeadNotFound,), scope=READ,
)
DELETE_LEAD = says(
    Answer(about="It is gone; for 30 days it can be restored.", status=204), parameters=LEAD_ID,
    refuses=(errors.LeadNotFound,), scope=WRITE,
)
