"""leads: bulk import of spreadsheets into an organization's base of leads, and that base.

The face: :func:`register` shows routes, pages, commands, the kinds of jobs and the figures.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vazao.kit.faces import lazily

if TYPE_CHECKING:
    from vazao.jobs import Kind
    from vazao.kit.registry import Registry, Retention
    from vazao.leads.settings import LeadSettings

__all__ = ["LeadSettings", "register"]

__getattr__ = lazily(__name__, {"LeadSettings": "settings"})


def _routes() -> list[Any]:
    from vazao.leads import (
        api,
        api_fields,
        api_imports,
        pages,
        pages_editing,
        pages_fields,
        pages_imports,
        wizard,
    )

    return [
        *api_imports.routes, *api_fields.routes, *api.routes, *wizard.routes, *pages_imports.routes,
        *pages_fields.routes, *pages_editing.routes, *pages.routes,
    ]


def _show_at_home(registry: Registry) -> None:
    """What the home page shows of leads."""
    from vazao.kit.registry import Figure, FirstStep, Recent
    from vazao.leads import service, store

    registry.figures.append(Figure("Leads", "/leads", store.base.size, 10, "jobs"))
    registry.recent.append(Recent(
        "Latest imports", "/leads/imports", service.latest, 10, "jobs", ("leads.import",),
    ))
    registry.first_steps.append(FirstStep(
        "Import a spreadsheet", "/leads/imports", 10, scope="leads:write",
        help="Its rows become leads. You check the columns before anything is saved.",
    ))


def register(registry: Registry) -> None:
    """Show the feature to the platform."""
    from vazao import uploads
    from vazao.kit.registry import DemoStep, MenuEntry, NoticeType, Periodic, Place
    from vazao.leads import cli, demo, erasing, service, tasks
    from vazao.leads.models import IMPORT_FINISHED

    registry.tells(NoticeType(IMPORT_FINISHED, "An import ended", scope="leads:read"))
    _add_scopes(registry)
    registry.web.append(_routes)
    registry.loads.append(_load)
    registry.menu += [
        MenuEntry("Leads", "/leads", 10), MenuEntry("Imports", "/leads/imports", 11),
    ]
    _show_at_home(registry)
    registry.quotas.append(uploads.of_files(
        service.SHEET, "Stored sheets", "VAZAO_LEADS_MAX_SHEETS",
        frees="Sheets are removed automatically some time after their last import, or if they were "
        "never imported.",
    ))
    for quota in ("storage", "sheet"):
        registry.places[quota].append(Place("Imports", "/leads/imports"))
    registry.retentions += _retentions()
    registry.commands["leads"].append(cli.app)
    registry.demo_bodies["POST", "/v1/leads/imports"] = demo.body
    registry.demo.append(DemoStep("Import of a spreadsheet", demo.import_sheet, 10))
    registry.template_packages.append("vazao.leads")
    registry.periodic += [
        Periodic("leads.sweep", 60.0, tasks.sweep),
        Periodic("leads.forget_deleted", 3600.0, erasing.forget_deleted),
        Periodic("leads.expire_sheets", 3600.0, erasing.expire_sheets),
        Periodic("leads.thin", 600.0, tasks.thin),
        Periodic("leads.renew_words", 10.0, tasks.renew_words),
    ]
    registry.job_kinds |= {kind.name: kind for kind in _kinds()}


def _add_scopes(registry: Registry) -> None:
    registry.add_scope(
        "leads:read", "Read, search and export leads, and see their imports.", members=True
    )
    registry.add_scope(
        "leads:write", "Import, create, change, delete and erase leads.", members=True
    )


def _load() -> None:
    import polars

    for name in ("correcting", "exporting", "fitting", "resending"):
        import_module(f"vazao.leads.{name}")
    # Begins its threads, with the priority of this one.
    polars.thread_pool_size()


def _retentions() -> list[Retention]:
    from vazao.kit.registry import Retention, for_ever
    from vazao.leads.settings import LeadSettings

    return [
        Retention("Sheets and their rejected rows, after the last import",
                  "VAZAO_LEADS_SHEETS_KEPT_DAYS",
                  lambda settings: settings.of(LeadSettings).sheets_kept_days),
        Retention("Deleted leads, until which they can be restored",
                  "VAZAO_LEADS_DELETED_KEPT_DAYS",
                  lambda settings: settings.of(LeadSettings).deleted_kept_days),
        Retention("Leads, and the counts of their imports", None, for_ever),
    ]


def _kinds() -> list[Kind]:
    """The work that it brings."""
    from vazao import jobs
    from vazao.leads import erasing, tasks

    return [
        jobs.Kind(
            "leads.import", "Import of a spreadsheet", "read",
            {"read": tasks.read, "merge": tasks.merge}, on_end=tasks.ended,
            bars=tasks.bars, on_retry=tasks.retried, weights={"read": 1.0, "merge": 3.0},
            unit_seconds={"read": 0.05, "merge": 0.5},
            result_path="/leads/imports/{token}",
        ),
        jobs.Kind(
            "leads.index", "Search catches up with an import", "plan",
            {"plan": tasks.plan_index, "index": tasks.index, "mark": tasks.mark},
            weights={"plan": 0.02, "index": 1.0, "mark": 0.01}, background=True,
        ),
        jobs.Kind(
            erasing.KIND, "Permanent erasure of a person", "erase",
            {"erase": erasing.erase, "scan": erasing.scan, "close": erasing.close},
            on_end=erasing.ended, bars=erasing.bars, on_retry=erasing.retried,
            reports=True, tells=erasing.says, admin=True,
            weights={"erase": 0.1, "scan": 1.0, "close": 0.1},
        ),
    ]
