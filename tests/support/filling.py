"""A request for each route, with the names of an organization's own things wherever one can stand.

What a route declares of itself is filled from the reference's examples; what names things is said
here. A route that nobody told how to fill raises :class:`Unfilled`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from tests.support.asking import Asked
from tests.support.pictures import PICTURE
from tests.support.routes import handlers
from tests.support.target import CHANGED, NAMED, NUMBERS, SHEET, Target, key
from vazao.main import registry

FORM = "application/x-www-form-urlencoded"
OWN_SHEET = "0" * 32
"""Stands for a sheet of who asks, where they have one: what is named beside it is not theirs."""
OWN = {
    "sessions/session_id": "session", "sessions/id": "session", "tokens/token_id": "token",
    "tokens/id": "token", "users/user_id": "user", "users/id": "user", "user/id": "user",
    "providers/name": "provider", "events/id": "event", "files/upload": "upload",
    "jobs/token": "job", "imports/token": "import", "leads/lead_id": "lead",
    "fields/name": "field", "randomize/token": "picture", "sum-even/token": "sum",
    "lists/name": "list", "runs/run": "run", "sites/name": "site",
    "webhooks/webhook_id": "webhook",
}
"""By a parameter of a path and what stands before it: the kind of things that it names."""
VERBS = ("pause", "resume", "run", "resend", "restart", "diagnose", "revoke", "purge")
FREE: dict[str, tuple[str, ...]] = {
    "language/code": ("en",), "news/noun": tuple(
        sorted({scope.partition(":")[0] for scope in registry().scopes})
    ),
    "run/verdict": ("release", "reject"), "name/verb": VERBS, "relay/name": ("none.pyz",),
    "static/name": ("app.css",), "figures/name": ("load", "nothing"),
    "organizations/slug": ("none",), "chunks/number": ("0",),
}
"""The same of those that name nothing of an organization, with values."""
QUERY = {
    "site": "site", "list": "list", "provider": "provider", "email": "email", "upload": "sheet",
}
"""Parameters of a query that name something of a kind."""
SAID = {"q": NAMED, "tag": NAMED, "city": f"Cidade {NAMED}", "base_id": f"base-{NAMED}",
        "event_id": "2", "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2099-01-01T00:00:00Z"}
"""Parameters of a query that say something of an organization's own."""
PAGES = {
    "/": ("done=created",), "/login": ("next=/leads",),
    "/events": (f"q={NAMED}", f"provider={NAMED}"),
    "/jobs": ("status=running", "kind=leads.import", f"q={NAMED}", "q={job}", "by=ana"),
    "/admin/users": (f"q={NAMED}",), "/admin/audit": (f"subject={NAMED}", f"actor={NAMED}"),
    "/jobs/rows": ("seen=x",),
    "/leads": (f"q={NAMED}", f"tag={NAMED}"), "/leads/export": (f"q={NAMED}",),
    "/leads/imports/new": (
        "upload={sheet}", "upload={sheet}&again={import}", f"saved={NAMED}",
        f"upload={OWN_SHEET}", f"upload={OWN_SHEET}&again={{import}}",
    ),
    "/leads/imports/{token}/rejected": ("others=yes",),
    "/relay": ("state=late",), "/relay/runs": ("state=held",),
    "/relay/lists/{name}": ("site={site}",), "/webhooks/{webhook_id}": ("status=waiting",),
}
"""More queries of pages, which declare none."""
HEADERS = {
    "Tus-Resumable": "1.0.0", "Upload-Length": "5", "Upload-Offset": "5",
    "Upload-Metadata": "filename bnVtYmVycy50eHQ=", "X-HTTP-Method-Override": "DELETE",
}
MEDIA: dict[str, bytes] = {
    "image/png": PICTURE, "text/plain": NUMBERS, "application/offset+octet-stream": b"12345",
    "application/octet-stream": b"x", "text/csv": SHEET.encode(),
}
FIELDS = {
    "current": "errada e comprida", "new": "outra senha bem comprida", "password": "errada longa",
    "name": "Novo nome", "email": "novo@example.com", "sure": "yes",
    "language": "en", "slug": "nova",
    "username": "{username}", "application": "nova", "scope": "jobs:read", "days": "1",
    "role": "member", "enabled": "true", "url": "https://example.com/feed", "every": "60s",
    "timezone": "UTC", "public": "true", "paused": "true", "upload": "{sheet}",
    "again": "{import}", "mode": "upsert", "empty": "keep", "do": "import", "save_as": "meu",
    "saved": NAMED, "label": "Novo campo", "type": "text", "lead": "{lead}", "tags": "tomado",
    "signed": "{signed}", "back": "/leads", "once": "one", "next": "/", "cell-*": "x",
    "label-*": "Tomado", "type-*": "text", "place-*": "1", "custom-*": "tomado", "ibge": "",
    "opted_out": "true",
    "phone": "", "company": "Tomada", "job_title": "", "city": "Tomada", "state": "",
    "country": "", "website": "", "legal_basis": "", "options": "", "options-*": "",
    "ticket": "", "sheet": "", "header_row": "", "delimiter": "", "encoding": "", "strict": "",
    "about": "Tomado", "events": "job.ended", "delivery": "{delivery}", "since": "",
    "weight": "2", "jobs": "{job}", "headers": "", "column-*": "", "name-*": "",
}
"""Fields of forms; what is empty is left out."""


MANIFEST = {
    "version": 1, "base": None, "encoding": "zstd", "rows": 1, "digest": 4242, "seconds": 1.5,
    "began": 1764100000.0,
    "chunks": [{"kind": "rows", "sha256": "0" * 64, "packed": 100, "raw": 100, "rows": 1}],
}
"""What an agent offers."""


class Unfilled(AssertionError):
    """A route has something of which nobody said what stands there."""


@dataclass(frozen=True)
class Case:
    """A request, and the route that it is for; ``owned``: its address names something."""

    route: str
    opt: Mapping[str, Any]
    asked: Asked
    owned: bool

    @property
    def method(self) -> str:
        """Of the request."""
        return self.asked.method

    def asked_by(self, headers: Mapping[str, str], sheet: str = OWN_SHEET) -> Asked:
        """The request with more headers, and *sheet* where one of who asks stands."""
        asked = self.asked
        return replace(
            asked, headers={**asked.headers, **headers},
            query=asked.query.replace(OWN_SHEET, sheet),
            body=asked.body.replace(OWN_SHEET.encode(), sheet.encode()),
        )


@dataclass
class Filling:
    """Requests that name what *target* has; *cursors* are places in its pages, by the path."""

    target: Target
    cursors: dict[str, str] = field(default_factory=dict)

    def cases(self) -> list[Case]:
        """All requests of all routes, in an order that is the same each time."""
        found = sorted(handlers(), key=lambda route: (route[1], route[0]))
        return [case for method, path, handler in found
                for case in self._of(method, path, handler)]

    def _of(self, method: str, path: str, handler: Any) -> Iterator[Case]:
        opt = handler.opt
        body = self._body(method, path, opt)
        for place, owned in self._paths(path):
            for query, names in self._queries(path, opt):
                for headers, content in body:
                    asked = Asked(method, place, query, self._headers(path, opt) | headers, content)
                    yield Case(f"{method} {path}", opt, asked, owned or names)

    def _paths(self, path: str) -> Iterator[tuple[str, bool]]:
        pieces = path.split("/")
        places = [n for n, piece in enumerate(pieces) if piece.startswith("{")]
        choices, owned = [], False
        for n in places:
            name = f"{pieces[n - 1].strip('{}')}/{pieces[n].strip('{}')}"
            if name in OWN:
                choices.append(self.target.named[OWN[name]])
                owned = True
            elif name in FREE:
                choices.append(list(FREE[name]))
            else:
                raise Unfilled(f"{path}: say in tests/support/filling.py what {name} names")
        for values in product(*choices):
            filled = list(pieces)
            for n, value in zip(places, values, strict=True):
                filled[n] = quote(value)
            yield "/".join(filled), owned

    def _queries(self, path: str, opt: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
        if path in PAGES:
            yield from ((each.format_map(self._words()), False) for each in PAGES[path])
        says = opt.get("says")
        given = [p for p in says.parameters if p.place == "query"] if says else []
        needed = {p.name: self._value(path, p) for p in given if p.required}
        yield urlencode(needed), False
        for parameter in given:
            if not parameter.required and (value := self._value(path, parameter)):
                yield urlencode(needed | {parameter.name: value}), False

    def _value(self, path: str, parameter: Any) -> str:
        name = parameter.name
        if name in QUERY:
            return self.target.one(QUERY[name])
        if name == "after":
            return self.cursors.get(path, "")
        if name in SAID:
            return SAID[name]
        if parameter.example is msgspec.UNSET:
            raise Unfilled(f"{path}: say in tests/support/filling.py what ?{name}= is")
        return str(parameter.example)

    def _headers(self, path: str, opt: Mapping[str, Any]) -> dict[str, str]:
        says = opt.get("says")
        accept = "application/json" if says else "text/html"
        found = {p.name for p in says.parameters if p.place == "header"} if says else set()
        named = {name.lower(): value for name, value in HEADERS.items() if name in found}
        return {"accept": accept} | named | (key(path) if "Idempotency-Key" in found else {})

    def _words(self) -> dict[str, str]:
        return {kind: values[0] for kind, values in self.target.named.items()}

    def _body(
        self, method: str, path: str, opt: Mapping[str, Any]
    ) -> list[tuple[dict[str, str], bytes]]:
        if method in ("GET", "HEAD", "OPTIONS"):
            return [({}, b"")]
        if own := self._own_bodies(method, path):
            return own
        says = opt.get("says")
        if says is None:
            return self._forms(path, opt)
        bodies = [
            self._written(path, body) for body in says.bodies
            if body.media in MEDIA or body.example is not msgspec.UNSET
        ]
        if says.bodies and not bodies:
            raise Unfilled(f"{method} {path}: say in tests/support/filling.py what its body is")
        return bodies or [({}, b"")]

    def _written(self, path: str, body: Any) -> tuple[dict[str, str], bytes]:
        if body.media in MEDIA:
            content = MEDIA[body.media]
        elif isinstance(body.example, str):
            content = body.example.encode()
        else:
            content = json.dumps(body.example).encode()
        return {"content-type": body.media}, content

    def _forms(self, path: str, opt: Mapping[str, Any]) -> list[tuple[dict[str, str], bytes]]:
        words: dict[str, str] = self._words()
        filled: dict[str, str] = {}
        for name in opt.get("fields", ()):
            if name not in FIELDS:
                raise Unfilled(f"{path}: say in tests/support/filling.py what {name} is")
            value = FIELDS[name].format_map(words)
            if value:
                filled[name.replace("*", words["field"])] = value
        forms = [filled, filled | {"upload": OWN_SHEET}] if "upload" in filled else [filled]
        return [({"content-type": FORM}, urlencode(form).encode()) for form in forms]

    def _own_bodies(self, method: str, path: str) -> list[tuple[dict[str, str], bytes]]:
        """Bodies that name what the target has, where the example would name nothing."""
        one, route = self.target.one, f"{method} {path}"
        wrong = "errada e comprida"
        made: dict[str, list[Any]] = {
            "POST /sum-even": [{"file": one("upload")}],
            "POST /v1/leads/tags": [{"ids": self.target.named["lead"], "add": ["tomado"]}],
            "POST /v1/leads/purge": [{"email": one("email")}],
            "POST /v1/leads": [{"email": one("email"), "name": "Tomada"}],
            "POST /v1/leads/fields": [{"name": one("field"), "label": "Tomado"}],
            "POST /v1/events/providers": [{"name": NAMED, "url": "https://example.com/f"}],
            "POST /v1/relay/sites": [{"name": NAMED}],
            "POST /v1/relay/agent/columns": [
                {"name": one("list"), "version": 1, "columns": ["id", "name"]}
            ],
            "POST /v1/relay/agent/runs": [MANIFEST | {"run": one("run"), "name": one("list")}],
            "POST /v1/sessions": [{"username": NAMED, "password": wrong}],
            "POST /v1/users": [{"username": NAMED, "password": wrong}],
            "POST /v1/me/password": [{"current": wrong, "password": f"{wrong}!"}],
            "POST /v1/organizations": [{"slug": "alvo", "name": "Tomada"}],
            "POST /v1/users/import": [{"username": NAMED, "name": "Tomado", "enabled": False}],
        }
        if path == "/v1/webhooks/{webhook_id}/replay":
            return [_json(json.dumps({"delivery": one("delivery")}).encode())]
        if route == "POST /v1/relay/lists":
            return [_json(self.target.one("signed").encode())]
        if route == "POST /leads/uploads":
            return [_multipart(file=CHANGED)]
        if route == "POST /leads/imports/sample":
            return [_multipart(upload=one("sheet"))]
        bodies = [_json(json.dumps(each).encode()) for each in made.get(route, ())]
        if route == "POST /v1/users/import":
            return [({"content-type": "application/x-ndjson"}, bodies[0][1] + b"\n")]
        return bodies + ([({"content-type": "text/plain"}, NUMBERS)] if path == "/sum-even" else [])


def _json(body: bytes) -> tuple[dict[str, str], bytes]:
    return {"content-type": "application/json"}, body


def _multipart(**fields: str) -> tuple[dict[str, str], bytes]:
    """A form as browsers send files."""
    lines = []
    for name, value in fields.items():
        more = '; filename="folha.csv"' if name == "file" else ""
        lines += ["--borda", f'Content-Disposition: form-data; name="{name}"{more}', "", value]
    return (
        {"content-type": "multipart/form-data; boundary=borda"},
        "\r\n".join([*lines, "--borda--", ""]).encode(),
    )


def unsafe(case: Case) -> bool:
    """Whether it may change something."""
    return not re.fullmatch("GET|HEAD|OPTIONS", case.method)
