"""Password hashes of other systems: read in their notations, held to bounds, checked."""

from __future__ import annotations

import threading

import pytest
from argon2 import PasswordHasher
from hypothesis import given, settings
from hypothesis import strategies as st

from vazao.accounts import schemes
from vazao.accounts.errors import HashRefused

_argon2 = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Made of "três pratos" by argon2-cffi, bcrypt and hashlib, in the notations of Django and passlib.
SECRET = "três pratos".encode()
KNOWN = {
    (
        "$argon2id$v=19$m=1024,t=1,p=1$JU0KA4pnBgKXhn6uZQpVww$9dKzzZpg0mhWdh4B+"
        "upt7qb/g9gmnYGDFFziKxs5WOs"
    ): "argon2id m=1024 t=1 p=1",
    (
        "argon2$argon2id$v=19$m=2048,t=1,p=2$Tr/AKvaVX/OhBeLb52bOcQ$IakcV245VZ5"
        "Pr5kZohfH3RvH9Cq4sbhPhCGDRf37zA4"
    ): "argon2id m=2048 t=1 p=2",
    "$2b$04$9WAkCN6uVyaR8ZyUkfRiZuQuGm7DVKRsX2oEuEDR0uTIwrjNCU70S":
        "bcrypt 4",
    "$2y$04$9WAkCN6uVyaR8ZyUkfRiZuQuGm7DVKRsX2oEuEDR0uTIwrjNCU70S":
        "bcrypt 4",
    "$2a$04$9WAkCN6uVyaR8ZyUkfRiZuQuGm7DVKRsX2oEuEDR0uTIwrjNCU70S":
        "bcrypt 4",
    "bcrypt$$2b$05$E0uhaLTsEb6El00MPC3o9u..VMwUyPkUqP/cnIIjHmzUCSFYm48ga":
        "bcrypt 5",
    (
        "$pbkdf2-sha256$1000$c2FsdHNhbHRzYWx0c2FsdA$3C9Pt9JCpjTofxAaCh6i50DbvFJ"
        "Svtff7q3.z2hm1d4"
    ): "pbkdf2 sha256 1000",
    (
        "$pbkdf2-sha512$1000$c2FsdHNhbHRzYWx0c2FsdA$7mmbkNqvDz86BRKpW3FvEPJHpiu"
        "R4rIHMVyxTvBlas3EII0l6y1hOFQ2HkCeD54XZFlKQGVWg4FYm/cfTxLWEQ"
    ): "pbkdf2 sha512 1000",
    "$pbkdf2$1000$c2FsdHNhbHRzYWx0c2FsdA$el79QZDziZy0uMc807JLIGtjabc":
        "pbkdf2 sha1 1000",
    (
        "pbkdf2_sha256$1200$saltsaltsaltsalt$a+QDvkyDRfKEUu4zbIY05E2Ie9A9vbUgP9"
        "FrDtFbHbo="
    ): "pbkdf2 sha256 1200",
    "pbkdf2_sha1$1000$saltsaltsaltsalt$el79QZDziZy0uMc807JLIGtjabc=":
        "pbkdf2 sha1 1000",
    (
        "$scrypt$ln=10,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$xHmSCscgC7v/021eIuYWd2RmO"
        "dViTl2NIXe/hScJY3I"
    ): "scrypt n=1024 r=8 p=1",
    (
        "scrypt$1024$saltsaltsaltsalt$8$5$4ydx/TuB+E/JFfztwo7+d9UUu/r8IHK37+Rdp"
        "PF4X47zqhMStlr78/WxNXFjHuDAt4gZeXUBDa0d4fDPTksfeQ=="
    ): "scrypt n=1024 r=8 p=5",
}


@pytest.mark.parametrize("stored", KNOWN, ids=KNOWN.values())
def test_hashes_of_others_are_read_and_checked(stored: str) -> None:
    kept = schemes.normal(stored)
    assert schemes.kind_of(kept) == KNOWN[stored]
    assert schemes.matches(kept, SECRET)
    assert not schemes.matches(kept, b"tres pratos")
    assert not schemes.matches(kept, b"")
    assert not schemes.is_current(kept)
    assert schemes.is_current(schemes.make(SECRET))


@pytest.mark.parametrize("stored", KNOWN, ids=KNOWN.values())
def test_a_sample_is_of_the_same_kind_and_matches_nothing(stored: str) -> None:
    kept = schemes.normal(stored)
    sample = schemes.sample_of(kept)
    assert sample != kept
    assert schemes.kind_of(sample) == KNOWN[stored]
    assert not schemes.matches(sample, SECRET)


@pytest.mark.parametrize("stored", [
    "", "plain", "$1$salt$abcdefghijklmnopqrstuv", "$argon2i$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aaaa",
    "$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHRzYWx0$YWFhYWFhYWFhYWFhYWFhYWFhYWFhYQ",
    "$argon2id$v=19$m=65536,t=100,p=1$c2FsdHNhbHRzYWx0$YWFhYWFhYWFhYWFhYWFhYWFhYWFhYQ",
    "$2b$31$" + "a" * 53, "$2b$16$" + "a" * 53, "$2b$03$" + "a" * 53, "$2x$12$" + "a" * 53,
    "$2b$12$" + "a" * 52, "$scrypt$ln=30,r=8,p=1$c2FsdA$" + "a" * 43,
    "$scrypt$ln=20,r=8,p=64$c2FsdA$" + "a" * 43, "scrypt$1000$salt$8$1$" + "a" * 43,
    "scrypt$0$salt$8$1$" + "a" * 43, "$pbkdf2-sha256$90000000$c2FsdA$" + "a" * 43,
    "pbkdf2_sha256$0$salt$" + "a" * 43, "pbkdf2_md5$1000$salt$" + "a" * 43, "$2b$12$" + "ã" * 53,
    "x" * 5000,
])
def test_what_is_unknown_or_costs_too_much_is_refused(stored: str) -> None:
    with pytest.raises(HashRefused):
        schemes.kind_of(schemes.normal(stored))
    assert not schemes.matches(stored, b"anything")


@given(st.text(max_size=100))
def test_nothing_else_is_a_hash(text: str) -> None:
    assert not schemes.matches(schemes.normal(text), b"anything")


def test_bcrypt_looks_at_72_bytes_as_it_always_did() -> None:
    import bcrypt

    long = b"x" * 72
    stored = bcrypt.hashpw(long, bcrypt.gensalt(4)).decode()
    assert schemes.matches(stored, long + b"more")
    assert not schemes.matches(stored, b"x" * 71)


@given(password=st.binary(max_size=200))
@settings(max_examples=20, deadline=None)
def test_the_kept_memory_makes_what_the_library_makes(password: bytes) -> None:
    stored = _argon2.hash(password)
    assert stored.startswith(schemes.CURRENT)
    assert schemes.matches(stored, password)
    assert not schemes.matches(stored, password + b"x")
    changed = stored[:-1] + ("A" if stored[-1] != "A" else "E")
    assert not schemes.matches(changed, password)


def test_threads_hash_in_memory_of_their_own() -> None:
    stored = {n: _argon2.hash(str(n)) for n in range(4)}
    right: list[bool] = []

    def check(n: int) -> None:
        right.extend(schemes.matches(stored[n], str(k).encode()) == (k == n) for k in range(4))

    threads = [threading.Thread(target=check, args=(n,)) for n in stored]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert right == [True] * 16
