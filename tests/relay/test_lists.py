"""Lists: their columns, keys and publishing; and what readers can do with them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import httpx2

from tests.support.relay import LIST, Hub, change

TEAMS = """-- columns: id integer, unidade text, equipe text, note text
select id, 'UBS ' || id % 2 as unidade, note,
    case when id % 4 = 0 then '=1+1' else 'Equipe ' || id % 4 end as equipe
from citizen
"""
SIGNED = ("--key", "id", "--window", "06:00-20:00", "--every", "12h")


def signed(hub: Hub, text: str, name: str, version: int, *more: str) -> dict[str, Any]:
    """What ``vazao relay sign`` prints."""
    file = hub.folder() / "list.sql"
    file.write_text(text)
    said: dict[str, Any] = json.loads(hub.running.vazao(
        "relay", "sign", name, "--sql", str(file), "--version", str(version), "-o",
        hub.organization, *more,
    ))
    return said


def admin(hub: Hub) -> httpx2.Client:
    """A client that may publish."""
    return hub.reader("relay:admin", "relay:read")


def test_a_list_without_columns_has_those_that_its_first_agent_says(hub: Hub) -> None:
    said = hub.publish("found", "select id, name as \"Nome\", born from citizen -- no columns")
    assert "first agent" in said
    source = hub.source(20)
    site, agent = hub.agent(source)
    agent.run("once")
    found = hub.rows("found", site, 'id, "Nome", born')
    assert len(found) == 20
    assert found[0] == ("1", "Pessoa 1", "1990-01-02")
    # Another site whose query gives something else says so, and sends nothing.
    poor = hub.source(5)
    change(poor, "alter table citizen rename name to nome")
    _, other = hub.agent(poor)
    assert "schema_changed" in other.run("once", code=1)
    # A later version has one column more; its rows keep the former ones.
    hub.publish("found", "select id, name as \"Nome\", born, note from citizen")
    with hub.reader() as client:
        page = client.get("/v1/relay/lists/found/rows", params={"site": site}).json()
        assert set(page["items"][0]) == {"id", "Nome", "born"}
    hub.expire()
    agent.run("once")
    assert len(hub.rows("found", site, 'id, "Nome", born, note')) == 20
    hub.publish("found", "select id from citizen")
    hub.expire()
    assert "must keep the columns of the previous one" in agent.run("once", code=1)


def test_an_agent_that_enrolled_before_the_first_list_learns_its_publisher(hub: Hub) -> None:
    site, agent = hub.agent(hub.source(3))
    agent.run("once")
    hub.publish("later", LIST)
    agent.run("once")
    assert len(hub.rows("later", site)) == 3


def test_a_version_signed_elsewhere_is_published(hub: Hub) -> None:
    made = signed(hub, LIST, "elsewhere", 5, *SIGNED)
    with admin(hub) as client, hub.reader() as reader:
        assert reader.post("/v1/relay/lists", json=made).status_code == 403
        assert client.post("/v1/relay/lists", json=made).status_code == 201
        again = client.post("/v1/relay/lists", json=made)
        assert (again.status_code, again.json()["error"]["code"]) == (400, "list_invalid")
        (listed,) = client.get("/v1/relay/lists").json()["items"]
        assert (listed["version"], listed["key"], listed["window"], listed["every_seconds"]) == (
            5, ["id"], [360, 1200], 43200
        )
        looks = client.get("/v1/relay/audit").json()["items"]
        assert [look["what"] for look in looks].count("published") == 1
    site, agent = hub.agent(hub.source(4))
    hub.execute("update relay.version set opens = 0, closes = 1440")
    agent.run("once")
    assert len(hub.rows("elsewhere", site)) == 4


def test_what_its_publisher_did_not_sign_is_refused(hub: Hub, tmp_path: Path) -> None:
    good = signed(hub, LIST, "mine", 1)
    stranger = signed(hub, LIST, "mine", 2, "--signing-key", str(tmp_path / "other.pem"))
    wrong = [
        stranger, {**stranger, "publisher": good["publisher"]},
        {**good, "signature": stranger["signature"]}, {**good, "document": "e30="},
        {**good, "document": "####"}, {**good, "window": "6-20"}, {**good, "every": "1s"},
        {**good, "publisher": ""}, {"document": "e30="},
    ]
    with admin(hub) as client:
        assert client.post("/v1/relay/lists", json=good).status_code == 201
        for each in wrong:
            answer = client.post("/v1/relay/lists", json=each)
            assert answer.status_code in (400, 403, 422), (each, answer.text)
        assert len(client.get("/v1/relay/lists").json()["items"]) == 1


def test_rows_of_a_team_and_a_unit(hub: Hub) -> None:
    hub.publish("teams", TEAMS)
    hub.publish("plain", LIST)
    site, agent = hub.agent(hub.source(40))
    agent.run("once")
    with hub.reader() as client:
        def rows(name: str = "teams", **more: str) -> httpx2.Response:
            return client.get(f"/v1/relay/lists/{name}/rows", params={"site": site, **more})

        found = rows(team="Equipe 1", limit="3").json()
        assert [row["id"] for row in found["items"]] == [1, 5, 9]
        more = rows(team="Equipe 1", after=found["next"]).json()["items"]
        assert [row["id"] for row in more] == [13, 17, 21, 25, 29, 33, 37]
        assert len(rows(unit="UBS 0").json()["items"]) == 20
        shown = client.get("/relay/lists/teams", params={"site": site}).text
        assert shown.count("UBS 0</span") == 20
        assert rows(unit="UBS 0", team="Equipe 1").json()["items"] == []
        refused = rows("plain", team="Equipe 1")
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "column_missing")
        filtered = client.get("/relay/lists/teams", params={"site": site, "team": "Equipe 1"}).text
        assert "team=Equipe%201" in filtered
        for form in ("csv", "ndjson"):
            export = client.get("/v1/relay/lists/teams/export", params={
                "site": site, "team": "Equipe 1", "format": form,
            })
            assert (export.text.count("Equipe 1"), export.text.count("Equipe ")) == (10, 10)
        refused = client.get("/v1/relay/lists/plain/export", params={"team": "Equipe 1"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "column_missing")


def test_what_no_site_could_run_is_not_published(hub: Hub) -> None:
    wrong = {
        "one query": (LIST + ";\nselect 2", ()),
        "cannot be volatile": (LIST, ("--key", "id,name", "--volatile", "name")),
    }
    for said, (text, options) in wrong.items():
        file = hub.folder() / "list.sql"
        file.write_text(text)
        assert said in hub.running.vazao(
            "relay", "publish", "wrong", "--sql", str(file), "-o", hub.organization, *options,
            code=1,
        )


FAR = """-- columns: id integer, equipe text
select id, case when id = 6000 then 'Longe' else 'Perto' end as equipe from citizen
"""


def test_rows_far_from_each_other_are_found(hub: Hub) -> None:
    hub.publish("far", FAR)
    site, agent = hub.agent(hub.source(6000))
    agent.run("once")
    with hub.reader() as client:
        def rows(**more: str) -> dict[str, Any]:
            asked = {"site": site, **more}
            return client.get("/v1/relay/lists/far/rows", params=asked).json()

        assert [row["id"] for row in rows(team="Longe", limit="1")["items"]] == [6000]
        page = rows(limit="700")
        seen = [row["id"] for row in page["items"]]
        while page["next"]:
            page = rows(limit="700", after=page["next"])
            seen += [row["id"] for row in page["items"]]
        assert seen == list(range(1, 6001))


def test_a_cursor_is_of_its_list_site_and_team(hub: Hub) -> None:
    for name in ("one", "two"):
        hub.publish(name, TEAMS)
    first, agent = hub.agent(hub.source(40))
    second, other = hub.agent(hub.source(40))
    agent.run("once")
    other.run("once")
    with hub.reader() as client:
        def rows(name: str, **asked: str) -> httpx2.Response:
            return client.get(f"/v1/relay/lists/{name}/rows", params=asked)

        page = rows("one", site=first, limit="5").json()
        for name, asked in (
            ("two", {"site": first}), ("one", {"site": second}),
            ("one", {"site": first, "team": "Equipe 1"}),
        ):
            refused = rows(name, after=page["next"], **asked)
            assert (refused.status_code, refused.json()["error"]["code"]) == (400, "cursor_invalid")
        hub.expire()
        before = page["extracted_at"]
        agent.run("once")
        assert rows("one", site=first, after=page["next"]).json()["extracted_at"] == before


def test_a_list_is_exported_whole(hub: Hub) -> None:
    hub.publish("teams", TEAMS)
    first, agent = hub.agent(hub.source(40))
    second, other = hub.agent(hub.source(4))
    agent.run("once")
    other.run("once")
    with hub.reader() as client:
        one = client.get("/v1/relay/lists/teams/export", params={"site": first})
        read = list(csv.DictReader(io.StringIO(one.text)))
        assert len(read) == 40
        # What a spreadsheet would calculate is text there.
        assert {row["equipe"] for row in read if int(row["id"]) % 4 == 0} == {"'=1+1"}
        assert {row["relay_site"] for row in read} == {first}
        whole = client.get("/v1/relay/lists/teams/export", params={"format": "ndjson"})
        lines = [json.loads(line) for line in whole.text.splitlines()]
        assert {line["relay_site"] for line in lines} == {first, second}
        assert sorted(line["id"] for line in lines if line["relay_site"] == second) == [1, 2, 3, 4]
        assert {line["note"] for line in lines} == {None, "", "a\tb\\c\n"}
        assert client.get("/v1/relay/lists/nada/export").status_code == 404
    with admin(hub) as client:
        looks = client.get("/v1/relay/audit").json()["items"]
        assert [look["what"] for look in looks].count("exported") == 2


def test_doubles_of_a_key_are_a_finding(hub: Hub) -> None:
    text = "-- columns: id integer, name text\nselect id % 8 as id, name from citizen"
    hub.publish("keyed", text, "--key", "id")
    hub.publish("unkeyed", LIST)
    site, agent = hub.agent(hub.source(9))
    agent.run("once")
    hub.sweep()
    with hub.reader() as client:
        found = {each["list"]: each for each in client.get("/v1/relay/sites").json()["items"]
                 if each["site"] == site}
    assert (found["keyed"]["state"], found["keyed"]["rows"], found["keyed"]["doubles"]) == (
        "current", 9, 2
    )
    assert found["unkeyed"]["doubles"] is None


def test_the_hub_asks_for_a_diagnosis(hub: Hub) -> None:
    site, agent = hub.agent(hub.source(3))
    hub.running.vazao("relay", "diagnose", site, "--ask", "-o", hub.organization)
    agent.run("once")
    with hub.reader() as client:
        entries = client.get(f"/v1/relay/sites/{site}/journal").json()["items"]
    (found,) = [each for each in entries if each["what"] == "diagnosed"]
    assert len(found["details"]["findings"]) >= 4
    agent.run("once")
    assert len(hub.execute("select 1 from relay.journal where what = 'diagnosed'")) == 1
