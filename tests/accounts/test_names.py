"""Names that are the same, and names that are none."""

from __future__ import annotations

import pytest

from vazao.accounts import errors, names
from vazao.kit.errors import VazaoError


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ana", "aNA"), ("ＡＮＡ", "ana"), ("STRASSE", "straße"), ("e\u0301", "É"), (" ana ", "ana")],
)
def test_the_same_username(one: str, other: str) -> None:
    assert names.lookup_key(one) == names.lookup_key(other)


@pytest.mark.parametrize(
    "text", ["", " ", "a\0", "a\nb", "a\u200bb", "a\u202eb", "\ud800", "x" * 151, "ﷺ" * 150]
)
def test_what_nobody_is_called(text: str) -> None:
    assert names.lookup_key(text) is None
    with pytest.raises(errors.UsernameInvalid):
        names.username_of(text)


@pytest.mark.parametrize(("text", "key"), [(" A@B.test ", "a@b.test"), ("", None), (None, None)])
def test_emails(text: str | None, key: str | None) -> None:
    assert names.email_of(text)[1] == key


@pytest.mark.parametrize("text", ["a", "a@", "@b", "a@b@c", "a b@c", "a@" + "b" * 250, "a\0@b"])
def test_what_is_no_email(text: str) -> None:
    with pytest.raises(errors.EmailInvalid):
        names.email_of(text)


@pytest.mark.parametrize("text", ["", "A", "a_b", "a" * 41, "é", "a\n"])
def test_what_is_no_slug(text: str) -> None:
    with pytest.raises(errors.SlugInvalid):
        names.slug_of(text)


@pytest.mark.parametrize("text", ["", " ", "ação", "a\nb", "x" * 101])
def test_what_is_no_application(text: str) -> None:
    with pytest.raises(VazaoError):
        names.application_of(text)


def test_fine_names() -> None:
    assert names.slug_of("acme-2") == "acme-2"
    assert names.application_of(" Folha de pagamento ".replace("ã", "a")) == "Folha de pagamento"
    assert names.name_of(" Zé 👩‍🌾 ") == "Zé 👩‍🌾"
    assert names.name_of("نام\u200cها") == "نام\u200cها"
    assert names.name_of("") == ""
    for text in ("x\0", "\u202enimda", "a\u2066b", "\u200b\u2060", "\u200d"):
        with pytest.raises(errors.NameInvalid):
            names.name_of(text)
