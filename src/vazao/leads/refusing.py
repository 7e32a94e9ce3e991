"""What a program may send of one lead, and how what it may not is told."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Final

from vazao.leads.errors import LeadInvalid
from vazao.leads.mapping import CUSTOM, CUSTOM_NAME, FIELDS
from vazao.leads.reasons import REASONS

VALUE_LIMIT: Final = 200
"""Characters of a refused value that are told."""
# A sheet's cell is rid of them; a program that sends one means another address, or none.
_CONTROL: Final = re.compile("[\\x00-\\x08\\x0e-\\x1f\\x7f]")


def invalid(field: str, code: str, value: object) -> LeadInvalid:
    """The error for a value of *field*, by the code of a reason."""
    shown = None if value is None else str(value)[:VALUE_LIMIT]
    message, remedy = REASONS[code]
    problem = {"code": code, "place": field, "value": shown, "remedy": remedy}
    return LeadInvalid(message, remedy=remedy, details=[problem])


def check_field(field: str, value: object) -> None:
    """Hold the name of a value that came as JSON to those that there are.

    Raises:
        LeadInvalid: there is no such field, or it cannot be called so; or an e-mail with a control
            character, which would have to be repaired.
    """
    if field == "email" and isinstance(value, str) and _CONTROL.search(value):
        raise invalid(field, "email_invalid", value)
    if field in FIELDS:
        return
    name = field.removeprefix(CUSTOM)
    if name == field:
        raise _unknown(field, value)
    if not CUSTOM_NAME.fullmatch(name):
        raise invalid(field[:VALUE_LIMIT], "custom_name_invalid", value)


def _unknown(field: str, value: object) -> LeadInvalid:
    refused = invalid(field[:VALUE_LIMIT], "field_unknown", value)
    nearest = get_close_matches(field[:VALUE_LIMIT].lower(), (*FIELDS, "custom"), 1, 0.6)
    if nearest:
        refused.details[0]["nearest"] = nearest[0]
        refused.remedy = refused.details[0]["remedy"] = "Did you mean {nearest}?"
        refused.params = {"nearest": nearest[0]}
    return refused
