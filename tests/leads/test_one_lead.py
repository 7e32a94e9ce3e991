"""The rules of a sheet's cells, for one lead that comes as JSON."""

from __future__ import annotations

from typing import Any

import pytest

from vazao.leads.errors import LeadInvalid
from vazao.leads.reasons import REASONS
from vazao.leads.validation import clean_lead


def test_clean_lead() -> None:
    fields = {
        "email": " A@B.co ",
        "name": "'=x",
        "city": "",
        "tags": ["b", "a", "b", "c,d"],
        "opted_out": True,
        "custom": {"n": 1.234, "t": "x", "e": None},
    }
    assert clean_lead(fields, {"n": "number"}) == {
        "email": "a@b.co",
        "name": "'=x",
        "city": None,
        "tags": ["b", "a", "c", "d"],
        "opted_out": True,
        "custom": {"n": 1.234, "t": "x", "e": None},
    }


@pytest.mark.parametrize(
    "fields", [{}, {"custom": {}}, {"tags": []}, {"tags": [""]}, {"email": "a@b.co"}], ids=str
)
def test_clean_lead_touches_only_what_is_given(fields: dict[str, Any]) -> None:
    assert clean_lead(fields) == {k: [] if k == "tags" else v for k, v in fields.items()}


WRONG = {
    "no e-mail": ({"email": None}, "email", "email_missing"),
    "phone": ({"name": "x", "phone": 12}, "phone", "phone_invalid"),
    "typed": ({"custom": {"n": "x"}}, "custom.n", "number_invalid"),
    "not finite": ({"custom": {"n": float("nan")}}, "custom.n", "number_invalid"),
    "unknown field": ({"xyzzy": "x"}, "xyzzy", "field_unknown"),
    "no custom name": ({"custom": {"": "x"}}, "custom.", "custom_name_invalid"),
    "long custom name": (
        {"custom": {"a" * 100: "x"}}, "custom." + "a" * 100, "custom_name_invalid"
    ),
    "NUL in a custom name": ({"custom": {"a\0": "x"}}, "custom.a\0", "custom_name_invalid"),
    "NUL in an e-mail": ({"email": "a\0b@x.com"}, "email", "email_invalid"),
    "NUL before an e-mail": ({"email": "\0a@x.com"}, "email", "email_invalid"),
    "bad custom name": ({"custom": {"N": "x"}}, "custom.N", "custom_name_invalid"),
    "nested": ({"name": {"a": 1}}, "name", "value_type"),
    "tags nested": ({"tags": [["a"]]}, "tags", "value_type"),
    "custom is no object": ({"custom": [1]}, "custom", "value_type"),
    "lone surrogate": ({"name": "\ud800"}, "name", "value_type"),
}


@pytest.mark.parametrize(("fields", "place", "code"), WRONG.values(), ids=WRONG)
def test_clean_lead_says_what_is_wrong(fields: dict[str, Any], place: str, code: str) -> None:
    with pytest.raises(LeadInvalid) as raised:
        clean_lead(fields, {"n": "number"})
    (problem,) = raised.value.details
    assert (problem["place"], problem["code"]) == (place, code)
    assert problem["remedy"] == REASONS[code][1]


@pytest.mark.parametrize(("given", "nearest"), [
    ("emial", "email"), ("jobtitle", "job_title"), ("Costum", "custom"),
])
def test_a_misspelt_field_is_told_the_nearest(given: str, nearest: str) -> None:
    with pytest.raises(LeadInvalid) as raised:
        clean_lead({given: "x"})
    (problem,) = raised.value.body("en")["error"]["details"]
    assert (problem["nearest"], problem["remedy"]) == (nearest, f"Did you mean {nearest}?")
    assert f"Did you mean {nearest}?" in raised.value.message()
