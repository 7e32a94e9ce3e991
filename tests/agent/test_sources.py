"""Real agents beside each version of PostgreSQL, set up as sites have it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest

from tests.support.old_servers import PORTUGUESE, Server, speaks_portuguese, standby_of
from tests.support.relay import Agent, Hub, change
from tests.support.waiting import until
from vazao.relay import publishing, synthetic
from vazao_agent import wire

COLUMNS = {
    "id": "integer", "name": "text", "note": "text", "born": "date", "seen": "timestamptz",
    "at": "timestamp", "hour": "time", "amount": "numeric", "big": "bigint", "small": "smallint",
    "yes": "boolean", "code": "uuid",
}
NAMES = ", ".join(COLUMNS)
PEOPLE = f"-- columns: {', '.join(map(' '.join, COLUMNS.items()))}\nselect {NAMES} from person"
TABLE = "create table person ({})".format(", ".join(map(" ".join, COLUMNS.items())))
ROWS: list[tuple[Any, ...]] = [
    (1, *[None] * 11),
    (2, "", "", "1900-02-28", "1900-01-01 00:00+00", "1900-01-01", "00:00", "0", 0, 0, False,
     "00000000-0000-0000-0000-000000000000"),
    (3, "José da Conceição", "a\tb\\c\nd\r\n\\N", "9999-12-31", "2026-02-21 23:59:59.999999-03",
     "infinity", "23:59:59.999999", "-12345678901234567890.123456789", -(2**63), -(2**15), True,
     "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    (4, "'\"(),; ${}", "\x01\x1f\x7f \u00a0\u2028", "infinity", "-infinity",
     "0044-03-15 12:00 BC", "24:00", "NaN", 2**63 - 1, 2**15 - 1, None, None),
    (5, "Ação 名前 🩺 e\u0301 \ufeff\ufffd", "\\", "0044-03-15 BC", "infinity",
     "2026-10-25 01:30", None, "1.10", 1, 1, True, None),
    (6, "NULL", "\\.", "2000-02-29", "2018-11-04 00:30-02", None, None, "1e-30", None, None,
     False, None),
]
MANY = (
    "insert into person (id, name, born, yes) select i, 'Pessoa ' || i, date '1950-01-01' + i, "
    "i % 2 = 0 from generate_series(100, 600) as i"
)
PLAIN = " ".join(f"-c {name}={value}" for name, value in {
    "datestyle": "ISO,YMD", "timezone": "UTC", "standard_conforming_strings": "on",
}.items())
TEXTS = ", ".join(f"{name}::text" for name in COLUMNS)
# A site's own table and functions that bear the names of others.
DECOYS = (
    "create schema before", "create table before.person as select * from person limit 0",
    "create function public.md5(bytea) returns text language sql as 'select ''0''::text'",
    "create function public.now() returns integer language sql as 'select 1'",
)
READ = "grant select on all tables in schema public to reader, hashed"
ODD = """-- columns: {}
select 1 as id, to_char(date '2026-02-03', 'TMMonth') as month,
    to_char(1234.5, 'FM9G999D00') as price, interval '1 month -2 days 3 hours' as span,
    '\\x00ff'::bytea as bytes, 'a\\d' as back, (1/3::double precision)::text as share,
    '2026-02-03'::date as day, '1,234.56'::money::numeric as cash
""".format("id integer, month text, price text, span text, bytes text, back text, share text, "
           "day date, cash numeric")
EVEN = (
    1, "February", "1,234.50", "1 mon -2 days +03:00:00", "\\x00ff", "a\\d", "0.333333333333333",
    date(2026, 2, 3), "1234.56",
)


def made(server: Server, database: str) -> str:
    """The address of a new source with people."""
    url = server.create(database)
    change(url, TABLE, MANY, *DECOYS)
    with psycopg.connect(url, options=PLAIN, autocommit=True) as conn:
        conn.cursor().executemany(
            f"insert into person values ({', '.join(['%s'] * len(COLUMNS))})", ROWS
        )
    change(url, READ)
    return url


def asked(url: str, query: str) -> list[tuple[Any, ...]]:
    """What a source says to a program that wants plain text."""
    with psycopg.connect(url, options=PLAIN, autocommit=True) as conn:
        return conn.execute(query).fetchall()  # type: ignore[arg-type]


def aim(agent: Agent, url: str) -> None:
    """Give the agent another database or role."""
    file = agent.folder / "identity.json"
    plain = url.replace(url[url.index(":", 12):url.index("@")], "")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"database": plain}))


def runs(hub: Hub, name: str) -> list[tuple[Any, ...]]:
    """The runs of a list: how each ended, its rows, digest and bytes, and whether it is a delta."""
    return hub.execute(
        "select r.state, r.rows, r.digest, r.raw, r.base_seq is not null from relay.run r "
        "join relay.list l on l.id = r.list_id join relay.site s on s.id = r.site_id "
        "join accounts.organization o on o.id = s.organization_id "
        "where l.name = %s and o.slug = %s order by r.id", name, hub.organization,
    )


def digest(url: str) -> int:
    """The digest of the people of a source."""
    values = ", ".join(f"{name}::text" for name in COLUMNS)
    texts = asked(url, f"select array[{values}]::text from person")
    return wire.total(sum(wire.hash_of(text.encode()) for (text,) in texts))


def test_a_version_transmits_what_it_has(hub: Hub, server: Server) -> None:
    url = made(server, "people")
    hub.publish("people", PEOPLE)
    hub.publish("odd", ODD)
    site, agent = hub.agent(server.url("people", "reader"))
    agent.run("once")
    query = f"select {TEXTS} from public.person order by id"
    assert hub.rows("people", site, TEXTS) == asked(url, query)
    assert hub.rows("odd", site, "id, month, price, span, bytes, back, share, day, cash::text") == [
        EVEN
    ]
    hub.expire()
    change(url, "delete from person where id in (1, 200)", "insert into person (id) values (700)",
           "update person set note = 'é outra', yes = null where id in (3, 300)")
    aim(agent, server.url("people", "hashed"))
    agent.run("once")
    assert hub.rows("people", site, TEXTS) == asked(url, query)
    first, second = runs(hub, "people")
    assert first[:2] == ("finished", len(ROWS) + 501)
    assert second[:3] == ("finished", len(ROWS) + 500, digest(url))
    assert second[3] < first[3] / 50
    assert (first[4], second[4]) == (False, True)
    server_known = hub.execute("select a.facts ->> 'server' from relay.agent a "
                               "join relay.site s on s.agent_id = a.id where s.name = %s", site)
    assert int(server_known[0][0]) // 10000 == server.major


def test_a_server_speaks_portuguese(server: Server) -> None:
    if not speaks_portuguese():
        pytest.skip(f"NOT TESTED: servers in Portuguese (the locale {PORTUGUESE} is missing)")
    assert asked(server.url("postgres"), "show lc_numeric") == [(PORTUGUESE,)]


READING = "select from pg_stat_activity where wait_event = 'PgSleep'"
HURRIED = (
    "create role hurried login in role reader",
    "update pg_authid set rolpassword = (select rolpassword from pg_authid where rolname = "
    "'reader') where rolname = 'hurried'",
    "alter role hurried set statement_timeout = '100ms'",
    "alter role hurried set lock_timeout = '1ms'",
    "alter role hurried set idle_in_transaction_session_timeout = '1ms'",
    "alter role hurried set default_transaction_read_only = on",
    "alter role hurried set default_transaction_isolation = 'serializable'",
    "alter role hurried set default_transaction_deferrable = on",
    "alter role hurried set search_path = before, public",
    "alter role hurried set client_encoding = 'LATIN1'",
)
SLOW = (
    "create view tb_relatorio_processamento as select timestamp '2026-02-03' as dt_processamento "
    "from pg_sleep(0.2)", "create table before.tb_relatorio_processamento (dt_processamento date)",
    "grant usage on schema before to reader", "grant select on all tables in schema before, "
    "public to reader",
)


@pytest.mark.parametrize("server", [10, 18], indirect=True)
def test_what_a_role_is_set_to_changes_nothing(hub: Hub, server: Server) -> None:
    url = made(server, "hurried")
    change(url, *HURRIED, *SLOW)
    if server.major >= 17:
        change(url, "alter role hurried set transaction_timeout = '100ms'")
    hub.publish("people", PEOPLE + ", pg_sleep(0.2)")
    site, agent = hub.agent(server.url("hurried", "hurried"))
    agent.run("once")
    query = f"select {TEXTS} from public.person order by id"
    assert hub.rows("people", site, TEXTS) == asked(url, query)
    known = hub.execute("select a.facts ->> 'processed_at' from relay.agent a join relay.site s "
                        "on s.agent_id = a.id where s.name = %s", site)
    assert float(known[0][0]) == datetime(2026, 2, 3, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("server", [18], indirect=True)
def test_a_standby_that_ends_a_query_is_asked_again(hub: Hub, server: Server) -> None:
    url = made(server, "copied")
    hub.publish("people", PEOPLE + ", pg_sleep(case when id = 300 then 60 else 0 end)")
    with standby_of(server) as standby, ThreadPoolExecutor() as pool:
        site, agent = hub.agent(standby.url("copied", "reader"))
        first = pool.submit(agent.run, "once", code=1)
        assert until(lambda: asked(standby.url("copied"), READING))
        change(url, "delete from person where id = 300", "vacuum person")
        assert "conflict with recovery" in first.result()
        agent.run("once")
    assert hub.rows("people", site, TEXTS) == asked(
        url, f"select {TEXTS} from public.person order by id"
    )


WORDS = """-- columns: id integer, name text, is_sao boolean
select id, name, name like 'São%' as is_sao from word -- ação → lista
"""


@pytest.mark.parametrize("server", [10], indirect=True)
def test_a_database_in_latin_1(hub: Hub, server: Server) -> None:
    url = server.create("latin", "LATIN1")
    names = ["São José", "ÀÉÎÕÜ çñ °ºª", "a\tb\\\n\"'", "\xa0\x85", None]
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("create table word (id integer, name text)")
        conn.cursor().executemany("insert into word values (%s, %s)", list(enumerate(names)))
        conn.execute(READ)
    hub.publish("words", WORDS)
    site, agent = hub.agent(server.url("latin", "reader"))
    agent.run("once")
    assert hub.rows("words", site, "id, name, is_sao") == [
        (number, name, name and name.startswith("São")) for number, name in enumerate(names)
    ]


UNSAID = {
    "São José".encode(): "São José", "São José".encode("latin-1"): "São José",
    b"\x93S\xe3o\x94 \x80": "“São” €", b"\xe3\xa3": "ã£", b"\xc3\xa3\xe3\xa3": "ãã£",
    b"\xc3\"x, \xc3": 'Ã"x, Ã', b"\xc3\\\xe3\t\xe3\n\xa3": "Ã\\ã\tã\n£", b"\x81\x8d": "\x81\x8d",
    "名前 🩺".encode(): "名前 🩺", b"\xf0\x9f\xa9": "ðŸ©", b"": "", b"\xed\xa0\x80": "í\xa0€",
}


@pytest.mark.parametrize("server", [12], indirect=True)
def test_a_database_that_does_not_say_its_encoding(hub: Hub, server: Server) -> None:
    url = server.create("unsaid", "SQL_ASCII")
    insert = "insert into word values (%s, convert_from(%b, 'SQL_ASCII'))"
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("create table word (id integer, name text)")
        conn.cursor().executemany(insert, list(enumerate(UNSAID)))
        conn.execute(READ)
        hub.publish("words", WORDS)
        site, agent = hub.agent(server.url("unsaid", "reader"))
        agent.run("once")
        wanted = list(enumerate(UNSAID.values()))
        assert hub.rows("words", site, "id, name") == wanted
        hub.expire()
        conn.execute("insert into word select * from word where id in (1, 6)")
        conn.execute("delete from word where id = 2")
    agent.run("once")
    wanted = sorted([*wanted[:2], *wanted[3:], wanted[1], wanted[6]])
    assert hub.rows("words", site, "id, name") == wanted
    assert [run[:2] for run in runs(hub, "words")] == [
        ("finished", len(UNSAID)), ("finished", len(UNSAID) + 1)
    ]


@pytest.fixture(scope="module")
def lists(shared_hub: Hub) -> Hub:
    """A hub whose organization has published the five lists."""
    hub = shared_hub.of_new_organization()
    for each in synthetic.examples():
        hub.publish(each.name, each.text, *(
            word for name, columns in (("--key", each.key), ("--volatile", each.volatile))
            for column in columns for word in (name, column)
        ))
    return hub


def test_a_version_makes_and_transmits_the_synthetic_source(lists: Hub, server: Server) -> None:
    url = server.create("pec")
    lists.running.vazao("relay", "make-source", url, "--citizens", "150")
    change(url, READ)
    site, agent = lists.agent(server.url("pec", "reader"))
    agent.run("once")
    for each in synthetic.examples():
        names = [column.name for column in publishing.columns_of(each.text)]
        steady = [f"{name}::text" for name in names if name not in each.volatile]
        row = f"row({', '.join(steady)})::text"
        shown = lists.execute(
            f"select {row} from relay_{lists.organization}.{each.name} where relay_site = %s", site
        )
        assert shown or each.name == "gestantes"
        assert sorted(shown) == sorted(asked(url, f"select {row} from ({each.text}) q"))
