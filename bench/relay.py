"""Lists from a site to the hub, over a link of a site's delay and bandwidth.

    python bench/relay.py [first usual …]      all of them unless named

Needs root, for the link (:mod:`link`). The floor is COPY from the source, over the same link, into
a plain table of the hub's database.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from urllib.parse import urlsplit

import psycopg

import fresh
import herd
import kills
import readers
import refusals
import sites
import transmitters
from link import Link
from platform_under_test import Running, say
from rights import admin_url
from sites import bare_copy, database, expire, publish, publish_wide, rows_here, sent, site, wide
from vazao.relay import synthetic

NEXT_DAY = """
insert into tb_relatorio_processamento
select max(co_seq_relatorio_processamento) + 1, max(dt_processamento) + interval '1 day', 1
from tb_relatorio_processamento
"""


def first(hub: Running) -> None:
    """A million rows of forty columns for the first time, at 30 ms and 100 Mbit/s."""
    source = wide(hub, 1_000_000)
    publish_wide(hub)
    with Link(100, 0.03) as link:
        at = urlsplit(hub.database_url)
        far = at._replace(netloc=f"{at.username}:{at.password}@{link.host}:{link.to(at.port or 0)}")
        floor = bare_copy(source, far.geturl())
        made = site(hub, source, f"http://{link.host}:{link.to(hub.port)}")
        seconds, memory = made.agent("once")
    assert rows_here(hub) == 1_000_000
    say("a million rows of 40 columns, agent start to current, against bare COPY over the link",
        "≤ 1.5 ×", seconds / floor, ok=seconds <= 1.5 * floor, seconds=round(seconds, 1),
        floor=round(floor, 1), bytes=sent(hub))
    say("memory of the agent", "≤ 80 MB", memory, ok=memory <= 80)
    shutil.rmtree(made.folder)


def once(rows: int) -> tuple[float, float]:
    """Seconds of the agent for so many rows, and its memory in MB."""
    with sites.hub() as hub, Link(100, 0.03) as link:
        publish_wide(hub)
        made = site(hub, wide(hub, rows), f"http://{link.host}:{link.to(hub.port)}")
        seconds, memory = made.agent("once")
        assert rows_here(hub) == rows
        shutil.rmtree(made.folder)
    return seconds, memory


def large(rows: int) -> None:
    """Ten times as many rows from one site."""
    (little, before), (much, after) = once(rows), once(10 * rows)
    share, more = much / little / 10, after / before
    say(f"{10 * rows:,} rows from one site against {rows:,}: time per row", "≤ 1.1 ×", share,
        ok=share <= 1.1, seconds=round(much, 1), of_the_fewer=round(little, 1))
    say("the same: memory of the agent", "≤ 1.1 ×", more, ok=more <= 1.1, megabytes=round(after),
        of_the_fewer=round(before))


def usual(hub: Running) -> None:
    """The usual list at 30 ms and 10 Mbit/s: new, unchanged, the next day, with 2 % changed."""
    source = database(hub)
    synthetic.make(source, citizens=50_400)
    (example,) = [each for each in synthetic.examples() if each.name == "vacinacao"]
    options = [word for name in example.volatile for word in ("--volatile", name)]
    publish(hub, example.name, example.text, "--key", ",".join(example.key), *options)
    with Link(10, 0.03) as link:
        made = site(hub, source, f"http://{link.host}:{link.to(hub.port)}")
        seconds, _ = made.agent("once")
        whole, rows = sent(hub), rows_here(hub)
        say("a usual list, source to reader, at 30 ms and 10 Mbit/s", "≤ 15 s", seconds,
            ok=seconds <= 15, rows=rows, bytes=whole)
        for what, most, statements in (
            ("the same list again, unchanged", 0.005, ()),
            ("the next day: days since …, and birthdays", 0.005, (NEXT_DAY,)),
            ("with 2 % changed", 0.04,
             ("update tb_fat_cidadao_pec set no_cidadao = no_cidadao || ' Novo' "
              "where co_seq_fat_cidadao_pec % 50 = 0",)),
        ):
            made.change(*statements)
            expire(hub)
            made.agent("once")
            share = sent(hub) / whole
            say(f"{what}: bytes against the first time", f"≤ {most:.1%}", share, ok=share <= most)
    shutil.rmtree(made.folder)


def logged(hub: Running, work: Callable[[], object]) -> float:
    """Bytes that *work* writes into the log, full-page images left out."""
    with psycopg.connect(admin_url(hub.folder), autocommit=True) as conn:
        conn.execute("create extension if not exists pg_walinspect")
        conn.execute("checkpoint")
        (before,) = conn.execute("select pg_current_wal_insert_lsn()").fetchone() or ("",)
        work()
        (after,) = conn.execute("select pg_current_wal_insert_lsn()").fetchone() or ("",)
        row = conn.execute(
            "select sum(record_size)::float8 from pg_get_wal_stats(%s, %s)", [before, after]
        ).fetchone()
    return float(row[0]) if row else 0.0


def log(hub: Running) -> None:
    """The log of 200,000 new rows and of as many changed ones, against COPY of the same."""
    rows = 200_000
    source = wide(hub, rows)
    publish_wide(hub)
    floor = logged(hub, lambda: bare_copy(source, hub.database_url)) / rows
    made = site(hub, source, hub.address)
    added = logged(hub, lambda: made.agent("once")) / rows
    made.change("update wide set c2 = c2 + 1")
    expire(hub)
    changed = logged(hub, lambda: made.agent("once")) / rows
    say("log of a new row against COPY", "≤ 1.2 ×", added / floor, ok=added <= 1.2 * floor,
        bytes=round(added), floor=round(floor))
    say("log of a changed row against COPY", "≤ 2 ×", changed / floor, ok=changed <= 2 * floor,
        bytes=round(changed))
    shutil.rmtree(made.folder)


def with_hub(part: Callable[[Running], None]) -> None:
    """Measure with a hub of its own."""
    with sites.hub() as hub:
        part(hub)


PARTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "first": lambda _: with_hub(first),
    "usual": lambda _: with_hub(usual),
    "log": lambda _: with_hub(log),
    "large": lambda given: large(given.rows),
    "herd": lambda given: herd.herd(given.agents, given.brings),
    "rivals": lambda given: transmitters.rivals(given.rows),
    "readers": lambda _: readers.readers(),
    "kills": lambda given: kills.kills(given.tries),
    "fresh": lambda _: fresh.fresh(),
    "refused": lambda _: refusals.refused(),
}


def main() -> None:
    """Measure the named parts, or all; each with a hub of its own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--agents", type=int, default=500, help="of the herd (%(default)s)")
    parser.add_argument("--brings", type=int, default=20_000,
                        help="rows that each of them brings (%(default)s)")
    parser.add_argument("--rows", type=int, default=1_000_000,
                        help="of rivals and large (%(default)s); of large also ten times so many")
    parser.add_argument("--tries", type=int, default=30, help="of kills (%(default)s)")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"there is no part {unknown.pop()}")
    for name in given.parts or PARTS:
        PARTS[name](given)


if __name__ == "__main__":
    main()
