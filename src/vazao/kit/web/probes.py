"""Probes: does the process answer, can it work, and what has it measured.

``/healthz`` touches nothing. ``/readyz`` asks the database within two seconds, compares its
schema with the one this program was written for, and runs the checks that others registered as
``registry.readiness``. Disk and file store are reported: without them a process still answers.
None of them says who runs or where: they are open to everyone.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal, TypedDict

from litestar import Request, Response, get
from litestar.di import NamedDependency

from vazao.kit import metrics
from vazao.kit.errors import Unavailable, VazaoError
from vazao.kit.logging import get as get_logger
from vazao.kit.platform import Platform
from vazao.kit.readiness import check_database, check_disk, check_storage
from vazao.kit.registry import Check
from vazao.kit.web.openapi import NO_STORE as NEVER_KEPT
from vazao.kit.web.openapi import TEXT, Answer, says
from vazao.kit.web.pages import language_of

OPEN: dict[str, Any] = {"public": True, "anonymous": True, "anyhost": True}
NO_STORE = {"Cache-Control": "no-store"}
PATIENCE_SECONDS = 2.0
log = get_logger("probes")


class NotReady(Unavailable):
    """Not ready yet. Missing: {missing}."""

    code = "not_ready"


class Health(TypedDict):
    """The process answers."""

    status: Literal["ok"]


class Readiness(Health):
    """The process can do its work; ``checks`` says what each check found."""

    checks: dict[str, str]


CHECKS = (
    Check("database", check_database), Check("disk", check_disk, required=False),
    Check("storage", check_storage, required=False),
)
READY = {"status": "ok", "checks": {
    "database": "r0024", "disk": "61440 MB", "storage": "ok", "workers": "2",
}}
METRICS = "# TYPE vazao_jobs_ended_total counter\n"



async def _outcome(check: Check, platform: Platform) -> tuple[str, VazaoError | None]:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await check.run(platform), None
    except TimeoutError:
        return "", Unavailable("No answer within {seconds} seconds.", seconds=PATIENCE_SECONDS)
    except VazaoError as error:
        return "", error
    except Exception as error:
        log.error("readiness check failed", check=check.name, exc_info=error)
        return "", VazaoError()


@get("/healthz", tags=["ops"], operation_id="checkHealth", summary="Check that it answers",
     opt=says(
         Answer(about="It answers.", kind=Health, example={"status": "ok"}, headers=(NEVER_KEPT,)),
         **OPEN,
     ))
async def healthz() -> Response[Health]:
    """The process answers."""
    return Response(Health(status="ok"), headers=NO_STORE)


@get("/readyz", tags=["ops"], operation_id="checkReadiness", summary="Check that it can work",
     opt=says(
         Answer(about="It can work.", kind=Readiness, example=READY, headers=(NEVER_KEPT,)),
         refuses=(NotReady,), **OPEN,
     ))
async def readyz(
    request: Request[Any, Any, Any], platform: NamedDependency[Platform]
) -> Response[Readiness]:
    """The process can do its work: database, migrations, and what else was registered.

    A check that is not required is reported among ``checks``, whatever it found.

    Raises:
        NotReady: 503 whose details name each thing missing and why.
    """
    checks = [*CHECKS, *platform.registry.readiness]
    language = language_of(request)
    outcomes = await asyncio.gather(*(_outcome(check, platform) for check in checks))
    failed = {
        check.name: error for check, (_, error) in zip(checks, outcomes, strict=True)
        if error and check.required
    }
    if failed:
        raise NotReady(
            missing=", ".join(failed),
            details=[
                {"code": error.code, "place": name, "message": error.message(language)}
                for name, error in failed.items()
            ],
            retry_after=5,
        )
    said = {
        check.name: error.message(language) if error else text
        for check, (text, error) in zip(checks, outcomes, strict=True)
    }
    return Response(Readiness(status="ok", checks=said), headers=NO_STORE)


@get("/metrics", tags=["ops"], operation_id="readMetrics", summary="Read the metrics",
     opt=says(
         Answer(about="Prometheus text.", kind=TEXT, media="text/plain", example=METRICS,
                headers=(NEVER_KEPT,)),
         **OPEN,
     ))
async def show_metrics() -> Response[bytes]:
    """Prometheus text: the metrics of all processes of this host."""
    body, content_type = await asyncio.to_thread(metrics.exposition)
    plain = content_type.removesuffix("; charset=utf-8")
    return Response(body, media_type=plain, headers=NO_STORE)


routes: list[Any] = [healthz, readyz, show_metrics]
