"""Passwords: what they must be, their hashes, and the same cost for nobody."""

from __future__ import annotations

import pytest

from vazao.accounts import errors
from vazao.accounts.hashing import Hasher
from vazao.accounts.passwords import NOBODY, check_new, hash_new, verify

pytestmark = pytest.mark.anyio


@pytest.fixture
def pool() -> Hasher:
    return Hasher(threads=1)


async def test_hashes_are_argon2id_with_owasps_parameters(pool: Hasher) -> None:
    stored = await hash_new(pool, "três pratos")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert (await verify(pool, stored, "três pratos")).right
    assert not (await verify(pool, stored, "tres pratos")).right
    assert not (await verify(pool, "not a hash", "três pratos")).right
    assert await hash_new(pool, "três pratos") != stored


async def test_accents_may_be_typed_either_way(pool: Hasher) -> None:
    composed, apart = "Ma\u00e7\u00e3-1234", "Mac\u0327a\u0303-1234"
    assert (await verify(pool, await hash_new(pool, composed), apart)).right
    assert (await verify(pool, await hash_new(pool, apart), composed)).right


async def test_nobody_matches_nothing(pool: Hasher) -> None:
    assert NOBODY.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert not (await verify(pool, None, "anything")).right
    assert not (await verify(pool, None, "")).right
    long = await hash_new(pool, "x" * 1024)
    assert (await verify(pool, long, "x" * 1024)).right
    assert not (await verify(pool, long, "x" * 1025)).right


@pytest.mark.parametrize("password", ["", "short", "1234567", "x" * 1025])
def test_passwords_that_are_none(password: str) -> None:
    with pytest.raises(errors.PasswordInvalid):
        check_new(password, "ana")


def test_the_username_is_no_password() -> None:
    with pytest.raises(errors.PasswordIsUsername):
        check_new("ANA.MARIA", "ana.maria")
    check_new("12345678", "ana")
