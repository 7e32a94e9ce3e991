"""What the hub says of lists: of those that never came, failed, or wait for somebody."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx2

from tests.support.relay import LIST, Hub, change
from vazao_agent.identity import new_key
from vazao_agent.wire import PREFIX

WRONG = LIST.replace("from citizen", "from nobody")


def told(client: httpx2.Client, site: str) -> list[dict[str, Any]]:
    """How a site's lists are."""
    found = client.get("/v1/relay/sites").raise_for_status().json()["items"]
    return [each for each in found if each["site"] == site]


def today(page: str) -> list[str]:
    """What a site's page says of the days that have something to say."""
    return [word.partition('"')[0] for word in page.split('data-day="')[1:] if word[0] != '"']


def test_a_list_is_not_up_to_date_before_it_came(hub: Hub) -> None:
    source = hub.source(10)
    site, agent = hub.agent(source)
    with hub.reader() as client:
        agent.run("once")
        assert [each["state"] for each in told(client, site)] == ["no_list"]
        hub.publish("first")
        assert [each["state"] for each in told(client, site)] == ["awaited"]
        change(source, "alter table citizen rename to citizens")
        agent.run("once", code=1)
        (late,) = told(client, site)
        assert (late["state"], late["cause"]) == ("late", "schema_changed")
        assert "A table or column of the list does not exist." in str(late["evidence"])
        assert today(client.get(f"/relay/sites/{site}").text) == ["failed"]
        change(source, "alter table citizens rename to citizen")
        agent.run("once")
        assert [(each["state"], each["cause"]) for each in told(client, site)] == [("current", "")]
        assert today(client.get(f"/relay/sites/{site}").text) == ["arrived"]
        hub.publish("second", WRONG)
        agent.run("once", code=1)
        assert [each["state"] for each in told(client, site)] == ["current", "late"]
        assert today(client.get(f"/relay/sites/{site}").text) == ["some"]


def test_what_is_held_says_why_and_who_decides(hub: Hub) -> None:
    site, agent, source = hub.transmitted("held", 100)
    hub.execute("insert into notices.choice (user_id, organization_id, type, wanted) "
                "select 1, organization_id, 'list.held', true from relay.site where name = %s",
                site)
    change(source, "delete from citizen where id > 10")
    agent.run("once", code=1)
    assert hub.execute("select object from notices.event where type = 'list.held'")
    with hub.reader("relay:read", "relay:admin") as client:
        (held,) = told(client, site)
        assert held["state"] == "held"
        assert "10 rows arrived, and readers see 100" in str(held["evidence"])
        run = client.get("/v1/relay/runs", params={"state": "held"}).json()["items"][0]["run"]
        shown = client.get(f"/relay/runs/{run}").text
        assert "with 10 rows; readers see the previous one, with 100" in shown
        assert client.post(f"/v1/relay/runs/{run}/reject").status_code == 204
        assert "This list was rejected on the hub" in client.get(f"/relay/runs/{run}").text
        assert client.get(f"/v1/relay/runs/{run}").json()["error"]["code"] == "list_rejected"


def test_a_silent_agents_query_is_no_reason_for_its_silence(hub: Hub) -> None:
    hub.publish("silent", WRONG)
    site, agent = hub.agent(hub.source(1))
    agent.run("once", code=1)
    hub.execute("update relay.agent set seen_at = now() - interval '1 hour' where site_id = "
                "(select id from relay.site where name = %s)", site)
    hub.execute("update relay.journal set at = now() - interval '1 hour' where site_id = "
                "(select id from relay.site where name = %s)", site)
    with hub.reader() as client:
        (silent,) = told(client, site)
        assert silent["state"] == "silent"
        assert silent["cause"] != "schema_changed"


def test_another_municipalitys_database_uses_no_token_up(hub: Hub) -> None:
    site, token = hub.token()
    hub.execute("update relay.site set ibge = '2611606' where name = %s", site)
    address, body = hub.running.address + PREFIX + "/enroll", {
        "token": token, "public_key": new_key()[1], "version": "0", "machine": "m",
    }
    refused = httpx2.post(address, json={**body, "ibge": "2609600"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "municipality_wrong")
    assert httpx2.post(address, json={**body, "ibge": "261160"}).status_code == 201


def test_what_is_published_after_it_was_asked_for_keeps_its_window(hub: Hub) -> None:
    site, agent = hub.agent(hub.source(1))
    hub.publish("any")
    hub.running.vazao("relay", "ask", site, "-o", hub.organization)
    agent.run("once")
    hour = (datetime.now(ZoneInfo("America/Sao_Paulo")) + timedelta(hours=6)).hour
    hub.publish("night", LIST, "--window", f"{hour:02}:00-{hour:02}:30")
    assert "night" not in agent.run("once")
    hub.running.vazao("relay", "ask", site, "-o", hub.organization)
    assert "night" in agent.run("once")


def test_a_sites_name_is_a_part_of_an_address(hub: Hub) -> None:
    with hub.reader("relay:read", "relay:admin") as client:
        for name in (".", "..", "a/b", " a", "a\n"):
            refused = client.post("/v1/relay/sites", json={"name": name})
            assert (refused.status_code, refused.json()["error"]["code"]) == (
                400, "site_name_invalid")


def test_who_decided_on_a_list_and_when_is_in_the_journal(hub: Hub) -> None:
    site, agent, source = hub.transmitted("decided", 100)
    change(source, "delete from citizen where id > 10")
    agent.run("once", code=1)
    with hub.reader("relay:read", "relay:admin") as client:
        (held,) = client.get("/v1/relay/runs", params={"state": "held"}).json()["items"]
        client.post(f"/v1/relay/runs/{held['run']}/release").raise_for_status()
        whats = [each["what"] for each in client.get(
            f"/v1/relay/sites/{site}/journal"
        ).raise_for_status().json()["items"]]
        assert whats[:2] == ["released", "held"]
        wrong = client.get("/v1/relay/runs", params={"state": "holding"})
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "run_state_invalid")
        assert client.get("/relay/runs?state=holding").status_code == 400


def test_a_failed_try_shows_beside_a_list_that_is_fresh_enough(hub: Hub) -> None:
    hub.publish("fresh")
    source = hub.source()
    site, agent = hub.agent(source)
    agent.run("once")
    change(source, "alter table citizen rename to citizens")
    hub.running.vazao("relay", "ask", site, "-o", hub.organization)
    agent.run("once", code=1)
    with hub.reader() as client:
        (found,) = told(client, site)
        assert (found["state"], found["cause"]) == ("current", "schema_changed")
        assert "A table or column of the list does not exist." in str(found["evidence"])
        change(source, "alter table citizens rename to citizen")
        hub.running.vazao("relay", "ask", site, "-o", hub.organization)
        agent.run("once")
        assert [(each["state"], each["cause"]) for each in told(client, site)] == [("current", "")]


def test_a_revoked_site_says_so(hub: Hub) -> None:
    site, _, _ = hub.transmitted("ended")
    hub.running.vazao("relay", "revoke", site, "-o", hub.organization)
    with hub.reader() as client:
        (found,) = told(client, site)
        assert found["state"] == "not_enrolled"
        assert "The agent was revoked on" in found["evidence"][0]
        assert found["evidence"][0].count("-03:00") == 1


def test_sites_and_lists_come_in_pages(hub: Hub) -> None:
    for name in ("a", "b", "c"):
        hub.publish(name)
    site, _ = hub.token()
    with hub.reader() as client:
        for path, key in (("/v1/relay/lists", "name"), ("/v1/relay/sites", "list")):
            seen: list[str] = []
            after: str | None = ""
            while after is not None:
                page = client.get(path, params={"limit": 2, "after": after}).json()
                assert len(page["items"]) <= 2
                seen += [each[key] for each in page["items"]
                         if key == "name" or each["site"] == site]
                after = page["next"]
            assert seen == ["a", "b", "c"]
            assert client.get(path, params={"limit": "0"}).status_code == 400
            assert client.get(path, params={"after": "x"}).status_code == 400


def test_codes_of_municipalities_check_themselves(hub: Hub) -> None:
    with hub.reader("relay:admin") as client:
        for code, status in (("2611606", 201), ("261160", 201), ("2201919", 201),
                             ("2611607", 400), ("26116", 400)):
            made = client.post("/v1/relay/sites", json={"name": f"c{code}", "ibge": code})
            assert made.status_code == status, code


def test_files_of_sites_as_spreadsheet_programs_write_them(hub: Hub, tmp_path: Path) -> None:
    file = tmp_path / "sites.csv"
    file.write_text("nome;ibge\nOlinda;2609600\nPaulista;\n;\n", encoding="utf-8-sig")
    said = hub.running.vazao("relay", "add-sites", str(file), "-o", hub.organization)
    assert [line.partition(",")[0] for line in said.splitlines()] == ["Olinda", "Paulista"]
    file.write_bytes("São João".encode("latin-1"))
    assert "is not text in UTF-8" in hub.running.vazao(
        "relay", "add-sites", str(file), "-o", hub.organization, code=1
    )
    file.write_text("25/12/2026 Natal\n")
    assert "does not begin with a date" in hub.running.vazao(
        "relay", "add-site", "Escada", "--holidays", str(file), "-o", hub.organization, code=1
    )
