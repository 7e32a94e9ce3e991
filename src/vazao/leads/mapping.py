"""Which column of a sheet becomes which field of a lead: proposed from the headers, or given.

A header that no synonym knows is proposed as a custom field named after it: a sheet's owner
expects every column to arrive, and a custom field can neither clobber a known field nor be
mistaken for one. A *given* mapping is taken at its word instead: headers it leaves out stay
unmapped, because writing columns that nobody asked for can overwrite what is stored, while a
column left out can still be imported afterwards.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

from vazao.kit.errors import detail
from vazao.leads import errors
from vazao.sheets import Sheet, clean_header, is_address, is_reserved

FIELDS: Final = (
    "email",
    "name",
    "phone",
    "company",
    "job_title",
    "city",
    "state",
    "country",
    "website",
    "tags",
    "legal_basis",
    "opted_out",
)

PARTS: Final = ("first_name", "middle_name", "last_name")
"""Columns that together say the name."""
HEADER_SHOWN: Final = 80
CUSTOM: Final = "custom."
CUSTOM_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")

_SYNONYMS: Final = {
    "email": "email; mail; correio; correio eletrônico; endereço de e-mail; endereço eletrônico;"
    "endereço de correio eletrônico; e-mail address; e-mail do cliente; e-mail do contato;"
    "e-mail do lead; e-mail principal; e-mail comercial; e-mail corporativo; e-mail profissional;"
    "e-mail pessoal; e-mail de contato; seu e-mail; primary e-mail; work e-mail; business e-mail;"
    "contact e-mail; customer e-mail; your e-mail",
    "name": "nome; nome completo; nome do cliente; nome do contato; nome do lead; seu nome;"
    "cliente; contato; name; full name; contact; contact name; customer; customer name;"
    "lead name; your name; nome e sobrenome",
    "phone": "telefone; telefone celular; telefone fixo; telefone móvel; telefone principal;"
    "telefone comercial; telefone de contato; telefone com ddd; número de telefone; fone; tel;"
    "celular; número de celular; nº de telefone; whatsapp; telefone whatsapp; celular whatsapp;"
    "número do whatsapp; zap; phone; phone number; telephone; telephone number; mobile;"
    "mobile phone; mobile number; cell; cell phone; cellphone; contact number; work phone",
    "company": "empresa; nome da empresa; razão social; nome fantasia; companhia; organização;"
    "instituição; company; company name; organization; organisation; organization name;"
    "business; business name; account name; organization 1 name",
    "job_title": "cargo; função; cargo atual; cargo na empresa; profissão; ocupação; job title;"
    "job; title; position; role; job role; occupation; organization title; organization 1 title",
    "city": "cidade; município; localidade; city; town; nome da cidade; nome do município;"
    "business city; work city; mailing city; company city; cidade comercial",
    "state": "estado; uf; estado uf; unidade federativa; unidade da federação; sigla do estado;"
    "província; state; province; region; state province; business state; work state;"
    "mailing state; mailing state province",
    "country": "país; nação; country; country region; nome do país; country name; business country;"
    "work country; mailing country; business country region",
    "website": "site; website; web site; página; página web; página da empresa; homepage; url;"
    "endereço do site; site da empresa; company website; web; web page; domínio; domain;"
    "website 1 value",
    "tags": "tags; tag; etiquetas; etiqueta; marcadores; marcador; rótulos; rótulo; labels; label;"
    "segmentos; segmentos e etiquetas; keywords; palavras-chave",
    "legal_basis": "base legal; base legal lgpd; fundamento legal; hipótese legal; legal basis;"
    "lawful basis; gdpr basis",
    "opted_out": "descadastrado; descadastrada; descadastro; opt-out; opted out; optou por sair;"
    "cancelou inscrição; inscrição cancelada; não contatar; não enviar; não perturbe;"
    "unsubscribed; unsubscribe; do not contact; do not e-mail; e-mail opt-out;"
    # HubSpot, with the list that it exports of those who left.
    "unsubscribed from all e-mail; opted out of all e-mail; portal unsubscribe; global unsubscribe;"
    "cancelou a inscrição de todos os e-mails; cancelou a assinatura de todos os e-mails;"
    # Salesforce, by label and by name, and its marketing edition.
    "has opted out of e-mail; opted out of e-mail; e-mail opted out; recusou receber e-mail;"
    "recusou e-mail; optou por não receber e-mail; não receber e-mail; não enviar e-mail;"
    # RD Station, and what its users call the column.
    "descadastrou; descadastrou-se; lead descadastrado; e-mail descadastrado; descadastramento;"
    "descadastrado em; descadastrado da base; descadastrado de e-mail; data de descadastro;"
    "data do descadastro; data do descadastramento; opt-out de e-mail; lead opt-out;"
    # Mailchimp.
    "unsub time; optout time",
}
# Fields that several columns of a sheet may say: a yes in any of them counts.
_SEVERAL: Final = ("opted_out",)
# HubSpot has a column a kind of e-mail: "Opted out of email: Newsletter", hs_email_optout_123.
_OPT_OUT_OF_A_KIND: Final = re.compile(r"\s*(?:opted out of e-?mail\s*:|hs_email_optout)", re.I)
_FIRST: Final = "primeiro nome; nome próprio; prenome; first name; given name; forename; firstname"
_PARTIAL: Final = {
    "first_name": _FIRST,
    "middle_name": "nome do meio; segundo nome; middle name; additional name",
    "last_name": "sobrenome; último nome; last name; surname; family name; lastname",
}
# Taken where no other column says it.
_SECOND: Final = {"phone": "business phone; company phone; primary phone; other phone"}
# What a form asks: the first of these that a question holds.
_ASKED: Final = {
    "mail": "email", "telefone": "phone", "celular": "phone", "whatsapp": "phone",
    "phone": "phone", "empresa": "company", "company": "company", "cidade": "city",
    "city": "city", "nome": "name", "name": "name",
}
_ASIDE: Final = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|[*:]+\s*$")
_FIRST_OF: Final = re.compile(r"(?i)^(.*\D)[ _-]*1(?: *- *(?:value|valor|address|endereço))?$")


def _letters(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in plain if c.isalnum())


def _index(table: Mapping[str, str]) -> dict[str, str]:
    known = {_letters(field): field for field in table}
    return known | {_letters(s): field for field, line in table.items() for s in line.split(";")}


_EXACT: Final = _index(_SYNONYMS)
_LESS: Final = _index(_SECOND)
_PARTS: Final = _index(_PARTIAL)
_DISPLAYED: Final = frozenset(map(_letters, ("display name", "nome de exibição")))


def folded(text: str) -> str:
    """*text* without case and accents."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in plain if not unicodedata.combining(c))


def slug(text: str) -> str:
    """A custom field's name made from *text*: unaccented lower snake case, at most 63 long.

    Empty where *text* has no Latin letter or digit; prefixed with ``n_`` where it would begin
    with a digit.
    """
    name = re.sub(r"[^a-z0-9]+", "_", folded(text)).strip("_")
    return (f"n_{name}" if name[:1].isdigit() else name)[:63].rstrip("_")



def _field(header: str, table: Mapping[str, str]) -> str | None:
    """What a header means in *table*: as it stands, or without what is said beside the name."""
    bare = _ASIDE.sub("", header).strip()
    first = _FIRST_OF.match(bare)
    for text in (header, bare, *([first[1]] if first else ())):
        letters = _letters(text)
        for told in (letters, letters.removesuffix("s")):
            if told in table:
                return table[told]
    return None


def _asked(header: str) -> str | None:
    """What a question asks for."""
    if "?" not in header:
        return None
    letters = _letters(header)
    return next((field for word, field in _ASKED.items() if word in letters), None)


def _known(headers: Sequence[str]) -> dict[str, str]:
    """Headers that mean a field; of several that mean the same one, the first or all."""
    found: dict[str, str] = {}
    for how in (lambda h: _field(h, _EXACT), lambda h: _field(h, _LESS), _asked):
        for header in headers:
            field = "opted_out" if _OPT_OUT_OF_A_KIND.match(header) else how(header)
            free = field in _SEVERAL or field not in found.values()
            if field and free and header not in found and not is_reserved(header):
                found[header] = field
    return _with_parts(headers, found)


def _with_parts(headers: Sequence[str], found: dict[str, str]) -> dict[str, str]:
    """*found*, and the columns that together say the name where none says the whole of it."""
    parts: dict[str, str] = {}
    for header in headers:
        field = _field(header, _PARTS)
        if field and field not in parts.values() and header not in found:
            parts[header] = field
    named = next((header for header, field in found.items() if field == "name"), None)
    if named is None:
        displayed = [header for header in headers if _letters(header) in _DISPLAYED]
        more = parts or dict.fromkeys(displayed[:1], "name")
        return found | more
    # Beside a column of last names, one that is called "name" holds the first ones.
    if "last_name" in parts.values() and _letters(named) in ("nome", "name") and (
        "first_name" not in parts.values()
    ):
        return found | parts | {named: "first_name"}
    return found


def _custom(header: str, place: int, taken: set[str]) -> str | None:
    """The custom field for an unknown *header*, unlike those *taken*; None for a blank one."""
    text = header.strip()
    if not text or is_reserved(text):
        return None
    # What an export calls custom.colour comes back as just that.
    given = text.removeprefix(CUSTOM)
    base = given if CUSTOM_NAME.fullmatch(given) else slug(given) or f"column_{place}"
    name, number = base, 2
    while name in taken:
        suffix = f"_{number}"
        name, number = base[: 63 - len(suffix)] + suffix, number + 1
    taken.add(name)
    return CUSTOM + name


def propose(
    headers: Sequence[str], samples: Sequence[Sequence[str | None]] = ()
) -> dict[str, str | None]:
    """The mapping that headers and values suggest, in Portuguese or English.

    Accents, case and punctuation don't matter. Of two headers for one field the first wins and
    the other becomes a custom field, as does every header that isn't known; several may say that
    a lead opted out. ``vazao_*`` columns and blank headers are left out (None). Where no header
    says e-mail, the column does whose values are addresses. No e-mail column is no error here:
    `require_email`.

    Args:
        samples: some rows of the sheet.
    """
    known = _known(headers)
    if "email" not in known.values():
        column = column_of_addresses(headers, samples)
        if column:
            # What its header means besides is free for another: a "Contact" may be the address.
            others = _known([header for header in headers if header != column])
            known = others | {column: "email"}
    taken: set[str] = set()
    return {
        header: known.get(header) or _custom(header, place, taken)
        for place, header in enumerate(headers, 1)
    }


def column_of_addresses(
    headers: Sequence[str], samples: Sequence[Sequence[str | None]]
) -> str | None:
    """The header of the column most of whose values are addresses of e-mail, if there is one."""
    best: tuple[int, str] | None = None
    for place, header in enumerate(headers):
        cells = [row[place] for row in samples if place < len(row) and row[place]]
        count = sum(map(is_address, cells))
        fits = header and not is_reserved(header) and count * 2 > len(cells)
        if fits and (best is None or count > best[0]):
            best = count, header
    return best[1] if best else None


def require_email(mapping: Mapping[str, str | None], sheet: Sheet | None = None) -> None:
    """Raise `MappingWithoutEmail` unless some column is mapped to ``email``.

    Args:
        sheet: whose columns these are; the error then says what was found in it.
    """
    if "email" in mapping.values():
        return
    headers = [header for header in mapping if header]
    if sheet is None:
        raise errors.MappingWithoutEmail(
            remedy="Name the column E-mail, or choose the column that holds the addresses.",
            details=[{"headers": headers}],
        )
    others = [name for name in sheet.sheets if name != sheet.name]
    column = column_of_addresses(headers, sheet.samples)
    raise errors.MappingWithoutEmail(
        remedy=errors.REMEDIES[
            "column" if column else "nameless" if not sheet.header_row
            else "sheets" if others else "sheet" if sheet.name else "text"
        ],
        details=[{
            "headers": headers, "header_row": sheet.header_row, "delimiter": sheet.delimiter,
            "sheets": sheet.sheets, "column": column,
        }],
        row=sheet.header_row, headers=", ".join(headers)[:300], sheet=sheet.name,
        others=", ".join(others)[:200], column=column,
        delimiter={"\t": "TAB"}.get(sheet.delimiter or "", sheet.delimiter),
    )


def _target(header: str, field: object) -> str | None:
    """*field* if a column may be mapped to it; raises what is wrong with it otherwise."""
    if field is None:
        return None
    if not isinstance(field, str):
        raise errors.MappingInvalid
    if field.startswith(CUSTOM):
        if CUSTOM_NAME.fullmatch(field.removeprefix(CUSTOM)):
            return field
        raise errors.MappingCustomName(
            remedy="Write custom. and then a letter a-z, followed by letters a-z, digits or _, at "
            "most 63 in all.",
            header=header, field=field,
        )
    if field not in (*FIELDS, *PARTS):
        raise errors.MappingUnknownField(
            remedy="Use one of {fields}, or custom. and a name of your choice.",
            header=header, field=field, fields=", ".join((*FIELDS, *PARTS)),
            details=[detail(header[:HEADER_SHOWN], field, *FIELDS, *PARTS, f"{CUSTOM}…")],
        )
    return field


def decode(mapping: str | Mapping[str, object]) -> dict[str, str | None]:
    """A given mapping, if it is an object of headers to texts or null.

    Raises:
        MappingInvalid: it is not; what its texts say is left to :func:`parse`.
    """
    try:
        given = json.loads(mapping) if isinstance(mapping, str) else mapping
    except json.JSONDecodeError as error:
        raise _broken(error) from error
    except (ValueError, RecursionError) as error:
        raise errors.MappingInvalid from error
    if not isinstance(given, Mapping):
        raise errors.MappingInvalid
    checked: dict[str, str | None] = {}
    for header, field in given.items():
        if not isinstance(field, str | None) or "\0" in header + (field or ""):
            shown = header[:HEADER_SHOWN]
            raise errors.MappingInvalid(
                remedy="Check the header {header}.", details=[{"place": shown}], header=shown
            )
        checked[header] = field
    return checked


def checked(mapping: str) -> dict[str, str | None]:
    """A given mapping as far as it can be judged without the sheet.

    Raises:
        MappingInvalid, MappingUnknownField, MappingCustomName: it can fit no sheet.
    """
    given = decode(mapping)
    for header, field in given.items():
        _target(header, field)
    return given


def _broken(error: json.JSONDecodeError) -> errors.MappingInvalid:
    where: dict[str, Any] = {"line": error.lineno, "column": error.colno, "reason": error.msg}
    return errors.MappingInvalid(
        remedy="The error is at line {line}, column {column}: {reason}.", details=[where], **where
    )


def parse(
    mapping: str | Mapping[str, object], headers: Sequence[str], sheet: Sheet | None = None
) -> dict[str, str | None]:
    """A mapping that someone gave (JSON text or decoded), checked against the sheet's *headers*.

    Headers are matched as they are written, but for what nobody sees. Every header of the sheet
    is a key of the answer, in the sheet's order; those not named are None. Raises the errors of
    `vazao.leads.errors`: not an object, unknown or reserved header, unknown field, a
    custom name out of bounds, a field given twice, no e-mail.
    """
    by_name = {clean_header(header): header for header in headers}
    answer: dict[str, str | None] = dict.fromkeys(headers)
    users: dict[str, str] = {}
    for name, field in decode(mapping).items():
        header = by_name.get(clean_header(name))
        if header is None:
            raise errors.MappingUnknownHeader(
                remedy="The columns of the sheet are: {headers}.",
                header=name, headers=", ".join(headers),
            )
        target = _target(name, field)
        if target and is_reserved(header):
            raise errors.MappingReservedHeader(remedy="Map it to null.", header=name)
        twice = target and users.setdefault(target, header) != header
        if twice and target not in _SEVERAL:
            raise errors.MappingFieldTwice(field=target, first=users[target], second=header)
        answer[header] = target
    require_email(answer, sheet)
    return answer


def staged(mapping: Mapping[str, str | None]) -> list[str]:
    """The staged columns besides the e-mail, in their order, of a *mapping*."""
    mapped = {field for field in mapping.values() if field}
    mapped |= {"name"} if mapped.intersection(PARTS) else set()
    standard = [f for f in FIELDS if f in mapped and f != "email"]
    custom = any(field.startswith(CUSTOM) for field in mapped)
    return standard + (["custom"] if custom else [])
