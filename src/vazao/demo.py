"""``vazao demo``: an organization, a user, a token, and one real job of each feature before you."""

from __future__ import annotations

import time
from inspect import signature
from typing import TYPE_CHECKING, Any

from vazao import accounts
from vazao.kit.cli import language
from vazao.kit.formats import duration
from vazao.kit.platform import Platform
from vazao.kit.serving import address_of
from vazao.kit.steps import text as _

if TYPE_CHECKING:
    from vazao.accounts import Identity

class Say:
    """What a demo step gets as ``say``: called with a line, it prints it.

    ``organization_id`` is whose the job shall be.
    """

    def __init__(self, organization_id: int) -> None:
        self.organization_id = organization_id

    def __call__(self, line: str = "") -> None:
        """Print *line* at once."""
        print(line, flush=True)  # noqa: T201 (this is the command's output)


async def show(platform: Platform, *, rows: int) -> None:
    """Make what is missing, run the features' demo steps in order, and print how to go on.

    Args:
        rows: how large a sheet is imported, for the steps that ask for it.
    """
    identity = await accounts.demo_identity(platform)
    say = Say(identity.organization_id)
    for step in sorted(platform.registry.demo, key=lambda step: step.order):
        say()
        say(f"▶ {_(step.name)}")
        began = time.perf_counter()
        sized = {"rows": rows} if "rows" in signature(step.run).parameters else {}
        for line in await step.run(platform, say, **sized):
            say(f"  {line}")
        say(_("  took {time}", time=duration(time.perf_counter() - began, language())))
    _tell(platform, say, identity)


def _tell(platform: Platform, say: Say, identity: Identity) -> None:
    address = address_of(platform.settings)
    say()
    say(_("Open {address}/ and sign in as {user} with the password {password}",
             address=address, user=identity.username, password=identity.password))
    for entry in sorted(platform.registry.menu, key=lambda entry: entry.order):
        if entry.platform:
            continue
        say(f"  {address}{entry.path:<24} {_(entry.label)}")
    say(f"  {address}{'/docs':<24} OpenAPI")
    say()
    say(_("Other systems use this token: {token}", token=identity.token))
    for line in curl_lines(platform, address, identity.token):
        say(f"  {line}")
    say()


def curl_lines(platform: Platform, address: str, token: str) -> list[str]:
    """A ``curl`` line for each JSON route whose path has no place to fill in.

    What a feature registered for one is its body, or its query where it begins with ``?``.
    """
    from vazao.kit.web.frame import create_app

    lines, bodies = [], platform.registry.demo_bodies
    for route in create_app(platform).routes:
        for method, handler in _handlers(route):
            body_of = bodies.get((method, route.path))
            body = body_of(platform) if body_of else ""
            query = body if body.startswith("?") else ""
            hidden = "{" in route.path or route.path.startswith("/openapi")
            if hidden or (method != "GET" and not body):
                continue
            header = f"-H 'Authorization: Bearer {token}'" if not handler.opt.get("public") else ""
            asked = f"'{address}{route.path}{query}'" if query else f"{address}{route.path}"
            words = ["curl -s", header, "" if query else body, asked]
            lines.append(" ".join(word for word in words if word))
    return sorted(lines, key=lambda line: line.rpartition(" ")[2])


def _handlers(route: Any) -> list[tuple[str, Any]]:
    """The methods and handlers of *route* that a program may call."""
    return [
        (str(method), handler)
        for handler in getattr(route, "route_handlers", ())
        for method in sorted(handler.http_methods) if method in ("GET", "POST")
        if handler.resolve_include_in_schema()
        and not (handler.opt.get("session") or handler.opt.get("admin"))
    ]
