"""The forms in which a sum is answered: JSON, JSON with its digits as text, or the digits alone.

A sum is exact and has as many digits as it needs. Many readers of JSON keep a number as a double
and change its digits without a word: JavaScript and jq beyond 2⁵³; Python refuses over 4,300. The
forms ``text`` and ``strings`` are for them.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from litestar import Request, Response

from vazao.kit.errors import BadRequest, detail

Form = Literal["json", "strings", "text"]
FORMS: dict[str, Form] = {"json": "json", "strings": "strings", "text": "text"}
VARY = {"Vary": "Accept"}
SHOWN = 40


class FormUnknown(BadRequest):
    """Choose the format json, strings or text, not {form}."""

    code = "form_unknown"


def form_of(request: Request[Any, Any, Any]) -> Form:
    """The form that a request asks for: by ``format``, else by ``Accept``.

    Raises:
        FormUnknown: there is none of that name.
    """
    named = request.query_params.get("format")
    if named:
        if named not in FORMS:
            raise FormUnknown(form=named[:SHOWN], details=[detail("format", named, *FORMS)])
        return FORMS[named]
    accepted = request.headers.get("accept", "")
    # Who takes both alike, as browsers and most libraries do, gets what all clients got.
    prefers = _quality(accepted, "text/plain") > _quality(accepted, "application/json")
    return "text" if prefers else "json"


def shown(result: dict[str, Any], form: Form) -> Response[bytes]:
    """A finished sum in *form*; the digits are copied, no integer of Python is made of them."""
    digits: str = result["sum"]
    if form == "text":
        return Response(digits.encode(), media_type="text/plain", headers=VARY)
    found = result | {"sum": msgspec.Raw(digits.encode())} if form == "json" else result
    return Response(msgspec.json.encode(found), media_type="application/json", headers=VARY)


def _quality(accepted: str, media: str) -> float:
    """How much a list of ``Accept`` wants *media*, 0 to 1: its most exact entry counts."""
    best = (0, 0.0)
    kind = media.partition("/")[0]
    for entry in accepted.split(","):
        name, *parameters = (part.strip().lower() for part in entry.split(";"))
        exact = {"*/*": 1, f"{kind}/*": 2, media: 3}.get(name, 0)
        if exact > best[0]:
            best = exact, _weight(parameters)
    return best[1]


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
