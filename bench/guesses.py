"""Whether the time of a refused sign-in tells that the name exists."""

from __future__ import annotations

import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import numpy as np

from platform_under_test import free_port, say
from served import HERE, Served, wait_for

TRIES = 2_000
AT_ONCE = 4
LOW, HIGH = 0.47, 0.53


def vargha_delaney(first: list[float], second: list[float]) -> float:
    """How often one of *first* is longer than one of *second*; 0.5: they are alike."""
    both = np.argsort(np.argsort(np.concatenate([first, second]), kind="stable")) + 1
    ranks = both[: len(first)].sum()
    n, m = len(first), len(second)
    return float((ranks / n - (n + 1) / 2) / m)


def tries(port: int, workers: int, offset: int) -> float:
    """A over so many tries of known and unknown names, each name and address once, in no order."""
    asked = [(n, known) for n in range(TRIES) for known in (True, False)]
    random.Random(7).shuffle(asked)
    took: dict[bool, list[float]] = {True: [], False: []}
    local = threading.local()

    def one(given: tuple[int, bool]) -> None:
        n, known = given
        client = getattr(local, "client", None)
        if client is None:
            client = local.client = httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)
        place = offset + 2 * n + known
        headers = {"X-Forwarded-For": f"10.{place >> 16}.{place >> 8 & 255}.{place & 255}"}
        # Names beside those that exist: people guess what others may be called.
        name = f"user{place}" if known else f"user{place}x"
        began = time.perf_counter()
        answer = client.post(
            "/v1/sessions", json={"username": name, "password": "a guess"}, headers=headers
        )
        took[known].append(time.perf_counter() - began)
        assert answer.status_code == 401, answer.text

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(one, asked))
    return vargha_delaney(took[True], took[False])


def timing(made: Served) -> None:
    """Idle, under load, and with a planted leak that must be found."""
    settings = {"VAZAO_TRUSTED_PROXIES": "127.0.0.1"}
    port = made.web(**settings)
    wait_for(port)
    for name, workers, offset in (("idle", 1, 0), ("under load", AT_ONCE, 10_000)):
        found = tries(port, workers, offset)
        say(f"known against unknown names, {name} (Vargha-Delaney A)", "0.47 to 0.53", found,
            ok=LOW <= found <= HIGH, tries=TRIES)
    leaky = free_port()
    made.start([sys.executable, str(HERE / "leaky.py")], made.environment(leaky, **settings))
    wait_for(leaky)
    found = tries(leaky, 1, 20_000)
    say("the same measure with a planted leak of 5 ms", "outside", found,
        ok=not LOW <= found <= HIGH)
    made.stop()
