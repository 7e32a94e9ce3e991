"""The reference is complete: every route declares all that the document must say of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from litestar.params import HeaderParameter, PathParameter, QueryParameter

from tests.support.routes import application, handlers
from vazao.kit.web import document
from vazao.kit.web.openapi import MOMENT, Says

WRITTEN = document.build(application())
# Why a route of a program is not in the document: HTML, static files, the document itself.
LEFT_OUT = re.compile(
    r"/(docs|news/.*|openapi\.json|static/.*|favicon\.ico|language/.*|userInfo|login|logout|admin.*"
    r"|account.*|limits|jobs.*|leads.*|events.*|ops.*|relay.*|webhooks.*)?$"
)
OWN_SHAPES = ("/randomize", "/sum-even", "/search")


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in WRITTEN["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


NAMED = dict(operations())


def documented() -> Iterator[tuple[str, str, Any]]:
    for method, path, handler in handlers():
        if f"{method} {path}" in NAMED:
            yield method, path, handler


def test_only_what_is_no_program_s_is_left_out() -> None:
    missing = {
        f"{method} {path}" for method, path, _ in handlers()
        if f"{method} {path}" not in NAMED and not LEFT_OUT.match(path)
        and not (method == "HEAD" and f"GET {path}" in NAMED)
    }
    assert not missing
    assert len(NAMED) > 30


@pytest.mark.parametrize("name", NAMED)
def test_an_operation_says_everything(name: str) -> None:
    operation = NAMED[name]
    assert len(operation["summary"].split()) > 1, "a summary in plain words"
    assert operation["description"], "a docstring"
    assert operation["operationId"], "a name for generated clients"
    assert operation["tags"], "a tag"
    assert all(tag in document.TAGS for tag in operation["tags"])
    for status, answer in operation["responses"].items():
        assert answer["description"], status
    for parameter in operation.get("parameters", ()):
        assert parameter["description"], parameter["name"]
        assert "example" in parameter or parameter["schema"].get("examples"), parameter["name"]


@pytest.mark.parametrize("name", NAMED)
def test_an_answer_with_json_has_a_type_and_an_example(name: str) -> None:
    for status, answer in NAMED[name]["responses"].items():
        for media, content in answer.get("content", {}).items():
            assert content["schema"], status
            if media == "application/json":
                assert "example" in content or content["examples"], status
                assert {"$ref", "anyOf", "items"} & content["schema"].keys(), status


def test_operation_ids_are_unique_and_readable() -> None:
    ids = [operation["operationId"] for operation in NAMED.values()]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z]+[A-Za-z]+", each) for each in ids)


@pytest.mark.parametrize("name", NAMED)
def test_who_may_ask_is_said_and_refused(name: str) -> None:
    operation = NAMED[name]
    statuses = set(operation["responses"])
    if operation["security"]:
        assert {"401", "403"} <= statuses or name == "GET /v1/me"
        assert "503" in statuses or name.endswith("/search")
    body = operation.get("requestBody")
    if name.startswith("POST /v1/leads/imports ") or (body and "/v1/" in name):
        assert "413" in statuses


@pytest.mark.parametrize("name", [n for n in NAMED if "/v1/" in n])
def test_unknown_parameters_are_refused_by_name_under_v1(name: str) -> None:
    assert "`unknown_parameter`" in NAMED[name]["responses"]["400"]["description"]


def test_every_refusal_has_the_one_shape() -> None:
    one = {"$ref": "#/components/schemas/Error"}
    for name, operation in NAMED.items():
        for status, answer in operation["responses"].items():
            if status < "400" or "content" not in answer:
                continue
            schema = answer["content"]["application/json"]["schema"]
            others = [each for each in schema.get("anyOf", [schema]) if each != one]
            assert not others or any(path in name for path in OWN_SHAPES), (name, status)


def test_the_parameters_are_those_of_the_handlers() -> None:
    """What a signature takes from path or query is declared, and in the path nothing else is."""
    for method, path, handler in documented():
        said: Says = handler.opt["says"]
        taken = {
            (field.kwarg_definition.name or field.kwarg_definition.query or name,
             field.kwarg_definition.param_type.value)
            for name, field in handler.parsed_fn_signature.parameters.items()
            if isinstance(field.kwarg_definition, (PathParameter, QueryParameter, HeaderParameter))
        }
        declared = {(p.name, p.place) for p in said.parameters}
        assert taken <= declared, f"{method} {path}"
        inside = set(re.findall(r"{(\w+)}", path))
        assert inside <= {name for name, place in declared if place == "path"}


def test_every_time_is_of_the_one_form() -> None:
    stamped = 0
    for name, schema in WRITTEN["components"]["schemas"].items():
        for field, kind in schema.get("properties", {}).items():
            if field.endswith("_at") or field == "at":
                shapes = [s for s in kind.get("anyOf", [kind]) if s.get("type") != "null"]
                assert [s["pattern"] for s in shapes] == [MOMENT], f"{name}.{field}"
                stamped += 1
    assert stamped > 10


def schemas_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from schemas_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from schemas_in(each)


def test_choices_have_a_type() -> None:
    choices = [each for each in schemas_in(WRITTEN) if isinstance(each.get("enum"), list)]
    assert len(choices) > 5
    assert [each for each in choices if each.get("type") != "string"] == []


def test_only_what_is_required_is_filled_in_by_the_page() -> None:
    wrong = [
        f"{name} {parameter['name']}" for name, operation in NAMED.items()
        for parameter in operation.get("parameters", ())
        if ("example" in parameter) != parameter["required"]
    ]
    assert not wrong


def test_several_answers_of_one_status_stand_side_by_side() -> None:
    export = NAMED["GET /v1/leads/export"]["responses"]["200"]["content"]
    assert set(export) == {"text/csv", "application/x-ndjson"}
    absent = NAMED["GET /sum-even/{token}/result"]["responses"]["404"]["content"]
    shapes = [each["$ref"].rpartition("/")[2] for each in
              absent["application/json"]["schema"]["anyOf"]]
    assert shapes == ["NoResult", "Error"]
    assert set(absent["application/json"]["examples"]) == {"given", "job_not_found"}


def test_a_wrong_credential_is_told_wherever_one_is_looked_at() -> None:
    for method, path, handler in documented():
        said = NAMED[f"{method} {path}"]["responses"].get("401", {}).get("description", "")
        assert ("`credential_invalid`" in said) != bool(handler.opt.get("anonymous")), path


def test_a_refused_head_promises_no_body() -> None:
    answers = NAMED["HEAD /files/{upload}"]["responses"]
    assert {"200", "401", "404", "412"} <= set(answers)
    assert not any("content" in answer for answer in answers.values())


def test_long_work_and_waiting_are_told_by_their_headers() -> None:
    for name, operation in NAMED.items():
        for status, answer in operation["responses"].items():
            headers = answer["headers"]
            if status in ("429", "503", "423"):
                assert "Retry-After" in headers, name
            if status == "202":
                assert "Location" in headers, name
            if status == "401" and name != "POST /v1/sessions":
                assert headers["WWW-Authenticate"]["required"], name


def test_what_takes_a_key_says_so() -> None:
    takes = {n for n, o in NAMED.items() for p in o.get("parameters", ())
             if p["name"] == "Idempotency-Key"}
    assert takes == {
        "POST /randomize", "POST /sum-even", "POST /v1/leads/imports",
        "POST /v1/leads/imports/{token}/apply", "POST /v1/leads/purge",
        "POST /v1/events/providers/{name}/sync", "POST /v1/webhooks",
    }
