"""One client with very much to do, and one with little; through a real server, over HTTP."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import numpy as np
import psutil

import sheets
from platform_under_test import Running, median, say, send, up

GIGABYTE = 10**9
CHUNK = 1 << 20
WHALE_BYTES = 5 * GIGABYTE
IMAGES = 2_000
MINNOW_BYTES = 1_000_000
TURNS = 3
TUS = {"Tus-Resumable": "1.0.0"}


def block(seed: int = 1, size: int = 8 << 20) -> bytes:
    """About *size* bytes of numbers of one to ten digits, a line each."""
    rng = np.random.default_rng(seed)
    count = size // 6
    values = rng.integers(0, 10 ** rng.integers(1, 11, count))
    return ("\n".join(map(str, values.tolist())) + "\n").encode()


class Body:
    """A body of *size* bytes, made of one block again and again; knows when its last byte left."""

    def __init__(self, size: int, piece: bytes) -> None:
        self.repeats = size // len(piece)
        self.size = self.repeats * len(piece)
        self.piece = piece
        self.sent_at = 0.0

    def __iter__(self) -> Iterator[bytes]:
        view = memoryview(self.piece)
        for _ in range(self.repeats):
            for at in range(0, len(self.piece), CHUNK):
                yield bytes(view[at:at + CHUNK])
        self.sent_at = time.perf_counter()


def client_of(running: Running, token: str) -> httpx2.Client:
    """A client of that organization."""
    headers = {"Authorization": f"Bearer {token}"}
    return httpx2.Client(base_url=running.address, headers=headers, timeout=900)


def ask_sum(client: httpx2.Client, body: Body) -> str:
    """Send a file of numbers; the task's token."""
    headers = {"Content-Type": "text/plain", "Content-Length": str(body.size)}
    answer = client.post("/sum-even", content=iter(body), headers=headers)
    answer.raise_for_status()
    return str(answer.json()["token"])


def wait(client: httpx2.Client, path: str, every: float = 0.005) -> dict[str, object]:
    """A root route's status once it has ended."""
    while True:
        shown = client.get(path).json()
        if shown["status"] == "finished":
            return shown
        assert shown["status"] != "errored", shown
        time.sleep(every)


class Memory:
    """The highest memory of each of our processes (PSS), sampled every 50 ms."""

    def __init__(self, running: Running) -> None:
        root = psutil.Process(running.process.pid)
        self.family = [
            p for p in (root, *root.children(recursive=True)) if "postgres" not in p.name()
        ]
        self.idle = {p.pid: self._of(p) for p in self.family}
        self.peak = dict(self.idle)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    @staticmethod
    def _of(process: psutil.Process) -> float:
        try:
            return process.memory_full_info().pss / 1e6
        except psutil.Error:
            return 0.0

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            for process in self.family:
                self.peak[process.pid] = max(self.peak[process.pid], self._of(process))

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def five(size: int = WHALE_BYTES) -> None:
    """Five gigabytes: how soon after the last byte the sum is there, against storing alone."""
    piece = block()
    after, whole, stored = [], [], []
    with up() as running:
        _, token = running.organization("whale")
        client = client_of(running, token)
        ask = ask_sum(client, Body(64 << 20, piece))
        wait(client, f"/sum-even/{ask}/status")
        time.sleep(2)
        with Memory(running) as memory:
            for _ in range(TURNS):
                stored.append(_store(client, Body(size, piece)))
                body = Body(size, piece)
                began = time.perf_counter()
                ask = ask_sum(client, body)
                wait(client, f"/sum-even/{ask}/status")
                client.get(f"/sum-even/{ask}/result").raise_for_status()
                ended = time.perf_counter()
                after.append(ended - body.sent_at)
                whole.append(ended - began)
    gigabytes = size / GIGABYTE
    say(f"{gigabytes:g} GB of numbers by HTTP: from the last byte to the sum", "≤ 1 s",
        median(after), ok=median(after) <= 1, after=after)
    ratio = median([a / b for a, b in zip(whole, stored, strict=True)])
    say(f"{gigabytes:g} GB of numbers by HTTP: whole time", "≤ 1.15 × merely storing it", ratio,
        ok=ratio <= 1.15, whole=whole, stored=stored)
    more = max(memory.peak[p] - memory.idle[p] for p in memory.peak)
    most = max(memory.peak.values())
    say(f"{gigabytes:g} GB of numbers by HTTP: peak memory of any process", "≤ 250 MB, idle + 100",
        most, ok=most <= 250 and more <= 100, more_than_idle=more, peaks=list(memory.peak.values()),
        idle=list(memory.idle.values()))


def _store(client: httpx2.Client, body: Body) -> float:
    """Seconds that storing the same upload takes, nothing else; it is removed again."""
    made = client.post("/files", headers=TUS | {"Upload-Length": str(body.size)})
    made.raise_for_status()
    place = made.headers["location"]
    headers = TUS | {
        "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream",
        "Content-Length": str(body.size),
    }
    began = time.perf_counter()
    client.patch(place, content=iter(body), headers=headers).raise_for_status()
    seconds = time.perf_counter() - began
    client.delete(place, headers=TUS).raise_for_status()
    time.sleep(2)
    return seconds


def picture(side: int = 400) -> bytes:
    """A PNG that does not compress to nothing."""
    import io

    from PIL import Image

    noise = np.random.default_rng(3).integers(0, 64, (side, side, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "PNG")
    return out.getvalue()


def whale(running: Running, token: str, sheet: Path, size: int) -> float:
    """Seconds from the whale's first request until all that it asked for is done."""
    began = time.perf_counter()
    image = picture()
    with client_of(running, token) as client, ThreadPoolExecutor(4) as pool:
        def shuffle(_: int) -> None:
            answer = client.post("/randomize", content=image, headers={"Content-Type": "image/png"})
            answer.raise_for_status()

        send(client, sheet)
        sums = pool.submit(ask_sum, client, Body(size, block()))
        list(pool.map(shuffle, range(IMAGES)))
        sums.result()
        while client.get("/v1/jobs", params={"status": "queued", "limit": 1}).json()["items"] or (
            client.get("/v1/jobs", params={"status": "running", "limit": 1}).json()["items"]
        ):
            time.sleep(0.2)
    return time.perf_counter() - began


class Minnow:
    """Sends one sum of a megabyte a second until told to stop; its lead times in milliseconds."""

    def __init__(self, running: Running, token: str) -> None:
        self.times: list[float] = []
        self._running = running
        self._token = token
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._swim)

    def __enter__(self) -> Minnow:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _swim(self) -> None:
        piece = block(2, MINNOW_BYTES)
        with client_of(self._running, self._token) as client:
            while not self._stop.wait(1.0):
                token = ask_sum(client, Body(len(piece), piece))
                shown = wait(client, f"/sum-even/{token}/status", every=0.02)
                self.times.append(1000 * float(str(shown["lead_time_seconds"])))


def minnow(size: int = WHALE_BYTES) -> None:
    """A small client beside a very large one."""
    with up() as running:
        _, large = running.organization("whale")
        _, little = running.organization("minnow")
        with Minnow(running, little) as warm:
            time.sleep(8)
        del warm
        with Minnow(running, little) as alone:
            time.sleep(45)
        without, beside = [], []
        times: list[float] = []
        for turn in range(2):
            for together in (False, True):
                sheet = running.folder / f"whale{turn}{together}.csv"
                sheets.sheet_csv(sheet, (2 * turn + together) * 300_000, 300_000, seed=turn + 3)
                if not together:
                    without.append(whale(running, large, sheet, size))
                    continue
                with Minnow(running, little) as swimming:
                    beside.append(whale(running, large, sheet, size))
                times += swimming.times
    p50 = median(times) - median(alone.times)
    p99 = statistics.quantiles(times, n=100)[98] - statistics.quantiles(alone.times, n=100)[98]
    say("a small client's lead time beside a very large one's work, p50", "≤ alone + 60 ms", p50,
        ok=p50 <= 60, alone=median(alone.times), beside=median(times), sums=len(times))
    say("a small client's lead time beside a very large one's work, p99", "≤ alone + 500 ms", p99,
        ok=p99 <= 500, alone_most=max(alone.times), beside_most=max(times))
    ratio = median(beside) / median(without)
    say("the very large one's total time", "≤ 1.1 × without the small one", ratio,
        ok=ratio <= 1.1, without=without, beside=beside)
