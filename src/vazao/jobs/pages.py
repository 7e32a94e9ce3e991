"""HTML of jobs: what runs, waits and ended; a job with its parts and log; files to be worked on."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery

from vazao.jobs import overview, pictures, service, waiting
from vazao.jobs.admission import admitted
from vazao.jobs.errors import StatusInvalid
from vazao.jobs.known import hidden_from, may_begin
from vazao.jobs.models import STATUSES, Job, Kind, Row
from vazao.jobs.views import error_view, reasons, says, view
from vazao.kit import clock
from vazao.kit.errors import Conflict, Forbidden, NotFound
from vazao.kit.i18n import translate
from vazao.kit.platform import Platform, Principal
from vazao.kit.sql import Conn
from vazao.kit.web import hosts
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.leaving import go_on
from vazao.kit.web.pages import language_of, page
from vazao.kit.web.paging import decode_cursor, encode_cursor, following

READ, WRITE = "jobs:read", "jobs:write"
PAGE = 25
PARTS_PAGE = 100
DETAILS = 50
REASONS = 3
# A sum may have as many digits as the longest number it was made of, and some more.
RESULT_CHARACTERS = 150_000
BACK = {"back": "/jobs/{token}"}
MESSAGES = {"cancel": "The job was cancelled.", "retry": "The job was started over."}


class Listing(msgspec.Struct, frozen=True):
    """What a list of jobs was asked for: filters that hold, and the cursor of the page."""

    status: str | None
    kind: str | None
    by: str | None
    q: str | None
    after: str | None

    @property
    def filters(self) -> dict[str, str]:
        """The filters as an address carries them."""
        held = {"status": self.status, "kind": self.kind, "by": self.by, "q": self.q}
        return {name: value for name, value in held.items() if value}

    @property
    def before(self) -> int | None:
        """The id that the page before ended with."""
        return decode_cursor(self.after, "jobs", int)[0] if self.after else None


def listing(query: Mapping[str, str]) -> Listing:
    """The list that a query asks for; empty fields of its form count as not given.

    Raises:
        StatusInvalid: there is no such status.
    """
    asked = {
        name: query.get(name, "").replace("\0", "").strip() or None
        for name in Listing.__struct_fields__
    }
    if asked["status"] and asked["status"] not in STATUSES:
        raise StatusInvalid
    return Listing(**asked)


async def _rows(
    request: Request[Any, Any, Any], platform: Platform, principal: Principal, asked: Listing
) -> dict[str, Any]:
    async with platform.db.connection() as conn:
        found = await overview.rows(
            conn, principal.organization_id, limit=PAGE, before=asked.before, status=asked.status,
            kind=asked.kind, hidden=hidden_from(platform, principal), by=asked.by, text=asked.q,
        )
        again = await _startable(conn, principal, asked, found.items)
    return {
        "again": again, "rows": found.items,
        "next": following(found, lambda row: encode_cursor("jobs", row.id)),
        "asked": asked, "seen": digest([found.items, again]),
        "kinds": platform.registry.job_kinds,
        "told": partial(error_view, language=language_of(request)),
    }


async def _startable(
    conn: Conn, principal: Principal, asked: Listing, rows: Sequence[Row]
) -> list[str]:
    """The public ids of those failed jobs of a page that can start over."""
    if asked.status != "failed":
        return []
    jobs = await service.by_ids(
        conn, principal.organization_id,
        [row.id for row in rows if may_begin(row.kind, principal)],
    )
    barred = await service.barred(conn, jobs.values())
    return [row.token for row in rows if row.id in jobs and row.id not in barred]


def digest(shown: Sequence[Any]) -> str:
    """What a reader has before their eyes, in a few characters."""
    return hashlib.sha256(msgspec.json.encode(shown)).hexdigest()[:16]


@get("/jobs", opt={"scope": READ}, include_in_schema=False)
async def show_jobs(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker
) -> Response[str]:
    """Jobs of the organization with their times, and how long each kind takes."""
    asked = listing(request.query_params)
    kinds = sorted({*platform.registry.job_kinds} - {*hidden_from(platform, principal)})
    async with platform.db.connection() as conn:
        taken = await overview.times(conn, principal.organization_id, kinds)
    found = await _rows(request, platform, principal, asked)
    return page(
        request, "jobs/list.html", statuses=STATUSES, searched=overview.SEARCHED,
        picture=pictures.picture_of_times(taken), **found,
    )


@get("/jobs/rows", opt={"scope": READ}, include_in_schema=False)
async def show_rows(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker,
    seen: FromQuery[str | None] = None,
) -> Response[Any]:
    """The list alone, which the page asks for again; 204 where it is what the reader has seen."""
    found = await _rows(request, platform, principal, listing(request.query_params))
    if found["seen"] == seen:
        return Response(None, status_code=204)
    return page(request, "jobs/rows.html", **found)


@get("/jobs/new", opt={"scope": WRITE}, include_in_schema=False)
async def show_new(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker
) -> Response[str]:
    """Where files are dropped that a feature works on."""
    targets = sorted(platform.registry.drop_targets, key=lambda target: target.order)
    return page(request, "jobs/new.html", targets=targets)


@post("/jobs/retry", opt={"scope": WRITE, "fields": ("jobs", "back")}, include_in_schema=False,
      guards=[admitted])
async def retry_shown(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker
) -> Response[Any]:
    """Let the failed jobs that a page of the list showed start over, and say how many did, and why
    others did not.

    What has ended otherwise or begun again meanwhile stays as it is, and what only an admin may
    begin. Each job is a transaction of its own: a second one's row may not be locked once the
    share is.
    """
    form, language = await request.form(), language_of(request)
    named = [token for token in str(form.get("jobs", "")).split(",") if token][:PAGE]
    hidden, begun = hidden_from(platform, principal), 0
    refused: Counter[str] = Counter()
    for token in named:
        try:
            async with platform.db.transaction() as conn:
                await service.retry(
                    conn, principal.organization_id, token.replace("\0", ""), by=principal,
                    hidden=hidden,
                )
            begun += 1
        except (NotFound, Conflict, Forbidden) as error:
            refused[error.message(language)] += 1
    sentences = [translate("Jobs started over: {count}.", language).format(count=begun)]
    for reason, count in refused.most_common(REASONS):
        text = translate("Jobs not started over: {count}.", language).format(count=count)
        sentences += [text, reason]
    return go_on(
        request, _list_of(str(form.get("back", ""))), " ".join(sentences),
        kind="warn" if refused or not named else "ok",
    )


def _list_of(query: str) -> str:
    """The address of the list that *query*, as a form sent it back, asks for."""
    try:
        asked = listing(dict(parse_qsl(query)))
    except StatusInvalid:
        return "/jobs"
    kept = asked.filters | ({"after": asked.after} if asked.after else {})
    return f"/jobs?{urlencode(kept)}" if kept else "/jobs"


@get("/jobs/{token:str}", opt={"scope": READ}, include_in_schema=False)
async def show_job(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker, token: FromPath[str],
    after: FromQuery[str | None] = None,
) -> Response[str]:
    """Everything about one job, live."""
    language = language_of(request)
    async with platform.db.connection() as conn:
        job = await service.get_job(
            conn, principal.organization_id, token, hidden=hidden_from(platform, principal)
        )
        course = await _course(conn, job, after)
        kind: Kind | None = platform.registry.job_kinds.get(job.kind)
        found = await outcome(conn, kind, job)
        held_up = await waiting.look(platform, conn, job)
        barred = (await service.barred(conn, [job])).get(job.id)
    course["waits"] = await waiting.told(platform, held_up, language)
    error = job.error or {}
    return page(
        request, "jobs/job.html", kind=kind, shown=view(job, language),
        details=_details(error, language),
        told=told(kind, job.result), outcome=found, reasons=reasons(error, language) if error
        else [], address=hosts.address_of(request, platform.settings),
        says=says(job, language), may=may_begin(job.kind, principal),
        barred=barred.message(language) if barred else None, **course,
    )


async def _course(conn: Conn, job: Job, after: str | None) -> dict[str, Any]:
    """A job's parts, their picture, and the log that its rows tell."""
    number = decode_cursor(after, f"parts {job.id}", int)[0] if after else 0
    found = await overview.parts(conn, job, after=number, limit=PARTS_PAGE)
    sampled = await overview.sample(conn, job)
    events = await overview.events(conn, job)
    drawn = pictures.picture_of_parts(
        sampled, job.requested_at, job.finished_at or clock.now(), job.parts_total
    )
    return {
        "job": job, "parts": found.items, "after": after, "drawn": drawn, "events": events,
        "next": following(found, lambda part: encode_cursor(f"parts {job.id}", part.number)),
        "seen": digest([job.status, job.phase, found.items, sampled, events]),
    }


def _details(error: dict[str, Any], language: str) -> list[Any]:
    """The first particulars of an error, their remedies in the reader's language."""
    return [
        each | {"remedy": translate(each["remedy"], language)}
        if isinstance(each, dict) and isinstance(each.get("remedy"), str) else each
        for each in (error.get("details") or [])[:DETAILS]
    ]


def told(kind: Kind | None, result: Any) -> list[tuple[str, Any]]:
    """What a person reads of a result: its fields that *kind* has a label for, with that label."""
    if kind is None or not isinstance(result, dict):
        return []
    found = [(label, result[name]) for name, label in kind.labels.items() if name in result]
    return [
        (label, value[:RESULT_CHARACTERS] + " …" if isinstance(value, str)
         and len(value) > RESULT_CHARACTERS else value) for label, value in found
    ]


async def outcome(conn: Conn, kind: Kind | None, job: Job) -> dict[str, Any] | None:
    """Where the outcome of *job* is to be had, whether it is a picture, until when it is kept, and
    whether it is gone.
    """
    if kind is None or kind.result_path is None:
        return None
    # A page tells the course as well; a file is there only once the job has finished.
    if job.status != "finished" and kind.result_type != "text/html":
        return None
    found = {"path": kind.result_path.replace("{token}", job.token), "until": None, "gone": False,
             "picture": kind.result_type.startswith("image/")}
    try:
        until = await kind.kept(conn, job) if kind.kept else None
    except NotFound:
        return found | {"gone": True}
    return found | {"until": until}


@get("/jobs/{token:str}/course", opt={"scope": READ}, include_in_schema=False)
async def show_course(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker, token: FromPath[str],
    after: FromQuery[str | None] = None, seen: FromQuery[str | None] = None,
) -> Response[Any]:
    """Parts and log alone, which the page asks for again; 204 where nothing is new."""
    async with platform.db.connection() as conn:
        job = await service.get_job(
            conn, principal.organization_id, token, hidden=hidden_from(platform, principal)
        )
        course = await _course(conn, job, after)
        found = await waiting.look(platform, conn, job)
    if course["seen"] == seen:
        return Response(None, status_code=204)
    course["waits"] = await waiting.told(platform, found, language_of(request))
    return page(request, "jobs/course.html", **course)


@post("/jobs/{token:str}/cancel", opt={"scope": WRITE} | BACK, include_in_schema=False)
async def cancel(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker, token: FromPath[str]
) -> Response[Any]:
    """End the job now, from its page."""
    return await _act(request, platform, principal, token, service.cancel, MESSAGES["cancel"])


@post("/jobs/{token:str}/retry", opt={"scope": WRITE} | BACK, include_in_schema=False,
      guards=[admitted])
async def retry(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker, token: FromPath[str]
) -> Response[Any]:
    """Let a failed or cancelled job start over, from its page."""
    return await _act(request, platform, principal, token, service.retry, MESSAGES["retry"])


async def _act(
    request: Request[Any, Any, Any], platform: Platform, principal: Principal, token: str,
    verb: Any, said: str,
) -> Response[Any]:
    async with platform.db.transaction() as conn:
        job = await verb(
            conn, principal.organization_id, token, by=principal,
            hidden=hidden_from(platform, principal),
        )
    return go_on(request, f"/jobs/{job.token}", said)


routes = [
    show_jobs, show_rows, show_new, retry_shown, show_job, show_course, cancel, retry,
]
