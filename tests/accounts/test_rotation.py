"""Another signing key: what the one before signed holds until it is taken away."""

from __future__ import annotations

import httpx2
import pytest

from tests.support.accounts import PASSWORD, Browse, People, csrf_in, log_in
from vazao.accounts import sign_in, tickets
from vazao.kit.errors import ConfigurationError
from vazao.kit.platform import Platform, check_settings, old_secrets
from vazao.kit.settings import Settings

pytestmark = pytest.mark.anyio
OLD, NEW = b"s" * 32, b"n" * 32


def rotate(platform: Platform, *secrets: bytes) -> None:
    """The process begins anew with these keys."""
    platform.secret, platform.secrets = secrets[0], secrets


async def test_what_the_old_key_signed_holds(
    platform: Platform, browse: Browse, people: People
) -> None:
    visitor, person = browse(), browse()
    form = csrf_in((await visitor.get("/login")).text)
    await log_in(person)
    page = csrf_in((await person.get("/account")).text)
    ticket = tickets.make(OLD, "ana", 1.0, 60)
    device = sign_in.device_value(platform, "ana", "d" * 16)

    rotate(platform, NEW, OLD)
    assert tickets.read(platform.secrets, "ana", ticket) is not None
    assert sign_in.known_device(platform, "ana", device) == "d" * 16
    assert (await end_others(person, page)).status_code in (200, 303)
    data = {"username": "ana", "password": PASSWORD, "csrf": form}
    assert (await visitor.post("/login", data=data)).status_code == 303
    now = csrf_in((await person.get("/account")).text)
    assert now != page, "new pages are signed with the new key"

    rotate(platform, NEW)
    assert tickets.read(platform.secrets, "ana", ticket) is None
    assert sign_in.known_device(platform, "ana", device) is None
    assert (await end_others(person, page)).status_code == 403
    assert (await end_others(person, now)).status_code in (200, 303)


async def end_others(client: httpx2.AsyncClient, csrf: str) -> httpx2.Response:
    """Something that a page's form does."""
    return await client.post("/account/sessions/revoke-others", data={"csrf": csrf})


def test_a_key_cut_at_a_comma_is_no_key() -> None:
    settings = Settings(secret="n" * 32, secret_old=f"{'s' * 32}, {'o' * 40}")
    assert old_secrets(settings) == [b"s" * 32, b"o" * 40]
    broken = Settings(secret="n" * 32, secret_old=f"{'s' * 20},{'s' * 32}")
    with pytest.raises(ConfigurationError, match="VAZAO_SECRET_OLD"):
        check_settings(broken)
