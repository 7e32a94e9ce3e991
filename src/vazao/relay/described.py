"""What the reference says of the routes of relay."""

from __future__ import annotations

from typing import Any, Literal

from vazao.kit.errors import NotFound
from vazao.kit.times import TimezoneInvalid
from vazao.kit.web.openapi import (
    BINARY,
    NO_STORE,
    PAGED,
    PAGED_REFUSES,
    TEXT,
    Answer,
    Body,
    Parameter,
    by_header,
    by_path,
    download,
    says,
)
from vazao.relay import errors, views
from vazao.relay.errors import AgentUnknown, ClockSkewed, Replayed, SignatureWrong
from vazao_agent import wire

READ, ADMIN = "relay:read", "relay:admin"
FORMATS: tuple[Literal["csv", "ndjson"], ...] = ("csv", "ndjson")
Verb = Literal["pause", "resume", "run", "resend", "restart", "diagnose", "revoke", "purge"]
RUN = "3fa85f6457174562b3fc2c963f66afa6"
SIGNED = (AgentUnknown, SignatureWrong, ClockSkewed, Replayed)
KEY = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqo="
MANIFEST: dict[str, Any] = {
    "run": RUN, "name": "gestantes", "version": 3, "base": None, "encoding": "zstd",
    "rows": 1204, "digest": 4242, "began": 1764100000.0, "seconds": 1.5,
    "chunks": [{"kind": "rows", "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15"
                "b0f00a08", "packed": 48211, "raw": 402113, "rows": 1204}],
}
TOLD: dict[str, Any] = {"run": RUN, "state": "loading", "error": None}
WHO = (
    by_header(wire.AGENT, "The agent's number.", "17", required=True),
    by_header(wire.STAMP, "The moment, in nanoseconds since the epoch: later each time.",
              "1764100000000000000", required=True),
    by_header(wire.SIGNATURE, "Ed25519 over method, path with query, stamp and the body's SHA-256; "
              "see `vazao_agent/wire.py`.", KEY, required=True),
)
BY_RUN = by_path("run", "The run's token, as its manifest names it.", RUN)

HELLO = says(
    Answer(about="The hub is there.", kind=views.Hello, example={"format": 1}),
    public=True, anonymous=True,
)
ENROLL = says(
    Answer(about="The identity.", status=201, kind=views.Enrolled, example={
        "agent": 17, "site": "Recife", "organization": "acme", "publisher": KEY,
    }),
    bodies=(Body(media="application/json", kind=views.EnrolBody, example={
        "token": "vr_fZ0aF0Xo5N0mQzvK9oYxw5s8vQ9mJpJ3m3y8d4jYQxE", "public_key": KEY,
        "version": "0.1.0", "machine": "9f86d081884c7d659a2feaa0c55ad015", "ibge": "2611606",
    }),),
    refuses=(errors.EnrolmentInvalid, errors.MunicipalityWrong, SignatureWrong), public=True,
    anonymous=True,
)
CHECK_IN = says(
    Answer(about="What there is to do.", kind=views.Orders, example={
        "now": 1764100000.0, "next": 60.0, "ibge": "2611606", "asked": None, "restart": False,
        "diagnose": False, "publisher": KEY, "upgrade": None, "lists": [{
            "digest": "9f86d0…", "document": "e30=", "signature": KEY, "columns": None,
            "current": RUN, "due": False,
        }],
    }),
    bodies=(Body(media="application/json", kind=views.CheckInBody, example={
        "version": "0.1.0", "facts": {"server": 90624}, "journal": [{
            "number": 1, "when": 1764100000.0, "what": "failed", "cause": "database_down",
            "message": "The database cannot be reached.",
        }],
    }),),
    parameters=WHO, refuses=SIGNED, public=True, anonymous=True,
)
PROPOSE = says(
    Answer(about="The list's columns.", kind=views.Columns,
           example={"columns": ["co_cidadao", "no_equipe"]}),
    parameters=WHO,
    bodies=(Body(media="application/json", kind=views.ColumnsBody, example={
        "name": "gestantes", "version": 3, "columns": ["co_cidadao", "no_equipe"],
    }),),
    refuses=(*SIGNED, errors.ListNotFound, errors.RunOutdated, errors.ListInvalid,
             errors.ListBusy),
    public=True, anonymous=True,
)
OFFER = says(
    Answer(about="The run, and what is missing of it.", kind=views.Offered,
           example={**TOLD, "state": "sending", "missing": [1], "wait": 0.0}),
    parameters=WHO,
    bodies=(Body(media="application/json", kind=wire.Manifest, example=MANIFEST),),
    refuses=(*SIGNED, errors.ListNotFound, errors.RunOutdated, errors.RunEnded,
             errors.RunTooLarge),
    public=True, anonymous=True,
)
SEND_CHUNK = says(
    Answer(about="It is stored.", status=204),
    parameters=(
        *WHO, BY_RUN, by_path("number", "The chunk's place in the manifest, from 1.", "1", int),
    ),
    bodies=(Body(media="application/octet-stream", kind=BINARY),),
    refuses=(*SIGNED, errors.RunUnknown, errors.RunEnded, errors.ChunkWrong),
    public=True, anonymous=True,
)
COMMIT = says(
    Answer(about="The run, which is being loaded.", kind=views.RunTold, example=TOLD),
    parameters=(*WHO, BY_RUN),
    refuses=(*SIGNED, errors.RunUnknown, errors.RunEnded, errors.RunIncomplete),
    public=True, anonymous=True,
)
SHOW_RUN = says(
    Answer(about="The run.", kind=views.RunTold, example=TOLD),
    parameters=(*WHO, BY_RUN),
    refuses=(*SIGNED, errors.RunUnknown), public=True, anonymous=True,
)
LIST_NAME = by_path("name", "The list's name.", "gestantes")
SITE = Parameter(name="site", about="The site's name.", example="Recife", required=True)
OF_PEOPLE = (
    Parameter(name="team", about="Of one team, where the list names teams.", example="Equipe 3"),
    Parameter(name="unit", about="Of one unit, where the list names units.", example="UBS 1"),
)
LIST_ROWS = says(
    Answer(about="Rows of one whole list of the site.", kind=views.RowsPage, example={
        "items": [{"co_cidadao": 1, "no_equipe": "Equipe 3"}], "next": None,
        "extracted_at": "2026-11-25T08:00:00.000000Z",
    }),
    parameters=(
        LIST_NAME, SITE,
        *OF_PEOPLE, *PAGED,
    ),
    refuses=(errors.ListNotFound, errors.SiteNotFound, errors.SiteMissing, errors.ColumnMissing,
             *PAGED_REFUSES),
    scope=READ,
)
EXPORT = says(
    Answer(about="The rows of one whole list of the site, or of each site.", kind=TEXT,
           media="text/csv",
           example="relay_site,relay_extracted_at,co_cidadao\nRecife,2026-11-25T08:00:00Z,1\n",
           headers=(download("gestantes.csv"), NO_STORE)),
    Answer(about="", kind=TEXT, media="application/x-ndjson",
           example='{"relay_site": "Recife", "co_cidadao": 1}\n'),
    parameters=(
        LIST_NAME, Parameter(name="site", about="The site's name; all sites where not given.",
                             example="Recife"),
        *OF_PEOPLE,
        Parameter(name="format", about="CSV, or one JSON object a line.",
                  kind={"type": "string", "enum": list(FORMATS), "default": "csv"},
                  example="ndjson"),
    ),
    refuses=(errors.ListNotFound, errors.SiteNotFound, errors.ColumnMissing), scope=READ,
)
LIST_VIEW: dict[str, Any] = {
    "name": "gestantes", "version": 3, "columns": ["co_cidadao", "no_equipe"],
    "key": ["co_cidadao"], "volatile": [], "every_seconds": 86400.0, "window": [360, 1200],
    "published_at": "2026-11-25T08:00:00.000000Z",
}
LIST_LISTS = says(
    Answer(about="The lists.", kind=views.ListPage,
           example={"items": [LIST_VIEW], "next": None}),
    parameters=PAGED, refuses=PAGED_REFUSES, scope=READ,
)
PUBLISH = says(
    Answer(about="The version that agents run from now on.", status=201, kind=views.ListView,
           example=LIST_VIEW),
    bodies=(Body(media="application/json", kind=views.SignedBody, example={
        "publisher": KEY, "document": "e30=", "signature": KEY, "every": "24h",
        "window": "06:00-20:00",
    }),),
    refuses=(errors.ListInvalid, errors.PublisherWrong, errors.ListBusy, errors.IntervalInvalid,
             errors.WindowInvalid),
    scope=ADMIN,
)
AT = "2026-11-25T08:00:00.000000Z"
PLACE: dict[str, Any] = {
    "site": "Recife", "list": "gestantes", "state": "late", "cause": "database_down",
    "evidence": ["The last that it wrote down, on 2026-11-25 05:00: database_down."],
    "late_since": AT, "processed_at": AT, "extracted_at": AT, "current_at": AT, "seen_at": AT,
    "rows": 1204, "doubles": 0,
}
TOLD_RUN: dict[str, Any] = {
    "run": RUN, "site": "Recife", "list": "gestantes", "version": 3, "state": "finished",
    "whole": False, "rows": 1204, "raw_bytes": 402113, "extracted_at": AT, "extract_seconds": 1.5,
    "offered_at": AT, "refused": 0, "granted_at": AT, "committed_at": AT, "ended_at": AT,
    "error": None,
}
BY_SITE = by_path("name", "The site's name.", "Recife")
BY_TOLD = by_path("run", "The run's token.", RUN)
LIST_SITES = says(
    Answer(about="Each list at each site, by name.", kind=views.PlacePage,
           example={"items": [PLACE], "next": None}),
    parameters=PAGED, refuses=PAGED_REFUSES, scope=READ,
)
ADD_SITE = says(
    Answer(about="The site, and its token.", status=201, kind=views.NewSite,
           example={"name": "Recife", "token": "vr_…"}),
    bodies=(Body(media="application/json", kind=views.NewSiteBody,
                 example={"name": "Recife", "timezone": "America/Recife", "ibge": "2611606"}),),
    refuses=(errors.SiteExists, errors.SiteNameInvalid, TimezoneInvalid,
             errors.IbgeInvalid),
    scope=ADMIN,
)
TOKEN = says(
    Answer(about="The token.", status=201, kind=views.EnrolmentToken, example={"token": "vr_…"}),
    parameters=(BY_SITE,), refuses=(errors.SiteNotFound,), scope=ADMIN,
)
DO = says(
    Answer(about="It is done.", status=204),
    parameters=(BY_SITE, by_path("verb", "What to do with it.", "pause", Verb)),
    refuses=(errors.SiteNotFound, NotFound), scope=ADMIN,
)
LIST_ENTRIES = says(
    Answer(about="What happened.", kind=views.JournalPage, example={"items": [{
        "at": AT, "by": "agent", "what": "failed", "cause": "database_down", "list": "gestantes",
        "message": "The database cannot be reached.", "details": {"times": 3},
    }], "next": None}),
    parameters=(BY_SITE, *PAGED), refuses=(errors.SiteNotFound, *PAGED_REFUSES), scope=READ,
)
LIST_RUNS = says(
    Answer(about="The runs.", kind=views.RunPage, example={"items": [TOLD_RUN], "next": None}),
    parameters=(
        Parameter(name="site", about="Of one site.", example="Recife"),
        Parameter(name="list", about="Of one list.", example="gestantes"),
        Parameter(name="state", about="In one state: held, failed, finished …", example="held"),
        *PAGED,
    ),
    refuses=(errors.SiteNotFound, errors.ListNotFound, errors.RunStateInvalid, *PAGED_REFUSES),
    scope=READ,
)
GET_RUN = says(
    Answer(about="The run.", kind=views.RunView, example=TOLD_RUN), parameters=(BY_TOLD,),
    refuses=(errors.RunUnknown,), scope=READ,
)
DECIDE = says(
    Answer(about="It is done.", status=204), parameters=(BY_TOLD,),
    refuses=(errors.RunUnknown, errors.RunEnded), scope=ADMIN,
)
LIST_AUDIT = says(
    Answer(about="Who did or looked at what.", kind=views.LookPage, example={"items": [{
        "at": AT, "actor": "maria", "what": "read", "site": "Recife", "list": "gestantes",
    }], "next": None}),
    parameters=PAGED, refuses=PAGED_REFUSES, scope=ADMIN,
)
