"""The home page as a plain program writes it: every request asks the database for all it shows.

    python bench/plain_home.py PORT DATABASE_URL FOLDER counting|indexed|figures|sessions

The same session, figures and template as ours. ``counting`` counts rows, ``indexed`` looks each
figure up, ``figures`` has them from the cache, ``sessions`` the session and the last sign-in, too.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops

from vazao import accounts, main
from vazao.accounts import authentication, credentials, store
from vazao.accounts.home import home_of, value_of
from vazao.kit.platform import Platform, Principal
from vazao.kit.settings import Settings
from vazao.kit.web import pages

COUNTS = (
    "select count(*) from leads.lead where organization_id = %s",
    "select count(*) from events.event as e join events.provider as p on p.id = e.provider_id "
    "where p.organization_id = %s and e.listed",
    "select count(*) from jobs.job where organization_id = %s and status in ('queued', 'running')",
)


def application(url: str, folder: str, kind: str) -> Any:
    """The page as an ASGI application."""
    settings = Settings(database_url=url, data_dir=Path(folder), secret="x" * 32)
    platform = Platform(settings, url, main.registry())
    platform.authenticate = accounts.authenticator(platform)
    asking: Any = authentication.Authenticator(platform)
    kept = home_of(platform)

    async def counted(conn: Any, person: Principal) -> list[Any]:
        values = []
        for n, (each, _) in enumerate(kept.shown()):
            if kind == "indexed" or n >= len(COUNTS):
                values.append(await value_of(conn, each, person.organization_id))
            else:
                found = await conn.execute(COUNTS[n], [person.organization_id])
                values.append((await found.fetchone() or (0,))[0])
        return values

    async def shown(person: Principal) -> tuple[Any, bool, Any]:
        if kind == "sessions":
            (last, first), values = kept.known(person) or await kept.learnt(person)
            return last, first, values
        async with platform.db.connection() as conn:
            last, previous = await store.find_sign_in(conn, person.user_id or 0)
            if kind != "figures":
                return previous or last, previous is None, await counted(conn, person)
        _, values = kept.known(person) or await kept.learnt(person)
        return previous or last, previous is None, values

    async def page(cookie: str) -> str:
        digest = credentials.digest(cookie.partition("vazao_session=")[2])
        if kind == "sessions":
            person: Principal = await asking.session(digest)
        else:
            person = (await asking._find_session(digest)).principal
        last, first, values = await shown(person)
        return pages.render(
            platform, "accounts/home.html", language="en", path="/", principal=person,
            csrf=asking.csrf(digest), first=first, last=last, **kept.context(person, values),
        )

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await platform.open()
            await send({"type": "lifespan.startup.complete"})
            return
        cookie = dict(scope["headers"]).get(b"cookie", b"").decode()
        body = (await page(cookie)).encode() if cookie else b"ok"
        await send({"type": "http.response.start", "status": 200,
                    "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": body})

    return app


if __name__ == "__main__":
    port, *rest = sys.argv[1:]
    made = application(*rest)
    Granian(
        "app", port=int(port), interface=Interfaces.ASGI, http=HTTPModes.http1, loop=Loops.uvloop,
        log_access=False, workers=1,
    ).serve(target_loader=lambda *_: made)
