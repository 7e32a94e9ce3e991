"""Sealed values: opened by the same use and place alone, under old keys too."""

from __future__ import annotations

from vazao.kit.sealing import seal, unseal

OLD, NEW = b"a" * 32, b"b" * 32


def test_what_is_sealed_opens_for_its_use_and_place() -> None:
    held = seal(OLD, "use", "place", b"secret")
    assert b"secret" not in held
    assert unseal([OLD], "use", "place", held) == b"secret"
    assert unseal([NEW, OLD], "use", "place", held) == b"secret"
    assert seal(OLD, "use", "place", b"secret") != held


def test_nothing_else_opens() -> None:
    held = seal(OLD, "use", "place", b"secret")
    assert unseal([NEW], "use", "place", held) is None
    assert unseal([OLD], "other use", "place", held) is None
    assert unseal([OLD], "use", "other place", held) is None
    assert unseal([OLD], "use", "place", held[:-1] + bytes([held[-1] ^ 1])) is None
    assert unseal([OLD], "use", "place", b"") is None
    assert unseal([], "use", "place", held) is None
