"""Words that have no place in the project: places of one machine, registries, secrets."""

from __future__ import annotations

import re

from tests.support.sources import files, name

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
