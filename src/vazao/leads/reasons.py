"""Why a row of a sheet was not taken, and what to do about it, in words for people.

Texts are gettext message ids: (what is wrong, how to put it right).
"""

from __future__ import annotations

from typing import Final

REASONS: Final[dict[str, tuple[str, str]]] = {
    "email_missing": (
        "The row has no e-mail.",
        "Fill in the e-mail: every lead needs one.",
    ),
    "email_invalid": (
        "This is not an e-mail address.",
        "Write one address like name@company.com, without spaces, at most 254 characters.",
    ),
    "email_several": (
        "There are several addresses in the cell.",
        "Keep one, and put the others in separate rows.",
    ),
    "email_without_at": (
        "The address has no @.",
        "Write one address like name@company.com.",
    ),
    "email_comma": (
        "There is a comma in the address instead of a dot.",
        "Write one address like name@company.com.",
    ),
    "email_blank": (
        "There is a space inside the address.",
        "Remove it: addresses contain no such character.",
    ),
    "email_without_ending": (
        "The address has no ending such as .com.",
        "Write one address like name@company.com.",
    ),
    "formula_unstored": (
        "The cell has a formula without a stored value.",
        "Open the workbook in a spreadsheet program, save it, and send it again.",
    ),
    "phone_rounded": (
        "A spreadsheet program has rounded this number; its last digits are gone.",
        "Format the column as text, and type the number anew.",
    ),
    "phone_several": (
        "There are several phones in the cell. The first one was used.",
        "Put the others in separate columns.",
    ),
    "opted_out_unclear": (
        "This is neither yes nor no, so the person counts as opted out.",
        "Write yes or no (sim or não).",
    ),
    "choice_unknown": (
        "This value is not one of the field's choices.",
        "Use one of the choices, or add this one to the field under Custom fields.",
    ),
    "phone_invalid": (
        "This is not a phone number.",
        "Write 8 to 15 digits; spaces, ( ) - + . / and an extension are fine.",
    ),
    "website_invalid": (
        "This is not the address of a site.",
        "Write an address like company.com or https://company.com/page.",
    ),
    "opted_out_invalid": (
        "This value does not say whether the person opted out.",
        "Write yes or no (sim or não).",
    ),
    "too_long": (
        "The text is too long.",
        "Shorten it to at most 500 characters (100 for a legal basis and for each tag).",
    ),
    "too_many_tags": (
        "The row has too many tags.",
        "Leave at most 100 tags in the cell.",
    ),
    "number_invalid": (
        "This is not a number.",
        "Write digits, like 1234,56 or 1.234,56 or 1,234.56.",
    ),
    "number_ambiguous": (
        "This number can be read in two ways.",
        "Write 1234 for a number above a thousand, or 1,2340 (1.2340) for a fraction.",
    ),
    "integer_invalid": (
        "This is not a whole number.",
        "Write digits only, like 1234.",
    ),
    "date_invalid": (
        "This is not a valid date.",
        "Write it like 31/12/2026 or 2026-12-31.",
    ),
    "boolean_invalid": (
        "This is neither yes nor no.",
        "Write yes or no (sim or não).",
    ),
    "row_too_long": (
        "The row has more cells than the header has columns.",
        "Move the content of vazao_beyond to the right column, and clear that cell.",
    ),
    "quote_unclosed": (
        "A quotation mark in this line is never closed, so the end of its cells is unknown.",
        "Close it, or write it twice if it is part of the text.",
    ),
    "cell_too_large": (
        "A cell is larger than the limit.",
        "Shorten the text of that cell.",
    ),
    "exists": (
        "There is already a lead with this e-mail.",
        "To change it, import with the mode upsert or update.",
    ),
    "not_found": (
        "There is no lead with this e-mail.",
        "To create it, import with the mode upsert or create.",
    ),
    "suppressed": (
        "This person opted out and was removed.",
        "Remove the row: an import does not bring this person back.",
    ),
    "duplicate": (
        "A later row has the same e-mail. The last one is used.",
        "Nothing needs to be done. You can also merge the rows into one.",
    ),
    "field_unknown": (
        "A lead has no such field.",
        "Use a known field, or put it under custom.",
    ),
    "custom_name_invalid": (
        "This is not a valid name for a custom field.",
        "Write a letter a-z, then letters a-z, digits or _, at most 63 in all.",
    ),
    "value_type": (
        "This kind of value does not fit the field.",
        "Send text, a number, true, false or null; tags as a list of texts.",
    ),
}
