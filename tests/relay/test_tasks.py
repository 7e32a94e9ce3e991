"""A list on its way: from a source by a real agent to those who read it."""

from __future__ import annotations

from typing import Any

from tests.support.relay import LIST, Hub, change

VOLATILE = ("--key", "id", "--volatile", "seen")


def sent(hub: Hub, name: str) -> list[tuple[Any, ...]]:
    """The runs of a list: state, rows of the list, rows of the chunks by kind."""
    return hub.execute(
        "select r.state, r.rows, coalesce(sum(c.rows) filter (where c.kind = 'rows'), 0)::int, "
        "coalesce(sum(c.rows) filter (where c.kind = 'gone'), 0)::int "
        "from relay.run r join relay.list l on l.id = r.list_id "
        "left join relay.chunk c on c.run_id = r.id where l.name = %s group by r.id order by r.id",
        name,
    )


def test_a_list_arrives_as_the_source_has_it(hub: Hub) -> None:
    hub.publish("whole", LIST, *VOLATILE)
    source = hub.source(1000)
    site, agent = hub.agent(source)
    agent.run("once")
    columns = "id, name, born, seen, note"
    with_source = hub.rows("whole", site, columns)
    assert len(with_source) == 1000
    import psycopg

    with psycopg.connect(source) as conn:
        assert with_source == conn.execute(f"select {columns} from citizen order by id").fetchall()


def test_only_what_changed_travels(hub: Hub) -> None:
    site, agent, source = hub.transmitted("changes", 1000, LIST, *VOLATILE)
    change(
        source, "update citizen set seen = now()", "update citizen set name = 'Nova' where id <= 9",
        "delete from citizen where id > 995", "insert into citizen values (2000, 'Recém-chegada')",
    )
    agent.run("once")
    assert sent(hub, "changes") == [("finished", 1000, 1000, 0), ("finished", 996, 10, 14)]
    found = hub.rows("changes", site, "id, name")
    assert len(found) == 996
    assert [name for id, name in found if id <= 9] == ["Nova"] * 9
    assert found[-1] == (2000, "Recém-chegada")
    hub.expire()
    agent.run("once")
    assert sent(hub, "changes")[-1] == ("finished", 996, 0, 0)


def test_a_list_of_which_every_row_changed_is_sent_whole(hub: Hub) -> None:
    site, agent, source = hub.transmitted("anew", 50, LIST, *VOLATILE)
    change(source, "update citizen set name = name || '!'", "delete from citizen where id > 45")
    agent.run("once")
    assert sent(hub, "anew") == [("finished", 50, 50, 0), ("finished", 45, 45, 0)]
    assert [base for (base,) in hub.execute(
        "select r.base_seq from relay.run r join relay.list l on l.id = r.list_id "
        "where l.name = 'anew' order by r.id"
    )] == [None, None]
    assert len(hub.rows("anew", site)) == 45
    hub.expire()
    agent.run("once")
    assert sent(hub, "anew")[-1] == ("finished", 45, 0, 0)


def test_rows_alike_in_every_column_are_counted(hub: Hub) -> None:
    hub.publish("doubles", "-- columns: id integer\nselect id % 3 as id from citizen")
    source = hub.source(30)
    site, agent = hub.agent(source)
    for statement, numbers in (
        ("select 1", [0] * 10 + [1] * 10 + [2] * 10),
        ("delete from citizen where id in (3, 6, 1)", [0] * 8 + [1] * 9 + [2] * 10),
        ("insert into citizen (id) values (9), (9), (9), (4)", [0] * 11 + [1] * 10 + [2] * 10),
    ):
        change(source, statement)
        hub.expire()
        agent.run("once")
        assert [id for (id,) in hub.rows("doubles", site)] == numbers


def test_readers_page_through_one_run(hub: Hub) -> None:
    hub.publish("paged", "-- columns: id integer\nselect id % 50 as id from citizen")
    source = hub.source(100)
    site, agent = hub.agent(source)
    agent.run("once")
    with hub.reader() as client:
        found, after = [], None
        while True:
            page = client.get("/v1/relay/lists/paged/rows", params={
                "site": site, "limit": 7, **({"after": after} if after else {}),
            }).raise_for_status().json()
            found += [each["id"] for each in page["items"]]
            if len(found) == 14:
                change(source, "update citizen set id = id + 1000")
                hub.expire()
                agent.run("once")
            after = page["next"]
            if after is None:
                break
        assert sorted(found) == sorted([*range(50), *range(50)])
        other = client.get("/v1/relay/lists/paged/rows", params={"site": "Nenhum"})
        assert (other.status_code, other.json()["error"]["code"]) == (404, "site_not_found")
