"""Values that others lose on the way, as people have reported of them."""

from __future__ import annotations

import psycopg

from tests.support.relay import LIST, Hub, change

COLUMNS = (
    "id integer, amount numeric, day date, at timestamptz, wall timestamp, clock time, big bigint, "
    "ok boolean, code uuid, words text"
)
SPECIAL = """
create table special (id int, amount numeric, day date, at timestamptz, wall timestamp, clock time,
    big bigint, ok boolean, code uuid, words text)
"""
ROWS = r"""
insert into special values
    (1, 'NaN', 'infinity', '-infinity', 'infinity', '24:00', 9223372036854775807, true,
     'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', ''),
    (2, -0.10, '4713-01-01 BC', '0001-01-01 00:00:00+00', '294276-12-31 23:59:59.999999',
     '00:00:00.000001', -9223372036854775808, false, null, null),
    (3, 1e40, '5874897-12-31', '2018-11-04 00:30:00-02', '1992-10-25 00:00', '12:00', 0, null,
     null, '\N'),
    (4, 1.2300, null, '1913-12-31 23:59:59+00', null, null, null, null, null, 'NULL'),
    (5, 0, null, null, null, null, null, null, null, E'tab\t"quote" \\\\ {brace},(x)\r\nline\n'),
    (6, 0, null, null, null, null, null, null, null, E'  \u00a0à\u0085é \u2028 '),
    (7, 0, null, null, null, null, null, null, null, U&'e\0301 \+01F600 \feff'),
    (8, 0, null, null, null, null, null, null, null, repeat('ção', 20000))
"""
AS_TEXT = "id, amount::text, day::text, at::text, wall::text, clock::text, big, ok, code, words"


def test_special_values_arrive_as_they_are(hub: Hub) -> None:
    hub.publish("special", f"-- columns: {COLUMNS}\nselect * from special")
    source = hub.source(1)
    change(source, SPECIAL, ROWS)
    site, agent = hub.agent(source)
    agent.run("once")
    with psycopg.connect(source, options="-c timezone=UTC") as conn:
        wanted = conn.execute(f"select {AS_TEXT} from special order by id").fetchall()
    with psycopg.connect(hub.url, options="-c timezone=UTC") as conn:
        found = conn.execute(
            f"select {AS_TEXT} from relay_{hub.organization}.special order by id"
        ).fetchall()
    assert found == wanted
    with hub.reader() as client:
        asked = client.get("/v1/relay/lists/special/rows", params={"site": site})
        assert '"amount": 1.2300' in asked.text, "a number keeps all of its digits"
        page = asked.json()["items"]
        assert [page[0][name] for name in ("amount", "day", "at", "big")] == [
            "NaN", "infinity", "-infinity", 9223372036854775807
        ]
        whole = client.get("/v1/relay/lists/special/export", params={"format": "ndjson"})
        assert whole.text.count("\n") == 8


def test_a_column_that_is_new_has_its_values_in_every_row(hub: Hub) -> None:
    hub.publish("wider", LIST, "--volatile", "seen")
    site, agent = hub.agent(hub.source(10))
    agent.run("once")
    more = LIST.replace("note text", "note text, age integer").replace(
        "note from", "note, 2026 - extract(year from born)::int as age from"
    )
    hub.publish("wider", more, "--volatile", "seen", "--volatile", "age")
    agent.run("once")
    assert [age for (age,) in hub.rows("wider", site, "age")] == [36] * 10
