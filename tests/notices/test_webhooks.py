"""``/v1/webhooks``: made, shown, changed, tried, sent again; and nobody else's."""

from __future__ import annotations

import httpx2
import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from tests.support.notices import TYPE, Outbox
from tests.support.receivers import Receiver
from tests.support.waiting import eventually
from vazao.notices.settings import NoticeSettings

pytestmark = pytest.mark.anyio
SCOPES = ("webhooks:read", "webhooks:write")


@pytest.fixture
async def api(quiet: Outbox, organization: int) -> httpx2.AsyncClient:
    return await quiet.with_token(organization, *SCOPES)


async def made(api: httpx2.AsyncClient, url: str, **more: object) -> dict[str, str]:
    answer = await api.post("/v1/webhooks", json={"url": url, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def test_a_webhook_is_told_and_its_receiver_can_verify_it(
    busy: Outbox, organization: int, takes: Receiver, api: httpx2.AsyncClient
) -> None:
    hook = await made(api, takes.url, types=[TYPE], about="CRM")
    assert hook["secret"].startswith("whsec_")
    await busy.tell(organization, 1)

    async def come() -> list[object]:
        return list(takes.taken)

    await eventually(come, within=4)
    (got,) = takes.taken
    verified = Verifier(hook["secret"]).verify(got.body, got.headers)
    assert verified["data"] == {"n": 1}
    with pytest.raises(WebhookVerificationError):
        Verifier(hook["secret"]).verify(got.body + b" ", got.headers)
    with pytest.raises(WebhookVerificationError):
        Verifier("whsec_" + "A" * 43 + "=").verify(got.body, got.headers)
    assert got.headers["host"] == f"127.0.0.1:{takes.port}"
    listed = (await api.get(f"/v1/webhooks/{hook['id']}/deliveries")).json()["items"]
    assert [(d["status"], d["answer_status"], d["answer"]) for d in listed] == [
        ("delivered", 200, "ok")
    ]


async def test_the_secret_is_shown_once_and_stored_sealed(
    quiet: Outbox, organization: int, api: httpx2.AsyncClient
) -> None:
    hook = await made(api, "https://example.com/x")
    shown = (await api.get(f"/v1/webhooks/{hook['id']}")).json()
    assert "secret" not in shown
    assert hook["secret"] not in (await api.get("/v1/webhooks")).text
    found, _ = await quiet.webhook(organization, "https://example.com/y")
    assert len(found.secret) == 12 + 32 + 16


async def test_a_new_secret_signs_besides_the_old_one(
    busy: Outbox, organization: int, takes: Receiver, api: httpx2.AsyncClient
) -> None:
    hook = await made(api, takes.url)
    answer = await api.post(f"/v1/webhooks/{hook['id']}/rotate")
    assert answer.status_code == 201
    assert answer.json()["old_secret_until"]
    assert answer.json()["secret"] != hook["secret"]
    await busy.tell(organization)

    async def come() -> bool:
        return bool(takes.taken)

    await eventually(come, within=4)
    for secret in (hook["secret"], answer.json()["secret"]):
        Verifier(secret).verify(takes.taken[0].body, takes.taken[0].headers)


@pytest.mark.parametrize(("url", "code"), [
    ("http://example.com/x", "webhook_address_invalid"),
    ("ftp://example.com/x", "webhook_address_invalid"),
    ("https://ana:senha@example.com/", "webhook_address_invalid"),
    ("https://", "webhook_address_invalid"),
    ("https://localhost/x", None),
    ("https://10.1.2.3/", "webhook_address_private"),
    ("https://169.254.169.254/latest", "webhook_address_private"),
    ("https://[fe80::1]/", "webhook_address_private"),
    ("https://[::ffff:10.1.2.3]/", "webhook_address_private"),
    ("http://10.1.2.3/", "webhook_address_invalid"),
])
async def test_where_webhooks_may_lead(
    api: httpx2.AsyncClient, url: str, code: str | None
) -> None:
    answer = await api.post("/v1/webhooks", json={"url": url})
    if code is None:
        # This machine is allowed here.
        assert answer.status_code == 201
        return
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


async def test_a_webhook_is_changed_listed_and_removed(api: httpx2.AsyncClient) -> None:
    ids = [(await made(api, f"https://example.com/{n}"))["id"] for n in range(3)]
    first = (await api.get("/v1/webhooks?limit=2")).json()
    rest = (await api.get(f"/v1/webhooks?after={first['next']}")).json()
    assert [each["id"] for each in first["items"] + rest["items"]] == ids
    assert rest["next"] is None
    at = f"/v1/webhooks/{ids[0]}"
    changed = await api.patch(at, json={"types": ["job.ended", "job.ended"], "enabled": False})
    assert changed.json()["types"] == ["job.ended"]
    assert changed.json()["status"] == "off"
    assert (await api.patch(at, json={"enabled": True})).json()["status"] == "on"
    for wrong, code in (
        ({"types": ["nothing"]}, "notice_type_unknown"), ({"about": "x" * 201}, "about_too_long"),
        ({"about": "a\nb"}, "about_too_long"), ({"url": "http://x.example"},
                                               "webhook_address_invalid"),
    ):
        refused = await api.patch(at, json=wrong)
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, code)
    assert (await api.delete(at)).status_code == 204
    assert (await api.delete(at)).status_code == 404
    assert (await api.get(at)).status_code == 404
    assert (await api.patch(at, json={})).status_code == 404


async def test_the_same_key_gives_the_same_webhook(api: httpx2.AsyncClient) -> None:
    body = {"url": "https://example.com/k", "types": [TYPE]}
    key = {"Idempotency-Key": "k1"}
    first = await api.post("/v1/webhooks", json=body, headers=key)
    again = await api.post("/v1/webhooks", json=body, headers=key)
    assert again.json() == first.json()
    other = await api.post("/v1/webhooks", json=body | {"about": "x"}, headers=key)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_conflict")
    await api.delete(f"/v1/webhooks/{first.json()['id']}")
    anew = await api.post("/v1/webhooks", json=body, headers=key)
    assert anew.status_code == 201
    assert anew.json()["id"] != first.json()["id"]


async def test_there_is_a_most(quiet: Outbox, api: httpx2.AsyncClient) -> None:
    most = quiet.platform.settings.of(NoticeSettings).max_webhooks
    for n in range(most):
        await made(api, f"https://example.com/{n}")
    refused = await api.post("/v1/webhooks", json={"url": "https://example.com/more"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "too_many_webhooks")


async def test_a_test_and_deliveries_sent_again(
    busy: Outbox, organization: int, takes: Receiver, api: httpx2.AsyncClient
) -> None:
    hook = await made(api, takes.url, types=["job.ended"])
    at = f"/v1/webhooks/{hook['id']}"
    sent = await api.post(f"{at}/test")
    assert (sent.status_code, sent.json()["type"]) == (202, "webhook.test")

    async def come(count: int) -> bool:
        return len(takes.taken) == count

    await eventually(lambda: come(1), within=4)
    again = await api.post(f"{at}/replay", json={"delivery": sent.json()["id"]})
    assert (again.status_code, again.json()) == (202, {"deliveries": 1})
    await eventually(lambda: come(2), within=4)
    assert takes.ids[0] == takes.ids[1] == sent.json()["event"]

    async def ended() -> bool:
        items = (await api.get(f"{at}/deliveries?status=delivered")).json()["items"]
        return len(items) == 1

    await eventually(ended)
    since = await api.post(f"{at}/replay", json={"since": "2020-01-01T00:00:00Z"})
    assert since.json() == {"deliveries": 1}
    await eventually(lambda: come(3), within=4)
    late = await api.post(f"{at}/replay", json={"since": "2099-01-01"})
    assert late.json() == {"deliveries": 0}
    for wrong, status in (
        ({}, 400), ({"since": "x"}, 400), ({"since": "2020-01-01", "delivery": "1"}, 400),
        ({"delivery": "0"}, 404), ({"delivery": "x"}, 404), ({"delivery": "9" * 30}, 404),
    ):
        assert (await api.post(f"{at}/replay", json=wrong)).status_code == status
    await api.patch(at, json={"enabled": False})
    assert (await api.post(f"{at}/test")).status_code == 409
    assert (await api.post(f"{at}/replay", json={"since": "2020-01-01"})).status_code == 409


async def test_nobody_else_sees_a_webhook(
    quiet: Outbox, api: httpx2.AsyncClient, takes: Receiver
) -> None:
    hook = await made(api, takes.url)
    other = await quiet.with_token(await quiet.found_organization(), *SCOPES)
    at = f"/v1/webhooks/{hook['id']}"
    assert (await other.get("/v1/webhooks")).json()["items"] == []
    for method, path, body in (
        ("GET", at, None), ("PATCH", at, {}), ("DELETE", at, None),
        ("POST", f"{at}/rotate", None), ("POST", f"{at}/test", None),
        ("GET", f"{at}/deliveries", None), ("POST", f"{at}/replay", {"since": "2020-01-01"}),
    ):
        answer = await other.request(method, path, json=body)
        assert answer.status_code == 404, path
    assert (await api.get(at)).status_code == 200


async def test_reading_is_not_writing(quiet: Outbox, organization: int) -> None:
    reads = await quiet.with_token(organization, "webhooks:read")
    assert (await reads.get("/v1/webhooks")).status_code == 200
    refused = await reads.post("/v1/webhooks", json={"url": "https://example.com"})
    assert refused.status_code == 403
