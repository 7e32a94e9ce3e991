"""Headers to fields: what is proposed, what is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vazao.kit.errors import VazaoError
from vazao.leads import errors
from vazao.leads.mapping import CUSTOM_NAME, FIELDS, decode, parse, propose, require_email, slug

KNOWN = {
    "E-mail": "email",
    "Email": "email",
    "EMAIL ": "email",
    "Correio eletrônico": "email",
    "endereco de email": "email",
    "Nome": "name",
    "NOME COMPLETO": "name",
    "Full name": "name",
    "Primeiro nome": "first_name",
    "Sobrenome": "last_name",
    "E-mail (obrigatório)": "email",
    "E-mails*": "email",
    "E-mail 1": "email",
    "email1": "email",
    "E-mail 1 - Value": "email",
    "Phone 1 - Value": "phone",
    "Qual é o seu melhor e-mail?": "email",
    "Qual é o seu nome?": "name",
    "Nome [completo]": "name",
    "Telefone celular": "phone",
    "Celular": "phone",
    "WhatsApp": "phone",
    "mobile_phone": "phone",
    "Cargo": "job_title",
    "Job Title": "job_title",
    "Empresa": "company",
    "Razão social": "company",
    "Razao\u0303 Social": "company",
    "Cidade": "city",
    "Município": "city",
    "MUNICIPIO": "city",
    "Estado": "state",
    "UF": "state",
    "Estado (UF)": "state",
    "País": "country",
    "Site": "website",
    "Etiquetas": "tags",
    "Tags": "tags",
    "Base legal": "legal_basis",
    "legal_basis": "legal_basis",
    "Descadastrado": "opted_out",
    "Opt-out": "opted_out",
    "opted_out": "opted_out",
}

UNKNOWN = {
    "Observação": "custom.observacao",
    "Opt-in": "custom.opt_in",
    "E-mail 2": "custom.e_mail_2",
    "E-mail 1 - Label": "custom.e_mail_1_label",
    "2ª via": "custom.n_2a_via",
    "custom.cor": "custom.cor",
    "custom.Cor": "custom.cor",
    "会社": "custom.column_1",
    "  ": None,
    "vazao_row": None,
    " Vazao_Reason": None,
    "vazao_email": None,
}


@pytest.mark.parametrize(("header", "field"), KNOWN.items(), ids=KNOWN)
def test_known_headers(header: str, field: str) -> None:
    assert propose([header]) == {header: field}


@pytest.mark.parametrize(("header", "field"), UNKNOWN.items(), ids=UNKNOWN)
def test_unknown_headers_become_custom_fields(header: str, field: str | None) -> None:
    assert propose([header]) == {header: field}


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_is_known_by_its_own_name(field: str) -> None:
    assert propose([field]) == {field: field}


def test_first_of_two_headers_wins() -> None:
    assert propose(["Celular", "E-mail", "Telefone", "Email"]) == {
        "Celular": "phone",
        "E-mail": "email",
        "Telefone": "custom.telefone",
        "Email": "custom.email",
    }


def test_whole_name_beats_first_name_wherever_it_stands() -> None:
    assert propose(["First name", "Nome completo"]) == {
        "First name": "custom.first_name",
        "Nome completo": "name",
    }


def test_first_and_last_name_are_one_name() -> None:
    assert propose(["Last Name", "First Name", "Display Name"]) == {
        "Last Name": "last_name", "First Name": "first_name",
        "Display Name": "custom.display_name",
    }
    assert propose(["Nome", "Sobrenome"]) == {"Nome": "first_name", "Sobrenome": "last_name"}
    assert propose(["Display Name"]) == {"Display Name": "name"}


def test_values_tell_the_column_of_addresses() -> None:
    rows = [["Ana", "ana@x.com.br", None], ["Bia", "<bia@y.com>;", "x@y.com"], ["Caio", None, "-"]]
    assert propose(["A", "B", "C"], rows)["B"] == "email"
    assert propose(["A", "E-mail", "C"], rows)["E-mail"] == "email"
    assert "email" not in propose(["A", "C"], [["Ana", "-"]]).values()


def test_same_slug_is_told_apart() -> None:
    assert propose(["Obs", "Obs.", "OBS!"]) == {
        "Obs": "custom.obs",
        "Obs.": "custom.obs_2",
        "OBS!": "custom.obs_3",
    }


@given(st.lists(st.text(max_size=90), max_size=20, unique=True))
def test_proposals_are_always_valid_and_unique(headers: list[str]) -> None:
    targets = [t for t in propose(headers).values() if t is not None]
    assert len(targets) == len(set(targets))
    for target in targets:
        name = target.removeprefix("custom.")
        assert target in FIELDS or CUSTOM_NAME.fullmatch(name)


def test_long_slugs_stay_within_bounds_and_apart() -> None:
    headers = ["x" * 80, "x" * 81]
    assert list(propose(headers).values()) == ["custom." + "x" * 63, "custom." + "x" * 61 + "_2"]


def test_slug_of_digits_begins_with_a_letter() -> None:
    assert slug("2024") == "n_2024"


HEADERS = ["E-mail", "Nome", "Cor", "vazao_row"]


def test_headers_left_out_stay_unmapped_in_the_order_of_the_sheet() -> None:
    mapping = parse('{"Cor": "custom.cor", "E-mail": "email", "Nome": null}', HEADERS)
    assert list(mapping.items()) == [
        ("E-mail", "email"),
        ("Nome", None),
        ("Cor", "custom.cor"),
        ("vazao_row", None),
    ]


def test_a_proposal_is_accepted_as_a_mapping() -> None:
    assert parse(json.dumps(propose(HEADERS)), HEADERS) == propose(HEADERS)


REFUSED = {
    "not JSON": ("{", errors.MappingInvalid),
    "not an object": ("[1]", errors.MappingInvalid),
    "deep": ("[" * 100_000, errors.MappingInvalid),
    "field is no text": ({"E-mail": 1}, errors.MappingInvalid),
    "unknown header": ({"E-mail": "email", "Xis": "name"}, errors.MappingUnknownHeader),
    "header in another case": ({"e-mail": "email"}, errors.MappingUnknownHeader),
    "unknown field": ({"E-mail": "mail"}, errors.MappingUnknownField),
    "reserved header": ({"E-mail": "email", "vazao_row": "name"}, errors.MappingReservedHeader),
    "field twice": ({"E-mail": "email", "Nome": "email"}, errors.MappingFieldTwice),
    "custom twice": (
        {"E-mail": "email", "Nome": "custom.a", "Cor": "custom.a"},
        errors.MappingFieldTwice,
    ),
    "custom without a name": ({"E-mail": "email", "Cor": "custom."}, errors.MappingCustomName),
    "custom in capitals": ({"E-mail": "email", "Cor": "custom.Cor"}, errors.MappingCustomName),
    "custom with accents": ({"E-mail": "email", "Cor": "custom.ação"}, errors.MappingCustomName),
    "custom of digits": ({"E-mail": "email", "Cor": "custom.1a"}, errors.MappingCustomName),
    "custom with newline": ({"E-mail": "email", "Cor": "custom.a\n"}, errors.MappingCustomName),
    "custom too long": ({"E-mail": "email", "Cor": "custom." + "a" * 64}, errors.MappingCustomName),
    "no e-mail": ({"Nome": "name"}, errors.MappingWithoutEmail),
    "e-mail unmapped": ({"E-mail": None, "Nome": "name"}, errors.MappingWithoutEmail),
    "empty": ({}, errors.MappingWithoutEmail),
}


@pytest.mark.parametrize(("mapping", "error"), REFUSED.values(), ids=REFUSED)
def test_refused_mappings(mapping: str | dict[str, object], error: type[VazaoError]) -> None:
    with pytest.raises(error) as raised:
        parse(mapping, HEADERS)
    assert raised.value.status == 422
    assert "{field}" not in raised.value.message()
    assert "{header}" not in raised.value.message()


def test_require_email_on_a_proposal() -> None:
    require_email(propose(HEADERS))
    with pytest.raises(errors.MappingWithoutEmail):
        require_email(propose(["Nome", "Cor"]))


def test_broken_json_of_a_mapping_says_where() -> None:
    with pytest.raises(errors.MappingInvalid, match="line 2, column 12") as refused:
        decode('{\n "E-mail": email}')
    (detail,) = refused.value.details
    assert (detail["line"], detail["column"]) == (2, 12)
    with pytest.raises(errors.MappingInvalid, match="header Nome"):
        decode('{"E-mail": "email", "Nome": 5}')


def test_a_column_of_addresses_leaves_its_headers_meaning_to_another() -> None:
    headers = ["Contato", "Nome", "Turma"]
    rows = [["ana@x.com", "Ana", "A"], ["bea@x.com", "Bea", "B"]]
    assert propose(headers, rows) == {
        "Contato": "email", "Nome": "name", "Turma": "custom.turma"
    }
