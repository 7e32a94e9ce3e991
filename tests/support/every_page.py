"""Every page of the platform with real data in it, and what axe and a ruler say of one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.support.pictures import PICTURE
from tests.support.running import Running
from tests.support.waiting import until

AXE = Path(__file__).resolve().parents[2] / "build/assets/node_modules/axe-core/axe.min.js"
WIDTHS, THEMES = (390, 1366), ("light", "dark")
HEIGHT = 844
SHEET = "E-mail,Nome,Telefone,Cor\nana@x.com,Ana,11 99999-0001,azul\nsem,Bea,x,verde\n" \
    "caio@x.com,Caio,1,azul\n"
CHANGED = SHEET.replace("Ana", "Ana Maria").replace("caio@", "davi@")
FIXED = {
    "home": "/", "leads": "/leads", "leads found": "/leads?q=ana", "no leads": "/leads?q=zzzz",
    "new lead": "/leads/new", "deleted leads": "/leads/deleted", "fields": "/leads/fields",
    "imports": "/leads/imports", "jobs": "/jobs", "no jobs": "/jobs?status=cancelled",
    "new job": "/jobs/new", "events": "/events", "no events": "/events?q=zzzz",
    "providers": "/events/providers", "relay": "/relay", "lists": "/relay/lists",
    "runs": "/relay/runs", "audit of relay": "/relay/audit", "account": "/account",
    "sessions": "/account/sessions", "notices": "/account/notices", "webhooks": "/webhooks",
    "users": "/admin/users", "tokens": "/admin/tokens",
    "changes": "/admin/audit", "cache": "/admin/cache", "limits": "/limits", "error": "/nothing",
    "reference": "/docs",
}
"""Pages whose address is always the same."""
PLATFORM = {"operation": "/ops", "what was wrong": "/ops/alarms",
            "database": "/ops/database", "work of organizations": "/ops/organizations",
            "an organization's work": "/ops/organizations/demo",
            "organizations": "/admin/organizations"}
"""Those of the platform's admins."""
CHIEF, CHIEF_PASSWORD = "chefe", "quatro pratos de trigo"
OUTSIDE = ".swagger-ui"
"""What another library draws: the reference of the API."""


NEXT_PICTURE = "new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))"


def filled(running: Running) -> dict[str, str]:
    """The pages of the demonstration's organization, by name, once it has some of everything."""
    running.vazao("demo", "--rows", "200")
    known = json.loads((running.folder / "demo.json").read_text())
    headers = {"Authorization": f"Bearer {known['token']}"}
    with httpx2.Client(base_url=running.address, headers=headers, timeout=60) as client:
        pages = FIXED | _leads(client) | _jobs(client) | _others(client)
    return pages


def _leads(client: httpx2.Client) -> dict[str, str]:
    made = {}
    for name, text, query in (
        ("import", SHEET, {}), ("check", CHANGED, {"dry_run": "true"}),
        ("import that failed", "Nome\nAna\n", {}), ("um_nome_muito_comprido_" * 6, SHEET, {}),
    ):
        answer = client.post(
            "/v1/leads/imports", params={"filename": f"{name}.csv", **query}, content=text,
            headers={"content-type": "text/csv"},
        )
        assert answer.status_code == 202, answer.text
        made[name] = f"/leads/imports/{answer.json()['id']}"
        _ended(client, answer.json()["id"])
    lead = client.get("/v1/leads", params={"email": "ana@x.com"}).json()["items"][0]["id"]
    client.delete(f"/v1/leads/{client.get('/v1/leads').json()['items'][-1]['id']}")
    return made | {
        "lead": f"/leads/{lead}", "lead to change": f"/leads/{lead}/edit",
        "rejected rows": f"{made['import']}/rejected", "left out": f"{made['import']}/warned",
        "what would change": f"{made['check']}/changes",
    }


def _jobs(client: httpx2.Client) -> dict[str, str]:
    made = {}
    for name, path, kind, content in (
        ("sum", "/sum-even", "text/plain", b"2\n4\n"),
        ("job that failed", "/sum-even", "text/plain", b"2\nx\n"),
        ("picture", "/randomize", "image/png", PICTURE),
    ):
        answer = client.post(path, content=content, headers={"content-type": kind})
        made[name] = f"/jobs/{answer.json()['token']}"
        _ended(client, answer.json()["token"])
    return made


def _others(client: httpx2.Client) -> dict[str, str]:
    client.post("/v1/relay/sites", json={"name": "recife"})
    event = client.get("/v1/events/changes").json()["items"][0]["id"]
    provider = client.get("/v1/events/providers").json()["items"][0]["name"]
    user = client.get("/v1/users").json()["items"][0]["id"]
    hook = client.post("/v1/webhooks", json={
        "url": "https://vazao.invalid/um-endereco-muito-comprido/" + "x" * 80,
        "types": ["webhook.off"], "about": "CRM",
    }).json()["id"]
    for _ in range(2):
        client.post(f"/v1/webhooks/{hook}/test")
    return {
        "webhook": f"/webhooks/{hook}", "event": f"/events/{event}",
        "provider": f"/events/providers/{provider}",
        "site": "/relay/sites/recife", "user": f"/admin/users/{user}",
    }


def _ended(client: httpx2.Client, token: str) -> None:
    until(lambda: client.get(f"/v1/jobs/{token}").json()["status"] in ("finished", "failed"), 60)


@contextmanager
def signed_in(
    browser: Any, running: Running, username: str = "demo", password: str = "", **options: Any
) -> Iterator[Any]:
    """A page of the demonstration's admin, or of another person."""
    password = password or json.loads((running.folder / "demo.json").read_text())["password"]
    context = browser.new_context(viewport={"width": WIDTHS[0], "height": HEIGHT}, **options)
    page = context.new_page()
    page.goto(f"{running.address}/login")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", password)
    page.click("main button[type=submit]")
    page.wait_for_url("**/")
    yield page
    context.close()


def looks(page: Any) -> Iterator[tuple[int, str]]:
    """The page in both widths and both themes, one after another."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        for theme in THEMES:
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            # Scripts hear of it with the next picture.
            page.evaluate(NEXT_PICTURE)
            yield width, theme


def too_wide(page: Any) -> list[str]:
    """By how much the page is wider than the window, if it is."""
    wide = page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
    return [f"{wide} px wider than the window"] if wide > 0 else []


def opened(page: Any, address: str) -> None:
    """Go to a page, and wait for what a script draws there."""
    page.goto(address)
    if address.endswith("/docs"):
        page.wait_for_selector(".opblock")


def violations(page: Any, theme: str) -> list[str]:
    """What axe finds, and how far the page is too wide; the second theme is looked at for its
    colours alone, since all else is the same.
    """
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE.read_text())
    rules: dict[str, Any] = {"rules": {"target-size": {"enabled": True}}}
    if theme != THEMES[0]:
        rules = {"runOnly": ["color-contrast"]}
    found = page.evaluate(
        """async ([outside, rules]) => {
          const told = await axe.run(
            { exclude: [[outside]] }, { resultTypes: ["violations"], ...rules });
          return told.violations.flatMap((v) => v.nodes.map(
            (n) => `${v.id}: ${n.target} ${n.html.slice(0, 120)}`));
        }""", [OUTSIDE, rules],
    )
    return [*found, *too_wide(page)]
