"""The synthetic source and the lists over it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.support.databases import address
from vazao.relay import publishing, synthetic
from vazao_agent import wire

DAY = date(2026, 5, 4)
CITIZENS = 1000
EXAMPLES = synthetic.examples()
SENTINELS = {"-", "30001231", "3000-12-31"}
TABLES = """
select relname from pg_class
where relkind = 'r' and relnamespace = 'public'::regnamespace and relname like %s order by relname
"""
DIGEST = """
select count(*), sum(('x' || substr(md5(t::text), 1, 16))::bit(64)::bigint::numeric) from {} as t
"""
Admin = psycopg.Connection[Any]


@contextmanager
def empty(admin: Admin, server_url: str) -> Iterator[str]:
    """The address of a new database."""
    name = f"synthetic_{secrets.token_hex(4)}"
    admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    yield address(server_url, name)
    admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def source(admin: Admin, server_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a source that nobody changes."""
    with empty(admin, server_url) as url:
        synthetic.make(url, citizens=CITIZENS, day=DAY)
        with psycopg.connect(url, autocommit=True) as conn:
            yield conn


def digests(url: str) -> dict[str, tuple[Any, ...]]:
    """Rows and digest of each table of a source."""
    with psycopg.connect(url) as conn:
        names = [name for (name,) in conn.execute(TABLES, ["tb\\_%"]).fetchall()]
        found = {}
        for name in names:
            statement = sql.SQL(DIGEST).format(sql.Identifier(name))
            found[name] = conn.execute(statement).fetchone() or ()
        return found


def made(admin: Admin, server_url: str, **how: Any) -> dict[str, tuple[Any, ...]]:
    """Rows and digest of each table of a source that is made for it."""
    with empty(admin, server_url) as url:
        synthetic.make(url, **{"citizens": 60, "day": DAY, **how})
        return digests(url)


def publication(example: synthetic.Example) -> wire.Publication:
    """An example as it would be signed."""
    return wire.Publication(
        "acme", example.name, 1, example.text, publishing.columns_of(example.text), example.key,
        example.volatile,
    )


def rows(conn: psycopg.Connection[Any], example: synthetic.Example) -> list[list[str]]:
    """The rows of a list as they travel: the hash, then the columns."""
    with conn.cursor().copy(wire.copy_query(publication(example)).encode()) as copy:
        return [bytes(line).decode().rstrip("\n").split("\t") for line in copy]


def column(example: synthetic.Example, found: list[list[str]], name: str) -> list[str]:
    """The values of one column."""
    place = 1 + [each.name for each in publication(example).columns].index(name)
    return [row[place] for row in found]


def named(name: str) -> synthetic.Example:
    """The example of that name."""
    return next(each for each in EXAMPLES if each.name == name)


def test_the_same_seed_and_day_make_the_same_rows(admin: Admin, server_url: str) -> None:
    first = made(admin, server_url, seed=7)
    assert made(admin, server_url, seed=7) == first
    for other in ({"seed": 8}, {"seed": 7, "day": DAY + timedelta(days=1)}):
        different = made(admin, server_url, **other)
        moved = {name for name, digest in first.items() if different[name] != digest}
        assert {"tb_fat_cidadao_pec", "tb_fat_atendimento_individual"} <= moved


def test_an_older_server_makes_the_same_rows(admin: Admin, server_url: str, oldest: str) -> None:
    synthetic.make(oldest, citizens=60, day=DAY)
    assert digests(oldest) == made(admin, server_url)
    with psycopg.connect(oldest) as conn:
        assert all(rows(conn, each) for each in EXAMPLES if each.name != "gestantes")


def test_all_of_a_source_is_made_or_nothing(admin: Admin, server_url: str) -> None:
    with empty(admin, server_url) as url:
        said: list[str] = []
        synthetic.make(url, citizens=60, day=DAY, say=said.append)
        before = digests(url)
        with pytest.raises(psycopg.errors.DuplicateTable):
            synthetic.make(url, citizens=90, day=DAY)
        assert digests(url) == before
    assert [line.partition(":")[0] for line in said][:2] == ["dimensions", "citizens"]


def test_it_has_the_tables_of_a_reporting_schema(source: psycopg.Connection[Any]) -> None:
    names = [name for (name,) in source.execute(TABLES, ["tb\\_%"]).fetchall()]
    assert sum(name.startswith("tb_fat_") for name in names) >= 54
    assert sum(name.startswith("tb_dim_") for name in names) >= 95
    keys = source.execute("select count(*) from pg_index where indisprimary and indrelid in "
                          "(select oid from pg_class where relname like 'tb\\_%')").fetchone()
    assert keys == (len(names),)
    said = source.execute(
        "select co_ibge, dt_processamento::date from tb_dim_municipio, tb_relatorio_processamento "
        "where co_seq_dim_municipio = 2 order by dt_processamento desc limit 1"
    ).fetchone()
    assert said == ("2611606", DAY)


def sizes(conn: psycopg.Connection[Any]) -> list[int]:
    """The rows of each table of facts, the largest last."""
    names = [name for (name,) in conn.execute(TABLES, ["tb\\_fat\\_%"]).fetchall()]
    counted = sql.SQL(" union all ").join(
        sql.SQL("select count(*) from {}").format(sql.Identifier(name)) for name in names
    )
    return sorted(count for (count,) in conn.execute(counted).fetchall())


def test_twice_the_citizens_have_twice_the_rows(
    source: psycopg.Connection[Any], admin: Admin, server_url: str
) -> None:
    with empty(admin, server_url) as url:
        synthetic.make(url, citizens=2 * CITIZENS, day=DAY)
        with psycopg.connect(url) as conn:
            twice = sizes(conn)
    once = sizes(source)
    assert 1.9 < sum(twice) / sum(once) < 2.1
    assert 1.9 < twice[-1] / once[-1] < 2.1
    assert 20 < once[-1] / CITIZENS < 28


def test_every_dimension_begins_with_its_sentinel(source: psycopg.Connection[Any]) -> None:
    for (name,) in source.execute(TABLES, ["tb\\_dim\\_%"]).fetchall():
        if name != "tb_dim_tempo":
            first = source.execute(sql.SQL("select * from {} where {} = 1").format(
                sql.Identifier(name), sql.Identifier(name.replace("tb_", "co_seq_", 1))
            )).fetchone()
            assert first is not None, name
            assert "-" in first, name
    none = source.execute("select dt_registro from tb_dim_tempo order by 1 desc limit 1")
    assert none.fetchone() == (date(3000, 12, 31),)


@pytest.mark.parametrize(("table", "name", "sentinel"), [
    ("tb_fat_cidadao_pec", "co_dim_tempo_nascimento", 30001231),
    ("tb_fat_cidadao_pec", "co_dim_sexo", 1),
    ("tb_fat_cidadao_pec", "co_dim_equipe_vinc", 1),
    ("tb_fat_cad_individual", "co_dim_municipio", 1),
    ("tb_fat_atendimento_individual", "co_dim_tempo_dum", 30001231),
    ("tb_fat_atendimento_individual", "co_dim_equipe_2", 1),
    ("tb_fat_atd_ind_problemas", "co_dim_ciap", 1),
    ("tb_fat_atd_ind_problemas", "co_dim_cid", 1),
    ("tb_fat_atd_ind_procedimentos", "co_dim_procedimento_avaliado", 1),
    ("tb_fat_vacinacao_vacina", "co_dim_tempo_vacina_aplicada", 30001231),
])
def test_the_source_has_sentinels(
    source: psycopg.Connection[Any], table: str, name: str, sentinel: int
) -> None:
    found = source.execute(sql.SQL(
        "select count(*) filter (where {0} = %s), count(*) filter (where {0} <> %s) from {1}"
    ).format(sql.Identifier(name), sql.Identifier(table)), [sentinel, sentinel]).fetchone()
    assert found is not None
    assert all(found)


def test_no_number_is_a_persons(source: psycopg.Connection[Any]) -> None:
    numbers = source.execute("select nu_cpf_cidadao, nu_cns from tb_fat_cidadao_pec").fetchall()
    tax = [cpf for cpf, _ in numbers if cpf]
    cards = [cns for _, cns in numbers if cns]
    assert len(set(tax)) == len(tax) > CITIZENS * 0.85
    assert len(set(cards)) == len(cards) > CITIZENS * 0.9
    assert {len(cpf) for cpf in tax} == {11}
    assert {len(cns) for cns in cards} == {15}
    assert not [cpf for cpf in tax if check_digits(cpf[:9]) == cpf[9:]]
    assert not [
        cns for cns in cards
        if sum((15 - place) * int(digit) for place, digit in enumerate(cns)) % 11 == 0
    ]
    assert check_digits("111444777") == "35"


def check_digits(number: str) -> str:
    """The two check digits of a CPF."""
    for _ in range(2):
        last = len(number) + 1
        weighed = sum((last - place) * int(digit) for place, digit in enumerate(number))
        number += str(weighed * 10 % 11 % 10)
    return number[9:]


def test_there_are_the_five_lists() -> None:
    assert [each.name for each in EXAMPLES] == [
        "citopatologico", "diabeticos", "gestantes", "hipertensos", "vacinacao",
    ]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.name)
def test_a_list_can_be_published_and_has_its_key(
    source: psycopg.Connection[Any], example: synthetic.Example
) -> None:
    given = publication(example)
    publishing.check(given)
    assert len(given.columns) >= 40
    assert "dt_extracao" in example.volatile
    found = rows(source, example)
    assert found
    assert {len(row) for row in found} == {1 + len(given.columns)}
    keys = list(zip(*(column(example, found, name) for name in example.key), strict=True))
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.name)
def test_no_sentinel_reaches_a_list(
    source: psycopg.Connection[Any], example: synthetic.Example
) -> None:
    found = rows(source, example)
    assert not [row for row in found if SENTINELS & set(row[1:])]
    teams = column(example, found, "ine")
    assert len(teams) > teams.count("\\N")


def test_the_lists_have_the_citizens_they_say(source: psycopg.Connection[Any]) -> None:
    lists = {each.name: rows(source, each) for each in EXAMPLES}
    ages = [int(age) for age in column(
        named("citopatologico"), lists["citopatologico"], "idade"
    )]
    assert min(ages) >= 25
    assert max(ages) <= 64
    weeks = column(named("gestantes"), lists["gestantes"], "idade_gestacional")
    assert all(0 <= int(week) <= 42 for week in weeks)
    up_to_date = column(named("citopatologico"), lists["citopatologico"], "st_em_dia")
    assert 0.3 < up_to_date.count("t") / len(up_to_date) < 0.7
    shares = {name: len(found) / CITIZENS for name, found in lists.items()}
    assert 0.1 < shares["hipertensos"] < 0.25
    assert 0.03 < shares["diabeticos"] < 0.1
    assert 0.2 < shares["citopatologico"] < 0.35
    living = source.execute("select count(*) from tb_fat_cidadao_pec where st_faleceu = 0")
    assert (len(lists["vacinacao"]),) == living.fetchone()


def test_the_next_day_moves_hardly_a_row(source: psycopg.Connection[Any]) -> None:
    usual = named("vacinacao")
    first = rows(source, usual)
    with source.transaction(force_rollback=True):
        source.execute("insert into tb_relatorio_processamento values (61, %s)",
                       [DAY + timedelta(days=1)])
        second = rows(source, usual)
    known = {row[0] for row in first}
    assert column(usual, first, "dias_desde_dose") != column(usual, second, "dias_desde_dose")
    assert sum(row[0] not in known for row in second) <= 0.01 * len(second)
