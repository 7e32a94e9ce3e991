"""Who else may ask: everybody but those whom a route is for, each with real credentials."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tests.support.asking import Asked, Told
from tests.support.filling import OWN_SHEET, Case, unsafe
from tests.support.routes import handlers
from tests.support.target import MARKS, NAMED, SHEET, TITLE, Target
from tests.support.target_relay import LOCAL, Speaker, enrol
from tests.support.tenants import Place
from vazao.accounts import service
from vazao.kit.platform import PUBLIC

PLATFORM = {
    "/v1/organizations", "/admin/organizations", "/v1/cache", "/admin/cache", "/ops", "/ops/alarms",
    "/ops/figures/{name}", "/v1/ops/findings", "/ops/organizations", "/ops/organizations/{slug}",
    "/ops/database",
}
"""What admins of the platform may see: names of organizations, what caches hold, what is wrong."""
ENDING = {"POST /logout", "DELETE /v1/sessions/current"}
"""What ends the session that asks: each is asked with a session of its own."""
OWN_ROWS = SHEET.partition("\n")[0] + "\nx@example.com,X,,,,\n"
"""A sheet of their own, with the columns that somebody of the organization mapped."""
EVIL = "https://elsewhere.example"
Headers = Mapping[str, str]


def is_refused(case: Case, told: Told) -> bool:
    """Whether somebody without a right to anything was sent away, unless the world may ask."""
    if case.opt.get("public"):
        return is_foreign(case, told)
    if told.status == 303:
        return told.header("location").startswith("/login?next=")
    return told.status in (401, 403, 404, 405, 429)


def is_foreign(case: Case, told: Told) -> bool:
    """Whether an answer to another organization gives nothing that an address named.

    A page that was left by a form sends back to the page it is on, whatever that shows.
    """
    if not case.owned or case.method == "OPTIONS":
        return told.status < 500
    return 400 <= told.status < 500 or (told.status == 303 and not unsafe(case))


def is_forbidden(case: Case, told: Told) -> bool:
    """Whether somebody known was told that they may not."""
    return told.status == 403


def is_kept_from(case: Case, told: Told) -> bool:
    """The same, or that a job was not shown since it is of a feature that they may not read."""
    return told.status == (404 if scope_of(case).startswith("jobs:") else 403) or (
        told.status == 403
    )


@dataclass
class Identity:
    """Somebody who asks.

    Attributes:
        headers: by which they say who they are.
        tries: whether a request is one that they have no right to.
        holds: whether an answer is one that they may be given.
        marks: the words that no answer may hold.
        beside: a site whose own rows they may change.
        renew: signs them in again.
        is_somebody: whether they can show themselves.
        public: whether strangers are served while they ask.
        sheet: one of their own, that they stored.
    """

    name: str
    headers: Callable[[Asked], Headers]
    tries: Callable[[Case], bool] = lambda case: True
    holds: Callable[[Case, Told], bool] = is_refused
    marks: tuple[str, ...] = (*MARKS, LOCAL)
    beside: int = 0
    renew: Callable[[], Awaitable[Callable[[Asked], Headers]]] | None = None
    is_somebody: bool = False
    public: bool = False
    sheet: str = OWN_SHEET


def always(**headers: str) -> Callable[[Asked], Headers]:
    """The same headers with every request."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda asked: given


def bearer(secret: str) -> Callable[[Asked], Headers]:
    """A token."""
    return always(authorization=f"Bearer {secret}")


def cookie(secret: str, **more: str) -> Callable[[Asked], Headers]:
    """A session."""
    return always(cookie=f"vazao_session={secret}", **more)


def scope_of(case: Case) -> str:
    """The scope that a route asks for; empty where it asks for none."""
    return str(case.opt.get("scope") or "")


class Others:
    """Makes them all; *target* is the organization that is not theirs."""

    def __init__(self, place: Place, target: Target) -> None:
        self.place, self.target = place, target
        self.scopes = tuple(place.platform.registry.scopes)

    async def all(self, mine: Speaker, neighbour: Speaker) -> list[Identity]:
        """Everybody, in the order of the table."""
        return [
            *self._strangers(), *await self._former(), *await self._lesser(),
            *await self._forged(), *await self._foreign(), *await self._agents(mine, neighbour),
        ]

    def _strangers(self) -> list[Identity]:
        made_up = "A" * 43
        return [
            Identity("nobody", always()),
            Identity("nobody, where strangers are served", always(), holds=is_foreign,
                     public=True),
            Identity("nobody, with a proxy's headers", always(
                x_forwarded_for="127.0.0.1", x_forwarded_host="localhost",
                x_forwarded_proto="https", x_forwarded_user="alvo-admin", x_real_ip="127.0.0.1",
                x_remote_user="alvo-admin", x_organization=str(self.target.id), origin=EVIL,
            )),
            Identity("a token that nobody made", bearer(f"vz_{made_up}")),
            Identity("such a token in a pair", always(application="folha",
                                                      api_token=f"vz_{made_up}")),
            Identity("a session that nobody made", cookie(f"vs_{made_up}")),
        ]

    async def _former(self) -> list[Identity]:
        """Who was somebody of the organization."""
        place, send = self.place, self.target.send
        revoked = await self.place.token(self.target.id, *self.scopes)
        await self._is_known(bearer(revoked))
        listed = (await send("GET", "/v1/tokens")).json()["items"]
        await send("DELETE", f"/v1/tokens/{listed[0]['id']}")
        ended = await place.session("alvo-admin")
        await self._is_known(cookie(ended))
        answer = await place.client(authorization=f"Bearer {ended}").delete("/v1/sessions/current")
        assert answer.status_code == 204, answer.text
        gone = await place.user(self.target.id, "alvo-antigo", "admin")
        disabled = await place.session("alvo-antigo")
        await self._is_known(cookie(disabled))
        await send("PATCH", f"/v1/users/{gone}", json={"enabled": False})
        expired = await place.token(self.target.id, *self.scopes, life=timedelta(seconds=-1))
        return [
            Identity("a revoked token of it", bearer(revoked)),
            Identity("an expired token of it", bearer(expired)),
            Identity("an ended session of its admin", cookie(ended)),
            Identity("a session of a disabled admin of it", cookie(disabled)),
            Identity("the same as a bearer", bearer(disabled)),
        ]

    async def _lesser(self) -> list[Identity]:
        """Who may do less in the organization than a route asks for."""
        place, id = self.place, self.target.id
        known = place.platform.registry.scopes
        await place.user(id, "alvo-membro", "member")
        member, csrf = await place.browser("alvo-membro")
        nothing = await self.place.token(id, "ops:read")
        found = [
            Identity(
                "a member of it, what admins may", always(
                    cookie=member.headers["cookie"], x_csrf_token=csrf
                ), lambda case: bool(case.opt.get("admin")) or not known.get(
                    scope_of(case), True
                ), is_forbidden, is_somebody=True,
            ),
            Identity("a token of it that may nothing", bearer(nothing), _asks_for_a_right,
                     is_forbidden, is_somebody=True),
        ]
        asked = {handler.opt.get("scope") for _, _, handler in handlers()}
        for scope in filter(asked.__contains__, self.scopes):
            secret = await self.place.token(id, *(each for each in self.scopes if each != scope))
            found.append(Identity(
                f"a token of it without `{scope}`", bearer(secret),
                lambda case, scope=scope: (  # type: ignore[misc]
                    (scope_of(case) == scope and not case.opt.get("also"))
                    or self._is_hidden(case, scope)
                ), is_kept_from, is_somebody=True,
            ))
        whole = await self.place.token(id, *self.scopes)
        found.append(Identity(
            "a token of it with every scope, what people may", bearer(whole),
            lambda case: bool(case.opt.get("admin") or case.opt.get("session")), is_forbidden,
            is_somebody=True,
        ))
        return found

    def _is_hidden(self, case: Case, scope: str) -> bool:
        """Whether a request names a job of a feature that who lacks *scope* may not read."""
        noun, _, verb = scope.partition(":")
        named = self.target.named.get(f"job of {noun}", ())
        return verb == "read" and "/jobs/{token}" in case.route and any(
            token in case.asked.path for token in named
        )

    async def _forged(self) -> list[Identity]:
        """What other sites make the organization's admin send."""
        session = await self.place.session("alvo-admin")
        mine = self.place.platform.authenticate.csrf(_digest(session))  # type: ignore[union-attr]
        await self.place.user(await self._other("vizinha-a"), "bruna", "admin")
        _, foreign = await self.place.browser("bruna")
        return [
            # A page that refuses shows its reader's own name.
            Identity(f"its admin's session, {how}", cookie(session, **more), _is_guarded,
                     is_forbidden, (NAMED, TITLE, LOCAL), is_somebody=True)
            for how, more in (
                ("without a CSRF value", {}),
                ("with another organization's CSRF value", {"x_csrf_token": foreign}),
                ("sent by another origin", {"x_csrf_token": mine, "origin": EVIL}),
                ("sent by another site", {"x_csrf_token": mine, "sec_fetch_site": "cross-site"}),
            )
        ]

    async def _foreign(self) -> list[Identity]:
        """People and programs of another organization, and of the platform's."""
        await self.place.user(await self._other("vizinha-b"), "bento", "member")
        async with self.place.platform.db.connection() as conn:
            public = (await service.organization(conn, PUBLIC)).id
        await self.place.user(public, "gestora", "admin")
        token = await self.place.token(await self._other("vizinha-c"), *self.scopes)
        return [
            await self._person("an admin of another organization", "bruna"),
            await self._person("a member of another organization", "bento"),
            Identity("a token of another organization, with every scope", bearer(token),
                     holds=is_foreign, is_somebody=True,
                     sheet=await self._sheet(bearer(token))),
            await self._person("an admin of the platform, but for its own pages", "gestora",
                               lambda case: case.route.partition(" ")[2] not in PLATFORM),
        ]

    async def _agents(self, mine: Speaker, neighbour: Speaker) -> list[Identity]:
        await self.place.user(await self._other("vizinha-d"), "berta", "admin")
        berta, _ = await self.place.browser("berta")
        site = await berta.post("/v1/relay/sites", json={"name": NAMED})
        foreign = await enrol(self.place, site.json()["token"])
        async with self.place.platform.db.connection() as conn:
            row = await (await conn.execute(
                "select site_id from relay.agent where id = %s", [neighbour.agent]
            )).fetchone()
        return [
            Identity("an agent of another organization", foreign.signed),
            Identity("such an agent in the name of its agent",
                     Speaker(mine.agent, foreign.key).signed),
            Identity("an agent of another site of it", neighbour.signed, marks=(LOCAL,),
                     beside=row[0] if row else 0),
            Identity("its own agent, where people ask", mine.signed,
                     lambda case: "/relay/agent/" not in case.route),
        ]

    async def _person(
        self, name: str, username: str, tries: Callable[[Case], bool] = lambda case: True
    ) -> Identity:
        async def renew() -> Callable[[Asked], Headers]:
            browser, csrf = await self.place.browser(username)
            return always(cookie=browser.headers["cookie"], x_csrf_token=csrf)

        say = await renew()
        return Identity(name, say, tries, is_foreign, renew=renew, is_somebody=True,
                        sheet=await self._sheet(say))

    async def _sheet(self, headers: Callable[[Asked], Headers]) -> str:
        """A sheet of theirs; and a lead, behind all others, so that their base has pages."""
        given: Any = dict(headers(Asked("POST", "/leads/uploads")))
        client = self.place.client(**given)
        lead = await client.post("/v1/leads", json={"email": "zz@zz.example"})
        assert lead.status_code == 201, lead.text
        stored = await client.post("/leads/uploads", files={"file": ("folha.csv", OWN_ROWS)})
        return stored.headers["location"].rpartition("=")[2]

    async def _other(self, slug: str) -> int:
        """Another organization; one each, since they make things by the same names."""
        async with self.place.platform.db.transaction() as conn:
            return (await service.create_organization(conn, slug)).id

    async def _is_known(self, headers: Callable[[Asked], Headers]) -> None:
        """That a credential is real shows before it ends."""
        given: Any = dict(headers(Asked("GET", "/v1/me")))
        assert (await self.place.client(**given).get("/v1/me")).status_code == 200


def _asks_for_a_right(case: Case) -> bool:
    return bool(scope_of(case) or case.opt.get("admin") or case.opt.get("session"))


def _is_guarded(case: Case) -> bool:
    """Whether a request is held to a CSRF value: it may change something, for somebody."""
    return unsafe(case) and not case.opt.get("anonymous") and case.opt.get("csrf") != "handler"


def _digest(secret: str) -> bytes:
    from vazao.accounts import credentials

    return credentials.digest(secret)
