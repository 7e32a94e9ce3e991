"""The OpenAPI document: built from the routes and from what each says of itself.

The framework's own generator is not used: it documents a 400 in a shape that is never sent, loses
HEAD where paths merge, and knows nothing of what this frame refuses by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from vazao import __version__
from vazao.kit import errors
from vazao.kit.web import csrf
from vazao.kit.web.bodies import BodyTooSlow
from vazao.kit.web.codings import (
    UNSAFE,
    ContentCodingUnsupported,
    TransferCodingUnsupported,
)
from vazao.kit.web.hosts import HostUnknown
from vazao.kit.web.openapi import JSON, Answer, Body, Header, Parameter, Says
from vazao.kit.web.parameters import (
    FieldInvalid,
    JsonInvalid,
    ParameterInvalid,
    ParameterRepeated,
    TypeRefused,
    UnknownParameter,
)
from vazao.kit.web.spooling import AnswersWaiting

Refusals = Sequence[type[errors.VazaoError]]
ABOUT = """\
Everything the platform does, for programs. Errors have one shape, `{"error": {"code", "message",
"details"}}`, with the message in the language of `Accept-Language` (en, pt-BR). Times are RFC 3339
in UTC with six digits of a second and `Z`. `HEAD` answers wherever `GET` does, with the same
headers and no body. Unknown query parameters and form fields of `/v1/…` are refused by name
(`unknown_parameter`); the routes at the root ignore them. Every answer carries `X-Request-Id`; one
that is sent is kept.

Routes at the root (`/search`, `/randomize`, `/sum-even`, `/files`) are kept for existing clients,
with the shapes those read; long work that begins there is also found under `/v1/jobs`. People sign
in by the form at `/login`, programs at `/v1/sessions`.
"""
TAGS = {
    "jobs": "Long work of every kind: list, follow, cancel, retry.",
    "leads": "The base of leads, and imports of spreadsheets into it.",
    "images": "Shuffle the blocks of a PNG image.",
    "numbers": "Sum the even numbers of a text file of any size.",
    "uploads": "Resumable uploads by tus 1.0.0.",
    "events": "Search partners' events by date, and look after the feeds they come from.",
    "relay": "Lists that agents transmit from remote databases, and what agents ask.",
    "accounts": "Users, tokens, sessions and the trail of changes; users for other systems.",
    "webhooks": "Where your systems are told of what happens here.",
    "cache": "How the cache is used.",
    "ops": "Probes and metrics.",
}
SCHEMES: dict[str, Any] = {
    "bearer": {
        "type": "http", "scheme": "bearer",
        "description": "A token of an organization, or a session token of `POST /v1/sessions`.",
    },
    "application": {
        "type": "apiKey", "in": "header", "name": "application",
        "description": "The token's application, beside `api-token`.",
    },
    "apiToken": {
        "type": "apiKey", "in": "header", "name": "api-token",
        "description": "The token, beside `application`.",
    },
    "session": {
        "type": "apiKey", "in": "cookie", "name": "vazao_session",
        "description": "A signed-in person's browser (`__Host-vazao_session` behind TLS). Unsafe "
                       "requests also need the header `X-CSRF-Token`, which our pages hold.",
    },
}
# Each of these is enough by itself; a token belongs to no person.
BY_TOKEN: list[dict[str, list[str]]] = [
    {"bearer": []}, {"application": [], "apiToken": []}, {"session": []},
]
BY_PERSON: list[dict[str, list[str]]] = [{"bearer": []}, {"session": []}]
REQUEST_ID = {
    "description": "This request's id, as the log has it.",
    "schema": {"type": "string"}, "example": "9f86d081884c7d65",
}
RETRY_AFTER = Header(name="Retry-After", about="Seconds to wait.", example="5", kind=int)
WAITING = (423, 429, 503)


class ErrorDetail(msgspec.Struct, frozen=True):
    """What went wrong: a code for programs, a sentence for people, particulars."""

    code: str
    message: str
    details: list[dict[str, Any] | str]


class Error(msgspec.Struct, frozen=True):
    """The one shape of every refusal."""

    error: ErrorDetail


def operations(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """Method, path and handler of each route that belongs in the document, in order."""
    for route in sorted(app.routes, key=lambda r: r.path):
        if not isinstance(route, HTTPRoute):
            continue
        for method, (handler, _) in sorted(route.route_handler_map.items()):
            silent = method == "HEAD" and "GET" in route.route_handler_map
            if handler.fn.__module__.startswith("litestar.") or silent:
                continue
            if handler.resolve_include_in_schema():
                yield str(method), route.path_format, handler


def refused_by_frame(
    method: str, path: str, handler: HTTPRouteHandler, wrong_credential: Refusals = ()
) -> Iterator[type[errors.VazaoError]]:
    """What the frame refuses before, or beside, the handler."""
    opt = handler.opt
    said: Says | None = opt.get("says")
    if not opt.get("anyhost"):
        yield HostUnknown
    if method in UNSAFE:
        yield from (BodyTooSlow, ContentCodingUnsupported, TransferCodingUnsupported)
    if path.startswith("/v1/"):
        yield UnknownParameter
    if not opt.get("anonymous"):
        yield from wrong_credential
        if not opt.get("public"):
            yield errors.Unauthenticated
        yield errors.DatabaseUnavailable
        yield errors.Unavailable
        yield AnswersWaiting
        if not opt.get("public") and not opt.get("authenticated"):
            yield errors.Forbidden
        if method in UNSAFE:
            yield csrf.CsrfFailed
    if said is None:
        return
    if said.bodies and handler.resolve_request_max_body_size() is not None:
        yield errors.TooLarge
        if any(body.media == JSON for body in said.bodies):
            yield from (JsonInvalid, FieldInvalid, TypeRefused)
    if said.names("query") and path.startswith("/v1/"):
        yield from (ParameterInvalid, ParameterRepeated)
    if said.bodies or said.names("query") or said.names("path"):
        yield errors.ValueRefused


def build(app: Litestar) -> dict[str, Any]:
    """The whole document of *app*."""
    found = list(operations(app))
    schemas = Schemas(_kinds(found))
    wrong = app.state.platform.registry.credential_errors
    paths: dict[str, dict[str, Any]] = {}
    for method, path, handler in found:
        written = Written(schemas, method, path, handler, wrong)
        paths.setdefault(path, {})[method.lower()] = written.operation()
    used = {tag for _, _, handler in found for tag in handler.resolve_tags()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Vazão", "version": __version__, "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": n, "description": about} for n, about in TAGS.items() if n in used],
        "paths": paths,
        "components": {
            "schemas": schemas.components, "securitySchemes": SCHEMES,
            "headers": {"RequestId": REQUEST_ID},
        },
    }


def _kinds(found: Iterable[tuple[str, str, HTTPRouteHandler]]) -> list[Any]:
    kinds: list[Any] = [Error, int, str]
    for _, _, handler in found:
        said: Says | None = handler.opt.get("says")
        if said is not None:
            parts = (*said.answers, *said.parameters, *said.bodies)
            kinds += [part.kind for part in parts] + ([said.shape.kind] if said.shape else [])
            kinds += [header.kind for answer in said.answers for header in answer.headers]
    return [kind for kind in kinds if kind is not None and not isinstance(kind, dict)]


def _refused(kind: type[errors.VazaoError]) -> dict[str, Any]:
    return {"error": {
        "code": kind.code, "message": kind.summary(), "details": [], **kind.shows,
    }}


class Schemas:
    """JSON schemas of types, the named ones as components."""

    def __init__(self, kinds: list[Any]) -> None:
        found, components = msgspec.json.schema_components(
            kinds, ref_template="#/components/schemas/{name}"
        )
        self.components = _typed(components)
        self._found = [(kind, _typed(each)) for kind, each in zip(kinds, found, strict=True)]

    def of(self, kind: Any) -> dict[str, Any]:
        """The schema of *kind*, which may be one already."""
        if isinstance(kind, dict):
            return kind
        return next(schema for known, schema in self._found if known is kind or known == kind)


def _typed(schema: Any) -> Any:
    """*schema* with the type of its choices among texts, which the encoder leaves out."""
    if isinstance(schema, list):
        return [_typed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    typed = {name: _typed(value) for name, value in schema.items()}
    choices = typed.get("enum")
    if isinstance(choices, list) and all(isinstance(each, str) for each in choices):
        typed = {"type": "string"} | typed
    return typed


class Written:
    """One operation as the document writes it."""

    def __init__(
        self, schemas: Schemas, method: str, path: str, handler: HTTPRouteHandler,
        wrong_credential: Refusals,
    ) -> None:
        self.schemas = schemas
        self.method = method
        self.path = path
        self.handler = handler
        self.wrong_credential = wrong_credential
        self.says: Says = handler.opt.get("says") or Says(answers=())

    def operation(self) -> dict[str, Any]:
        """The whole of it."""
        written: dict[str, Any] = {
            "operationId": self._id(),
            "summary": self.handler.summary or "",
            "description": " ".join((self.handler.fn.__doc__ or "").split("Raises:")[0].split()),
            "tags": sorted(self.handler.resolve_tags()),
            "security": self._security(),
            "responses": self._responses(),
        }
        # A handler of several paths declares the parameters of all.
        here = [
            p for p in self.says.parameters
            if p.place != "path" or f"{{{p.name}}}" in self.path
        ]
        if here:
            written["parameters"] = [self._parameter(p) for p in here]
        if self.says.bodies:
            written["requestBody"] = {
                "content": {body.media: self._content(body) for body in self.says.bodies},
                "required": all(body.required for body in self.says.bodies),
            }
        return written

    def _id(self) -> str:
        name = str(self.handler.operation_id or "")
        beside = len(self.handler.paths) > 1 and self.path.endswith("}")
        return f"{name}ByPath" if beside else name

    def _security(self) -> list[dict[str, list[str]]]:
        opt = self.handler.opt
        if opt.get("public"):
            return [*BY_TOKEN, {}] if opt.get("optional") else []
        ways = BY_PERSON if opt.get("session") or opt.get("admin") else BY_TOKEN
        return [*ways, {}] if opt.get("open") else ways

    def _parameter(self, parameter: Parameter) -> dict[str, Any]:
        written = {
            "name": parameter.name, "in": parameter.place, "description": parameter.about,
            "required": parameter.required, "schema": self.schemas.of(parameter.kind),
        }
        if parameter.required:
            written["example"] = parameter.example
        elif parameter.example is not msgspec.UNSET:
            # Beside the schema the reference's page would fill it in, as if it were asked for.
            written["schema"] = written["schema"] | {"examples": [parameter.example]}
        return written

    def _content(self, part: Body | Answer) -> dict[str, Any]:
        content: dict[str, Any] = {"schema": self.schemas.of(part.kind)}
        if part.example is not msgspec.UNSET:
            content["example"] = part.example
        return content

    def _headers(self, headers: Iterable[Header]) -> dict[str, Any]:
        written: dict[str, Any] = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
        for header in headers:
            written[header.name] = {
                "description": header.about, "required": header.always,
                "schema": self.schemas.of(header.kind),
                "example": int(header.example) if header.kind is int else header.example,
            }
        return written

    def _responses(self) -> dict[str, Any]:
        responses: dict[str, Any] = {}
        for answer in self.says.answers:
            written = responses.setdefault(
                str(answer.status), {"description": answer.about, "headers": {}}
            )
            written["headers"] |= self._headers(answer.headers)
            if answer.kind is not None:
                written.setdefault("content", {})[answer.media] = self._content(answer)
        for status, kinds in self._refusals().items():
            known = responses.setdefault(str(status), {"description": "", "headers": {}})
            self._add_refusal(known, status, kinds)
        return dict(sorted(responses.items()))

    def _refusals(self) -> dict[int, list[type[errors.VazaoError]]]:
        grouped: dict[int, list[type[errors.VazaoError]]] = {}
        by_frame = refused_by_frame(self.method, self.path, self.handler, self.wrong_credential)
        shape = self.says.shape
        for kind in (*self.says.refuses, *by_frame):
            status = kind.status if shape is None else shape.status(kind.status)
            held = grouped.setdefault(status, [])
            if all(kind.code != other.code for other in held):
                held.append(kind)
        return grouped

    def _add_refusal(
        self, known: dict[str, Any], status: int, kinds: list[type[errors.VazaoError]]
    ) -> None:
        """Refusals of one status beside an answer of a shape of its own, if there is one."""
        said = [f"`{kind.code}`: {kind.summary()}" for kind in kinds]
        known["description"] = "\n\n".join(filter(None, (known["description"], *said)))
        headers = [
            Header(name=name, about="As HTTP asks for it.", example=value,
                   always=all(name in other.headers for other in kinds))
            for kind in kinds for name, value in kind.headers.items()
        ]
        if status in WAITING:
            headers.append(RETRY_AFTER)
        known["headers"] |= self._headers(headers)
        if self.method == "HEAD":
            return
        shape = self.says.shape
        mine = self.schemas.of(Error if shape is None else shape.kind)
        content = known.setdefault("content", {}).setdefault(JSON, {"schema": mine})
        if content["schema"] != mine:
            content["schema"] = {"anyOf": [content["schema"], mine]}
        shown = {
            kind.code: {"value": _refused(kind) if shape is None else shape.body(
                status, kind.summary()
            )} for kind in kinds
        }
        if "example" in content:
            shown["given"] = {"value": content.pop("example")}
        content["examples"] = content.get("examples", {}) | shown

