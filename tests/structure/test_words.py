"""Words that have no place in the project: places of one machine, registries, secrets."""

from __future__ import annotations

import re

from babel.messages.pofile import read_po

from tests.support.sources import PACKAGE, files, name

# Put together here, so that this file does not contain them.
HOSTS = [
    ".".join(parts) for parts in (
        ("pypi", "org"), ("files", "pythonhosted", "org"), ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"), ("deb", "debian", "org"), ("docker", "io"),
        ("ghcr", "io"), ("quay", "io"), ("proxy", "golang", "org"),
    )
]
PLACES = ["/" + place for place in ("work/", "root/", "opt/wheels", "tmp/w/")]
OTHERS = ["cl" + "aude", "anth" + "ropic", "open" + "ai", "chat" + "gpt", "co" + "pilot"]
SECRETS = re.compile(
    r"-----BEGIN (RSA |EC |OPENSSH )?PRIVATE KEY|AKIA[0-9A-Z]{16}|\bvz_[A-Za-z0-9]{30,}"
)
CATALOGUE = PACKAGE / "locale" / "pt_BR" / "LC_MESSAGES" / "vazao.po"
with CATALOGUE.open("rb") as file:
    MESSAGES = [message for message in read_po(file) if message.id]
PLACE = re.compile("|".join(rf"(?<![\w.*]){re.escape(place)}" for place in PLACES))


def found(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name(file)}:{number} {match[0]}" for file in files()
        for number, line in enumerate(file.read_text("utf-8", "replace").splitlines(), 1)
        if (match := pattern.search(line))
    ]


def test_no_registry_is_named() -> None:
    assert not found(re.compile("|".join(re.escape(host) for host in HOSTS)))


def test_no_place_of_one_machine_is_named() -> None:
    assert not found(PLACE)


def test_nobody_is_named_who_is_no_part_of_this() -> None:
    assert not found(re.compile("|".join(OTHERS), re.IGNORECASE))


def test_no_secret_is_kept() -> None:
    assert not found(SECRETS)


def test_messages_say_one_thing_by_one_word() -> None:
    """docs/decisions/0078-words-of-messages.md."""
    english = re.compile(r"\b(whoever|nobody|for good|put aside|file store|left out)\b", re.I)
    portuguese = re.compile(
        r"\b(papel|etiquetas?|depósito de|processos? de trabalho|campos? próprios?|[aà] Vazão"
        r"|de vez\b(?! em quando)|deixad[oa]s? de fora|linha de títulos)\b", re.I,
    )
    wrong = [
        text for message in MESSAGES for pattern, texts in (
            (english, message.id), (portuguese, message.string),
        )
        for text in ([texts] if isinstance(texts, str) else texts) if pattern.search(text)
    ]
    assert not wrong


def test_no_text_of_a_template_has_a_lone_percent_sign() -> None:
    """Templates put values in with ``%``: ``95 % of …`` would end every page that shows it."""
    filled = dict.fromkeys(re.findall(r"%\((\w+)\)s", CATALOGUE.read_text("utf-8")), 1)
    for message in MESSAGES:
        if any(place.endswith(".html") for place, _ in message.locations):
            texts = [message.id, message.string]
            for text in [each for t in texts for each in ([t] if isinstance(t, str) else t)]:
                assert text % filled, text
