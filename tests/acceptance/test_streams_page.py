"""A browser's EventSource on long work that has ended: its last state, and then peace.

An EventSource connects again whenever a stream ends, for ever, unless it is answered with 204.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.running import Running, sign_in
from tests.support.waiting import until

pytestmark = pytest.mark.browser
FOLLOW = """(address) => new Promise((resolve) => {
  const seen = { opened: 0, messages: [] };
  const source = new EventSource(address);
  source.onopen = () => {
    seen.opened += 1;
    if (seen.opened > 2) { source.close(); resolve(seen); }
  };
  source.onmessage = ({ data }) => { seen.messages.push(JSON.parse(data)); };
  source.onerror = () => { if (source.readyState === EventSource.CLOSED) resolve(seen); };
})"""
UPLOAD = """async ([address, type, body]) => {
  const answer = await fetch(address, {
    method: "POST", body, headers: {
      Accept: "application/json", "Content-Type": type,
      "X-CSRF-Token": document.querySelector("input[name=csrf]").value,
    },
  });
  return answer.json();
}"""


@pytest.fixture(scope="module")
def page(platform_up: Running, browser: Any) -> Iterator[Any]:
    context = browser.new_context(locale="en-US")
    made = context.new_page()
    sign_in(made, platform_up)
    made.goto(f"{platform_up.address}/jobs/new")
    yield made
    context.close()


def has_ended(page: Any, address: str) -> bool:
    """Whether the long work at *address* has ended."""
    status = page.evaluate(
        """async (address) => (await (await fetch(
            address, { headers: { Accept: "application/json" } })).json()).status""", address,
    )
    return status in ("finished", "failed")


@pytest.mark.parametrize(("address", "kind", "body", "shown", "name"), [
    ("/sum-even", "text/plain", "2\n4\n", "/v1/jobs/", "token"),
    ("/sum-even", "text/plain", "x\n", "/v1/jobs/", "token"),
    ("/v1/leads/imports?filename=a.csv", "text/csv", "email\nana@example.com\n",
     "/v1/leads/imports/", "id"),
], ids=["a sum", "a failed sum", "an import"])
def test_an_ended_stream_is_not_asked_for_for_ever(
    page: Any, address: str, kind: str, body: str, shown: str, name: str
) -> None:
    made = page.evaluate(UPLOAD, [address, kind, body])
    assert re.fullmatch("[0-9a-f]{32}", made.get(name, "")), made
    until(lambda: has_ended(page, shown + made[name]), 60)
    seen = page.evaluate(FOLLOW, f"{shown}{made[name]}/stream")
    # The first connection tells how it ended; the next one is told to stay away.
    assert [message["status"] in ("finished", "failed") for message in seen["messages"]] == [True]
    assert seen["opened"] == 1
